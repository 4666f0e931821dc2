"""What a database says when something is wrong, in the gateway's own names.

Both drivers are read by their codes, never by their words: SQLite's result codes (sqlite.org/rescode.html) and
PostgreSQL's SQLSTATE (its manual, appendix A). What is none of these is a bug, and passes as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree

from gateway.errors import DatabaseAway, DatabaseError, DatabaseFull, DatabaseOther

AWAY = "It may come back: whatever waits is tried again."
OTHER = "Name another database in [database] url, or have its owner put it right."

SQLITE: dict[int, tuple[type[DatabaseError], str]] = {
    sqlite3.SQLITE_FULL: (DatabaseFull, "Make room on its disk."),
    sqlite3.SQLITE_BUSY: (DatabaseAway, AWAY),
    sqlite3.SQLITE_LOCKED: (DatabaseAway, AWAY),
    sqlite3.SQLITE_CANTOPEN: (DatabaseAway, "Look at its folder: is it there, and ours to write?"),
    sqlite3.SQLITE_IOERR: (DatabaseAway, "Look at its disk."),
    sqlite3.SQLITE_READONLY: (DatabaseAway, "Look at its folder: is it ours to write?"),
    sqlite3.SQLITE_PERM: (DatabaseAway, "Look at its folder: is it ours to write?"),
    sqlite3.SQLITE_NOTADB: (DatabaseOther, OTHER),
    sqlite3.SQLITE_CORRUPT: (DatabaseOther, "Put a copy back."),
    sqlite3.SQLITE_ERROR: (DatabaseOther, OTHER),
}
"""By the primary result code."""

POSTGRESQL: dict[str, tuple[type[DatabaseError], str]] = {
    "08": (DatabaseAway, AWAY),  # connection
    "28": (DatabaseAway, "Look at [database] url and at the server's pg_hba.conf."),  # not let in
    "3D": (DatabaseAway, "Make the database that [database] url names."),
    "25": (DatabaseAway, AWAY),  # read only: a standby
    "40": (DatabaseAway, AWAY),  # serialization, deadlock
    "53": (DatabaseAway, AWAY),  # memory, connections
    "53100": (DatabaseFull, "Make room on its disk."),
    "54": (DatabaseAway, AWAY),
    "55": (DatabaseAway, AWAY),  # locked by another for too long
    "57": (DatabaseAway, AWAY),  # the server stops, or the statement took too long
    "58": (DatabaseAway, "Look at the server's disk and its log."),
    "42": (DatabaseOther, OTHER),  # no such table or column, or no right to it
}
"""By the SQLSTATE, or its class, the first two letters."""

AGAIN = {"40001", "40P01"}
"""Two workers were in each other's way: the same work, done again, goes through."""


class Unfit(Exception):
    """A value that the database does not take. Whoever gave it finds out which, and sets it aside."""


class Collision(Exception):
    """Two transactions were in each other's way (PostgreSQL, 13.5). Nothing of this one was written."""


@contextmanager
def named(where: str) -> Iterator[None]:
    """Give trouble with the database `where` its name. Raises DatabaseAway, DatabaseFull, DatabaseOther.

    Also Unfit for a value that it does not take, and Collision where the same work should be done again.
    """
    try:
        yield
    except NoneFree as why:
        raise DatabaseAway(f"{where}: every connection to it is in use. {AWAY}") from why
    except DBAPIError as why:
        raise _named(where, why.orig or why) from why
    except (psycopg.Error, sqlite3.Error) as why:
        raise _named(where, why) from why


def _named(where: str, why: BaseException) -> Exception:
    if isinstance(why, psycopg.Error) and why.sqlstate in AGAIN:
        return Collision(_first_line(why))
    if isinstance(why, (psycopg.DataError, psycopg.IntegrityError, sqlite3.DataError, sqlite3.IntegrityError)):
        return Unfit(_first_line(why))
    kind, advice = _of_postgresql(why) if isinstance(why, psycopg.Error) else _of_sqlite(why)
    return kind(f"{where}: {_first_line(why)}. {advice}")


def _of_postgresql(why: psycopg.Error) -> tuple[type[DatabaseError], str]:
    state = why.sqlstate
    if state is None:  # the connection could not be made, or was lost
        return DatabaseAway, AWAY
    return POSTGRESQL.get(state) or POSTGRESQL.get(state[:2]) or (DatabaseError, "Look at the server's log.")


def _of_sqlite(why: BaseException) -> tuple[type[DatabaseError], str]:
    code = getattr(why, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return SQLITE.get(code, (DatabaseError, "Look at its disk and its folder."))


def _first_line(why: BaseException) -> str:
    return (str(why).strip().splitlines() or [type(why).__name__])[0].rstrip(". ")
