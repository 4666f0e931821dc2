"""SMS TPDUs as the network sends them: SMS-DELIVER and SMS-STATUS-REPORT in hexadecimal. No I/O.

The kiosk's own pdu module reads these and writes SMS-SUBMIT only.

Source: 3GPP TS 23.040 (9.2.2.1 SMS-DELIVER, 9.2.2.3 SMS-STATUS-REPORT, 9.1.2.5 addresses, 9.2.3.11 timestamps).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet
from edge_daemon.modem.fields import semi_octets, write_address, write_smsc
from edge_daemon.modem.septets import alphabet_of, pack
from edge_daemon.modem.userdata import Concat, write_user_data

_DELIVER, _STATUS_REPORT = 0b00, 0b10
_NO_MORE = 0x04
"""TP-MMS: nothing more waits; what else there is, the network says by sending it (9.2.3.2)."""
_HAS_HEADER = 0x40
_ALPHANUMERIC = 0xD0
_FLASH = 0x10
_DIGITS = re.compile(r"\+?[0-9]{1,20}")
_MOST_LETTERS = 11
_QUARTER = timedelta(minutes=15)
_SIGN = 0x08


def deliver(
    number: str,
    text: str,
    time: datetime,
    *,
    smsc: str,
    reference: int = 0,
    coding: alphabet.TextCoding | None = None,
    shift: Iterable[str] = (),
    flash: bool = False,
) -> tuple[str, ...]:
    """The PDUs of one message, in order.

    number: digits, "+" before international ones, or a sender's name. reference, coding, shift, flash: as in
    pdu.submit. Raises Refused for what no SMS carries.
    """
    if not _DIGITS.fullmatch(smsc):
        raise Refused("The service centre's number is not 1 to 20 digits after an optional plus sign.")
    is_wide = reference > 0xFF
    octets = alphabet.WIDE_CONCAT_OCTETS if is_wide else alphabet.CONCAT_OCTETS
    parts = alphabet.split(text, coding=coding, shift=shift, concat_octets=octets)
    total = len(parts.texts)
    has_header = total > 1 or parts.coding.locking or parts.coding.single
    first = _DELIVER | _NO_MORE | (_HAS_HEADER if has_header else 0)
    dcs = parts.coding.dcs | (_FLASH if flash else 0)
    head = write_smsc(smsc) + bytes([first]) + write_sender(number) + bytes([0, dcs]) + write_time(time)
    return tuple(
        (head + write_user_data(part, parts.coding, Concat(reference, total, place, is_wide) if total > 1 else None))
        .hex()
        .upper()
        for place, part in enumerate(parts.texts, start=1)
    )


def status_report(number: str, reference: int, status: int, *, smsc: str, time: datetime, discharge: datetime) -> str:
    """The PDU of a report. time: when the service centre took the part; discharge: when it had the outcome."""
    first = bytes([_STATUS_REPORT | _NO_MORE, reference])
    times = write_time(time) + write_time(discharge)
    return (write_smsc(smsc) + first + write_sender(number) + times + bytes([status])).hex().upper()


def write_sender(number: str) -> bytes:
    """An address field of up to 20 digits, or 11 letters of the default alphabet (9.1.2.5). Raises Refused."""
    if _DIGITS.fullmatch(number):
        return write_address(number)
    try:
        septets = alphabet_of().write(number)
    except KeyError as why:
        raise Refused(f"The sender's name {number!r} has the letter {why}, which no address can have.") from why
    if not 1 <= len(septets) <= _MOST_LETTERS:
        raise Refused(f"The sender {number!r} is not 1 to 20 digits, nor a name of 1 to {_MOST_LETTERS} letters.")
    return bytes([(len(septets) * 7 + 3) // 4, _ALPHANUMERIC]) + pack(septets)


def write_time(time: datetime) -> bytes:
    """Local time with its zone in quarters of an hour (9.2.3.11)."""
    quarters = (time.utcoffset() or timedelta(0)) // _QUARTER
    zone = bytearray(semi_octets(f"{abs(quarters):02d}"))
    zone[0] |= _SIGN if quarters < 0 else 0
    return semi_octets(f"{time:%y%m%d%H%M%S}") + bytes(zone)
