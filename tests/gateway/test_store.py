"""Opening the gateway's database: made where it is empty, refused by name where it is another's."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from gateway import tables
from gateway.database_trouble import Collision, Unfit
from gateway.errors import ConfigError, DatabaseAway, DatabaseError, DatabaseOther
from gateway.store import Store


def test_an_empty_database_gets_the_tables_once(database_url: str) -> None:
    for _ in range(2):
        store = Store.open(database_url)
        with store.reading() as db:
            assert db.execute(select(tables.version.c.version)).scalars().all() == [tables.VERSION]
            assert db.execute(select(tables.kiosk)).all() == []
        store.close()


def test_several_may_open_an_empty_database_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: Store.open(database_url), range(6)))
    for store in stores:
        with store.reading() as db:
            assert db.execute(select(tables.version.c.version)).scalars().all() == [tables.VERSION]
        store.close()


def test_another_version_is_refused_by_name(store: Store, database_url: str) -> None:
    with store.writing() as db:
        db.execute(update(tables.version).values(version=tables.VERSION + 1))
    with pytest.raises(DatabaseOther, match=f"of version {tables.VERSION + 1}, and this gateway needs"):
        Store.open(database_url)


def test_a_database_of_another_program_is_left_alone(store: Store, database_url: str) -> None:
    with store.writing() as db:
        tables.metadata.drop_all(db)
        db.execute(text("CREATE TABLE theirs (a INTEGER)"))
    with pytest.raises(DatabaseOther, match="not the gateway's"):
        Store.open(database_url)
    with store.reading() as db:
        assert db.execute(text("SELECT * FROM theirs")).all() == []


WRONG = [
    ("sqlite://", ConfigError, "names no file"),
    ("postgresql+psycopg://krishi@127.0.0.1:1/nothing", DatabaseAway, "may come back"),
    ("sqlite:////proc/nowhere/gateway.db", DatabaseAway, "folder"),
]


@pytest.mark.parametrize(("url", "kind", "words"), WRONG)
def test_an_address_that_is_none_is_named(url: str, kind: type[DatabaseError], words: str) -> None:
    with pytest.raises(kind, match=words):
        Store.open(url)


def test_a_password_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatabaseAway) as caught:
        Store.open("postgresql+psycopg://krishi:hunter2@127.0.0.1:1/nothing")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"something else, long enough to be a database's first page" * 100)
    with pytest.raises(DatabaseOther, match="not a database"):
        Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")


def test_what_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(Unfit), store.writing() as db:
        db.execute(insert(tables.kiosk), [{"id": "one-1", "state": "seen"}, {"id": None, "state": "seen"}])
    with store.reading() as db:
        assert db.execute(select(tables.kiosk)).all() == []


def test_a_lock_that_another_keeps_ends_in_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.BUSY_S", 0.05)
    store = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseAway, match="locked"), store.writing():
        pass
    other.close()
    store.close()


def test_sqlite_is_durable(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    with store.reading() as db:
        told = [db.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous")]
    assert told == ["wal", 2]
    store.close()


@pytest.mark.needs("postgresql")
def test_two_that_wait_for_each_other_are_told_apart_from_trouble(request: pytest.FixtureRequest) -> None:
    """PostgreSQL ends one of two transactions that are in each other's way: that one is a Collision."""
    from tests.gateway.conftest import new_database

    store = Store.open(new_database(request.getfixturevalue("postgres")))
    with store.writing() as db:
        db.execute(insert(tables.kiosk), [{"id": "one-1", "state": "seen"}, {"id": "two-2", "state": "seen"}])

    both = threading.Barrier(2, timeout=30)

    def lock(first: str, then: str) -> None:
        with store.writing() as db:
            db.execute(update(tables.kiosk).where(tables.kiosk.c.id == first).values(state="x"))
            both.wait()
            db.execute(update(tables.kiosk).where(tables.kiosk.c.id == then).values(state="x"))

    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(lock, *order) for order in (("one-1", "two-2"), ("two-2", "one-1"))]
        assert [type(why) for one in ended if (why := one.exception(30))] == [Collision]
    store.close()
