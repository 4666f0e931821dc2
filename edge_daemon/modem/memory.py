"""The modem's memories: what is in them, read, and deleted once it is safe. One memory at a time is looked into.

Sources: 3GPP TS 27.005 (3.2.2 AT+CPMS, 3.4.2 AT+CMGL, 3.4.3 AT+CMGR, 3.5.4 AT+CMGD; 3.1 <stat>).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from edge_daemon.modem import codes
from edge_daemon.modem.at import Command, Reply
from edge_daemon.modem.link import ModemLink

log = logging.getLogger(__name__)

_LISTED = re.compile(r"\+CMGL: *(\d+) *, *(\d+)")
_READ = re.compile(r"\+CMGR: *(\d+)")
_COUNTS = re.compile(r"\+CPMS: *(\d+) *, *(\d+)")
_NAMES = re.compile(r'"(\w+)"')
_OUTGOING = {2, 3}
"""<stat>: stored unsent, stored sent."""
LIST_FACTOR = 6
"""AT+CMGL of a full SIM at a slow speed takes longer than other commands by so much."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a memory. pdu: "" where the modem does not give it (an EC25 with a status report)."""

    index: int
    is_outgoing: bool
    pdu: str = field(repr=False)


class Memory:
    """The memories of one open modem."""

    def __init__(self, link: ModemLink, names: tuple[str, ...], reply_s: float) -> None:
        self._link = link
        self._names = names
        self._reply_s = reply_s
        self._in_use = ""
        self.used: int | None = None
        self.total: int | None = None

    async def receive_into_first(self) -> None:
        """What comes goes into the first memory of those wanted that this modem has. Raises what the modem answers."""
        known = await self._known()
        self._names = tuple(name for name in self._names if not known or name in known) or self._names
        for name in self._names:
            reply = await self._link.ask(_cpms(f'"{name}","{name}","{name}"'), self._reply_s)
            if reply.final.ok:
                self._in_use = name
                self._names = (name, *(other for other in self._names if other != name))
                return
        raise codes.trouble_for("AT+CPMS", reply.final)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are looked into, the one that receives first."""
        return self._names

    async def contents(self, name: str) -> list[Slot]:
        """All that is in a memory. Raises DeviceError."""
        await self._use(name)
        reply = await self._link.ask(
            Command("AT+CMGL=4", "+CMGL:", optional=True, body=True), self._reply_s * LIST_FACTOR
        )
        self._check("AT+CMGL", reply)
        return [
            Slot(int(found[1]), int(found[2]) in _OUTGOING, pdu)
            for head, pdu in _with_bodies(reply.lines)
            if (found := _LISTED.match(head))
        ]

    async def read(self, name: str, index: int) -> Slot | None:
        """What is in one place, None if nothing is. Raises DeviceError."""
        await self._use(name)
        reply = await self._link.ask(Command(f"AT+CMGR={index}", "+CMGR:", optional=True, body=True), self._reply_s)
        if not reply.final.ok:
            return None  # gone, or not to be had so: the next listing tells
        for head, pdu in _with_bodies(reply.lines):
            if found := _READ.match(head):
                return Slot(index, int(found[1]) in _OUTGOING, pdu)
        return None

    async def delete(self, name: str, index: int) -> bool:
        """Empty one place; whether the modem says that it has. Raises ModemMute, ModemGone."""
        await self._use(name)
        reply = await self._link.ask(Command(f"AT+CMGD={index}"), self._reply_s)
        if not reply.final.ok:
            log.warning("The modem answers %s to AT+CMGD: a message stays there, and is known again.", reply.final)
        return reply.final.ok

    async def count(self) -> None:
        """Bring `used` and `total` of the receiving memory up to date. Raises ModemMute, ModemGone."""
        reply = await self._link.ask(_cpms(f'"{self._names[0]}"'), self._reply_s)
        found = next((match for line in reply.lines if (match := _COUNTS.match(line))), None)
        if reply.final.ok and found is not None:
            self._in_use = self._names[0]
            self.used, self.total = int(found[1]), int(found[2])

    async def _use(self, name: str) -> None:
        if name == self._in_use:
            return
        self._check("AT+CPMS", await self._link.ask(_cpms(f'"{name}"'), self._reply_s))
        self._in_use = name

    async def _known(self) -> set[str]:
        reply = await self._link.ask(Command("AT+CPMS=?", "+CPMS:", optional=True), self._reply_s)
        return {name for line in reply.lines for name in _NAMES.findall(line)}

    def _check(self, name: str, reply: Reply) -> None:
        if not reply.final.ok:
            raise codes.trouble_for(name, reply.final)


def _cpms(value: str) -> Command:
    return Command(f"AT+CPMS={value}", "+CPMS:", optional=True)


def _with_bodies(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each information line with the PDU that follows it, "" where none does."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("+"):
            pairs.append((line, ""))
        elif pairs:
            pairs[-1] = (pairs[-1][0], line)
    return pairs
