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
REVIEWS = frozenset({"draft", "reviewed"})
SUBSTANCE_KINDS = frozenset({"fungicide", "antibiotic", "insecticide", "acaricide"})
HEALTHY = "healthy"
FIELDS = ("name", "what", "act", "do_not", "officer")
"""The texts of an entry in one language, in the order of an SMS."""


@dataclass(frozen=True, slots=True)
class Text:
    """An entry in one language. name: short, with the crop in it, no full stop; the others are whole sentences.

    review: "draft" until an agronomist or native reader has signed; reviewed_by: who did, empty for a draft.
    """

    name: str
    what: str
    act: str
    do_not: str
    officer: str
    review: str
    reviewed_by: str

    def __post_init__(self) -> None:
        _check_review(self.review, self.reviewed_by)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the kiosk says of one class of the model. label: "<crop>/<disease>". texts: by language code.

    sources: ids of sources.toml for the facts; empty where no page stands behind them. dose_sources: the same for a
    dose, should a text name one. note: for the reviewer, shown to nobody else.
    """

    label: str
    pathogen: str
    urgency: str
    treatability: str
    sources: tuple[str, ...]
    texts: Mapping[str, Text]
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


@dataclass(frozen=True, slots=True)
class CropWords:
    """A crop in one language. name: "Rice"; leaf: "rice leaf"; first_aid: what to do when nothing was diagnosed."""

    name: str
    leaf: str
    first_aid: str
    review: str
    reviewed_by: str

    def __post_init__(self) -> None:
        _check_review(self.review, self.reviewed_by)


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
    """A language of the catalogue. letters: the inside of a character class, all that its texts may be written with.

    forbids: a regular expression that every do-not sentence of the language matches. review: of the fixed words.
    """

    code: str
    name: str
    aliases: tuple[str, ...]
    letters: str
    forbids: str
    review: str
    reviewed_by: str

    def __post_init__(self) -> None:
        _check_review(self.review, self.reviewed_by)
        re.compile(f"[{self.letters}]")
        re.compile(self.forbids)


def _check_review(review: str, reviewed_by: str) -> None:
    _one_of("review", review, REVIEWS)
    _require(
        bool(reviewed_by) == (review == "reviewed"),
        "reviewed_by names who reviewed the text, and is empty for a draft",
    )


def _one_of(key: str, value: str, allowed: frozenset[str]) -> None:
    _require(value in allowed, f"{key} is {value!r}; it can be {', '.join(sorted(allowed))}")


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)
