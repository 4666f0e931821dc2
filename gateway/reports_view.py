"""What the kiosks sent, to look at and to count: diagnoses, the ledger, alarms, what was kept aside, small pictures.

Rules kept here:
- a diagnosis or an alarm belongs to the time that its kiosk's clock told, where that clock was known to be right; else
  to the time at which it came here;
- rehearsals are left out unless they are asked for: nobody may take a stock photo for an outbreak;
- whoever counts diseases needs no farmer: the pseudonym, which ties all visits of one together, is left out as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, case, distinct, exists, func, select

from gateway.errors import BadRequest
from gateway.reading import DEFAULT_LIMIT, Page, Row, page, reading
from gateway.span import ALWAYS, Span
from gateway.tables import alarm, aside, diagnosis, kiosk, ledger, thumbnail

DAY_S = 86_400
SKEW_S = DAY_S
"""No clock that is known to be right is further ahead of ours: a report comes no earlier than this before its time."""
MOST_GROUPS = 10_000
SHOWN_BYTES = 512
"""Of a body that could not be read."""
GROUPS = ("label", "crop", "decision", "day", "kiosk", "site", "place", "language", "model")


class TooMany(BadRequest):
    """More groups than an answer holds."""


class NoThumbnail(BadRequest):
    """There is no picture of this diagnosis."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reports. None: any. rehearsals: also those that no farmer of a village made."""

    kiosk: str | None = None
    label: str | None = None
    decision: str | None = None
    span: Span = ALWAYS
    rehearsals: bool = False
    thumbnail: bool | None = None


def select_diagnoses(wanted: Wanted) -> Select[Any]:
    """Diagnoses with all their columns, and whether there is a `thumbnail`."""
    of_it = (thumbnail.c.kiosk == diagnosis.c.kiosk) & (thumbnail.c.diagnosis == diagnosis.c.id)
    pictured = exists().where(of_it)
    statement = select(diagnosis, pictured.label("thumbnail")).where(*_conditions(wanted))
    return statement if wanted.thumbnail is None else statement.where(pictured.is_(wanted.thumbnail))


def select_ledger(wanted: Wanted, farmers: bool) -> Select[Any]:
    """Rows of the ledger, of advices and questions that began within the span; with pseudonyms, or without."""
    columns = [column for column in ledger.c if farmers or column.name != "farmer"]
    statement = select(*columns).where(*_equal(ledger, kiosk=wanted.kiosk, label=wanted.label))
    return statement.where(*_within(ledger.c.begun_at, wanted.span))


def select_alarms(wanted: Wanted) -> Select[Any]:
    """Alarms."""
    happened = case((alarm.c.synced, alarm.c.at), else_=alarm.c.received_at)
    statement = select(alarm).where(*_equal(alarm, kiosk=wanted.kiosk, label=wanted.label))
    statement = statement.where(*_within(happened, wanted.span), *_came(alarm.c.received_at, wanted.span))
    return statement if wanted.rehearsals else statement.where(~alarm.c.rehearsal)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found = _equal(diagnosis, kiosk=wanted.kiosk, label=wanted.label, decision=wanted.decision)
    found += _within(_happened(), wanted.span) + _came(diagnosis.c.received_at, wanted.span)
    return found if wanted.rehearsals else [*found, ~diagnosis.c.rehearsal]


def _happened() -> ColumnElement[int]:
    return case((diagnosis.c.synced, diagnosis.c.taken_at), else_=diagnosis.c.received_at)


def _equal(table: Any, **wanted: str | None) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in wanted.items() if value is not None]


def _within(time: ColumnElement[int], span: Span) -> list[ColumnElement[bool]]:
    since = [] if span.since is None else [time >= span.since]
    return since if span.until is None else [*since, time < span.until]


def _came(received_at: ColumnElement[int], span: Span) -> list[ColumnElement[bool]]:
    """Follows from the span already; said for the index."""
    return [] if span.since is None else [received_at >= span.since - SKEW_S]


def diagnoses(engine: Engine, wanted: Wanted, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
    """The newest first, as they came. Raises BadCursor, DatabaseError."""
    order = [diagnosis.c.received_at, diagnosis.c.kiosk, diagnosis.c.id]
    with reading(engine) as db:
        return page(db, select_diagnoses(wanted), order, cursor, limit, newest_first=True)


def ledger_rows(
    engine: Engine, wanted: Wanted, farmers: bool, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page:
    """In the order of their keys. Raises BadCursor, DatabaseError."""
    order = [ledger.c.kiosk, ledger.c.diagnosis, ledger.c.advice, ledger.c.row]
    with reading(engine) as db:
        return page(db, select_ledger(wanted, farmers), order, cursor, limit)


def alarms(engine: Engine, wanted: Wanted, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
    """The newest first, as they came. Raises BadCursor, DatabaseError."""
    order = [alarm.c.received_at, alarm.c.kiosk, alarm.c.what, alarm.c.label, alarm.c.at]
    with reading(engine) as db:
        return page(db, select_alarms(wanted), order, cursor, limit, newest_first=True)


def aside_rows(engine: Engine, of: str | None, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page:
    """What could not be read, the newest first, with the first SHOWN_BYTES of each. Raises BadCursor, DatabaseError."""
    size = func.length(aside.c.body).label("size")
    begin = func.coalesce(func.substr(aside.c.body, 1, SHOWN_BYTES), aside.c.body).label(
        "begin"
    )  # SQLite: NULL of none
    statement = select(aside.c.id, aside.c.kiosk, aside.c.digest, aside.c.reason, aside.c.received_at, size, begin)
    with reading(engine) as db:
        got = page(db, statement.where(*_equal(aside, kiosk=of)), [aside.c.id], cursor, limit, newest_first=True)
    return Page([{**row, "begin": bytes(row["begin"]).hex()} for row in got.rows], got.cursor)


def picture(engine: Engine, of: str, id: str) -> bytes:
    """The JPEG of a diagnosis. Raises NoThumbnail, DatabaseError."""
    statement = select(thumbnail.c.jpeg).where(thumbnail.c.kiosk == of, thumbnail.c.diagnosis == id)
    with reading(engine) as db:
        found = db.execute(statement).scalar_one_or_none()
    if found is None:
        raise NoThumbnail("There is no picture of this diagnosis. GET /diagnoses?thumbnail=true lists those with one.")
    return bytes(found)


def counts(engine: Engine, by: tuple[str, ...], wanted: Wanted, offset_s: int = 0) -> list[Row]:
    """How many diagnoses and visits there are of each group; by: of GROUPS. offset_s: of the clock that tells the days.

    `day` is the number of days since 1970-01-01. Raises TooMany, DatabaseError.
    """
    day = (_happened() + offset_s) // DAY_S
    columns = {**{name: diagnosis.c[name] for name in GROUPS if name in diagnosis.c}, "day": day}
    columns |= {"site": kiosk.c.site, "place": kiosk.c.place}
    keys = [columns[name].label(name) for name in by]
    statement = select(*keys, func.count().label("diagnoses"), func.count(distinct(diagnosis.c.visit)).label("visits"))
    if {"site", "place"} & set(by):
        statement = statement.join_from(diagnosis, kiosk, diagnosis.c.kiosk == kiosk.c.id)
    statement = statement.where(*_conditions(wanted)).group_by(*keys).order_by(*keys).limit(MOST_GROUPS + 1)
    with reading(engine) as db:
        rows = [dict(row) for row in db.execute(statement).mappings()]
    if len(rows) > MOST_GROUPS:
        raise TooMany(f"These are more than {MOST_GROUPS} groups. Ask for fewer days, or by less.")
    return rows
