"""Kiosks and what they sent, put into the gateway's tables as the workers would."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Table, insert

from gateway.config import Alerts
from gateway.tables import alarm, aside, diagnosis, kiosk, ledger, thumbnail

NOW = 1_795_608_000
"""2026-11-25 12:00 UTC."""
HOUR = 3600
DAY = 86_400
LIMITS = Alerts()


def put(engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    """Into a table, in one transaction."""
    with engine.begin() as db:
        for row in rows:
            db.execute(insert(table), row)


def a_kiosk(id: str, **values: Any) -> dict[str, Any]:
    """A row of the table `kiosk`: one that is well, but for these values."""
    well = {"state": "enrolled", "site": "Koraput", "enrolled_at": NOW - 90 * DAY, "last_seen_at": NOW - HOUR}
    well |= {"expires_at": NOW + 200 * DAY, "backlog": 3, "backlog_before": 1, "clock_off_s": 2, "disk_free_mb": 9000}
    return {"id": id, **well, "modem": "ok", **values}


def add_kiosk(engine: Engine, id: str, **values: Any) -> None:
    """One that is well, but for these values."""
    put(engine, kiosk, a_kiosk(id, **values))


def a_diagnosis(number: int, **values: Any) -> dict[str, Any]:
    """A row of the table `diagnosis`, like any other but for these values."""
    usual = {"kiosk": "koraput-7", "id": f"{number:032x}", "visit": f"{number:032x}", "taken_at": NOW - number}
    usual |= {"synced": True, "crop": "rice", "decision": "answer", "label": "rice/blast", "permille": 850}
    usual |= {"candidates": [["rice/blast", 850]], "model": "leaf-1", "language": "or", "rehearsal": False}
    return {**usual, "received_at": NOW - number, **values}


def add_diagnoses(engine: Engine, count: int, **values: Any) -> None:
    """So many, a second apart, the first the newest."""
    put(engine, diagnosis, *(a_diagnosis(number, **values) for number in range(1, count + 1)))


def a_ledger_row(number: int, **values: Any) -> dict[str, Any]:
    """A row of the table `ledger`: an advice."""
    usual = {"kiosk": "koraput-7", "diagnosis": f"{number:032x}", "advice": True, "row": number, "at": NOW}
    usual |= {"kind": "advice", "farmer": "0123456789abcdef", "label": "rice/blast", "language": "or"}
    usual |= {"template": "answer", "control": False, "state": "delivered", "begun_at": NOW - number}
    usual |= {"sent_at": NOW, "ended_at": None, "parts": 2, "options": 0, "right": 0, "answer": None, "late": False}
    return {**usual, "received_at": NOW, **values}


def add_ledger(engine: Engine, count: int, **values: Any) -> None:
    """So many advices."""
    put(engine, ledger, *(a_ledger_row(number, **values) for number in range(1, count + 1)))


def add_alarm(engine: Engine, **values: Any) -> None:
    """An outbreak."""
    usual = {"kiosk": "koraput-7", "what": "outbreak", "label": "rice/blast", "at": NOW - HOUR, "count": 5, "days": 7}
    put(engine, alarm, {**usual, "synced": True, "rehearsal": False, "received_at": NOW - HOUR, **values})


def add_aside(engine: Engine, body: bytes, of: str = "koraput-7") -> None:
    """What could not be read."""
    digest = f"{len(body):064x}"
    put(engine, aside, {"kiosk": of, "digest": digest, "reason": "not CBOR", "body": body, "received_at": NOW})


def add_picture(engine: Engine, number: int, jpeg: bytes) -> None:
    """Of the diagnosis of this number."""
    put(engine, thumbnail, {"kiosk": "koraput-7", "diagnosis": f"{number:032x}", "jpeg": jpeg, "received_at": NOW})
