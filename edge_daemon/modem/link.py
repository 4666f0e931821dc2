"""A modem's line: the dialogue on its port, one command at a time, each with a deadline.

Rules kept here:
- whoever asks gets the reply, ModemMute at the deadline, or ModemGone at once when the port hangs up;
- the answer to a command that was given up may still come, and be taken for the next one's; and a modem that began anew
  looks into another memory, and takes a PDU for a text. What would do harm then (to read a place and to empty it, to
  hand over a PDU) is not said before `in_step` tells that all was sorted out;
- lines that nobody asked for go to `hear` as they come, whether a command is under way or not.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from edge_daemon.errors import DeviceError, ModemGone, ModemMute, ModemSick
from edge_daemon.modem.at import Command, Dialogue, Prompt, Reply, Unsolicited
from edge_daemon.modem.port import AnyPort, open_port

ABANDON_S = 1.0
"""How long giving up a prompt may take; the modem is reopened after it anyway."""

log = logging.getLogger(__name__)

_Said = Reply | Prompt | DeviceError


class ModemLink:
    """An open line to a modem. Made by `open`; close() may be called twice.

    hear: called with each line that nobody asked for. lost: called once, when the modem is gone by itself.
    """

    _port: AnyPort

    def __init__(self) -> None:
        self.hear: Callable[[Unsolicited], None] = _pass_over
        self.lost: Callable[[], None] = _nobody_waits
        self._dialogue = Dialogue()
        self._answer: asyncio.Future[_Said] | None = None
        self._gone: ModemGone | None = None
        self._turn = asyncio.Lock()
        self._behind = self._is_anew = False

    @classmethod
    async def open(cls, name: str, baud: int) -> ModemLink:
        """Open the port `name`. Raises ModemGone, ConfigError."""
        link = cls()
        link._port = await open_port(name, baud, link._receive, link._lose)
        return link

    def close(self) -> None:
        """Close the port; whoever still waits for an answer hears that the modem is gone."""
        self._port.close()
        self._end(ModemGone(f"The port {self._port.name} was closed meanwhile. Try again."))

    def check_port(self) -> None:
        """Raises ModemGone if the modem was lost, or the port's name leads to another device by now."""
        if self._gone is not None:
            raise self._gone
        self._port.check_name()

    def in_step(self) -> None:
        """The last answers were certainly those to the last commands, of a modem that has not begun anew since."""
        self._behind = self._is_anew = False

    def begun_anew(self) -> ModemSick:
        """The modem says that it has forgotten everything: the command under way ends now. Gives the error for it."""
        self._is_anew = True
        self._conclude(_anew())
        return _anew()

    async def ask(self, command: Command, deadline_s: float, then: Command | None = None) -> Reply:
        """Say a command and wait for its reply, whatever the final result. Raises ModemMute, ModemGone, ModemSick.

        then: said next, before anybody else has a turn; what it is answered does not matter.
        """
        async with self._turn:
            if command.body or command.careful:
                self._check_step()
            reply = _reply(await self._exchange(self._dialogue.begin(command), command, deadline_s))
            if then is not None:
                with contextlib.suppress(ModemMute):
                    await self._exchange(self._dialogue.begin(then), then, deadline_s)
            return reply

    async def submit(self, command: Command, pdu: str, prompt_s: float, deadline_s: float) -> Reply:
        """Say a command that takes a PDU, wait for the prompt, hand the PDU over, wait for the reply.

        Raises ModemMute, ModemGone, ModemSick: before the prompt nothing was sent; after it nobody knows, and the error
        is `in_doubt`.
        """
        async with self._turn:
            self._check_step()
            opening = self._dialogue.begin(command, prompt=True)
            try:
                answer = await self._exchange(opening, command, prompt_s)
            except ModemMute:
                await self._abandon()
                raise
            if isinstance(answer, Reply):
                return answer
            try:
                return _reply(await self._exchange(self._dialogue.pdu(pdu), command, deadline_s))
            except DeviceError as why:
                why.in_doubt = True
                raise

    async def abandon(self) -> None:
        """Leave a prompt that an earlier program may have left open. Raises ModemGone, ModemMute."""
        async with self._turn:
            await self._abandon()

    def _check_step(self) -> None:
        if self._is_anew:
            raise _anew()
        if self._behind:
            raise ModemMute(f"The modem at {self._port.name} owes an answer yet; all is said to it again.")

    async def _exchange(self, saying: bytes, command: Command, deadline_s: float) -> Reply | Prompt:
        if self._gone is not None:
            raise self._gone
        answer: asyncio.Future[_Said] = asyncio.get_running_loop().create_future()
        self._answer = answer
        was_behind, self._behind = self._behind, True
        try:
            async with asyncio.timeout(deadline_s):
                await self._port.write(saying)
                said = await answer
        except TimeoutError as why:
            raise self._mute(command.name, deadline_s) from why
        finally:
            self._answer = None
        if isinstance(said, DeviceError):
            raise said
        self._behind = was_behind
        return said

    async def _abandon(self) -> None:
        try:
            async with asyncio.timeout(ABANDON_S):
                await self._port.write(self._dialogue.abandon())
        except TimeoutError as why:
            raise self._mute("ESC", ABANDON_S) from why

    def _mute(self, what: str, deadline_s: float) -> ModemMute:
        return ModemMute(
            f"The modem at {self._port.name} did not answer {what} within {deadline_s:g} s. "
            "Check its power; it is opened again."
        )

    def _receive(self, data: bytes) -> None:
        for event in self._dialogue.receive(data):
            if isinstance(event, Unsolicited):
                self.hear(event)
            else:
                self._conclude(event)

    def _lose(self, why: ModemGone) -> None:
        self._end(why)
        self.lost()

    def _end(self, why: ModemGone) -> None:
        self._gone = self._gone or why
        self._conclude(self._gone)

    def _conclude(self, said: _Said) -> None:
        """Give whoever waits for an answer this one."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(said)


def _anew() -> ModemSick:
    return ModemSick("The modem has begun anew by itself; it is set up again. Check its power.")


def _pass_over(event: Unsolicited) -> None:
    """What it says may be about a farmer and is not logged."""
    log.debug("The modem says %s by itself.", event.name)


def _nobody_waits() -> None:
    """Until somebody wants to know."""


def _reply(answer: Reply | Prompt) -> Reply:
    """A prompt to a command that asked for none cannot come out of the dialogue."""
    assert isinstance(answer, Reply)
    return answer
