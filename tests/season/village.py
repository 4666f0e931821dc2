"""The village: 500 farmers, one kiosk with the production code from the store to the modem's port, a simulated network.

What happens is drawn from a seed. The kiosk's part is real: SQLite, AT dialogue, PDUs, status reports; its clock is the
village's. Everything that the network took stands in the simulator's own log, which the judge reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import heapq
import itertools
import json
import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from edge_daemon import parts
from edge_daemon.config import Config, Conversation, Farmers, SerialModem, SmsRules
from edge_daemon.conversation.plan import Plan
from edge_daemon.conversation.talk import Talk
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Photo, Visit
from edge_daemon.diagnosis import Farmer as Recipient
from edge_daemon.drain import flush
from edge_daemon.errors import OptedOut
from edge_daemon.kiosk import report
from edge_daemon.modem.readiness import meet
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import SmsModem, opened_link, ready_modem
from edge_daemon.sms_part import StoreSink
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wording import Wording
from tests.pseudonyms import give_key
from tests.season.farmer import ODD, Deed, Farmer, kind_of, later, words
from tests.season.time import BEGIN, VillageTime

DAYS = 730
KEY = bytes(range(32))
"""Of the pseudonyms: who is in the control group follows from it, and so the season from its seed."""
TICK = timedelta(hours=6)
"""How often the kiosk looks, beside whenever something happens."""
REBOOT_DAYS = 9
LOST = 0.06
"""The share of hours in which the network takes SMS and loses them; its reports say so."""
PATIENCE_S = 30.0
STATUS_DELIVERED, STATUS_EXPIRED = 0x00, 0x46
"""TP-Status (3GPP TS 23.040, 9.2.3.15)."""


class Line(NamedTuple):
    """A part that the network took, as the simulator's log has it."""

    number: str
    part: int
    parts: int
    text: str


@dataclass(frozen=True)
class Message:
    """A message that the network took whole. lost: it never came to its telephone, and the network said so."""

    at: datetime
    number: str
    text: str
    lost: bool


@dataclass(frozen=True)
class Sent:
    """An SMS to the kiosk, as its writer meant it. before, after: how many messages the network had taken."""

    at: datetime
    number: str
    intent: str
    text: str
    before: int
    after: int


@dataclass
class Chronicle:
    """What happened, for the judge."""

    log: Path
    visits: int = 0
    refused: int = 0
    sent: list[Sent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    advices: list[Message] = field(default_factory=list)
    """Those of the messages that a visit led to."""
    parts: int = 0
    reboots: int = 0
    jumps: int = 0


class CountingSink(StoreSink):
    """Counts what came in, and wakes whoever waits for it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.messages = self.reports = 0
        self.came = asyncio.Event()

    def message(self, pdu: str) -> None:
        super().message(pdu)
        self.messages += 1
        self.came.set()

    def report(self, pdu: str) -> None:
        super().report(pdu)
        self.reports += 1
        self.came.set()

    async def wait_for(self, messages: int, reports: int) -> None:
        """Until so many came. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while self.messages < messages or self.reports < reports:
                self.came.clear()
                await self.came.wait()


class Village:
    """Runs a season. farmers, visits: how many."""

    def __init__(self, folder: Path, seed: int, farmers: int = 500, visits: int = 1100) -> None:
        self._rng = random.Random(seed)
        self._folder = folder
        self.time = VillageTime()
        self.catalogue = words()
        self.config = Config(
            conversation=Conversation(control_percent=20),
            sms=SmsRules(daily_parts=1000),
            farmers=Farmers(keep_days=3650),  # the ledger is compared at the end, with the numbers
        )
        self.chronicle = Chronicle(folder / "network.jsonl")
        self.chronicle.log.touch()
        languages = self.catalogue.languages
        self.farmers = {
            f"+9198{number:08d}": Farmer(f"+9198{number:08d}", languages[number % len(languages)], self._rng.random())
            for number in range(farmers)
        }
        self._labels = [label for label, entry in self.catalogue.entries.items() if not entry.healthy]
        self._deeds: list[Deed] = []
        self._turns = itertools.count()
        for _ in range(visits):
            self._do(later(BEGIN, self._rng, DAYS * 24), "visit", self._rng.choice(list(self.farmers)))
        self._synced_at = BEGIN

    async def live(self) -> None:
        """The whole of it."""
        with ModemSimulator(log=self.chronicle.log) as network:
            end = BEGIN + timedelta(days=DAYS + 30)
            while self.time.true < end:
                async with self._kiosk(network) as kiosk:
                    await self._until_reboot(
                        kiosk, network, min(end, later(self.time.true, self._rng, REBOOT_DAYS * 48))
                    )
                self._power_cut()

    async def _until_reboot(self, kiosk: Kiosk, network: ModemSimulator, end: datetime) -> None:
        while self.time.true < end:
            self._tell_time()
            lost = self._rng.random() < LOST
            network.set_reports(STATUS_EXPIRED if lost else STATUS_DELIVERED)
            kiosk.lost = lost
            if self._deeds and self._deeds[0].at <= self.time.true:
                await self._act(kiosk, network, heapq.heappop(self._deeds))
            else:
                await kiosk.look(self)
                coming = self._deeds[0].at if self._deeds else end
                self.time.true = max(self.time.true, min(end, coming, self.time.true + TICK))

    async def _act(self, kiosk: Kiosk, network: ModemSimulator, deed: Deed) -> None:
        before = len(self.chronicle.messages)
        if deed.act == "visit":
            text = self._visit(kiosk, self.farmers[deed.number])
            await kiosk.look(self)
            new = self.chronicle.messages[before:]
            self.chronicle.advices += [sms for sms in new if (sms.number, sms.text) == (deed.number, text)]
            return
        network.deliver(deed.number, deed.text, at=deed.at)
        await kiosk.take_one()
        await kiosk.look(self)
        after = len(self.chronicle.messages)
        self.chronicle.sent.append(Sent(self.time.true, deed.number, deed.intent, deed.text, before, after))

    def _visit(self, kiosk: Kiosk, farmer: Farmer) -> str:
        """A visit, and the SMS that it leads to."""
        now = self.time.kiosk()
        label = self._rng.choice(self._labels)
        visit = Visit(uuid.UUID(int=self._rng.getrandbits(128)).hex, now.utc, now.clock, farmer.language)
        sure = self._rng.random() < 0.85
        diagnosis = Diagnosis(
            id=uuid.UUID(int=self._rng.getrandbits(128)).hex,
            visit=visit,
            taken_at=now.utc,
            clock=now.clock,
            decision=Decision.ANSWER if sure else Decision.NOT_SURE,
            candidates=(Candidate(label, 0.85),),
            leaf=0.9,
            model="season-1",
            source="folder:drawn.jpg",
            rehearsal=True,
        )
        kiosk.store.begin(visit)
        kiosk.store.record(
            diagnosis, Photo(b"", now.utc, "folder:drawn.jpg"), codec.encode(report("season", diagnosis))
        )
        notice = not kiosk.store.knows_notice(farmer.number)
        text = parts.compose_sms(self.catalogue, diagnosis, farmer.language, notice)
        try:
            kiosk.store.queue_sms(diagnosis, Recipient(farmer.number, farmer.language), text, notice=notice)
            self.chronicle.visits += 1
        except OptedOut:
            self.chronicle.refused += 1
            if self._rng.random() < 0.5:
                self._do(later(self.time.true, self._rng, 2), "text", farmer.number, "START", "start")
        return text

    def hear(self, lines: list[Line], lost: bool) -> None:
        """New lines of the network's log, a part each. What was not lost reaches its farmer."""
        text = ""
        self.chronicle.parts += len(lines)
        for line in lines:
            whole = text + line.text if line.part > 1 else line.text
            text = whole
            if line.part == line.parts:
                self.chronicle.messages.append(Message(self.time.true, line.number, whole, lost))
                if not lost:
                    self._react(self.farmers[line.number], whole)

    def _react(self, farmer: Farmer, text: str) -> None:
        rng = self._rng
        kind = kind_of(text)
        if rng.random() < 0.015:
            self._do(later(self.time.true, rng, 3), "text", farmer.number, farmer.stop(rng), "stop")
            if rng.random() < 0.5:
                self._do(later(self.time.true + timedelta(days=5), rng, 2000), "text", farmer.number, "start", "start")
        elif kind is not None and rng.random() < 0.6:
            answer = farmer.answer_to(text, kind, rng)
            self._do(
                later(self.time.true, rng, 20 if rng.random() < 0.9 else 240), "text", farmer.number, answer, "answer"
            )
            if rng.random() < 0.1:
                self._do(later(self.time.true, rng, 300), "text", farmer.number, answer, "answer")
        elif rng.random() < 0.06:
            text, intent = rng.choice(
                [(odd, "odd") for odd in ODD] + [("repeat", "ask"), ("rice", "ask"), ("help", "ask")]
            )
            self._do(later(self.time.true, rng, 30), "text", farmer.number, text, intent)

    def _do(self, at: datetime, act: str, number: str, text: str = "", intent: str = "") -> None:
        heapq.heappush(self._deeds, Deed(at, next(self._turns), act, number, text, intent))

    def _power_cut(self) -> None:
        """The power is away for a while; without a clock of its own the kiosk wakes up in the past."""
        self.chronicle.reboots += 1
        away = timedelta(hours=self._rng.random() * 30)
        self.time.true += away
        if self._rng.random() < 0.5:
            self.chronicle.jumps += 1
            self.time.synced, self.time.offset = False, self.time.offset - away
            self._synced_at = later(self.time.true, self._rng, 40)
        self.time.boot()

    def _tell_time(self) -> None:
        """The network tells the time at last; now and then it tells a wrong one for an hour."""
        if not self.time.synced and self.time.true >= self._synced_at:
            self.time.synced, self.time.offset = True, timedelta()
        elif self.time.synced and self.time.offset:
            self.time.offset = timedelta()
        elif self.time.synced and self._rng.random() < 0.001:
            self.chronicle.jumps += 1
            self.time.offset = timedelta(days=self._rng.choice([-400, 400]))

    @contextlib.asynccontextmanager
    async def _kiosk(self, network: ModemSimulator) -> AsyncIterator[Kiosk]:
        settings = SerialModem(kind="serial", port=network.port)
        with Store.open(self._folder / "state", 0, self.time.kiosk, self.config.sms, PduReading()) as store:
            give_key(store.folder, KEY)
            wording = Wording(self.catalogue, self.config.conversation.officer)
            store.questions.planner = Plan(self.config.conversation, wording.urgency)
            store.questions.clock_s = self.time.monotonic_s
            talk = parts.build_talk(self.config, self.catalogue, store, self.time.kiosk, self.time.monotonic_s)
            async with opened_link(settings) as (link, opened), asyncio.TaskGroup() as tasks:
                sink = CountingSink(store)
                modem = await ready_modem(link, opened, await meet(link, opened), sink, store)
                receiving = tasks.create_task(modem.receive())
                yield Kiosk(store, talk, modem, sink, self.chronicle.log)
                receiving.cancel()


class Kiosk:
    """The kiosk between two power cuts."""

    def __init__(self, store: Store, talk: Talk, modem: SmsModem, sink: CountingSink, log: Path) -> None:
        self.store = store
        self.lost = False
        self._talk = talk
        self._modem = modem
        self._sink = sink
        self._log = log
        self._read = log.stat().st_size
        self._reports = self._messages = 0

    async def look(self, village: Village) -> None:
        """Answer and ask, send what may go, and wait for what the network reports of it."""
        self._talk.look()
        await flush(self.store.sms, functools.partial(parts.send, self._modem, self.store))
        if new := self._new_lines():
            self._reports += len(new)
            await self._sink.wait_for(self._messages, self._reports)
            village.hear(new, self.lost)

    async def take_one(self) -> None:
        """Wait for an SMS on its way to the kiosk."""
        self._messages += 1
        await self._sink.wait_for(self._messages, self._reports)

    def _new_lines(self) -> list[Line]:
        with self._log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        entries = [json.loads(line) for line in data.splitlines()]
        return [Line(*(entry[key] for key in Line._fields)) for entry in entries]
