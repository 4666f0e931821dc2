"""Messages to bytes and back: CBOR (RFC 8949) maps with small integers for keys, since a kiosk lives on a trickle.

The version comes first, then the kind. Fields that `decode` does not know are ignored, so that an older gateway reads a
newer kiosk; a version that it does not know is refused by name. Several messages go together in a batch: see batch.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from edge_daemon.wire import cbor, diagnosis, health, ledger
from edge_daemon.wire.cbor import VERSION
from edge_daemon.wire.errors import BadMessage, UnknownVersion, fault
from edge_daemon.wire.messages import Alarm, DiagnosisReport, HealthReport, LedgerReport, Message, Thumbnail

__all__ = ["ALARM", "DIAGNOSIS", "HEALTH", "LEDGER", "THUMBNAIL", "BadMessage", "UnknownVersion", "decode", "encode"]

DIAGNOSIS = 1
LEDGER = 2
HEALTH = 3
ALARM = 4
THUMBNAIL = 5

_KIND = 1


class _Form(NamedTuple):
    """How messages of a kind are written. kiosk: the key of the kiosk's id."""

    pack: Callable[[Any], dict[int, Any]]
    unpack: Callable[[dict[Any, Any]], Message]
    kiosk: int


_KINDS: dict[type, int] = {
    DiagnosisReport: DIAGNOSIS,
    LedgerReport: LEDGER,
    HealthReport: HEALTH,
    Alarm: ALARM,
    Thumbnail: THUMBNAIL,
}
_FORMS = {
    DIAGNOSIS: _Form(diagnosis.pack, diagnosis.unpack, diagnosis.KIOSK),
    LEDGER: _Form(ledger.pack, ledger.unpack, ledger.KIOSK),
    HEALTH: _Form(health.pack_health, health.unpack_health, health.KIOSK),
    ALARM: _Form(health.pack_alarm, health.unpack_alarm, health.KIOSK),
    THUMBNAIL: _Form(health.pack_thumbnail, health.unpack_thumbnail, health.KIOSK),
}


def encode(report: Message) -> bytes:
    """The report's bytes, the same for equal reports (RFC 8949, 4.2.1)."""
    kind = _KINDS[type(report)]
    return cbor.dumps({cbor.VERSION_KEY: VERSION, _KIND: kind, **_FORMS[kind].pack(report)})


def decode(data: bytes) -> Message:
    """The report in these bytes. Raises UnknownVersion, and BadMessage for anything else that is wrong with them."""
    message = cbor.fields(data)
    return _read(message.get(_KIND), message)


def part(report: Message) -> list[Any]:
    """The report as a part of something that bears the version and the kiosk's id: its kind and its fields."""
    kind = _KINDS[type(report)]
    form = _FORMS[kind]
    return [kind, {key: value for key, value in form.pack(report).items() if key != form.kiosk}]


def whole(kiosk: str, part: Any) -> Message:
    """The kiosk's report of which that is the part. Raises BadMessage."""
    match part:
        case [kind, dict(message), *_]:
            form = _FORMS.get(kind) if type(kind) is int else None
            return _read(kind, {**message, form.kiosk: kiosk} if form else message)
    raise BadMessage("not a kind and its fields")


def _read(kind: Any, message: dict[Any, Any]) -> Message:
    if type(kind) is not int or kind not in _FORMS:
        raise BadMessage(f"kind {cbor.shown(kind)} is none that this program reads")
    try:
        return _FORMS[kind].unpack(message)
    except KeyError as why:
        raise BadMessage(f"field {why} is missing") from why
    except (AttributeError, TypeError, ValueError) as why:
        raise BadMessage(f"a field is not what it should be: {fault(why)}") from why
