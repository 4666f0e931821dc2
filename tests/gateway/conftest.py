"""Databases for the gateway's tests: the same suite over SQLite and over a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from gateway.store import Store
from tests.peers.postgres import Postgres

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server for all tests of this run."""
    with Postgres() as server:
        yield server


def new_database(server: Postgres) -> str:
    """An empty one, as SQLAlchemy takes it."""
    name = f"krishi_{next(_NUMBERS)}"
    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=krishi dbname=postgres", autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}".encode())
    return server.url.removesuffix("postgres") + name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store on each kind of database."""
    opened = Store.open(database_url)
    yield opened
    opened.close()
