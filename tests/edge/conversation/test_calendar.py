"""Which day it is: what a clock may do and be believed, and for how long it is doubted after a jump."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clock import Instant
from edge_daemon.conversation.calendar import HOLD_S, JUMP, Calendar
from edge_daemon.diagnosis import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR_S = 3600.0
YEAR_H = 365 * 24.0


@dataclass(frozen=True)
class Look:
    """After so many hours the clock is so many hours off the true time. believed: what the calendar makes of it."""

    after_h: float
    off_h: float
    believed: bool
    clock: Clock = "synced"


STORIES = {
    "a clock that runs right": [Look(0, 0, True), Look(1, 0, True), Look(1000, 0, True)],
    "one that is set at last": [Look(0, -YEAR_H, False, "unsure"), Look(5, 0, True)],
    "one that was lost between": [Look(0, 0, True), Look(1, -30, False, "unsure"), Look(1, 0, True)],
    "one that is set to another time after it was lost": [
        Look(0, 0, True),
        Look(1, 0, False, "unsure"),
        Look(1, YEAR_H, True),
    ],
    "a drift": [Look(0, 0, True), Look(500, 0.9, True), Look(500, 1.8, True), Look(500, 0.9, True)],
    "a summer time": [Look(0, 0, True), Look(1, 1, True), Look(1, 0, True)],
    "a jump ahead that holds": [
        Look(0, 0, True),
        Look(1, YEAR_H, False),
        Look(23.9, YEAR_H, False),
        Look(0.1, YEAR_H, True),
        Look(1, YEAR_H, True),
    ],
    "a jump back that holds": [Look(0, 0, True), Look(1, -2, False), Look(23.9, -2, False), Look(0.1, -2, True)],
    "a jump and back": [Look(0, 0, True), Look(1, YEAR_H, False), Look(1, 0, True), Look(1, 0, True)],
    "a jump and nearly back": [Look(0, 0, True), Look(1, YEAR_H, False), Look(1, 0.5, True)],
    "a jump and half way back": [
        Look(0, 0, True),
        Look(1, 10, False),
        Look(20, 5, False),
        Look(23.9, 5, False),
        Look(0.2, 5, True),
    ],
    "a jump, a doubt, another jump": [
        Look(0, 0, True),
        Look(1, 10, False),
        Look(23, 20, False),
        Look(23, 20, False),
        Look(1, 20, True),
    ],
    "two jumps and both back": [
        Look(0, 0, True),
        Look(1, 10, False),
        Look(1, 30, False),
        Look(1, 10, False),
        Look(1, 0, True),
    ],
    "a jump that was believed, then the right time": [
        Look(0, 0, True),
        Look(1, 10, False),
        Look(24, 10, True),
        Look(1, 0, False),
        Look(24, 0, True),
    ],
    "a doubted clock that is lost and found": [
        Look(0, 0, True),
        Look(1, 10, False),
        Look(1, 10, False, "unsure"),
        Look(1, 10, False),
        Look(22, 10, True),
    ],
    "an unsure clock that jumps": [
        Look(0, 0, False, "unsure"),
        Look(1, YEAR_H, False, "unsure"),
        Look(1, YEAR_H, True),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_a_clock_does_and_whether_it_is_believed(story: list[Look]) -> None:
    calendar, at_s = Calendar(), 0.0
    for look in story:
        at_s += look.after_h * HOUR_S
        told = Instant(NOON + timedelta(seconds=at_s, hours=look.off_h), look.clock)
        judged = calendar.judge(told, at_s)
        assert judged == Instant(told.utc, "synced" if look.believed else "unsure"), look


@pytest.mark.parametrize(("jump", "believed"), [(JUMP, True), (JUMP + timedelta(seconds=1), False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_hour_is_no_jump_and_a_second_more_is_one(jump: timedelta, believed: bool, sign: int) -> None:
    calendar = Calendar()
    calendar.judge(Instant(NOON, "synced"), 0.0)
    assert (calendar.judge(Instant(NOON + sign * jump, "synced"), 0.0).clock == "synced") is believed


def test_looking_twice_at_the_same_time_changes_nothing() -> None:
    calendar = Calendar()
    calendar.judge(Instant(NOON, "synced"), 0.0)
    for _ in range(3):
        assert calendar.judge(Instant(NOON + timedelta(days=9), "synced"), 1.0).clock == "unsure"


steps = st.lists(
    st.tuples(st.floats(0, 48), st.floats(-10_000, 10_000), st.sampled_from(["synced", "unsure"])), max_size=20
)


@given(steps)
def test_no_clock_stays_in_doubt_for_more_than_a_day_of_holding(history: list[tuple[float, float, Clock]]) -> None:
    calendar, at_s, off_h = Calendar(), 0.0, 0.0
    for after_h, off_h, clock in history:
        at_s += after_h * HOUR_S
        judged = calendar.judge(Instant(NOON + timedelta(seconds=at_s, hours=off_h), clock), at_s)
        assert judged.utc == NOON + timedelta(seconds=at_s, hours=off_h)
        assert clock == "synced" or judged.clock == "unsure"
    for waited_s in (0.0, HOLD_S + 1):
        at_s += waited_s
        last = calendar.judge(Instant(NOON + timedelta(seconds=at_s, hours=off_h), "synced"), at_s)
    assert last.clock == "synced"
