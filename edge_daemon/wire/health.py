"""A kiosk's health, an alarm and a thumbnail as the fields of a message: the values themselves, under small keys."""

from __future__ import annotations

from typing import Any

from edge_daemon.wire.messages import Alarm, HealthReport, Thumbnail

KIOSK = 2
_HEALTH = {
    "kiosk": KIOSK,
    "at": 3,
    "clock": 4,
    "starts": 5,
    "uptime": 6,
    "software": 7,
    "model": 8,
    "advice": 9,
    "place": 10,
    "rehearsal": 11,
    "disk_free_mb": 12,
    "photos": 13,
    "reports_waiting": 14,
    "oldest_waiting": 15,
    "reports_parked": 16,
    "sms_waiting": 17,
    "sms_parked": 18,
    "parts": 19,
    "desired": 20,
    "bytes_day": 21,
}
_ALARM = {"kiosk": KIOSK, "at": 3, "clock": 4, "what": 5, "label": 6, "count": 7, "days": 8, "rehearsal": 9}
_THUMBNAIL = {"kiosk": KIOSK, "diagnosis": 3, "jpeg": 4}


def pack_health(report: HealthReport) -> dict[int, Any]:
    """The fields of the message, by their keys."""
    return {key: _out(name, getattr(report, name)) for name, key in _HEALTH.items()}


def pack_alarm(alarm: Alarm) -> dict[int, Any]:
    """The fields of the message, by their keys."""
    return {key: _out(name, getattr(alarm, name)) for name, key in _ALARM.items()}


def pack_thumbnail(thumbnail: Thumbnail) -> dict[int, Any]:
    """The fields of the message, by their keys."""
    return {key: _out(name, getattr(thumbnail, name)) for name, key in _THUMBNAIL.items()}


def unpack_health(message: dict[Any, Any]) -> HealthReport:
    """The report in these fields. Raises KeyError, and AttributeError, TypeError, ValueError for a wrong one."""
    return HealthReport.model_validate({name: _in(name, message[key]) for name, key in _HEALTH.items()})


def unpack_alarm(message: dict[Any, Any]) -> Alarm:
    """The alarm in these fields. Raises as unpack_health does."""
    return Alarm.model_validate({name: _in(name, message[key]) for name, key in _ALARM.items()})


def unpack_thumbnail(message: dict[Any, Any]) -> Thumbnail:
    """The thumbnail in these fields. Raises as unpack_health does."""
    return Thumbnail.model_validate({name: _in(name, message[key]) for name, key in _THUMBNAIL.items()})


def _out(name: str, value: Any) -> Any:
    if name == "clock":
        return value == "synced"
    if name == "diagnosis":
        return bytes.fromhex(value)
    return value


def _in(name: str, value: Any) -> Any:
    if name == "clock" and type(value) is bool:
        return "synced" if value else "unsure"
    if name == "diagnosis":
        return value.hex()
    return value
