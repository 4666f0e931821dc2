"""What one SMS from a farmer means, whatever it answers. Pure: a text in, a Meaning out, for any text.

Rules kept here:
- whoever wants no more SMS is understood before all else: in a short message a stop word wins over its neighbours;
- a sentence that holds a stop word is no stop, nor is one that holds "yes" a yes: few strange words may stand there;
- what says two things at once is UNCLEAR, never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edge_daemon.conversation.spelling import tokens
from edge_daemon.conversation.words import Concept, Words
from edge_daemon.errors import UnknownCrop, UnknownLanguage

LONGEST = 500
"""Characters. An answer has a few words; what is longer is not searched."""
SHORT = 3
"""Words. A message no longer than this is a stop or start, whatever else it says."""
OTHERS_MOST = 4
"""Known words that may stand beside a stop or start in a longer message, fillers not counted."""
STRANGE_MOST = 2
"""Unknown words and large numbers that may stand beside an answer, the word for language, or a call for help."""
NAMED_MOST = 12
"""Words. In a longer message no crop or language is looked for: it is a sentence."""
NAME_WORDS = 4
"""The longest name of a crop or language that is looked for."""


class Sense(StrEnum):
    """What a farmer may mean. UNCLEAR: two things at once; UNKNOWN: nothing that we know."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    YES = "yes"
    NO = "no"
    DIGIT = "digit"
    LANGUAGE = "language"
    CROP = "crop"
    REPEAT = "repeat"
    UNCLEAR = "unclear"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """digit: 1 to 9 of a DIGIT, or what stood beside a YES (1) or NO (2) and agrees with it.

    value: the code of a LANGUAGE, None where only the word "language" came; the id of a CROP.
    """

    sense: Sense
    digit: int | None = None
    value: str | None = None


class Names(Protocol):
    """Whoever knows the names of crops and languages: the catalogue."""

    def crop(self, text: str) -> str:
        """A crop's id. Raises UnknownCrop."""

    def language(self, text: str) -> str:
        """A language's code. Raises UnknownLanguage."""


AGREES = {Sense.YES: 1, Sense.NO: 2}
NUMBERS = {Concept.ONE: 1, Concept.TWO: 2, Concept.THREE: 3}
SILENT = {Concept.FILLER, *NUMBERS}
"""What says nothing beside another word. Numbers in words too: "do" is two in Hindi, and also "give"."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A message taken apart. stop, start: the words of such phrases. unknown: words that no list and no name has.

    numbers: those above 9. codes: languages whose bare code stands there, whatever else it may mean.
    """

    tokens: tuple[str, ...]
    fillers: tuple[str, ...]
    unknown: tuple[str, ...]
    concepts: frozenset[Concept]
    digits: frozenset[int]
    numbers: int
    stop: frozenset[str]
    start: frozenset[str]
    languages: frozenset[str]
    crops: frozenset[str]
    codes: frozenset[str]

    @property
    def strange(self) -> int:
        return len(self.unknown) + self.numbers


def read(text: str, words: Words, names: Names) -> Meaning:
    """What the text means. Raises nothing, whatever the text."""
    if len(text) > LONGEST:
        return Meaning(Sense.UNKNOWN)
    message = tokens(text)
    if not message:
        return Meaning(Sense.HELP)
    seen = _look(message, words, names)
    return next((found for rule in PRECEDENCE if (found := rule(seen))), Meaning(Sense.UNKNOWN))


def _look(message: tuple[str, ...], words: Words, names: Names) -> _Seen:
    covered = [(span, concept) for span, concept in words.cover(message)]
    figures = {at for at, token in enumerate(message) if token.isdecimal()}
    loose = {span.start for span, concept in covered if concept is None} - figures
    crops = dict(_named(message, loose, names.crop))
    languages = dict(_named(message, loose, names.language))
    named = {at for span in (*crops, *languages) for at in span}
    return _Seen(
        tokens=message,
        fillers=tuple(message[at] for span, concept in covered if concept is Concept.FILLER for at in span),
        unknown=tuple(message[at] for at in sorted(loose - named)),
        concepts=frozenset(concept for _, concept in covered if concept is not None),
        digits=frozenset(int(message[at]) for at in figures if len(message[at]) == 1),
        numbers=sum(len(message[at]) > 1 for at in figures),
        stop=words.within(message, Concept.STOP),
        start=words.within(message, Concept.START),
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
            if (
                free.issuperset(span)
                and not loose.isdisjoint(span)
                and (name := _ask(find, *message[at : at + length]))
            ):
                free.difference_update(span)
                yield span, name


def _ask(find: Callable[[str], str], *name: str) -> str | None:
    try:
        return find(" ".join(name))
    except (UnknownCrop, UnknownLanguage):
        return None


def _stop(seen: _Seen) -> Meaning | None:
    zero = seen.tokens == ("0",)
    return Meaning(Sense.STOP) if zero or (seen.stop and _is_order(seen, seen.stop)) else None


def _start(seen: _Seen) -> Meaning | None:
    return Meaning(Sense.START) if seen.start and not seen.stop and _is_order(seen, seen.start) else None


def _is_order(seen: _Seen, said: frozenset[str]) -> bool:
    """Whether these words of a stop or start are what the message is about."""
    others = [token for token in seen.tokens if token not in said and token not in seen.fillers]
    return len(seen.tokens) <= SHORT or (len(others) <= OTHERS_MOST and said.issuperset(seen.unknown))


def _repeat(seen: _Seen) -> Meaning | None:
    alone = not seen.strange and not seen.languages
    return Meaning(Sense.REPEAT) if Concept.REPEAT in seen.concepts and alone else None


def _answer(seen: _Seen) -> Meaning | None:
    """YES, NO or DIGIT; UNCLEAR where they contradict each other."""
    digits, said = _digits(seen), [sense for sense in AGREES if Concept(sense) in seen.concepts]
    if seen.strange > STRANGE_MOST or not (said or digits):
        return None
    if len(digits) > 1 or len(said) > 1 or (said and not digits <= {AGREES[said[0]]}):
        return Meaning(Sense.UNCLEAR)
    digit = next(iter(digits), None)
    if said:
        return Meaning(said[0], digit)
    return Meaning(Sense.DIGIT, digit) if digit else None


def _digits(seen: _Seen) -> frozenset[int]:
    """Numbers in words count only among fillers."""
    if seen.strange or seen.languages or seen.crops or not seen.concepts <= SILENT:
        return seen.digits
    return seen.digits | {NUMBERS[concept] for concept in seen.concepts & NUMBERS.keys()}


def _language(seen: _Seen) -> Meaning | None:
    asked = Concept.LANGUAGE in seen.concepts
    if seen.strange > (STRANGE_MOST if asked else 0) or not (asked or seen.languages):
        return None
    found = seen.languages or seen.codes
    return Meaning(Sense.UNCLEAR) if len(found) > 1 else Meaning(Sense.LANGUAGE, value=next(iter(found), None))


def _crop(seen: _Seen) -> Meaning | None:
    if not seen.crops or seen.strange or not seen.concepts <= {*SILENT, Concept.HELP}:
        return None
    return Meaning(Sense.UNCLEAR) if len(seen.crops) > 1 else Meaning(Sense.CROP, value=next(iter(seen.crops)))


def _help(seen: _Seen) -> Meaning | None:
    return Meaning(Sense.HELP) if Concept.HELP in seen.concepts and seen.strange <= STRANGE_MOST else None


PRECEDENCE = (_stop, _start, _repeat, _answer, _language, _crop, _help)
"""Who is asked first what a message means; the first that knows is believed."""
