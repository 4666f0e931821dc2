"""How a text becomes the parts of an SMS: which coding, how many parts, where to cut. No I/O.

Rules kept here:
- the coding with the fewest parts; where two need the same number, the one that more handsets show: GSM-7, UCS-2,
  and only then a national language's tables, which are used at all only if the caller names the language;
- a part never ends inside an escape pair or a surrogate pair, nor inside a syllable that one part can hold;
- the text goes out as it was given: no letter is left out, nor replaced by a similar one to save a part.

Source: 3GPP TS 23.038 (6.2.1 default alphabet, 6.2.1.2 national language tables, 6.2.3 UCS2) and
3GPP TS 23.040 (9.2.3.24: user data is at most 140 octets, header included).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from edge_daemon.errors import Refused
from edge_daemon.modem import national
from edge_daemon.modem.clusters import clusters
from edge_daemon.modem.septets import DEFAULT, alphabet_of

TextCoding = Literal["GSM-7", "UCS-2"]

USER_DATA_OCTETS = 140
CONCAT_OCTETS = 5
"""The information element 00 03 with reference, total and number (3GPP TS 23.040, 9.2.3.24.1)."""
WIDE_CONCAT_OCTETS = 6
"""The information element 08 04, whose reference has two octets (9.2.3.24.8)."""
SHIFT_OCTETS = 3
"""The information element 24 01 or 25 01 with a national language identifier (9.2.3.24.15, 9.2.3.24.16)."""
MAX_PARTS = 10
"""The standard allows 255 parts. More than this is a mistake of ours that a farmer's SIM should not pay for."""


@dataclass(frozen=True, slots=True)
class Coding:
    """One way of writing characters into user data.

    dcs: TP-DCS (3GPP TS 23.038, 4). unit_bits: 7 for a septet, 16 for a UCS-2 unit.
    units: how many units a character takes, None if the coding lacks it.
    locking, single: national language identifiers of the shift tables that the header names, 0 for none.
    """

    name: TextCoding
    dcs: int
    unit_bits: int
    units: Callable[[str], int | None]
    locking: int = DEFAULT
    single: int = DEFAULT

    def capacity(self, concat_octets: int = 0) -> int:
        """Units that fit beside the header: 160 or 70 without one, 153 or 67 with CONCAT_OCTETS."""
        elements = concat_octets + SHIFT_OCTETS * (bool(self.locking) + bool(self.single))
        header_octets = elements + 1 if elements else 0
        return (USER_DATA_OCTETS - header_octets) * 8 // self.unit_bits


def _gsm7(locking: int = DEFAULT, single: int = DEFAULT) -> Coding:
    letters = alphabet_of(locking, single)

    def units(character: str) -> int | None:
        septets = letters.septets(character)
        return None if septets is None else len(septets)

    return Coding("GSM-7", 0x00, 7, units, locking, single)


def _ucs2_units(character: str) -> int:
    return 1 if character <= "\uffff" else 2


GSM7 = _gsm7()
UCS2 = Coding("UCS-2", 0x08, 16, _ucs2_units)


@dataclass(frozen=True, slots=True)
class Parts:
    """A text cut into what each part carries; together they are the text again."""

    coding: Coding
    texts: tuple[str, ...]


def languages() -> frozenset[str]:
    """The languages that have national tables, by ISO 639-1."""
    return frozenset(national.by_language())


def split(
    text: str,
    *,
    coding: TextCoding | None = None,
    shift: Iterable[str] = (),
    concat_octets: int = CONCAT_OCTETS,
) -> Parts:
    """Choose the coding and cut the text.

    coding: the only one to use, None for the best. shift: languages (ISO 639-1) whose national tables may be used;
    one without tables is passed over. concat_octets: what the element about parts takes, if there are several.
    Raises Refused for what no SMS, or not this coding, can carry.
    """
    _check(text)
    usable = [candidate for candidate in codings(shift) if coding in {None, candidate.name}]
    cuts = [Parts(candidate, parts) for candidate in usable if (parts := _cut(text, candidate, concat_octets))]
    if not cuts:
        raise Refused(_lack(text, usable))
    best = min(cuts, key=lambda cut: len(cut.texts))
    if len(best.texts) > MAX_PARTS:
        raise Refused(f"The text needs {len(best.texts)} SMS parts, and {MAX_PARTS} is the most. Shorten it.")
    return best


def count_parts(text: str, shift: Iterable[str] = ()) -> int:
    """How many SMS a text costs; shift: as in `split`. Raises Refused for what no SMS can carry."""
    return len(split(text, shift=shift).texts)


def _check(text: str) -> None:
    if not text:
        raise Refused("The text is empty. There is nothing to send.")
    for place, character in enumerate(text):
        if unicodedata.category(character) == "Cs":
            raise Refused(f"Character {place + 1} (U+{ord(character):04X}) is half a surrogate pair. Correct the text.")


def codings(shift: Iterable[str]) -> Iterator[Coding]:
    """Every coding that may be used, with the tables of some languages (ISO 639-1); the most widely shown first."""
    yield GSM7
    yield UCS2
    for language in shift:
        if (tables := national.by_language().get(language)) is not None:
            if tables.locking:
                yield _gsm7(locking=tables.identifier)
                yield _gsm7(locking=tables.identifier, single=tables.identifier)
            yield _gsm7(single=tables.identifier)


def _lack(text: str, usable: list[Coding]) -> str:
    """Names the first letter that none of the codings has, or else one that the first lacks."""
    lacking = [c for c in text if all(coding.units(c) is None for coding in usable)]
    letter = lacking[0] if lacking else next(c for c in text if usable[0].units(c) is None)
    return f"{usable[0].name} lacks the letter {letter!r} (U+{ord(letter):04X}). Send it in another coding."


def _cut(text: str, coding: Coding, concat_octets: int) -> tuple[str, ...] | None:
    """The parts of a text, None if the coding lacks one of its characters."""
    total = 0
    for character in text:
        units = coding.units(character)
        if units is None:
            return None
        total += units
    if total <= coding.capacity():
        return (text,)
    return tuple(_fill(text, coding, coding.capacity(concat_octets)))


def _fill(text: str, coding: Coding, room: int) -> Iterator[str]:
    part, used = "", 0
    for piece, units in _pieces(text, coding, room):
        if used + units > room:
            yield part
            part, used = "", 0
        part, used = part + piece, used + units
    yield part


def _pieces(text: str, coding: Coding, room: int) -> Iterator[tuple[str, int]]:
    """Syllables with their units; one that is larger than a whole part (nobody writes such) goes by its characters."""
    for cluster in clusters(text):
        units = [coding.units(character) or 0 for character in cluster]
        if sum(units) <= room:
            yield cluster, sum(units)
        else:
            yield from zip(cluster, units, strict=True)
