"""The catalogue: for every disease of every crop, in every language, what it is, what to do today and what not to do.

It is text that people write (content/<crop>.toml, docs/advice.md), checked when it is read. Each text says whether an
agronomist has reviewed it; each entry names the sources of its facts.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_daemon.errors import ModelMismatch, UnknownCrop, UnknownLanguage

CONTENT = Path(__file__).parent / "content"
LOCALE = Path(__file__).parent / "locale"
SOURCES = "sources.toml"
FALLBACK = "en"
"""A phrase that a language lacks is said in this one, never as a key."""

Words = Annotated[str, Field(min_length=1)]
Kind = Literal["fungus", "oomycete", "bacterium", "virus", "pest", "nutrient", "healthy", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Part):
    """An entry in one language. All but `what` may stand in the SMS; `what` is for the screen.

    review: "draft" until `reviewed_by` names the agronomist who has signed it.
    """

    name: Words
    what: Words
    act: Words
    do_not: Words
    officer: Words
    review: Literal["draft", "reviewed"]
    reviewed_by: str


class CropText(_Part):
    """A crop in one language. leaf: as in "this looks like a ...". first_aid: an act that never harms."""

    name: Words
    leaf: Words
    first_aid: Words


class Crop(_Part):
    """A crop. aliases: other words for it, in any script."""

    aliases: tuple[str, ...] = ()
    texts: Mapping[str, CropText]


class Entry(_Part):
    """A disease of a crop. sources: keys of sources.toml. dose_source: one of them, where a text names an amount.

    note: for whoever reviews it.
    """

    pathogen: Kind
    urgency: Words
    treatability: Words
    sources: tuple[str, ...]
    dose_source: str | None = None
    note: str = ""
    texts: Mapping[str, Text]


@dataclass(frozen=True)
class Catalogue:
    """Every entry by label, every crop by its key, every phrase by language."""

    entries: Mapping[str, Entry]
    crops: Mapping[str, Crop]
    phrases: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, str]

    @classmethod
    def load(cls, content: Path = CONTENT, locale: Path = LOCALE) -> Catalogue:
        """Read the catalogue that came with the program. Raises ModelMismatch, naming file and key."""
        entries: dict[str, Entry] = {}
        crops: dict[str, Crop] = {}
        phrases = {path.stem: _phrases(_read(path)) for path in sorted(locale.glob("*.toml"))}
        for path in sorted(content.glob("*.toml")):
            if path.name == SOURCES:
                continue
            tables = _read(path)
            crops[path.stem] = _checked(Crop, path, "crop", tables.pop("crop", {}), phrases)
            for disease, table in tables.items():
                entries[f"{path.stem}/{disease}"] = _checked(Entry, path, disease, table, phrases)
        return cls(entries, crops, phrases, _phrases(_read(content / SOURCES)))

    @property
    def languages(self) -> tuple[str, ...]:
        """Their codes (ISO 639-1)."""
        return tuple(self.phrases)

    def entry(self, label: str) -> Entry:
        """The entry of a label. Raises ModelMismatch."""
        if label not in self.entries:
            raise ModelMismatch(f"The catalogue has no entry {label!r}. Install the catalogue that fits the model.")
        return self.entries[label]

    def text(self, label: str, language: str) -> Text:
        """An entry in a language. Raises ModelMismatch."""
        return self.entry(label).texts[language]

    def name(self, label: str, language: str) -> str:
        """A disease's name. Raises ModelMismatch."""
        return self.text(label, language).name

    def crop_name(self, crop: str, language: str) -> str:
        """A crop's name."""
        return self.crops[crop].texts[language].name

    def phrase(self, key: str, language: str) -> str:
        """A fixed phrase; in FALLBACK where the language lacks it."""
        return self.phrases[language].get(key) or self.phrases[FALLBACK][key]

    def check_labels(self, labels: Iterable[str]) -> None:
        """Raises ModelMismatch unless there is an entry for each label."""
        missing = sorted(set(labels) - self.entries.keys())
        if missing:
            raise ModelMismatch(
                f"The model knows {', '.join(missing)}; the catalogue has no advice for that. "
                "Install the catalogue that fits the model."
            )

    def crop(self, text: str) -> str:
        """The crop that is meant by its key or a name in any language. Raises UnknownCrop."""
        found = self._crops_by_name.get(_folded(text))
        if found is None:
            raise UnknownCrop(f"There is no crop {text!r} here. There are: {', '.join(sorted(self.crops))}.")
        return found

    def language(self, text: str) -> str:
        """The code of the language that is meant by its code or name. Raises UnknownLanguage."""
        found = self._languages_by_name.get(_folded(text))
        if found is None:
            raise UnknownLanguage(f"There is no language {text!r} here. There are: {', '.join(self.languages)}.")
        return found

    @cached_property
    def _crops_by_name(self) -> dict[str, str]:
        return {
            _folded(name): key
            for key, crop in self.crops.items()
            for name in (key, *crop.aliases, *(text.name for text in crop.texts.values()))
        }

    @cached_property
    def _languages_by_name(self) -> dict[str, str]:
        names = {_folded(code): code for code in self.languages}
        for code in self.languages:
            names |= {_folded(name): code for name in self.phrases[code]["language_names"].split(",")}
        return names


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as why:
        raise ModelMismatch(f"{path}: cannot be read: {why}. Install the catalogue again.") from why


def _phrases(table: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in table.items()}


P = TypeVar("P", Entry, Crop)


def _checked(kind: type[P], path: Path, table: str, values: dict[str, Any], languages: Iterable[str]) -> P:
    """A table of a crop's file, its texts by language."""
    texts = {language: values.pop(language) for language in languages if language in values}
    try:
        part = kind(**values, texts=texts)
    except (ValidationError, TypeError) as why:
        raise ModelMismatch(f"{path}: [{table}]: {_first(why)}. Mend it; docs/advice.md shows the form.") from why
    missing = sorted(set(languages) - texts.keys())
    if missing:
        raise ModelMismatch(f"{path}: [{table}] has no text in {', '.join(missing)}. docs/advice.md shows the form.")
    return part


def _first(why: Exception) -> str:
    if not isinstance(why, ValidationError):
        return str(why)
    error = why.errors()[0]
    return f"{'.'.join(str(step) for step in error['loc'])}: {error['msg']}"
