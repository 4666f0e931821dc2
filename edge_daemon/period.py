"""A period of whole days by the village's clock, and the same in the store's time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge_daemon.errors import BadPeriod

WEEK = timedelta(days=7)
FIRST, LAST = date(2000, 1, 1), date(2199, 12, 31)
"""No kiosk was there before, and none is after; times beyond these would not sort as text."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of `since` to the beginning of `until`, which is no part of it any more. None: no end.

    Raises BadPeriod.
    """

    since: date | None
    until: date | None
    zone: ZoneInfo

    def __post_init__(self) -> None:
        for day in (self.since, self.until):
            if day is not None and not FIRST <= day <= LAST:
                raise BadPeriod(f"{day} is not a day from {FIRST} to {LAST}.")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise BadPeriod(
                f"The period ends before it begins: since {self.since}, until {self.until}. The day of `until` is no "
                "part of it any more."
            )

    def bounds(self) -> tuple[str, str]:
        """Its ends as ISO 8601 in UTC; the second is no part of it."""
        return self._midnight(self.since or FIRST), self._midnight(self.until or LAST)

    def _midnight(self, day: date) -> str:
        return datetime.combine(day, time(), self.zone).astimezone(UTC).isoformat()


def read_period(zone: ZoneInfo, today: date, week: bool, since: str | None, until: str | None) -> Period:
    """What was asked for. week: today and the six days before it. today: by the zone's clock. Raises BadPeriod."""
    if week and (since or until):
        raise BadPeriod("A week is the last 7 days: give it without since and until.")
    if week:
        tomorrow = today + timedelta(days=1)
        return Period(tomorrow - WEEK, tomorrow, zone)
    return Period(_day("since", since), _day("until", until), zone)


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise BadPeriod(f"{name}: {text!r} is not a day. Write it as 2026-11-23.")
    return day
