"""USSD: a code is dialled, the network answers in words, mostly seconds later.

Source: 3GPP TS 27.007 (7.15 AT+CUSD).
"""

from __future__ import annotations

import asyncio

from edge_daemon.errors import SendFailed
from edge_daemon.modem import codes
from edge_daemon.modem.at import Command
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.profile import Profile
from edge_daemon.modem.unsolicited import UssdSaid

ANSWER_S = 60.0
"""A network may take long; ours is never a hurry."""
TAKEN_S = 15.0
"""Some modems say OK only when the network has answered; SMS wait meanwhile."""

_ENDED = {
    2: "the network ended it",
    3: "another program of the SIM has answered",
    4: "the network does not know this code",
    5: "the network did not answer in time",
}
_CANCEL = Command("AT+CUSD=2")


class Ussd:
    """One dialogue at a time on an open link."""

    def __init__(self, link: ModemLink, profile: Profile, reply_s: float) -> None:
        self._link = link
        self._profile = profile
        self._reply_s = reply_s
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[UssdSaid] | None = None

    def hear(self, said: UssdSaid) -> None:
        """What the network says; nobody may have asked."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(said)

    async def ask(self, code: str, answer_s: float = ANSWER_S) -> str:
        """Dial, and give the answer; a question of the network's is given as it is, and left unanswered.

        Raises SendFailed where the network says nothing of use, Refused for a code that cannot be, DeviceError.
        """
        async with self._turn:
            self._answer = asyncio.get_running_loop().create_future()
            try:
                said = await self._dial(code, self._answer, answer_s)
            finally:
                self._answer = None
            if said.asks:
                await self._link.ask(_CANCEL, self._reply_s)
            if said.text is None or said.mode in {3, 4, 5}:
                raise SendFailed(f"No answer to the USSD code {code}: {_ENDED.get(said.mode, 'it was empty')}.")
            return said.text

    async def _dial(self, code: str, answer: asyncio.Future[UssdSaid], answer_s: float) -> UssdSaid:
        command = Command(f'AT+CUSD=1,"{code}",{self._profile.ussd_dcs}')
        reply = await self._link.ask(command, max(TAKEN_S, self._reply_s))
        if not reply.final.ok:
            raise codes.error_for("AT+CUSD", reply.final)
        try:
            async with asyncio.timeout(answer_s):
                return await answer
        except TimeoutError as why:
            await self._link.ask(_CANCEL, self._reply_s)
            raise SendFailed(f"The network did not answer the USSD code {code} within {answer_s:g} s.") from why
