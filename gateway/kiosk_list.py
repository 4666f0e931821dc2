"""What `krishi-gateway kiosks` shows: the fleet as a table, one kiosk as a page. Plain data in, text out."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from gateway.config import Alerts
from gateway.fleet_view import Asked, Fleet, fleet, kiosks, one
from gateway.reading import MOST_LIMIT, Row, reading
from gateway.troubles import TROUBLES

HEADS = ("kiosk", "site", "state", "last seen", "waiting", "software", "model", "trouble")
WIDEST = 24
"""Of a column before the last; a longer text is cut, and stands whole on the kiosk's own page."""
LABEL = 16
LATEST = 253_402_300_799
"""The last second of the year 9999."""
UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))

Show = Callable[[str], object]


def show_all(engine: Engine, limits: Alerts, now: int, asked: Asked, as_json: bool, show: Show) -> None:
    """Every kiosk that was asked for, page by page. as_json: a line of JSON each. Raises DatabaseError."""
    cursor = None
    met = 0
    while True:
        page = kiosks(engine, limits, now, asked, cursor, MOST_LIMIT)
        for line in map(as_line, page.rows) if as_json else table(page.rows, now, head=met == 0):
            show(line)
        met += len(page.rows)
        cursor = page.cursor
        if cursor is None:
            break
    if not as_json:
        with reading(engine) as db:
            show(summary(met, fleet(db, limits, now)))


def show_one(engine: Engine, limits: Alerts, now: int, id: str, as_json: bool, show: Show) -> None:
    """All about one kiosk. Raises NoSuchKiosk, DatabaseError."""
    row = one(engine, limits, now, id)
    for line in [as_line(row)] if as_json else about(row, now):
        show(line)


def as_line(row: Row) -> str:
    """A row as one line of JSON."""
    return json.dumps(row, ensure_ascii=False)


def table(rows: Sequence[Row], now: int, head: bool) -> Iterator[str]:
    """A line for each kiosk; head: with the columns' names above."""
    lines = [_cells(row, now) for row in rows]
    if head and lines:
        lines.insert(0, HEADS)
    widths = [min(WIDEST, max((len(line[column]) for line in lines), default=0)) for column in range(len(HEADS) - 1)]
    for line in lines:
        cells = [f"{_cut(cell):<{width}}" for cell, width in zip(line[:-1], widths, strict=True)]
        yield "  ".join([*cells, line[-1]]).rstrip()


def _cells(row: Row, now: int) -> tuple[str, ...]:
    waiting = "" if row["backlog"] is None else str(row["backlog"])
    words = (
        row["id"],
        row["site"],
        row["state"],
        ago(row["last_seen_at"], now),
        waiting,
        row["software"],
        row["model"],
    )
    return (*map(plain, words), ", ".join(row["troubles"]))


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def summary(shown: int, whole: Fleet) -> str:
    """The last line: "2 of 40 kiosks. In trouble: silent 1, disk 1."."""
    sick = ", ".join(f"{name} {count}" for name, count in whole.troubles.items() if count)
    among = f"{shown} of {whole.kiosks}" if shown != whole.kiosks else f"{shown}"
    return f"{among} kiosk{'s' * (whole.kiosks != 1)}. In trouble: {sick or 'none'}."


def about(row: Row, now: int) -> Iterator[str]:
    """Line by line what is known of a kiosk, and what to do about its troubles."""
    yield _line("Kiosk", f"{row['id']}, {row['state']}{', a rehearsal' if row['rehearsal'] else ''}")
    yield _line("Site", ", ".join(filter(None, (row["site"], row["place"]))) or "not told")
    for trouble in TROUBLES:
        if trouble.name in row["troubles"]:
            yield _line(f"! {trouble.name}", f"{trouble.means}. {trouble.remedy}")
    yield _line("Last seen", ago(row["last_seen_at"], now))
    yield _line("Waiting on it", _waiting(row))
    yield _line("Stored of it", f"{row['diagnoses']} diagnoses, {row['bytes']} bytes of batches")
    yield _line("Not taken", f"{row['set_aside']} messages kept aside, {row['held_back']} batches held back")
    yield _line("Versions", ", ".join(filter(None, (row["software"], row["model"], row["advice"]))) or "not told")
    yield _line("Clock", _clock(row))
    yield _line("Disk, modem", f"{_or_unknown(row['disk_free_mb'], ' MB free')}, {row['modem'] or 'unknown'}")
    yield _line("Certificate", f"{row['serial'] or 'none'}, ends {moment(row['expires_at'])}")
    yield _line("Wanted of it", json.dumps(row["desired"]) if row["desired"] else "what its own configuration says")


def _waiting(row: Row) -> str:
    if row["backlog"] is None:
        return "unknown"
    oldest = f", the oldest for {duration(row['oldest_waiting'])}" if row["oldest_waiting"] is not None else ""
    given_up = f", {row['parked']} given up" if row["parked"] else ""
    return f"{row['backlog']} reports{oldest}{given_up}, as of {moment(row['health_at'])}"


def _clock(row: Row) -> str:
    if row["clock_off_s"] is None:
        return row["clock"] or "unknown"
    return f"{row['clock'] or 'unknown'}, {row['clock_off_s']:+d} s of ours"


def _or_unknown(value: int | None, unit: str) -> str:
    return "unknown" if value is None else f"{value}{unit}"


def _line(label: str, text: Any) -> str:
    return f"{label:<{LABEL}}{plain(str(text))}"


def ago(at: int | None, now: int) -> str:
    """How long ago something was: "3 hours ago"; "never" of None."""
    return "never" if at is None else f"{duration(max(0, now - at))} ago"


def duration(seconds: int) -> str:
    """In the largest unit of which there is one: "2 days", "1 hour", "40 s"."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}{'s' * (seconds // size != 1)}"
    return f"{seconds} s"


def moment(at: int | None) -> str:
    """A time, UTC: "2026-11-25 12:00"; "never" of None."""
    return "never" if at is None else f"{datetime.fromtimestamp(min(max(at, 0), LATEST), UTC):%Y-%m-%d %H:%M}"


def plain(text: str) -> str:
    """What came from elsewhere, without what a terminal would take for orders to itself."""
    return "".join(c if unicodedata.category(c) != "Cc" else "\ufffd" for c in text)
