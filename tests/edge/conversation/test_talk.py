"""The conversation with the real store, catalogue and wording: what is asked when, and what an SMS leads to."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_daemon import parts, sms_desk
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.config import State
from edge_daemon.conversation.dialogue import MOST_REPLIES
from edge_daemon.conversation.meaning import Meaning, Sense
from edge_daemon.conversation.plan import variant
from edge_daemon.conversation.talk import Talk
from edge_daemon.diagnosis import Decision, Kind
from edge_daemon.errors import Refused, StateFull
from edge_daemon.supervise import Health
from tests.edge.conversation.desk import DAY, HEALTHY, NUMBER, Desk

OTHER = "+919812345679"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NO_QUIZ = {"control_percent": 100}
Open = Callable[..., Desk]


@pytest.fixture
def open_desk(tmp_path: Path, catalogue: Catalogue) -> Iterator[Open]:
    opened: list[Desk] = []

    def open_one(**rules: Any) -> Desk:
        opened.append(Desk(tmp_path / str(len(opened)), catalogue, **rules))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.close()


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    return open_desk()


def asked(desk: Desk) -> list[str]:
    """The topics that were asked, in the order in which they were."""
    return [row[0] for row in desk.rows("SELECT topic FROM question WHERE asked_at IS NOT NULL ORDER BY asked_at, id")]


def states(desk: Desk) -> list[tuple[str, str]]:
    return [(topic, state) for topic, state in desk.questions("topic", "state")]


# when something is asked


def test_each_question_is_asked_on_its_day_and_no_sooner(open_desk: Open) -> None:
    desk = open_desk(open_h=24)
    desk.advised()
    for topic, day in (("recall_3", 3), ("help", 5), ("recall_14", 14)):
        desk.passes(day * DAY - timedelta(seconds=desk.s) - MINUTE)
        assert desk.look() == []
        desk.passes(MINUTE)
        assert [sms.kind for sms in desk.look()] == [Kind.FOLLOW_UP], topic
    assert asked(desk) == ["recall_3", "help", "recall_14"]


def test_the_words_are_the_catalogue_s_and_the_ledger_names_them(desk: Desk) -> None:
    desk.advised()
    desk.passes(3 * DAY)
    (quiz,) = desk.look()
    assert quiz.text == desk.wording.recall("rice/blast", "en", 0).text
    ((topic, template, options, right),) = desk.questions("topic", "template", "options", "right")[:1]
    expected = desk.wording.recall("rice/blast", "en", 0)
    assert (topic, template, options, right) == ("recall_3", "ask_recall", expected.options, expected.right)


def test_the_second_quiz_has_its_right_answer_at_another_place(desk: Desk) -> None:
    desk.advised()
    desk.passes(3 * DAY)
    desk.look()
    desk.passes(11 * DAY)
    desk.look()
    desk.passes(3 * DAY + MINUTE)
    desk.look()
    rights = {topic: right for topic, right in desk.questions("topic", "right") if right}
    assert rights.keys() == {"recall_3", "recall_14"}
    assert rights["recall_3"] != rights["recall_14"]


def test_nothing_is_asked_in_the_quiet_hours(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.passes(9 * HOUR)  # seven in the evening
    desk.advised()
    desk.passes(5 * DAY + 2 * HOUR)  # nine in the evening
    assert desk.look() == []
    assert states(desk) == [("help", "planned")]
    desk.passes(10 * HOUR + 59 * MINUTE)
    assert desk.look() == []
    desk.passes(MINUTE)
    assert len(desk.look()) == 1


def test_an_answer_is_answered_in_the_quiet_hours(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.advised()
    desk.passes(5 * DAY)
    desk.look()
    desk.passes(14 * HOUR)
    assert desk.hears("1") == [desk.says("thanks_yes")]


def test_no_more_are_asked_in_a_day_than_the_configuration_allows(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ, daily_questions=2)
    for last in range(5):
        desk.advised(number=f"+91981234567{last}")
    desk.passes(5 * DAY)
    assert len(desk.look()) == 2
    desk.passes(HOUR)
    assert desk.look() == []
    desk.passes(23 * HOUR)
    assert len(desk.look()) == 2
    desk.passes(DAY)
    assert len(desk.look()) == 1


def test_a_question_that_an_answer_asks_does_not_count_among_the_day_s(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ, daily_questions=2)
    for number in (NUMBER, OTHER):
        desk.advised(number=number)
    desk.passes(5 * DAY)
    desk.look()
    desk.hears("2")
    assert asked(desk) == ["help", "help", "reason"]
    desk.passes(DAY)
    third = "+919812345670"
    desk.advised(number=third)
    desk.passes(5 * DAY)
    assert [sms.number for sms in desk.look()] == [third]


def test_no_questions_a_day_means_that_each_is_missed_in_time(open_desk: Open) -> None:
    desk = open_desk(daily_questions=0)
    desk.advised()
    for _ in range(30):
        desk.passes(DAY)
        assert desk.look() == []
    assert {state for _, state in states(desk)} == {"missed"}


def test_a_farmer_has_one_open_question_at_a_time(open_desk: Open) -> None:
    desk = open_desk(open_h=72)
    desk.advised()
    desk.passes(3 * DAY)
    desk.look()
    desk.passes(2 * DAY)  # the help question's day, and the quiz is open for one day more
    assert desk.look() == []
    desk.passes(DAY - MINUTE)
    assert desk.look() == []
    desk.passes(2 * MINUTE)
    assert asked(desk) == ["recall_3"]
    desk.look()
    assert asked(desk) == ["recall_3", "help"]


def test_between_two_questions_lies_a_day_though_the_first_was_answered_at_once(desk: Desk) -> None:
    desk.advised("rice/blast")
    desk.advised("rice/tungro")
    desk.passes(3 * DAY)
    assert len(desk.look()) == 1
    desk.hears("1")
    desk.passes(DAY - MINUTE)
    assert desk.look() == []
    desk.passes(MINUTE)
    assert len(desk.look()) == 1


def test_what_could_not_be_asked_in_time_is_missed_and_the_ledger_says_why(desk: Desk) -> None:
    desk.advised()
    desk.passes(6 * DAY + MINUTE)  # a power cut of nearly a week: the quiz of day 3 is no such quiz any more
    desk.look()
    (quiz, *_) = desk.questions("topic", "state", "why", "asked_at")
    assert quiz == ("recall_3", "missed", "its time was over before it could be asked", None)
    assert asked(desk) == ["help"]


def test_the_last_moment_for_a_question_is_no_miss(desk: Desk) -> None:
    desk.advised()
    desk.passes(6 * DAY)
    desk.look()
    assert asked(desk) == ["recall_3"]


def test_a_question_about_an_advice_that_did_not_arrive_is_cancelled(desk: Desk) -> None:
    advice = desk.advised()
    desk.store.sms.park(advice, Refused("the network reports: no such telephone"))
    desk.passes(3 * DAY)
    assert desk.look() == []
    (quiz, *_) = desk.questions("state", "why")
    assert quiz == ("cancelled", "the advice did not arrive: the network reports: no such telephone")


def test_a_question_whose_sms_was_of_no_use_any_more_was_never_asked(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.advised()
    desk.passes(5 * DAY)
    desk.talk.look()
    desk.passes(timedelta(hours=49))  # [sms] follow_up_h
    assert desk.send() == []
    desk.look()
    assert desk.questions("state", "why") == [("missed", "its SMS did not go")]
    assert desk.hears("1") == [desk.says("help")]


# the clock


def test_an_unsure_clock_plans_and_asks_once_it_is_right(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.clock = "unsure"
    desk.advised()
    desk.passes(2 * DAY)
    assert desk.look() == []
    desk.utc += 1000 * DAY
    desk.clock = "synced"
    assert desk.look() == []
    assert desk.questions("clock") == [("synced",)]
    desk.passes(3 * DAY - MINUTE)
    assert desk.look() == [], "two days had passed already: three are left"
    desk.passes(MINUTE)
    assert len(desk.look()) == 1


def test_after_a_restart_nobody_knows_how_long_it_was_and_the_whole_time_passes(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.clock = "unsure"
    desk.advised()
    desk.passes(2 * DAY)
    desk.restart()
    desk.utc += 1000 * DAY
    desk.clock = "synced"
    desk.look()
    desk.passes(5 * DAY - MINUTE)
    assert desk.look() == []
    desk.passes(MINUTE)
    assert len(desk.look()) == 1


@pytest.mark.parametrize(("days", "state"), [(10, "asked"), (18, "asked"), (20, "missed")])
def test_days_that_are_over_when_the_clock_is_put_right_are_over(open_desk: Open, days: int, state: str) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.clock = "unsure"
    desk.advised()
    desk.passes(days * DAY)
    desk.clock = "synced"
    desk.look()
    assert states(desk) == [("help", state)]


def test_an_unsure_clock_asks_nothing_however_late_it_says_it_is(desk: Desk) -> None:
    desk.advised()
    desk.clock = "unsure"
    desk.passes(4 * DAY)
    assert desk.look() == []
    desk.clock = "synced"
    assert len(desk.look()) == 1


def test_a_wrong_time_from_the_network_asks_and_misses_nothing(desk: Desk) -> None:
    desk.advised()
    desk.look()
    for years in (1, -1):
        desk.utc += years * 365 * DAY
        assert desk.look() == []
        desk.passes(HOUR)
        assert desk.look() == []
        desk.utc -= years * 365 * DAY
        desk.look()
    assert {state for _, state in states(desk)} == {"planned"}


def test_an_advice_under_a_doubtful_clock_is_asked_about_in_its_days(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.look()
    desk.utc += 365 * DAY
    desk.advised()
    assert desk.questions("clock") == [("unsure",)]
    desk.passes(HOUR)
    desk.utc -= 365 * DAY
    desk.look()
    desk.passes(5 * DAY - HOUR - MINUTE)
    assert desk.look() == []
    desk.passes(MINUTE)
    assert len(desk.look()) == 1


def test_what_was_asked_in_a_future_that_the_clock_has_left_lets_no_two_questions_come_together(
    open_desk: Open,
) -> None:
    desk = open_desk(**NO_QUIZ)
    for label in ("rice/blast", "rice/tungro", "rice/neck_blast"):
        desk.advised(label)
    desk.passes(5 * DAY)
    desk.look()
    desk.utc += 365 * DAY
    assert desk.hears("2") == [desk.says("ask_reason")]
    desk.utc -= 365 * DAY
    desk.hears("1")
    desk.passes(DAY)
    assert [sms.kind for sms in desk.look()] == [Kind.FOLLOW_UP]
    desk.passes(DAY + HOUR)
    assert desk.look() == [], "the one before is open"
    desk.passes(2 * DAY)
    assert [sms.kind for sms in desk.look()] == [Kind.FOLLOW_UP]


# answers


@pytest.fixture
def helped(open_desk: Open) -> Desk:
    """A farmer who was just asked whether the advice helped."""
    desk = open_desk(**NO_QUIZ)
    desk.advised()
    desk.passes(5 * DAY)
    assert len(desk.look()) == 1
    return desk


def answers(desk: Desk) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in desk.rows("SELECT digit, counts, late FROM answer ORDER BY id")]


def test_the_first_answer_counts_and_each_later_one_is_kept(helped: Desk) -> None:
    assert helped.hears("1") == [helped.says("thanks_yes")]
    assert helped.hears("2") == [helped.says("noted")]
    assert answers(helped) == [(1, 1, 0), (2, 0, 0)]
    assert helped.questions("topic", "state", "answer", "late") == [("help", "answered", 1, 0)]


def test_an_answer_after_its_time_counts_and_is_marked_as_late(helped: Desk) -> None:
    helped.passes(72 * HOUR + MINUTE)
    assert helped.hears("yes") == [helped.says("thanks_yes")]
    assert answers(helped) == [(1, 1, 1)]
    assert helped.questions("state", "late") == [("answered", 1)]


def test_a_no_asks_for_the_reason_once_and_its_answer_is_settled(helped: Desk) -> None:
    assert helped.hears("no") == [helped.says("ask_reason")]
    assert states(helped) == [("help", "answered"), ("reason", "asked")]
    assert helped.hears("3") == [helped.says("reason_3")]
    assert helped.hears("2") == [helped.says("noted")]
    assert helped.questions("topic", "state", "answer", "options") == [
        ("help", "answered", 2, 2),
        ("reason", "answered", 3, 3),
    ]
    assert answers(helped) == [(2, 1, 0), (3, 1, 0), (2, 0, 0)]


def test_the_reason_is_a_question_of_the_same_advice_and_stands_in_the_ledger_like_any_other(helped: Desk) -> None:
    helped.hears("2")
    one, two = helped.questions("farmer_id", "diagnosis_id", "advice_id", "label")
    assert one == two
    ((outbox, template),) = helped.rows("SELECT outbox_id, template FROM question WHERE topic = 'reason'")
    assert (helped.sent[-1].id, template) == (outbox, "ask_reason")


def test_a_digit_that_crosses_its_question_belongs_to_the_one_before(open_desk: Open) -> None:
    desk = open_desk(open_h=24)
    desk.advised()
    desk.passes(3 * DAY)
    desk.look()
    desk.passes(2 * DAY)
    desk.talk.look()  # "did it help?" waits, and has not gone
    desk.hears("1")
    assert [(row[0], row[1]) for row in desk.questions("topic", "state")] == [
        ("recall_3", "answered"),
        ("help", "asked"),
        ("recall_14", "planned"),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_quiz_is_marked_by_the_order_in_which_its_answers_stood(open_desk: Open, place: int) -> None:
    desk = open_desk()
    desk.advised()
    desk.passes(3 * DAY)
    desk.look()
    expected = desk.wording.recall("rice/blast", "en", 0)
    right = place + 1 == expected.right
    assert desk.hears(str(place + 1)) == [desk.wording.recall_reply("rice/blast", "en", right=right)]


def test_an_sms_that_came_before_a_power_cut_is_answered_after_it(helped: Desk) -> None:
    helped.comes("1")
    helped.restart()
    helped.clock = "unsure"
    assert [sms.text for sms in helped.look()] == [helped.says("thanks_yes")]
    assert helped.look() == []


def test_whoever_asks_for_another_language_is_asked_in_it_from_then_on(open_desk: Open) -> None:
    desk = open_desk(open_h=24)
    desk.advised()
    desk.passes(3 * DAY)
    desk.look()
    assert desk.hears("hindi") == [desk.says("language_set", "hi")]
    desk.passes(2 * DAY)
    (question,) = desk.look()
    assert question.text == desk.wording.ask_help("rice/blast", "hi", "ask_help")
    assert desk.questions("topic", "language")[:2] == [("recall_3", "en"), ("help", "hi")]
    assert desk.hears("नहीं") == [desk.says("ask_reason", "hi")]


def test_a_reason_is_asked_in_the_language_of_today_and_the_ledger_says_so(helped: Desk) -> None:
    helped.hears("hindi")
    assert helped.hears("2") == [helped.says("ask_reason", "hi")]
    assert helped.questions("topic", "language") == [("help", "en"), ("reason", "hi")]


def test_repeat_is_the_newest_advice_in_the_language_of_today(desk: Desk) -> None:
    desk.advised("rice/blast")
    desk.advised("rice/tungro")
    desk.hears("hindi")
    (said,) = desk.hears("repeat")
    assert desk.catalogue.name("rice/tungro", "hi") in said


def test_an_unknown_word_gets_help_once_in_24_hours(desk: Desk) -> None:
    assert desk.hears("xx") == [desk.says("help")]
    assert desk.hears("my cow is ill") == []
    desk.passes(DAY)
    assert desk.hears("my cow is ill") == [desk.says("help")]


def test_nobody_gets_more_than_so_many_replies_in_a_day_by_any_words(desk: Desk) -> None:
    words = itertools.islice(itertools.cycle(["help", "0", "start", "hindi", "start", "xx"]), 6 * MOST_REPLIES)
    assert sum(len(desk.hears(word)) for word in words) <= MOST_REPLIES + 1
    desk.passes(DAY)
    desk.hears("start")
    assert desk.hears("help") == [desk.says("help", "hi")]


# no more SMS


def test_a_stop_cancels_what_is_planned_and_a_start_does_not_revive_it(desk: Desk) -> None:
    desk.advised()
    assert desk.hears("STOP") == [desk.says("stopped")]
    assert {state for _, state in states(desk)} == {"cancelled"}
    assert desk.hears("1") == desk.hears("help") == desk.hears("STOP") == []
    assert desk.hears("START") == [desk.says("started")]
    for _ in range(20):
        desk.passes(DAY)
        assert desk.look() == []
    assert {state for _, state in states(desk)} == {"cancelled"}


def test_a_stop_at_the_technician_s_desk_does_the_same_beside_the_daemon(desk: Desk) -> None:
    desk.advised()
    config = desk.config.model_copy(update={"state": State(folder=desk.folder)})
    style = sms_desk.Style(as_json=False, numbers=False)
    assert len(list(sms_desk.stop(config, style, NUMBER))) == 1
    assert {state for _, state in states(desk)} == {"cancelled"}
    assert desk.hears("help") == []
    assert len(list(sms_desk.start(config, style, NUMBER))) == 1
    desk.passes(5 * DAY)
    assert desk.look() == []
    assert desk.hears("help") == [desk.says("help")]


def test_a_stop_while_a_question_waits_leaves_it_unasked(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.advised()
    desk.passes(5 * DAY)
    desk.talk.look()
    assert desk.hears("STOP") == [desk.says("stopped")]
    desk.look()
    assert states(desk) == [("help", "missed")]


def test_a_stop_while_the_advice_is_under_way_plans_nothing(desk: Desk) -> None:
    desk.advise()
    advice = desk.store.sms.take()
    assert advice is not None
    desk.store.texts.opt_out(NUMBER)
    desk.store.part_sent(advice, 1, 1)
    desk.store.sms.delivered(advice)
    assert states(desk) == []


def test_a_confirmation_that_waits_does_not_go_once_it_is_not_true(desk: Desk) -> None:
    for text in ("STOP", "START", "STOP"):
        desk.comes(text)
        desk.talk.look()
    assert [sms.text for sms in desk.send()] == [desk.says("stopped")]
    for text in ("START", "STOP", "START"):
        desk.comes(text)
        desk.talk.look()
    assert [sms.text for sms in desk.send()] == [desk.says("started")]


def test_a_stop_of_one_farmer_leaves_the_others(desk: Desk) -> None:
    desk.advised()
    desk.advised(number=OTHER)
    desk.hears("STOP")
    desk.passes(3 * DAY)
    assert [sms.number for sms in desk.look()] == [OTHER]


def test_a_technician_s_stop_between_reading_and_answering_ends_in_silence(helped: Desk) -> None:
    def read(text: str) -> Meaning:
        helped.store.texts.opt_out(NUMBER)
        return Meaning(Sense.DIGIT, int(text))

    helped.talk = Talk(
        rules=helped.config.conversation,
        sms=helped.config.sms,
        language="en",
        inbound=helped.store.inbound,
        questions=helped.store.questions,
        texts=helped.wording,
        read=read,
        sender=str,
        again=lambda _, __: "",
        now=helped.now,
        clock_s=lambda: helped.s,
    )
    assert helped.hears("1") == []
    assert helped.store.inbound.new() == []
    assert answers(helped) == [(1, 1, 0)], "what the farmer said is kept all the same"


# who else writes


@pytest.mark.parametrize("sender", ["VM-KISAN", "121", "53344", "1800180155", "2200000000000"])
def test_what_is_no_telephone_gets_no_reply_and_is_done(desk: Desk, sender: str) -> None:
    assert desk.hears("STOP", sender) == []
    assert desk.store.inbound.new() == []
    assert desk.rows("SELECT 1 FROM farmer") == []


@pytest.mark.parametrize("sender", [NUMBER[1:], NUMBER[3:], f"0{NUMBER[3:]}"])
def test_a_stop_is_obeyed_however_the_network_names_its_sender(desk: Desk, sender: str) -> None:
    desk.advised()
    desk.comes("STOP", sender)
    assert [(sms.number, sms.text) for sms in desk.look()] == [(NUMBER, desk.says("stopped"))]
    assert desk.store.texts.has_opted_out(NUMBER)
    assert desk.store.erasure.erase(NUMBER).inbound == 1
    assert desk.rows("SELECT 1 FROM inbound") == []


def test_a_stranger_is_answered_in_the_kiosk_s_language(desk: Desk) -> None:
    assert desk.hears("help", OTHER) == [desk.says("help", desk.config.kiosk.language)]
    assert desk.hears("STOP", OTHER) == [desk.says("stopped", desk.config.kiosk.language)]
    assert desk.hears("1", OTHER) == []


# what cannot be said


ONE_PART = {"most_parts": 1}


def test_a_reply_that_is_too_long_is_lost_and_what_comes_behind_it_is_not(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.advised(language="hi")
    desk.restart(ONE_PART)
    desk.comes("rice")  # the advice on a crop takes more than one part of Hindi
    desk.comes("STOP", OTHER)
    with caplog.at_level(logging.ERROR):
        assert [sms.number for sms in desk.look()] == [OTHER]
    assert "gets no reply" in caplog.text
    assert NUMBER not in caplog.text
    assert desk.store.inbound.new() == []


def test_an_answer_is_kept_though_its_reply_is_too_long(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    desk.advised(language="hi")
    desk.passes(5 * DAY)
    desk.look()
    desk.restart(ONE_PART)
    assert desk.hears("2") == []
    assert answers(desk) == [(2, 1, 0)]
    assert states(desk) == [("help", "answered")]


def without(catalogue: Catalogue, label: str) -> Catalogue:
    """A later catalogue, which does not have this label any more."""
    entries = {key: entry for key, entry in catalogue.entries.items() if key != label}
    return Catalogue(entries, catalogue.crop_words, catalogue.phrases, catalogue.sources)


def test_a_label_that_a_new_catalogue_does_not_have_stops_nothing(desk: Desk) -> None:
    desk.advised("rice/blast")
    desk.advised("rice/tungro", OTHER)
    desk.catalogue = without(desk.catalogue, "rice/blast")
    desk.restart()
    assert desk.hears("repeat") == []
    assert desk.hears("help") == [desk.says("help")]
    desk.passes(3 * DAY)
    assert [sms.number for sms in desk.look()] == [OTHER]
    ((state, why),) = desk.rows("SELECT state, why FROM question WHERE topic = 'recall_3' AND label = 'rice/blast'")
    assert state == "missed"
    assert why.startswith("it could not be asked: ")


def test_a_question_that_is_too_long_is_missed_and_the_next_is_asked(desk: Desk) -> None:
    desk.advised(language="hi")
    desk.advised(number=OTHER, language="en")
    desk.passes(3 * DAY)
    desk.restart(ONE_PART)
    assert [sms.number for sms in desk.look()] == [OTHER]
    assert [state for topic, state in states(desk) if topic == "recall_3"] == ["missed", "asked"]


# experiments, and the SIM's plan


def test_each_half_of_an_experiment_gets_its_wording_and_the_ledger_names_it(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ, experiments=[{"name": "plainer"}])
    numbers = [f"+9198123456{last:02d}" for last in range(20)]
    for number in numbers:
        desk.advised(number=number)
    desk.passes(5 * DAY)
    said = {sms.number: sms.text for sms in desk.look()}
    assert said.keys() == set(numbers)
    seen = set()
    for number, pseudonym, template in desk.rows(
        "SELECT number, pseudonym, question.template FROM question JOIN farmer ON farmer.id = farmer_id"
    ):
        assert template == {"a": "ask_help", "b": "ask_help_b"}[variant(pseudonym, "plainer")]
        assert said[number] == desk.wording.ask_help("rice/blast", "en", template)
        seen.add(template)
    assert seen == {"ask_help", "ask_help_b"}
    assert set(desk.rows("SELECT DISTINCT template FROM outbox WHERE kind = 'follow_up'")) == {(each,) for each in seen}


def test_an_advice_goes_before_all_questions_that_wait(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ)
    for last in range(20):
        desk.advised(number=f"+9198123456{last:02d}")
    desk.passes(5 * DAY)
    desk.talk.look()
    advice = desk.advise(number="+919899999999")
    assert desk.send()[0].id == advice.id


def test_questions_leave_what_is_kept_for_answers(open_desk: Open) -> None:
    desk = open_desk(**NO_QUIZ, sms={"daily_parts": 12, "kept_for_answers": 5, "minute_parts": 0})
    numbers = [f"+9198123456{last:02d}" for last in range(10)]
    for number in numbers:
        desk.advised(number=number)
    desk.passes(5 * DAY)
    assert [sms.kind for sms in desk.look()] == [Kind.FOLLOW_UP] * 7
    assert desk.store.sms.why_held() is not None
    for last in range(5):
        advice = desk.advise(number=f"+91989999999{last}")
        assert [sms.id for sms in desk.send()] == [advice.id]
    desk.advise(number="+919899999989")
    assert desk.send() == [], "the plan is used up, by answers alone from there on"


@pytest.mark.parametrize(
    ("label", "decision"),
    [
        ("rice/blast", Decision.NOT_SURE),
        ("rice/blast", Decision.TWO_CANDIDATES),
        ("rice/blast", Decision.NOT_A_LEAF),
        ("rice/blast", Decision.WRONG_CROP),
        (HEALTHY, Decision.ANSWER),
    ],
)
def test_what_names_no_disease_is_not_asked_about(desk: Desk, label: str, decision: Decision) -> None:
    desk.advise(label, decision=decision)
    assert len(desk.send()) == 1
    assert states(desk) == []


# the daily work


OLD = 700 * DAY
"""Not yet long enough to be forgotten."""


def known(desk: Desk) -> bool:
    return desk.store.farmers.find(NUMBER) is not None


def test_a_wrong_time_at_the_start_forgets_nobody(desk: Desk) -> None:
    desk.advised()
    desk.passes(OLD)
    desk.restart()
    desk.utc += 400 * DAY
    desk.look()
    desk.passes(5 * HOUR)
    desk.look()
    desk.utc -= 400 * DAY
    for _ in range(10):
        desk.look()
        desk.passes(6 * HOUR)
    assert known(desk)


def test_who_was_long_away_is_forgotten_once_the_clock_has_been_right_for_hours(desk: Desk) -> None:
    desk.advised()
    desk.passes(OLD + 40 * DAY)
    desk.restart()
    desk.look()
    desk.passes(6 * HOUR - MINUTE)
    desk.look()
    assert known(desk)
    desk.passes(MINUTE)
    desk.look()
    assert not known(desk)


def test_hours_before_a_doubt_do_not_count(desk: Desk) -> None:
    desk.advised()
    desk.passes(OLD + 40 * DAY)
    desk.restart()
    desk.look()
    desk.passes(5 * HOUR)
    desk.clock = "unsure"
    desk.look()
    desk.clock = "synced"
    desk.passes(2 * HOUR)
    desk.look()
    assert known(desk)
    desk.passes(6 * HOUR)
    desk.look()
    assert not known(desk)


def test_an_sms_of_long_ago_is_obeyed_and_not_answered(desk: Desk) -> None:
    desk.advised()
    desk.comes("STOP")
    desk.passes(8 * DAY)
    assert desk.look() == []
    assert desk.store.texts.has_opted_out(NUMBER)


# how it is


def test_after_trouble_it_says_that_it_works(desk: Desk) -> None:
    health = Health()
    looked = asyncio.Event()

    def well() -> None:
        health.ok("talk")
        looked.set()

    talk = parts.build_talk(desk.config, desk.catalogue, desk.store, desk.now, lambda: desk.s, well)

    async def fail_and_go_on() -> None:
        talking = asyncio.create_task(talk.run())
        async with asyncio.timeout(20):
            await looked.wait()
        talking.cancel()

    health.bad("talk", StateFull("No room is left."))  # as supervise does, which begins the part again
    asyncio.run(fail_and_go_on())
    assert health.states() == {"talk": "ok"}
