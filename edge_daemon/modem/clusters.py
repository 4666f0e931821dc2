"""Where a text may be cut: between what a reader sees as one letter or syllable and the next. No I/O.

Every cluster of Unicode Standard Annex 29 (extended grapheme clusters, GB3 to GB13) stays whole. A few more letters
stay together than there: any letter after a virama, and a mark after a line's end.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_VIRAMA_CLASS = 9
"""The canonical combining class of every Indic virama (Unicode Standard, 4.3)."""
_ZWJ = "\u200d"
_EXTEND_BY_NAME = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")
"""Joiners, Thai and Lao AM, half-width voiced sound marks: they extend without being marks."""
_EMOJI_MODIFIERS = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_PREPENDED = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
    "\u1cf5\u1cf6\U00011a3a\U000113d1\U0001193f\U00011941\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88\U00011a89\U00011d46\U00011f02"
)
"""Signs that belong to the letter after them, such as the Arabic number sign (Grapheme_Cluster_Break=Prepend)."""

_SYLLABLES = range(0xAC00, 0xD7A4)
_JAMO = {
    "L": (range(0x1100, 0x1160), range(0xA960, 0xA97D)),
    "V": (range(0x1160, 0x11A8), range(0xD7B0, 0xD7C7)),
    "T": (range(0x11A8, 0x1200), range(0xD7CB, 0xD7FC)),
}
_HANGUL_JOINS = {("L", "L"), ("L", "V"), ("L", "LV"), ("L", "LVT"), ("V", "V"), ("LV", "V")} | {
    (before, "T") for before in ("V", "LV", "LVT", "T")
}
"""GB6, GB7, GB8."""


def clusters(text: str) -> Iterator[str]:
    """The text in pieces that are not to be parted. Nothing for an empty text."""
    start, after_virama, flags = 0, False, 0
    for place, character in enumerate(text):
        flags = flags + 1 if ord(character) in _FLAG_LETTERS else 0
        if place > start and not (
            _extends(character)
            or (flags > 0 and flags % 2 == 0)
            or (after_virama and unicodedata.category(character)[0] == "L")
            or _joined(text[place - 1], character)
        ):
            yield text[start:place]
            start = place
        is_virama = unicodedata.combining(character) == _VIRAMA_CLASS
        after_virama = is_virama or (after_virama and _extends(character))
    if text:
        yield text[start:]


def _extends(character: str) -> bool:
    """Whether a character belongs to the one before it: matra, nukta, virama, accent, joiner, skin tone, tag."""
    code = ord(character)
    return (
        unicodedata.category(character)[0] == "M"
        or character in _EXTEND_BY_NAME
        or code in _EMOJI_MODIFIERS
        or code in _TAGS
    )


def _joined(before: str, character: str) -> bool:
    """Whether two neighbours are one for another reason."""
    if before == _ZWJ or before + character == "\r\n":
        return True
    if before in _PREPENDED:
        return unicodedata.category(character) not in {"Cc", "Zl", "Zp"}
    return (_hangul(before), _hangul(character)) in _HANGUL_JOINS


def _hangul(character: str) -> str | None:
    """Which kind of Hangul letter or syllable it is (Hangul_Syllable_Type)."""
    code = ord(character)
    if code in _SYLLABLES:
        return "LVT" if (code - _SYLLABLES.start) % 28 else "LV"
    return next((kind for kind, ranges in _JAMO.items() if any(code in span for span in ranges)), None)
