"""What a program may ask of a simulated modem: a JSON object in, a JSON object out. No I/O of its own.

{"do": "deliver", "number": "+91…", "text": "…"} gives {"done": "deliver"}, or what was asked for; what cannot be done
gives {"error": "a sentence"} and changes nothing. {"do": "help"} lists all there is.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, get_args

from edge_daemon.errors import Refused
from edge_daemon.modem.alphabet import TextCoding
from edge_daemon.modem.simulation.memories import FLASH, SIM
from edge_daemon.modem.simulation.settings import Cure
from edge_daemon.modem.simulator import ModemSimulator

MOST_GARBAGE = 10_000
MOST_LISTED = 1000
LISTED = 100
LONGEST_S = 3600.0
FIRST_YEAR = 1990
"""Two digits of a year in a timestamp: 1990 to 2089."""

Kind = Callable[[Any], Any]
"""Reads a value as JSON gave it. Raises BadRequest, whose text says what it should be."""


class BadRequest(ValueError):
    """A request that cannot be done; says why."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise BadRequest("a string of whole characters")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text.isascii() for text in value):
        raise BadRequest("a list of strings in ASCII")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest("true or false")
    return value


def _whole(least: int, most: int) -> Kind:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadRequest(f"a whole number, {least} to {most}")
        return value

    return read


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_S:
        raise BadRequest(f"a number of seconds, 0 to {LONGEST_S:g}")
    return float(value)


def _one_of(*names: str) -> Kind:
    def read(value: Any) -> str:
        if value not in names:
            raise BadRequest(f"one of {', '.join(names)}")
        return str(value)

    return read


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError as why:
        raise BadRequest("a time in ISO 8601, such as 2026-11-24T15:30:00+05:30") from why
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year < FIRST_YEAR + 100:
        raise BadRequest(f"a time from {FIRST_YEAR} on with its zone, such as 2026-11-24T15:30:00+05:30")
    return moment


def _or_null(kind: Kind) -> Kind:
    def read(value: Any) -> Any:
        try:
            return None if value is None else kind(value)
        except BadRequest as why:
            raise BadRequest(f"{why}, or null") from why

    return read


_COUNT = _whole(0, 1_000_000)


@dataclass(frozen=True, slots=True)
class _Act:
    """What a "do" does. needs, may: what must and may come with it."""

    about: str
    act: Callable[..., dict[str, Any] | None]
    needs: Mapping[str, Kind] = field(default_factory=dict)
    may: Mapping[str, Kind] = field(default_factory=dict)
    only_looks: bool = False


def _reports(modem: ModemSimulator, **given: Any) -> None:
    if "status" in given:
        modem.set_reports(given["status"])
    if given.get("hold"):
        modem.hold_reports()
    elif "hold" in given:
        modem.release_reports(random.Random(given["seed"]) if "seed" in given else None)  # noqa: S311  no secret
    if given.get("before_answer"):
        modem.report_before_answer()


def _received(modem: ModemSimulator, last: int = LISTED) -> dict[str, Any]:
    received = modem.received
    return {"messages": len(received), "received": [asdict(sms) for sms in received[len(received) - last :]]}


def _stored(modem: ModemSimulator, memory: str | None = None) -> dict[str, Any]:
    return {"stored": [asdict(kept) for kept in modem.stored(memory)], "sizes": dict(modem.memory_sizes)}


def _look(modem: ModemSimulator) -> dict[str, Any]:
    return {
        "port": modem.port,
        "undelivered": modem.undelivered,
        "reports_said": modem.reports_said,
        "sick": modem.is_sick,
        "counters": dict(modem.counters),
        "commands": list(modem.commands[-LISTED:]),
    }


_M = ModemSimulator
_ACTS: dict[str, _Act] = {
    "deliver": _Act(
        "a text comes in",
        _M.deliver,
        {"number": _text, "text": _text},
        {
            "coding": _one_of(*get_args(TextCoding)),
            "shift": _texts,
            "reference": _whole(0, 0xFFFF),
            "flash": _flag,
            "smsc": _text,
            "at": _moment,
        },
    ),
    "deliver_pdu": _Act("a PDU comes in as it is, sound or broken", _M.deliver_pdu, {"pdu": _text}),
    "redeliver": _Act("the network tries at once what waits", _M.redeliver),
    "refuse": _Act("+CMS ERROR to each message for a number", _M.refuse, {"number": _text, "code": _whole(0, 1000)}),
    "accept": _Act("end of refuse", _M.accept, {"number": _text}),
    "reports": _Act(
        "status reports: TP-Status, null for none; hold them back, then not, in an order by a seed",
        _reports,
        may={"status": _or_null(_whole(0, 255)), "hold": _flag, "seed": _COUNT, "before_answer": _flag},
    ),
    "hide_reports": _Act(
        "stored reports cannot be read, as with EC25",
        lambda modem, hidden: setattr(modem, "reports_unreadable", hidden),
        {"hidden": _flag},
    ),
    "ussd": _Act(
        "the answer to a code, null for none ever",
        _M.ussd,
        {"code": _text, "answer": _or_null(_text)},
        {"dcs": _whole(0, 255), "session": _flag},
    ),
    "registration": _Act(
        "the state in +CREG, and in +CEREG",
        lambda modem, state, lte=None: modem.set_registration(state, lte=lte),
        {"state": _whole(0, 10)},
        {"lte": _whole(0, 10)},
    ),
    "signal": _Act("as in +CSQ", _M.set_signal, {"rssi": _whole(0, 99)}),
    "time": _Act("the network's time", _M.set_time, {"now": _moment}),
    "fill": _Act(
        "fill a memory with old messages", _M.fill_memory, may={"leave": _COUNT, "memory": _one_of(SIM, FLASH)}
    ),
    "mute": _Act("say nothing, or from a command on", _M.go_mute, may={"at": _text}),
    "speak": _Act("end of mute", _M.speak_again),
    "lose_power": _Act("the port stays, and is silent", _M.lose_power),
    "power_on": _Act("end of lose_power", _M.power_on),
    "hang_up": _Act("the plug is pulled", _M.hang_up),
    "come_back": _Act("it is plugged in; or the old port stays open and silent", _M.come_back, may={"stale": _flag}),
    "fail": _Act(
        "the next commands that begin so are answered +CMS ERROR, or +CME ERROR; null for ERROR",
        _M.fail,
        {"at": _text, "code": _or_null(_whole(0, 1000))},
        {"count": _COUNT, "cme": _flag},
    ),
    "sick": _Act(
        "each PDU is answered +CMS ERROR: 500 until the cure", _M.fall_sick, {"cure": _one_of(*get_args(Cure))}
    ),
    "recover": _Act("end of sick", _M.recover),
    "forget": _Act("take so many PDUs without an answer", _M.forget_answers, {"count": _COUNT}),
    "slow": _Act("say everything so much later", _M.answer_slowly, {"delay_s": _seconds}),
    "split": _Act("write so many bytes at a time", _M.split_output, {"chunk_bytes": _whole(1, 4096)}),
    "say": _Act("lines that come unasked", lambda modem, lines: modem.announce(*lines), {"lines": _texts}),
    "interleave": _Act(
        "lines before and inside each reply; [] for none",
        lambda modem, lines: modem.interleave(*lines),
        {"lines": _texts},
    ),
    "garbage": _Act(
        "random bytes",
        lambda modem, count, seed=0: modem.garbage(count, seed),
        {"count": _whole(1, MOST_GARBAGE)},
        {"seed": _COUNT},
    ),
    "received": _Act("what came to the telephones", _received, may={"last": _whole(1, MOST_LISTED)}, only_looks=True),
    "stored": _Act("what the memories keep", _stored, may={"memory": _one_of(SIM, FLASH)}, only_looks=True),
    "look": _Act("how the modem is", _look, only_looks=True),
}


class Control:
    """Does what is asked of one modem. told: called with the name and the values of what was changed."""

    def __init__(self, modem: ModemSimulator, told: Callable[[str, dict[str, Any]], None]) -> None:
        self._modem = modem
        self._told = told

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
        try:
            return self._do(*_request(line))
        except (BadRequest, Refused) as why:
            return {"error": str(why)}

    def _do(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        if name == "help":
            return {"help": {name: _help(act) for name, act in _ACTS.items()}}
        act = _ACTS.get(name)
        if act is None:
            raise BadRequest(f'"do" is none of help, {", ".join(_ACTS)}.')
        done = act.act(self._modem, **_values(act, given))
        if not act.only_looks:
            self._told(name, given)
        return done or {"done": name}


def _request(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as why:  # not UTF-8 is a ValueError, too deep a nesting a RecursionError
        raise BadRequest("The line is not JSON in UTF-8.") from why
    if not isinstance(given, dict) or not isinstance(given.get("do"), str):
        raise BadRequest('The line is not a JSON object with "do".')
    return given.pop("do"), given


def _values(act: _Act, given: dict[str, Any]) -> dict[str, Any]:
    kinds = {**act.needs, **act.may}
    if missing := act.needs.keys() - given.keys():
        raise BadRequest(f"{', '.join(sorted(missing))}: missing.")
    if unknown := given.keys() - kinds.keys():
        raise BadRequest(f"{', '.join(sorted(unknown))}: not known here, only {', '.join(kinds) or 'nothing'}.")
    return {name: _value(name, kinds[name], value) for name, value in given.items()}


def _value(name: str, kind: Kind, value: Any) -> Any:
    try:
        return kind(value)
    except BadRequest as why:
        raise BadRequest(f'"{name}" is {why}.') from why


def _help(act: _Act) -> dict[str, Any]:
    return {"about": act.about, "needs": list(act.needs), "may": list(act.may)}
