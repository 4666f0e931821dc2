"""One run: messages are queued and come in at a steady pace while faults happen; then everything drains."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from edge_daemon import parts
from edge_daemon.config import load
from edge_daemon.diagnosis import Kind
from edge_daemon.errors import StateInUse
from edge_daemon.modem.simulation.models import ModelName
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.store import Store
from tests.soak import evidence
from tests.soak.faults import KINDS, WIRE_S, Scene, Trouble
from tests.soak.judge import Verdict, judge
from tests.soak.keeper import Keeper
from tests.soak.messages import Coming, Outgoing, coming, outgoing, refused_for_good

TICK_S = 0.02
MESSAGES_PER_S = 25.0
"""How fast messages are queued, so that faults find some under way."""
MOST_WAITING = 200
"""With more messages than this in the outbox no new ones are queued."""
LEAST_S = 30.0
"""A small run lasts so long, so that every fault comes."""
DRAIN_S = 240.0
"""How long everything may take to come to its end after the last fault."""
FEED_LATE_S = 300.0
"""How much longer than planned queueing may take, where the outbox is full again and again."""
SEARCH_S = 0.2
"""A modem that begins anew looks for its network so long: what comes meanwhile waits there."""
LOOK_EVERY_S = 0.5
_TICKS = threading.Event()
"""Never set: it only lets time pass."""
_KINDS = (Kind.ANSWER, Kind.CONFIRMATION, Kind.REPLY)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many messages go out and come in, with which faults, by which modem. model: None for one by the seed."""

    out: int
    come: int
    seed: int
    kinds: tuple[str, ...] = KINDS
    model: ModelName | None = None
    lasts_s: float = field(default=0.0)
    """At least; 0 for what fits the messages."""

    @property
    def modem(self) -> ModelName:
        """Which one it is: each has another memory where messages come in, and habits of its own."""
        models: tuple[ModelName, ...] = get_args(ModelName)
        return random.Random(f"model {self.seed}").choice(models) if self.model is None else self.model

    @property
    def pace_s(self) -> float:
        """How long it takes until the last message is queued, if nothing holds it up."""
        return self.lasts_s or max(LEAST_S, self.out / MESSAGES_PER_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. bugs: what a daemon said that ended by itself, and tracebacks."""

    plan: Plan
    verdict: Verdict
    faults: dict[str, int]
    parts: int
    bugs: list[str]
    seconds: float

    @property
    def holds(self) -> bool:
        return self.verdict.holds and not self.bugs


class Run:
    """A run in its folder, which holds afterwards what it was judged by."""

    def __init__(self, plan: Plan, folder: Path, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._folder = folder
        self._tell = tell
        self._texts = outgoing(plan.out, plan.seed)
        self._queued: dict[int, Outgoing] = {}
        self._came: list[Coming] = []
        self._chance = random.Random(f"in {plan.seed}")

    def play(self) -> Outcome:
        """All of it."""
        begun_s = time.monotonic()
        log = self._folder / "network.jsonl"
        with ModemSimulator(link=self._folder / "krishi-modem", log=log, model=self._plan.modem) as modem:
            modem.answer_slowly(WIRE_S)
            modem.search_s = SEARCH_S
            for number, code in refused_for_good(self._plan.out).items():
                modem.refuse(number, code)
            keeper = Keeper(self._folder, modem.port)
            try:
                trouble = self._with(modem, keeper)
                left = _left_in(modem)
            finally:
                keeper.close()
        found = evidence.collect(self._folder / "state", log, left)
        verdict = judge(self._queued, self._came, found)
        if not self._is_fed:
            verdict.unended.append(f"only {len(self._queued)} messages were queued, and {len(self._came)} came")
        seconds = time.monotonic() - begun_s
        return Outcome(self._plan, verdict, dict(trouble.counts), len(found.copies), keeper.bugs, seconds)

    def _with(self, modem: ModemSimulator, keeper: Keeper) -> Trouble:
        trouble = Trouble(Scene(modem, keeper, self._upcoming), self._plan.kinds, self._plan.seed)
        with parts.share_store(load(keeper.config)) as store:
            evidence.watch(store.folder)
            trouble.begin()
            try:
                self._feed(modem, keeper, store, trouble)
            finally:
                trouble.end()
            self._drain(modem, keeper, store)
            if (code := keeper.stop()) != 0:
                keeper.bugs.append(f"asked to end, it ended with exit code {code}")
        if trouble.failed:
            raise trouble.failed[0]
        return trouble

    def _feed(self, modem: ModemSimulator, keeper: Keeper, store: Store, trouble: Trouble) -> None:
        """Queue and bring, as the time goes; afterwards wait until each kind of fault has come."""
        begun_s = time.monotonic()
        room = _Room(store)
        while not self._is_fed or not trouble.all_came:
            elapsed_s = time.monotonic() - begun_s
            share = min(1.0, elapsed_s / self._plan.pace_s)
            if room.is_there:
                self._queue_up_to(round(share * self._plan.out), store)
            self._bring_up_to(round(share * self._plan.come), modem)
            keeper.look_after()
            if trouble.failed or elapsed_s > self._plan.pace_s + FEED_LATE_S:
                return
            _TICKS.wait(TICK_S)

    @property
    def _is_fed(self) -> bool:
        return len(self._queued) == self._plan.out and len(self._came) == self._plan.come

    def _queue_up_to(self, count: int, store: Store) -> None:
        for text in self._texts[len(self._queued) : count]:
            kind = self._chance.choice(_KINDS)
            try:
                id = store.texts.queue(text.number, text.language, text.text, kind).id
            except StateInUse:  # nothing was written; whoever stands at the kiosk asks again
                return
            self._queued[id] = text

    def _bring_up_to(self, count: int, modem: ModemSimulator) -> None:
        while len(self._came) < count:
            sms = coming(len(self._came), datetime.now(UTC), self._chance)
            for pdu in sms.pdus:
                modem.deliver_pdu(pdu)
            self._came.append(sms)

    def _upcoming(self) -> str:
        return self._texts[min(len(self._queued) + 5, len(self._texts) - 1)].number

    def _drain(self, modem: ModemSimulator, keeper: Keeper, store: Store) -> None:
        """Until nothing waits any more, anywhere, or for as long as that may take."""
        ends_s = time.monotonic() + DRAIN_S
        while time.monotonic() < ends_s:
            waiting = _waiting(store)
            if not waiting and not _left_in(modem):
                return
            keeper.look_after()
            _TICKS.wait(LOOK_EVERY_S)
        self._tell(f"After {DRAIN_S:g} s {waiting} messages still wait.")


class _Room:
    """Whether the outbox is short enough for more; looked at now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_s = 0.0
        self._waiting = 0

    @property
    def is_there(self) -> bool:
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s, self._waiting = time.monotonic(), _waiting(self._store)
        return self._waiting < MOST_WAITING


def _waiting(store: Store) -> int:
    states = store.queues()["sms"]
    return states.get("waiting", 0) + states.get("sending", 0)


def _left_in(modem: ModemSimulator) -> int:
    """What the network, or the memories where messages come in, still hold."""
    return modem.undelivered + len(modem.stored("SM")) + len(modem.stored("ME"))
