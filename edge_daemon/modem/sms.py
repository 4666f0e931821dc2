"""SmsModem: sends texts by a GSM modem.

Rules kept here:
- a part is sent once the modem has said +CMGS with its reference, and the caller hears of each such part at once;
- a part that was handed over and not confirmed is in doubt: it counts as not sent, and a repeat is the same PDU;
- nothing is slept for or polled: every wait ends with what the modem says, or at its deadline.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

from edge_daemon.config import SerialModem, SimulatedModem
from edge_daemon.diagnosis import Sms
from edge_daemon.errors import SendFailed
from edge_daemon.modem import codes, pdu
from edge_daemon.modem.at import Command, Unsolicited
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.readiness import check_registered, make_ready
from edge_daemon.modem.simulator import ModemSimulator

log = logging.getLogger(__name__)

_CSQ = Command("AT+CSQ", "+CSQ:")
_COPS = Command("AT+COPS?", "+COPS:")
_MAKER = Command("AT+CGMI", "")
_MODEL = Command("AT+CGMM", "")
_SIGNAL = re.compile(r"\+CSQ: *(\d+)")
_OPERATOR = re.compile(r'\+COPS: *\d+ *, *\d+ *, *"([^"]*)"')
_REFERENCE = re.compile(r"\+CMGS: *(\d+)")


@dataclass(frozen=True, slots=True)
class ModemState:
    """How a registered modem is. signal_dbm: received power, None if it does not know."""

    model: str
    operator: str
    signal_dbm: int | None

    def as_data(self) -> dict[str, Any]:
        """As plain data, for the status."""
        return asdict(self)


@contextlib.asynccontextmanager
async def open_modem(config: SerialModem | SimulatedModem) -> AsyncIterator[SmsModem]:
    """The configured modem, ready to send; a simulated one lives as long as this.

    Raises ModemGone, ModemMute, ModemNotReady, SendFailed, ConfigError.
    """
    with contextlib.ExitStack() as opened:
        if isinstance(config, SimulatedModem):
            far_end = opened.enter_context(ModemSimulator(log=config.log))
            config = SerialModem(kind="serial", port=far_end.port)
        link = opened.enter_context(contextlib.closing(ModemLink(config.port, config.baud, _pass_over)))
        await make_ready(link, config)
        yield SmsModem(link, config, await _model(link, config.reply_s))


class SmsModem:
    """A modem that was made ready. Made by open_modem; one task at a time may use it."""

    def __init__(self, link: ModemLink, config: SerialModem, model: str) -> None:
        self._link = link
        self._config = config
        self._model = model

    async def send(self, sms: Sms, on_part: Callable[[int, int], None]) -> None:
        """Send the parts of a message that were not sent before.

        on_part(part, reference): called when the network has taken a part; parts count from 1, the reference is
        the modem's own, 0 to 255 (TP-MR). Raises Refused (this message never works), SendFailed, ModemNotReady,
        ModemMute, ModemGone.
        """
        parts = pdu.submit(sms.number, sms.text, sms.reference)
        for number, part in enumerate(parts[sms.parts_sent :], start=sms.parts_sent + 1):
            on_part(number, await self._send_part(part))

    async def check(self) -> ModemState:
        """Ask the modem how it is. Raises ModemGone, ModemMute, ModemNotReady where it can no longer send."""
        reply_s = self._config.reply_s
        await check_registered(self._link, reply_s)
        operator = await _ask_for(self._link, _COPS, _OPERATOR, reply_s)
        signal = await _ask_for(self._link, _CSQ, _SIGNAL, reply_s)
        return ModemState(self._model, operator or "", _dbm(signal))

    async def _send_part(self, part: pdu.SubmitPdu) -> int:
        command = Command(f"AT+CMGS={part.tpdu_octets}", "+CMGS:", optional=True)
        reply = await self._link.submit(command, part.hex, self._config.reply_s, self._config.send_s)
        if not reply.final.ok:
            raise codes.error_for(command.name, reply.final)
        found = next((match for line in reply.lines if (match := _REFERENCE.match(line))), None)
        if found is None:
            unsure = SendFailed("The modem answered OK to AT+CMGS without a reference: the part is in doubt.")
            unsure.in_doubt = True
            raise unsure
        return int(found[1])


def _pass_over(event: Unsolicited) -> None:
    """Nothing that comes unasked is of use yet; what it says may be about a farmer and is not logged."""
    log.debug("The modem says %s by itself.", event.name)


async def _model(link: ModemLink, reply_s: float) -> str:
    names = [(await link.ask(command, reply_s)).lines[:1] for command in (_MAKER, _MODEL)]
    return " ".join(name for lines in names for name in lines)


async def _ask_for(link: ModemLink, query: Command, pattern: re.Pattern[str], reply_s: float) -> str | None:
    """The value that a query is answered with, None where the modem does not say."""
    reply = await link.ask(query, reply_s)
    return next((found[1] for line in reply.lines if (found := pattern.match(line))), None)


def _dbm(rssi: str | None) -> int | None:
    """0 is -113 dBm or less, 31 is -51 or more, 99 unknown (3GPP TS 27.007, 8.5)."""
    if rssi is None or not 0 <= int(rssi) <= 31:
        return None
    return -113 + 2 * int(rssi)
