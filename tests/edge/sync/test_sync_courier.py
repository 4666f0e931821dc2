"""The courier beside a disk that is full: what the gateway has is not sent again, and what waits behind it goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Sequence

import pytest

from edge_daemon.diagnosis import Report
from edge_daemon.errors import StateFull
from edge_daemon.sync import courier
from edge_daemon.sync.courier import Courier, Trip
from edge_daemon.sync.windows import Allowance
from edge_daemon.wire import batch, codec
from edge_daemon.wire.messages import DiagnosisReport
from edge_daemon.wire.replies import Acknowledgement

KIOSK = "test-kiosk"
PLENTY = Allowance(1_000_000, 1_000_000, 1_000_000)


class Outbox:
    """Reports, and a disk that may be full."""

    def __init__(self, count: int) -> None:
        self.waiting = {id: _body() for id in range(1, count + 1)}
        self.full = False

    def batch(self, limit: int, *, least: int, without: Collection[int]) -> list[Report]:
        return [Report(id, body) for id, body in self.waiting.items() if id not in without][:limit]

    def confirmed(self, ids: Sequence[int]) -> None:
        if self.full and ids:
            raise StateFull("no room is left")
        for id in ids:
            del self.waiting[id]

    def refused(self, ids: Sequence[int], why: str) -> None:
        raise AssertionError(why)

    def blame(self, id: int, most: int, why: str) -> bool:
        raise AssertionError(why)


class Gateway:
    """Acknowledges each batch, and counts what is in it."""

    round_trip_s = 0.0

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def send(self, data: bytes, boot: bytes, last: int) -> Acknowledgement:
        self.ids += [row.diagnosis for row in batch.unpack(KIOSK, data).diagnoses]
        return Acknowledgement(boot=boot, upto=last, at=1_800_000_000)


def _body() -> bytes:
    report = DiagnosisReport(
        diagnosis=uuid.uuid4().hex,
        visit=uuid.uuid4().hex,
        kiosk=KIOSK,
        taken_at=1_800_000_000,
        clock="synced",
        crop="rice",
        decision="not_sure",
        candidates=(),
        model="m 1",
        language="hi",
        rehearsal=True,
    )
    return codec.encode(report)


def empty(one: Courier, gateway: Gateway) -> Trip:
    trip = Trip()
    asyncio.run(one.empty(gateway, lambda: PLENTY, lambda: None, trip))
    return trip


def test_a_full_disk_has_nothing_sent_twice_and_holds_nothing_back() -> None:
    outbox, gateway = Outbox(500), Gateway()
    one = Courier(KIOSK, outbox, lambda at: None)
    outbox.full = True
    assert empty(one, gateway).acknowledged == 500
    assert len(set(gateway.ids)) == len(gateway.ids) == 500
    assert len(outbox.waiting) == 500, "nothing could be removed"
    outbox.full = False
    assert empty(one, gateway).acknowledged == 0
    assert outbox.waiting == {}


def test_beyond_what_may_be_remembered_a_full_disk_is_the_part_s_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "MOST_STORED", 300)
    outbox = Outbox(500)
    outbox.full = True
    with pytest.raises(StateFull):
        empty(Courier(KIOSK, outbox, lambda at: None), Gateway())
