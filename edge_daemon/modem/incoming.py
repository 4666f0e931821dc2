"""What comes in by a modem: messages and status reports, taken from its memory or as they come.

Rules kept here:
- read, committed by the sink, only then deleted or acknowledged. Whatever fails between leaves it where it is, and the
  next sweep finds it again; that it was here before, the sink knows;
- what is routed is committed as it is heard: mostly nobody but us has it, and a session that ends would forget it;
- the memories are swept at the start, at intervals, and when the modem says that one is full: an announcement that was
  lost, or came while we were away, costs time and no message;
- what cannot be read is left where it is as long as there is room; a full memory would keep all others out;
- what waits to be looked at is bounded; above the bound the memories are swept instead.

Sources: 3GPP TS 27.005 (3.4.1 AT+CNMI, 3.4.4 AT+CNMA).
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter, deque
from typing import Literal, Protocol

from edge_daemon.errors import DeviceError, StateError
from edge_daemon.modem import pdu, unsolicited
from edge_daemon.modem.at import Command
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.memory import Memory, Slot
from edge_daemon.modem.profile import Profile
from edge_daemon.modem.unsolicited import MemoryFull, Routed, Stored

log = logging.getLogger(__name__)

SWEEP_S = 120.0
"""How often the memories are looked into, whatever the modem says."""
MOST_WAITING = 500
"""Announcements that were not yet dealt with."""
_INDICATIONS = Command("AT+CNMI?", "+CNMI:", optional=True)
ROOM_WANTED = 2
"""With fewer places free, what we cannot use is deleted: a message of two parts shall find room."""


class Sink(Protocol):
    """Takes what came in, in hexadecimal with its service centre; committed when it returns. Raises StateError."""

    def message(self, pdu: str) -> None: ...
    def report(self, pdu: str) -> None: ...


def commit(sink: Sink, text: str) -> Literal["messages", "reports"]:
    """Give a PDU to the sink by what it is, whatever it was announced as; as what it was given. Raises StateError."""
    if pdu.is_status_report(text):
        sink.report(text)
        return "reports"
    sink.message(text)
    return "messages"


class Incoming:
    """The receiving side of one open modem. hear() as lines come, run() in a task of its own."""

    def __init__(self, link: ModemLink, profile: Profile, reply_s: float, sink: Sink) -> None:
        self.memory = Memory(link, profile.memories, reply_s)
        self.counts: Counter[str] = Counter()
        """messages, reports, sweeps, unreadable, thrown_away, lost_announcements."""
        self._link = link
        self._profile = profile
        self._reply_s = reply_s
        self._sink = sink
        self._waiting: deque[Stored] = deque()
        self._to_acknowledge = 0
        self._something = asyncio.Event()
        self._sweep_wanted = True
        self._trouble: DeviceError | StateError | None = None
        self._indications = ""

    def hear(self, event: unsolicited.Event) -> None:
        """Take note, and keep what is routed; nothing is said to the modem here. Trouble ends run()."""
        if isinstance(event, MemoryFull):
            self.sweep_soon()
        elif isinstance(event, Routed):
            # After whoever waits for the answer before it: a report's part is written down first.
            asyncio.get_running_loop().call_soon(self._keep, event)
        elif isinstance(event, Stored):
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(event)
            else:
                self.counts["lost_announcements"] += 1
                self._sweep_wanted = True
        self._something.set()

    def sweep_soon(self) -> None:
        """Look into the memories as soon as the line is free."""
        self._sweep_wanted = True
        self._something.set()

    def fail(self, why: DeviceError | StateError) -> None:
        """End run() with this."""
        self._trouble = self._trouble or why
        self._something.set()

    async def begin(self) -> None:
        """Say where messages go and that they be announced. Raises DeviceError."""
        await self.memory.receive_into_first()
        for values in self._profile.cnmi:
            text = f"AT+CNMI={','.join(map(str, values))}"
            if (await self._link.ask(Command(text), self._reply_s)).final.ok:
                self._indications = text
                log.info("The modem takes %s.%s", text, "" if values[3] else " It will tell of no delivery.")
                return
        log.warning("The modem takes no AT+CNMI of its profile: messages are found by looking every %g s.", SWEEP_S)

    async def remind(self) -> None:
        """Say again that messages be announced, where the modem has fallen silent by itself (27.005, 3.4.1 and 3.4.4).

        What came meanwhile lies in its memory. Raises DeviceError.
        """
        if not self._indications:
            return
        reply = await self._link.ask(_INDICATIONS, self._reply_s)
        now = next((re.sub(r"\s", "", line.partition(":")[2]) for line in reply.lines), "")
        if now != self._indications.partition("=")[2]:
            log.info("The modem announces no messages any more (AT+CNMI is %s); it is told to.", now or "not told")
            await self._link.ask(Command("AT+CMGF=0"), self._reply_s)  # it may have begun anew without a word
            await self._link.ask(Command(self._indications), self._reply_s)
            self.sweep_soon()

    async def run(self) -> None:
        """Receive for ever. Raises DeviceError, and StateError where the sink has no room; then nothing is deleted."""
        while True:
            if self._trouble is not None:
                raise self._trouble
            if self._to_acknowledge:
                self._to_acknowledge -= 1
                await self._acknowledge()
            elif self._waiting:
                await self._take(self._waiting[0])
                self._waiting.popleft()
            elif self._sweep_wanted:
                self._sweep_wanted = False
                await self._sweep()
            else:
                await self._wait()

    async def _wait(self) -> None:
        self._something.clear()
        try:
            async with asyncio.timeout(SWEEP_S):
                await self._something.wait()
        except TimeoutError:
            self._sweep_wanted = True

    def _keep(self, event: Routed) -> None:
        try:
            self._commit(event.pdu)
        except StateError as why:
            self.fail(why)
        else:
            self._to_acknowledge += self._profile.csms
            self._something.set()

    async def _take(self, event: Stored) -> None:
        slot = await self.memory.read(event.memory, event.index)
        if slot is not None:
            await self._settle(event.memory, slot)
        elif event.what == "message" and event.memory not in self.memory.names:
            self._sweep_wanted = True  # it may be another name for one of ours

    async def _acknowledge(self) -> None:
        """So that the service centre need not send it again (27.005, 3.4.4); without phase 2+ the modem has done it."""
        reply = await self._link.ask(Command("AT+CNMA"), self._reply_s)
        if not reply.final.ok:
            log.info("The modem answers %s to AT+CNMA; the message may come again.", reply.final)

    async def _settle(self, memory: str, slot: Slot) -> bool:
        """Commit what is in a place and empty it; False where it is not ours to empty."""
        if slot.is_outgoing or not slot.pdu:
            return False
        self._commit(slot.pdu)
        await self.memory.delete(memory, slot.index)
        return True

    def _commit(self, text: str) -> None:
        self.counts[commit(self._sink, text)] += 1

    async def _sweep(self) -> None:
        self.counts["sweeps"] += 1
        for memory in self.memory.names:
            slots = await self.memory.contents(memory)
            left = [slot for slot in slots if not await self._settle(memory, slot)]
            self.counts["unreadable"] = sum(not slot.pdu for slot in left)
            await self._make_room(memory, left)
        await self.memory.count()

    async def _make_room(self, memory: str, left: list[Slot]) -> None:
        """Delete what nobody can use, the lowest places first, where a receiving memory would stay full."""
        await self.memory.count()
        if memory != self.memory.names[0] or self.memory.used is None or self.memory.total is None:
            return
        missing = ROOM_WANTED - (self.memory.total - self.memory.used)
        for slot in left[: max(0, missing)]:
            what = "an outgoing message of somebody else" if slot.is_outgoing else "a message that it does not give"
            log.warning("The modem's memory %s is full: place %d, %s, is emptied.", memory, slot.index, what)
            await self.memory.delete(memory, slot.index)
            self.counts["thrown_away"] += 1
