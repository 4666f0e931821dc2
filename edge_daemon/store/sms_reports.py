"""What the network reports of parts that it took: a message is delivered when all its parts are.

A report may be here before the part that it is about is written down as sent; such a one is kept for a while.
"""

from __future__ import annotations

import functools
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from edge_daemon.clock import Now
from edge_daemon.store.outbox import WriteFunction
from edge_daemon.store.reading import Outcome, Reading, SentPart, Unreadable

Reported = Literal["delivered", "trying", "failed", "unconfirmed", "unknown", "broken"]
"""What a report says of a part of ours; "unknown": it is about none of them; "broken": it breaks the standard."""

LOOKED_AT = 50
"""Of the parts with a report's reference, the newest so many are looked at: one in 256 parts has it."""
EARLY_S = 60.0
MOST_EARLY = 32
"""Reports that came before their part was written down are kept for so long, and so many of them."""

_PARTS = (
    "SELECT outbox_id, part, number, modem_reference, outcome FROM sms_part JOIN outbox ON outbox.id = outbox_id"
    " JOIN farmer ON farmer.id = farmer_id WHERE modem_reference = ? ORDER BY outbox_id DESC, part DESC LIMIT ?"
)
_BECOMES = {"delivered": "delivered", "failed": "parked"}
"""What a message becomes, once it was sent whole."""


class SmsReports:
    """Matches reports to parts. Made by Store. aside: keeps a PDU that breaks the standard."""

    def __init__(
        self,
        write: WriteFunction,
        reading: Reading,
        now: Now,
        aside: Callable[[sqlite3.Connection, str, str], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._reading = reading
        self._now = now
        self._aside = aside
        self._clock_s = clock_s
        self._early: deque[tuple[float, int, str]] = deque(maxlen=MOST_EARLY)

    def take(self, pdu: str) -> Reported:
        """Write down what a report says. It may be acknowledged, or deleted, once this has returned."""
        reference = self._reading.reference(pdu)
        if isinstance(reference, Unreadable):
            why = reference.why
            self._write(lambda db: self._aside(db, pdu, why))
            return "broken"
        reported = self._write(lambda db: self._match(db, reference, pdu))
        if reported == "unknown":
            self._early.append((self._clock_s(), reference, pdu))
        return reported

    def after_part(self, reference: int) -> None:
        """A part with this reference was written down: a report on it may be here already."""
        since = self._clock_s() - EARLY_S
        self._early = deque((early for early in self._early if early[0] >= since), MOST_EARLY)
        for early in [early for early in self._early if early[1] == reference]:
            if self._write(functools.partial(self._match, reference=reference, pdu=early[2])) != "unknown":
                self._early.remove(early)

    def _match(self, db: sqlite3.Connection, reference: int, pdu: str) -> Reported:
        rows = db.execute(_PARTS, (reference, LOOKED_AT)).fetchall()
        report = self._reading.report(pdu, [_part_of(row) for row in reversed(rows)])
        if report.sent is None:
            return "unknown"
        db.execute(
            "UPDATE sms_part SET outcome = ?, why = ?, reported_at = ? WHERE outbox_id = ? AND part = ?",
            (report.outcome, report.why, self._now().utc.isoformat(), report.sent.message, report.sent.part),
        )
        self.settle(db, report.sent.message)
        return report.outcome

    def settle(self, db: sqlite3.Connection, id: int) -> None:
        """Within a transaction: bring a message that was sent whole to where its parts are."""
        parts = db.execute("SELECT outcome, why FROM sms_part WHERE outbox_id = ? ORDER BY part", (id,)).fetchall()
        became = self._reading.of_message([part["outcome"] for part in parts])
        if became is None:
            return
        now = self._now().utc.isoformat()
        why = next((part["why"] for part in parts if part["outcome"] == became), None)
        db.execute(
            "UPDATE outbox SET state = ?, why = ?, changed_at = ?,"
            " delivered_at = CASE WHEN ? = 'delivered' THEN ifnull(delivered_at, ?) END"
            " WHERE id = ? AND sent_at IS NOT NULL",
            (_BECOMES.get(became, "sent"), _sentence(became, why), now, became, now, id),
        )


def _sentence(became: Outcome, why: str | None) -> str | None:
    return None if became == "delivered" else f"the network reports: {why}"


def _part_of(row: sqlite3.Row) -> SentPart:
    return SentPart(row["outbox_id"], row["part"], row["number"], row["modem_reference"], row["outcome"])
