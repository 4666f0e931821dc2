"""What a modem tells of itself: the questions, and how its answers are read. No I/O.

A question that a modem does not know costs nothing but its answer. None means: it did not tell.

Sources: 3GPP TS 27.007 (5.1 to 5.4 identity, 7.2 and 10.1 registration, 7.3 +COPS, 8.3 +CPIN, 8.4 +CBC, 8.5 +CSQ,
8.15 +CCLK), 3GPP TS 27.005 (3.2.2 +CPMS, 3.3.1 +CSCA). The number of the SIM's card is asked for as the makers have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_daemon.modem.at import Command, Reply
from edge_daemon.modem.network_time import read_clock

SIM_ERRORS = {
    "+CME ERROR": {10: "absent", 11: "sim pin", 12: "sim puk", 13: "failed", 14: "busy", 15: "wrong"},
    "+CMS ERROR": {310: "absent", 311: "sim pin", 313: "failed", 314: "busy", 315: "wrong", 316: "sim puk"},
}
"""What a refusal says of the SIM (27.007, 9.2; 27.005, 3.2.5)."""
REGISTRATION = {
    0: "not searching",
    1: "home",
    2: "searching",
    3: "denied",
    4: "unknown",
    5: "roaming",
    6: "home, SMS only",
    7: "roaming, SMS only",
    8: "emergency calls only",
}
"""<stat> of AT+CREG (27.007, 7.2)."""
MAX_RSSI = 31
VOLTS_MV = 1000


def dbm(rssi: str | None) -> int | None:
    """The received power in dBm: 0 is -113 or less, 31 is -51 or more, 99 unknown (3GPP TS 27.007, 8.5)."""
    if rssi is None or not 0 <= int(rssi) <= MAX_RSSI:
        return None
    return -113 + 2 * int(rssi)


def read_sim(reply: Reply) -> str | None:
    """ "ready", what it asks for ("sim pin", "sim puk", ...), or "absent", "busy", "failed", "wrong"."""
    if reply.final.ok:
        said = _found(reply, r"\+CPIN: *(.+)")
        return None if said is None else said.strip().lower()
    return SIM_ERRORS.get(reply.final.name, {}).get(reply.final.code or 0)


def read_registration(reply: Reply) -> str | None:
    """A word of REGISTRATION."""
    state = _found(reply, r"\+C(?:E|G)?REG: *\d+ *, *(\d+)")
    return None if state is None else REGISTRATION.get(int(state), f"state {state}")


def read_memories(reply: Reply) -> dict[str, dict[str, int]] | None:
    """AT+CPMS?: `used` of `total` places of each memory, by its name."""
    found = {
        name: {"used": int(used), "total": int(total)}
        for line in reply.lines
        for name, used, total in re.findall(r'"(\w+)" *, *(\d+) *, *(\d+)', line)
    }
    return found or None


def read_supply(reply: Reply) -> int | None:
    """AT+CBC, in mV. The standard has no voltage; makers add it in mV, or in volts with a V (SIM7600)."""
    volts = _found(reply, r"\+CBC:.*?(\d+\.\d+) *V")
    if volts is not None:
        return round(float(volts) * VOLTS_MV)
    millivolts = _found(reply, r"\+CBC: *\d+ *, *\d+ *, *(\d{4,5})$")
    return None if millivolts is None else int(millivolts)


def read_time(reply: Reply) -> str | None:
    """ISO 8601, UTC; None where no network has set the clock."""
    said = _found(reply, r"\+CCLK: *(.+)")
    moment = None if said is None else read_clock(said)
    return None if moment is None else moment.isoformat()


def read_name(reply: Reply) -> str | None:
    """One line of words, without what some makers write before it; no late answer to another command."""
    lines = reply.lines if reply.final.ok else ()
    said = next((line for line in lines if not line.startswith("+") or line.startswith("+CG")), "")
    return re.sub(r"^(\+CG\w+: *)?(revision *:? *)?", "", said, flags=re.IGNORECASE).strip(' "') or None


def _signal(reply: Reply) -> int | None:
    return dbm(_found(reply, r"\+CSQ: *(\d+)"))


def _first(pattern: str) -> Callable[[Reply], str | None]:
    return lambda reply: _found(reply, pattern)


def _found(reply: Reply, pattern: str) -> str | None:
    """The group of the first line that has the pattern, None where there is none or the modem refused."""
    if not reply.final.ok:
        return None
    return next((found[1] for line in reply.lines if (found := re.search(pattern, line))), None)


@dataclass(frozen=True, slots=True)
class Question:
    """commands: asked in turn until one is answered. read: None for an answer that says nothing."""

    key: str
    commands: tuple[str, ...]
    read: Callable[[Reply], Any]

    def as_commands(self) -> tuple[Command, ...]:
        """Their lines begin as the standard says, or are without a name; OK alone is an answer too."""
        return tuple(Command(text, "", optional=True, also=(f"{_name(text)}:",)) for text in self.commands)


def _name(text: str) -> str:
    return text.removeprefix("AT").rstrip("?")


CARD = r"(\d{18,22})"
"""An ICCID (ITU-T E.118)."""
QUESTIONS = (
    Question("maker", ("AT+CGMI",), read_name),
    Question("model", ("AT+CGMM",), read_name),
    Question("revision", ("AT+CGMR",), read_name),
    Question("imei", ("AT+CGSN",), _first(r"(\d{14,16})")),
    Question("sim", ("AT+CPIN?",), read_sim),
    Question("iccid", ("AT+CCID", "AT+CICCID", "AT+QCCID"), _first(CARD)),
    Question("operator", ("AT+COPS?",), _first(r'\+COPS: *\d+ *, *\d+ *, *"([^"]*)"')),
    Question("creg", ("AT+CREG?",), read_registration),
    Question("cgreg", ("AT+CGREG?",), read_registration),
    Question("cereg", ("AT+CEREG?",), read_registration),
    Question("signal_dbm", ("AT+CSQ",), _signal),
    Question("service_centre", ("AT+CSCA?",), _first(r'\+CSCA: *"([^"]+)"')),
    Question("memories", ("AT+CPMS?",), read_memories),
    Question("supply_mv", ("AT+CBC",), read_supply),
    Question("network_time", ("AT+CCLK?",), read_time),
)
