"""A message as a row of words that can be compared, however it was typed. Total: any text has such a row.

Case, width, joiners, punctuation and the script of digits do not count, nor do the two ways of writing a nasal vowel
(ँ, ं). Vowel signs belong to their word. A digit is split from letters that it is glued to: "1yes" is "1", "yes".
"""

from __future__ import annotations

import unicodedata
from itertools import groupby

_INVISIBLE = frozenset({"Cf", "Me"})
"""Categories that only shape what is beside them: joiners, directions, the frame around a keycap digit."""
_VARIANTS = range(0xFE00, 0xFE10)
_APOSTROPHES = frozenset("'’‘ʼ`")
"""They stand inside words: "don't"."""


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text, each of letters with their signs, or of the digits 0 to 9."""
    seen = "".join(c for c in text if not _is_invisible(c))
    wide = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    plain = "".join(_plain(c) for c in wide if c not in _APOSTROPHES)
    runs = ("".join(run) for kind, run in groupby(plain, _kind) if kind != " ")
    return tuple(run for run in runs if any(unicodedata.category(c)[0] in "LN" for c in run))


def _is_invisible(c: str) -> bool:
    return unicodedata.category(c) in _INVISIBLE or ord(c) in _VARIANTS


def _plain(c: str) -> str:
    if unicodedata.category(c) == "Nd":
        return str(unicodedata.digit(c))
    return "ं" if c == "ँ" else c


def _kind(c: str) -> str:
    """ "0" for a digit, "a" for what a word is made of, " " for all else."""
    if c in "0123456789":
        return "0"
    return "a" if unicodedata.category(c)[0] in "LMN" else " "
