"""The kiosks as the registry knows them, each with its troubles; and how many there are of each kind.

One statement an answer, whether there are ten kiosks or a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Engine, RowMapping, case, func, or_, select, type_coerce

from gateway.config import Alerts
from gateway.errors import NoSuchKiosk
from gateway.reading import DEFAULT_LIMIT, Page, Row, page, reading
from gateway.tables import kiosk
from gateway.troubles import NAMES, rules

SHOWN = tuple(
    column
    for column in kiosk.c
    if column.name not in {"certificate", "boot", "health", "desired", "serial"}  # too long for a list
)
SUMS = ("backlog", "parked", "diagnoses", "set_aside", "held_back", "bytes")
STATES = ("invited", "enrolled", "revoked", "seen")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which kiosks. trouble: a name of gateway.troubles, or "any"; since: heard of at this time or later."""

    trouble: str | None = None
    site: str | None = None
    state: str | None = None
    since: int | None = None


def kiosks(
    engine: Engine, limits: Alerts, now: int, asked: Asked, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page:
    """A page of kiosks in the order of their ids, each a row with `troubles`. Raises BadCursor, DatabaseError."""
    found = rules(limits, now)
    statement = select(*SHOWN, *_flags(limits, now))
    if asked.trouble is not None:
        statement = statement.where(or_(*found.values()) if asked.trouble == "any" else found[asked.trouble])
    if asked.site is not None:
        statement = statement.where(kiosk.c.site == asked.site)
    if asked.state is not None:
        statement = statement.where(kiosk.c.state == asked.state)
    if asked.since is not None:
        statement = statement.where(kiosk.c.last_seen_at >= asked.since)
    with reading(engine) as db:
        got = page(db, statement, [kiosk.c.id], cursor, limit)
    return Page([_with_troubles(row) for row in got.rows], got.cursor)


def one(engine: Engine, limits: Alerts, now: int, id: str) -> Row:
    """All that is known of a kiosk, with `troubles`. Raises NoSuchKiosk, DatabaseError."""
    columns = [*SHOWN, kiosk.c.serial, kiosk.c.health, kiosk.c.desired]
    with reading(engine) as db:
        row = db.execute(select(*columns, *_flags(limits, now)).where(kiosk.c.id == id)).mappings().one_or_none()
    if row is None:
        raise NoSuchKiosk(f"No kiosk has the id {id!r}. `krishi-gateway kiosks` lists them.")
    return _with_troubles(dict(row))


@dataclass(frozen=True, slots=True)
class Fleet:
    """The whole fleet in numbers. newest: when the newest batch of any kiosk came, None before the first."""

    states: dict[str, int]
    troubles: dict[str, int]
    sums: dict[str, int]
    newest: int | None

    @property
    def kiosks(self) -> int:
        """All of them."""
        return sum(self.states.values())


def fleet(db: Connection, limits: Alerts, now: int) -> Fleet:
    """Counts over all kiosks, in one statement."""
    counted = [func.count(case((rule, 1))).label(f"is_{name}") for name, rule in rules(limits, now).items()]
    sums = [type_coerce(func.coalesce(func.sum(kiosk.c[name]), 0), BigInteger).label(name) for name in SUMS]
    newest = func.max(kiosk.c.last_seen_at).label("newest")
    statement = select(kiosk.c.state, func.count().label("kiosks"), newest, *counted, *sums).group_by(kiosk.c.state)
    rows = db.execute(statement).mappings().all()
    return Fleet(
        {state: _sum(rows, "kiosks", state) for state in STATES},
        {name: _sum(rows, f"is_{name}") for name in NAMES},
        {name: _sum(rows, name) for name in SUMS},
        max((row["newest"] for row in rows if row["newest"] is not None), default=None),
    )


def _sum(rows: Any, name: str, state: str | None = None) -> int:
    return sum(int(row[name]) for row in rows if state is None or row["state"] == state)


def each(db: Connection, limits: Alerts, now: int, most: int) -> list[Row]:
    """What is measured of each kiosk that was ever enrolled or heard of, of at most so many."""
    measured = ("id", "site", "last_seen_at", "backlog", "disk_free_mb", "clock_off_s", "expires_at")
    statement = select(*(kiosk.c[name] for name in measured), *_flags(limits, now))
    statement = statement.where(kiosk.c.state != "invited").limit(most)
    return [_with_troubles(row) for row in db.execute(statement).mappings()]


def _flags(limits: Alerts, now: int) -> list[Any]:
    return [type_coerce(rule, Boolean).label(f"is_{name}") for name, rule in rules(limits, now).items()]


def _with_troubles(row: Row | RowMapping) -> Row:
    kept = {name: value for name, value in row.items() if not name.startswith("is_")}
    return {**kept, "troubles": [name for name in NAMES if row[f"is_{name}"]]}
