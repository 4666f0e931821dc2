"""The words that a farmer may answer with, in every language, read from words.toml and checked.

No spelling may stand for two things, in one language or in two: whoever writes does not say in which language. So a
collision is a fault of the file, and the file is not used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edge_daemon.conversation.spelling import tokens
from edge_daemon.errors import WordsFaulty

FILE = Path(__file__).with_name("words.toml")
REVIEWED_BY = "reviewed_by"
GREETING = "hi"
"""The one language code that may be a word: nobody who writes it alone means Hindi."""

Phrase = tuple[str, ...]


class Concept(StrEnum):
    """What a word or phrase stands for: the keys of a language in words.toml."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    YES = "yes"
    NO = "no"
    LANGUAGE = "language"
    REPEAT = "repeat"
    ONE = "one"
    TWO = "two"
    THREE = "three"
    FILLER = "filler"


@dataclass(frozen=True)
class Words:
    """concepts: by phrase, a tuple of spelling.tokens. languages: the ISO 639-1 codes that have words."""

    concepts: Mapping[Phrase, Concept]
    languages: frozenset[str]

    @classmethod
    def load(cls, path: Path = FILE) -> Words:
        """Read and check the words that came with the program, or others. Raises WordsFaulty."""
        tables = _tables(path)
        concepts: dict[Phrase, Concept] = {}
        places: dict[Phrase, str] = {}
        for place, phrase, concept in _entries(path, tables):
            first = places.setdefault(phrase, place)
            if concepts.setdefault(phrase, concept) is not concept:
                raise WordsFaulty(f"{place} has {' '.join(phrase)!r}, which {first} has too. Keep it in one of them.")
        return cls(MappingProxyType(concepts), frozenset(tables))

    def cover(self, message: Sequence[str]) -> Iterator[tuple[range, Concept | None]]:
        """The message's words from left to right, the longest phrase first; None for one word that no phrase has."""
        at = 0
        while at < len(message):
            ends = range(min(at + self._longest, len(message)), at, -1)
            end = next((end for end in ends if tuple(message[at:end]) in self.concepts), at + 1)
            yield range(at, end), self.concepts.get(tuple(message[at:end]))
            at = end

    def within(self, message: Sequence[str], concept: Concept) -> frozenset[str]:
        """The words of every phrase of a concept whose words all stand in the message, in whatever order."""
        said = frozenset(message)
        return frozenset().union(*(bag for bag in self._bags[concept] if bag <= said))

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.concepts), default=1)

    @cached_property
    def _bags(self) -> Mapping[Concept, tuple[frozenset[str], ...]]:
        return {
            concept: tuple(frozenset(phrase) for phrase, its in self.concepts.items() if its is concept)
            for concept in Concept
        }


def _entries(path: Path, tables: Mapping[str, object]) -> Iterator[tuple[str, Phrase, Concept]]:
    """Every phrase with where it stands and what for."""
    for language, table in tables.items():
        lists = _lists(table, f"{path}: [{language}]")
        for concept in Concept:
            place = f"{path}: [{language}] {concept}"
            for text in lists[concept]:
                yield place, _phrase(text, place, tables.keys()), concept


def _lists(table: object, place: str) -> dict[str, list[object]]:
    if not isinstance(table, dict):
        raise WordsFaulty(f"{place} is no table. Give every language a table of its own.")
    if unknown := table.keys() - set(Concept) - {REVIEWED_BY}:
        raise WordsFaulty(f"{place} has the key {min(unknown)!r}, which means nothing. Correct or remove it.")
    if missing := {*Concept, REVIEWED_BY} - table.keys():
        raise WordsFaulty(f"{place} lacks the key {str(min(missing))!r}. Add it.")
    if not isinstance(table[REVIEWED_BY], str):
        raise WordsFaulty(f"{place} {REVIEWED_BY} must be a name in quotes, or empty.")
    for concept in Concept:
        if not isinstance(table[concept], list) or not table[concept]:
            raise WordsFaulty(f"{place} {concept} must be a list with a word in it.")
    return {concept: table[concept] for concept in Concept}


def _phrase(text: object, place: str, codes: Any) -> Phrase:
    phrase = tokens(text) if isinstance(text, str) else ()
    if not phrase:
        raise WordsFaulty(f"{place} has {text!r}, which is no word in quotes. Correct or remove it.")
    if any(word.isdecimal() for word in phrase):
        raise WordsFaulty(f"{place} has {text!r}. Digits have a meaning of their own; remove them.")
    if len(phrase) == 1 and phrase[0] in codes and phrase[0] != GREETING:
        raise WordsFaulty(f"{place} has {text!r}, which is the code of a language. Remove it.")
    return phrase


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise WordsFaulty(f"{path}: cannot be read: {why.strerror}. Install the program again.") from why
    except UnicodeDecodeError as why:
        raise WordsFaulty(f"{path}: is not UTF-8 text. Save it again as UTF-8.") from why
    except tomllib.TOMLDecodeError as why:
        raise WordsFaulty(f"{path}: is not TOML: {why}.") from why
