"""What the kiosk asks about an advice, and what it says to the answer, as texts. Pure; when to ask is not known here.

A recall question offers the act of the advice among wrong answers. Where it is asked twice, the answers stand in
another order: what is to be remembered is the act, not its digit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.errors import ModelMismatch


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall question. right: the digit of the right answer, from 1; options: how many there are."""

    text: str
    right: int
    options: int


def recall(catalogue: Catalogue, label: str, language: str, turn: int) -> Recall:
    """The recall question of a label, asked for the `turn`-th time, from 0. Raises ModelMismatch, UnknownLanguage."""
    quiz = catalogue.quiz(label, language)
    if quiz is None:
        raise ModelMismatch(f"The catalogue has no quiz for {label}.")
    answers = quiz.answers
    place = (zlib.crc32(label.encode()) + turn) % len(answers)
    shown = [*answers[1:]]
    shown.insert(place, answers[0])
    options = ", ".join(f"{digit} {answer}" for digit, answer in enumerate(shown, 1))
    text = catalogue.say(language).say("ask_recall", name=catalogue.name(label, language), options=options)
    return Recall(text, place + 1, len(shown))


def recall_reply(catalogue: Catalogue, label: str, language: str, *, right: bool) -> str:
    """What is said to an answer: the act, once more. Raises ModelMismatch, UnknownLanguage."""
    key = "recall_right" if right else "recall_wrong"
    return catalogue.say(language).say(key, act=catalogue.text(label, language).act)


def ask_help(catalogue: Catalogue, label: str, language: str, key: str = "ask_help") -> str:
    """ "Did it help?" key: of the wording. Raises ModelMismatch, UnknownLanguage."""
    return catalogue.say(language).say(key, name=catalogue.name(label, language))


def crop_advice(catalogue: Catalogue, crop: str, language: str, officer: str) -> str:
    """What can be said of a crop in general. officer: their number. Raises UnknownCrop, UnknownLanguage."""
    words = catalogue.words(crop, language)
    return catalogue.say(language).say("crop_advice", crop=words.name, advice=words.first_aid, officer=officer)


def language_list(catalogue: Catalogue, language: str) -> str:
    """The languages that there are, each in its own words. Raises UnknownLanguage."""
    names = ", ".join(catalogue.say(code).language.name for code in catalogue.languages)
    return catalogue.say(language).say("language_list", languages=names)
