"""What a rehearsal's gateway has at the end, in a few lines: each kiosk, how much of it is stored, what it was told."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from gateway import tables
from gateway.store import Store

WIDTH = 100
LABEL = 11
KINDS = (
    (tables.diagnosis, "diagnoses"),
    (tables.ledger, "rows of the ledger"),
    (tables.alarm, "alarms"),
    (tables.thumbnail, "thumbnails"),
    (tables.aside, "set aside as unreadable"),
)


def arrived(url: str) -> list[str]:
    """The lines on a database; none where no kiosk was heard of. Raises DatabaseError."""
    store = Store.open(url)
    try:
        with store.reading() as db:
            kiosks = _kiosks(db)
            if not kiosks:
                return []
            return ["", f"{' At the gateway ':-^{WIDTH}}", *kiosks, _line("Stored", _stored(db)), *_confirmed(db)]
    finally:
        store.close()


def _kiosks(db: Connection) -> list[str]:
    heard_of = select(tables.kiosk).where(tables.kiosk.c.last_seen_at.is_not(None)).order_by(tables.kiosk.c.id)
    return [
        _line(
            "Kiosk",
            f"{row.id}, heard of at {datetime.fromtimestamp(row.last_seen_at, UTC):%H:%M:%S} UTC"
            f"{', which rehearses' if row.rehearsal else ''}{f', software {row.software}' if row.software else ''}",
        )
        for row in db.execute(heard_of)
    ]


def _stored(db: Connection) -> str:
    counts = {words: db.execute(select(func.count()).select_from(table)).scalar_one() for table, words in KINDS}
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count) or "nothing"


def _confirmed(db: Connection) -> list[str]:
    streams = select(tables.stream).order_by(tables.stream.c.at)
    return [
        _line("Confirmed", f"to {row.kiosk}: all up to its message {row.upto} of its start {row.boot.hex()}")
        for row in db.execute(streams)
    ]


def _line(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"
