"""SMS TPDUs in hexadecimal, as AT commands carry them: a text to the network, a text or a report from it. No I/O.

Rules kept here:
- one text, number and reference always give the same PDUs, so a part that is repeated is the same part;
- unless the caller says otherwise, the service centre is the SIM's own, the class is none, and duplicates are not
  rejected (TP-RD 0);
- what comes is read as the standard says, or is a BadPdu; data that is no text is given as it is.

Source: 3GPP TS 23.040 (9.2.2.1 SMS-DELIVER, 9.2.2.2 SMS-SUBMIT, 9.2.2.3 SMS-STATUS-REPORT), 3GPP TS 27.005 (3.5.1 and
4.3 AT+CMGS).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet
from edge_daemon.modem.fields import (
    BadPdu,
    Octets,
    read_address,
    read_smsc,
    read_time,
    write_address,
    write_smsc,
)
from edge_daemon.modem.userdata import Concat, UserData, join, read_user_data, write_user_data
from edge_daemon.modem.validity import RELATIVE, Validity, read_validity, relative

__all__ = [
    "BadPdu",
    "Deliver",
    "StatusReport",
    "Submit",
    "SubmitPdu",
    "is_status_report",
    "join",
    "parse_deliver",
    "parse_status_report",
    "parse_submit",
    "submit",
]

VALIDITY = timedelta(days=7)
"""How long the network keeps trying a telephone that is switched off. After a week the advice is out of season."""
WIDEST_REFERENCE = 0xFFFF
DELIVER_OCTETS = 164
"""An SMS-DELIVER takes no more (9.2.2.1)."""

_DELIVER, _SUBMIT, _STATUS_REPORT, _RESERVED = 0b00, 0b01, 0b10, 0b11
_REJECT_DUPLICATES = 0x04
_REPORT_WANTED = 0x20
_HAS_HEADER = 0x40
_FLASH = 0x10
"""TP-DCS bit 4: a message class follows; class 0 is shown at once and not kept (3GPP TS 23.038, 4)."""
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_HAS_PID, _HAS_DCS, _HAS_USER_DATA, _GOES_ON = 0x01, 0x02, 0x04, 0x80
"""TP-PI (9.2.3.27)."""


@dataclass(frozen=True, slots=True)
class SubmitPdu:
    """One part, ready for the modem. tpdu_octets: the length that AT+CMGS names, without the service centre."""

    hex: str = field(repr=False)
    tpdu_octets: int


@dataclass(frozen=True, slots=True)
class Submit:
    """What an SMS-SUBMIT says. tpdu_octets: as in AT+CMGS. reference: TP-MR, which the modem replaces.

    validity_format: TP-VPF (9.2.3.3); validity: TP-VP, None if it says none.
    """

    number: str = field(repr=False)
    data: UserData = field(repr=False)
    smsc: str | None
    reference: int
    pid: int
    dcs: int
    validity: Validity | None
    validity_format: int
    report_wanted: bool
    rejects_duplicates: bool
    tpdu_octets: int

    @property
    def text(self) -> str:
        """The text of this part alone."""
        return join([self.data])


@dataclass(frozen=True, slots=True)
class Deliver:
    """What an SMS-DELIVER says. number: digits, or a sender's name. time: at the service centre, None if no such is."""

    number: str = field(repr=False)
    data: UserData = field(repr=False)
    smsc: str | None
    time: datetime | None
    pid: int
    dcs: int

    @property
    def text(self) -> str:
        """The text of this part alone."""
        return join([self.data])


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a part. reference: the TP-MR that AT+CMGS answered. status: TP-ST, see deliveries.meaning.

    time: when the service centre took the part; discharge: when it had the outcome. data: a few operators add a text.
    """

    number: str = field(repr=False)
    reference: int
    status: int
    smsc: str | None
    time: datetime | None
    discharge: datetime | None
    pid: int | None = None
    dcs: int | None = None
    data: UserData | None = field(default=None, repr=False)


def submit(
    number: str,
    text: str,
    reference: int,
    *,
    report: bool = False,
    validity: timedelta = VALIDITY,
    smsc: str | None = None,
    flash: bool = False,
    coding: alphabet.TextCoding | None = None,
    shift: Iterable[str] = (),
) -> tuple[SubmitPdu, ...]:
    """The PDUs of one message, in order.

    number: E.164, or a national number without "+"; smsc likewise, None for the SIM's own. reference: the same for
    each part, 0 to 65535; above 255 it takes an octet more. report: ask the network for a status report (TP-SRR).
    validity: 5 minutes to 63 weeks, in the steps of the relative format. flash: class 0, shown and not kept.
    coding, shift: as in alphabet.split. Raises Refused for a number or text that no SMS can have.
    """
    _check_number(number, "telephone number")
    if smsc is not None:
        _check_number(smsc, "service centre's number")
    if not 0 <= reference <= WIDEST_REFERENCE:
        raise ValueError(f"reference {reference}: it is 0 to {WIDEST_REFERENCE}")
    is_wide = reference > 0xFF
    concat_octets = alphabet.WIDE_CONCAT_OCTETS if is_wide else alphabet.CONCAT_OCTETS
    parts = alphabet.split(text, coding=coding, shift=shift, concat_octets=concat_octets)
    first = _SUBMIT | RELATIVE << 3 | (_REPORT_WANTED if report else 0)
    dcs = parts.coding.dcs | (_FLASH if flash else 0)
    fields = bytes([0]) + write_address(number) + bytes([0, dcs, relative(validity)])
    total = len(parts.texts)
    return tuple(
        _pdu(first, fields, part, parts.coding, Concat(reference, total, place, is_wide) if total > 1 else None, smsc)
        for place, part in enumerate(parts.texts, start=1)
    )


def _check_number(number: str, what: str) -> None:
    if not _NUMBER.fullmatch(number):
        raise Refused(f"The {what} is not 3 to 20 digits after an optional plus sign. Correct the number.")


def _pdu(
    first: int, fields: bytes, text: str, coding: alphabet.Coding, concat: Concat | None, smsc: str | None
) -> SubmitPdu:
    first |= _HAS_HEADER if concat or coding.locking or coding.single else 0
    tpdu = bytes([first]) + fields + write_user_data(text, coding, concat)
    return SubmitPdu((write_smsc(smsc) + tpdu).hex().upper(), len(tpdu))


def parse_submit(text: str) -> Submit:
    """Read an SMS-SUBMIT, in hexadecimal, with its service centre. Raises BadPdu."""
    octets = Octets.from_hex(text)
    smsc = read_smsc(octets)
    tpdu_octets = octets.left
    first = _first_octet(octets, {_SUBMIT}, "SMS-SUBMIT")
    reference = octets.octet("the message reference")
    number = read_address(octets)
    pid = octets.octet("the protocol identifier")
    dcs = octets.octet("the data coding scheme")
    validity_format = first >> 3 & 0b11
    validity = read_validity(octets, validity_format)
    data = read_user_data(octets, dcs, has_header=bool(first & _HAS_HEADER))
    octets.end("the user data")
    return Submit(
        number,
        data,
        smsc,
        reference,
        pid,
        dcs,
        validity,
        validity_format,
        report_wanted=bool(first & _REPORT_WANTED),
        rejects_duplicates=bool(first & _REJECT_DUPLICATES),
        tpdu_octets=tpdu_octets,
    )


def parse_deliver(text: str) -> Deliver:
    """Read an SMS-DELIVER, in hexadecimal, with its service centre; a reserved type is read as one. Raises BadPdu.

    The user data says how long it is (9.2.3.16), so octets behind it take nothing from a farmer's words: within
    what a message may take they are passed over, as other readers do.
    """
    octets = Octets.from_hex(text)
    smsc = read_smsc(octets)
    is_too_long = octets.left > DELIVER_OCTETS
    first = _first_octet(octets, {_DELIVER, _RESERVED}, "SMS-DELIVER")  # reserved: 9.2.3.1
    number = read_address(octets)
    pid = octets.octet("the protocol identifier")
    dcs = octets.octet("the data coding scheme")
    time = read_time(octets, "the service centre's time stamp")
    data = read_user_data(octets, dcs, has_header=bool(first & _HAS_HEADER))
    if is_too_long:
        octets.end("the user data")
    return Deliver(number, data, smsc, time, pid, dcs)


def is_status_report(text: str) -> bool:
    """Whether a PDU that came from the network is an SMS-STATUS-REPORT by its first octet (9.2.3.1), sound or not."""
    try:
        octets = Octets.from_hex(text)
        read_smsc(octets)
        return octets.octet("the first octet") & 0b11 == _STATUS_REPORT
    except BadPdu:
        return False


def parse_status_report(text: str) -> StatusReport:
    """Read an SMS-STATUS-REPORT, in hexadecimal, with its service centre. Raises BadPdu.

    What may follow the status is of no use to us: where it breaks the standard, the report is read without it.
    """
    octets = Octets.from_hex(text)
    smsc = read_smsc(octets)
    first = _first_octet(octets, {_STATUS_REPORT}, "SMS-STATUS-REPORT")
    reference = octets.octet("the message reference")
    number = read_address(octets)
    time = read_time(octets, "the service centre's time stamp")
    discharge = read_time(octets, "the discharge time")
    status = octets.octet("the status")
    report = StatusReport(number, reference, status, smsc, time, discharge)
    try:
        return _with_optional_fields(report, octets, has_header=bool(first & _HAS_HEADER))
    except BadPdu:
        return report


def _with_optional_fields(report: StatusReport, octets: Octets, *, has_header: bool) -> StatusReport:
    """The report with what its parameter indicator announces (9.2.3.27); without a TP-DCS a text is GSM-7."""
    if octets.is_padding():
        return report
    indicator = further = octets.octet("the parameter indicator")
    while further & _GOES_ON:
        further = octets.octet("the parameter indicator")
    pid = octets.octet("the protocol identifier") if indicator & _HAS_PID else None
    dcs = octets.octet("the data coding scheme") if indicator & _HAS_DCS else None
    data = read_user_data(octets, dcs or 0, has_header=has_header) if indicator & _HAS_USER_DATA else None
    return replace(report, pid=pid, dcs=dcs, data=data)


def _first_octet(octets: Octets, types: set[int], name: str) -> int:
    first = octets.octet("the first octet")
    if first & 0b11 not in types:
        raise BadPdu(f"First octet {first:02X}: this is no {name}.")
    return first
