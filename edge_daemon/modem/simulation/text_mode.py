"""How SMS look between modem and kiosk. No I/O.

Source: 3GPP TS 27.005 (3.4.1 +CMT and +CDS, 3.4.2 AT+CMGL, 3.4.3 AT+CMGR).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_daemon.modem.simulation.memories import ALL, UNREAD, StoredSms
from edge_daemon.modem.simulation.results import CMS_NOT_ALLOWED, Rejected
from edge_daemon.modem.simulation.service_centre import Incoming, tpdu_octets
from edge_daemon.modem.simulation.settings import Settings

if TYPE_CHECKING:
    from edge_daemon.modem.simulation.firmware import Firmware


def routed(name: str, message: Incoming, settings: Settings) -> str:
    """+CMT or +CDS with its PDU."""
    return f"{name}: {',' if name == '+CMT' else ''}{message.tpdu_octets}\r\n{message.pdu}"


def stored(head: str, kept: StoredSms, settings: Settings) -> str:
    """What AT+CMGR and AT+CMGL tell of a message, after `head`, "+CMGR: " or "+CMGL: 1,"."""
    return f"{head}{kept.stat},,{tpdu_octets(kept.pdu)}\r\n{kept.pdu}"


def stat_asked(value: str, settings: Settings) -> int:
    """Which stat AT+CMGL asks for, 0 to 4; unread ones where it says none (27.005, 3.4.2). Raises Rejected."""
    if value == "":
        return UNREAD
    if value.isdecimal() and int(value) <= ALL:
        return int(value)
    raise Rejected(CMS_NOT_ALLOWED)


def list_stats(modem: Firmware, _: str) -> list[str]:
    """AT+CMGL=?"""
    return ["+CMGL: (0-4)"]
