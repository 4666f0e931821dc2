"""The version of the advice: another for whatever a farmer could get, the same for the same files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.reader import FOLDER
from edge_daemon.advice.version import LETTERS, version_of
from edge_daemon.errors import AdviceFaulty

READ = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.suffix in {".toml", ".po"})


def test_the_catalogue_has_it(catalogue: Catalogue, copy: Path) -> None:
    assert catalogue.version == version_of(copy), "wherever the files lie"
    assert len(catalogue.version) == LETTERS
    assert set(catalogue.version) <= set("0123456789abcdef")


@pytest.mark.parametrize("name", READ, ids=str)
def test_each_file_counts(copy: Path, name: Path) -> None:
    before, path = version_of(copy), copy / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert version_of(copy) != before


def test_a_file_more_or_less_and_a_text_that_moves_count(copy: Path) -> None:
    versions = [version_of(copy)]
    rice, wheat = copy / "content" / "rice.toml", copy / "content" / "wheat.toml"
    last = rice.read_bytes()[-1:]
    rice.write_bytes(rice.read_bytes()[:-1])
    wheat.write_bytes(last + wheat.read_bytes())
    versions.append(version_of(copy))
    wheat.rename(wheat.with_name("wheat2.toml"))
    versions.append(version_of(copy))
    wheat.with_name("wheat2.toml").unlink()
    versions.append(version_of(copy))
    assert len(set(versions)) == 4


def test_what_is_no_advice_does_not_count(copy: Path) -> None:
    before = version_of(copy)
    (copy / "content" / ".rice.toml.swp").write_text("x")
    (copy / "compose.py").write_text("x")
    os.utime(copy / "sources.toml", (0, 0))
    assert version_of(copy) == before


def test_a_file_that_cannot_be_read_is_named(copy: Path) -> None:
    (copy / "content" / "rye.toml").mkdir()
    with pytest.raises(AdviceFaulty, match=r"rye.toml: cannot be read"):
        version_of(copy)
