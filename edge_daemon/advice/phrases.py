"""The fixed words of a language, English behind them: a text that is missing comes in English, never as a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from edge_daemon.advice.entry import Language

FALLBACK = "en"

BLANKS: dict[str, frozenset[str]] = {
    "percent": frozenset({"percent"}),
    "answer": frozenset({"name", "percent"}),
    "healthy": frozenset({"crop", "percent"}),
    "two_candidates": frozenset({"first", "first_percent", "second", "second_percent"}),
    "two_candidates_title": frozenset({"first", "second"}),
    "two_candidates_percent": frozenset({"first_percent", "second_percent"}),
    "two_candidates_act": frozenset(),
    "two_candidates_do_not": frozenset(),
    "two_candidates_officer": frozenset(),
    "not_sure": frozenset(),
    "not_sure_act": frozenset(),
    "not_sure_do_not": frozenset(),
    "not_sure_officer": frozenset(),
    "not_a_leaf": frozenset(),
    "not_a_leaf_act": frozenset(),
    "not_a_leaf_do_not": frozenset(),
    "not_a_leaf_officer": frozenset(),
    "wrong_crop": frozenset({"seen", "named"}),
    "wrong_crop_act": frozenset(),
    "wrong_crop_do_not": frozenset(),
    "wrong_crop_officer": frozenset(),
    "first_aid": frozenset({"crop"}),
    "first_aid_any_crop": frozenset(),
    "first_aid_any_crop_act": frozenset(),
    "first_aid_do_not": frozenset(),
    "first_aid_officer": frozenset(),
}
"""Every text by its key, with the blanks that it fills in."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """A language and its texts by key; fallback: the English ones, None for English itself."""

    language: Language
    texts: Mapping[str, str]
    fallback: Phrases | None = None

    def say(self, key: str, **values: object) -> str:
        """The text of a key of BLANKS, its blanks filled in."""
        if key in self.texts:
            return self.texts[key].format(**values)
        if self.fallback is None:
            raise KeyError(key)
        return self.fallback.say(key, **values)

    def faults(self) -> list[str]:
        """Keys that nobody asks for, blanks that nobody fills, and for English also what is missing."""
        code = self.language.code
        found = [f"locale {code}: no text is called {key!r}." for key in self.texts if key not in BLANKS]
        for key in BLANKS.keys() & self.texts.keys():
            if (blanks := _blanks(self.texts[key])) != BLANKS[key]:
                found.append(f"locale {code}: {key} has the blanks {sorted(blanks)}, not {sorted(BLANKS[key])}.")
        if self.fallback is None:
            found += [f"locale {code}: {key} is missing." for key in BLANKS if key not in self.texts]
        return sorted(found)


def _blanks(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)
