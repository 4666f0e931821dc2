"""GSM 7-bit text: characters to septets and back by the default alphabet or a national one, and their packing. No I/O.

Source: 3GPP TS 23.038 (6.1.2.1.1 packing, 6.2.1 default alphabet, 6.2.1.1 its extension, 6.2.1.2 national languages).
"""

from __future__ import annotations

import functools
import unicodedata

from edge_daemon.modem import national

ESCAPE = 0x1B
DEFAULT = 0
"""The identifier of the default alphabet, and of its extension."""
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_LOCKING = {code: character for code, character in enumerate(_DEFAULT) if code != ESCAPE}
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


class Alphabet:
    """A locking shift table with the single shift table that its escape leads to. Made by `alphabet_of`."""

    def __init__(self, locking: dict[int, str], single: dict[int, str], never_written: frozenset[int]) -> None:
        self._locking = locking
        self._single = single
        escaped = {
            character: bytes([ESCAPE, code])
            for code, character in reversed(single.items())
            if code not in never_written
        }
        self._septets = escaped | {character: bytes([code]) for code, character in reversed(locking.items())}
        self._is_national = locking is not _LOCKING or single is not _EXTENSION

    def septets(self, character: str) -> bytes | None:
        """A character as one byte for each septet, None if the alphabet lacks it.

        A national alphabet also takes what Unicode holds equal: U+095B is written as U+091C with a nukta.
        """
        septets = self._septets.get(character)
        if septets is not None or not self._is_national:
            return septets
        pieces = [self._septets.get(piece) for piece in unicodedata.normalize("NFD", character)]
        found = [piece for piece in pieces if piece is not None]
        return b"".join(found) if len(found) == len(pieces) else None

    def write(self, text: str) -> bytes:
        """A text as one byte for each septet. Raises KeyError for a character that the alphabet lacks."""
        septets = bytearray()
        for character in text:
            found = self.septets(character)
            if found is None:
                raise KeyError(character)
            septets += found
        return bytes(septets)

    def read(self, septets: bytes) -> str:
        """The text of septets.

        An escape to nowhere shows the locking table's character, a second escape and a code without a character
        a space (3GPP TS 23.038, 6.2.1.1).
        """
        text = []
        codes = iter(septets)
        for code in codes:
            if code != ESCAPE:
                text.append(self._locking.get(code, " "))
            else:
                escaped = next(codes, ESCAPE)
                text.append(self._single.get(escaped) or self._locking.get(escaped, " "))
        return "".join(text)


@functools.lru_cache(maxsize=32)
def alphabet_of(locking: int = DEFAULT, single: int = DEFAULT) -> Alphabet:
    """The alphabet of two national language identifiers; one that is not defined stands for the default."""
    tables = national.by_identifier() if locking or single else {}
    shift, escape = tables.get(locking), tables.get(single)
    return Alphabet(
        shift.locking if shift and shift.locking else _LOCKING,
        escape.single if escape and escape.single else _EXTENSION,
        escape.single_read_only if escape else frozenset(),
    )


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
