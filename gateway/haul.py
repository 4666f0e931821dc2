"""What is in many batches, as rows of the tables: gathered first, then stored at once."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from edge_daemon.wire.batch import DiagnosisRow, Unpacked
from edge_daemon.wire.messages import Alarm, DiagnosisReport, HealthReport, LedgerReport, LedgerRow, Message, Thumbnail
from gateway import bulk
from gateway.tables import alarm, diagnosis, ledger, thumbnail

_KINDS: dict[type[Message], str] = {
    DiagnosisReport: "diagnosis",
    LedgerReport: "ledger",
    HealthReport: "health",
    Alarm: "alarm",
    Thumbnail: "thumbnail",
}

LEDGER_FIELDS = tuple(column.name for column in ledger.columns if column.name in LedgerRow.model_fields)[2:]
"""Those that follow the key, of which the diagnosis and the row are two, and the time of the report."""


class Haul:
    """Rows that wait to be stored."""

    def __init__(self) -> None:
        self.diagnoses: list[tuple[Any, ...]] = []
        """Rows of that table."""
        self._ledger: dict[tuple[object, ...], tuple[Any, ...]] = {}
        self._alarms: list[tuple[Any, ...]] = []
        self._thumbnails: list[tuple[Any, ...]] = []
        self.batches = 0
        self.kinds: Counter[str] = Counter()
        """Messages by kind."""
        self.health: defaultdict[str, list[HealthReport]] = defaultdict(list)
        """The health reports of each kiosk, as they came."""

    def add(self, kiosk: str, unpacked: Unpacked, came_at: int) -> None:
        """All of a batch that can be read."""
        self.diagnoses += [_diagnosis(kiosk, row, came_at) for row in unpacked.diagnoses]
        self.batches += 1
        self.kinds["diagnosis"] += len(unpacked.diagnoses)
        for message in unpacked.others:
            self._add(kiosk, message, came_at)

    def _add(self, kiosk: str, message: Message, came_at: int) -> None:
        self.kinds[_KINDS[type(message)]] += 1
        match message:
            case LedgerReport():
                for row in message.rows:
                    self._add_to_ledger(kiosk, message.at, row, came_at)
            case HealthReport():
                self.health[kiosk].append(message)
            case Alarm():
                self._alarms.append(_alarm(kiosk, message, came_at))
            case Thumbnail():
                self._thumbnails.append((kiosk, message.diagnosis, message.jpeg, came_at))
            case DiagnosisReport():  # those of a batch stand in its columns, but they may come so too
                self.diagnoses.append(_diagnosis(kiosk, _as_row(message), came_at))

    def _add_to_ledger(self, kiosk: str, told_at: int, row: LedgerRow, came_at: int) -> None:
        at = min(told_at, came_at)  # else one report of a clock that was years ahead would stand for years
        key = (kiosk, row.diagnosis, row.kind == "advice", row.row)
        if key not in self._ledger or self._ledger[key][4] <= at:
            self._ledger[key] = (*key, at, *(getattr(row, name) for name in LEDGER_FIELDS), came_at)

    def store(self, db: Connection) -> Counter[str]:
        """Write all of it; how many diagnoses of each kiosk were new."""
        new = bulk.put(db, diagnosis, self.diagnoses)
        bulk.put(db, ledger, list(self._ledger.values()))
        bulk.put(db, alarm, self._alarms)
        bulk.put(db, thumbnail, self._thumbnails)
        return new


def _diagnosis(kiosk: str, row: DiagnosisRow, now: int) -> tuple[Any, ...]:
    """In the order of the table's columns. The best candidate comes first."""
    id, visit, taken_at, synced, crop, decision, candidates, model, language, rehearsal = row
    label, permille = candidates[0] if candidates else ("", 0)
    return (
        *(kiosk, id, visit, taken_at, synced, crop, decision, label, permille, _json_of(candidates)),
        *(model, language, rehearsal, now),
    )


def _json_of(candidates: tuple[tuple[str, int], ...]) -> str:
    """By hand: it is a tenth of all that a worker does, and the labels are few."""
    return f"[{','.join([f'[{_quoted(label)},{permille}]' for label, permille in candidates])}]"


@lru_cache(maxsize=4096)
def _quoted(label: str) -> str:
    return json.dumps(label)


def _as_row(report: DiagnosisReport) -> DiagnosisRow:
    candidates = tuple((candidate.label, candidate.permille) for candidate in report.candidates)
    return DiagnosisRow(
        *(report.diagnosis, report.visit, report.taken_at, report.clock == "synced", report.crop, report.decision),
        *(candidates, report.model, report.language, report.rehearsal),
    )


def _alarm(kiosk: str, message: Alarm, now: int) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    return (
        *(kiosk, message.what, message.label, message.at, message.count, message.days, message.clock == "synced"),
        *(message.rehearsal, now),
    )
