"""The national language tables of 3GPP TS 23.038, read from national_tables.toml when a message first needs them."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NOTHING = {"....", "esc."}


@dataclass(frozen=True, slots=True)
class NationalTables:
    """The tables of one language: code, 0 to 127, to character. An empty one is not defined.

    identifier: the national language identifier (3GPP TS 23.040, 9.2.3.24.15 and 9.2.3.24.16).
    language: ISO 639-1. single_read_only: a part of single that is read and never written.
    """

    identifier: int
    language: str
    locking: dict[int, str]
    single: dict[int, str]
    single_read_only: frozenset[int]


@functools.cache
def by_identifier() -> Mapping[int, NationalTables]:
    """Every language's tables."""
    source = importlib.resources.files("edge_daemon.modem").joinpath("national_tables.toml")
    languages = tomllib.loads(source.read_text(encoding="utf-8"))
    return {tables["identifier"]: _tables(language, tables) for language, tables in languages.items()}


@functools.cache
def by_language() -> Mapping[str, NationalTables]:
    """Every language's tables, by ISO 639-1."""
    return {tables.language: tables for tables in by_identifier().values()}


def _tables(language: str, data: dict[str, Any]) -> NationalTables:
    read_only = {int(code, 16): chr(int(scalar, 16)) for code, scalar in data.get("single_read_only", {}).items()}
    single = _table(data.get("single", "")) | read_only
    return NationalTables(data["identifier"], language, _table(data.get("locking", "")), single, frozenset(read_only))


def _table(rows: str) -> dict[int, str]:
    cells = rows.split()
    return {code: chr(int(cell, 16)) for code, cell in enumerate(cells) if cell not in _NOTHING}
