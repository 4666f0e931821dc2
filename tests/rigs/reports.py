"""Diagnoses by the hundred, without a camera: recorded in a kiosk's store as a visit would, report and all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge_daemon.clock import system_now
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Photo, Visit
from edge_daemon.kiosk import report
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import DiagnosisReport

PHOTOS_BYTES = 5_000_000


def record(folder: Path, reports: Sequence[DiagnosisReport]) -> None:
    """Put what they tell of into the state folder, beside its daemon if there is one."""
    with Store.share(folder, PHOTOS_BYTES, system_now) as store:
        begun = None
        for each in reports:
            diagnosis = _diagnosis(each)
            told = report(each.kiosk, diagnosis)
            assert told == each, "the kiosk would tell something else"
            if each.visit != begun:
                store.begin(diagnosis.visit)
            begun = each.visit
            store.record(diagnosis, Photo(b"photo", diagnosis.taken_at, "rig"), codec.encode(told))


def _diagnosis(told: DiagnosisReport) -> Diagnosis:
    at = datetime.fromtimestamp(told.taken_at, UTC)
    found = tuple(Candidate(each.label, each.permille / 1000) for each in told.candidates)
    visit = Visit(told.visit, at, told.clock, told.language, told.crop)
    return Diagnosis(
        told.diagnosis, visit, at, told.clock, Decision(told.decision), found, 1.0, told.model, "rig", told.rehearsal
    )
