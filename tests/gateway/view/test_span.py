"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.span import BadTime, Span, read_span, read_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795608000", 1_795_608_000),
        ("0", 0),
        ("2026-11-25", 1_795_564_800),
        ("2026-11-25T12:00:00Z", 1_795_608_000),
        ("2026-11-25T17:30:00+05:30", 1_795_608_000),
        ("2026-11-25 12:00", 1_795_608_000),
    ],
)
def test_a_time_is_read(text: str, seconds: int) -> None:
    assert read_time("since", text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "25.11.2026", "2026-13-01", "-5", "1e9", "9" * 13, "2026-11-25T25:00"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadTime, match="until: "):
        read_time("until", text)


@given(st.integers(0, 200_000_000_000), st.integers(-840, 840))
def test_every_time_of_iso_8601_is_the_moment_that_it_names(seconds: int, minutes: int) -> None:
    there = datetime.fromtimestamp(seconds, UTC).astimezone(timezone(timedelta(minutes=minutes)))
    assert read_time("since", there.isoformat()) == seconds


def test_a_span_ends_after_it_begins() -> None:
    assert read_span("5", None) == Span(5, None)
    with pytest.raises(BadTime, match="before it begins"):
        read_span("5", "5")
