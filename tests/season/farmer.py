"""A farmer with a basic phone: what they do with SMS that reach them. Knows texts, and what they mean to say."""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.phrases import USES

YES = {"en": ["1", "yes", "YES 1", " 1. "], "hi": ["1", "हाँ", "haan", "१"], "bn": ["1", "হ্যাঁ", "১"]}
NO = {"en": ["2", "no", "No 2"], "hi": ["2", "नहीं", "nahi", "२"], "bn": ["2", "না", "২"]}
STOP = {"en": ["STOP", "0", "please stop"], "hi": ["बंद करो", "0", "०"], "bn": ["বন্ধ", "0"]}
ODD = ["kya hai", "who are you", "my cow is ill", "Hello ji", "???", "9876543210 call me", "1 2", "ok thank you"]
OPTION = re.compile(r"(\d) ")


@dataclass
class Farmer:
    """number, language: of the phone. asked: the texts of questions that wait for an answer of theirs."""

    number: str
    language: str
    patience: float
    asked: list[str] = field(default_factory=list)

    def answer_to(self, text: str, kind: str, rng: random.Random) -> str:
        """What they write to a question."""
        spoken = self.language if self.language in YES else "en"
        if kind == "help":
            return rng.choice(YES[spoken] if rng.random() < 0.7 else NO[spoken])
        return str(rng.choice(sorted({int(digit) for digit in OPTION.findall(text)} & {1, 2, 3})))

    def stop(self, rng: random.Random) -> str:
        """How they say that they want no more."""
        return rng.choice(STOP[self.language if self.language in STOP else "en"])


def kind_of(text: str) -> str | None:
    """What an SMS asks, as a farmer sees it: "help", "recall", "reason", or nothing."""
    for kind, key in (("help", "ask_help"), ("help", "ask_help_b"), ("recall", "ask_recall"), ("reason", "ask_reason")):
        if any(pattern.fullmatch(text) for pattern in patterns(key)):
            return kind
    return None


@functools.cache
def words() -> Catalogue:
    """The catalogue that the farmers' SMS are written from."""
    return Catalogue.load()


@functools.cache
def patterns(key: str) -> tuple[re.Pattern[str], ...]:
    """What a fixed text looks like in any language, whatever fills its blanks."""
    blanks = dict.fromkeys(USES[key].blanks, "\0")
    said = (words().say(language).say(key, **blanks) for language in words().languages)
    return tuple(re.compile(re.escape(text).replace("\0", ".+")) for text in said)


@dataclass(frozen=True, order=True)
class Deed:
    """What a farmer is going to do. at: the true time. act: "visit" or "text"."""

    at: datetime
    turn: int
    act: str
    number: str
    text: str = ""
    intent: str = ""


def later(now: datetime, rng: random.Random, most_h: float) -> datetime:
    """Some time after now."""
    return now + timedelta(hours=rng.random() * most_h)
