"""The sync part, with the real link, a real broker and a small gateway."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from edge_daemon.clock import GATEWAY_TIME, Instant
from edge_daemon.config import Config, Kiosk, Place, State, Sync
from edge_daemon.errors import (
    BrokerGone,
    CertificateRefused,
    EnrolmentAway,
    EnrolmentRefused,
    LinkHeld,
    NoGateway,
    StateFull,
)
from edge_daemon.kiosk import report
from edge_daemon.store.report_outbox import LEDGER, REPORT, SPARE, URGENT
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.sync.enrolment import Spent
from edge_daemon.sync_part import SyncPart
from edge_daemon.wire import codec
from edge_daemon.wire.batch import Unpacked
from edge_daemon.wire.messages import Alarm, HealthReport
from edge_daemon.wire.replies import Acknowledgement, Desired
from tests.edge.ledger_kit import NOON, SteppingClock, recorded
from tests.edge.sync import papers
from tests.edge.sync.papers import Office
from tests.edge.sync.small_gateway import AT, SmallGateway, nothing, stored
from tests.peers.mosquitto import Mosquitto
from tests.peers.program import free_port

pytestmark = pytest.mark.needs("mosquitto")

KIOSK = "kiosk-1"
SOON_S = 20.0
DEADLINE_S = 0.5
"""Of the link, where it is to pass."""


RUNNERS: list[asyncio.Runner] = []
"""The event loop of a test: all that is opened in it shares one, as in the daemon."""


@pytest.fixture(autouse=True)
def one_loop() -> Iterator[None]:
    with asyncio.Runner() as runner:
        RUNNERS[:] = [runner]
        yield


class Nobody:
    """An identity that needs no certificates."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.renewed: list[tuple[Instant, bool]] = []
        self.takes_bytes = 0

    def broker_url(self, folder: Path, /) -> str | None:
        return self.url

    def renew_if_due(self, folder: Path, now: Instant, /, *, refused: bool, spent: Spent) -> None:
        self.renewed.append((now, refused))
        spent(self.takes_bytes)


@pytest.fixture
def clock() -> Iterator[SteppingClock]:
    yield SteppingClock()
    GATEWAY_TIME.forget()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with Store.open(tmp_path / "state", 0, clock) as opened:
        opened._database.execute("PRAGMA synchronous = OFF")  # a test's computer does not fail
        yield opened


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as running:
        yield running


def settings(tmp_path: Path, port: int | None, **sync: Any) -> Config:
    url = None if port is None else f"mqtt://127.0.0.1:{port}"
    return Config(
        kiosk=Kiosk(id=KIOSK),
        state=State(folder=tmp_path / "state"),
        sync=Sync(url=url, **{"deadline_s": 20.0, "outbreak_visits": 1000, **sync}),
        place=Place(village="123456"),
    )


@contextlib.asynccontextmanager
async def running(part: SyncPart) -> AsyncIterator[asyncio.Task[None]]:
    """The part at work, for SOON_S at the most."""
    async with asyncio.timeout(SOON_S):
        task = asyncio.create_task(part.run())
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def made(config: Config, store: Store, clock: SteppingClock, identity: Nobody | None = None) -> SyncPart:
    return SyncPart(config, store, Health(), identity or Nobody(), now=clock)


def opened_now(part: SyncPart) -> dict[str, Any]:
    """What comes of opening the link once."""

    async def open_it() -> dict[str, Any]:
        async with running(part):
            return await part.open_now()

    return RUNNERS[0].run(open_it())


def record(store: Store, clock: SteppingClock, count: int = 1) -> list[str]:
    """Diagnoses with real reports; their ids."""
    ids = []
    for _ in range(count):
        found = recorded(store, clock)
        body = codec.encode(report(KIOSK, found))
        store._database.execute("UPDATE outbox SET body = ? WHERE diagnosis_id = ?", (body, found.id))
        ids.append(found.id)
    return ids


@pytest.mark.parametrize("version", [5, 3])
def test_all_that_waits_reaches_the_gateway_once_and_leaves_the_outbox(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto, version: Literal[3, 5]
) -> None:
    ids = record(store, clock, 450)
    with SmallGateway(broker.port) as gateway:
        went = opened_now(made(settings(tmp_path, broker.port, mqtt=version), store, clock))
    assert sorted(gateway.ids) == sorted(ids)
    assert [unpacked.header.first for unpacked in gateway.batches] == [1, 201, 401]
    assert len({unpacked.header.boot for unpacked in gateway.batches}) == 1
    (health,) = gateway.others
    assert isinstance(health, HealthReport)
    assert (health.starts, health.place, health.reports_waiting) == (1, "village:123456", 450)
    assert went["acknowledged"] == 451
    assert went["waiting"] == 0
    assert store.queues()["report"] == {}
    assert store.link.spent() == went["bytes"] > 0
    assert gateway.wills == []


def test_by_itself_it_opens_the_link_soon_after_its_start(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    (id,) = record(store, clock)

    async def wait(gateway: SmallGateway) -> None:
        async with running(made(settings(tmp_path, broker.port), store, clock)):
            await asyncio.to_thread(gateway.until, lambda: bool(gateway.batches))

    with SmallGateway(broker.port) as gateway:
        RUNNERS[0].run(wait(gateway))
    assert gateway.ids == [id]


def test_urgent_goes_first(tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto) -> None:
    record(store, clock, 200)
    alarm = Alarm(
        kiosk=KIOSK, at=1, clock="synced", what="outbreak", label="rice/blast", count=5, days=7, rehearsal=True
    )
    store.reports.put(codec.encode(alarm), URGENT)
    with SmallGateway(broker.port) as gateway:
        opened_now(made(settings(tmp_path, broker.port), store, clock))
    assert gateway.batches[0].others == [alarm]


def test_a_broker_that_is_away_costs_no_report_anything(tmp_path: Path, store: Store, clock: SteppingClock) -> None:
    record(store, clock, 3)
    before = store._rows("SELECT * FROM outbox", ())
    part = made(settings(tmp_path, free_port()), store, clock)
    with pytest.raises(BrokerGone, match="nobody listens there"):
        opened_now(part)
    assert [tuple(row) for row in store._rows("SELECT * FROM outbox", ())][:3] == [tuple(row) for row in before]
    assert "nobody listens" in part.tell()["trouble"]
    assert part.tell()["next_in_s"] > 0


def test_without_an_acknowledgement_nothing_is_removed_and_all_goes_again_under_new_numbers(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    ids = record(store, clock, 10)
    config = settings(tmp_path, broker.port, deadline_s=DEADLINE_S)
    part = made(config, store, clock)
    with SmallGateway(broker.port, nothing) as gateway:
        with pytest.raises(BrokerGone, match="did not acknowledge"):
            opened_now(part)
        assert gateway.payloads[0] == gateway.payloads[1], "the same bytes again"
        assert store.queues()["report"] == {"waiting": 11}
        gateway.answer = stored
        opened_now(part)
    assert store.queues()["report"] == {}
    assert set(gateway.ids) == set(ids)
    first, again, *later = gateway.batches
    assert first.header == again.header
    assert {unpacked.header.boot for unpacked in later}.isdisjoint({first.header.boot})
    assert len(later[0].diagnoses) < 10, "a batch that did not arrive is followed by a smaller one"


def test_an_acknowledgement_of_another_boot_removes_nothing(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    record(store, clock, 3)

    def another(unpacked: Unpacked) -> list[Acknowledgement]:
        return [Acknowledgement(boot=b"another!", upto=10**6, at=AT)]

    with SmallGateway(broker.port, another), pytest.raises(BrokerGone):
        opened_now(made(settings(tmp_path, broker.port, deadline_s=DEADLINE_S), store, clock))
    assert store.queues()["report"] == {"waiting": 4}


def test_an_acknowledgement_of_less_is_waited_past(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    record(store, clock, 3)

    def in_two_steps(unpacked: Unpacked) -> list[Acknowledgement]:
        return [Acknowledgement(boot=unpacked.header.boot, upto=upto, at=AT) for upto in (1, unpacked.header.last)]

    with SmallGateway(broker.port, in_two_steps) as gateway:
        assert opened_now(made(settings(tmp_path, broker.port), store, clock))["acknowledged"] == 4
    assert len(gateway.batches) == 1


def test_a_gateway_that_asks_to_wait_is_obeyed_and_nothing_is_removed(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    record(store, clock, 3)

    def wait(unpacked: Unpacked) -> list[Acknowledgement]:
        return [Acknowledgement(boot=unpacked.header.boot, upto=0, at=AT, wait_s=600)]

    part = made(settings(tmp_path, broker.port), store, clock)
    with SmallGateway(broker.port, wait) as gateway:
        assert opened_now(part)["waiting"] == 4
    assert len(gateway.batches) == 1
    told = part.tell()
    assert 590 < told["next_in_s"] <= 600
    assert "asked this kiosk to wait 600 s" in told["trouble"]


def test_killed_between_sending_and_acknowledgement_all_goes_again(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    ids = record(store, clock, 5)
    config = settings(tmp_path, broker.port)

    async def cut(gateway: SmallGateway) -> None:
        async with running(made(config, store, clock)) as task:
            await asyncio.to_thread(gateway.until, lambda: bool(gateway.batches))
            task.cancel()

    with SmallGateway(broker.port, nothing) as gateway:
        RUNNERS[0].run(cut(gateway))
        gateway.answer = stored
        opened_now(made(config, store, clock))
    assert set(gateway.ids) == set(ids)
    assert store.queues()["report"] == {}
    assert gateway.batches[0].header.boot != gateway.batches[1].header.boot
    assert gateway.others[-1].starts == 2


def test_what_is_no_message_is_parked_and_holds_nothing_up(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    store.reports.put(b"garbage", REPORT)
    record(store, clock, 2)
    with SmallGateway(broker.port) as gateway:
        opened_now(made(settings(tmp_path, broker.port), store, clock))
    assert len(gateway.ids) == 2
    assert store.queues()["report"] == {"parked": 1}


def test_the_one_message_that_is_never_answered_is_found_and_parked(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    ids = record(store, clock, 9)

    def but_one(unpacked: Unpacked) -> list[Acknowledgement]:
        return [] if any(row.diagnosis == ids[4] for row in unpacked.diagnoses) else stored(unpacked)

    part = made(settings(tmp_path, broker.port, deadline_s=DEADLINE_S), store, clock)
    with SmallGateway(broker.port, but_one):
        for _ in range(12):
            record(store, clock)  # life goes on
            with contextlib.suppress(BrokerGone):
                opened_now(part)
            if store.queues()["report"].get("parked"):
                break
    assert store.queues()["report"] == {"parked": 1}
    (row,) = store._rows("SELECT diagnosis_id, why FROM outbox WHERE state = 'parked'", ())
    assert (row["diagnosis_id"], row["why"]) == (ids[4], "the gateway acknowledged others, but never this one")


def test_a_gateway_that_is_away_makes_no_message_the_culprit(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    ids = record(store, clock, 3)
    part = made(settings(tmp_path, broker.port, deadline_s=0.2), store, clock)
    with SmallGateway(broker.port, nothing) as gateway:
        for _ in range(8):
            with pytest.raises(BrokerGone):
                opened_now(part)
        assert store.queues()["report"] == {"waiting": 4}
        gateway.answer = stored
        opened_now(part)
    assert set(gateway.ids) == set(ids)
    assert store.queues()["report"] == {}


def test_the_gateway_s_time_is_taken_by_a_kiosk_without_a_clock(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    with SmallGateway(broker.port):
        opened_now(made(settings(tmp_path, broker.port), store, clock))
    told = GATEWAY_TIME.now()
    assert told is not None
    assert timedelta() <= told - datetime.fromtimestamp(AT, UTC) < timedelta(seconds=SOON_S)


@pytest.mark.parametrize("at", [0, 1_000_000_000, 2**40])
def test_a_time_that_cannot_be_is_not_taken(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto, at: int
) -> None:
    def wrong(unpacked: Unpacked) -> list[Acknowledgement]:
        return [Acknowledgement(boot=unpacked.header.boot, upto=unpacked.header.last, at=at)]

    with SmallGateway(broker.port, wrong):
        assert opened_now(made(settings(tmp_path, broker.port), store, clock))["acknowledged"] == 1
    assert GATEWAY_TIME.now() is None


def test_what_the_gateway_wants_is_followed_and_remembered(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    config = settings(tmp_path, broker.port)
    part = made(config, store, clock)
    with SmallGateway(broker.port) as gateway:
        gateway.wish(KIOSK, Desired(revision=7, daily_kb=20, every_min=5, health=3))
        opened_now(part)
        first, second = gateway.others
        assert (first.desired, second.desired) == (0, 7), "a new wish for health is heard while the link is open"
        gateway.wish(KIOSK, Desired(revision=6, daily_kb=999))
        opened_now(part)
        assert part._rules().daily_bytes == 20_000
        assert made(config, store, clock)._rules().every_s == 300
        assert 270 <= part._rules().every_s < 300, "kiosks that began together come apart"


def test_a_wish_is_heard_and_met_in_an_opening_in_which_nothing_is_sent(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    part = made(settings(tmp_path, broker.port), store, clock)
    with SmallGateway(broker.port) as gateway:
        assert opened_now(part)["acknowledged"] == 1
        assert opened_now(part)["acknowledged"] == 0
        gateway.wish(KIOSK, Desired(revision=1, health=1))
        assert opened_now(part)["acknowledged"] == 1
        assert gateway.others[-1].desired == 1
        assert opened_now(part)["acknowledged"] == 0


def test_the_day_s_bytes_are_kept_to(tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto) -> None:
    record(store, clock, 400)
    part = made(settings(tmp_path, broker.port, daily_kb=16, urgent_kb=6), store, clock)
    with SmallGateway(broker.port):
        opened_now(part)
        assert 0 < store.queues()["report"]["waiting"] < 400
        assert 5_000 < store.link.spent() <= 10_000
        store.link.spend(16_000 - store.link.spent())
        with pytest.raises(LinkHeld, match="16 kB went in 24 hours, and 16 are allowed, 6 of them for alarms"):
            opened_now(part)
        clock.utc += timedelta(hours=26)
        opened_now(part)
    assert store.link.spent() <= 10_000


def test_outside_of_its_hours_an_alarm_goes_alone(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    assert clock.utc == NOON
    config = settings(tmp_path, broker.port, windows=("22:00-06:00",), outbreak_visits=3)
    record(store, clock, 2)

    async def third(gateway: SmallGateway) -> None:
        part = made(config, store, clock)
        async with running(part):
            await asyncio.sleep(0)
            assert "window" in part.tell()["next"] or "trouble" in part.tell()["next"]
            record(store, clock)
            store.reports.wake()
            await asyncio.to_thread(gateway.until, lambda: bool(gateway.batches))

    with SmallGateway(broker.port) as gateway:
        RUNNERS[0].run(third(gateway))
    assert [type(message) for message in gateway.others] == [Alarm]
    assert gateway.ids == []


def test_without_a_gateway_reports_wait_and_whoever_asks_is_told_what_to_do(
    tmp_path: Path, store: Store, clock: SteppingClock
) -> None:
    record(store, clock)
    part = made(settings(tmp_path, None), store, clock)
    with pytest.raises(NoGateway, match="krishi-kiosk enrol"):
        opened_now(part)
    assert store.queues()["report"] == {"waiting": 1}, "and no reports of health pile up"


def test_renewal_is_looked_at_after_an_opening(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    identity = Nobody()
    part = made(settings(tmp_path, broker.port), store, clock, identity)

    async def twice() -> None:
        async with running(part):
            await part.open_now()
            await part.open_now()
            await part.open_now()

    with SmallGateway(broker.port):
        RUNNERS[0].run(twice())
    assert identity.renewed == [(clock(), False)]


def test_a_certificate_that_the_broker_refuses_is_asked_for_anew_at_once(
    tmp_path: Path, store: Store, clock: SteppingClock
) -> None:
    identity = Nobody()
    office = Office(tmp_path, kiosk_by=papers.made("another"))
    (tmp_path / "state" / "identity").symlink_to(office.identity)
    with office.broker() as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        config = settings(tmp_path, None).model_copy(update={"sync": Sync(url=url)})
        with pytest.raises(CertificateRefused):
            opened_now(made(config, store, clock, identity))
    assert [refused for _, refused in identity.renewed] == [True]


class Revoked(Nobody):
    """An identity that the gateway gives no new certificate."""

    def renew_if_due(self, folder: Path, now: Instant, /, *, refused: bool, spent: Spent) -> None:
        super().renew_if_due(folder, now, refused=refused, spent=spent)
        raise EnrolmentRefused("revoked")


@pytest.mark.parametrize(("hours", "times"), [(2, 1), (25, 2)])
def test_a_revoked_kiosk_asks_for_a_certificate_once_a_day(
    tmp_path: Path, store: Store, clock: SteppingClock, hours: int, times: int
) -> None:
    at_s = [1000.0]
    identity = Revoked()
    identity.takes_bytes = 4_000
    config = settings(tmp_path, free_port())
    part = SyncPart(config, store, Health(), identity, now=clock, clock_s=lambda: at_s[0])

    async def fail_to_open() -> None:
        async with running(part):
            with pytest.raises(BrokerGone):
                await part.open_now()
            while part.tell()["open"]:  # noqa: ASYNC110 - there is no event of it, and running() has the deadline
                await asyncio.sleep(0)

    for _ in range(2):
        RUNNERS[0].run(fail_to_open())
        at_s[0] += 3600 * hours
    assert len(identity.renewed) == times
    assert 4_000 * times < store.link.spent() < 4_000 * times + 1_000, "what it costs to be refused counts too"


def fill(store: Store) -> None:
    for _ in range(1000):
        store.reports.put(b"x" * 100, SPARE)


def test_a_full_disk_keeps_no_report_from_going(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    ids = record(store, clock, 30)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers SQLITE_FULL beyond this
    with pytest.raises(StateFull):
        fill(store)
    with SmallGateway(broker.port) as gateway:
        went = opened_now(made(settings(tmp_path, broker.port), store, clock))
    assert sorted(gateway.ids) == sorted(ids)
    assert went["waiting"] == store.reports.counts().spare


async def until(holds: Callable[[], bool]) -> None:
    """Turn the loop until it is so; running() has the deadline."""
    while not holds():  # noqa: ASYNC110 - there is no event of it
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("has_gateway", "was_away", "state"),
    [(False, False, "idle"), (True, False, "starting"), (True, True, "broker_gone")],
)
def test_trouble_of_the_disk_is_told_no_longer_when_it_is_over(
    tmp_path: Path, store: Store, clock: SteppingClock, has_gateway: bool, was_away: bool, state: str
) -> None:
    health = Health()
    config = settings(tmp_path, free_port() if has_gateway else None)
    part = SyncPart(config, store, health, Nobody(), now=clock, clock_s=lambda: 0.0)

    async def begin_again() -> None:
        async with running(part):
            await until(lambda: health.states()["sync"] != "state_full")

    if was_away:
        with pytest.raises(BrokerGone):
            opened_now(part)
    else:
        part._held_until_s = 10.0
    health.bad("sync", StateFull("No room is left."))  # as supervise does, which begins the part again
    RUNNERS[0].run(begin_again())
    assert health.states() == {"sync": state}


def test_an_invitation_that_lies_there_is_used_and_one_that_fails_is_tried_again_later(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    identity, tried, first = Nobody(), [], threading.Event()

    def if_invited(spent: Spent) -> None:
        spent(3_000)
        tried.append(1)
        first.set()
        if len(tried) == 1:
            raise EnrolmentAway("No network.")
        identity.url = f"mqtt://127.0.0.1:{broker.port}"

    at_s = [0.0]
    config = settings(tmp_path, None)
    part = SyncPart(config, store, Health(), identity, if_invited=if_invited, now=clock, clock_s=lambda: at_s[0])

    async def wait(gateway: SmallGateway) -> None:
        async with running(part):
            assert await asyncio.to_thread(first.wait, SOON_S)
            with pytest.raises(NoGateway):
                await part.open_now()
            assert "No network" in part.tell()["trouble"]
            assert store.link.spent() == 3_000
            at_s[0] += 60
            store.reports.wake()
            await asyncio.to_thread(gateway.until, lambda: bool(gateway.batches))

    with SmallGateway(broker.port) as gateway:
        RUNNERS[0].run(wait(gateway))
    assert len(tried) == 2


def test_a_ledger_report_goes_after_the_diagnoses(
    tmp_path: Path, store: Store, clock: SteppingClock, broker: Mosquitto
) -> None:
    store.told.tell([], b"no message, so it is parked when its turn comes")
    record(store, clock, 200)
    assert store.reports.batch(300)[-1].body.startswith(b"no message")
    with SmallGateway(broker.port) as gateway:
        opened_now(made(settings(tmp_path, broker.port), store, clock))
    assert len(gateway.ids) == 200
    assert store._rows("SELECT rank FROM outbox WHERE state = 'parked'", ())[0]["rank"] == LEDGER
