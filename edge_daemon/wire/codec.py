"""Messages to bytes and back: CBOR (RFC 8949) maps with small integers for keys, since a kiosk lives on a trickle.

The version comes first, then the kind. Fields that `decode` does not know are ignored, so that an older gateway reads a
newer kiosk; a version that it does not know is refused by name.
"""

from __future__ import annotations

from typing import Any

import cbor2
from pydantic import ValidationError

from edge_daemon.wire import ledger
from edge_daemon.wire.messages import Candidate, DiagnosisReport, LedgerReport, Message

VERSION = 1
DIAGNOSIS = 1
LEDGER = 2

_VERSION, _KIND = 0, 1
_FIELDS = {
    "diagnosis": 2,
    "visit": 3,
    "kiosk": 4,
    "taken_at": 5,
    "clock": 6,
    "crop": 7,
    "decision": 8,
    "candidates": 9,
    "model": 10,
    "language": 11,
    "rehearsal": 12,
}


class BadMessage(ValueError):
    """Bytes that are no message of this contract."""


class UnknownVersion(BadMessage):
    """A message of a version that this program does not read."""


def encode(report: Message) -> bytes:
    """The report's bytes, the same for equal reports (RFC 8949, 4.2.1)."""
    if isinstance(report, LedgerReport):
        kind, fields = LEDGER, ledger.pack(report)
    elif not isinstance(report, DiagnosisReport):
        raise NotImplementedError
    else:
        kind, fields = DIAGNOSIS, _pack_diagnosis(report)
    return cbor2.dumps({_VERSION: VERSION, _KIND: kind, **fields}, canonical=True)


def decode(data: bytes) -> Message:
    """The report in these bytes. Raises UnknownVersion, and BadMessage for anything else that is wrong with them."""
    try:
        message = cbor2.loads(data)
    except (cbor2.CBORDecodeError, ValueError) as why:
        raise BadMessage(f"not CBOR: {why}") from why
    if not isinstance(message, dict) or _VERSION not in message:
        raise BadMessage("not a map with a version")
    if message[_VERSION] != VERSION:
        raise UnknownVersion(f"version {message[_VERSION]!r}; this program reads version {VERSION}")
    return _read(message)


def _read(message: dict[Any, Any]) -> Message:
    kind = message.get(_KIND)
    try:
        if kind == DIAGNOSIS:
            return _diagnosis(message)
        if kind == LEDGER:
            return ledger.unpack(message)
    except KeyError as why:
        raise BadMessage(f"field {why} is missing") from why
    except (AttributeError, TypeError, ValueError, ValidationError) as why:
        raise BadMessage(f"a field is not what it should be: {why}") from why
    raise BadMessage(f"kind {kind!r} is no report of a diagnosis or of the ledger")


def _pack_diagnosis(report: DiagnosisReport) -> dict[int, Any]:
    values: dict[str, Any] = report.model_dump()
    values["diagnosis"] = bytes.fromhex(report.diagnosis)
    values["visit"] = bytes.fromhex(report.visit)
    values["clock"] = report.clock == "synced"
    values["candidates"] = [[candidate.label, candidate.permille] for candidate in report.candidates]
    return {key: values[name] for name, key in _FIELDS.items()}


def _diagnosis(message: dict[Any, Any]) -> DiagnosisReport:
    values = {name: message[key] for name, key in _FIELDS.items()}
    values["diagnosis"] = values["diagnosis"].hex()
    values["visit"] = values["visit"].hex()
    values["clock"] = "synced" if values["clock"] else "unsure"
    values["candidates"] = tuple(Candidate(label=label, permille=p) for label, p in values["candidates"])
    return DiagnosisReport.model_validate(values)
