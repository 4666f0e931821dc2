"""What time it is, and whether to believe it: a Raspberry Pi has no clock of its own.

Where no time service has set the system's clock, the gateway's time is taken, as it stands in each acknowledgement, or
the telephone network's, once the modem has it: a kiosk without internet knows the day all the same. The system's clock
itself stays as it is, for a program that may set it.

Times are facts to record, never deadlines: waiting is done on the monotonic clock, so that a clock that jumps by a
year delays nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from edge_daemon.diagnosis import Clock

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file when it has set the clock (systemd-timesyncd.service(8))."""


class Instant(NamedTuple):
    """A time in UTC, and whether the clock was known to be right."""

    utc: datetime
    clock: Clock


Now = Callable[[], Instant]


class ToldTime:
    """The time that somebody told last, carried on by the monotonic clock."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._told: tuple[datetime, float] | None = None

    def offer(self, utc: datetime) -> None:
        """It is now `utc`, they say."""
        self._told = utc, self._clock_s()

    def forget(self) -> None:
        """As at the start."""
        self._told = None

    def now(self) -> datetime | None:
        """The time now, UTC, None if none was told since the start."""
        if self._told is None:
            return None
        utc, at_s = self._told
        return utc + timedelta(seconds=self._clock_s() - at_s)


NETWORK_TIME = ToldTime()
"""Of the telephone network. Some networks tell a wrong one, or a wrong zone."""
GATEWAY_TIME = ToldTime()
"""Of the gateway, which is a server with a time service. Both are of this process, as the system's clock is."""


def system_clock_is_set() -> bool:
    """Whether a time service has set the system's own clock: the one that TLS, say, goes by."""
    return SYNCHRONISED.exists()


def system_now() -> Instant:
    """The system's time where the time service has set it since the start, else the gateway's, else the network's.

    These are "synced". Else the system's all the same, "unsure".
    """
    if system_clock_is_set():
        return Instant(datetime.now(UTC), "synced")
    told = GATEWAY_TIME.now() or NETWORK_TIME.now()
    return Instant(datetime.now(UTC), "unsure") if told is None else Instant(told, "synced")
