"""The time that the network gives a modem, as AT+CCLK? tells it. No I/O.

Source: 3GPP TS 27.007 (8.15 AT+CCLK: local time, and its distance from UTC in quarters of an hour).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

YEARS = range(2026, 2069)
"""Before a network has set it, a modem's clock stands in 1970, 1980 or 2004, as it pleases its maker; its two digits
name no century."""

_CLOCK = re.compile(r'"?(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d{1,2})"?')


def read_clock(said: str) -> datetime | None:
    """The moment, UTC. None where no network can have set it: no zone, a moment that is none, a year long ago."""
    found = _CLOCK.fullmatch(said.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, quarters = map(int, found.groups())
    try:
        zone = timezone(timedelta(minutes=15 * quarters))
        utc = datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None
    return utc if utc.year in YEARS else None
