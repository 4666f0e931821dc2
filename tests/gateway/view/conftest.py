"""Both databases of the gateway, empty, for every test that asks for `engine`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from gateway.tables import metadata
from tests.peers.postgres import Postgres


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL for all tests, with the gateway's tables."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as running:
        maker = create_engine(running.url)
        metadata.create_all(maker)
        maker.dispose()
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The gateway's tables, empty."""
    if request.param == "sqlite":
        opened = create_engine(f"sqlite:///{tmp_path / 'gateway.db'}")
        metadata.create_all(opened)
    else:
        opened = create_engine(request.getfixturevalue("server").url)
        with opened.begin() as db:
            db.execute(text(f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables)}"))
    try:
        yield opened
    finally:
        opened.dispose()
