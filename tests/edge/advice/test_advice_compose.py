"""The SMS of every class, language and decision: its length, its sentences, and what it leaves out first."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.compose import MOST_PARTS, SENTENCES, Advice, advise, compose, first_aid, sms
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Visit
from edge_daemon.errors import ModelMismatch, UnknownCrop, UnknownLanguage
from edge_daemon.modem.alphabet import GSM7, UCS2, count_parts, split

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HELPLINE = "1800-180-1551"


def diagnosis(decision: Decision, *labels: str, crop: str | None = None, probability: float = 0.853) -> Diagnosis:
    """A diagnosis with these candidates, the best first."""
    visit = Visit("v", NOON, "synced", "en", crop)
    candidates = tuple(Candidate(label, probability if rank == 0 else 0.1) for rank, label in enumerate(labels))
    return Diagnosis("d", visit, NOON, "synced", decision, candidates, 0.9, "m-1", "folder:a.jpg", True)


def text(catalogue: Catalogue, language: str, decision: Decision, *labels: str, crop: str | None = None) -> str:
    return compose(catalogue, diagnosis(decision, *labels, crop=crop), language, count_parts=count_parts)


def test_two_candidates_are_both_named_and_neither_s_act_is_told(catalogue: Catalogue) -> None:
    one, other = "rice/blast", "rice/brown_spot"
    for language in catalogue.languages:
        message = text(catalogue, language, Decision.TWO_CANDIDATES, one, other)
        assert catalogue.name(one, language) in message
        assert catalogue.name(other, language) in message
        assert HELPLINE in message
        assert catalogue.text(one, language).act not in message


def test_a_wrong_crop_s_message_names_both(catalogue: Catalogue) -> None:
    for language in catalogue.languages:
        said = diagnosis(Decision.WRONG_CROP, "maize/common_rust", crop="rice")
        message, advice = compose(catalogue, said, language, count_parts=count_parts), advise(catalogue, said, language)
        for crop in ("maize", "rice"):
            assert catalogue.words(crop, language).leaf in message
        assert f"{advice.act} {advice.do_not}" in message


def test_first_aid_says_that_nothing_was_diagnosed(catalogue: Catalogue) -> None:
    assert "not diagnose" in first_aid(catalogue, None, "en").headline
    assert first_aid(catalogue, "rice", "en").headline.startswith("Rice: the kiosk could not diagnose")
    assert "पहचान नहीं" in first_aid(catalogue, "rice", "hi").headline


def test_hindi_goes_as_ucs2_and_english_as_gsm7(catalogue: Catalogue) -> None:
    for label in catalogue.labels:
        assert split(text(catalogue, "hi", Decision.ANSWER, label)).coding is UCS2
        assert split(text(catalogue, "en", Decision.ANSWER, label)).coding is GSM7


def test_the_words_of_an_answer(catalogue: Catalogue) -> None:
    assert text(catalogue, "en", Decision.ANSWER, "rice/blast") == (
        "Rice blast, 85 % likely. A fungus makes eye-shaped spots with a grey middle; leaves may look burnt. "
        "Keep a thin layer of water in the field and clear grassy weeds from the bunds. "
        "Do not give urea until the spread stops. Show it to the officer today and ask whether to spray."
    )
    assert text(catalogue, "hi", Decision.ANSWER, "rice/blast") == (
        "धान का झोंका रोग, संभावना 85%। खेत में थोड़ा पानी रखें, मेड़ की घास हटाएँ। रोग रुकने तक यूरिया न दें। आज ही अधिकारी को दिखाएँ।"
    )


def test_a_healthy_leaf_is_no_disease_s_answer(catalogue: Catalogue) -> None:
    message = text(catalogue, "en", Decision.ANSWER, "rice/healthy")
    assert message.startswith("Rice: no disease seen on this leaf, 85 % likely. ")
    assert text(catalogue, "hi", Decision.ANSWER, "rice/healthy").startswith("धान: पत्ते पर रोग नहीं दिखा")


def test_a_crop_is_only_wrong_where_another_one_was_named(catalogue: Catalogue) -> None:
    wrong = text(catalogue, "en", Decision.WRONG_CROP, "maize/common_rust", crop="rice")
    assert wrong.startswith("This looks like a maize leaf, not a rice leaf. No disease was named.")
    for crop in (None, "maize"):
        unsure = text(catalogue, "en", Decision.WRONG_CROP, "maize/common_rust", crop=crop)
        assert unsure.startswith("The kiosk is not sure")


def test_a_rehearsal_is_not_marked_in_the_text(catalogue: Catalogue) -> None:
    for language in catalogue.languages:
        assert "rehears" not in text(catalogue, language, Decision.ANSWER, "rice/blast").casefold()


def test_the_screen_gets_the_same_words_in_fields(catalogue: Catalogue) -> None:
    advice = advise(catalogue, diagnosis(Decision.ANSWER, "rice/blast"), "en")
    assert (advice.title, advice.percent) == ("Rice blast", "85 % likely")
    two = advise(catalogue, diagnosis(Decision.TWO_CANDIDATES, "rice/blast", "rice/brown_spot"), "en")
    assert (two.title, two.percent) == ("Rice blast or Rice brown spot", "85 % or 10 % likely")
    assert two.do_not == "Do not spray yet."
    none = first_aid(catalogue, None, "en")
    assert (none.title, none.percent, none.decision) == (none.headline, "", Decision.FIRST_AID)


def test_what_has_no_words_is_named(catalogue: Catalogue) -> None:
    with pytest.raises(ModelMismatch, match="rice/hispa"):
        text(catalogue, "en", Decision.ANSWER, "rice/hispa")
    with pytest.raises(UnknownLanguage, match="'xx'"):
        text(catalogue, "xx", Decision.NOT_SURE, "rice/blast")
    with pytest.raises(UnknownCrop, match="'mango'"):
        first_aid(catalogue, "mango", "en")


def parts_by_sentence(message: str) -> int:
    """A network on which every sentence is a part of its own."""
    return len(re.findall(r"\.", message))


def test_sentences_are_left_out_least_important_first() -> None:
    def kept(decision: Decision, room: int) -> str:
        advice = Advice(decision, "", "", "Head.", "What.", "Act.", "Not.", "Officer.")
        return sms(advice, lambda message: parts_by_sentence(message) - room)

    assert kept(Decision.ANSWER, 3) == "Head. What. Act. Not. Officer."
    assert kept(Decision.ANSWER, 2) == "Head. Act. Not. Officer."
    assert kept(Decision.ANSWER, 1) == "Head. Act. Not."
    assert kept(Decision.ANSWER, 0) == "Head. Act. Not."
    assert kept(Decision.ANSWER, -1) == "Head. Act."
    assert kept(Decision.TWO_CANDIDATES, 1) == "Head. Not. Officer."
    assert kept(Decision.FIRST_AID, 1) == "Head. Act. Not."


sentence = st.text("abcअआइ ", min_size=1, max_size=60).map(lambda words: f"{words.strip() or 'a'}.")


@given(st.sampled_from(Decision), st.lists(sentence, min_size=5, max_size=5))
def test_any_sms_is_whole_sentences_within_three_parts(decision: Decision, sentences: list[str]) -> None:
    advice = Advice(decision, "", "", *sentences)
    message = sms(advice, count_parts)
    assert count_parts(message) <= MOST_PARTS
    whole = [getattr(advice, name) for name in SENTENCES]
    left = message
    for said in whole:
        left = left.removeprefix(said).lstrip() if left.startswith(said) else left
    assert left == ""
