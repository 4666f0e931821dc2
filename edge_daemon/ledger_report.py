"""Once a day the gateway is told what became of the advices and the questions about them. No number goes along.

A row that changes later is told again, so that a report may be lost or come twice: see edge_daemon.store.told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from edge_daemon.conversation.plan import is_control
from edge_daemon.exchange import Entry
from edge_daemon.wire import codec
from edge_daemon.wire.messages import MOST_ROWS, LedgerReport, LedgerRow

MOST_A_DAY = 25
"""Reports: 1000 rows, some 60 kB. What is more waits for tomorrow."""
MOST_WAITING = 250
"""Reports that are still to go: above this the rows wait in the ledger, which loses nothing."""


class Told(Protocol):
    """What the gateway knows: edge_daemon.store.told.Told."""

    def changed(self, limit: int) -> list[Entry]: ...
    def tell(self, entries: Sequence[Entry], body: bytes) -> None: ...
    def reports_within_a_day(self, now: datetime) -> int: ...
    def reports_waiting(self) -> int: ...
    def forget_delivered(self, now: datetime) -> None: ...


def tell_gateway(told: Told, kiosk: str, control_percent: int, now: datetime) -> int:
    """Queue what the gateway has to be told; how many reports that took. now: by a clock that is right.

    control_percent: of all farmers, as [conversation] says. Raises StateError.
    """
    told.forget_delivered(now)
    room = min(MOST_A_DAY - told.reports_within_a_day(now), MOST_WAITING - told.reports_waiting())
    entries = told.changed(max(0, room) * MOST_ROWS)
    batches = [entries[start : start + MOST_ROWS] for start in range(0, len(entries), MOST_ROWS)]
    for batch in batches:
        told.tell(batch, codec.encode(report(kiosk, batch, control_percent, now)))
    return len(batches)


def report(kiosk: str, entries: Sequence[Entry], control_percent: int, now: datetime) -> LedgerReport:
    """What the gateway is told of these rows, MOST_ROWS at most."""
    return LedgerReport(kiosk=kiosk, at=_seconds(now), rows=tuple(_row(entry, control_percent) for entry in entries))


def _row(entry: Entry, control_percent: int) -> LedgerRow:
    return LedgerRow(
        kind=entry.kind,
        row=entry.row,
        farmer=entry.pseudonym,
        diagnosis=entry.diagnosis,
        label=entry.label,
        language=entry.language,
        template=entry.template,
        control=is_control(entry.pseudonym, control_percent) if entry.pseudonym else None,
        state=entry.state,
        begun_at=_seconds(entry.begun_at),
        sent_at=None if entry.sent_at is None else _seconds(entry.sent_at),
        ended_at=None if entry.ended_at is None else _seconds(entry.ended_at),
        parts=entry.parts,
        options=entry.options,
        right=entry.right,
        answer=entry.answer,
        late=entry.late,
    )


def _seconds(time: datetime) -> int:
    return int(time.timestamp())
