"""SMS-SUBMIT: a text on its way to the network, as the PDUs for AT+CMGS, and back again. No I/O.

Rules kept here:
- one text, number and reference always give the same PDUs, so a part that is repeated is the same part;
- the service centre is the SIM's own, the class is none, duplicates are not rejected (TP-RD 0).

Source: 3GPP TS 23.040 (9.2.2.2 SMS-SUBMIT, 9.2.3.12.1 validity period), 3GPP TS 27.005 (3.5.1 and 4.3 AT+CMGS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet
from edge_daemon.modem.fields import (
    BadPdu,
    Concat,
    Octets,
    UserData,
    join,
    read_address,
    read_smsc,
    read_user_data,
    write_address,
    write_smsc,
    write_user_data,
)

__all__ = ["BadPdu", "Submit", "SubmitPdu", "join", "parse_submit", "submit"]

VALIDITY_DAYS = 7
"""How long the network keeps trying a telephone that is switched off. After a week the advice is out of season."""

_SUBMIT = 0b01
_VALIDITY_RELATIVE = 0x10
_REPORT_WANTED = 0x20
_HAS_HEADER = 0x40
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_VALIDITY_OCTETS = {0b00: 0, 0b10: 1, 0b01: 7, 0b11: 7}


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """One part, ready for the modem. tpdu_octets: the length that AT+CMGS names, without the service centre."""

    hex: str = field(repr=False)
    tpdu_octets: int


@dataclass(frozen=True, slots=True)
class Submit:
    """What an SMS-SUBMIT says. tpdu_octets: as in AT+CMGS."""

    number: str = field(repr=False)
    data: UserData = field(repr=False)
    smsc: str | None
    report_wanted: bool
    tpdu_octets: int

    @property
    def text(self) -> str:
        """The text of this part alone."""
        return join([self.data])


def submit(
    number: str,
    text: str,
    reference: int,
    *,
    report: bool = False,
    validity_days: int = VALIDITY_DAYS,
    smsc: str | None = None,
) -> tuple[SubmitPdu, ...]:
    """The PDUs of one message, in order.

    number: E.164, or a national number without "+". reference: 0 to 255, the same for each part.
    report: ask the network for a status report (TP-SRR). validity_days: 2 to 30. smsc: None for the SIM's own.
    Raises Refused for a number or text that no SMS can have.
    """
    if not _NUMBER.fullmatch(number):
        raise Refused("The telephone number is not 3 to 20 digits after an optional plus sign. Correct the number.")
    parts = alphabet.split(text)
    first = _SUBMIT | _VALIDITY_RELATIVE | (_REPORT_WANTED if report else 0)
    header = bytes([0]) + write_address(number) + bytes([0, parts.coding.dcs, _validity(validity_days)])
    total = len(parts.texts)
    return tuple(
        _pdu(first, header, part, parts.coding, Concat(reference, total, place) if total > 1 else None, smsc)
        for place, part in enumerate(parts.texts, start=1)
    )


def _pdu(
    first: int, header: bytes, text: str, coding: alphabet.Coding, concat: Concat | None, smsc: str | None
) -> SubmitPdu:
    first |= _HAS_HEADER if concat else 0
    tpdu = bytes([first]) + header + write_user_data(text, coding, concat)
    return SubmitPdu((write_smsc(smsc) + tpdu).hex().upper(), len(tpdu))


def _validity(days: int) -> int:
    """TP-VP in its relative form; whole days are 168 to 196 (3GPP TS 23.040, 9.2.3.12.1)."""
    if not 2 <= days <= 30:
        raise ValueError(f"{days} days of validity: whole days go from 2 to 30")
    return 166 + days


def parse_submit(text: str) -> Submit:
    """Read an SMS-SUBMIT, in hexadecimal, with its service centre. Raises BadPdu."""
    octets = Octets.from_hex(text)
    smsc = read_smsc(octets)
    tpdu_octets = octets.left
    first = octets.octet("the first octet")
    if first & 0b11 != _SUBMIT:
        raise BadPdu(f"First octet {first:02X}: this is no SMS-SUBMIT.")
    octets.octet("the message reference")
    number = read_address(octets)
    octets.octet("the protocol identifier")
    dcs = octets.octet("the data coding scheme")
    octets.take(_VALIDITY_OCTETS[first >> 3 & 0b11], "the validity period")
    data = read_user_data(octets, dcs, has_header=bool(first & _HAS_HEADER))
    return Submit(number, data, smsc, bool(first & _REPORT_WANTED), tpdu_octets)
