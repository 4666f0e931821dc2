"""The waist: what is recorded together, what is queued once, what survives."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_daemon.clock import Instant
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Visit
from edge_daemon.errors import (
    NoStateYet,
    NoSuchVisit,
    Refused,
    SendFailed,
    StateDamaged,
    StateFull,
    StateInUse,
    StateReadOnly,
)
from edge_daemon.store import database
from edge_daemon.store.outbox import ATTEMPTS, CRASHES, LONGEST_WAIT_S, UNANSWERED
from edge_daemon.store.store import Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FARMER = Farmer("+919812345678", "en")
PHOTO = Photo(b"jpeg" * 100, NOON, "file:leaf.jpg")


class SteppingClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.utc = NOON

    def __call__(self) -> Instant:
        return Instant(self.utc, "unsure")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with Store.open(tmp_path / "state", 10_000, clock) as opened:
        yield opened


def visit() -> Visit:
    return Visit(uuid.uuid4().hex, NOON, "unsure", "en", "rice")


def diagnosis(of: Visit) -> Diagnosis:
    return Diagnosis(
        id=uuid.uuid4().hex,
        visit=of,
        taken_at=NOON,
        clock="unsure",
        decision=Decision.ANSWER,
        candidates=(Candidate("rice/blast", 0.85), Candidate("rice/brown_spot", 0.1)),
        leaf=0.99,
        model="first-1",
        source="file:leaf.jpg",
        rehearsal=True,
    )


def recorded(store: Store, report: bytes = b"report") -> Diagnosis:
    of = visit()
    store.begin(of)
    found = diagnosis(of)
    store.record(found, PHOTO, report)
    return found


def test_a_visit_and_its_newest_diagnosis_come_back_as_they_were(store: Store) -> None:
    first = recorded(store)
    second = replace(first, id=uuid.uuid4().hex, decision=Decision.NOT_SURE)
    store.record(second, PHOTO, b"again")
    assert store.visit(first.visit.id) == first.visit
    assert store.diagnosis(first.visit) == second
    assert store.last_visit() == (first.visit, second)


def test_an_unknown_visit_is_named(store: Store) -> None:
    with pytest.raises(NoSuchVisit, match="no visit 'x'"):
        store.visit("x")


def test_a_diagnosis_whose_report_cannot_be_written_is_not_there_either(store: Store) -> None:
    of = visit()
    store.begin(of)
    with pytest.raises(sqlite3.IntegrityError):
        store.record(diagnosis(of), PHOTO, None)  # type: ignore[arg-type]  # no report: the database refuses
    assert store.diagnosis(of) is None
    assert store.queues()["report"] == {}
    assert store.photos.count_and_bytes() == (0, 0)


def test_advice_asked_for_twice_is_queued_once(store: Store) -> None:
    found = recorded(store)
    first = store.queue_sms(found, FARMER, "do this")
    again = store.queue_sms(found, FARMER, "do this")
    other = store.queue_sms(found, Farmer("+919812345679", "hi"), "do this")
    assert first == again
    assert other.id != first.id
    assert store.queues()["sms"] == {"waiting": 2}


def test_messages_go_oldest_first_and_a_failed_one_waits_behind_the_untried(store: Store, clock: SteppingClock) -> None:
    ids = [store.queue_sms(recorded(store), FARMER, str(n)).id for n in range(3)]
    first = store.sms.take()
    assert first is not None
    store.sms.failed(first, SendFailed("busy"))
    clock.utc += timedelta(seconds=1)
    order = []
    while (message := store.sms.take()) is not None:
        order.append(message.id)
        store.sms.delivered(message)
    assert order == [ids[1], ids[2], ids[0]]
    assert store.queues()["sms"] == {"sent": 3}


def failed_once_more(store: Store, clock: SteppingClock, why: SendFailed) -> float:
    """Take the next message as soon as it is due, and fail. How long that was, in seconds."""
    waited_s = 0.0
    while (message := store.sms.take()) is None:
        clock.utc += timedelta(seconds=1)
        waited_s += 1
        assert waited_s <= LONGEST_WAIT_S
    store.sms.failed(message, why)
    return waited_s


def test_a_failed_message_waits_longer_each_time(store: Store, clock: SteppingClock) -> None:
    store.queue_sms(recorded(store), FARMER, "do this")
    assert [failed_once_more(store, clock, SendFailed("busy")) for _ in range(7)] == [0, 1, 2, 4, 8, 16, 32]


def test_a_network_that_is_back_after_days_still_gets_the_message(store: Store, clock: SteppingClock) -> None:
    found = recorded(store)
    store.queue_sms(found, FARMER, "do this")
    for _ in range(60):
        message = store.sms.take()
        assert message is not None
        store.sms.failed(message, SendFailed("no credit"))
        clock.utc += timedelta(hours=1)
    assert clock.utc - NOON == timedelta(hours=60)
    assert store.sms_states(found.visit)[0]["state"] == "waiting"


def test_what_was_handed_over_without_an_answer_is_tried_three_times(store: Store, clock: SteppingClock) -> None:
    found = recorded(store)
    store.queue_sms(found, FARMER, "do this")
    silence = SendFailed("no answer")
    silence.in_doubt = True
    for _ in range(UNANSWERED):
        failed_once_more(store, clock, silence)
    assert store.sms_states(found.visit)[0]["state"] == "parked"


def test_a_farmer_who_asks_again_gets_a_parked_message_after_all(store: Store) -> None:
    found = recorded(store)
    first = store.queue_sms(found, FARMER, "do this")
    store.sms.park(first, Refused("no such number"))
    assert store.queue_sms(found, FARMER, "do this") == first
    assert store.sms.take() == first
    store.sms.delivered(first)
    store.queue_sms(found, FARMER, "do this")
    assert store.sms.take() is None  # what went is not sent again


def test_a_failed_message_does_not_wait_for_a_time_that_the_clock_left(store: Store, clock: SteppingClock) -> None:
    store.queue_sms(recorded(store), FARMER, "do this")
    message = store.sms.take()
    assert message is not None
    store.sms.failed(message, SendFailed("busy"))
    clock.utc -= timedelta(days=365)
    assert store.sms.take() == message


def test_the_last_failed_attempt_parks_with_the_reason(store: Store, clock: SteppingClock) -> None:
    found = recorded(store)
    store.queue_sms(found, FARMER, "do this")
    for _ in range(ATTEMPTS):
        message = store.sms.take()
        assert message is not None
        store.sms.failed(message, SendFailed("no network"))
        clock.utc += timedelta(seconds=LONGEST_WAIT_S)
    assert store.sms.take() is None
    (state,) = store.sms_states(found.visit)
    assert (state["state"], state["why"]) == ("parked", "no network")


def test_a_refused_message_is_parked_at_once(store: Store) -> None:
    found = recorded(store)
    store.queue_sms(found, FARMER, "do this")
    message = store.sms.take()
    assert message is not None
    store.sms.park(message, Refused("no such number"))
    assert store.sms_states(found.visit)[0]["why"] == "no such number"
    assert store.sms.take() is None


def test_a_delivered_report_is_delivered_and_an_sms_only_sent(store: Store) -> None:
    found = recorded(store)
    store.queue_sms(found, FARMER, "do this")
    report, sms = store.reports.take(), store.sms.take()
    assert report is not None
    assert sms is not None
    store.reports.delivered(report)
    store.sms.delivered(sms)
    assert store.queues() == {"sms": {"sent": 1}, "report": {"delivered": 1}}


def test_what_a_crash_left_half_sent_goes_on_at_the_part_in_doubt(tmp_path: Path) -> None:
    with Store.open(tmp_path, 0) as store:
        queued = store.queue_sms(recorded(store), FARMER, "long text")
        taken = store.sms.take()
        assert taken == queued
        store.part_sent(queued, 1, 17)
    with Store.open(tmp_path, 0) as store:
        again = store.sms.take()
    assert again == replace(queued, parts_sent=1)
    assert again.reference == queued.reference


def test_a_message_that_crashes_the_kiosk_each_time_is_parked_in_the_end(tmp_path: Path) -> None:
    with Store.open(tmp_path, 0) as store:
        found = recorded(store)
        store.queue_sms(found, FARMER, "poison")
    for _ in range(CRASHES):
        with Store.open(tmp_path, 0) as store:
            assert store.sms.take() is not None
    with Store.open(tmp_path, 0) as store:
        assert store.sms.take() is None
        assert store.sms_states(found.visit)[0]["state"] == "parked"


def test_a_clock_that_jumps_a_year_back_reorders_nothing(store: Store, clock: SteppingClock) -> None:
    first = store.queue_sms(recorded(store), FARMER, "one")
    clock.utc -= timedelta(days=365)
    second = store.queue_sms(recorded(store), FARMER, "two")
    taken = [store.sms.take(), store.sms.take()]
    assert taken == [first, second]
    last = store.last_visit()
    assert last is not None


def test_next_waits_until_a_message_comes(store: Store) -> None:
    async def scene() -> int:
        waiter = asyncio.create_task(store.sms.next(30))
        await asyncio.sleep(0)  # the waiter looks, finds nothing, waits
        queued = store.queue_sms(recorded(store), FARMER, "hello")
        message = await asyncio.wait_for(waiter, 10)
        assert message == queued
        return message.id

    assert asyncio.run(scene()) > 0


def test_next_gives_up_after_its_patience(store: Store) -> None:
    assert asyncio.run(store.sms.next(0)) is None


def test_next_sees_what_another_process_queued(store: Store) -> None:
    found = recorded(store)

    async def scene() -> None:
        waiter = asyncio.create_task(store.sms.next(30))
        await asyncio.sleep(0)
        with Store.share(store.folder, 0) as beside:
            beside.queue_sms(found, FARMER, "from beside")
        message = await asyncio.wait_for(waiter, 20)
        assert message is not None
        assert message.text == "from beside"

    asyncio.run(scene())


def test_only_one_process_drains(store: Store) -> None:
    with pytest.raises(StateInUse, match="another krishi-kiosk"):
        Store.open(store.folder, 0)


def test_photos_stay_within_their_limit_and_the_newest_stays(store: Store) -> None:
    names = [f"{recorded(store).id}.jpg" for _ in range(40)]
    count, size = store.photos.count_and_bytes()
    assert size <= 10_000
    assert count == 25
    assert (store.photos.folder / names[-1]).exists()


def test_a_photo_that_cannot_be_kept_costs_no_diagnosis(store: Store) -> None:
    of = visit()
    store.begin(of)
    found = diagnosis(of)
    store.record(found, replace(PHOTO, data=b"x" * 20_000), b"report")
    assert store.diagnosis(of) == found


class TestBadDays:
    """A folder that cannot be used, each by its name."""

    def test_a_newer_file_is_left_alone(self, tmp_path: Path) -> None:
        with Store.open(tmp_path, 0):
            pass
        with sqlite3.connect(tmp_path / database.FILE) as raw:
            raw.execute("PRAGMA user_version = 99")
        raw.close()
        with pytest.raises(StateDamaged, match="version 99"):
            Store.open(tmp_path, 0)

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / database.FILE).write_bytes(b"not a database at all, really not" * 100)
        with pytest.raises(StateDamaged, match="not a database"):
            Store.open(tmp_path, 0)

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StateReadOnly, match="not a folder"):
            Store.open(tmp_path / "file", 0)
        with pytest.raises(StateReadOnly, match="cannot be made"):
            Store.open(tmp_path / "file" / "below", 0)

    def test_nothing_to_look_at(self, tmp_path: Path) -> None:
        with pytest.raises(NoStateYet, match="no kiosk has worked"):
            Store.look(tmp_path)

    def test_after_an_error_the_lock_is_free(self, tmp_path: Path) -> None:
        (tmp_path / database.FILE).write_bytes(b"not a database at all, really not" * 100)
        with pytest.raises(StateDamaged):
            Store.open(tmp_path, 0)
        (tmp_path / database.FILE).unlink()
        Store.open(tmp_path, 0).close()

    def test_a_full_disk_drops_photos_first(self, store: Store) -> None:
        recorded(store)
        recorded(store)
        assert store.photos.count_and_bytes()[0] == 2
        connection = store._database
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers SQLITE_FULL beyond this
        found = recorded_until_full(store)
        assert store.photos.count_and_bytes() == (0, 0)
        assert store.diagnosis(found.visit) is not None


def recorded_until_full(store: Store) -> Diagnosis:
    """The last diagnosis that still found room."""
    last = recorded(store)
    for _ in range(1000):
        try:
            last = recorded(store, b"r" * 500)
        except StateFull:
            return last
    raise AssertionError("the disk never filled")


def test_a_card_that_fails_loses_no_photo(tmp_path: Path) -> None:
    """A write that fails for another reason than room: here the system forbids the file to grow."""
    with Store.open(tmp_path, 10_000) as store:
        found = recorded(store)
        database.fold_log(store._database)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
        try:
            with pytest.raises(StateDamaged, match="Check the card"):
                store.queue_sms(found, FARMER, "do this")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.photos.count_and_bytes()[0] == 1


def test_a_damaged_page_is_a_named_error_wherever_it_is_read(tmp_path: Path) -> None:
    with Store.open(tmp_path, 0) as store:
        found = recorded(store)
        store.queue_sms(found, FARMER, "do this")
    file = tmp_path / database.FILE
    with contextlib.closing(sqlite3.connect(file)) as opened:
        (page,) = opened.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sms_part'").fetchone()
        (size,) = opened.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(b"\xff" * size)
    with Store.open(tmp_path, 0) as store:
        with pytest.raises(StateDamaged, match="is damaged"):
            store.sms.take()
        with pytest.raises(StateDamaged, match="is damaged"):
            store.sms_states(found.visit)
        assert store.visit(found.visit.id) == found.visit


def test_a_visit_counts_its_newest_diagnosis_of_a_leaf(store: Store) -> None:
    first = recorded(store)
    later = replace(first, id=uuid.uuid4().hex, leaves=2)
    store.record(later, PHOTO, b"two leaves")
    store.record(replace(first, id=uuid.uuid4().hex, decision=Decision.NOT_A_LEAF), PHOTO, b"a hand")
    assert store.diagnosis(first.visit) == later
