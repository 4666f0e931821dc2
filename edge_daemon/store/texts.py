"""Texts to telephones: queued at the door, looked at, sent again; and who wants no more of them."""

from __future__ import annotations

import sqlite3
from typing import Any

from edge_daemon.clock import Now
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import E164, Kind, Sms
from edge_daemon.errors import BadTelephone, BadText, NoSuchSms, OptedOut, Refused
from edge_daemon.sms_policy import check_text, parts_at_most
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.sms_outbox import OPTED_OUT, CountParts, SmsOutbox, read_sms

MOST_KEPT = 50_000
"""SMS that came to rest are forgotten after so many more messages: some years of a busy kiosk."""


class Texts:
    """The SMS that go out, whichever way they take. Made by Store. ways: their outboxes, which are woken."""

    def __init__(
        self,
        rows: RowsFunction,
        write: WriteFunction,
        now: Now,
        rules: SmsRules,
        count_parts: CountParts,
        ways: tuple[SmsOutbox, ...],
    ) -> None:
        self._rows = rows
        self._write = write
        self._now = now
        self._rules = rules
        self._count_parts = count_parts
        self._ways = ways

    def queue(
        self, number: str, language: str, text: str, kind: Kind, diagnosis: str | None = None, *, flash: bool = False
    ) -> Sms:
        """Queue a text to a number that was checked. For one diagnosis (its id) and number, each kind goes once.

        Asked again, it is the message of the first time; one that was parked is tried anew. To whoever wants no more
        SMS, only a CONFIRMATION goes. flash: shown at once and not kept. Raises BadTelephone, BadText, OptedOut.
        """
        if not E164.fullmatch(number) and number not in self._rules.allowed_numbers:
            raise BadTelephone("No SMS goes to a short number or a name that [sms] allowed_numbers does not hold.")
        check_text(text, self._parts_of(text), self._rules)

        def work(db: sqlite3.Connection) -> int:
            _refuse_opted_out(db, number, kind)
            since = self._now().utc.isoformat()
            farmer, tables = db.execute(
                "INSERT INTO farmer (number, language, since) VALUES (?, ?, ?)"
                " ON CONFLICT (number) DO UPDATE SET language = excluded.language RETURNING id, national_tables",
                (number, language, since),
            ).fetchone()
            known = _known(db, diagnosis, farmer, kind)
            if known is None:
                shift = self._rules.national_tables if tables is None else (language,) if tables else ()
                return self._insert(db, diagnosis, farmer, text, kind, flash, shift)
            if known["state"] == "parked":
                self._ways[0].anew(db, known["id"])
            return int(known["id"])

        id = self._write(work)
        self._wake()
        (row,) = self._rows(
            "SELECT outbox.*, number, 0 AS parts_sent FROM outbox JOIN farmer ON farmer.id = farmer_id"
            " WHERE outbox.id = ?",
            (id,),
        )
        return read_sms(row)

    def resend(self, id: int) -> None:
        """Send a message again that was parked or has gone. Raises NoSuchSms, OptedOut."""

        def work(db: sqlite3.Connection) -> None:
            row = db.execute(
                "SELECT state, kind, number FROM outbox JOIN farmer ON farmer.id = farmer_id WHERE outbox.id = ?", (id,)
            ).fetchone()
            if row is None:
                raise NoSuchSms(f"There is no SMS {id}. `krishi-kiosk sms list` shows those that there are.")
            if row["state"] in {"waiting", "sending"}:
                raise NoSuchSms(f"SMS {id} is still {row['state']}. It goes by itself.")
            _refuse_opted_out(db, row["number"], Kind(row["kind"]))
            self._ways[0].anew(db, id)

        self._write(work)
        self._wake()

    def opt_out(self, number: str) -> int:
        """From now on nothing goes to this number (E.164), and what waits for it is parked; for good, or until opt_in.

        The one thing that it may still get is a CONFIRMATION. How many were parked.
        """
        now = self._now().utc.isoformat()

        def work(db: sqlite3.Connection) -> int:
            db.execute("INSERT OR IGNORE INTO opt_out VALUES (?, ?)", (number, now))
            return db.execute(
                "UPDATE outbox SET state = 'parked', why = ?, changed_at = ? WHERE channel = 'sms'"
                " AND state = 'waiting' AND kind != 'confirmation'"
                " AND farmer_id = (SELECT id FROM farmer WHERE number = ?)",
                (OPTED_OUT, now, number),
            ).rowcount

        return self._write(work)

    def opt_in(self, number: str) -> None:
        """Whoever has this number (E.164) wants SMS again. What was parked meanwhile stays so."""
        self._write(lambda db: db.execute("DELETE FROM opt_out WHERE number = ?", (number,)))

    def use_national_tables(self, number: str, language: str, wanted: bool | None) -> None:
        """Whether this farmer (E.164) gets texts by the national tables of their language; None: as the kiosk does."""
        value = None if wanted is None else int(wanted)
        row = (number, language, self._now().utc.isoformat(), value)
        self._write(
            lambda db: db.execute(
                "INSERT INTO farmer (number, language, since, national_tables) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (number) DO UPDATE SET national_tables = excluded.national_tables",
                row,
            )
        )

    def has_opted_out(self, number: str) -> bool:
        """Whether this number (E.164) wants no more SMS."""
        return bool(self._rows("SELECT 1 FROM opt_out WHERE number = ?", (number,)))

    def newest(self, limit: int = 50, id: int | None = None, state: str | None = None) -> list[dict[str, Any]]:
        """The newest SMS as plain data, the newest first; with the number, which the caller must mask.

        id, state: only those. flash: shown at once and not kept; shift: languages whose national tables may be used.
        """
        rows = self._rows(
            "SELECT outbox.id, number, kind, state, attempts, why, body AS text, not_after, queued_at,"
            " changed_at, sent_at, flash, shift,"
            " (SELECT count(*) FROM sms_part WHERE outbox_id = outbox.id) AS parts_sent,"
            " (SELECT count(*) FROM sms_part WHERE outbox_id = outbox.id AND outcome = 'delivered') AS parts_delivered"
            " FROM outbox JOIN farmer ON farmer.id = farmer_id WHERE channel = 'sms'"
            " AND outbox.id = ifnull(?, outbox.id) AND state = ifnull(?, state) ORDER BY outbox.id DESC LIMIT ?",
            (id, state, limit),
        )
        return [
            {**dict(row), "text": row["text"].decode(), "flash": bool(row["flash"]), "shift": row["shift"].split()}
            for row in rows
        ]

    def parts(self, id: int) -> list[dict[str, Any]]:
        """The parts of an SMS that the network took, as plain data: part, modem_reference, sent_at, outcome, why."""
        return [
            dict(row)
            for row in self._rows(
                "SELECT part, modem_reference, sent_at, outcome, why, reported_at FROM sms_part WHERE outbox_id = ?",
                (id,),
            )
        ]

    def _parts_of(self, text: str) -> int:
        """The exact number is asked for only where it matters: it takes longer than all else here."""
        most = parts_at_most(text)
        try:
            text.encode()
            return most if most <= self._rules.most_parts else self._count_parts(text)
        except UnicodeEncodeError as why:
            raise BadText(f"Character {why.start + 1} is half a surrogate pair. Correct the text.") from why
        except Refused as why:
            raise BadText(str(why)) from why

    def _insert(
        self,
        db: sqlite3.Connection,
        diagnosis: str | None,
        farmer: int,
        text: str,
        kind: Kind,
        flash: bool,
        shift: tuple[str, ...],
    ) -> int:
        now = self._now().utc.isoformat()
        (id,) = db.execute(
            "INSERT INTO outbox"
            " (channel, kind, rank, diagnosis_id, farmer_id, body, not_after, queued_at, changed_at, flash, shift)"
            " VALUES ('sms', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                *(kind, kind.rank, diagnosis, farmer, text.encode(), self._ways[0].not_after(kind), now, now),
                *(int(flash), " ".join(shift)),
            ),
        ).fetchone()
        _forget_old(db, int(id) - MOST_KEPT)
        return int(id)

    def _wake(self) -> None:
        for way in self._ways:
            way.wake()


def _forget_old(db: sqlite3.Connection, last: int) -> None:
    """What came to rest, up to this row."""
    old = db.execute(
        "SELECT id FROM outbox WHERE channel = 'sms' AND id <= ? AND state IN ('sent', 'delivered', 'parked')", (last,)
    ).fetchall()
    for statement in ("DELETE FROM sms_part WHERE outbox_id = ?", "DELETE FROM outbox WHERE id = ?"):
        db.executemany(statement, [(id,) for (id,) in old])


def _refuse_opted_out(db: sqlite3.Connection, number: str, kind: Kind) -> None:
    if kind is not Kind.CONFIRMATION and db.execute("SELECT 1 FROM opt_out WHERE number = ?", (number,)).fetchone():
        raise OptedOut("Whoever has this number wants no more SMS, so none was queued. They can ask for SMS again.")


def _known(db: sqlite3.Connection, diagnosis: str | None, farmer: int, kind: Kind) -> sqlite3.Row | None:
    """The message of this kind for this diagnosis and farmer, if there is one."""
    row: sqlite3.Row | None = db.execute(
        "SELECT id, state FROM outbox WHERE channel = 'sms' AND kind = ? AND diagnosis_id = ? AND farmer_id = ?",
        (kind, diagnosis, farmer),
    ).fetchone()
    return row
