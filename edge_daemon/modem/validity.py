"""TP-VP: how long the network keeps trying a telephone that does not answer. No I/O.

Source: 3GPP TS 23.040 (9.2.3.3 format, 9.2.3.12.1 relative, 9.2.3.12.2 absolute, 9.2.3.12.3 enhanced).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from edge_daemon.modem.fields import Octets, bcd, read_time

Validity = timedelta | datetime
"""From the moment that the service centre takes the message, or until a moment."""

RELATIVE = 0b10
"""The format (TP-VPF) that `relative` writes."""
_ENHANCED, _ABSOLUTE = 0b01, 0b11
_ENHANCED_OCTETS = 7
_MINUTE, _DAY, _WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)


def relative(validity: timedelta) -> int:
    """The octet of the relative format, the next longer one where there is none. Raises ValueError above 63 weeks."""
    octet = next((octet for octet in range(256) if _duration(octet) >= validity), None)
    if octet is None or validity <= timedelta(0):
        raise ValueError(f"A validity of {validity}: it is 5 minutes to 63 weeks")
    return octet


def _duration(octet: int) -> timedelta:
    """The table in 9.2.3.12.1."""
    if octet <= 143:
        return (octet + 1) * 5 * _MINUTE
    if octet <= 167:
        return 12 * 60 * _MINUTE + (octet - 143) * 30 * _MINUTE
    if octet <= 196:
        return (octet - 166) * _DAY
    return (octet - 192) * _WEEK


def read_validity(octets: Octets, form: int) -> Validity | None:
    """The validity period in the format that the first octet names; None if it says none. Raises BadPdu."""
    if form == RELATIVE:
        return _duration(octets.octet("the validity period"))
    if form == _ABSOLUTE:
        return read_time(octets, "the validity period")
    if form == _ENHANCED:
        return _enhanced(octets.take(_ENHANCED_OCTETS, "the validity period"))
    return None


def _enhanced(field: bytes) -> timedelta | None:
    """A functionality indicator, then as its three low bits say; one that goes on in another octet is not defined."""
    indicator, value = field[0], field[1:]
    form = indicator & 0b111 if not indicator & 0x80 else 0
    if form == 0b001:
        return _duration(value[0])
    if form == 0b010 and value[0]:
        return timedelta(seconds=value[0])
    if form == 0b011:
        hours, minutes, seconds = bcd(value[:3])
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return None
