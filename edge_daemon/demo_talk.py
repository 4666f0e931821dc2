"""The demo's conversation: one farmer and the kiosk over two weeks, with the days shortened to nothing.

Store, plan, dialogue, PDUs and modem driver are a kiosk's own; the clock is the demo's, and the diagnosis is given:
what is shown is what comes after it. The farmer's answers come in through the simulated network, like anybody's.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge_daemon import parts, receipt
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.clock import Instant
from edge_daemon.config import Config, SerialModem
from edge_daemon.conversation.plan import Plan
from edge_daemon.conversation.talk import Talk
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Visit
from edge_daemon.drain import flush
from edge_daemon.kiosk import report
from edge_daemon.modem.readiness import meet
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import SmsModem, opened_link, ready_modem
from edge_daemon.sms_part import StoreSink
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wording import Wording

LABEL = "rice/blast"
PROBABILITY = 0.85
ARRIVAL_S = 10.0
STORY = ((3, ("1", "2")), (5, ("2", "1")), (14, ("3",)), (15, ("repeat", "STOP")))
"""On which day after the advice the farmer writes what, whatever was asked."""


@dataclass
class DemoClock:
    """Ten in the morning, local time; it stands until it is moved."""

    zone: ZoneInfo
    day: int = 0
    begun: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.begun = datetime.now(self.zone).replace(hour=10, minute=0, second=0, microsecond=0).astimezone(UTC)

    def now(self) -> Instant:
        """The demo's time."""
        return Instant(self.begun + timedelta(days=self.day, minutes=5 * bool(self.day)), "synced")

    def monotonic_s(self) -> float:
        """Seconds since it was begun."""
        return (self.now().utc - self.begun).total_seconds()


class Arrivals(StoreSink):
    """Wakes whoever waits for an SMS that comes in."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.came = asyncio.Event()

    def message(self, pdu: str) -> None:
        """As StoreSink.message."""
        super().message(pdu)
        self.came.set()


async def converse(
    config: Config, catalogue: Catalogue, folder: Path, farmer: Farmer, say: Callable[[str], None]
) -> None:
    """Play the story, a line for each SMS either way. Raises KrishiError."""
    clock = DemoClock(ZoneInfo(config.sms.timezone))
    every = config.model_copy(update={"conversation": config.conversation.model_copy(update={"control_percent": 0})})
    async with AsyncExitStack() as opened:
        network = opened.enter_context(ModemSimulator())
        store = opened.enter_context(Store.open(folder, 0, clock.now, config.sms, PduReading()))
        store.questions.planner = Plan(every.conversation, Wording(catalogue, config.conversation.officer).urgency)
        talk = parts.build_talk(every, catalogue, store, clock.now, clock.monotonic_s)
        link, settings = await opened.enter_async_context(opened_link(SerialModem(kind="serial", port=network.port)))
        arrivals = Arrivals(store)
        modem = await ready_modem(link, settings, await meet(link, settings), arrivals, store)
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        receiving = tasks.create_task(modem.receive())
        play = _Play(store, talk, modem, network, clock, say)
        _advise(config, catalogue, store, farmer, clock)
        await play.look()
        for day, texts in STORY:
            clock.day = day
            await play.look()
            for text in texts:
                await play.write(farmer.number, text, arrivals)
        receiving.cancel()


class _Play:
    """What goes back and forth."""

    def __init__(
        self,
        store: Store,
        talk: Talk,
        modem: SmsModem,
        network: ModemSimulator,
        clock: DemoClock,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._talk = talk
        self._modem = modem
        self._network = network
        self._clock = clock
        self._say = say
        self._shown = 0

    async def look(self) -> None:
        """The kiosk answers and asks; what reaches the telephone is shown."""
        self._talk.look()
        await flush(self._store.sms, functools.partial(parts.send, self._modem, self._store))
        for sms in self._network.received[self._shown :]:
            self._tell("Kiosk", sms.text)
            self._shown += 1

    async def write(self, number: str, text: str, arrivals: Arrivals) -> None:
        """The farmer writes. Raises TimeoutError."""
        self._tell("Farmer", text)
        arrivals.came.clear()
        self._network.deliver(number, text, at=self._clock.now().utc)
        async with asyncio.timeout(ARRIVAL_S):
            await arrivals.came.wait()
        await self.look()

    def _tell(self, who: str, text: str) -> None:
        self._say(receipt.line(f"Day {self._clock.day}", f"{who}: {text}"))


def _advise(config: Config, catalogue: Catalogue, store: Store, farmer: Farmer, clock: DemoClock) -> None:
    """A visit whose diagnosis is given, and its advice."""
    now = clock.now()
    visit = Visit(uuid.uuid4().hex, now.utc, now.clock, farmer.language)
    diagnosis = Diagnosis(
        id=uuid.uuid4().hex,
        visit=visit,
        taken_at=now.utc,
        clock=now.clock,
        decision=Decision.ANSWER,
        candidates=(Candidate(LABEL, PROBABILITY),),
        leaf=1.0,
        model="none",
        source="given",
        rehearsal=True,
    )
    store.begin(visit)
    store.record(diagnosis, Photo(b"", now.utc, "given"), codec.encode(report(config.kiosk.id, diagnosis)))
    text = parts.compose_sms(catalogue, diagnosis, farmer.language, notice=True)
    store.queue_sms(diagnosis, farmer, text, notice=True)
