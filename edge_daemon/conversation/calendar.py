"""Which day it is, for questions that wait for days: a clock that jumps must neither ask all of them nor none.

A clock that becomes "synced" is believed. One that is "synced" and then jumps, against the time that has passed by the
monotonic clock, is not, until it has held for a day, or has jumped back: a network that told a wrong time once.
"""

from __future__ import annotations

from datetime import timedelta

from edge_daemon.clock import Instant

JUMP = timedelta(hours=1)
"""What a clock may be put right by without doubt: a drift, a summer time."""
HOLD_S = 24 * 3600.0


class Calendar:
    """Judges the times that it is shown; it has none of its own."""

    def __init__(self) -> None:
        self._last: tuple[Instant, float] | None = None
        self._jumped: timedelta = timedelta()
        self._doubted_s: float | None = None

    def judge(self, now: Instant, clock_s: float) -> Instant:
        """The time, "unsure" while it is in doubt. clock_s: of the clock that does not jump."""
        if self._last is not None and self._last[0].clock == now.clock == "synced":
            self._compare(now, clock_s, *self._last)
        self._last = now, clock_s
        if self._doubted_s is not None and clock_s - self._doubted_s >= HOLD_S:
            self._doubted_s, self._jumped = None, timedelta()
        return now if self._doubted_s is None else Instant(now.utc, "unsure")

    def _compare(self, now: Instant, clock_s: float, last: Instant, last_s: float) -> None:
        jump = now.utc - last.utc - timedelta(seconds=clock_s - last_s)
        if abs(jump) <= JUMP:
            return
        self._jumped += jump
        self._doubted_s = clock_s if abs(self._jumped) > JUMP else None
        if self._doubted_s is None:
            self._jumped = timedelta()
