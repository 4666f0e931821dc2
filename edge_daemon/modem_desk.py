"""`krishi-kiosk modem`: a technician asks the modem, by the running kiosk or, where none runs, directly."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge_daemon import control, modem_lines, receipt
from edge_daemon.config import Config, SerialModem
from edge_daemon.errors import ModemGone, Refused
from edge_daemon.modem import typed
from edge_daemon.modem.bench import open_bench


@dataclass(frozen=True)
class Shown:
    """What is printed, and how the command ends."""

    lines: Iterable[str]
    exit_code: int = 0


def ask(config: Config, given: argparse.Namespace) -> Shown:
    """Ask what was typed. given: as edge_daemon.cli parses it. Raises BadCommand, DeviceError, Refused, StateError."""
    request = _request(given)
    told = control.ask(config.state.path(), request)
    running = told is not None
    if told is None:
        told = asyncio.run(_ask_directly(config, request))
    return {"info": _info, "at": _at, "ussd": _ussd}[given.what]({**told, "running": running}, given.json)


def _request(given: argparse.Namespace) -> dict[str, str]:
    """Checked here, so that it is refused the same with and without a kiosk that runs. Raises BadCommand."""
    if given.what == "at":
        return {"do": "modem_at", "command": typed.read(given.command_line).text}
    if given.what == "ussd":
        return {"do": "modem_ussd", "code": typed.read_code(given.code)}
    return {"do": "modem_info"}


async def _ask_directly(config: Config, request: dict[str, str]) -> dict[str, Any]:
    """Raises DeviceError, Refused, ConfigError."""
    if not isinstance(config.modem, SerialModem):
        raise ModemGone(
            'There is no modem to ask: [modem] kind = "simulator" is one only while the kiosk runs. '
            'Start it with `krishi-kiosk run`, or set kind = "serial".'
        )
    async with open_bench(config.modem) as bench:
        return await control.do(bench, request)


def _info(told: dict[str, Any], as_json: bool) -> Shown:
    whole = {**told, "to_do": modem_lines.advice(told)}
    return Shown([_json(whole) if as_json else modem_lines.info(told)])


def _at(told: dict[str, Any], as_json: bool) -> Shown:
    code = 0 if told["result"] == "OK" else Refused.exit_code
    return Shown([_json(told)] if as_json else modem_lines.answer(told), code)


def _ussd(told: dict[str, Any], as_json: bool) -> Shown:
    return Shown([_json(told) if as_json else receipt.plain(told["answer"])])


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)
