"""A modem on a technician's bench: asked as it is, whether it can send or not. No PIN is entered, nothing is set up.

Rules kept here:
- a question that the modem does not answer in time ends all: it would not answer the next one either;
- beside a kiosk that works with the modem, it is in PDU mode again before the kiosk says anything: in text mode the
  length before a PDU is taken for a number, and the PDU for a text to it (27.005, 3.2.3 and 3.5.1);
- whatever a typed command left open is left behind, so that the next one is taken for a command.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from edge_daemon.config import SerialModem, SimulatedModem
from edge_daemon.errors import ModemMute
from edge_daemon.modem import codes, survey, typed, unsolicited
from edge_daemon.modem.at import Command, Unsolicited
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.profile import Profile
from edge_daemon.modem.readiness import meet
from edge_daemon.modem.sms import opened_link
from edge_daemon.modem.ussd import Ussd

NAMED_OPERATOR = Command("AT+COPS=3,0")
GSM_LETTERS = Command('AT+CSCS="GSM"')
PDU_MODE = Command("AT+CMGF=0")


@contextlib.asynccontextmanager
async def open_bench(config: SerialModem | SimulatedModem) -> AsyncIterator[Bench]:
    """The configured modem, woken and nothing more. Raises ModemGone, ModemMute, SendFailed, ConfigError."""
    async with opened_link(config) as (link, settings):
        kind = await meet(link, settings)
        await link.ask(GSM_LETTERS, settings.reply_s)  # for what USSD says
        yield Bench(link, settings, kind.profile)


class Bench:
    """An open line to a modem, whoever opened it. shared: the kiosk works by it."""

    def __init__(self, link: ModemLink, config: SerialModem, profile: Profile | None, *, shared: bool = False) -> None:
        self._link = link
        self._config = config
        self._profile = profile
        self._then = PDU_MODE if shared else None

    async def info(self) -> dict[str, Any]:
        """What the modem tells of itself: the keys of survey.QUESTIONS; and its profile, its port, where that leads.

        Raises ModemMute, ModemGone.
        """
        await self._link.ask(NAMED_OPERATOR, self._config.reply_s)
        told = {question.key: await self._tells(question) for question in survey.QUESTIONS}
        profile = self._profile and self._profile.name
        return {**told, "profile": profile, "port": self._config.port, "device": _device(self._config.port)}

    async def at(self, text: str) -> dict[str, Any]:
        """Say what somebody typed: `lines`, `result` and, where it is not OK, its `meaning`.

        Raises BadCommand, ModemMute, ModemGone.
        """
        command = typed.read(text)
        try:
            reply = await self._link.ask(command, typed.answer_s(command), self._then)
        except ModemMute:
            await self._link.abandon()
            raise
        meaning = None if reply.final.ok else codes.words(reply.final)
        return {"lines": list(reply.lines), "result": str(reply.final), "meaning": meaning}

    async def ussd(self, code: str) -> str:
        """Dial a USSD code on a line that nobody else listens to. Raises as Ussd.ask, and BadCommand."""
        assert self._profile is not None
        ussd = Ussd(self._link, self._profile, self._config.reply_s)

        def hear(said: Unsolicited) -> None:
            event = unsolicited.read(said)
            if isinstance(event, unsolicited.UssdSaid):
                ussd.hear(event)

        self._link.hear = hear
        return await ussd.ask(typed.read_code(code))

    async def _tells(self, question: survey.Question) -> Any:
        for command in question.as_commands():
            told = question.read(await self._link.ask(command, self._config.reply_s))
            if told is not None:
                return told
        return None


def _device(port: str) -> str:
    """Where the port's name leads to now."""
    return port if "://" in port else os.path.realpath(port)
