"""What kiosks send, for the gateway's tests."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, func, select

from edge_daemon.wire import batch, topics
from edge_daemon.wire.batch import Batch
from edge_daemon.wire.messages import Alarm, Candidate, DiagnosisReport, HealthReport, LedgerReport, LedgerRow, Message
from gateway.config import Ingest
from gateway.parcel import Incoming
from gateway.store import Store
from gateway.take import Reply, take

KIOSK = "koraput-7"
NOW = 1_795_432_100
BOOT = bytes(range(8))
LABELS = ("rice/blast", "rice/brown_spot", "rice/healthy")


def diagnosis(number: int, kiosk: str = KIOSK, **other: Any) -> DiagnosisReport:
    """The same for the same kiosk and number."""
    values: dict[str, Any] = {
        "diagnosis": uuid.uuid5(uuid.NAMESPACE_OID, f"{kiosk} {number}").hex,
        "visit": uuid.uuid5(uuid.NAMESPACE_OID, f"visit {kiosk} {number}").hex,
        "kiosk": kiosk,
        "taken_at": NOW - 5000 + number,
        "clock": "synced",
        "crop": "rice",
        "decision": "answer",
        "candidates": tuple(
            Candidate(label=label, permille=(800, 150, 50)[place]) for place, label in enumerate(LABELS)
        ),
        "model": "leaf-1",
        "language": "hi",
        "rehearsal": False,
    }
    return DiagnosisReport(**{**values, **other})


def health(**other: Any) -> HealthReport:
    """Of a kiosk that is well."""
    values: dict[str, Any] = {
        "kiosk": KIOSK,
        "at": NOW - 60,
        "clock": "synced",
        "starts": 3,
        "uptime": 100,
        "software": "0.1.0",
        "model": "leaf-1",
        "advice": "2",
        "place": "village:412",
        "rehearsal": False,
        "disk_free_mb": 5000,
        "photos": 7,
        "reports_waiting": 4,
        "oldest_waiting": 90,
        "reports_parked": 1,
        "sms_waiting": 0,
        "sms_parked": 2,
        "parts": (("web", "ok"), ("sms", "modem_mute")),
        "desired": 0,
        "bytes_day": 1234,
    }
    return HealthReport(**{**values, **other})


def alarm(**other: Any) -> Alarm:
    """An outbreak."""
    values = {"kiosk": KIOSK, "at": NOW, "clock": "synced", "what": "outbreak", "label": "rice/blast", "count": 5}
    return Alarm(**{**values, "days": 7, "rehearsal": False, **other})


def ledger(at: int, *rows: LedgerRow) -> LedgerReport:
    """A report on these rows."""
    return LedgerReport(kiosk=KIOSK, at=at, rows=rows)


def ledger_row(**other: Any) -> LedgerRow:
    """An advice on its way."""
    values: dict[str, Any] = {
        "kind": "advice",
        "row": 1,
        "farmer": "0123456789abcdef",
        "diagnosis": diagnosis(1).diagnosis,
        "label": "rice/blast",
        "language": "hi",
        "template": "answer",
        "control": False,
        "state": "waiting",
        "begun_at": NOW - 100,
        "sent_at": None,
        "ended_at": None,
        "parts": 0,
        "options": 0,
        "right": 0,
        "answer": None,
        "late": False,
    }
    return LedgerRow(**{**values, **other})


def sent(messages: Sequence[Message], first: int = 1, kiosk: str = KIOSK, boot: bytes = BOOT) -> Incoming:
    """A batch, as the broker hands it over."""
    data = batch.pack(Batch(kiosk=kiosk, boot=boot, first=first, messages=tuple(messages)))
    return Incoming(topics.up(kiosk), data)


def taken(store: Store, *incoming: Incoming, now: int = NOW, limits: Ingest | None = None) -> list[Reply]:
    """What the kiosks are told."""
    return take(store, incoming, lambda: now, limits or Ingest()).replies


def rows(store: Store, table: Table) -> list[dict[str, Any]]:
    """All of a table, by its key."""
    with store.reading() as db:
        found = db.execute(select(table).order_by(*table.primary_key))
        return [dict(row._mapping) for row in found]


def count(store: Store, table: Table) -> int:
    """How many rows it has."""
    with store.reading() as db:
        return db.execute(select(func.count()).select_from(table)).scalar_one()
