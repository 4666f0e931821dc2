"""Commands to send and write SMS, and how: the service, the format, the service centre. No I/O.

Source: 3GPP TS 27.005 (3.2.1 AT+CSMS, 3.2.3 AT+CMGF, 3.3 configuration, 3.5.1 AT+CMGS, 3.5.2 AT+CMSS, 3.5.3 AT+CMGW),
3GPP TS 27.007 (5.5 +CSCS).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_daemon.modem.simulation import charsets, text_mode
from edge_daemon.modem.simulation.commands_device import nothing, says
from edge_daemon.modem.simulation.commands_sms import chosen
from edge_daemon.modem.simulation.memories import ALL, SENT, UNSENT
from edge_daemon.modem.simulation.results import (
    BAD_PARAMETERS,
    CMS_INVALID_INDEX,
    CMS_INVALID_PDU,
    CMS_INVALID_TEXT,
    CMS_MEMORY_FULL,
    CMS_NO_NETWORK,
    CMS_NOT_ALLOWED,
    CMS_NOT_SUPPORTED,
    CMS_UNKNOWN,
    NOT_SUPPORTED,
    CmeError,
    Rejected,
    Silent,
)
from edge_daemon.modem.simulation.service_centre import tpdu_octets
from edge_daemon.modem.simulation.syntax import arguments, numbers
from edge_daemon.modem.simulation.text_mode import STATS

if TYPE_CHECKING:
    from edge_daemon.modem.simulation.firmware import Firmware


def _send(modem: Firmware, value: str) -> list[str]:
    read = _reader(modem, value)
    if not modem.is_served:
        raise Rejected(CMS_NO_NETWORK)
    modem.prompt = lambda body: _submit(modem, *read(body), "+CMGS")
    return []


def _reader(modem: Firmware, value: str) -> Callable[[bytes], tuple[str, int]]:
    """What makes a PDU, and the length that goes with it, of the answer to the prompt. Raises Rejected."""
    given = arguments(value)
    if modem.settings.text_mode:
        address = _address(modem, given)
        return lambda body: _with_length(text_mode.submit_pdu(address, body, modem.settings))
    if not given or not given[0].isdecimal():
        raise Rejected(CMS_INVALID_PDU)
    octets = int(given[0])
    return lambda body: (body.decode("ascii", "replace").strip(), octets)


def _with_length(pdu: str) -> tuple[str, int]:
    return pdu, tpdu_octets(pdu)


def _address(modem: Firmware, given: list[str]) -> str:
    """<da>[,<toda>] of the text mode."""
    number = charsets.read(given[0], modem.settings.charset) if given else ""
    if not number:
        raise Rejected(CMS_INVALID_TEXT)
    is_international = given[1:2] == ["145"] and not number.startswith("+")
    return f"+{number}" if is_international else number


def _submit(modem: Firmware, pdu: str, octets: int, answer: str) -> list[str]:
    """Give a PDU to the network; the answer with its reference. Raises Rejected, Silent."""
    faults = modem.faults
    if faults.mute:
        raise Silent  # it hangs: the network sees nothing of this PDU
    if faults.cure is not None:
        raise Rejected(CMS_UNKNOWN)
    reference = modem.network.submit(pdu, octets)
    if faults.report_first:
        faults.report_first = modem.network.centre.waiting == 0
        modem.offer()
        modem.say_unasked_at_once()
    else:
        modem.after.append(modem.offer)
    if faults.answers_to_forget:
        faults.answers_to_forget -= 1
        raise Silent
    return [f"{answer}: {reference}"]


def _write(modem: Firmware, value: str) -> list[str]:
    """AT+CMGW: to the memory for writing, as unsent unless <stat> says otherwise."""
    read = _reader(modem, value)
    given = arguments(value)
    place = 2 if modem.settings.text_mode else 1
    stat = _stat(given[place]) if len(given) > place else UNSENT
    modem.prompt = lambda body: _keep(modem, *read(body), stat)
    return []


def _stat(text: str) -> int:
    if text in STATS[:ALL]:
        return STATS.index(text)
    if text.isdecimal() and int(text) < ALL:
        return int(text)
    raise Rejected(CMS_NOT_ALLOWED)


def _keep(modem: Firmware, pdu: str, octets: int, stat: int) -> list[str]:
    if tpdu_octets(pdu) != octets:
        raise Rejected(CMS_INVALID_PDU)
    kept = chosen(modem)[1].keep(pdu, stat)
    if kept is None:
        raise Rejected(CMS_MEMORY_FULL)
    return [f"+CMGW: {kept.index}"]


def _send_kept(modem: Firmware, value: str) -> list[str]:
    """AT+CMSS=<index>; another address than that of the message is not taken."""
    given = numbers(value, 1)
    if not given or given[0] is None:
        raise Rejected(CMS_NOT_SUPPORTED)
    memory = chosen(modem)[1]
    kept = modem.mailbox.read(memory, given[0])
    if kept is None or kept.stat < UNSENT:
        raise Rejected(CMS_INVALID_INDEX)
    if not modem.is_served:
        raise Rejected(CMS_NO_NETWORK)
    said = _submit(modem, *_with_length(kept.pdu), "+CMSS")
    memory.mark(kept.index, SENT)
    return said


# Configuration


def _choose_charset(modem: Firmware, value: str) -> list[str]:
    given = arguments(value)
    if len(given) != 1 or given[0].upper() not in charsets.CHARSETS:
        raise CmeError(NOT_SUPPORTED)
    modem.settings.charset = given[0].upper()
    return []


def _choose_parameters(modem: Firmware, value: str) -> list[str]:
    """AT+CSMP=[<fo>[,<vp>[,<pid>[,<dcs>]]]]: what text mode puts into an SMS-SUBMIT."""
    given = numbers(value, 4)
    if given is None or any(number is not None and number > 255 for number in given):
        raise Rejected(CMS_NOT_SUPPORTED)
    for place, number in enumerate(given):
        if number is not None:
            modem.settings.csmp[place] = number
    return []


def _choose_headers(modem: Firmware, value: str) -> list[str]:
    if value not in {"", "0", "1"}:
        raise Rejected(CMS_NOT_ALLOWED)
    modem.settings.show_headers = value == "1"
    return []


def _choose_service(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1"}:
        raise Rejected(CMS_NOT_SUPPORTED)
    modem.settings.service = int(value)
    return ["+CSMS: 1,1,1"]


def _choose_format(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1"}:
        raise CmeError(BAD_PARAMETERS)
    modem.settings.text_mode = value == "1"
    return []


def _tell_centre(modem: Firmware, _: str) -> list[str]:
    number = modem.sim.smsc
    return [f'+CSCA: "{number}",{145 if number.startswith("+") else 129}']


def _choose_centre(modem: Firmware, value: str) -> list[str]:
    given = arguments(value)
    number = given[0] if given else ""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):
        raise Rejected(CMS_NOT_ALLOWED)
    modem.sim.smsc = f"+{digits}" if given[1:] == ["145"] else number
    return []


def _choose_more_messages(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1", "2"}:
        raise Rejected(CMS_NOT_ALLOWED)
    modem.settings.more_messages = int(value)
    return []


ACTS: dict[str, Callable[[Firmware, str], list[str]]] = {
    "+CMGS=": _send,
    "+CMGS=?": nothing,
    "+CMGW": _write,
    "+CMGW=": _write,
    "+CMGW=?": nothing,
    "+CMSS=": _send_kept,
    "+CMSS=?": nothing,
    "+CSMS=": _choose_service,
    "+CSMS?": lambda modem, _: [f"+CSMS: {modem.settings.service},1,1,1"],
    "+CSMS=?": says("+CSMS: (0,1)"),
    "+CMGF=": _choose_format,
    "+CMGF?": lambda modem, _: [f"+CMGF: {int(modem.settings.text_mode)}"],
    "+CMGF=?": says("+CMGF: (0,1)"),
    "+CSCA=": _choose_centre,
    "+CSCA?": _tell_centre,
    "+CSCA=?": nothing,
    "+CMMS=": _choose_more_messages,
    "+CMMS?": lambda modem, _: [f"+CMMS: {modem.settings.more_messages}"],
    "+CMMS=?": says("+CMMS: (0-2)"),
    "+CSCS=": _choose_charset,
    "+CSCS?": lambda modem, _: [f'+CSCS: "{modem.settings.charset}"'],
    "+CSCS=?": lambda _, __: ["+CSCS: (" + ",".join(f'"{name}"' for name in charsets.CHARSETS) + ")"],
    "+CSMP=": _choose_parameters,
    "+CSMP?": lambda modem, _: ["+CSMP: " + ",".join(map(str, modem.settings.csmp))],
    "+CSMP=?": says("+CSMP: (0-255),(0-255),(0-255),(0-255)"),
    "+CSDH": _choose_headers,
    "+CSDH=": _choose_headers,
    "+CSDH?": lambda modem, _: [f"+CSDH: {int(modem.settings.show_headers)}"],
    "+CSDH=?": says("+CSDH: (0,1)"),
}
