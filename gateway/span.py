"""From when to when: what somebody who asks for reports writes, as whole seconds since 1970-01-01 UTC. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.errors import BadRequest

_SECONDS = re.compile(r"[0-9]{1,12}")


class BadTime(BadRequest):
    """Not a day, a time or seconds since 1970; or a span that ends before it begins."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` until before `until`. None: no end on that side. Raises BadTime."""

    since: int | None = None
    until: int | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise BadTime(
                f"The time ends before it begins: since {self.since}, until {self.until}. Change one of them."
            )


ALWAYS = Span()


def read_span(since: str | None, until: str | None) -> Span:
    """Both ends as they were written. Raises BadTime."""
    return Span(
        None if since is None else read_time("since", since), None if until is None else read_time("until", until)
    )


def read_time(name: str, text: str) -> int:
    """A day ("2026-11-23", its beginning) or a time of ISO 8601, UTC unless it says otherwise; or seconds since 1970.

    Raises BadTime, which calls it `name`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        time = datetime.fromisoformat(text)
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as why:
        raise BadTime(
            f"{name}: {text[:40]!r} is no time. Write 2026-11-23, 2026-11-23T06:30:00+05:30, or seconds since 1970."
        ) from why
