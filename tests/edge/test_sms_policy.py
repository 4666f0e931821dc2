"""The rules of [sms]."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Kind, Sms
from edge_daemon.modem import alphabet
from edge_daemon.sms_policy import Spent, is_quiet, parts_at_most, why_held

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""In India."""


def sms(kind: Kind) -> Sms:
    return Sms(1, "+919812345678", "x", 1, kind=kind)


@pytest.mark.parametrize(
    ("local", "quiet"),
    [("19:59", False), ("20:00", True), ("23:59", True), ("00:00", True), ("07:59", True), ("08:00", False)],
)
def test_the_night_is_told_by_the_village_s_clock(local: str, quiet: bool) -> None:
    india = timedelta(hours=5, minutes=30)
    utc = datetime.combine(NOON.date(), time.fromisoformat(local), UTC) - india
    assert is_quiet(utc, SmsRules()) is quiet


def test_equal_ends_are_no_quiet_hours() -> None:
    assert not is_quiet(NOON, SmsRules(quiet_from=time(12), quiet_until=time(12)))


@pytest.mark.parametrize(
    ("kind", "parts", "day", "held"),
    [
        (Kind.ANSWER, 2, 98, False),
        (Kind.ANSWER, 2, 99, True),
        (Kind.REPLY, 1, 99, False),
        (Kind.FOLLOW_UP, 1, 69, False),
        (Kind.FOLLOW_UP, 1, 70, True),
    ],
)
def test_follow_ups_leave_some_for_answers(kind: Kind, parts: int, day: int, held: bool) -> None:
    assert (why_held(sms(kind), parts, Spent(day), NOON, SmsRules()) is not None) is held


def test_what_is_larger_than_any_day_goes_when_nothing_else_has() -> None:
    rules = SmsRules(daily_parts=2, minute_parts=1)
    assert why_held(sms(Kind.ANSWER), 3, Spent(), NOON, rules) is None
    assert why_held(sms(Kind.ANSWER), 3, Spent(1, 0), NOON, rules) is not None


def test_a_day_that_is_all_kept_for_answers_has_no_follow_ups() -> None:
    assert why_held(sms(Kind.FOLLOW_UP), 1, Spent(), NOON, SmsRules(daily_parts=20)) is not None


def test_no_limits() -> None:
    rules = SmsRules(daily_parts=0, minute_parts=0)
    assert why_held(sms(Kind.ANSWER), 9, Spent(10**6, 10**6), NOON, rules) is None


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_the_worst_case_is_not_exceeded(text: str) -> None:
    assert alphabet.count_parts(text) <= parts_at_most(text) + 1
