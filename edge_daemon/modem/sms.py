"""SmsModem: sends texts by a GSM modem, and receives what comes.

Rules kept here:
- a part is sent once the modem has said +CMGS with its reference, and the caller hears of each such part at once;
- a part that was handed over and not confirmed is in doubt: it counts as not sent, and a repeat is the same PDU;
- a number that fails costs only its own message; several in a row mean that the modem is sick, whatever it says of its
  registration;
- nothing is slept for or polled while a command is under way: every wait ends with what the modem says, or at its
  deadline.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from edge_daemon.config import SerialModem, SimulatedModem
from edge_daemon.diagnosis import Sms
from edge_daemon.errors import DeviceError, ModemSick, PlanRefuses, SendFailed, SimTrouble
from edge_daemon.modem import codes, pdu, survey, unsolicited
from edge_daemon.modem.at import Command, Unsolicited
from edge_daemon.modem.incoming import Incoming, Sink
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.network_time import read_clock
from edge_daemon.modem.profile import Profile
from edge_daemon.modem.readiness import PINS, Kind, Pins, check_registered, make_ready, meet
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.ussd import Ussd

log = logging.getLogger(__name__)

_CSQ = Command("AT+CSQ", "+CSQ:")
_COPS = Command("AT+COPS?", "+COPS:")
_CCLK = Command("AT+CCLK?", "+CCLK:")
_SIGNAL = re.compile(r"\+CSQ: *(\d+)")
_OPERATOR = re.compile(r'\+COPS: *\d+ *, *\d+ *, *"([^"]*)"')
_CLOCK = re.compile(r"\+CCLK: *(.*)")
_REFERENCE = re.compile(r"\+CMGS: *(\d+)")

SICK_AFTER = 3
"""Failures in a row, to different numbers, after which it is the modem."""
SICK_AFTER_OF_ONE = 6
"""The same where all went to one number: it may be the number."""


@dataclass(frozen=True, slots=True)
class ModemState:
    """How a registered modem is. signal_dbm: received power, None if it does not know.

    registration: "home" or "roaming". memory_used of memory_total: places where messages come in, None if not known.
    """

    model: str
    profile: str
    operator: str
    registration: str
    signal_dbm: int | None
    memory_used: int | None = None
    memory_total: int | None = None

    def as_data(self) -> dict[str, Any]:
        """As plain data, for the status."""
        return asdict(self)


class KeepsNothing:
    """A sink for whoever only sends: what comes in stays in the modem, unless an earlier program had it routed."""

    def message(self, pdu: str) -> None:
        """Nobody wants it."""

    def report(self, pdu: str) -> None:
        """Likewise."""


@contextlib.asynccontextmanager
async def opened_link(config: SerialModem | SimulatedModem) -> AsyncIterator[tuple[ModemLink, SerialModem]]:
    """The configured port, and what is to be known of it; a simulated modem lives as long as this.

    Raises ModemGone, ConfigError.
    """
    with contextlib.ExitStack() as opened:
        if isinstance(config, SimulatedModem):
            far_end = opened.enter_context(ModemSimulator(log=config.log))
            config = SerialModem(kind="serial", port=far_end.port)
        link = opened.enter_context(contextlib.closing(await ModemLink.open(config.port, config.baud)))
        yield link, config


@contextlib.asynccontextmanager
async def open_modem(config: SerialModem | SimulatedModem) -> AsyncIterator[SmsModem]:
    """The configured modem, ready to send; it receives nothing.

    Raises ModemGone, ModemMute, ModemNotReady, ModemSick, SendFailed, ConfigError.
    """
    async with opened_link(config) as (link, settings):
        kind = await meet(link, settings)
        await make_ready(link, settings, kind)
        yield SmsModem(link, settings, kind, KeepsNothing())


async def ready_modem(link: ModemLink, config: SerialModem, kind: Kind, sink: Sink, pins: Pins = PINS) -> SmsModem:
    """A modem that was met on an open link, ready to send and receive. Raises as open_modem."""
    modem = SmsModem(link, config, kind, sink)  # from here on it hears: what is routed, and that the modem began anew
    await make_ready(link, config, kind, pins)
    await modem.incoming.begin()
    return modem


class SmsModem:
    """A modem that was made ready. One task sends by it, one receives; commands take turns on its line."""

    def __init__(self, link: ModemLink, config: SerialModem, kind: Kind, sink: Sink) -> None:
        self._link = link
        self._config = config
        self._kind = kind
        self._failed_in_a_row: list[str] = []
        self.profile = kind.profile
        self.incoming = Incoming(link, kind.profile, config.reply_s, sink)
        self._ussd = Ussd(link, kind.profile, config.reply_s)
        link.hear = self._hear
        link.lost = self._lose

    async def send(
        self,
        sms: Sms,
        on_part: Callable[[int, int], None],
        validity: timedelta = pdu.VALIDITY,
        before_part: Callable[[], None] = lambda: None,
    ) -> None:
        """Send the parts of a message that were not sent before.

        on_part(part, reference): called when the network has taken a part; parts count from 1, the reference is
        the modem's own, 0 to 255 (TP-MR). validity: how long the network shall try. before_part may raise Refused.
        Raises Refused (this message never works), SendFailed (not now), ModemSick, ModemNotReady, ModemMute, ModemGone.
        """
        parts = pdu.submit(
            sms.number,
            sms.text,
            sms.reference,
            report=self._config.status_reports,
            validity=validity,
            smsc=self._config.smsc,
            flash=sms.flash,
            shift=sms.shift,
        )
        for number, part in enumerate(parts[sms.parts_sent :], start=sms.parts_sent + 1):
            before_part()
            on_part(number, await self._send_part(part, sms.number))

    async def receive(self) -> None:
        """Take what comes in, for ever. Raises DeviceError, StateError."""
        await self.incoming.run()

    async def check(self) -> ModemState:
        """Ask the modem how it is. Raises DeviceError where it can no longer send, or is another one by now."""
        reply_s = self._config.reply_s
        self._link.check_port()
        registration = await check_registered(self._link, self.profile, self._config)
        await self.incoming.remind()
        operator = await self._value(_COPS, _OPERATOR, reply_s)
        signal_dbm = survey.dbm(await self._value(_CSQ, _SIGNAL, reply_s))
        memory = self.incoming.memory
        return ModemState(
            self._kind.model, self.profile.name, operator or "", registration, signal_dbm, memory.used, memory.total
        )

    async def network_time(self) -> datetime | None:
        """The network's time, UTC, None where the modem has none. Raises ModemMute, ModemGone."""
        said = await self._value(_CCLK, _CLOCK, self._config.reply_s)
        return None if said is None else read_clock(said)

    async def ussd(self, code: str) -> str:
        """Dial a USSD code; what the network says to it. Raises SendFailed, ModemMute, ModemGone."""
        return await self._ussd.ask(code)

    async def _send_part(self, part: pdu.SubmitPdu, number: str) -> int:
        command = Command(f"AT+CMGS={part.tpdu_octets}", "+CMGS:", optional=True)
        send_s = self._config.send_s or self.profile.send_s
        reply = await self._link.submit(command, part.hex, self._config.reply_s, send_s)
        if not reply.final.ok:
            raise self._failure(codes.error_for(command.name, reply.final), number)
        self._failed_in_a_row.clear()
        found = next((match for line in reply.lines if (match := _REFERENCE.match(line))), None)
        if found is None:
            unsure = SendFailed("The modem answered OK to AT+CMGS without a reference: the part is in doubt.")
            unsure.in_doubt = True
            raise unsure
        return int(found[1])

    def _failure(self, why: Exception, number: str) -> Exception:
        """The error itself, or that the modem is sick, where too many came in a row."""
        if not isinstance(why, SendFailed) or isinstance(why, PlanRefuses):
            return why
        self._failed_in_a_row.append(number)
        several = len(set(self._failed_in_a_row)) > 1
        if len(self._failed_in_a_row) < (SICK_AFTER if several else SICK_AFTER_OF_ONE):
            return why
        self._failed_in_a_row.clear()
        return ModemSick(f"The modem takes no message though it is registered; the last answer: {why}")

    def _hear(self, said: Unsolicited) -> None:
        event = unsolicited.read(said, self.profile.full)
        if isinstance(event, unsolicited.UssdSaid):
            self._ussd.hear(event)
        elif isinstance(event, unsolicited.Restarted):
            self.incoming.fail(self._link.begun_anew())
        elif isinstance(event, unsolicited.SimGone):
            self.incoming.fail(SimTrouble("The modem has lost its SIM. Check that it sits firmly."))
        elif isinstance(event, unsolicited.Power):
            log.warning("The modem says %s: check its power supply.", event.line)
        elif event is not None:
            self.incoming.hear(event)
        else:
            log.debug("The modem says %s by itself.", said.name)

    def _lose(self) -> None:
        try:
            self._link.check_port()
        except DeviceError as why:
            self.incoming.fail(why)

    async def _value(self, query: Command, pattern: re.Pattern[str], reply_s: float) -> str | None:
        """The value that a query is answered with, None where the modem does not say."""
        reply = await self._link.ask(query, reply_s)
        return next((found[1] for line in reply.lines if (found := pattern.match(line))), None)


async def radio_off_and_on(link: ModemLink, profile: Profile) -> None:
    """AT+CFUN off, then on (27.007, 8.2). Raises ModemMute, ModemGone."""
    for level in (profile.cfun_off, 1):
        reply = await link.ask(Command(f"AT+CFUN={level}"), profile.cfun_s)
        if not reply.final.ok:
            log.warning("The modem answers %s to AT+CFUN=%d.", reply.final, level)
