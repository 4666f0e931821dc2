"""How a text becomes the parts of an SMS: which coding, how many parts, where to cut. No I/O.

Rules kept here:
- the coding with the fewest parts; GSM-7 where both need the same number, as every handset shows it;
- a part never ends inside an escape pair or a surrogate pair, nor inside a syllable that one part can hold;
- the text goes out as it was given: no letter is replaced by a similar one to save a part.

Source: 3GPP TS 23.038 (6.1.2.1.1 packing, 6.2.1 default alphabet, 6.2.1.1 extension table, 6.2.3 UCS2) and
3GPP TS 23.040 (9.2.3.24: user data is at most 140 octets, header included).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_daemon.errors import Refused
from edge_daemon.modem.clusters import clusters

USER_DATA_OCTETS = 140
CONCAT_HEADER_OCTETS = 6
"""UDHL, then the information element 00 03 with reference, total and number (3GPP TS 23.040, 9.2.3.24.1)."""
MAX_PARTS = 10
"""The standard allows 255 parts. More than this is a mistake of ours that a farmer's SIM should not pay for."""

ESCAPE = 0x1B
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS = {character: bytes([code]) for code, character in enumerate(_DEFAULT) if code != ESCAPE} | {
    character: bytes([ESCAPE, code]) for code, character in _EXTENSION.items()
}


@dataclass(frozen=True, slots=True)
class Coding:
    """One way of writing characters into user data.

    dcs: TP-DCS (3GPP TS 23.038, 4). unit_bits: 7 for a septet, 16 for a UCS-2 unit.
    units: how many units a character takes, None if the coding lacks it.
    """

    name: str
    dcs: int
    unit_bits: int
    units: Callable[[str], int | None]

    def capacity(self, header_octets: int) -> int:
        """Units that fit beside a header: 160 or 70 without one, 153 or 67 with CONCAT_HEADER_OCTETS."""
        return (USER_DATA_OCTETS - header_octets) * 8 // self.unit_bits


def _gsm7_units(character: str) -> int | None:
    septets = _SEPTETS.get(character)
    return None if septets is None else len(septets)


def _ucs2_units(character: str) -> int:
    return 1 if character <= "\uffff" else 2


GSM7 = Coding("GSM-7", 0x00, 7, _gsm7_units)
UCS2 = Coding("UCS-2", 0x08, 16, _ucs2_units)


@dataclass(frozen=True, slots=True)
class Parts:
    """A text cut into what each part carries; together they are the text again."""

    coding: Coding
    texts: tuple[str, ...]


def split(text: str) -> Parts:
    """Choose the coding and cut the text. Raises Refused for what no SMS can carry."""
    _check(text)
    cuts = [Parts(coding, parts) for coding in (GSM7, UCS2) if (parts := _cut(text, coding)) is not None]
    best = min(cuts, key=lambda cut: len(cut.texts))
    if len(best.texts) > MAX_PARTS:
        raise Refused(f"The text needs {len(best.texts)} SMS parts, and {MAX_PARTS} is the most. Shorten it.")
    return best


def count_parts(text: str) -> int:
    """How many SMS a text costs. Raises Refused for what no SMS can carry."""
    return len(split(text).texts)


def _check(text: str) -> None:
    if not text:
        raise Refused("The text is empty. There is nothing to send.")
    for place, character in enumerate(text):
        if unicodedata.category(character) == "Cs":
            raise Refused(f"Character {place + 1} (U+{ord(character):04X}) is half a surrogate pair. Correct the text.")


def _cut(text: str, coding: Coding) -> tuple[str, ...] | None:
    """The parts of a text, None if the coding lacks one of its characters."""
    total = 0
    for character in text:
        units = coding.units(character)
        if units is None:
            return None
        total += units
    if total <= coding.capacity(0):
        return (text,)
    return tuple(_fill(text, coding, coding.capacity(CONCAT_HEADER_OCTETS)))


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


def gsm7_septets(text: str) -> bytes:
    """One byte for each septet, escapes included. Raises KeyError for a character that GSM-7 lacks."""
    return b"".join(_SEPTETS[character] for character in text)


def gsm7_text(septets: bytes) -> str:
    """The text of septets. An unknown extension shows its default character (3GPP TS 23.038, 6.2.1.1)."""
    text = []
    codes = iter(septets)
    for code in codes:
        if code != ESCAPE:
            text.append(_DEFAULT[code])
            continue
        extended = next(codes, ESCAPE)
        text.append(_EXTENSION.get(extended, " " if extended == ESCAPE else _DEFAULT[extended]))
    return "".join(text)


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Septets, low bits first, after fill bits that bring them to a septet boundary (3GPP TS 23.038, 6.1.2.1.1)."""
    value = 0
    for place, septet in enumerate(septets):
        value |= septet << (7 * place)
    return (value << fill_bits).to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill_bits: int = 0) -> bytes:
    """The first `count` septets of octets, one byte each."""
    value = int.from_bytes(octets, "little") >> fill_bits
    return bytes(value >> (7 * place) & 0x7F for place in range(count))
