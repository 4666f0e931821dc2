"""Whatever farmers, technicians, clocks and power do, and in whatever order: the rules of the conversation hold."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_daemon import sms_policy
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.conversation.dialogue import MOST_REPLIES
from edge_daemon.diagnosis import Kind
from tests.edge.conversation.desk import DAY, Desk

NUMBERS = [f"+91981234567{last}" for last in range(3)]
WORDS = ["1", "2", "3", "yes", "no", "1 2", "help", "xx", "hindi", "repeat", "rice", "STOP", "START", "0"]
RULES: dict[str, Any] = {"daily_questions": 1, "control_percent": 40}
EXAMPLES = 40

numbers = st.sampled_from(NUMBERS)
deeds = st.one_of(
    st.tuples(st.just("advise"), numbers, st.sampled_from(["rice/blast", "rice/tungro", "rice/healthy"])),
    st.tuples(st.just("text"), numbers, st.sampled_from(WORDS)),
    st.tuples(st.just("wait"), st.floats(0, 30), st.just("h")),
    st.tuples(st.just("wait"), st.floats(0, 5), st.just("d")),
    st.tuples(st.just("restart"), st.none(), st.none()),
    st.tuples(st.just("modem"), st.booleans(), st.none()),
    st.tuples(st.just("technician"), numbers, st.sampled_from(["stop", "start"])),
)
clocks = st.one_of(
    st.tuples(st.just("clock"), st.sampled_from(["synced", "unsure"]), st.none()),
    st.tuples(st.just("jump"), st.floats(-400, 400), st.none()),
)
Deeds = list[tuple[str, Any, Any]]
lives = st.lists(deeds, min_size=5, max_size=40)
wild_lives = st.lists(st.one_of(deeds, clocks), min_size=5, max_size=40)
calm = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Life:
    """A desk to which things are done. spoken: what went, and whether its farmer had opted out by then."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.modem = True
        self.refused: list[tuple[Kind, bool]] = []

    def do(self, deed: str, one: Any, other: Any) -> None:
        desk = self.desk
        if deed == "advise":
            if not desk.store.texts.has_opted_out(one):
                desk.advise(other, one)
        elif deed == "text":
            desk.comes(other, one)
        elif deed == "wait":
            desk.passes(timedelta(hours=one) if other == "h" else timedelta(days=one))
        elif deed == "restart":
            desk.restart()
        elif deed == "modem":
            self.modem = one
        elif deed == "technician":
            (desk.store.texts.opt_out if other == "stop" else desk.store.texts.opt_in)(one)
        elif deed == "clock":
            desk.clock = one
        else:
            desk.utc += timedelta(days=one)
        self.look()

    def look(self) -> None:
        self.desk.talk.look()
        assert self.desk.store.inbound.new() == []
        if self.modem:
            for sms in self.desk.send():
                assert sms.kind is Kind.CONFIRMATION or not self.desk.store.texts.has_opted_out(sms.number)


def live(catalogue: Catalogue, deeds: Deeds) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder, closing(Desk(Path(folder) / "s", catalogue, **RULES)) as desk:
        life = Life(desk)
        for deed in deeds:
            life.do(*deed)
        yield desk


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue.load()


@calm
@given(lives)
def test_with_a_clock_that_is_right_every_rule_holds(shipped: Catalogue, deeds: Deeds) -> None:
    for desk in live(shipped, deeds):
        check_ledger(desk)
        check_askings(desk)
        check_replies(desk)


@calm
@given(wild_lives)
def test_with_any_clock_the_ledger_is_sound(shipped: Catalogue, deeds: Deeds) -> None:
    for desk in live(shipped, deeds):
        check_ledger(desk)


def check_ledger(desk: Desk) -> None:
    """Each question was answered by the one answer that counts, or not at all; none was asked of nobody."""
    counted = [row[0] for row in desk.rows("SELECT question_id FROM answer WHERE counts ORDER BY question_id")]
    assert counted == [row[0] for row in desk.rows("SELECT id FROM question WHERE state = 'answered' ORDER BY id")]
    assert desk.rows("SELECT 1 FROM question WHERE state IN ('asked', 'answered') AND asked_at IS NULL") == []
    assert desk.rows("SELECT 1 FROM question WHERE state IN ('planned', 'cancelled') AND asked_at IS NOT NULL") == []
    planned = desk.rows(
        "SELECT 1 FROM question JOIN farmer ON farmer.id = farmer_id JOIN opt_out USING (number)"
        " WHERE question.state = 'planned'"
    )
    assert planned == []
    reasons = desk.rows("SELECT advice_id FROM question WHERE topic = 'reason'")
    assert reasons == desk.rows(
        "SELECT advice_id FROM question WHERE topic = 'reason' AND advice_id IN"
        " (SELECT advice_id FROM question WHERE topic = 'help' AND answer = 2)"
    )


def check_askings(desk: Desk) -> None:
    """By day, few enough, a day apart, and one at a time for each farmer."""
    rows = desk.rows(
        "SELECT farmer_id, topic, asked_at, min(until, ifnull(answered_at, until), CASE WHEN state = 'missed'"
        " THEN changed_at ELSE until END) FROM question WHERE asked_at IS NOT NULL ORDER BY asked_at, id"
    )
    asked = [(row[0], row[1], datetime.fromisoformat(row[2]), datetime.fromisoformat(row[3])) for row in rows]
    own = [at for _, topic, at, _ in asked if topic != "reason"]
    assert not any(sms_policy.is_quiet(at, desk.config.sms) for at in own)
    most = desk.config.conversation.daily_questions
    assert all(later - earlier >= DAY for earlier, later in zip(own, own[most:], strict=False))
    for _, theirs in itertools.groupby(sorted(asked), key=lambda row: row[0]):
        for (_, _, before, ends), (_, topic, at, _) in itertools.pairwise(sorted(theirs, key=lambda row: row[2])):
            assert topic == "reason" or at - before >= DAY
            assert topic == "reason" or at >= ends


def check_replies(desk: Desk) -> None:
    for number in NUMBERS:
        rows = desk.rows(
            "SELECT queued_at FROM outbox JOIN farmer ON farmer.id = farmer_id WHERE number = ?"
            " AND kind IN ('reply', 'confirmation') ORDER BY outbox.id",
            number,
        )
        times = [datetime.fromisoformat(row[0]) for row in rows]
        assert all(later - earlier >= DAY for earlier, later in zip(times, times[MOST_REPLIES + 1 :], strict=False))
