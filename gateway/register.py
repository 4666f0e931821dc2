"""The rows of the kiosks that a transaction is about: locked first, then counted on, written once at its end.

The lock of a kiosk's row guards all else that is kept of that kiosk: its numbers, its share. Rows are locked in the
order of their ids, so that no two workers wait for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from edge_daemon.wire.messages import HealthReport
from gateway import health
from gateway.tables import kiosk

_READ = ("id", "state", "last_seen_at", "backlog", "health", "health_at")
_SELECT = select(*(kiosk.c[name] for name in _READ))


@dataclass
class Heard:
    """What a transaction heard of one kiosk."""

    payload_bytes: int = 0
    boot: bytes | None = None
    held_back: int = 0


@dataclass
class Register:
    """The kiosks, locked. Made by `lock`."""

    rows: dict[str, dict[str, Any]]
    heard: dict[str, Heard] = field(default_factory=dict)

    def is_revoked(self, kiosk: str) -> bool:
        """Whether this kiosk was. One that nobody knows was not."""
        return kiosk in self.rows and self.rows[kiosk]["state"] == "revoked"

    def hear(self, kiosk: str) -> Heard:
        """What was heard of it, to be added to."""
        return self.heard.setdefault(kiosk, Heard())


def lock(db: Connection, sending: Iterable[str], lost: Iterable[str]) -> Register:
    """Lock the rows of the kiosks that send, or were lost. One that sends and is not there yet is added."""
    sending = set(sending)
    wanted = sending.union(lost)
    rows = _locked(db, wanted)
    new = sorted(sending - rows.keys())
    if new:
        dialect = postgresql if db.dialect.name == "postgresql" else sqlite
        values = [{"id": id, "state": "seen"} for id in new]
        db.execute(dialect.insert(kiosk).on_conflict_do_nothing(), values)
        rows |= _locked(db, new)
    return Register(rows)


def _locked(db: Connection, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    found = db.execute(_SELECT.where(kiosk.c.id.in_(sorted(ids))).order_by(kiosk.c.id).with_for_update())
    return {row.id: dict(row._mapping) for row in found}


_COUNT = (
    update(kiosk)
    .where(kiosk.c.id == bindparam("key"))
    .values(
        first_seen_at=func.coalesce(kiosk.c.first_seen_at, bindparam("now")),
        last_seen_at=bindparam("now"),
        boot=func.coalesce(bindparam("new_boot", type_=kiosk.c.boot.type), kiosk.c.boot),
        bytes=kiosk.c.bytes + bindparam("more_bytes"),
        diagnoses=kiosk.c.diagnoses + bindparam("more_diagnoses"),
        set_aside=kiosk.c.set_aside + bindparam("more_aside"),
        aside_at=func.coalesce(bindparam("new_aside_at", type_=kiosk.c.aside_at.type), kiosk.c.aside_at),
        held_back=kiosk.c.held_back + bindparam("more_held"),
        held_back_at=func.coalesce(bindparam("new_held_at", type_=kiosk.c.held_back_at.type), kiosk.c.held_back_at),
    )
)


def count(db: Connection, register: Register, new: Counter[str], aside: Counter[str], now: int) -> None:
    """Add what came to the counts of each kiosk. new: diagnoses; aside: messages that were set aside."""
    values = [
        {
            "key": id,
            "now": now,
            "new_boot": heard.boot,
            "more_bytes": heard.payload_bytes,
            "more_diagnoses": new[id],
            "more_aside": aside[id],
            "new_aside_at": now if aside[id] else None,
            "more_held": heard.held_back,
            "new_held_at": now if heard.held_back else None,
        }
        for id, heard in register.heard.items()
    ]
    if values:
        db.execute(_COUNT, values)


def add_diagnoses(db: Connection, new: Counter[str]) -> None:
    """Add to each kiosk's count: nothing was heard of it, but more of it is stored."""
    for id, more in new.items():
        db.execute(update(kiosk).where(kiosk.c.id == id).values(diagnoses=kiosk.c.diagnoses + more))


def note_health(db: Connection, register: Register, reports: dict[str, list[HealthReport]], now: int) -> None:
    """Write what the kiosks told of themselves, as far as it is news."""
    for id, told in reports.items():
        row = register.rows[id]
        changed: dict[str, Any] = {}
        for report in told:
            if health.is_newer(report, row, now):
                changed |= health.columns(report, row, now)
                row |= changed
        if changed:
            db.execute(update(kiosk).where(kiosk.c.id == id).values(**changed))


def note_lost(db: Connection, register: Register, lost: Iterable[str], now: int) -> None:
    """Write which kiosks the broker has lost. One that was never heard of is not added for that."""
    known = [id for id in lost if id in register.rows]
    if known:
        db.execute(update(kiosk).where(kiosk.c.id.in_(known)).values(lost_at=now))
