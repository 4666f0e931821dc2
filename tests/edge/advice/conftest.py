"""The catalogue that ships, read once, and a copy of its files that a test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.reader import FOLDER


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The catalogue's files, free to be broken."""
    return Path(shutil.copytree(FOLDER, tmp_path / "advice"))
