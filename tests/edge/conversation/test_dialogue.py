"""What follows from an SMS: the whole table, from what it means and who sent it to what is done and said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.conversation.dialogue import MOST_REPLIES, respond
from edge_daemon.conversation.meaning import Meaning, Sense
from edge_daemon.diagnosis import Kind
from edge_daemon.exchange import Correspondent, Outcome, Question, Topic

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OPTIONS = {Topic.HELP: 2, Topic.REASON: 3, Topic.RECALL_3: 3, Topic.RECALL_14: 3}
RIGHT = 2
"""The digit of a recall question's right answer."""


class Texts:
    """Words that tell what was asked for."""

    def say(self, key: str, language: str) -> str:
        return f"{language}: {key}"

    def languages(self, language: str) -> str:
        return f"{language}: languages"

    def crop(self, crop: str, language: str) -> str:
        return f"{language}: crop {crop}"

    def recall_reply(self, label: str, language: str, *, right: bool) -> str:
        return f"{language}: {label} {right}"


def question(topic: Topic = Topic.HELP, state: str = "asked", open_h: float = 72) -> Question:
    """A question that was asked a day ago."""
    return Question(
        id=7,
        number="+919812345678",
        pseudonym="0123456789abcdef",
        language="hi",
        topic=topic,
        state=state,
        label="rice/blast",
        advice=3,
        due_at=NOON - timedelta(days=1),
        asked_at=NOON - timedelta(days=1),
        until=NOON + timedelta(hours=open_h - 24),
        options=OPTIONS[topic],
        right=RIGHT if topic.is_recall else 0,
    )


NOBODY = Correspondent("+919812345678", "en", False, None, None, False, 0)
HELP = replace(NOBODY, question=question())
REASON = replace(NOBODY, question=question(Topic.REASON))
RECALL = replace(NOBODY, question=question(Topic.RECALL_3))
RECALL_14 = replace(NOBODY, question=question(Topic.RECALL_14))
ANSWERED = replace(NOBODY, question=question(state="answered"))
MISSED = replace(NOBODY, question=question(state="missed"))
LATE = replace(NOBODY, question=question(open_h=23))
OPTED_OUT = replace(HELP, opted_out=True)
TOO_MANY = replace(HELP, replies=MOST_REPLIES)
HELPED = replace(NOBODY, helped=True)
ADVISED = replace(NOBODY, advice="d1")

STOP, START, HELP_ME = Meaning(Sense.STOP), Meaning(Sense.START), Meaning(Sense.HELP)
YES, NO = Meaning(Sense.YES), Meaning(Sense.NO)
REPEAT, UNCLEAR, UNKNOWN = Meaning(Sense.REPEAT), Meaning(Sense.UNCLEAR), Meaning(Sense.UNKNOWN)
LANGUAGE, LANGUAGES = Meaning(Sense.LANGUAGE, value="hi"), Meaning(Sense.LANGUAGE)
CROP = Meaning(Sense.CROP, value="rice")
ONE, TWO, THREE, FOUR = (Meaning(Sense.DIGIT, digit) for digit in (1, 2, 3, 4))

SILENCE = "silence"
UNKNOWN_HELP = "help, once a day"
EVERYBODY = {
    "no question": NOBODY,
    "open help": HELP,
    "open recall": RECALL,
    "open recall 14": RECALL_14,
    "open reason": REASON,
    "answered": ANSWERED,
    "missed": MISSED,
    "late": LATE,
    "helped": HELPED,
    "advised": ADVISED,
}
MAY_ASK = [(who, name) for name, who in EVERYBODY.items()]

TABLE: list[tuple[Meaning, Correspondent, str]] = [
    # whatever is open
    *((STOP, who, "stopped") for who, _ in MAY_ASK),
    *((START, who, "started") for who, _ in MAY_ASK),
    *((HELP_ME, who, "help") for who, _ in MAY_ASK),
    *((LANGUAGE, who, "language_set") for who, _ in MAY_ASK),
    *((LANGUAGES, who, "language_list") for who, _ in MAY_ASK),
    *((CROP, who, "crop_advice") for who, _ in MAY_ASK),
    *((REPEAT, who, "repeat" if who.advice else "nothing_to_repeat") for who, _ in MAY_ASK),
    *((UNKNOWN, who, SILENCE if who.helped else UNKNOWN_HELP) for who, _ in MAY_ASK),
    # no question was ever asked
    *((meaning, NOBODY, UNKNOWN_HELP) for meaning in (ONE, TWO, FOUR, YES, NO, UNCLEAR)),
    *((meaning, HELPED, SILENCE) for meaning in (ONE, TWO, FOUR, YES, NO, UNCLEAR)),
    # did it help?
    (ONE, HELP, "thanks_yes"),
    (YES, HELP, "thanks_yes"),
    (Meaning(Sense.YES, 1), HELP, "thanks_yes"),
    (TWO, HELP, "ask_reason"),
    (NO, HELP, "ask_reason"),
    (Meaning(Sense.NO, 2), HELP, "ask_reason"),
    (THREE, HELP, "unclear"),
    (UNCLEAR, HELP, "unclear"),
    # why not?
    (ONE, REASON, "reason_1"),
    (TWO, REASON, "reason_2"),
    (THREE, REASON, "reason_3"),
    *((meaning, REASON, "unclear") for meaning in (FOUR, YES, NO, UNCLEAR)),
    # what should you do?
    *((ONE, who, "recall_wrong") for who in (RECALL, RECALL_14)),
    *((TWO, who, "recall_right") for who in (RECALL, RECALL_14)),
    *((THREE, who, "recall_wrong") for who in (RECALL, RECALL_14)),
    *((meaning, who, "unclear") for meaning in (FOUR, YES, NO, UNCLEAR) for who in (RECALL, RECALL_14)),
    # it was answered, or never went
    *((meaning, who, "noted") for meaning in (ONE, TWO, YES, NO) for who in (ANSWERED, MISSED)),
    *((meaning, who, "unclear") for meaning in (THREE, UNCLEAR) for who in (ANSWERED, MISSED)),
    # late
    (ONE, LATE, "thanks_yes"),
    (NO, LATE, "ask_reason"),
    (FOUR, LATE, "unclear"),
    # who wants no more SMS, and who had too many
    *(
        (meaning, who, SILENCE)
        for who in (OPTED_OUT, TOO_MANY)
        for meaning in (ONE, YES, NO, UNCLEAR, UNKNOWN, HELP_ME, LANGUAGE, LANGUAGES, CROP, REPEAT)
    ),
    (STOP, OPTED_OUT, SILENCE),
    (START, OPTED_OUT, "started"),
    (STOP, TOO_MANY, "stopped"),
    (START, TOO_MANY, SILENCE),
    (STOP, replace(TOO_MANY, replies=MOST_REPLIES + 1), SILENCE),
]


def answered(meaning: Meaning, who: Correspondent) -> Outcome:
    return respond(meaning, who, NOON, Texts(), lambda diagnosis, language: f"{language}: again {diagnosis}")


@pytest.mark.parametrize(("meaning", "who", "said"), TABLE)
def test_what_is_said(meaning: Meaning, who: Correspondent, said: str) -> None:
    outcome = answered(meaning, who)
    assert outcome.sense == meaning.sense.value
    assert outcome.unknown is (said == UNKNOWN_HELP)
    if said == SILENCE:
        assert outcome.reply is None
        return
    assert outcome.reply is not None
    assert outcome.reply.template == ("help" if said == UNKNOWN_HELP else said)
    assert outcome.reply.kind is (Kind.CONFIRMATION if said in {"started", "stopped"} else Kind.REPLY)


@pytest.mark.parametrize(
    ("meaning", "who", "text"),
    [
        (YES, HELP, "en: thanks_yes"),
        (TWO, RECALL, "en: rice/blast True"),
        (ONE, RECALL, "en: rice/blast False"),
        (REPEAT, ADVISED, "en: again d1"),
        (CROP, NOBODY, "en: crop rice"),
        (LANGUAGE, NOBODY, "hi: language_set"),
        (LANGUAGES, NOBODY, "en: languages"),
    ],
)
def test_the_words_are_in_the_farmer_s_language_or_in_the_one_that_was_asked_for(
    meaning: Meaning, who: Correspondent, text: str
) -> None:
    reply = answered(meaning, who).reply
    assert reply is not None
    assert reply.text == text


@pytest.mark.parametrize("who", EVERYBODY.values(), ids=EVERYBODY.keys())
def test_what_is_done_beside_what_is_said(who: Correspondent) -> None:
    assert answered(STOP, who).opted is False
    assert answered(START, who).opted is True
    assert answered(LANGUAGE, who).language == "hi"
    for meaning in (HELP_ME, LANGUAGES, CROP, REPEAT, UNKNOWN):
        outcome = answered(meaning, who)
        assert (outcome.opted, outcome.language, outcome.answer) == (None, None, None)


@pytest.mark.parametrize(
    ("meaning", "who", "digit", "counts", "late"),
    [
        (YES, HELP, 1, True, False),
        (NO, HELP, 2, True, False),
        (THREE, REASON, 3, True, False),
        (THREE, RECALL, 3, True, False),
        (YES, LATE, 1, True, True),
        (TWO, ANSWERED, 2, False, False),
        (TWO, MISSED, 2, False, False),
        (TWO, replace(NOBODY, question=question(state="answered", open_h=1)), 2, False, True),
    ],
)
def test_what_is_kept_of_an_answer(meaning: Meaning, who: Correspondent, digit: int, counts: bool, late: bool) -> None:
    answer = answered(meaning, who).answer
    assert answer is not None
    assert (answer.question, answer.digit, answer.counts, answer.late) == (7, digit, counts, late)


def test_an_answer_is_in_time_to_the_last_moment() -> None:
    for seconds, late in ((0, False), (1, True)):
        ends = replace(question(), until=NOON - timedelta(seconds=seconds))
        answer = answered(YES, replace(NOBODY, question=ends)).answer
        assert answer is not None
        assert answer.late is late


def test_a_stop_and_a_start_work_without_a_word_too() -> None:
    who = replace(TOO_MANY, replies=MOST_REPLIES + 1)
    assert answered(STOP, who).opted is False
    assert answered(START, replace(who, opted_out=True)).opted is True


def test_a_no_asks_for_the_reason_once() -> None:
    asked = answered(NO, HELP).reply
    assert asked is not None
    assert asked.asks == (Topic.REASON, 3)
    for who in (ANSWERED, REASON, MISSED):
        again = answered(TWO, who).reply
        assert again is not None
        assert again.asks is None


meanings = st.one_of(
    st.sampled_from([STOP, START, HELP_ME, YES, NO, REPEAT, UNCLEAR, UNKNOWN, LANGUAGE, LANGUAGES, CROP]),
    st.integers(1, 9).map(lambda digit: Meaning(Sense.DIGIT, digit)),
)
questions = st.builds(
    question,
    st.sampled_from(Topic),
    st.sampled_from(["asked", "answered", "missed"]),
    st.floats(0, 100),
)
people = st.builds(
    Correspondent,
    number=st.just("+919812345678"),
    language=st.sampled_from(["en", "hi"]),
    opted_out=st.booleans(),
    question=st.none() | questions,
    advice=st.none() | st.just("d1"),
    helped=st.booleans(),
    replies=st.integers(0, 2 * MOST_REPLIES),
)


@given(meanings, people)
def test_after_a_stop_only_a_start_is_answered(meaning: Meaning, who: Correspondent) -> None:
    outcome = answered(meaning, replace(who, opted_out=True))
    if meaning.sense is not Sense.START:
        assert (outcome.reply, outcome.answer, outcome.language, outcome.opted) == (None, None, None, None)
    assert (outcome.opted is True) is (meaning.sense is Sense.START)


@given(meanings, people)
def test_an_answer_counts_only_for_a_question_that_was_asked_and_has_such_an_answer(
    meaning: Meaning, who: Correspondent
) -> None:
    answer = answered(meaning, who).answer
    if answer is not None:
        assert who.question is not None
        assert answer.counts is (who.question.state == "asked")
        assert 1 <= answer.digit <= who.question.options


@given(meanings, people)
def test_a_stop_works_always_and_is_confirmed_only_where_it_is_news(meaning: Meaning, who: Correspondent) -> None:
    stopped = answered(STOP, who)
    assert stopped.opted is (None if who.opted_out else False)
    assert not (who.opted_out and stopped.reply)


@given(meanings, st.lists(meanings, min_size=MOST_REPLIES, max_size=4 * MOST_REPLIES), people)
def test_two_machines_that_answer_each_other_come_to_an_end(
    first: Meaning, then: list[Meaning], who: Correspondent
) -> None:
    begun = said = who.replies
    for meaning in (first, *then):
        outcome = answered(meaning, replace(who, replies=said))
        who = replace(who, opted_out=who.opted_out if outcome.opted is None else not outcome.opted)
        said += outcome.reply is not None
    assert said <= max(begun, MOST_REPLIES + 1)
