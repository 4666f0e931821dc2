"""Many rows into a table at once. What is there already is kept, or gives way by one rule; the same on both databases.

PostgreSQL: by COPY; where that meets a row that is there, or where it may be replaced, by COPY into a temporary table
of the connection and from there by one INSERT ... ON CONFLICT. SQLite, and a few rows: that INSERT once for each row.
A row is a tuple in the order of `names`, its kiosk first, its JSON written already.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg
from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Table

from gateway import tables

FEW = 8
"""Rows for which COPY, with all that it needs around it, takes longer."""

Rows = Sequence[tuple[Any, ...]]

_KEPT = {tables.diagnosis, tables.alarm, tables.thumbnail, tables.aside}
"""What is there stays."""
_REPLACED = {tables.share, tables.stream, tables.ahead}
"""What comes takes its place."""


@cache
def names(table: Table) -> tuple[str, ...]:
    """The columns of a row, in their order: all but a number that the database gives."""
    return tuple(column.name for column in table.columns if column.autoincrement is not True)


def put(db: Connection, table: Table, rows: Rows) -> Counter[str]:
    """Put the rows in; how many of each kiosk were new, or took another's place. No two may have the same key."""
    if not rows:
        return Counter()
    if db.dialect.name == "postgresql" and len(rows) > FEW:
        return _by_copy(db, table, rows)
    return _one_by_one(db, table, rows)


def _by_copy(db: Connection, table: Table, rows: Rows) -> Counter[str]:
    connection = db.connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    if table in _KEPT:
        with suppress(UniqueViolation), connection.transaction():  # a savepoint, since one is under way
            _copy(connection, table.name, table, rows)
            return Counter(row[0] for row in rows)
    make, move = _statements(table)
    connection.execute(make)
    _copy(connection, f"come_{table.name}", table, rows)
    return Counter(dict(connection.execute(move)))


def _copy(connection: psycopg.Connection[Any], into: str, table: Table, rows: Rows) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {into} ({_columns(table)}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _one_by_one(db: Connection, table: Table, rows: Rows) -> Counter[str]:
    place = "%s" if db.dialect.name == "postgresql" else "?"
    places = ", ".join([place] * len(names(table)))
    statement = f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({places}) {_rule(table)}"  # noqa: S608 - names
    return Counter({kiosk: db.exec_driver_sql(statement, own).rowcount for kiosk, own in _by_kiosk(rows)})


def _by_kiosk(rows: Rows) -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return grouped.items()


@cache
def _statements(table: Table) -> tuple[bytes, bytes]:
    """PostgreSQL's: make the temporary table; move its rows."""
    columns, come = _columns(table), f"come_{table.name}"
    return (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {come} ON COMMIT DELETE ROWS AS"  # noqa: S608 - names of ours alone
        f" SELECT {columns} FROM {table.name} WITH NO DATA".encode(),
        f"WITH moved AS (INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {come} {_rule(table)}"  # noqa: S608
        " RETURNING kiosk) SELECT kiosk, count(*) FROM moved GROUP BY kiosk".encode(),
    )


@cache
def _rule(table: Table) -> str:
    if table in _KEPT:
        return "ON CONFLICT DO NOTHING"
    key = [column.name for column in table.primary_key]
    rest = [name for name in names(table) if name not in key]
    rule = f"ON CONFLICT ({_quoted(key)}) DO UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in rest)
    return rule if table in _REPLACED else f"{rule} WHERE {_is_later(table, rest)}"


def _is_later(table: Table, rest: list[str]) -> str:
    """Of two that tell of a row of the ledger the later report counts, and of the same second what came later."""
    differs = " OR ".join(
        f'excluded."{name}" IS DISTINCT FROM {table.name}."{name}"'
        for name in rest
        if name not in {"at", "received_at"}
    )
    return f"excluded.at > {table.name}.at OR (excluded.at = {table.name}.at AND ({differs}))"


def _columns(table: Table) -> str:
    return _quoted(names(table))


def _quoted(some: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in some)
