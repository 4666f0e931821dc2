"""The worker: what kiosks send, from the broker into the database; and what they are told, back to the broker.

Rules kept here:
- first the commit, then the acknowledgement to the kiosk, then the confirmation to the broker. Killed anywhere between,
  nothing is lost: the kiosk sends again what it was not told of, and what is there already is stored once;
- many batches in one transaction: those that came within GATHER_S of the first, MOST at most;
- while the database is away or full nothing is told to anybody, and the broker keeps the rest: it hands over
  [broker] in_flight batches, and no more before those are confirmed.

There may be many workers; each has its own connection, by a shared subscription (MQTT 5.0, 4.8.2).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from edge_daemon.wire import replies, topics
from gateway import metrics
from gateway.config import Config
from gateway.desired import Desires
from gateway.errors import BrokerGone, DatabaseError
from gateway.mqtt import Delivery, Link, connected
from gateway.parcel import Incoming
from gateway.store import Store
from gateway.take import Taken, take

GATHER_S = 0.05
MOST = 500
"""Batches in one transaction."""
IDLE_S = 0.25
"""How soon a worker with nothing to do sees that it shall stop."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
"""Between two attempts at a broker or a database that is away: twice as long each time, up to this, and never quite the
same, so that many workers do not come at once."""

log = logging.getLogger(__name__)


def system_now() -> int:
    """Whole seconds since 1970-01-01 UTC, by the system's clock: the operator keeps it right."""
    return int(time.time())


class Worker:
    """Made for one thread, which calls `run`. ready: called each time that the broker has let it in."""

    def __init__(self, config: Config, store: Store, ready: Callable[[], object]) -> None:
        self._config = config
        self._store = store
        self._ready = ready
        self._stop = threading.Event()
        self._most = min(MOST, config.broker.in_flight)

    def stop(self) -> None:
        """Have `run` end soon. From any thread."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`. A broker that is away is tried again. Raises AuthorityError; a bug passes."""
        waits = Waits()
        while not self._stop.is_set():
            try:
                with connected(self._config) as link:
                    link.subscribe(topics.up("+"), topics.lost("+"))
                    metrics.CONNECTED.set(1)
                    self._ready()
                    waits = Waits()
                    self._serve(link)
            except BrokerGone as why:
                wait_s = waits.next_s()
                log.warning("ingest: %s Trying again in %.0f s.", why, wait_s)
                metrics.CONNECTED.set(0)
                self._stop.wait(wait_s)
        metrics.CONNECTED.set(0)

    def _serve(self, link: Link) -> None:
        """Work with this connection. Raises BrokerGone."""
        desires = Desires(self._store, link, system_now)
        waits = Waits()
        while not self._stop.is_set():
            try:
                if batches := self._gather(link):
                    self._take(link, batches)
                desires.step()
            except DatabaseError as why:
                metrics.FAILURES.inc()
                wait_s = waits.next_s()
                log.warning("ingest: %s Nothing is acknowledged; trying again in %.0f s.", why, wait_s)
                self._listen(link, wait_s)
            else:
                waits = Waits()

    def _gather(self, link: Link) -> list[Delivery]:
        """What came, none taken out yet: as soon as it is enough, or a while after the first."""
        if not link.inbox:
            link.step(IDLE_S)
        ends = time.monotonic() + GATHER_S
        while 0 < len(link.inbox) < self._most and (left_s := ends - time.monotonic()) > 0:
            link.step(left_s)
        return link.inbox[: self._most]

    def _take(self, link: Link, batches: list[Delivery]) -> None:
        """Store, acknowledge, confirm. Raises DatabaseError; then they all are still in the inbox."""
        began = time.monotonic()
        incoming = [Incoming(one.topic, one.payload) for one in batches]
        taken = take(self._store, incoming, system_now, self._config.ingest)
        _count(taken, time.monotonic() - began)
        for reply in taken.replies:
            told = replies.encode_acknowledgement(reply.acknowledgement)
            link.publish(topics.acknowledged(reply.kiosk), told)
        for one in batches:
            link.confirm(one)
        del link.inbox[: len(batches)]

    def _listen(self, link: Link, wait_s: float) -> None:
        """Wait, and keep the connection alive meanwhile. Raises BrokerGone."""
        ends = time.monotonic() + wait_s
        while not self._stop.is_set() and (left_s := ends - time.monotonic()) > 0:
            link.step(min(IDLE_S, left_s))


class Waits:
    """How long to wait before each further attempt."""

    def __init__(self) -> None:
        self._next_s = FIRST_WAIT_S

    def next_s(self) -> float:
        """Each time longer, up to the longest."""
        wait_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_WAIT_S)
        return wait_s * random.uniform(0.75, 1.25)  # noqa: S311 - spreads workers, guards nothing


def _count(taken: Taken, seconds: float) -> None:
    metrics.SECONDS.observe(seconds)
    metrics.BATCHES.inc(taken.tally.batches)
    metrics.BYTES.inc(taken.tally.payload_bytes)
    metrics.ASIDE.inc(taken.tally.aside)
    metrics.HELD_BACK.inc(taken.tally.held_back)
    for kind, number in taken.tally.messages.items():
        metrics.MESSAGES.labels(kind).inc(number)
