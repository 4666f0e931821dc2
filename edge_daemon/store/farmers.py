"""The people: a number, a language, and a pseudonym by which the gateway knows them and nobody else.

The pseudonym is HMAC-SHA-256 (RFC 2104) of the number under a key that is made here, at random, and never leaves this
file. Without the key the few possible numbers cannot be tried out against it.

Whoever is erased leaves a row without a number, so that the counts of the past stay right. A wish for no more SMS
outlives the number: then it is kept under the pseudonym.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from typing import Any

from edge_daemon.clock import Now
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.traces import words

KEY_BYTES = 32
PSEUDONYM_DIGITS = 16
"""Hexadecimal, 64 bits: short on the wire, and two of a kiosk's farmers hardly ever share one."""
ERASED = "erased"
"""With its row's number this stands where a farmer's number was."""
_TEXTED = " FROM diagnosis WHERE id IN (SELECT diagnosis_id FROM outbox WHERE farmer_id = ?)"
_SHARED = f" FROM consent WHERE visit_id IN (SELECT visit_id{_TEXTED})"
_OF_FARMER = {
    "visits": "SELECT count(DISTINCT visit_id)" + _TEXTED,
    "photos": "SELECT count(photo)" + _TEXTED,
    "sms": "SELECT count(*) FROM outbox WHERE farmer_id = ?",
    "questions": "SELECT count(*) FROM question WHERE farmer_id = ?",
    "pictures": "SELECT count(outbox_id)" + _SHARED,
    "answers": "SELECT count(*) FROM answer JOIN question ON question.id = question_id WHERE farmer_id = ?",
}
_PDUS = (
    "SELECT count(*) FROM inbound_part WHERE instr(upper(pdu), ?)",
    "SELECT count(*) FROM inbound_broken WHERE instr(upper(pdu || ' ' || why), ?)",
)


def rows_of(db: sqlite3.Connection) -> RowsFunction:
    """Reads within a transaction."""
    return lambda statement, values: db.execute(statement, values).fetchall()


class Farmers:
    """Who gets SMS. Made by Store."""

    def __init__(self, rows: RowsFunction, write: WriteFunction, now: Now) -> None:
        self._rows = rows
        self._write = write
        self._now = now

    def note(self, db: sqlite3.Connection, number: str, language: str) -> tuple[int, int | None]:
        """Within a transaction: the farmer of a number (E.164), made if need be, who uses this language.

        The number of the row, and whether they get texts by national tables (None: as the kiosk does).
        """
        now = self._now().utc.isoformat()
        id, tables = db.execute(
            "INSERT INTO farmer (number, language, since, seen_at, pseudonym) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (number) DO UPDATE SET language = excluded.language, seen_at = excluded.seen_at,"
            " pseudonym = excluded.pseudonym RETURNING id, national_tables",
            (number, language, now, self.seen(), self.pseudonym(db, number)),
        ).fetchone()
        return int(id), tables

    def seen(self) -> str:
        """For seen_at, when a farmer was here or wrote: now, "" where the clock may be wrong.

        A clock that is years behind must not make anybody look as if they had been away for years.
        """
        now = self._now()
        return now.utc.isoformat() if now.clock == "synced" else ""

    def pseudonym(self, db: sqlite3.Connection, number: str) -> str:
        """Within a transaction: what the gateway knows a number by."""
        db.execute("INSERT OR IGNORE INTO secret VALUES ('pseudonym', ?)", (secrets.token_bytes(KEY_BYTES),))
        return self._pseudonym(rows_of(db), number) or ""

    def has_opted_out(self, rows: RowsFunction, number: str) -> bool:
        """Whether this number wants no more SMS."""
        return bool(
            rows("SELECT 1 FROM opt_out WHERE number IN (?, ?)", (number, self._pseudonym(rows, number) or number))
        )

    def knows_notice(self, number: str) -> bool:
        """Whether an SMS has told this number what it is used for."""
        return bool(self._rows("SELECT 1 FROM farmer WHERE number = ? AND notice_at IS NOT NULL", (number,)))

    def agree(self, number: str, language: str, notice: str) -> None:
        """A number was given below this notice on the screen; notice: its id."""

        def work(db: sqlite3.Connection) -> None:
            id, _ = self.note(db, number, language)
            db.execute("UPDATE farmer SET notice_by = ? WHERE id = ?", (notice, id))

        self._write(work)

    def find(self, number: str) -> dict[str, Any] | None:
        """What is known of a number, as plain data; None for nothing."""
        rows = self._rows("SELECT * FROM farmer WHERE number = ?", (number,))
        return dict(rows[0]) if rows else None

    def held(self, number: str) -> dict[str, Any]:
        """What the kiosk holds of a number (E.164): since, language, notices, whether it is opted out, and counts."""
        found = self.find(number) or {}
        about = {key: found.get(key) for key in ("since", "seen_at", "language", "notice_at", "notice_by")}
        counts = {key: self._count(statement, (found.get("id"),)) for key, statement in _OF_FARMER.items()}
        counts["inbound"] = self._count("SELECT count(*) FROM inbound WHERE number = ?", (number,))
        hexadecimal = [word.decode() for word in words(number)[1:]]
        counts["pdus"] = sum(self._count(statement, (word,)) for statement in _PDUS for word in hexadecimal)
        return {**about, "opted_out": self.has_opted_out(self._rows, number), **counts}

    def _count(self, statement: str, values: tuple[object, ...]) -> int:
        (row,) = self._rows(statement, values)
        return int(row[0])

    def _pseudonym(self, rows: RowsFunction, number: str) -> str | None:
        """None where no key was ever made: then nothing is under a pseudonym."""
        found = rows("SELECT value FROM secret WHERE name = 'pseudonym'", ())
        if not found:
            return None
        key = bytes(found[0]["value"])  # never remembered: a transaction that is undone takes its new key with it
        return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_DIGITS]
