"""The catalogue's files, read into its values. What a file lacks or has too much is named with its file and place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from edge_daemon.advice.entry import Crop, CropWords, Entry, Language, Substance, Text
from edge_daemon.advice.phrases import FALLBACK, Phrases
from edge_daemon.advice.rules import Lexicon
from edge_daemon.errors import AdviceFaulty

FOLDER = Path(__file__).parent
Value = TypeVar("Value")


def read_phrases(folder: Path) -> dict[str, Phrases]:
    """Every language of locale/, English first, by its code. Raises AdviceFaulty."""
    files = {path.stem: path for path in sorted((folder / "locale").glob("*.toml"))}
    if FALLBACK not in files:
        raise AdviceFaulty(f"{folder}/locale has no {FALLBACK}.toml, the words behind every other language.")
    english = _phrases(files.pop(FALLBACK), None)
    return {FALLBACK: english} | {code: _phrases(path, english) for code, path in files.items()}


def read_crops(folder: Path) -> Iterator[tuple[Crop, tuple[Entry, ...]]]:
    """Every crop of content/, with its entries. Raises AdviceFaulty."""
    for path in sorted((folder / "content").glob("*.toml")):
        tables = _tables(path)
        head = _table(tables.pop("crop", None), f"{path}: [crop]")
        yield _crop(path, head), tuple(_entry(path, name, table) for name, table in tables.items())


def read_sources(folder: Path) -> dict[str, str]:
    """The title of every source by its id. Raises AdviceFaulty."""
    path = folder / "sources.toml"
    return {id: _string(source, "title", f"{path}: [{id}]") for id, source in _tables(path).items()}


def read_lexicon(folder: Path) -> Lexicon:
    """What the rules look for. Raises AdviceFaulty."""
    path = folder / "substances.toml"
    tables = _tables(path)
    words = {kind: tuple(spellings) for kind, spellings in tables["words"].items()}
    substances = [_substance(path, name, table) for name, table in tables["substances"].items()]
    return Lexicon(tuple(substances), words)


def _phrases(path: Path, fallback: Phrases | None) -> Phrases:
    tables = _tables(path)
    place = f"{path}: [language]"
    language = _value(Language, _table(tables.get("language"), place) | {"code": path.stem}, place)
    return Phrases(language, _table(tables.get("texts"), f"{path}: [texts]"), fallback)


def _crop(path: Path, head: dict[str, Any]) -> Crop:
    aliases = tuple(head.pop("aliases", ()))
    words = {code: _value(CropWords, table, f"{path}: [crop.{code}]") for code, table in head.items()}
    return Crop(path.stem, aliases, words)


def _entry(path: Path, name: str, table: object) -> Entry:
    place = f"{path}: [{name}]"
    whole = _table(table, place)
    texts = {key: value for key, value in whole.items() if isinstance(value, Mapping)}
    rest: dict[str, object] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in whole.items() if key not in texts
    }
    rest["label"] = f"{path.stem}/{name}"
    rest["texts"] = {code: _value(Text, text, f"{path}: [{name}.{code}]") for code, text in texts.items()}
    return _value(Entry, rest, place)


def _substance(path: Path, name: str, table: dict[str, Any]) -> Substance:
    spellings = (name, *table.pop("hi", ()))
    return _value(Substance, {"source": "", **table, "spellings": spellings}, f"{path}: {name}")


def _value(kind: type[Value], table: Mapping[str, object], place: str) -> Value:
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
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    try:
        return kind(**given)
    except (ValueError, re.error) as why:
        raise AdviceFaulty(f"{place}: {why}.") from why


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
