"""The modem's memories: what is in them, read, and deleted once it is safe. One memory at a time is looked into.

Rules kept here:
- a memory that the modem does not have is no trouble, unless it is the one where messages come in;
- a PDU of another length than the modem says has suffered on the line: it is read again before anybody takes it.

Sources: 3GPP TS 27.005 (3.2.2 AT+CPMS, 3.4.2 AT+CMGL, 3.4.3 AT+CMGR, 3.5.4 AT+CMGD; 3.1 <stat>).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from edge_daemon.errors import ModemSick, SendFailed
from edge_daemon.modem import codes
from edge_daemon.modem.at import Command, Reply
from edge_daemon.modem.link import ModemLink

log = logging.getLogger(__name__)

_LISTED = re.compile(r"\+CMGL: *(\d+) *, *(\d+)")
_READ = re.compile(r"\+CMGR: *(\d+)")
_COUNTS = re.compile(r"\+CPMS: *(\d+) *, *(\d+)")
_NAMES = re.compile(r'"(\w+)"')
_LENGTH = re.compile(r", *(\d+)$")
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
    octets: int | None = None
    """So many the modem says that it has without the service centre (27.005, 3.4.2 <length>)."""

    @property
    def is_whole(self) -> bool:
        """Whether the PDU has the length that the modem says."""
        if not self.pdu or self.octets is None:
            return True
        centre_octets = 1 + int(self.pdu[:2], 16)
        return len(self.pdu) == 2 * (centre_octets + self.octets)


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
        """All that is in a memory; nothing of one that the modem does not have. Raises DeviceError."""
        if not await self._use(name):
            return []
        reply = await self._link.ask(
            Command("AT+CMGL=4", "+CMGL:", optional=True, body=True), self._reply_s * LIST_FACTOR
        )
        self._check("AT+CMGL", reply)
        slots = [
            Slot(int(found[1]), int(found[2]) in _OUTGOING, pdu, _octets(head))
            for head, pdu in _with_bodies(reply.lines)
            if (found := _LISTED.match(head))
        ]
        return [slot if slot.is_whole else await self._read_again(slot) for slot in slots]

    async def read(self, name: str, index: int) -> Slot | None:
        """What is in one place, None if nothing is. Raises DeviceError."""
        if not await self._use(name):
            return None
        slot = await self._read(index)
        return slot if slot is None or slot.is_whole else await self._read_again(slot)

    async def _read_again(self, slot: Slot) -> Slot:
        """A second look at a PDU of a wrong length. One that is twice the same is what the modem has, right or not."""
        again = await self._read(slot.index)
        if again is not None and (again.is_whole or again.pdu == slot.pdu):
            return again
        log.warning("What the modem gives of place %d is garbled on the line; it is read again later.", slot.index)
        return Slot(slot.index, slot.is_outgoing, "")

    async def _read(self, index: int) -> Slot | None:
        """What is in a place of the memory that is in use."""
        reply = await self._link.ask(Command(f"AT+CMGR={index}", "+CMGR:", optional=True, body=True), self._reply_s)
        if not reply.final.ok:
            return None  # gone, or not to be had so: the next listing tells
        for head, pdu in _with_bodies(reply.lines):
            if found := _READ.match(head):
                return Slot(index, int(found[1]) in _OUTGOING, pdu, _octets(head))
        return None

    async def delete(self, name: str, index: int) -> bool:
        """Empty one place; whether the modem says that it has. Raises DeviceError."""
        if not await self._use(name):
            return False
        reply = await self._link.ask(Command(f"AT+CMGD={index}", careful=True), self._reply_s)
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

    async def _use(self, name: str) -> bool:
        """Whether the modem has this memory, and looks into it now."""
        if name == self._in_use:
            return True
        reply = await self._link.ask(_cpms(f'"{name}"'), self._reply_s)
        if reply.final.ok:
            self._in_use = name
            return True
        trouble = codes.trouble_for("AT+CPMS", reply.final)
        if name == self._names[0] or not isinstance(trouble, (SendFailed, ModemSick)):
            raise trouble
        log.info("The modem answers %s to AT+CPMS for its memory %s: nothing is looked for there.", reply.final, name)
        return False

    async def _known(self) -> set[str]:
        reply = await self._link.ask(Command("AT+CPMS=?", "+CPMS:", optional=True), self._reply_s)
        return {name for line in reply.lines for name in _NAMES.findall(line)}

    def _check(self, name: str, reply: Reply) -> None:
        if not reply.final.ok:
            raise codes.trouble_for(name, reply.final)


def _cpms(value: str) -> Command:
    return Command(f"AT+CPMS={value}", "+CPMS:", optional=True)


def _octets(head: str) -> int | None:
    found = _LENGTH.search(head)
    return int(found[1]) if found else None


def _with_bodies(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each information line with the PDU that follows it, "" where none does."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith("+"):
            pairs.append((line, ""))
        elif pairs:
            pairs[-1] = (pairs[-1][0], line)
    return pairs
