"""Commands about the modem itself: V.250's basic ones, identity, power, errors, its clock. No I/O.

Sources: ITU-T V.250 (6.1, 6.2), 3GPP TS 27.007 (5 identity, 8.2 +CFUN, 8.15 +CCLK, 8.40 to 8.42 time zone, 9.1 +CMEE).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from edge_daemon.modem.simulation.results import BAD_PARAMETERS, NOT_ALLOWED, CmeError, Plain
from edge_daemon.modem.simulation.syntax import arguments, numbers
from edge_daemon.modem.simulation.text_mode import time_text

if TYPE_CHECKING:
    from edge_daemon.modem.simulation.firmware import Firmware

_TIME = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)")
_QUARTER = timedelta(minutes=15)
_ALL, _NO_RADIO, _NOTHING = 1, 4, 0


def _echo(modem: Firmware, value: str) -> list[str]:
    modem.settings.echo = value == "1" or modem.faults.deaf_to_echo_off
    return []


def _verbose(modem: Firmware, value: str) -> list[str]:
    modem.settings.verbose = value != "0"
    return []


def _quiet(modem: Firmware, value: str) -> list[str]:
    modem.settings.quiet = value == "1"
    return []


def _restore(modem: Firmware, _: str) -> list[str]:
    """ATZ and AT&F: the settings of power-on."""
    modem.restore_settings()
    return []


def _dial(_: Firmware, __: str) -> list[str]:
    """This modem makes no calls."""
    raise Plain("NO CARRIER")


def _set_cmee(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1", "2"}:
        raise CmeError(NOT_ALLOWED)
    modem.settings.cmee = int(value)
    return []


def _set_function(modem: Firmware, value: str) -> list[str]:
    """27.007, 8.2: <fun>[,<rst>]. What follows from it comes after the OK."""
    given = numbers(value, 2)
    if not given or given[0] not in {_ALL, _NO_RADIO, _NOTHING} or given[1:] not in ([], [0], [1]):
        raise CmeError(BAD_PARAMETERS)
    level = given[0]
    if given[1:] == [1]:
        modem.after.append(modem.reset)
    else:
        modem.after.append(lambda: modem.set_radio(level))
    return []


def _tell_activity(modem: Firmware, _: str) -> list[str]:
    return ["+CPAS: 0"]


def _quarters(time: datetime) -> int:
    return (time.utcoffset() or timedelta(0)) // _QUARTER


def _tell_clock(modem: Firmware, _: str) -> list[str]:
    return [f'+CCLK: "{time_text(modem.now())}"']


def _set_clock(modem: Firmware, value: str) -> list[str]:
    found = _TIME.fullmatch("".join(arguments(value)[:1]))
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(found[place]) for place in range(1, 7))
        zone = timezone(int(found[7]) * _QUARTER)
        modem.set_clock(datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone))
    except ValueError as why:  # or no such day
        raise CmeError(BAD_PARAMETERS) from why
    return []


def _set_time_update(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1"}:
        raise CmeError(BAD_PARAMETERS)
    modem.settings.time_update = value == "1"
    modem.after.append(modem.time_came)
    return []


def _set_time_reporting(modem: Firmware, value: str) -> list[str]:
    if value not in {"0", "1", "2"}:
        raise CmeError(BAD_PARAMETERS)
    modem.settings.time_reporting = int(value)
    return []


def _set_local_time(modem: Firmware, value: str) -> list[str]:
    """SIM800's AT+CLTS: the clock follows the network, and says so."""
    if modem.model.time != "*PSUTTZ":
        raise Plain
    modem.settings.time_update = value == "1"
    modem.settings.time_reporting = int(value == "1")
    modem.after.append(modem.time_came)
    return []


def time_lines(modem: Firmware, now: datetime) -> list[str]:
    """How a model tells that the network told it the time; none where that was not asked for (27.007, 8.41, 8.42)."""
    reporting, zone = modem.settings.time_reporting, f"{_quarters(now):+03d}"
    if not reporting:
        return []
    if modem.model.time == "*PSUTTZ":
        utc = now.astimezone(UTC)
        return [f'*PSUTTZ: {utc.year},{utc:%m,%d,%H,%M,%S},"{zone}",0', "DST: 0", f"+CTZV: {zone},0"]
    if reporting == 2:
        return [f'+CTZE: "{zone}",0,"{now:%Y/%m/%d,%H:%M:%S}"']
    return [f'+CTZV: "{zone}"']


def _choose_indication(modem: Firmware, value: str) -> list[str]:
    """EC25's AT+QINDCFG=<what>,<on>."""
    given = arguments(value)
    if modem.model.maker != "Quectel" or len(given) < 2:
        raise Plain
    modem.settings.vendor.discard(given[0])
    if given[1] == "1":
        modem.settings.vendor.add(given[0])
    return []


def _made_by(modem: Firmware, _: str) -> list[str]:
    return [modem.model.maker]


def _named(modem: Firmware, _: str) -> list[str]:
    return [modem.model.name]


def _revised(modem: Firmware, _: str) -> list[str]:
    return [modem.model.revision]


def _numbered(_: Firmware, __: str) -> list[str]:
    return ["004999010640000"]


def nothing(_: Firmware, __: str) -> list[str]:
    """Taken, and of no effect here."""
    return []


def says(*lines: str) -> Callable[[Firmware, str], list[str]]:
    """Always the same answer."""
    return lambda _, __: list(lines)


ACTS: dict[str, Callable[[Firmware, str], list[str]]] = {
    "E": _echo,
    "V": _verbose,
    "Q": _quiet,
    "Z": _restore,
    "&F": _restore,
    "D": _dial,
    "A": _dial,
    "I": lambda modem, _: [modem.model.maker, modem.model.name, modem.model.revision],
    **dict.fromkeys(["H", "X", "L", "M", "&C", "&D", "&K", "&S", "&W", "S0=", "S3=", "S4=", "S5=", "S7="], nothing),
    **dict.fromkeys(["+CGMI", "+GMI"], _made_by),
    **dict.fromkeys(["+CGMM", "+GMM"], _named),
    **dict.fromkeys(["+CGMR", "+GMR"], _revised),
    **dict.fromkeys(["+CGSN", "+GSN"], _numbered),
    **dict.fromkeys(["+CGMI=?", "+CGMM=?", "+CGMR=?", "+CGSN=?"], nothing),
    "+CMEE=": _set_cmee,
    "+CMEE?": lambda modem, _: [f"+CMEE: {modem.settings.cmee}"],
    "+CMEE=?": says("+CMEE: (0-2)"),
    "+CFUN=": _set_function,
    "+CFUN?": lambda modem, _: [f"+CFUN: {modem.radio}"],
    "+CFUN=?": says("+CFUN: (0,1,4),(0,1)"),
    "+CPAS": _tell_activity,
    "+CPAS=?": says("+CPAS: (0,3,4)"),
    "+CCLK?": _tell_clock,
    "+CCLK=": _set_clock,
    "+CCLK=?": nothing,
    "+CTZU=": _set_time_update,
    "+CTZU?": lambda modem, _: [f"+CTZU: {int(modem.settings.time_update)}"],
    "+CTZU=?": says("+CTZU: (0,1)"),
    "+CTZR=": _set_time_reporting,
    "+CTZR?": lambda modem, _: [f"+CTZR: {modem.settings.time_reporting}"],
    "+CTZR=?": says("+CTZR: (0-2)"),
    "+CLTS=": _set_local_time,
    "+QINDCFG=": _choose_indication,
    **dict.fromkeys(["+IPR=", "+IFC=", "+ICF=", "+CLIP=", "+CRC=", "+CVHU=", "+COLP="], nothing),
    "+IPR?": says("+IPR: 0"),
    "+IPR=?": says("+IPR: (0,9600,19200,38400,57600,115200),()"),
    "+IFC?": says("+IFC: 0,0"),
    "+IFC=?": says("+IFC: (0-2),(0-2)"),
}
