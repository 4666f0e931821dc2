"""How SMS look between modem and kiosk, as PDUs and, after AT+CMGF=1, as texts. No I/O.

Source: 3GPP TS 27.005 (3.1 <data>, 3.4.1 +CMT and +CDS, 3.4.2 AT+CMGL, 3.4.3 AT+CMGR, 3.5.1 AT+CMGS).
"""

from __future__ import annotations

import re
from datetime import datetime

from edge_daemon.modem.fields import BadPdu, write_address
from edge_daemon.modem.pdu import Deliver, StatusReport, Submit, parse_deliver, parse_status_report, parse_submit
from edge_daemon.modem.septets import alphabet_of, pack
from edge_daemon.modem.simulation import charsets
from edge_daemon.modem.simulation.memories import ALL, UNREAD, UNSENT, StoredSms
from edge_daemon.modem.simulation.results import CMS_INVALID_TEXT, CMS_NOT_ALLOWED, CMS_NOT_SUPPORTED, Rejected
from edge_daemon.modem.simulation.service_centre import Incoming, incoming, tpdu_octets
from edge_daemon.modem.simulation.settings import Settings
from edge_daemon.modem.userdata import UserData, read_scheme

STATS = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")
_INTERNATIONAL, _UNKNOWN, _ALPHANUMERIC = 145, 129, 208
_HAS_HEADER, _FORMAT, _RELATIVE = 0x40, 0x18, 0x10
"""Of an SMS-SUBMIT's first octet: TP-UDHI, TP-VPF (3GPP TS 23.040, 9.2.2.2)."""
_SUBMIT = 0b01
_MOST_SEPTETS, _MOST_OCTETS = 160, 140
_ADDRESS = re.compile(r"\+?[0-9]{1,20}")

_Message = Deliver | Submit | StatusReport


def time_text(time: datetime | None) -> str:
    """A timestamp as in +CCLK, local with its zone in quarters of an hour; "" for none (27.005, 3.1 <scts>)."""
    if time is None:
        return ""
    offset = time.utcoffset()
    quarters = int(offset.total_seconds()) // 900 if offset is not None else 0
    return f"{time:%y/%m/%d,%H:%M:%S}{quarters:+03d}"


def routed(name: str, message: Incoming, settings: Settings) -> str:
    """+CMT or +CDS with what it hands on."""
    if not settings.text_mode:
        return f"{name}: {',' if name == '+CMT' else ''}{message.tpdu_octets}\r\n{message.pdu}"
    read = _read(message.pdu, message.is_report)
    if isinstance(read, StatusReport):
        return f"{name}: {_report(read, message.pdu, settings)}"
    head = f"{name}: {_address(read, settings)},{_quoted('')},{_quoted(_time(read))}"
    return f"{head}{_details(read, message.pdu, settings)}\r\n{_data(read, settings)}"


def stored(head: str, kept: StoredSms, settings: Settings, *, is_listed: bool) -> str:
    """What AT+CMGR and AT+CMGL tell of a message, after `head`, "+CMGR: " or "+CMGL: 1,"."""
    if not settings.text_mode:
        return f"{head}{kept.stat},,{tpdu_octets(kept.pdu)}\r\n{kept.pdu}"
    read = _read(kept.pdu, incoming(kept.pdu).is_report, is_ours=kept.stat >= UNSENT)
    head += f'"{STATS[kept.stat]}",'
    if isinstance(read, StatusReport):
        return head + _report(read, kept.pdu, settings)
    head += f"{_address(read, settings)},{_quoted('')}"
    if is_listed or isinstance(read, Deliver):
        head += f",{_quoted(_time(read))}" if _time(read) else ","
    if not is_listed:
        head += _details(read, kept.pdu, settings)
    elif settings.show_headers and read is not None:
        head += f",{type_of(read.number)},{_length(read)}"
    return f"{head}\r\n{_data(read, settings)}"


def stat_asked(value: str, settings: Settings) -> int:
    """Which stat AT+CMGL asks for, 0 to 4; unread ones where it says none (27.005, 3.4.2). Raises Rejected."""
    if value == "":
        return UNREAD
    if settings.text_mode:
        name = value.strip('"').upper()
        if name in STATS:
            return STATS.index(name)
    elif value.isdecimal() and int(value) <= ALL:
        return int(value)
    raise Rejected(CMS_NOT_ALLOWED)


def submit_pdu(address: str, said: bytes, settings: Settings) -> str:
    """An SMS-SUBMIT of what was said to the prompt, as AT+CSMP has it. address: digits, "+" before. Raises Rejected."""
    first, validity, pid, dcs = settings.csmp
    if first & _FORMAT not in {0, _RELATIVE}:
        raise Rejected(CMS_NOT_SUPPORTED)
    if not _ADDRESS.fullmatch(address):
        raise Rejected(CMS_INVALID_TEXT)
    head = bytes([first & ~0b11 | _SUBMIT, 0]) + write_address(address) + bytes([pid, dcs])
    period = bytes([validity]) if first & _FORMAT else b""
    return (b"\x00" + head + period + _user_data(said, first, dcs, settings)).hex().upper()


def _user_data(said: bytes, first: int, dcs: int, settings: Settings) -> bytes:
    """TP-UDL and TP-UD: a text of septets, or octets in hexadecimal (27.005, 3.1 <data>)."""
    text = said.decode("latin-1")
    if read_scheme(dcs).coding == "GSM-7" and not first & _HAS_HEADER:
        try:
            septets = alphabet_of().write(charsets.read(text, settings.charset))
        except KeyError as why:  # a letter that the default alphabet lacks
            raise Rejected(CMS_INVALID_TEXT) from why
        length, octets = len(septets), pack(septets)
    else:
        octets = charsets.octets(text)
        length = len(octets) * 8 // 7 if read_scheme(dcs).coding == "GSM-7" else len(octets)
    if length > _MOST_SEPTETS or len(octets) > _MOST_OCTETS:
        raise Rejected(CMS_INVALID_TEXT)
    return bytes([length]) + octets


def type_of(number: str) -> int:
    """<tooa>: the type of address (27.005, 3.1)."""
    if number.startswith("+"):
        return _INTERNATIONAL
    return _UNKNOWN if number.isdecimal() else _ALPHANUMERIC


def _read(pdu: str, is_report: bool, *, is_ours: bool = False) -> _Message | None:
    """None for a PDU that breaks the standard."""
    try:
        return parse_status_report(pdu) if is_report else parse_submit(pdu) if is_ours else parse_deliver(pdu)
    except BadPdu:
        return None


def _report(report: StatusReport, pdu: str, settings: Settings) -> str:
    fields = [str(_first_octet(pdu)), str(report.reference), _address(report, settings), str(type_of(report.number))]
    times = [_quoted(time_text(report.time)), _quoted(time_text(report.discharge))]
    return ",".join([*fields, *times, str(report.status)])


def _details(read: Deliver | Submit | None, pdu: str, settings: Settings) -> str:
    """What AT+CSDH=1 adds."""
    if not settings.show_headers or read is None:
        return ""
    smsc = read.smsc or ""
    fields = [type_of(read.number), _first_octet(pdu), read.pid, read.dcs]
    validity = [""] if isinstance(read, Submit) else []
    centre = [_quoted(charsets.write(smsc, settings.charset)), type_of(smsc), _length(read)]
    return "".join(f",{field}" for field in [*fields, *validity, *centre])


def _address(read: _Message | None, settings: Settings) -> str:
    return _quoted(charsets.write(read.number, settings.charset) if read is not None else "")


def _time(read: Deliver | Submit | None) -> str:
    return time_text(read.time) if isinstance(read, Deliver) else ""


def _data(read: Deliver | Submit | None, settings: Settings) -> str:
    if read is None:
        return ""
    if _is_text(read.data):
        return charsets.write(read.text, settings.charset)
    return _octets(read.data).hex().upper()


def _length(read: Deliver | Submit) -> int:
    return len(read.text) if _is_text(read.data) else len(_octets(read.data))


def _is_text(data: UserData) -> bool:
    return data.coding == "GSM-7" and not data.header


def _octets(data: UserData) -> bytes:
    """TP-UD, header and all."""
    if data.coding != "GSM-7":
        return data.header + data.units
    fill_bits = -len(data.header) * 8 % 7
    return data.header + pack(data.units, fill_bits)


def _first_octet(pdu: str) -> int:
    return int(pdu[2 * (len(pdu) // 2 - tpdu_octets(pdu)) :][:2], 16)


def _quoted(text: str) -> str:
    return f'"{text}"'
