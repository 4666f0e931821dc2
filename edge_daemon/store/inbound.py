"""SMS that came in: committed before the modem may delete them, put together across restarts, each given out once.

Rules kept here:
- what the network sends is kept as it came until its message is given out; a restart loses no part;
- a part that comes a second time, as after a crash between our commit and the modem's deletion, is dropped;
- a message that waits too long for a part is given out with a mark. How long it has waited, the clock says once, when
  this process first knows it, and from then on a clock that does not jump: a clock that is put right, by the network's
  time perhaps, tears no message apart, and one that is put back delays none;
- every table is bounded: of what was dealt with, of what was not (then somebody is told), of broken PDUs.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from edge_daemon.clock import Now
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.reading import Held, Reading, Together, Unreadable

MOST_KEPT = 10_000
MOST_SEEN = 2_000
"""Parts that are known again when the network sends them a second time."""
MOST_BROKEN = 100
LONGEST_PDU = 1024
"""Of a broken PDU so many characters are kept; a whole one has at most 176 octets (3GPP TS 23.040, 9.2.2.1)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A message as it came in. missing: the numbers of its parts that never came, from 1."""

    id: int
    number: str = field(repr=False)
    text: str = field(repr=False)
    missing: tuple[int, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a PDU. messages: those that are given out now; mostly one, or none."""

    outcome: Literal["message", "part", "duplicate", "broken"]
    messages: tuple[InboundSms, ...] = ()


class Inbound:
    """The messages that came in. Made by Store."""

    def __init__(
        self,
        rows: RowsFunction,
        write: WriteFunction,
        reading: Reading,
        now: Now,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._write = write
        self._reading = reading
        self._now = now
        self._clock_s = clock_s
        self._came_s: dict[int, float] = {}
        """When each part came, on the clock that does not jump."""

    def take(self, pdu: str) -> Taken:
        """Keep a PDU (SMS-DELIVER in hexadecimal, with its service centre). Once this returns, the modem may delete it.

        Raises StateError; then nothing was kept, and the modem must not delete it.
        """
        heard = self._reading.deliver(pdu)
        if isinstance(heard, Unreadable):
            why = heard.why
            self._write(lambda db: self.keep_aside(db, pdu, why))
            return Taken("broken")
        fingerprint = heard.fingerprint

        def work(db: sqlite3.Connection) -> Taken:
            if fingerprint is not None and not _is_new(db, fingerprint):
                return Taken("duplicate")
            db.execute("INSERT INTO inbound_part (pdu, received_at) VALUES (?, ?)", (pdu, self._now().utc.isoformat()))
            messages, dropped = self._give_out(db)
            outcome: Literal["message", "part", "duplicate"] = "duplicate" if dropped else "part"
            return Taken("message" if messages else outcome, messages)

        return self._write(work)

    def overdue(self) -> tuple[InboundSms, ...]:
        """Give out the messages that have waited too long for a part. Ask at intervals."""
        if not self._rows("SELECT 1 FROM inbound_part LIMIT 1", ()):
            return ()
        return self._write(lambda db: self._give_out(db)[0])

    def new(self, limit: int = 100) -> list[InboundSms]:
        """What nobody has dealt with, oldest first."""
        return [
            _inbound(row)
            for row in self._rows("SELECT * FROM inbound WHERE state = 'new' ORDER BY id LIMIT ?", (limit,))
        ]

    def done(self, message: InboundSms) -> None:
        """It was dealt with."""
        self._write(lambda db: db.execute("UPDATE inbound SET state = 'done' WHERE id = ?", (message.id,)))

    def name(self, message: InboundSms, number: str) -> None:
        """The network named its sender in another form; in E.164 it is theirs, and is erased with them."""
        self._write(lambda db: db.execute("UPDATE inbound SET number = ? WHERE id = ?", (number, message.id)))

    def newest(self, limit: int) -> list[sqlite3.Row]:
        """The newest messages, as rows, for a person to look at."""
        return self._rows("SELECT * FROM inbound ORDER BY id DESC LIMIT ?", (limit,))

    def broken(self, limit: int = MOST_BROKEN) -> list[sqlite3.Row]:
        """The newest PDUs that broke the standard, as rows: pdu, why, received_at."""
        return self._rows("SELECT * FROM inbound_broken ORDER BY id DESC LIMIT ?", (limit,))

    def keep_aside(self, db: sqlite3.Connection, pdu: str, why: str) -> None:
        """Within a transaction: keep a PDU that breaks the standard, for somebody to look into."""
        kept = db.execute(
            "INSERT INTO inbound_broken (pdu, why, received_at) VALUES (?, ?, ?)",
            (pdu[:LONGEST_PDU], why, self._now().utc.isoformat()),
        ).lastrowid
        db.execute("DELETE FROM inbound_broken WHERE id <= ?", ((kept or 0) - MOST_BROKEN,))
        log.warning(
            "A PDU of %d characters from the network breaks the standard. It is kept aside: "
            "`krishi-kiosk sms list --broken` tells of it.",
            len(pdu),
        )

    def _give_out(self, db: sqlite3.Connection) -> tuple[tuple[InboundSms, ...], list[int]]:
        """Move what is complete, or overdue, from the parts to the messages; and the parts that were of no use."""
        held = self._held(db)
        pdus = {part.id: part.pdu for part in held}
        together, dropped = self._reading.put_together(held)
        messages = tuple(self._keep(db, message, [pdus[id] for id in message.ids]) for message in together)
        settled = [*dropped, *(id for message in together for id in message.ids)]
        db.executemany("DELETE FROM inbound_part WHERE id = ?", [(id,) for id in settled])
        return messages, dropped

    def _held(self, db: sqlite3.Connection) -> list[Held]:
        now, now_s = self._now().utc, self._clock_s()
        rows = db.execute("SELECT * FROM inbound_part ORDER BY id").fetchall()
        known = self._came_s
        self._came_s = {
            row["id"]: known.get(row["id"], now_s - _seconds_since(row["received_at"], now)) for row in rows
        }
        return [Held(row["id"], row["pdu"], now_s - self._came_s[row["id"]]) for row in rows]

    def _keep(self, db: sqlite3.Connection, message: Together, pdus: list[str]) -> InboundSms:
        now = self._now()
        id = db.execute(
            "INSERT INTO inbound (number, body, missing, sent_at, received_at, clock, pdus)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                message.number,
                message.text,
                json.dumps(message.missing),
                message.sent_at,
                now.utc.isoformat(),
                now.clock,
                "\n".join(pdus),
            ),
        ).lastrowid
        _keep_to_bound(db)
        return InboundSms(id or 0, message.number, message.text, message.missing, now.utc)


def _is_new(db: sqlite3.Connection, fingerprint: str) -> bool:
    """Whether a part was never seen; then it is remembered."""
    if db.execute("SELECT 1 FROM inbound_seen WHERE fingerprint = ?", (fingerprint,)).fetchone():
        return False
    seen = db.execute("INSERT INTO inbound_seen (fingerprint) VALUES (?)", (fingerprint,)).lastrowid
    db.execute("DELETE FROM inbound_seen WHERE id <= ?", ((seen or 0) - MOST_SEEN,))
    return True


def _keep_to_bound(db: sqlite3.Connection) -> None:
    """What was dealt with goes first, the oldest of it."""
    (count,) = db.execute("SELECT count(*) FROM inbound").fetchone()
    if count <= MOST_KEPT:
        return
    (state,) = db.execute("SELECT state FROM inbound ORDER BY state = 'new', id LIMIT 1").fetchone()
    if state == "new":
        log.warning("%d SMS came in and nobody dealt with them: the oldest is dropped.", count)
    db.execute("DELETE FROM inbound WHERE id IN (SELECT id FROM inbound ORDER BY state = 'new', id LIMIT 1)")


def _seconds_since(text: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(text)).total_seconds())


def _inbound(row: sqlite3.Row) -> InboundSms:
    received_at = datetime.fromisoformat(row["received_at"])
    return InboundSms(row["id"], row["number"], row["body"], tuple(json.loads(row["missing"])), received_at)
