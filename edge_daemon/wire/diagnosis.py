"""A report of one diagnosis as the fields of a message."""

from __future__ import annotations

from typing import Any

from edge_daemon.wire.messages import Candidate, DiagnosisReport

KIOSK = 4
_FIELDS = {
    "diagnosis": 2,
    "visit": 3,
    "kiosk": KIOSK,
    "taken_at": 5,
    "clock": 6,
    "crop": 7,
    "decision": 8,
    "candidates": 9,
    "model": 10,
    "language": 11,
    "rehearsal": 12,
}


def pack(report: DiagnosisReport) -> dict[int, Any]:
    """The fields of the message, by their keys."""
    values: dict[str, Any] = report.model_dump()
    values["diagnosis"] = bytes.fromhex(report.diagnosis)
    values["visit"] = bytes.fromhex(report.visit)
    values["clock"] = report.clock == "synced"
    values["candidates"] = [[candidate.label, candidate.permille] for candidate in report.candidates]
    return {key: values[name] for name, key in _FIELDS.items()}


def unpack(message: dict[Any, Any]) -> DiagnosisReport:
    """The report in these fields. Raises KeyError, and AttributeError, TypeError, ValueError for a wrong one."""
    values = {name: message[key] for name, key in _FIELDS.items()}
    values["diagnosis"] = values["diagnosis"].hex()
    values["visit"] = values["visit"].hex()
    values["clock"] = "synced" if values["clock"] else "unsure"
    values["candidates"] = tuple(Candidate(label=label, permille=p) for label, p in values["candidates"])
    return DiagnosisReport.model_validate(values)
