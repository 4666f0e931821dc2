"""Texts to telephones: queued at the door, looked at, sent again; and who wants no more of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from edge_daemon.clock import Now
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import E164, Kind, Sms
from edge_daemon.errors import BadTelephone, BadText, NoSuchSms, OptedOut, Refused
from edge_daemon.sms_policy import check_text, parts_at_most
from edge_daemon.store.consents import withdraw
from edge_daemon.store.farmers import ERASED, Farmers, rows_of
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.sms_outbox import OPTED_OUT, CountParts, SmsOutbox, read_sms

MOST_KEPT = 50_000
"""SMS that came to rest are forgotten after so many more messages: some years of a busy kiosk."""

STOPPED, STARTED = "stopped", "started"
"""The templates that confirm what a farmer wants."""
OVERTAKEN = "its farmer has asked for the opposite since"


@dataclass(frozen=True, slots=True)
class Label:
    """What the ledger says of a text. template: the key of its wording; notice: it says what the number is used for."""

    template: str = ""
    notice: bool = False


NO_LABEL = Label()


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
        farmers: Farmers,
    ) -> None:
        self._rows = rows
        self._write = write
        self._now = now
        self._rules = rules
        self._count_parts = count_parts
        self._ways = ways
        self.farmers = farmers

    def queue(
        self,
        number: str,
        language: str,
        text: str,
        kind: Kind,
        diagnosis: str | None = None,
        *,
        flash: bool = False,
        label: Label = NO_LABEL,
    ) -> Sms:
        """Queue a text to a number that was checked. For one diagnosis (its id) and number, each kind goes once.

        Asked again, it is the message of the first time; one that was parked is tried anew. To whoever wants no more
        SMS, only a CONFIRMATION goes. flash: shown at once and not kept. label: for the ledger. Raises BadTelephone,
        BadText, OptedOut.
        """
        self.check(number, text)

        def work(db: sqlite3.Connection) -> int:
            return self.queue_within(db, number, language, text, kind, diagnosis, flash=flash, label=label)

        id = self._write(work)
        self.wake()
        (row,) = self._rows(
            "SELECT outbox.*, number, 0 AS parts_sent FROM outbox JOIN farmer ON farmer.id = farmer_id"
            " WHERE outbox.id = ?",
            (id,),
        )
        return read_sms(row)

    def check(self, number: str, text: str) -> None:
        """Raises BadTelephone, BadText for what no SMS can be."""
        if not E164.fullmatch(number) and number not in self._rules.allowed_numbers:
            raise BadTelephone("No SMS goes to a short number or a name that [sms] allowed_numbers does not hold.")
        check_text(text, self._parts_of(text), self._rules)

    def queue_within(
        self,
        db: sqlite3.Connection,
        number: str,
        language: str,
        text: str,
        kind: Kind,
        diagnosis: str | None = None,
        *,
        flash: bool = False,
        label: Label = NO_LABEL,
    ) -> int:
        """As queue, within a transaction, for what was checked: the number of its row. Call wake() after it."""
        self.refuse_opted_out(db, number, kind)
        farmer, tables = self.farmers.note(db, number, language)
        known = _known(db, diagnosis, farmer, kind)
        if known is None:
            shift = self._rules.national_tables if tables is None else (language,) if tables else ()
            id = self._insert(db, diagnosis, farmer, text, kind, flash, shift)
            db.execute(
                "UPDATE outbox SET template = ?, language = ?, notice = ? WHERE id = ?",
                (label.template, language, int(label.notice), id),
            )
            return id
        if known["state"] == "parked":
            self._ways[0].anew(db, known["id"])
        return int(known["id"])

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
            if row["number"].startswith(ERASED):
                raise NoSuchSms(f"SMS {id} was to a farmer who is erased. It cannot be sent again.")
            self.refuse_opted_out(db, row["number"], Kind(row["kind"]))
            self._ways[0].anew(db, id)

        self._write(work)
        self.wake()

    def opt_out(self, number: str) -> int:
        """From now on nothing goes to this number (E.164), and what waits for it is parked; for good, or until opt_in.

        A picture of their leaf that waits to be sent is removed too: they want no more to do with it.
        The one thing that it may still get is a CONFIRMATION. How many were parked.
        """
        return self._write(lambda db: self.opt_out_within(db, number))

    def opt_out_within(self, db: sqlite3.Connection, number: str) -> int:
        """As opt_out, within a transaction."""
        now = self._now().utc.isoformat()
        db.execute("INSERT OR IGNORE INTO opt_out VALUES (?, ?)", (number, now))
        self._overtake(db, number, STARTED)
        db.execute(
            "UPDATE question SET state = 'cancelled', why = ?, changed_at = ? WHERE state = 'planned'"
            " AND farmer_id = (SELECT id FROM farmer WHERE number = ?)",
            (OPTED_OUT, now, number),
        )
        for farmer in db.execute("SELECT id FROM farmer WHERE number = ?", (number,)).fetchall():
            withdraw(db, farmer["id"], OPTED_OUT, now)
        return db.execute(
            "UPDATE outbox SET state = 'parked', why = ?, changed_at = ? WHERE channel = 'sms'"
            " AND state = 'waiting' AND kind != 'confirmation'"
            " AND farmer_id = (SELECT id FROM farmer WHERE number = ?)",
            (OPTED_OUT, now, number),
        ).rowcount

    def opt_in(self, number: str) -> None:
        """Whoever has this number (E.164) wants SMS again. What was parked meanwhile stays so."""
        self._write(lambda db: self.opt_in_within(db, number))

    def opt_in_within(self, db: sqlite3.Connection, number: str) -> None:
        """As opt_in, within a transaction."""
        db.execute("DELETE FROM opt_out WHERE number IN (?, ?)", (number, self.farmers.pseudonym(db, number)))
        self._overtake(db, number, STOPPED)

    def _overtake(self, db: sqlite3.Connection, number: str, template: str) -> None:
        """A confirmation that still waits is not true any more."""
        db.execute(
            "UPDATE outbox SET state = 'parked', why = ?, changed_at = ? WHERE channel = 'sms' AND state = 'waiting'"
            " AND kind = 'confirmation' AND template = ? AND farmer_id = (SELECT id FROM farmer WHERE number = ?)",
            (OVERTAKEN, self._now().utc.isoformat(), template, number),
        )

    def use_national_tables(self, number: str, language: str, wanted: bool | None) -> None:
        """Whether this farmer (E.164) gets texts by the national tables of their language; None: as the kiosk does."""
        value = None if wanted is None else int(wanted)

        def work(db: sqlite3.Connection) -> None:
            row = db.execute("SELECT id FROM farmer WHERE number = ?", (number,)).fetchone()
            farmer = row[0] if row else self.farmers.note(db, number, language)[0]
            db.execute("UPDATE farmer SET national_tables = ? WHERE id = ?", (value, farmer))

        self._write(work)

    def has_opted_out(self, number: str) -> bool:
        """Whether this number (E.164) wants no more SMS."""
        return self.farmers.has_opted_out(self._rows, number)

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

    def refuse_opted_out(self, db: sqlite3.Connection, number: str, kind: Kind) -> None:
        """Within a transaction. Raises OptedOut."""
        if kind is not Kind.CONFIRMATION and self.farmers.has_opted_out(rows_of(db), number):
            raise OptedOut("Whoever has this number wants no more SMS, so none was queued. They can ask for SMS again.")

    def wake(self) -> None:
        """Something was queued: the ways out look now."""
        for way in self._ways:
            way.wake()


def _forget_old(db: sqlite3.Connection, last: int) -> None:
    """What came to rest, up to this row."""
    old = db.execute(
        "SELECT id FROM outbox WHERE channel = 'sms' AND id <= ? AND state IN ('sent', 'delivered', 'parked')", (last,)
    ).fetchall()
    for statement in ("DELETE FROM sms_part WHERE outbox_id = ?", "DELETE FROM outbox WHERE id = ?"):
        db.executemany(statement, [(id,) for (id,) in old])


def _known(db: sqlite3.Connection, diagnosis: str | None, farmer: int, kind: Kind) -> sqlite3.Row | None:
    """The message of this kind for this diagnosis and farmer, if there is one."""
    row: sqlite3.Row | None = db.execute(
        "SELECT id, state FROM outbox WHERE channel = 'sms' AND kind = ? AND diagnosis_id = ? AND farmer_id = ?",
        (kind, diagnosis, farmer),
    ).fetchone()
    return row
