"""Every language that ships: whole, written in its own letters, and within its SMS parts."""

from __future__ import annotations

import functools
from itertools import combinations, permutations

import pytest

from edge_daemon.advice import questions
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.compose import FIRST_SMS_PARTS, TARGET_PARTS, compose, first_aid, sms
from edge_daemon.advice.phrases import SCREEN, USES
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis
from edge_daemon.modem.alphabet import count_parts
from tests.edge.advice.test_advice_compose import diagnosis

LANGUAGES = ("bn", "en", "hi", "kn", "mr", "ta", "te")
"""Those that are whole. Another may be begun: it speaks the languages that it falls back to where it is not."""
OFFICER = "1800-180-1551"
QUESTION_PARTS = 2
SAMPLES = {"officer": OFFICER, "percent": 99, "first_percent": 99, "second_percent": 99}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_these_languages_ship(catalogue: Catalogue) -> None:
    assert set(LANGUAGES) <= set(catalogue.languages)


def test_every_text_is_there_in_the_language_itself(catalogue: Catalogue, language: str) -> None:
    missing = [f"fixed {key}" for key in USES if not catalogue.say(language).has(key)]
    missing += [label for label, entry in catalogue.entries.items() if entry.texts[language].language != language]
    missing += [
        f"the quiz of {label}"
        for label, entry in catalogue.entries.items()
        if entry.quizzes and entry.quizzes[language].language != language
    ]
    missing += [crop for crop, words in catalogue.crop_words.items() if words.words[language].language != language]
    assert missing == []


def test_every_class_but_the_healthy_ones_has_a_quiz(catalogue: Catalogue, language: str) -> None:
    for label, entry in catalogue.entries.items():
        quiz = catalogue.quiz(label, language)
        assert (quiz is None) == entry.healthy, label


def test_every_answer_is_whole_in_two_parts_and_with_the_notice_in_three(catalogue: Catalogue, language: str) -> None:
    notice = catalogue.say(language).say("notice_sms")
    for label in catalogue.labels:
        words = catalogue.text(label, language)
        said = diagnosis(Decision.ANSWER, label, probability=0.996)
        assert_whole(catalogue, said, language, f" {words.act} {words.do_not} {words.officer}")
        first = compose(catalogue, said, language, count_parts=count_parts, notice=notice)
        assert count_parts(first) <= FIRST_SMS_PARTS, first
        assert first.endswith(f" {words.act} {words.do_not} {words.officer} {notice}"), first


def assert_whole(catalogue: Catalogue, said: Diagnosis, language: str, end: str) -> None:
    message = compose(catalogue, said, language, count_parts=count_parts)
    assert count_parts(message) <= TARGET_PARTS, message
    assert message.endswith(end), message


def test_what_names_two_crops_or_diseases_fits_two_parts(catalogue: Catalogue, language: str) -> None:
    said = [diagnosis(Decision.TWO_CANDIDATES, *pair) for pair in combinations(catalogue.labels, 2)]
    said += [
        diagnosis(Decision.WRONG_CROP, f"{one}/healthy", crop=other) for one, other in permutations(catalogue.crops, 2)
    ]
    counted = functools.cache(count_parts)
    for each in said:
        message = compose(catalogue, each, language, count_parts=counted)
        assert counted(message) <= TARGET_PARTS, message


@pytest.mark.parametrize("decision", [Decision.NOT_SURE, Decision.NOT_A_LEAF])
def test_an_undecided_kiosk_names_no_disease_and_whom_to_ask(
    catalogue: Catalogue, language: str, decision: Decision
) -> None:
    message = compose(catalogue, diagnosis(decision, "rice/blast"), language, count_parts=count_parts)
    assert count_parts(message) <= TARGET_PARTS
    assert OFFICER in message
    assert catalogue.name("rice/blast", language) not in message


def test_first_aid_is_whole_in_two_parts(catalogue: Catalogue, language: str) -> None:
    cut = []
    for crop in (None, *catalogue.crops):
        advice = first_aid(catalogue, crop, language)
        message = sms(advice, count_parts)
        if message != f"{advice.headline} {advice.act} {advice.do_not} {advice.officer}":
            cut.append(message)
        assert count_parts(message) <= TARGET_PARTS, message
        assert OFFICER in advice.officer
        assert crop is None or catalogue.crop_name(crop, language) in message
    assert cut == []


def test_every_question_and_its_answer_keeps_to_its_parts(catalogue: Catalogue, language: str) -> None:
    for label, entry in catalogue.entries.items():
        if entry.healthy:
            continue
        for turn in range(3):
            question = questions.recall(catalogue, label, language, turn)
            assert count_parts(question.text) <= QUESTION_PARTS, question.text
        for key in ("ask_help", "ask_help_b"):
            asked = questions.ask_help(catalogue, label, language, key)
            assert count_parts(asked) <= QUESTION_PARTS, asked
        for right in (True, False):
            reply = questions.recall_reply(catalogue, label, language, right=right)
            assert count_parts(reply) <= QUESTION_PARTS, reply


def test_every_fixed_text_keeps_to_its_parts(catalogue: Catalogue, language: str) -> None:
    for key, use in USES.items():
        if use.parts == SCREEN or use.blanks - SAMPLES.keys():
            continue
        said = catalogue.say(language).say(key, **SAMPLES)
        assert count_parts(said) <= use.parts, f"{key}: {said}"
    for crop in catalogue.crops:
        said = questions.crop_advice(catalogue, crop, language, OFFICER)
        assert count_parts(said) <= USES["crop_advice"].parts, said
    said = questions.language_list(catalogue, language)
    assert count_parts(said) <= USES["language_list"].parts, said


def test_the_right_answer_moves_from_one_asking_to_the_next(catalogue: Catalogue) -> None:
    for label, entry in catalogue.entries.items():
        if not entry.healthy:
            first, second = (questions.recall(catalogue, label, "en", turn) for turn in (0, 1))
            assert first.right != second.right
            assert f"{first.right} {entry.quizzes['en'].right}" in first.text
            assert f"{second.right} {entry.quizzes['en'].right}" in second.text


def test_names_differ_within_a_language(catalogue: Catalogue, language: str) -> None:
    names = [catalogue.name(label, language) for label in catalogue.labels]
    assert len(set(names)) == len(names)
    crops = [catalogue.crop_name(crop, language) for crop in catalogue.crops]
    assert len(set(crops)) == len(crops)


def test_a_candidate_s_percentage_is_in_the_text(catalogue: Catalogue, language: str) -> None:
    said = diagnosis(Decision.ANSWER, "rice/blast", probability=Candidate("rice/blast", 0.85).probability)
    assert "85" in compose(catalogue, said, language, count_parts=count_parts)
