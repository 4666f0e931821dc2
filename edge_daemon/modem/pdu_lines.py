"""PDUs as lines of JSON, for `krishi-kiosk pdu`: a technician's look into what a modem says. No I/O.

Each line is a JSON object and gives one line; what cannot be done gives {"error": "a sentence"}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet, deliveries, pdu, userdata, validity
from edge_daemon.modem.fields import Octets, read_smsc

_KINDS: dict[str, Callable[[str], pdu.Deliver | pdu.Submit | pdu.StatusReport]] = {
    "deliver": pdu.parse_deliver,
    "submit": pdu.parse_submit,
    "status_report": pdu.parse_status_report,
}
_KIND_OF_TYPE = ("deliver", "submit", "status_report", "deliver")
"""By TP-MTI, in what a modem gives out or takes; the last is reserved (3GPP TS 23.040, 9.2.3.1)."""
_CODING_WORDS: dict[userdata.CodingName, str] = {"GSM-7": "Default", "UCS-2": "Unicode", "8-bit": "8bit"}
_CODINGS: dict[str, alphabet.TextCoding] = {
    "default": "GSM-7",
    "gsm-7": "GSM-7",
    "unicode": "UCS-2",
    "ucs-2": "UCS-2",
}


class BadLine(ValueError):
    """A line that is no JSON object, or lacks what it must have; says what."""


def decode(line: bytes) -> dict[str, Any]:
    """{"pdu": hexadecimal} to what the PDU says, or {"error": ...}.

    It may also have "kind": "deliver", "submit" or "status_report"; without it the PDU's own type counts.
    """
    try:
        given = _object(line)
        text = _string(given, "pdu").strip()
        kind = _string(given, "kind") if given.get("kind") is not None else _kind_of(text)
        if kind not in _KINDS:
            raise BadLine(f'"kind" is one of {", ".join(_KINDS)}.')
        said = {"kind": kind} | _said(_KINDS[kind](text))
    except (BadLine, pdu.BadPdu) as why:
        return {"error": str(why)}
    return {key: value for key, value in said.items() if value is not None or key == "smsc"}


def encode(line: bytes) -> list[str] | dict[str, Any]:
    """{"number", "text"} to the PDUs of an SMS-SUBMIT in hexadecimal, or {"error": ...}.

    It may also have: "smsc"; "coding": "Default" (7-bit, by the default alphabet or, where that lacks a letter, by any
    national table) or "Unicode"; "languages": those whose national tables may be used; "reference": 0 to 65535.
    """
    try:
        given = _object(line)
        parts = pdu.submit(
            _string(given, "number"),
            _string(given, "text"),
            _reference(given),
            smsc=_string(given, "smsc") if given.get("smsc") is not None else None,
            coding=_coding(given),
            shift=_languages(given),
        )
    except (BadLine, Refused) as why:
        return {"error": str(why)}
    return [part.hex for part in parts]


def _kind_of(text: str) -> str:
    octets = Octets.from_hex(text)
    read_smsc(octets)
    return _KIND_OF_TYPE[octets.octet("the first octet") & 0b11]


def _object(line: bytes) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as why:  # not UTF-8 is a ValueError, too deep a nesting a RecursionError
        raise BadLine("The line is not JSON in UTF-8.") from why
    if not isinstance(given, dict):
        raise BadLine("The line is not a JSON object.")
    return given


def _string(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise BadLine(f'"{key}" is missing or not a string.')
    return value


def _coding(given: dict[str, Any]) -> alphabet.TextCoding | None:
    if given.get("coding") is None:
        return None
    coding = _CODINGS.get(_string(given, "coding").lower())
    if coding is None:
        raise BadLine('"coding" is "Default" or "Unicode".')
    return coding


def _languages(given: dict[str, Any]) -> list[str]:
    named = given.get("languages")
    if named is None:
        return sorted(alphabet.languages()) if _coding(given) == "GSM-7" else []
    if not isinstance(named, list) or not alphabet.languages().issuperset(map(str, named)):
        raise BadLine(f'"languages" is a list of some of {", ".join(sorted(alphabet.languages()))}.')
    return named


def _reference(given: dict[str, Any]) -> int:
    reference = given.get("reference", 0)
    if isinstance(reference, bool) or not isinstance(reference, int) or not 0 <= reference <= pdu.WIDEST_REFERENCE:
        raise BadLine(f'"reference" is a whole number, 0 to {pdu.WIDEST_REFERENCE}.')
    return reference


def _said(message: pdu.Deliver | pdu.Submit | pdu.StatusReport) -> dict[str, Any]:
    common = {"number": message.number, "smsc": message.smsc, "pid": message.pid, "dcs": message.dcs}
    if isinstance(message, pdu.Deliver):
        return common | {"time": _iso(message.time)} | _content(message.data, message.dcs)
    if isinstance(message, pdu.Submit):
        return common | _instructions(message) | _content(message.data, message.dcs)
    report = {
        "reference": message.reference,
        "time": _iso(message.time),
        "discharge": _iso(message.discharge),
        "status": message.status,
        "outcome": deliveries.meaning(message.status).outcome.value,
        "meaning": deliveries.meaning(message.status).words,
    }
    return common | report | (_content(message.data, message.dcs or 0) if message.data else {})


def _instructions(message: pdu.Submit) -> dict[str, Any]:
    span = message.validity if isinstance(message.validity, timedelta) else None
    is_relative = message.validity_format == validity.RELATIVE
    return {
        "reference": message.reference,
        "validity_minutes": span / timedelta(minutes=1) if span else None,
        "validity_relative": validity.relative(span) if span and is_relative else None,
        "validity_absolute": _iso(message.validity) if isinstance(message.validity, datetime) else None,
        "status_report_request": message.report_wanted,
        "reject_duplicates": message.rejects_duplicates,
    }


def _content(data: userdata.UserData, dcs: int) -> dict[str, Any]:
    is_text = data.coding != "8-bit"
    concat, ports = data.concat, data.ports
    return {
        "text": userdata.join([data]) if is_text else None,
        "data": None if is_text else data.units.hex().upper(),
        "coding": _CODING_WORDS[data.coding],
        "class": userdata.read_scheme(dcs).message_class,
        "concat": concat and {"reference": concat.reference, "total": concat.parts, "part": concat.part},
        "ports": ports and {"dest": ports.destination, "src": ports.source},
        "locking_shift": data.locking or None,
        "single_shift": data.single or None,
        "udh": data.header.hex().upper() or None,
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None
