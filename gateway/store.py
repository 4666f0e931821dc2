"""The gateway's database: opened, made where it is empty, refused where it is another's.

SQLite in WAL with synchronous=FULL, and PostgreSQL as it comes: what a transaction has committed outlives a power cut,
and only then a kiosk hears of it. Every wait has an end: for a connection, a lock, a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway import tables
from gateway.database_trouble import Collision, named
from gateway.errors import ConfigError, DatabaseAway, DatabaseOther

BUSY_S = 10.0
"""How long a write waits for another's on SQLite."""
CONNECT_S = 5
STATEMENT_S = 60
LOCK_S = 20
"""How long a statement waits for a lock on PostgreSQL."""
MUTE_S = 20
"""A server that acknowledges no byte for so long is away (TCP_USER_TIMEOUT, tcp(7))."""
POOL = 5
MORE = 10
"""Connections that are kept, and those beyond that are closed again after use."""
MAKING = 7_221_001
"""The number of the lock under which one process makes the tables (pg_advisory_xact_lock)."""

COLLISIONS = 5
"""How often a transaction is begun again because another was in its way."""

_WRITES = "krishi_writes"

R = TypeVar("R")


class Store:
    """The database, open. `engine` is for reading, and for short writes that begin with the write itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.where = engine.url.render_as_string(hide_password=True)

    @classmethod
    def open(cls, url: str, *, new: bool = True) -> Store:
        """Connect, and make the tables in an empty database. Raises ConfigError, DatabaseError.

        new: where it is a file that is not there, make it; else that is an error.
        """
        if not new:
            _must_be_there(url)
        store = cls(_engine(url))
        try:
            with store.writing() as db:
                _make_or_check(db, store.where)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def is_postgresql(self) -> bool:
        """Else it is SQLite."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises DatabaseError."""
        with named(self.where), self.engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, all of it or nothing. Raises DatabaseError, Unfit, Collision.

        On SQLite it has the write lock from its first statement on: what it reads stays so until it writes.
        """
        with named(self.where), self.engine.connect() as db:
            db.execution_options(**{_WRITES: True})
            with db.begin():
                yield db

    def done(self, work: Callable[[Connection], R]) -> R:
        """What work gives, in one transaction, begun again where another is in its way. Raises DatabaseError, Unfit."""
        for _ in range(COLLISIONS):
            with suppress(Collision), self.writing() as db:
                return work(db)
        raise DatabaseAway(f"{self.where}: others were in our way {COLLISIONS} times. Try it again.")

    def close(self) -> None:
        """Give back every connection. May be called twice."""
        self.engine.dispose()


def _must_be_there(url: str) -> None:
    path = make_url(url).database if url.startswith("sqlite:///") else None
    if path and not Path(path).exists():
        raise DatabaseAway(
            f"{path} is not there. `krishi-gateway run` makes it; if that runs, this command needs its --config and "
            "its user."
        )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
        return create_engine(
            parsed, pool_size=POOL, max_overflow=MORE, pool_timeout=CONNECT_S, pool_pre_ping=True, connect_args=_LIMITS
        )
    except (ArgumentError, ValueError) as why:
        raise ConfigError(f"[database] url: is no address of a database: {why}.") from why


_LIMITS = {
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": MUTE_S * 1000,
    "application_name": "krishi-gateway",
    "options": f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={LOCK_S}s"
    f" -c idle_in_transaction_session_timeout={STATEMENT_S}s",
}
"""For libpq (PostgreSQL's manual, 34.1.2 and 20.11)."""


def _sqlite(url: URL) -> Engine:
    if not url.database:
        raise ConfigError("[database] url: names no file. Write sqlite:/// and its path.")
    try:
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as why:
        raise DatabaseAway(f"{url.database}: its folder cannot be made: {why.strerror}.") from why
    engine = create_engine(url, pool_timeout=CONNECT_S, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself; _begin does
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(db: Connection) -> None:
    """A read that turns into a write is refused where another has written in between: writers ask at once."""
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get(_WRITES) else "BEGIN")


def _make_or_check(db: Connection, where: str) -> None:
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": MAKING})
    present = set(inspect(db).get_table_names())
    if not present:
        tables.metadata.create_all(db)
        db.execute(insert(tables.version).values(version=tables.VERSION))
        return
    if tables.version.name not in present:
        raise DatabaseOther(f"{where}: holds tables, but not the gateway's. Name an empty database in [database] url.")
    found = db.execute(select(tables.version.c.version)).scalars().all()
    if found != [tables.VERSION]:
        raise DatabaseOther(
            f"{where}: is of version {', '.join(map(str, found)) or 'none'}, and this gateway needs version "
            f"{tables.VERSION}. Run the gateway that belongs to it, or name another database in [database] url."
        )
