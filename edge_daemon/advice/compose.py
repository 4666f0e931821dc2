"""The SMS: what the kiosk says of a leaf, in whole sentences, within two parts.

The sentences stand in the order of what must not be lost: name and percentage, the act, the do-not, when to ask the
officer. Where they do not fit into TARGET_PARTS the last ones are left out, whole; the first two always stand.
"""

from __future__ import annotations

from collections.abc import Callable

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.diagnosis import Decision, Diagnosis
from edge_daemon.errors import Refused

TARGET_PARTS = 2
"""134 letters in Hindi (67 to a part), 306 in English (153): each part is paid for."""
MOST_PARTS = 3
ALWAYS = 2
"""How many sentences are never left out."""

CountParts = Callable[[str], int]


def compose(catalogue: Catalogue, diagnosis: Diagnosis, language: str, count_parts: CountParts) -> str:
    """The SMS for a diagnosis. count_parts: how many parts a text costs. Raises Refused where MOST_PARTS do not do."""
    return fit(sentences(catalogue, diagnosis, language), count_parts)


def sentences(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    """What there is to say, the most important first."""
    speak = _SPEAKERS[diagnosis.decision]
    return speak(catalogue, diagnosis, language)


def fit(said: list[str], count_parts: CountParts) -> str:
    """As many sentences as TARGET_PARTS hold, at least ALWAYS. Raises Refused where MOST_PARTS do not hold these."""
    for kept in range(len(said), ALWAYS - 1, -1):
        text = " ".join(said[:kept])
        if count_parts(text) <= TARGET_PARTS:
            return text
    shortest = " ".join(said[:ALWAYS])
    if count_parts(shortest) > MOST_PARTS:
        raise Refused(
            f"The advice needs {count_parts(shortest)} SMS parts; {MOST_PARTS} is the most. Shorten its texts."
        )
    return shortest


def first_aid(catalogue: Catalogue, crop: str | None, language: str) -> str:
    """What can be said when camera or model have failed: no diagnosis, and nothing that does harm."""
    said = [catalogue.phrase("first_aid", language)]
    if crop:
        said.append(catalogue.crops[crop].texts[language].first_aid)
    return " ".join([*said, catalogue.phrase("do_not_spray_yet", language), catalogue.phrase("ask_officer", language)])


def _answer(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    best, text = diagnosis.best, catalogue.text(diagnosis.best.label, language)
    headline = catalogue.phrase("answer", language).format(name=text.name, percent=best.percent)
    return [headline, text.act, text.do_not, text.officer]


def _two_candidates(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    first, second = (catalogue.name(candidate.label, language) for candidate in diagnosis.candidates[:2])
    headline = catalogue.phrase("two_candidates", language).format(first=first, second=second)
    return [headline, catalogue.phrase("do_not_spray_yet", language), catalogue.phrase("ask_officer", language)]


def _not_sure(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    return [catalogue.phrase(key, language) for key in ("not_sure", "do_not_spray_yet", "ask_officer", "another_photo")]


def _not_a_leaf(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    return [catalogue.phrase(key, language) for key in ("not_a_leaf", "another_photo", "ask_officer")]


def _wrong_crop(catalogue: Catalogue, diagnosis: Diagnosis, language: str) -> list[str]:
    seen = catalogue.crops[diagnosis.best.crop].texts[language].leaf
    headline = catalogue.phrase("wrong_crop", language).format(seen=seen)
    return [headline, catalogue.phrase("name_it_again", language), catalogue.phrase("do_not_spray_yet", language)]


_SPEAKERS: dict[Decision, Callable[[Catalogue, Diagnosis, str], list[str]]] = {
    Decision.ANSWER: _answer,
    Decision.TWO_CANDIDATES: _two_candidates,
    Decision.NOT_SURE: _not_sure,
    Decision.NOT_A_LEAF: _not_a_leaf,
    Decision.WRONG_CROP: _wrong_crop,
}
