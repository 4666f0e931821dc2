"""The nouns of the catalogue: frozen values that check themselves. No I/O, no rules about what a text may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

PATHOGENS = frozenset({"fungus", "oomycete", "bacterium", "virus", "pest", "nutrient", "healthy", "unknown"})
URGENCIES = frozenset({"high", "medium", "low", "none"})
TREATABILITIES = frozenset(
    {
        "can_be_slowed",
        "slow_spread_only",
        "no_cure_remove",
        "prevent_next_season",
        "usually_minor",
        "correctable",
        "refer",
        "none_needed",
    }
)
SUBSTANCE_KINDS = frozenset({"fungicide", "antibiotic", "insecticide", "acaricide"})
HEALTHY = "healthy"
FIELDS = ("name", "what", "act", "do_not", "officer")
"""The texts of an entry in one language, in the order of an SMS."""
CROP_FIELDS = ("name", "leaf", "first_aid")
MOST_WRONG = 2
"""A quiz has at most so many wrong answers: with the right one, three to read."""


@dataclass(frozen=True, slots=True)
class Text:
    """An entry in one language. name: short, with the crop in it, no full stop; the others are whole sentences.

    language: the code of the language that it is written in. reviewed_by: the agronomist or native reader who has
    signed it; empty for a draft.
    """

    name: str
    what: str
    act: str
    do_not: str
    officer: str
    reviewed_by: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Quiz:
    """The answers to "what should you do?", without full stops: the right one and one or two wrong ones.

    language, reviewed_by: as for Text.
    """

    right: str
    wrong: tuple[str, ...]
    reviewed_by: str
    language: str = "en"

    def __post_init__(self) -> None:
        _require(1 <= len(self.wrong) <= MOST_WRONG, f"a quiz has one or {MOST_WRONG} wrong answers")
        _require(len({self.right, *self.wrong}) == 1 + len(self.wrong), "two answers of a quiz are the same")

    @property
    def answers(self) -> tuple[str, ...]:
        """All of them, the right one first."""
        return (self.right, *self.wrong)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the kiosk says of one class of the model. label: "<crop>/<disease>".

    texts: by the code of the language that is asked for, written in it or in one that it falls back to. quizzes: the
    same; empty for the healthy class. sources: ids of sources.toml for the facts; empty where no page stands behind
    them. dose_sources: the same for a dose, should a text name one. note: for the reviewer, shown to nobody else.
    """

    label: str
    pathogen: str
    urgency: str
    treatability: str
    sources: tuple[str, ...]
    texts: Mapping[str, Text]
    quizzes: Mapping[str, Quiz]
    dose_sources: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        _one_of("pathogen", self.pathogen, PATHOGENS)
        _one_of("urgency", self.urgency, URGENCIES)
        _one_of("treatability", self.treatability, TREATABILITIES)
        _require((self.pathogen == HEALTHY) == self.label.endswith("/healthy"), "the healthy class is <crop>/healthy")

    @property
    def healthy(self) -> bool:
        return self.pathogen == HEALTHY

    @property
    def own_languages(self) -> tuple[str, ...]:
        """The codes of the languages in which it is written, and needs no other."""
        return tuple(code for code, text in self.texts.items() if text.language == code)


@dataclass(frozen=True, slots=True)
class CropWords:
    """A crop in one language. name: "Rice"; leaf: "rice leaf"; first_aid: what to do when nothing was diagnosed."""

    name: str
    leaf: str
    first_aid: str
    reviewed_by: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop that the catalogue has advice for. aliases: other names that a visitor may give, in any language."""

    id: str
    aliases: tuple[str, ...]
    words: Mapping[str, CropWords]


@dataclass(frozen=True, slots=True)
class Substance:
    """A plant-protection substance. spellings: all ways in which a text may write it.

    barred: banned, restricted, or named in a draft order; source: the id of the page that says so.
    """

    spellings: tuple[str, ...]
    kind: str
    barred: bool
    source: str

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, SUBSTANCE_KINDS)
        _require(bool(self.source) or not self.barred, "a barred substance names the source that bars it")


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the catalogue. name: its own; english: what English calls it.

    letters: the inside of a character class, all that its texts may be written with. forbids: a regular expression that
    every do-not sentence matches. falls_back: codes of the languages that stand in for a missing text, in this order;
    English is the last. reviewed_by: of the fixed texts, for English only; a translation has its own marks.
    """

    code: str
    name: str
    english: str
    aliases: tuple[str, ...]
    letters: str
    forbids: str
    falls_back: tuple[str, ...]
    reviewed_by: str = ""

    def __post_init__(self) -> None:
        re.compile(f"[{self.letters}]")
        re.compile(self.forbids)


def _one_of(key: str, value: str, allowed: frozenset[str]) -> None:
    _require(value in allowed, f"{key} is {value!r}; it can be {', '.join(sorted(allowed))}")


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
