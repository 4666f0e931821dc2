"""When the camera's program may be begun again: at once after the first trouble, then ever later, never too often.

A camera that fails at each start must not keep a small computer busy starting it. Pure: the caller has the clock.
"""

from __future__ import annotations

from collections import deque

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
STARTS_A_MINUTE = 10
MINUTE_S = 60.0


class Restarts:
    """Counts starts and troubles. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._starts: deque[float] = deque(maxlen=STARTS_A_MINUTE)
        self._troubles = 0
        self._not_before = 0.0

    def wait_s(self, now: float) -> float:
        """How long until the next start is allowed; 0: now."""
        full = len(self._starts) == STARTS_A_MINUTE
        not_before = max(self._not_before, self._starts[0] + MINUTE_S) if full else self._not_before
        return max(0.0, not_before - now)

    def started(self, now: float) -> None:
        """A start was begun."""
        self._starts.append(now)

    def trouble(self, now: float) -> None:
        """It failed, at the start or later. The first time may be chance: the next start may follow at once."""
        self._troubles = min(self._troubles + 1, 16)
        wait_s = min(FIRST_WAIT_S * 2 ** (self._troubles - 2), LONGEST_WAIT_S) if self._troubles > 1 else 0.0
        self._not_before = now + wait_s

    def photo(self) -> None:
        """A whole photo came: the camera has recovered."""
        self._troubles = 0
