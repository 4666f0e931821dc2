"""Translations: a gettext PO file for each language, as translators' own tools write it.

A text is found by where it stands (msgctxt) and what its English says (msgid). So when the English is changed, its
translations are out of use until somebody has looked at them: nobody is told what the catalogue no longer says. What
is marked "fuzzy", or empty, counts as missing (GNU gettext, "Fuzzy Entries").

Whoever has reviewed a text says so in a translator's comment of it: "# reviewed by: NAME, INSTITUTE".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polib

from edge_daemon.errors import AdviceFaulty

REVIEWED_BY = "reviewed by:"


@dataclass(frozen=True, slots=True)
class Translated:
    """A text in another language. reviewed_by: empty for a draft."""

    text: str
    reviewed_by: str


@dataclass(frozen=True, slots=True)
class Translations:
    """The texts of a PO file, by context and English."""

    texts: Mapping[tuple[str, str], Translated]

    def get(self, context: str, english: str) -> Translated | None:
        """The translation, None where there is none that may be used."""
        return self.texts.get((context, english))


NONE = Translations({})
"""Of a language that nobody has begun to translate into."""


def read_translations(path: Path) -> Translations:
    """Read a PO file; a language may have none yet. Raises AdviceFaulty."""
    if not path.exists():
        return NONE
    try:
        entries = polib.pofile(str(path), encoding="utf-8")
    except UnicodeDecodeError as why:
        raise AdviceFaulty(f"{path}: is not UTF-8 text. Save it again as UTF-8.") from why
    except (OSError, ValueError) as why:
        raise AdviceFaulty(f"{path}: is not a gettext PO file: {why}. Correct it.") from why
    usable = (entry for entry in entries if entry.msgstr and not entry.fuzzy and not entry.obsolete)
    return Translations({(entry.msgctxt or "", entry.msgid): _translated(entry) for entry in usable})


def _translated(entry: polib.POEntry) -> Translated:
    said = (line.strip() for line in entry.tcomment.splitlines())
    signed = (line[len(REVIEWED_BY) :].strip() for line in said if line.casefold().startswith(REVIEWED_BY))
    return Translated(entry.msgstr, ", ".join(filter(None, signed)))
