"""The fixed texts of a language, and behind it others: a text that is missing comes in the next, never as a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter

from edge_daemon.advice.entry import Language

SOURCE = "en"
"""The language that the others are translated from, and the last that any falls back to."""

SCREEN = 0
"""A text that no SMS carries."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a fixed text is for: the blanks it fills in, and how many SMS parts it may cost (SCREEN: none)."""

    blanks: frozenset[str] = frozenset()
    parts: int = 2


def _use(*blanks: str, parts: int = 2) -> Use:
    return Use(frozenset(blanks), parts)


USES: dict[str, Use] = {
    "percent": _use("percent", parts=SCREEN),
    "answer": _use("name", "percent"),
    "healthy": _use("crop", "percent"),
    "two_candidates": _use("first", "first_percent", "second", "second_percent"),
    "two_candidates_title": _use("first", "second", parts=SCREEN),
    "two_candidates_percent": _use("first_percent", "second_percent", parts=SCREEN),
    "two_candidates_act": _use(),
    "two_candidates_do_not": _use(),
    "two_candidates_officer": _use(),
    "not_sure": _use(),
    "not_sure_act": _use(),
    "not_sure_do_not": _use(),
    "not_sure_officer": _use(),
    "not_a_leaf": _use(),
    "not_a_leaf_act": _use(),
    "not_a_leaf_do_not": _use(),
    "not_a_leaf_officer": _use(),
    "wrong_crop": _use("seen", "named"),
    "wrong_crop_act": _use(),
    "wrong_crop_do_not": _use(),
    "wrong_crop_officer": _use(),
    "first_aid": _use("crop"),
    "first_aid_any_crop": _use(),
    "first_aid_any_crop_act": _use(),
    "first_aid_do_not": _use(),
    "first_aid_officer": _use(),
    "notice": _use(parts=SCREEN),
    "notice_sms": _use(parts=1),
    "share": _use(parts=SCREEN),
    "ask_help": _use("name"),
    "ask_help_b": _use("name"),
    "ask_recall": _use("name", "options"),
    "ask_reason": _use("officer"),
    "recall_right": _use("act"),
    "recall_wrong": _use("act"),
    "thanks_yes": _use(parts=1),
    "reason_1": _use("officer"),
    "reason_2": _use("officer"),
    "reason_3": _use("officer"),
    "noted": _use(parts=1),
    "unclear": _use(parts=1),
    "help": _use("officer", parts=3),
    "stopped": _use(parts=2),
    "started": _use(parts=2),
    "language_set": _use(parts=1),
    "language_list": _use("languages", parts=2),
    "crop_advice": _use("crop", "advice", "officer", parts=3),
    "nothing_to_repeat": _use(parts=1),
    "retake_dark": _use(parts=SCREEN),
    "retake_bright": _use(parts=SCREEN),
    "retake_blurred": _use(parts=SCREEN),
    "retake_glare": _use(parts=SCREEN),
    "retake_no_leaf": _use(parts=SCREEN),
}
"""Every fixed text by its key. A part is at most what one SMS carries; tests count them in every language."""

SECOND = "_b"
"""A key with this at its end is the second wording of the text without it, for an experiment."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """A language and its own texts by key. fallbacks: whose texts stand in for a missing one, in this order.

    reviewed: who reviewed a text, by key; a text that is not in it is a draft.
    """

    language: Language
    texts: Mapping[str, str]
    fallbacks: tuple[Phrases, ...] = ()
    reviewed: Mapping[str, str] = field(default_factory=dict)

    def say(self, key: str, **values: object) -> str:
        """The text of a key of USES, its blanks filled in."""
        return next(phrases.texts[key] for phrases in self._chain() if key in phrases.texts).format(**values)

    def has(self, key: str) -> bool:
        """Whether the language itself has this text."""
        return key in self.texts

    def _chain(self) -> Iterator[Phrases]:
        yield self
        yield from self.fallbacks

    def faults(self) -> list[str]:
        """Keys that nobody asks for, blanks that nobody fills, and for English also what is missing."""
        code = self.language.code
        found = [f"locale {code}: no text is called {key!r}." for key in self.texts if key not in USES]
        for key in USES.keys() & self.texts.keys():
            if (blanks := _blanks(self.texts[key])) != USES[key].blanks:
                found.append(f"locale {code}: {key} has the blanks {sorted(blanks)}, not {sorted(USES[key].blanks)}.")
        if code == SOURCE:
            found += [f"locale {code}: {key} is missing." for key in USES if key not in self.texts]
        return sorted(found)


def _blanks(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
