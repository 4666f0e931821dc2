"""What a modem says by itself, as events. No I/O.

Rules kept here:
- a line that is not understood is None: modems say much that is of no use;
- what it says may be about a farmer, so no event shows its PDU or text in a log.

Sources: 3GPP TS 27.005 (3.4.1 +CMTI, +CMT, +CDSI, +CDS), 3GPP TS 27.007 (7.15 +CUSD). The words of a start or a fault
are the makers' own, the same in the manuals of SIMCom and Quectel modems.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from edge_daemon.modem import at, septets

What = Literal["message", "report"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A message or status report lies in a memory of the modem."""

    what: What
    memory: str
    index: int


@dataclass(frozen=True, slots=True)
class Routed:
    """A message or status report comes directly; nothing but us keeps it."""

    pdu: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UssdSaid:
    """What the network says in a USSD dialogue. mode: 27.007, 7.15; text: None if it said nothing."""

    mode: int
    text: str | None = field(repr=False)

    @property
    def asks(self) -> bool:
        """Whether the network waits for an answer."""
        return self.mode == 1


@dataclass(frozen=True, slots=True)
class MemoryFull:
    """The modem has no room for what comes."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The modem began anew by itself, and has forgotten what it was told."""

    line: str


@dataclass(frozen=True, slots=True)
class SimGone:
    """The SIM cannot be reached any more."""


@dataclass(frozen=True, slots=True)
class Power:
    """The modem complains of its supply, or switches itself off."""

    line: str


Event = Stored | Routed | UssdSaid | MemoryFull | Restarted | SimGone | Power

_STORED = re.compile(r'\+(CMTI|CDSI): *"?(\w+)"? *, *(\d+)')
_USSD = re.compile(r'\+CUSD: *(\d)(?: *, *"([^"]*)"?)?(?: *, *(\d+))?', re.DOTALL)
_POWER = ("UNDER-VOLTAGE", "OVER-VOLTAGE", "NORMAL POWER DOWN", "POWERED DOWN", "POWER DOWN")
_HEX = re.compile(r"(?:[0-9A-F]{2}){4,}")
_UCS2_GROUP = 0x48
"""Coding group 01xx with the alphabet UCS-2 (3GPP TS 23.038, 5)."""


def read(said: at.Unsolicited, full: Collection[str] = ()) -> Event | None:
    """What a line means. full: how lines begin by which this modem says that its memory is full."""
    line = said.line
    if found := _STORED.fullmatch(line):
        return Stored("message" if found[1] == "CMTI" else "report", found[2].upper(), int(found[3]))
    if line.startswith(("+CMT:", "+CDS:")):
        return Routed(said.body) if said.body else None
    if found := _USSD.match(line):
        text = None if found[2] is None else ussd_text(found[2], int(found[3] or 15))
        return UssdSaid(int(found[1]), text)
    if full and line.startswith(tuple(full)):
        return MemoryFull()
    if line == "RDY":
        return Restarted(line)
    if line.startswith("+CPIN:") and line.partition(":")[2].strip() in {"NOT READY", "NOT INSERTED"}:
        return SimGone()
    return Power(line) if line.startswith(_POWER) else None


def ussd_text(said: str, dcs: int) -> str:
    """The text of a USSD string as a modem shows it: letters, or the octets of UCS-2 or packed GSM-7 in hexadecimal.

    Which of them is not said reliably (27.007, 7.15 leaves it to AT+CSCS), so hexadecimal is taken for octets only
    where they make sense by the coding scheme (3GPP TS 23.038, 5).
    """
    if not _HEX.fullmatch(said):
        return said
    octets = bytes.fromhex(said)
    if dcs & 0xCC == _UCS2_GROUP or _is_ucs2_of_letters(octets):
        return octets.decode("utf-16-be", "replace")
    return said if said.isdecimal() else _unpacked(octets) or said


def _is_ucs2_of_letters(octets: bytes) -> bool:
    """Whether every second octet is the same page, as in UCS-2 of one script with digits and spaces."""
    return len(octets) % 2 == 0 and len(octets) >= 4 and len(set(octets[::2])) <= 2 and 0 in octets[::2]


def _unpacked(octets: bytes) -> str | None:
    """The text of packed septets, None if they hold what nobody writes."""
    codes = septets.unpack(octets, len(octets) * 8 // 7)
    text = septets.alphabet_of().read(codes).rstrip("\r@")  # what fills the last octet (3GPP TS 23.038, 6.1.2.3.1)
    return text if all(letter.isprintable() or letter in "\r\n" for letter in text) else None
