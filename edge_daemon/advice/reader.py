"""The catalogue's files, read into its values. What a file lacks or has too much is named with its file and place.

English stands in content/<crop>.toml and locale/en.toml, the other languages in locale/<language>.po; what belongs to a
language as such, in locale/<language>.toml. An entry is told in one language: where any of its texts is missing, all of
it comes in the next language of `falls_back`, since half an advice in each is none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from edge_daemon.advice.entry import CROP_FIELDS, FIELDS, Crop, CropWords, Entry, Language, Quiz, Substance, Text
from edge_daemon.advice.phrases import SOURCE, USES, Phrases
from edge_daemon.advice.rules import Doses, Lexicon
from edge_daemon.advice.translations import NONE, Translated, Translations, read_translations
from edge_daemon.errors import AdviceFaulty

FOLDER = Path(__file__).parent
Value = TypeVar("Value")


@dataclass(frozen=True)
class Locale:
    """A language, its translations, and what the rules look for in its texts. table: its .toml, for what is left."""

    language: Language
    translations: Translations
    table: Mapping[str, Any]
    place: str


Locales = Mapping[str, Locale]
"""By language code, English first."""


def read_locales(folder: Path) -> dict[str, Locale]:
    """Every language of locale/, English first, by its code. Raises AdviceFaulty."""
    files = {path.stem: path for path in sorted((folder / "locale").glob("*.toml"))}
    if SOURCE not in files:
        raise AdviceFaulty(f"{folder}/locale has no {SOURCE}.toml, the words behind every other language.")
    codes = [SOURCE, *(code for code in files if code != SOURCE)]
    locales = {code: _locale(files[code]) for code in codes}
    for code, locale in locales.items():
        _check_fallbacks(code, locale, locales)
    return locales


def read_phrases(locales: Locales) -> dict[str, Phrases]:
    """The fixed texts of every language, by its code. Raises AdviceFaulty."""
    english = _table(locales[SOURCE].table.get("texts"), f"{locales[SOURCE].place}: [texts]")
    own = {code: _own_phrases(locale, english) for code, locale in locales.items()}
    return {
        code: Phrases(
            phrases.language,
            phrases.texts,
            tuple(own[other] for other in phrases.language.falls_back),
            phrases.reviewed,
        )
        for code, phrases in own.items()
    }


def read_crops(folder: Path, locales: Locales) -> Iterator[tuple[Crop, tuple[Entry, ...]]]:
    """Every crop of content/, with its entries, in every language. Raises AdviceFaulty."""
    for path in sorted((folder / "content").glob("*.toml")):
        tables = _tables(path)
        head = _table(tables.pop("crop", None), f"{path}: [crop]")
        yield _crop(path, head, locales), tuple(_entry(path, name, table, locales) for name, table in tables.items())


def read_sources(folder: Path) -> dict[str, str]:
    """The title of every source by its id. Raises AdviceFaulty."""
    path = folder / "sources.toml"
    return {id: _string(source, "title", f"{path}: [{id}]") for id, source in _tables(path).items()}


def read_lexicon(folder: Path, locales: Locales) -> Lexicon:
    """What the rules look for, in every language at once. Raises AdviceFaulty."""
    path = folder / "substances.toml"
    spellings = _gathered(locales, "substances")
    tables = _table(_tables(path).get("substances"), f"{path}: [substances]")
    if unknown := spellings.keys() - tables.keys():
        raise AdviceFaulty(f"{folder}/locale spells {min(unknown)!r}, which {path} does not know. Correct or add it.")
    substances = [_substance(path, name, table, spellings.get(name, ())) for name, table in tables.items()]
    return Lexicon(tuple(substances), _gathered(locales, "kinds"), Doses(**_gathered(locales, "dose")))


def context(place: str, field: str) -> str:
    """Where a text stands, as a PO file says it (msgctxt): "rice/blast act", "rice crop leaf", "fixed not_sure"."""
    return f"{place} {field}"


def wrong_field(number: int) -> str:
    """The field of a quiz's wrong answer, from 1."""
    return f"wrong {number}"


def _locale(path: Path) -> Locale:
    tables = _tables(path)
    place = f"{path}: [language]"
    language = _value(Language, _table(tables.pop("language", None), place) | {"code": path.stem}, place)
    translations = NONE if path.stem == SOURCE else read_translations(path.with_suffix(".po"))
    return Locale(language, translations, tables, str(path))


def _check_fallbacks(code: str, locale: Locale, locales: Locales) -> None:
    chain = locale.language.falls_back
    if code != SOURCE and (not chain or chain[-1] != SOURCE):
        raise AdviceFaulty(f"{locale.place}: falls_back has to end with {SOURCE!r}: its texts alone are complete.")
    if unknown := [other for other in chain if other not in locales or other == code]:
        raise AdviceFaulty(f"{locale.place}: falls_back names {unknown[0]!r}, which is no other language here.")


def _own_phrases(locale: Locale, english: Mapping[str, str]) -> Phrases:
    if locale.language.code == SOURCE:
        signed = {key: locale.language.reviewed_by for key in english if locale.language.reviewed_by}
        return Phrases(locale.language, english, (), signed)
    found = {key: locale.translations.get(context("fixed", key), text) for key, text in english.items() if key in USES}
    texts = {key: said.text for key, said in found.items() if said}
    return Phrases(locale.language, texts, (), {key: s.reviewed_by for key, s in found.items() if s and s.reviewed_by})


def _crop(path: Path, head: dict[str, Any], locales: Locales) -> Crop:
    place = f"{path}: [crop.{SOURCE}]"
    aliases = [*head.pop("aliases", ()), *_gathered(locales, "crops").get(path.stem, ())]
    english = _value(CropWords, _table(head.pop(SOURCE, None), place), place)
    _nothing_left(head, f"{path}: [crop]")
    texts = {key: getattr(english, key) for key in CROP_FIELDS}
    return Crop(path.stem, tuple(aliases), _in_every_language(f"{path.stem} crop", english, texts, CropWords, locales))


def _entry(path: Path, name: str, table: object, locales: Locales) -> Entry:
    place = f"{path}: [{name}]"
    whole = {key: _tuple(value) for key, value in _table(table, place).items()}
    told = dict(_table(whole.pop(SOURCE, None), f"{path}: [{name}.{SOURCE}]"))
    quiz = {key: _tuple(told.pop(key)) for key in ("right", "wrong") if key in told}
    text = _value(Text, told, f"{path}: [{name}.{SOURCE}]")
    label = f"{path.stem}/{name}"
    whole |= {
        "label": label,
        "texts": _in_every_language(label, text, {key: getattr(text, key) for key in FIELDS}, Text, locales),
        "quizzes": _quizzes(label, quiz | {"reviewed_by": text.reviewed_by}, path, locales) if quiz else {},
    }
    return _value(Entry, whole, place)


def _quizzes(label: str, quiz: dict[str, Any], path: Path, locales: Locales) -> dict[str, Quiz]:
    english = _value(Quiz, quiz, f"{path}: [{label.partition('/')[2]}.{SOURCE}]")
    texts = {"right": english.right} | {wrong_field(n): text for n, text in enumerate(english.wrong, 1)}

    def build(**said: str) -> Quiz:
        wrong = tuple(said[wrong_field(number)] for number in range(1, len(english.wrong) + 1))
        return Quiz(said["right"], wrong, said["reviewed_by"], said["language"])

    return _in_every_language(label, english, texts, build, locales)


def _in_every_language(
    place: str, english: Value, texts: Mapping[str, str], build: Callable[..., Value], locales: Locales
) -> dict[str, Value]:
    """A value that is told in `texts`, by language code: translated, or as the next language has it."""
    own = {SOURCE: english}
    for code, locale in locales.items():
        said = {key: locale.translations.get(context(place, key), text) for key, text in texts.items()}
        found = {key: translated for key, translated in said.items() if translated is not None}
        if len(found) == len(texts):
            told = {key: translated.text for key, translated in found.items()}
            own[code] = build(**told, reviewed_by=_signed(found.values()), language=code)
    chains = {code: (code, *locale.language.falls_back) for code, locale in locales.items()}
    return {code: next(own[other] for other in chain if other in own) for code, chain in chains.items()}


def _signed(texts: Iterable[Translated]) -> str:
    """Who reviewed all of these; empty where any of them is a draft."""
    names = [text.reviewed_by for text in texts]
    return ", ".join(dict.fromkeys(names)) if all(names) else ""


def _substance(path: Path, name: str, table: dict[str, Any], spellings: tuple[str, ...]) -> Substance:
    return _value(Substance, {"source": "", **table, "spellings": (name, *spellings)}, f"{path}: {name}")


def _gathered(locales: Locales, table: str) -> dict[str, tuple[str, ...]]:
    """One table of every language's file, the lists of equal keys put together. Raises AdviceFaulty."""
    gathered: dict[str, tuple[str, ...]] = {}
    for locale in locales.values():
        for key, words in _table(locale.table.get(table, {}), f"{locale.place}: [{table}]").items():
            if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
                raise AdviceFaulty(f"{locale.place}: [{table}] {key} has to be a list of texts in quotes.")
            gathered[key] = (*gathered.get(key, ()), *words)
    return gathered


def _value(kind: Callable[..., Value], table: Mapping[str, object], place: str) -> Value:
    """A frozen value of a table. Raises AdviceFaulty: a key too few, too many, or against the value's own rule."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # each kind is a dataclass
    required = {name for name, field in known.items() if field.default is MISSING}
    if unknown := table.keys() - known.keys():
        raise AdviceFaulty(f"{place} has the key {min(unknown)!r}, which means nothing. Correct or remove it.")
    if missing := required - table.keys():
        raise AdviceFaulty(f"{place} lacks the key {min(missing)!r}. Add it.")
    for name, value in table.items():
        if known[name].type == "str" and not isinstance(value, str):
            raise AdviceFaulty(f"{place} {name} is {value!r}; it must be a text in quotes.")
    try:
        return kind(**{name: _tuple(value) for name, value in table.items()})
    except (ValueError, re.error) as why:
        raise AdviceFaulty(f"{place}: {why}.") from why


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _nothing_left(table: Mapping[str, object], place: str) -> None:
    if table:
        raise AdviceFaulty(f"{place} has the key {min(table)!r}, which means nothing. Correct or remove it.")


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise AdviceFaulty(f"{path}: cannot be read: {why.strerror}. Install the program again.") from why
    except UnicodeDecodeError as why:
        raise AdviceFaulty(f"{path}: is not UTF-8 text. Save it again as UTF-8.") from why
    except tomllib.TOMLDecodeError as why:
        raise AdviceFaulty(f"{path}: is not TOML: {why}.") from why


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise AdviceFaulty(f"{place} is missing or no table. Add it.")
    return value


def _string(table: object, key: str, place: str) -> str:
    value = _table(table, place).get(key)
    if not isinstance(value, str) or not value:
        raise AdviceFaulty(f"{place} lacks the key {key!r}. Add it.")
    return value
