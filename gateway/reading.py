"""Reading the database for people and programs that ask: with a deadline, in pages, never all of it at once.

A page ends with a cursor: the place of its last row in the order. The next page begins behind that place, wherever rows
came or went meanwhile, and costs no more than the first.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, text, tuple_
from sqlalchemy.exc import DBAPIError

from gateway.database_trouble import named
from gateway.errors import BadRequest, DatabaseError

READ_S = 20.0
"""What an answer may take: a question over too much is refused, so that it cannot keep the gateway from its work."""
STEPS = 10_000
"""After so many steps of its machine SQLite looks at the clock."""
MOST_CURSOR = 400
DEFAULT_LIMIT = 100
MOST_LIMIT = 1000

Row = dict[str, Any]


class TooSlow(DatabaseError):
    """The answer would have taken longer than READ_S."""


class BadCursor(BadRequest):
    """A cursor that no page of this call ended with."""

    http_status = 400


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the cursor of what comes after them; None at the end."""

    rows: list[Row]
    cursor: str | None


@contextmanager
def reading(engine: Engine, deadline_s: float | None = READ_S) -> Iterator[Connection]:
    """A connection to read with; None: without a deadline, for an export. Raises DatabaseError, TooSlow."""
    with named(engine.url.render_as_string(hide_password=True)), engine.connect() as db:
        try:
            with _bounded(db, deadline_s):
                yield db
        except DBAPIError as why:
            if _was_cut_off(why.orig):
                raise TooSlow(f"The answer takes over {READ_S:.0f} s. Ask for less: one kiosk, fewer days.") from why
            raise


def _was_cut_off(why: BaseException | None) -> bool:
    """By the deadline: SQLite's result code, PostgreSQL's SQLSTATE query_canceled."""
    code = getattr(why, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_INTERRUPT or getattr(why, "sqlstate", None) == "57014"


@contextmanager
def _bounded(db: Connection, deadline_s: float | None) -> Iterator[None]:
    if db.dialect.name != "sqlite":
        db.execute(text(f"SET LOCAL statement_timeout = {round(1000 * (deadline_s or 0))}"))
        yield
        return
    raw = db.connection.driver_connection
    assert raw is not None
    ends = time.monotonic() + (deadline_s or float("inf"))
    raw.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, STEPS)


def page(
    db: Connection,
    statement: Select[Any],
    order: Sequence[ColumnElement[Any]],
    cursor: str | None,
    limit: int,
    newest_first: bool = False,
) -> Page:
    """The rows of a statement behind a cursor. order: columns that it selects, which together name one row.

    Raises BadCursor.
    """
    if cursor is not None:
        place = tuple_(*order)
        behind = tuple_(*_read_cursor(cursor, order))
        statement = statement.where(place < behind if newest_first else place > behind)
    statement = statement.order_by(*(column.desc() if newest_first else column for column in order))
    rows = [dict(row) for row in db.execute(statement.limit(limit + 1)).mappings()]
    more = len(rows) > limit
    rows = rows[:limit]
    last = [rows[-1][_name(column)] for column in order] if more else None
    return Page(rows, None if last is None else _write_cursor(last))


def _name(column: ColumnElement[Any]) -> str:
    return str(getattr(column, "key", column))


def _write_cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, order: Sequence[ColumnElement[Any]]) -> list[Any]:
    wrong = BadCursor("The cursor is none of this call's. Begin without one, and give the one that a page ended with.")
    if len(cursor) > MOST_CURSOR:
        raise wrong
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as why:
        raise wrong from why
    if not isinstance(place, list) or len(place) != len(order):
        raise wrong
    for value, column in zip(place, order, strict=True):
        if type(value) is not column.type.python_type or (isinstance(value, int) and abs(value) >= 2**63):
            raise wrong
        if isinstance(value, str) and ("\0" in value or not value.isascii()):
            raise wrong
    return place
