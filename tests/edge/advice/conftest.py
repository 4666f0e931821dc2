"""The catalogue that ships, read once."""

from __future__ import annotations

import pytest

from edge_daemon.advice.catalogue import Catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.load()
