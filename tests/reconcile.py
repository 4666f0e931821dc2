"""What kiosks recorded against what the gateway has stored: none lost, none twice, none changed, none made up.

The kiosks' side is what the test itself has written down, since a kiosk's card may be gone. The gateway's side is its
database. Every scenario of the link ends with this report.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from edge_daemon.store.database import FILE
from edge_daemon.wire.messages import DiagnosisReport
from gateway import tables

NAMES = [each.name for each in tables.diagnosis.columns if each.name not in {"kiosk", "id", "received_at"}]
"""What is compared, in the order of as_stored."""


@dataclass(frozen=True)
class Account:
    """Of one kiosk's diagnoses, how many: recorded there; stored at the gateway; of these lost, changed, and stored
    though never recorded; counted by the gateway as new; left in the kiosk's outbox."""

    kiosk: str
    recorded: int
    stored: int
    lost: int
    changed: int
    made_up: int
    counted: int
    left: int

    @property
    def twice(self) -> int:
        """How many the gateway took as new though it had them."""
        return self.counted - self.stored

    @property
    def balances(self) -> bool:
        """Whether sent is stored, once each, and nothing waits any more."""
        wrong = (self.lost, self.changed, self.made_up, self.twice, self.left)
        return self.recorded == self.stored and not any(wrong)


def reconcile(database: str, recorded: Iterable[DiagnosisReport], left: Mapping[str, int]) -> None:
    """Print the accounts of all kiosks that recorded or are stored, and fail where one does not balance.

    database: the gateway's, as SQLAlchemy takes it. left: how many reports of diagnoses are in each kiosk's outbox.
    """
    found = accounts(database, list(recorded), left)
    print(table(found))
    assert found, "nothing was recorded, and nothing stored"
    assert all(account.balances for account in found), "\n" + table(found)


def accounts(database: str, recorded: list[DiagnosisReport], left: Mapping[str, int]) -> list[Account]:
    """One for each kiosk."""
    stored, counted = _at_the_gateway(database)
    told = {(report.kiosk, report.diagnosis): as_stored(report) for report in recorded}
    assert len(told) == len(recorded), "the test recorded an id twice"
    kiosks = sorted({kiosk for kiosk, _ in [*told, *stored]} | set(left))
    return [_account(kiosk, told, stored, counted[kiosk], left.get(kiosk, 0)) for kiosk in kiosks]


def table(found: list[Account]) -> str:
    """For people."""
    heads = ("recorded", "stored", "lost", "twice", "changed", "made_up", "left")
    lines = [f"{'kiosk':<16}" + "".join(f"{head.replace('_', ' '):>10}" for head in heads)]
    lines += [f"{each.kiosk:<16}" + "".join(f"{getattr(each, head):>10}" for head in heads) for each in found]
    return "\n".join(lines)


def left_in(state: Path) -> int:
    """How many reports of diagnoses are in a kiosk's outbox still, parked ones too. state: its folder."""
    if not (state / FILE).exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{state / FILE}?mode=ro", uri=True)) as database:
        statement = "SELECT count(*) FROM outbox WHERE channel = 'report' AND diagnosis_id IS NOT NULL"
        return int(database.execute(statement + " AND state != 'delivered'").fetchone()[0])


def as_stored(report: DiagnosisReport) -> tuple[Any, ...]:
    """What the gateway's table shall hold of it."""
    best = report.candidates[0] if report.candidates else None
    return (
        *(report.visit, report.taken_at, report.clock == "synced", report.crop, report.decision),
        *(best.label if best else "", best.permille if best else 0),
        tuple((each.label, each.permille) for each in report.candidates),
        *(report.model, report.language, report.rehearsal),
    )


def _account(
    kiosk: str,
    told: Mapping[tuple[str, str], tuple[Any, ...]],
    stored: Mapping[tuple[str, str], tuple[Any, ...]],
    counted: int,
    left: int,
) -> Account:
    ours = {key for key in told if key[0] == kiosk}
    theirs = {key for key in stored if key[0] == kiosk}
    changed = sum(told[key] != stored[key] for key in ours & theirs)
    return Account(kiosk, len(ours), len(theirs), len(ours - theirs), changed, len(theirs - ours), counted, left)


def _at_the_gateway(database: str) -> tuple[dict[tuple[str, str], tuple[Any, ...]], Counter[str]]:
    """Each diagnosis by (kiosk, id), and how many the gateway counted as new, by kiosk."""
    engine = sqlalchemy.create_engine(database)
    try:
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.select(tables.diagnosis)).mappings().all()
            counts = connection.execute(sqlalchemy.select(tables.kiosk.c.id, tables.kiosk.c.diagnoses)).all()
    finally:
        engine.dispose()
    stored = {(row["kiosk"], row["id"]): tuple(_plain(row[name]) for name in NAMES) for row in rows}
    return stored, Counter({row.id: row.diagnoses for row in counts})


def _plain(value: Any) -> Any:
    return tuple(map(tuple, value)) if isinstance(value, list) else value
