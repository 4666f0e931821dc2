"""A message taken apart: which words of words.toml, digits, crops and languages stand in it.

What the whole means is not asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from edge_daemon.conversation.words import Concept, Words
from edge_daemon.errors import UnknownCrop, UnknownLanguage

NAMED_MOST = 12
"""Words. In a longer message no crop or language is looked for: it is a sentence."""
NAME_WORDS = 4
"""The longest name of a crop or language that is looked for."""


class Names(Protocol):
    """Whoever knows the names of crops and languages: the catalogue."""

    def crop(self, text: str) -> str:
        """A crop's id. Raises UnknownCrop."""

    def language(self, text: str) -> str:
        """A language's code. Raises UnknownLanguage."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A message taken apart. stop, start, fillers: the words of such phrases, in whatever order they stand.

    concepts: what its other phrases stand for. unknown: words that no list and no name has. digits: 0 to 9.
    numbers: how many larger ones. codes: languages whose bare code stands there, whatever else it may mean.
    """

    tokens: tuple[str, ...]
    unknown: tuple[str, ...]
    concepts: frozenset[Concept]
    digits: frozenset[int]
    numbers: int
    stop: frozenset[str]
    start: frozenset[str]
    fillers: frozenset[str]
    languages: frozenset[str]
    crops: frozenset[str]
    codes: frozenset[str]

    @property
    def strange(self) -> int:
        """How many unknown words and larger numbers it has."""
        return len(self.unknown) + self.numbers


def look(message: tuple[str, ...], words: Words, names: Names) -> Contents:
    """Find all that stands in a message of spelling.tokens."""
    covered = [(span, concept) for span, concept in words.cover(message)]
    figures = {at for at, token in enumerate(message) if token.isdecimal()}
    loose = {span.start for span, concept in covered if concept is None} - figures
    crops = dict(_named(message, loose, names.crop))
    languages = dict(_named(message, loose, names.language))
    named = {at for span in (*crops, *languages) for at in span}
    return Contents(
        tokens=message,
        unknown=tuple(message[at] for at in sorted(loose - named)),
        concepts=frozenset(concept for _, concept in covered if concept is not None),
        digits=frozenset(int(message[at]) for at in figures if len(message[at]) == 1),
        numbers=sum(len(message[at]) > 1 for at in figures),
        stop=words.within(message, Concept.STOP),
        start=words.within(message, Concept.START),
        fillers=words.within(message, Concept.FILLER),
        languages=frozenset(languages.values()),
        crops=frozenset(crops.values()),
        codes=frozenset(code for token in set(message) & words.languages if (code := _ask(names.language, token))),
    )


def _named(message: tuple[str, ...], loose: set[int], find: Callable[[str], str]) -> Iterator[tuple[range, str]]:
    """The names in a message, the longest first. Each has a word that no list knows, so "hi" alone is no language."""
    free = set(range(len(message))) if len(message) <= NAMED_MOST else set()
    for length in range(NAME_WORDS, 0, -1):
        for at in range(len(message) - length + 1):
            span = range(at, at + length)
            if not free.issuperset(span) or loose.isdisjoint(span):
                continue
            if name := _ask(find, *message[at : at + length]):
                free.difference_update(span)
                yield span, name


def _ask(find: Callable[[str], str], *name: str) -> str | None:
    try:
        return find(" ".join(name))
    except (UnknownCrop, UnknownLanguage):
        return None
