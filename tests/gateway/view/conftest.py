"""Both databases of the gateway, empty, for every test that asks for `store` or `engine`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from gateway.store import Store
from gateway.tables import metadata
from tests.gateway.conftest import new_database
from tests.peers.postgres import Postgres


@pytest.fixture(scope="session")
def one_database(postgres: Postgres) -> str:
    """On PostgreSQL, for all tests here: emptied before each."""
    url = new_database(postgres)
    Store.open(url).close()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The gateway's tables, empty."""
    on_file = f"sqlite:///{tmp_path / 'gateway.db'}"
    opened = Store.open(on_file if request.param == "sqlite" else request.getfixturevalue("one_database"))
    if opened.is_postgresql:
        with opened.writing() as db:
            db.execute(text(f"TRUNCATE {', '.join(name for name in metadata.tables if name != 'version')}"))
    yield opened
    opened.close()


@pytest.fixture
def engine(store: Store) -> Engine:
    """Of the store."""
    return store.engine
