"""Commands about SIM and network: PIN, registration, operator, signal, service codes. No I/O.

Source: 3GPP TS 27.007 (5.6 +CIMI, 7.2 +CREG, 7.3 +COPS, 7.4 +CLCK, 7.15 +CUSD, 8.3 +CPIN, 8.5 +CSQ, 10.1.20 +CGREG,
10.1.22 +CEREG).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_daemon.modem.simulation import charsets
from edge_daemon.modem.simulation.commands_device import nothing, says
from edge_daemon.modem.simulation.network import REGISTERED, UssdAnswer
from edge_daemon.modem.simulation.results import BAD_PARAMETERS, NO_SERVICE, NOT_SUPPORTED, CmeError, Plain
from edge_daemon.modem.simulation.syntax import arguments, numbers

if TYPE_CHECKING:
    from edge_daemon.modem.simulation.firmware import Firmware

_AREA, _CELL = "1A2B", "0C3D4E5F"
_GSM, _LTE = 0, 7
"""<AcT> (27.007, 7.2)."""
_DONE, _WAITS, _ENDED, _UNKNOWN_CODE = 0, 1, 2, 4
"""<m> of +CUSD (27.007, 7.15)."""
_UCS2_DCS = 72


def _tell_pin(modem: Firmware, _: str) -> list[str]:
    return [f"+CPIN: {modem.sim.state}"]


def _enter_pin(modem: Firmware, value: str) -> list[str]:
    given = arguments(value)
    if not given:
        raise CmeError(BAD_PARAMETERS)
    modem.sim.enter_pin(given[0])
    modem.after.append(modem.unlocked)
    return []


def registration_line(modem: Firmware, domain: str) -> str:
    """What comes unasked when the state changes."""
    return f"{domain}: {modem.state_in(domain)}{_place(modem, domain)}"


def _place(modem: Firmware, domain: str) -> str:
    """Area, cell and technology, where <n> 2 asks for them and a network has taken the modem in."""
    if modem.settings.reporting[domain] != 2 or modem.state_in(domain) not in REGISTERED:
        return ""
    return f',"{_AREA}","{_CELL}",{_LTE if domain == "+CEREG" else _GSM}'


def _registration(domain: str) -> dict[str, Callable[[Firmware, str], list[str]]]:
    def check(modem: Firmware) -> None:
        if domain == "+CEREG" and not modem.model.lte:
            raise Plain

    def ask(modem: Firmware, _: str) -> list[str]:
        check(modem)
        n = modem.settings.reporting[domain]
        return [f"{domain}: {n},{modem.state_in(domain)}{_place(modem, domain)}"]

    def choose(modem: Firmware, value: str) -> list[str]:
        check(modem)
        if value not in {"0", "1", "2"}:
            raise CmeError(BAD_PARAMETERS)
        modem.settings.reporting[domain] = int(value)
        return []

    return {f"{domain}?": ask, f"{domain}=": choose, f"{domain}=?": says(f"{domain}: (0-2)")}


def _tell_operator(modem: Firmware, _: str) -> list[str]:
    if REGISTERED.isdisjoint({modem.state_in("+CREG"), modem.state_in("+CEREG")}):
        return ["+COPS: 0"]
    network = modem.network
    if modem.settings.numeric_operator:
        return [f'+COPS: 0,2,"{network.operator_code}"']
    return [f'+COPS: 0,0,"{network.operator}"']


def _choose_operator(modem: Firmware, value: str) -> list[str]:
    """Only 0, the choice by itself, and 3, the form of the name, are there to be chosen."""
    given = numbers(value, 2)
    if not given or given[0] not in {0, 3} or given[1:] not in ([], [0], [1], [2]):
        raise CmeError(NOT_SUPPORTED)
    if given[1:]:
        modem.settings.numeric_operator = given[1] == 2
    return []


def _list_operators(modem: Firmware, _: str) -> list[str]:
    network = modem.network
    if not modem.is_served:
        raise CmeError(NO_SERVICE)
    return [f'+COPS: (2,"{network.operator}","{network.operator}","{network.operator_code}",0),,(0,3),(0-2)']


def _tell_signal(modem: Firmware, _: str) -> list[str]:
    return [f"+CSQ: {modem.network.rssi if modem.radio == 1 else 99},99"]


def _lock(modem: Firmware, value: str) -> list[str]:
    """Whether the SIM has a PIN ("SC"); no other lock is there."""
    given = arguments(value)
    if given[1:2] != ["2"]:
        raise CmeError(NOT_SUPPORTED)
    return [f"+CLCK: {int(given[0] == 'SC' and modem.sim.pin is not None)}"]


def _service_code(modem: Firmware, value: str) -> list[str]:
    """AT+CUSD=<n>[,<str>[,<dcs>]]: the answer comes by itself, after the OK, where <n> is 1."""
    given = arguments(value)
    if not given or given[0] not in {"0", "1", "2"}:
        raise CmeError(BAD_PARAMETERS)
    if given[0] == "2":
        modem.ussd_session = False
        return []
    modem.settings.ussd = int(given[0])
    if len(given) > 1 and given[1]:
        if not modem.is_served:
            raise CmeError(NO_SERVICE)
        code = charsets.read(given[1], modem.settings.charset)
        modem.after.append(lambda: _answer_code(modem, code))
    return []


def _answer_code(modem: Firmware, code: str) -> None:
    answer = modem.network.ussd.get(code)
    if not modem.settings.ussd or (answer is not None and answer.text is None):
        return
    modem.say_unasked(_ussd_line(modem, answer))
    modem.ussd_session = answer is not None and answer.session


def _ussd_line(modem: Firmware, answer: UssdAnswer | None) -> str:
    if answer is None or answer.text is None:
        return f"+CUSD: {_UNKNOWN_CODE}"
    if answer.dcs == _UCS2_DCS:
        text = answer.text.encode("utf-16-be").hex().upper()
    else:
        text = charsets.write(answer.text, modem.settings.charset)
    return f'+CUSD: {_WAITS if answer.session else _DONE},"{text}",{answer.dcs}'


def _identity_of_sim(modem: Firmware, _: str) -> list[str]:
    return [modem.sim.imsi]


def _number_of_sim(modem: Firmware, _: str) -> list[str]:
    return [f"+CCID: {modem.sim.iccid}"] if modem.model.lte else [modem.sim.iccid]


ACTS: dict[str, Callable[[Firmware, str], list[str]]] = {
    "+CPIN?": _tell_pin,
    "+CPIN=": _enter_pin,
    "+CPIN=?": nothing,
    **_registration("+CREG"),
    **_registration("+CGREG"),
    **_registration("+CEREG"),
    "+COPS?": _tell_operator,
    "+COPS=": _choose_operator,
    "+COPS=?": _list_operators,
    "+CSQ": _tell_signal,
    "+CSQ=?": says("+CSQ: (0-31,99),(99)"),
    "+CIMI": _identity_of_sim,
    "+CIMI=?": nothing,
    "+CCID": _number_of_sim,
    "+CCID?": _number_of_sim,
    "+CICCID": lambda modem, _: [f"+ICCID: {modem.sim.iccid}"],
    "+QCCID": lambda modem, _: [f"+QCCID: {modem.sim.iccid}"],
    "+CLCK=": _lock,
    "+CLCK=?": says('+CLCK: ("SC")'),
    "+CUSD=": _service_code,
    "+CUSD?": lambda modem, _: [f"+CUSD: {modem.settings.ussd}"],
    "+CUSD=?": says("+CUSD: (0-2)"),
    "+CNUM": nothing,
    "+CGATT?": lambda modem, _: [f"+CGATT: {int(modem.is_served)}"],
}
