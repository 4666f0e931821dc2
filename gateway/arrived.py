"""What a rehearsal's gateway has at the end: each kiosk as `krishi-gateway kiosks` shows it, and how much is stored."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from gateway import kiosk_list, tables
from gateway.config import Alerts
from gateway.ingest import system_now
from gateway.store import Store

WIDTH = 100
KINDS = (
    (tables.diagnosis, "diagnoses"),
    (tables.ledger, "rows of the ledger"),
    (tables.alarm, "alarms"),
    (tables.thumbnail, "thumbnails"),
    (tables.aside, "messages kept aside"),
)


def arrived(url: str) -> list[str]:
    """The lines on a database; none where no kiosk was heard of. Raises DatabaseError."""
    store = Store.open(url)
    try:
        with store.reading() as db:
            kiosks = db.execute(select(tables.kiosk.c.id).where(tables.kiosk.c.last_seen_at.is_not(None))).scalars()
            confirmed, stored = _confirmed(db), _stored(db)
        return [line for kiosk in kiosks for line in _about(store, kiosk, [stored, *confirmed.get(kiosk, ())])]
    finally:
        store.close()


def _about(store: Store, kiosk: str, more: list[str]) -> list[str]:
    lines: list[str] = ["", f"{f' krishi-gateway kiosks {kiosk} ':-^{WIDTH}}"]
    kiosk_list.show_one(store.engine, Alerts(), system_now(), kiosk, False, lines.append)
    return lines + more


def _stored(db: Connection) -> str:
    counts = {words: db.execute(select(func.count()).select_from(table)).scalar_one() for table, words in KINDS}
    return f"{'In the database':<{kiosk_list.LABEL}}{', '.join(f'{count} {words}' for words, count in counts.items())}"


def _confirmed(db: Connection) -> dict[str, list[str]]:
    """By kiosk, the last acknowledgement."""
    lines: dict[str, list[str]] = {}
    for row in db.execute(select(tables.stream).order_by(tables.stream.c.at)):
        told = f"all up to its message {row.upto} of the start {row.boot.hex()}"
        lines[row.kiosk] = [f"{'Acknowledged':<{kiosk_list.LABEL}}{told}"]
    return lines
