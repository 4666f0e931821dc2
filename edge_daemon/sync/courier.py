"""The courier: takes reports from the outbox, sends them batch by batch, and removes what the gateway has stored.

Rules kept here:
- one batch at a time; its reports are removed when the gateway says that it has stored all of them, and not before;
- numbers count up within a boot. What was not acknowledged is numbered anew in a new boot: an answer that comes late
  can never be taken for that of another batch;
- no batch is begun that would cost more than may go. What is to spare goes when nothing else waits;
- where a full disk does not take their removal they are passed over, not sent again, and removed when there is room;
- a report that gets no answer alone is passed over. If others are answered, it is to blame; after BLAMES such times it
  is parked. If none is, the gateway is away, and nobody is to blame.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from edge_daemon.diagnosis import Report
from edge_daemon.errors import BrokerGone, GatewayMute, StateFull
from edge_daemon.sync.pace import Pace
from edge_daemon.sync.windows import Allowance
from edge_daemon.wire import batch, codec
from edge_daemon.wire.batch import MOST_MESSAGES
from edge_daemon.wire.errors import BadMessage, TooLarge
from edge_daemon.wire.messages import Message
from edge_daemon.wire.replies import BOOT_BYTES, Acknowledgement

BLAMES = 3
URGENT, LEDGER, SPARE = 0, 2, 9
"""Ranks: edge_daemon.store.report_outbox."""
OVERHEAD_BYTES = 600
"""Of a batch and its answer: TLS, MQTT, and the headers of some segments either way."""
SEGMENT_SHARE = 0.95
"""Of what long batches take, what is left beside the headers of their segments."""
FIRST_SECOND, LAST_SECOND = 1_767_225_600, 4_102_444_800
"""2026 and 2100: no gateway was there before, and no time after it can be right."""
MOST_STORED = 5_000
"""Reports that may wait in memory for their removal; beyond it the full disk is everybody's trouble."""
BLAMED = "the gateway acknowledged others, but never this one"

log = logging.getLogger(__name__)


class Outbox(Protocol):
    """What is asked of edge_daemon.store.report_outbox.ReportOutbox. Each may raise StateError."""

    def batch(self, limit: int, *, least: int, without: Collection[int]) -> list[Report]: ...
    def confirmed(self, ids: Sequence[int]) -> None: ...
    def refused(self, ids: Sequence[int], why: str) -> None: ...
    def blame(self, id: int, most: int, why: str) -> bool: ...


class Link(Protocol):
    """What is asked of edge_daemon.sync.link.Link. send raises BrokerGone."""

    round_trip_s: float

    async def send(self, data: bytes, boot: bytes, last: int) -> Acknowledgement: ...


class Load(NamedTuple):
    """A batch: its bytes, and the reports in it."""

    data: bytes
    reports: list[Report]


@dataclass
class Trip:
    """What became of one opening. wait_s: the gateway wants us to stay away so long."""

    acknowledged: int = 0
    batches: int = 0
    wait_s: int = 0


class Courier:
    """Keeps the numbers, the pace and the doubts from one opening to the next. told: hears the gateway's time, UTC."""

    def __init__(self, kiosk: str, outbox: Outbox, told: Callable[[datetime], None]) -> None:
        self.pace = Pace()
        self._kiosk = kiosk
        self._outbox = outbox
        self._told = told
        self._doubted: list[int] = []
        self._stored: set[int] = set()
        """What the gateway has, and a full disk did not let us remove."""
        self._parked_some = False
        self._begin_numbers()

    async def empty(self, link: Link, allowed: Callable[[], Allowance], after: Callable[[], None], trip: Trip) -> None:
        """Send what waits and may go. allowed: how many bytes still may; after: is called after each batch.

        trip: is filled in as we go, also where this raises BrokerGone.
        """
        self._remove()
        doubted: Report | None = None
        while not trip.wait_s and (load := self._next(allowed())):
            try:
                await self._send(link, load, trip)
            except GatewayMute:
                if len(load.reports) > 1 or doubted:
                    self._excuse(doubted, trip)
                    raise
                doubted = load.reports[0]
                self._doubted.append(doubted.id)
            after()
        await self._settle_doubts(link, allowed(), doubted, trip)

    async def _settle_doubts(self, link: Link, allowed: Allowance, doubted: Report | None, trip: Trip) -> None:
        """Blame the one that got no answer in this opening, or try one of before again. Raises BrokerGone."""
        if doubted and not trip.acknowledged:
            self._excuse(doubted, trip)
            raise GatewayMute("The gateway acknowledges nothing, though the link holds. Is krishi-gateway at work?")
        if doubted:
            self._blame(doubted)
        else:
            while (
                self._doubted and not trip.wait_s and await self._try_again(link, self._doubted.pop(0), allowed, trip)
            ):
                allowed = allowed._replace(ordinary=allowed.ordinary - OVERHEAD_BYTES)

    async def _try_again(self, link: Link, id: int, allowed: Allowance, trip: Trip) -> bool:
        """Send one that was doubted before, alone; whether others may be tried. Raises BrokerGone."""
        waiting = self._outbox.batch(MOST_MESSAGES, least=SPARE, without=())
        load = self._filled([report for report in waiting if report.id == id], _room(allowed.ordinary))
        if load is None:
            return True
        try:
            await self._send(link, load, trip)
        except GatewayMute:
            self._doubted.append(id)
            if not trip.acknowledged:
                raise
            self._blame(load.reports[0])
            return False
        return True

    def _excuse(self, doubted: Report | None, trip: Trip) -> None:
        """Nobody was answered: it is not the report's fault."""
        if doubted and not trip.acknowledged:
            self._doubted.remove(doubted.id)

    def _blame(self, report: Report) -> None:
        if self._outbox.blame(report.id, BLAMES, BLAMED):
            self._doubted.remove(report.id)
            log.warning("sync: Report %d is parked: %s.", report.id, BLAMED)

    async def _send(self, link: Link, load: Load, trip: Trip) -> None:
        """Send one batch, and remove its reports when the gateway has them. Raises BrokerGone."""
        count = len(load.reports)
        last = self._first + count - 1
        try:
            answer = await link.send(load.data, self._boot, last)
        except BrokerGone as why:
            self._begin_numbers()
            (self.pace.unanswered if isinstance(why, GatewayMute) else self.pace.lost)(count)
            raise
        self._tell_time(answer.at, link.round_trip_s)
        trip.wait_s = answer.wait_s
        if answer.upto < last:  # it wants us to wait, and has not stored this
            self._begin_numbers()
            return
        self._first += count  # they are used up, whether or not our disk takes what follows
        self._stored.update(report.id for report in load.reports)
        self._remove()
        self.pace.arrived(count)
        trip.acknowledged += count
        trip.batches += 1

    def _remove(self) -> None:
        """Remove what the gateway has; on a full disk later. Raises StateError."""
        try:
            self._outbox.confirmed(sorted(self._stored))
        except StateFull as why:
            if len(self._stored) > MOST_STORED:
                raise
            log.warning("sync: %d reports that the gateway has are removed later: %s", len(self._stored), why)
        else:
            self._stored.clear()

    def _tell_time(self, at: int, round_trip_s: float) -> None:
        if FIRST_SECOND <= at < LAST_SECOND:
            self._told(datetime.fromtimestamp(at, UTC) + timedelta(seconds=round_trip_s / 2))

    def _next(self, allowed: Allowance) -> Load | None:
        """The next batch that may go; None where nothing does."""
        spare = min(allowed.spare, allowed.ordinary)
        for least, most_bytes in ((LEDGER, allowed.ordinary), (URGENT, allowed.urgent), (SPARE, spare)):
            room = _room(most_bytes)
            while room > 0 and (
                reports := self._outbox.batch(self.pace.size, least=least, without=self._stored.union(self._doubted))
            ):
                if load := self._filled(reports, room):
                    return load
                if not self._parked_some:
                    break
        return None

    def _filled(self, reports: Sequence[Report], room: int) -> Load | None:
        """A batch of the first of these, as many as there is room for. Whatever can never go is parked."""
        readable = [(report, message) for report in reports if (message := self._read(report)) is not None]
        self._parked_some = len(readable) < len(reports)
        while readable:
            messages = [message for _, message in readable]
            try:
                data, count = batch.fill(self._kiosk, self._boot, self._first, messages, room)
            except TooLarge as why:
                self._park(readable.pop(0)[0], why)
                continue
            return Load(data, [report for report, _ in readable[:count]]) if count else None
        return None

    def _read(self, report: Report) -> Message | None:
        try:
            return codec.decode(report.body)
        except BadMessage as why:
            self._park(report, why)
            return None

    def _park(self, report: Report, why: ValueError) -> None:
        self._parked_some = True
        log.error("sync: Report %d is parked, for it can never go: %s.", report.id, why)
        self._outbox.refused([report.id], str(why))

    def _begin_numbers(self) -> None:
        self._boot = os.urandom(BOOT_BYTES)
        self._first = 1


def _room(most_bytes: int) -> int:
    """For a batch, where so many bytes may go over the line."""
    return int(most_bytes * SEGMENT_SHARE) - OVERHEAD_BYTES
