"""What ships, read once."""

from __future__ import annotations

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.conversation.words import Words
from tests.edge.conversation.seven_languages import SevenLanguages


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="session")
def words() -> Words:
    return Words.load()


@pytest.fixture(scope="session")
def seven() -> SevenLanguages:
    return SevenLanguages()
