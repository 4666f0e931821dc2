"""Rows back to values."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Visit


def visit_of(row: sqlite3.Row) -> Visit:
    """A visit from its row."""
    return Visit(
        id=row["id"],
        begun_at=datetime.fromisoformat(row["begun_at"]),
        clock=row["clock"],
        language=row["language"],
        crop=row["crop"],
    )


def diagnosis_of(row: sqlite3.Row, visit: Visit) -> Diagnosis:
    """A diagnosis of this visit from its row."""
    return Diagnosis(
        id=row["id"],
        visit=visit,
        taken_at=datetime.fromisoformat(row["taken_at"]),
        clock=row["clock"],
        decision=Decision(row["decision"]),
        candidates=json_candidates(row["candidates"]),
        leaf=row["leaf"],
        model=row["model"],
        source=row["source"],
        rehearsal=bool(row["rehearsal"]),
        leaves=row["leaves"],
    )


def time_of(text: str | None) -> datetime | None:
    """A time of a row, None where it holds none."""
    return datetime.fromisoformat(text) if text else None


def json_candidates(text: str) -> tuple[Candidate, ...]:
    """A diagnosis's candidates, as its row holds them."""
    return tuple(Candidate(label, probability) for label, probability in json.loads(text))
