"""`krishi-gateway forget`: remove what kiosks sent before a day. It cannot be undone, so it counts and asks first.

Rules kept here:
- what counts is when a thing came here, by our own clock: a kiosk's may have been wrong;
- the oldest go first, AT_ONCE rows in a transaction: broken off anywhere, what is gone is gone and the rest whole;
- nothing else is touched: what is known of a kiosk, and how many diagnoses came of it, stays.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, tuple_

from gateway.errors import BadRequest
from gateway.reading import reading
from gateway.store import Store
from gateway.tables import alarm, aside, diagnosis, ledger, thumbnail

AT_ONCE = 500
"""Rows in a transaction: with pictures some 6 MB."""
TABLES = {"diagnoses": diagnosis, "ledger": ledger, "alarms": alarm, "thumbnails": thumbnail, "aside": aside}
ALL = "all"
_BY_TIME = {diagnosis, alarm}
"""Tables with an index by the time at which a row came; the others are gone through by their keys."""

Say = Callable[[str], object]
Ask = Callable[[str], str]
Key = tuple[object, ...]


class NotYet(BadRequest):
    """A day that is still to come: nothing can have come after it, so all would go."""


def forget(store: Store, what: str, before: int, now: int, say: Say, ask: Ask | None) -> None:
    """Remove it, if the answer to `ask` is yes. None: without asking. Raises NotYet, DatabaseError.

    what: of TABLES, or ALL. before, now: seconds since 1970.
    """
    if before > now:
        raise NotYet("That day is still to come. Name one that is over: all that came before it is removed.")
    tables = TABLES if what == ALL else {what: TABLES[what]}
    counts = {name: _count(store, table, before) for name, table in tables.items()}
    say(f"Came before {_day(before)}: {', '.join(f'{count} of {name}' for name, count in counts.items())}.")
    if not any(counts.values()):
        say("Nothing is removed.")
    elif ask and ask("Remove them for good? Type yes: ").strip().lower() != "yes":
        say("Nothing was removed.")
    else:
        gone = [f"{_remove(store, table, before)} of {name}" for name, table in tables.items() if counts[name]]
        say(f"Removed: {', '.join(gone)}.")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _count(store: Store, table: Table, before: int) -> int:
    """Without a deadline: it is asked seldom, and there may be much."""
    with reading(store.engine, deadline_s=None) as db:
        return db.execute(select(func.count()).select_from(table).where(table.c.received_at < before)).scalar_one()


def _remove(store: Store, table: Table, before: int) -> int:
    """How many there were."""
    count, place, more = 0, None, True
    while more:
        place, gone = store.done(partial(_step, table=table, before=before, after=place))
        count += gone
        more = place is not None
    return count


def _step(db: Connection, table: Table, before: int, after: Key | None) -> tuple[Key | None, int]:
    """Remove the next AT_ONCE; the place of the last of them, None at the end, and how many they were."""
    key = list(table.primary_key)
    order: list[ColumnElement[object]] = [*([table.c.received_at] if table in _BY_TIME else []), *key]
    next_ = select(*order).where(table.c.received_at < before).order_by(*order).limit(AT_ONCE)
    found = db.execute(next_ if after is None else next_.where(tuple_(*order) > after)).all()
    keys = [tuple(row)[-len(key) :] for row in found]
    gone = db.execute(delete(table).where(tuple_(*key).in_(keys))).rowcount if keys else 0
    return (tuple(found[-1]) if len(found) == AT_ONCE else None), gone
