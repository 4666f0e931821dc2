"""What time it is, and whether to believe it: a Raspberry Pi has no clock of its own.

Times are facts to record, never deadlines: waiting is done on the monotonic clock, so that a clock that jumps by a
year delays nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
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


def system_now() -> Instant:
    """The system's time, "synced" where the time service says that it has set it since the start."""
    return Instant(datetime.now(UTC), "synced" if SYNCHRONISED.exists() else "unsure")
