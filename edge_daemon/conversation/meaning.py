"""What one SMS from a farmer means, whatever it answers. Pure: a text in, a Meaning out, for any text.

Rules kept here:
- whoever wants no more SMS is understood before all else: in a short message a stop word wins over its neighbours;
- a sentence that holds a stop word is no stop, nor is one that holds "yes" a yes: few strange words may stand there;
- what says two things at once is UNCLEAR, never guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_daemon.conversation.contents import Contents, Names, look
from edge_daemon.conversation.spelling import tokens
from edge_daemon.conversation.words import Concept, Words

__all__ = ["LONGEST", "Meaning", "Names", "Sense", "read"]

LONGEST = 500
"""Characters. An answer has a few words; what is longer is not searched."""
SHORT = 3
"""Words. A message no longer than this is a stop or start, whatever else it says."""
OTHERS_MOST = 4
"""Known words that may stand beside a stop or start in a longer message, fillers not counted."""
STRANGE_MOST = 2
"""Unknown words and large numbers that may stand beside an answer, the word for language, or a call for help."""


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

    def __post_init__(self) -> None:
        if self.digit not in {None, *range(1, 10)} or (self.sense is Sense.DIGIT and self.digit is None):
            raise ValueError(f"a {self.sense} cannot have the digit {self.digit}")
        if self.sense is Sense.CROP and self.value is None:
            raise ValueError("a crop has a name")


AGREES = {Sense.YES: 1, Sense.NO: 2}
NUMBERS = {Concept.ONE: 1, Concept.TWO: 2, Concept.THREE: 3}
SILENT = {Concept.FILLER, *NUMBERS}
"""What says nothing beside another word. Numbers in words too: "do" is two in Hindi, and also "give"."""


def read(text: str, words: Words, names: Names) -> Meaning:
    """What the text means. Raises nothing, whatever the text."""
    if len(text) > LONGEST:
        return Meaning(Sense.UNKNOWN)
    message = tokens(text)
    if not message:
        return Meaning(Sense.HELP)
    seen = look(message, words, names)
    return next((found for rule in PRECEDENCE if (found := rule(seen))), Meaning(Sense.UNKNOWN))


def _stop(seen: Contents) -> Meaning | None:
    zero = seen.digits == {0} and seen.fillers.issuperset(set(seen.tokens) - {"0"})
    return Meaning(Sense.STOP) if zero or (seen.stop and _is_order(seen, seen.stop)) else None


def _start(seen: Contents) -> Meaning | None:
    return Meaning(Sense.START) if seen.start and not seen.stop and _is_order(seen, seen.start) else None


def _is_order(seen: Contents, said: frozenset[str]) -> bool:
    """Whether these words of a stop or start are what the message is about."""
    others = [token for token in seen.tokens if token not in said | seen.fillers]
    return len(seen.tokens) <= SHORT or (len(others) <= OTHERS_MOST and said.issuperset(seen.unknown))


def _repeat(seen: Contents) -> Meaning | None:
    alone = not seen.strange and not seen.languages
    return Meaning(Sense.REPEAT) if Concept.REPEAT in seen.concepts and alone else None


def _answer(seen: Contents) -> Meaning | None:
    """YES, NO or DIGIT; UNCLEAR where they contradict each other, or come with a stop word."""
    digits, said = _digits(seen), [sense for sense in AGREES if Concept(sense) in seen.concepts]
    if seen.strange > STRANGE_MOST or not (said or digits):
        return None
    if seen.stop or len(digits) > 1 or len(said) > 1 or (said and not digits <= {AGREES[said[0]]}):
        return Meaning(Sense.UNCLEAR)
    digit = next(iter(digits), None)
    if said:
        return Meaning(said[0], digit)
    return Meaning(Sense.DIGIT, digit) if digit else None


def _digits(seen: Contents) -> frozenset[int]:
    """Numbers in words count only among fillers."""
    if seen.strange or seen.languages or seen.crops or not seen.concepts <= SILENT:
        return seen.digits
    return seen.digits | {NUMBERS[concept] for concept in seen.concepts & NUMBERS.keys()}


def _language(seen: Contents) -> Meaning | None:
    asked = Concept.LANGUAGE in seen.concepts
    if seen.strange > (STRANGE_MOST if asked else 0) or not (asked or seen.languages):
        return None
    found = seen.languages or seen.codes
    return Meaning(Sense.UNCLEAR) if len(found) > 1 else Meaning(Sense.LANGUAGE, value=next(iter(found), None))


def _crop(seen: Contents) -> Meaning | None:
    if not seen.crops or seen.strange or seen.digits or not seen.concepts <= {*SILENT, Concept.HELP}:
        return None
    return Meaning(Sense.UNCLEAR) if len(seen.crops) > 1 else Meaning(Sense.CROP, value=next(iter(seen.crops)))


def _help(seen: Contents) -> Meaning | None:
    return Meaning(Sense.HELP) if Concept.HELP in seen.concepts and seen.strange <= STRANGE_MOST else None


PRECEDENCE = (_stop, _start, _repeat, _answer, _language, _crop, _help)
"""Who is asked first what a message means; the first that knows is believed."""
