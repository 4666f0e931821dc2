"""A diagnosis becomes words: fields for a screen, and an SMS that says only whole sentences. Pure.

An SMS is what the kiosk saw, what that is, one act, one do-not, when to ask the officer. It costs two parts, three at
the most. What does not fit is left out, sentence by sentence, the least important first (LEAST_IMPORTANT); the last
step leaves the do-not only where it would cost a fourth part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.phrases import Phrases
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis

TARGET_PARTS = 2
MOST_PARTS = 3
FIRST_SMS_PARTS = 3
"""The first SMS to a number says besides what the number is used for; for that it may take one part more."""

LEAST_IMPORTANT: dict[Decision, tuple[str, ...]] = {
    Decision.FIRST_AID: ("what", "officer"),
    Decision.ANSWER: ("what", "officer"),
    Decision.NOT_A_LEAF: ("what", "officer"),
    Decision.WRONG_CROP: ("what", "officer"),
    # Where the kiosk does not know, whom to ask matters more than another photo.
    Decision.TWO_CANDIDATES: ("what", "act"),
    Decision.NOT_SURE: ("what", "act"),
}
"""What an SMS leaves out to keep to its target, first to last."""

SENTENCES = ("headline", "what", "act", "do_not", "officer")


@dataclass(frozen=True, slots=True)
class Advice:
    """What a farmer is told. For a screen: title, percent, what, act, do_not, officer; headline opens the SMS.

    percent and what are empty where there is nothing to say.
    """

    decision: Decision
    title: str
    percent: str
    headline: str
    what: str
    act: str
    do_not: str
    officer: str


def compose(
    catalogue: Catalogue, diagnosis: Diagnosis, language: str, *, count_parts: Callable[[str], int], notice: str = ""
) -> str:
    """The SMS on a diagnosis. count_parts: how many SMS a text costs. notice: its last sentence, never left out.

    Raises as advise does.
    """
    advice = advise(catalogue, diagnosis, language)
    if not notice:
        return sms(advice, count_parts)
    return f"{sms(advice, lambda text: count_parts(f'{text} {notice}') - (FIRST_SMS_PARTS - TARGET_PARTS))} {notice}"


def advise(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> Advice:
    """What to tell the farmer of a diagnosis. Raises ModelMismatch, UnknownLanguage, UnknownCrop."""
    if diagnosis.decision is Decision.FIRST_AID:
        return first_aid(catalogue, diagnosis.visit.crop, language)
    if diagnosis.decision is Decision.ANSWER:
        return _answer(catalogue, diagnosis.best, language)
    if diagnosis.decision is Decision.TWO_CANDIDATES:
        return _two_candidates(catalogue, diagnosis, language)
    if diagnosis.decision is Decision.WRONG_CROP and diagnosis.visit.crop not in {None, diagnosis.best.crop}:
        return _wrong_crop(catalogue, diagnosis, language)
    phrases = catalogue.say(language)
    unjudged = diagnosis.decision is Decision.NOT_A_LEAF
    return _undecided(phrases, Decision.NOT_A_LEAF if unjudged else Decision.NOT_SURE)


def first_aid(catalogue: Catalogue, crop: str | None, language: str) -> Advice:
    """What to tell when camera or model failed; it says so. Raises UnknownCrop, UnknownLanguage."""
    phrases = catalogue.say(language)
    if crop is None:
        headline, act = phrases.say("first_aid_any_crop"), phrases.say("first_aid_any_crop_act")
    else:
        words = catalogue.words(crop, language)
        headline, act = phrases.say("first_aid", crop=words.name), words.first_aid
    do_not, officer = phrases.say("first_aid_do_not"), phrases.say("first_aid_officer")
    return Advice(Decision.FIRST_AID, headline, "", headline, "", act, do_not, officer)


def sms(advice: Advice, count_parts: Callable[[str], int]) -> str:
    """The advice as one text of whole sentences: the fullest within two parts, else the shortest, within three."""
    shorter = list(_shorter_and_shorter(advice))
    for text in shorter:
        if count_parts(text) <= TARGET_PARTS:
            return text
    if count_parts(shorter[-1]) <= MOST_PARTS:
        return shorter[-1]
    return _sentences(advice, {"what", "officer", "do_not"})


def _shorter_and_shorter(advice: Advice) -> Iterator[str]:
    left_out: set[str] = set()
    yield _sentences(advice, left_out)
    for name in LEAST_IMPORTANT[advice.decision]:
        left_out.add(name)
        yield _sentences(advice, left_out)


def _sentences(advice: Advice, left_out: set[str]) -> str:
    kept = (getattr(advice, name) for name in SENTENCES if name not in left_out)
    return " ".join(sentence for sentence in kept if sentence)


def _answer(catalogue: Catalogue, best: Candidate, language: str) -> Advice:
    phrases, text = catalogue.say(language), catalogue.text(best.label, language)
    if catalogue.entry(best.label).healthy:
        headline = phrases.say("healthy", crop=catalogue.crop_name(best.crop, language), percent=best.percent)
    else:
        headline = phrases.say("answer", name=text.name, percent=best.percent)
    percent = phrases.say("percent", percent=best.percent)
    return Advice(Decision.ANSWER, text.name, percent, headline, text.what, text.act, text.do_not, text.officer)


def _two_candidates(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> Advice:
    phrases = catalogue.say(language)
    one, other = diagnosis.candidates[:2]
    names = {"first": catalogue.name(one.label, language), "second": catalogue.name(other.label, language)}
    percents = {"first_percent": one.percent, "second_percent": other.percent}
    return _undecided(
        phrases,
        Decision.TWO_CANDIDATES,
        headline=phrases.say("two_candidates", **names, **percents),
        title=phrases.say("two_candidates_title", **names),
        percent=phrases.say("two_candidates_percent", **percents),
    )


def _wrong_crop(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> Advice:
    phrases = catalogue.say(language)
    seen = catalogue.words(diagnosis.best.crop, language).leaf
    named = catalogue.words(diagnosis.visit.crop or "", language).leaf
    return _undecided(phrases, Decision.WRONG_CROP, headline=phrases.say("wrong_crop", seen=seen, named=named))


def _undecided(phrases: Phrases, decision: Decision, headline: str = "", title: str = "", percent: str = "") -> Advice:
    """The words of a decision that names no single disease; they stand in the locale under the decision's own name."""
    said = headline or phrases.say(decision.value)
    act, do_not, officer = (phrases.say(f"{decision.value}_{part}") for part in ("act", "do_not", "officer"))
    return Advice(decision, title or said, percent, said, "", act, do_not, officer)
