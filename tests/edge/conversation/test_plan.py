"""When to ask what, and whom not: days by urgency, the control group, and the halves of an experiment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.config import Conversation
from edge_daemon.conversation.plan import LATEST, Plan, is_control, variant
from edge_daemon.diagnosis import Candidate
from edge_daemon.exchange import Planned, Topic

MANY = [f"{number:016x}" for number in range(20_000)]
SPREAD = 0.02
"""Of 20,000 fair draws no share is further from its mean than this: more than five standard deviations."""
URGENCIES = {"rice/blast": "high", "rice/brown_spot": "medium", "rice/tungro": "low"}


def planned(label: str = "rice/blast", pseudonym: str = MANY[0], **rules: Any) -> list[Planned]:
    plan = Plan(Conversation.model_validate({"control_percent": 0, **rules}), URGENCIES.get)
    return list(plan.questions(Candidate(label, 0.9), pseudonym))


@pytest.mark.parametrize(
    ("label", "days"),
    [
        ("rice/blast", [("recall_3", 3), ("help", 5), ("recall_14", 14)]),
        ("rice/brown_spot", [("recall_3", 3), ("help", 7), ("recall_14", 14)]),
        ("rice/tungro", [("recall_3", 3), ("help", 10), ("recall_14", 14)]),
    ],
)
def test_the_more_urgent_an_advice_the_sooner_its_question(label: str, days: list[tuple[str, int]]) -> None:
    assert planned(label) == [Planned(Topic(topic), timedelta(days=after)) for topic, after in days]


def test_the_configuration_sets_the_days() -> None:
    for label, key in (
        ("rice/blast", "help_days_high"),
        ("rice/brown_spot", "help_days_medium"),
        ("rice/tungro", "help_days_low"),
    ):
        rules: Any = {key: 1.5}
        (asked,) = [each for each in planned(label, **rules) if each.topic is Topic.HELP]
        assert asked.after == timedelta(days=1.5)


def test_the_questions_stand_in_the_order_in_which_they_are_asked() -> None:
    topics = [each.topic for each in planned("rice/tungro", help_days_low=20)]
    assert topics == [Topic.RECALL_3, Topic.RECALL_14, Topic.HELP]


def test_of_a_healthy_leaf_or_an_unknown_label_nothing_is_asked() -> None:
    assert planned("rice/healthy") == []


def test_no_follow_ups_means_none_at_all() -> None:
    assert planned(follow_ups=False) == []


def test_the_control_group_is_asked_for_help_and_gets_no_quiz() -> None:
    assert [each.topic for each in planned(control_percent=100)] == [Topic.HELP]
    for pseudonym in MANY[:500]:
        quiz = any(each.topic.is_recall for each in planned(pseudonym=pseudonym, control_percent=30))
        assert quiz is not is_control(pseudonym, 30)


def test_a_share_of_none_or_all_is_just_that() -> None:
    assert not any(is_control(pseudonym, 0) for pseudonym in MANY)
    assert all(is_control(pseudonym, 100) for pseudonym in MANY)


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_about_the_share_that_is_set_is_in_the_control_group(percent: int) -> None:
    share = sum(is_control(pseudonym, percent) for pseudonym in MANY) / len(MANY)
    assert abs(share - percent / 100) < SPREAD


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_share_holds_the_smaller_one(pseudonym: str, one: int, other: int) -> None:
    assert is_control(pseudonym, min(one, other)) <= is_control(pseudonym, max(one, other))


def test_each_wording_goes_to_about_half_whatever_the_control_group() -> None:
    halves = {pseudonym: variant(pseudonym, "plainer") for pseudonym in MANY}
    for group in (MANY, [each for each in MANY if is_control(each, 30)]):
        share = sum(halves[each] == "a" for each in group) / len(group)
        assert abs(share - 0.5) < 2 * SPREAD


def test_two_experiments_are_dealt_apart() -> None:
    same = sum(variant(each, "plainer") == variant(each, "shorter") for each in MANY) / len(MANY)
    assert abs(same - 0.5) < SPREAD


@pytest.mark.parametrize(
    ("pseudonym", "control", "wording"),
    [
        ("0123456789abcdef", False, "a"),
        ("0000000000000001", False, "b"),
        ("000000000000000b", True, "a"),
        ("00000000000000aa", True, "b"),
    ],
)
def test_who_is_what_stays_so_in_every_release(pseudonym: str, control: bool, wording: str) -> None:
    assert is_control(pseudonym, 50) is control
    assert variant(pseudonym, "plainer") == wording


def test_every_topic_has_a_latest_day() -> None:
    assert LATEST.keys() == set(Topic)
    assert LATEST[Topic.RECALL_3] < timedelta(days=14 - 3), "the first quiz is over before the second begins"
