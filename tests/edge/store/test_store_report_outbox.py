"""The outbox of reports, what is remembered of the link, and alarms."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Visit
from edge_daemon.errors import StateFull
from edge_daemon.store import database, report_outbox
from edge_daemon.store.link_book import LinkBook
from edge_daemon.store.outbox import read_report
from edge_daemon.store.report_outbox import LEDGER, REPORT, SPARE, URGENT, ReportOutbox
from edge_daemon.store.reserve import Reserve
from edge_daemon.store.store import Store
from tests.edge.ledger_kit import SteppingClock, recorded

T = TypeVar("T")
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
MANY = 200


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with Store.open(tmp_path, 0, clock) as opened:
        yield opened


def bodies(store: Store, limit: int = MANY, least: int = SPARE) -> list[bytes]:
    return [report.body for report in store.reports.batch(limit, least=least)]


def test_in_which_order_reports_go(store: Store, clock: SteppingClock) -> None:
    store.reports.put(b"spare", SPARE)
    store.reports.put(b"ledger", LEDGER)
    store.reports.put(b"old 1", REPORT)
    clock.utc += SECOND
    store.reports.put(b"old 2", REPORT)
    clock.utc += DAY
    store.reports.put(b"new 1", REPORT)
    store.reports.put(b"new 2", REPORT)
    store.reports.put(b"alarm", URGENT)
    assert bodies(store) == [b"alarm", b"new 1", b"new 2", b"old 1", b"old 2", b"ledger", b"spare"]
    assert bodies(store, 4) == [b"alarm", b"new 1", b"new 2", b"old 1"]
    assert bodies(store, least=REPORT) == [b"alarm", b"new 1", b"new 2", b"old 1", b"old 2"]
    assert bodies(store, least=URGENT) == [b"alarm"]


def test_rows_that_are_passed_over_make_no_batch_smaller(store: Store) -> None:
    for number in range(5):
        store.reports.put(b"%d" % number, REPORT)
    first, second = store.reports.batch(2)
    assert [r.body for r in store.reports.batch(3, without={first.id, second.id})] == [b"2", b"3", b"4"]


def test_what_was_made_by_a_clock_that_ran_ahead_goes_all_the_same(store: Store, clock: SteppingClock) -> None:
    store.reports.put(b"from the future", REPORT)
    clock.utc -= 400 * DAY
    store.reports.put(b"from now", REPORT)
    assert bodies(store) == [b"from now", b"from the future"]


def test_what_is_confirmed_is_gone_and_nothing_else(store: Store, clock: SteppingClock) -> None:
    for _ in range(3):
        recorded(store, clock)
    batch = store.reports.batch(2)
    store.reports.confirmed([report.id for report in batch])
    assert store.queues()["report"] == {"waiting": 1}
    assert store.last_visit() is not None, "the diagnosis itself stays"
    store.reports.confirmed([report.id for report in batch])
    assert store.queues()["report"] == {"waiting": 1}, "confirmed twice is confirmed once"


def test_a_ledger_report_that_went_still_counts_for_its_day_and_holds_nothing(
    store: Store, clock: SteppingClock
) -> None:
    store.told.tell([], b"ledger")
    store.reports.confirmed([report.id for report in store.reports.batch(1)])
    assert (store.told.reports_within_a_day(clock.utc), store.told.reports_waiting()) == (1, 0)
    assert store._rows("SELECT body FROM outbox", ())[0]["body"] == b""
    store.told.forget_delivered(clock.utc + DAY)
    assert store.queues()["report"] == {}


def test_alarms_and_health_are_no_ledger_reports(store: Store, clock: SteppingClock) -> None:
    store.reports.put(b"alarm", URGENT)
    store.reports.put(b"health", REPORT)
    assert (store.told.reports_within_a_day(clock.utc), store.told.reports_waiting()) == (0, 0)


def test_what_is_refused_is_kept_with_the_reason(store: Store) -> None:
    store.reports.put(b"garbage", REPORT)
    store.reports.refused([report.id for report in store.reports.batch(1)], "not CBOR")
    assert (bodies(store), store.queues()["report"]) == ([], {"parked": 1})
    assert store._rows("SELECT why FROM outbox", ())[0]["why"] == "not CBOR"


def test_a_report_is_blamed_so_often_and_then_parked(store: Store) -> None:
    store.reports.put(b"poison", REPORT)
    (report,) = store.reports.batch(1)
    assert [store.reports.blame(report.id, 3, "no answer") for _ in range(3)] == [False, False, True]
    assert bodies(store) == []
    assert not store.reports.blame(99, 3, "no answer"), "one that was erased meanwhile"


def test_a_crash_while_a_batch_is_on_its_way_loses_nothing(tmp_path: Path, clock: SteppingClock) -> None:
    with Store.open(tmp_path, 0, clock) as store:
        recorded(store, clock)
        before = store.reports.batch(MANY)
    with Store.open(tmp_path, 0, clock) as store:
        assert store.reports.batch(MANY) == before
        assert store._rows("SELECT attempts, crashes FROM outbox", ())[0][:] == (0, 0)


def test_confirming_is_all_or_nothing(store: Store, tmp_path: Path) -> None:
    for number in range(3):
        store.reports.put(b"%d" % number, REPORT)
    second = database.connect(tmp_path / database.FILE)
    second.execute(
        "CREATE TRIGGER no BEFORE DELETE ON outbox WHEN old.body = x'32' BEGIN SELECT raise(ABORT, 'no'); END"
    )
    second.close()
    with pytest.raises(sqlite3.IntegrityError):
        store.reports.confirmed([report.id for report in store.reports.batch(3)])
    assert len(bodies(store)) == 3


def test_what_waits_is_counted(store: Store, clock: SteppingClock) -> None:
    assert store.reports.counts() == (0, 0, 0, None)
    begun = clock.utc
    for body, rank in ((b"a", REPORT), (b"b", URGENT), (b"c", SPARE)):
        store.reports.put(body, rank)
        clock.utc += SECOND
    assert store.reports.counts() == (3, 1, 1, begun)


def test_who_waits_for_reports_is_woken_by_one(store: Store) -> None:
    async def wait() -> None:
        async with asyncio.timeout(5):
            waiting = asyncio.create_task(store.reports.stirred(60))
            await asyncio.sleep(0)
            store.reports.put(b"x", REPORT)
            await waiting

    asyncio.run(wait())


def test_bytes_of_a_day_are_remembered_over_a_restart(tmp_path: Path, clock: SteppingClock) -> None:
    with Store.open(tmp_path, 0, clock) as store:
        store.link.spend(100)
        clock.utc += timedelta(hours=2)
        store.link.spend(10)
    with Store.open(tmp_path, 0, clock) as store:
        assert store.link.spent() == 110
        clock.utc += timedelta(hours=23)
        assert store.link.spent() == 10
        clock.utc += timedelta(hours=2)
        assert store.link.spent() == 0


def test_a_clock_that_is_put_back_forgets_no_bytes_and_does_not_keep_them_for_ever(
    store: Store, clock: SteppingClock
) -> None:
    clock.utc += 365 * DAY
    store.link.spend(100)
    clock.utc -= 365 * DAY
    assert store.link.spent() == 100
    store.link.spend(1)
    assert store.link.spent() == 101
    clock.utc += 26 * timedelta(hours=1)
    assert store.link.spent() == 0


@given(st.lists(st.tuples(st.integers(0, 40 * 3600), st.integers(0, 1000)), max_size=30))
def test_no_day_counts_too_little(steps: list[tuple[int, int]]) -> None:
    clock = SteppingClock()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE link_bytes (hour INTEGER PRIMARY KEY, bytes INTEGER NOT NULL)")
    book = LinkBook(
        lambda statement, values: connection.execute(statement, values).fetchall(), lambda work: work(connection), clock
    )
    spent = []
    for wait_s, count in steps:
        clock.utc += timedelta(seconds=wait_s)
        book.spend(count)
        spent.append((clock.utc, count))
        least = sum(n for when, n in spent if when > clock.utc - DAY)
        most = sum(n for when, n in spent if when > clock.utc - DAY - timedelta(hours=1))
        assert least <= book.spent() <= most
    connection.close()


def test_how_often_the_daemon_began_goes_back_with_an_older_copy_of_the_file(store: Store) -> None:
    assert store.link.starts() == 0
    assert [store.link.begin() for _ in range(3)] == [1, 2, 3]


def test_what_the_gateway_wants_and_when_things_were_is_remembered(store: Store, clock: SteppingClock) -> None:
    assert (store.link.followed(), store.link.when("opened")) == (None, None)
    store.link.follow(b"\x01")
    store.link.follow(b"\x02")
    store.link.note("opened")
    assert (store.link.followed(), store.link.when("opened")) == (b"\x02", clock.utc)


def seen(
    store: Store, clock: SteppingClock, label: str = "rice/blast", visit: Visit | None = None, rehearsal: bool = True
) -> Visit:
    """A diagnosis that answers this."""
    visit = visit or Visit(uuid.uuid4().hex, clock.utc, "synced", "hi", "rice")
    if not store._rows("SELECT 1 FROM visit WHERE id = ?", (visit.id,)):
        store.begin(visit)
    one = (Candidate(label, 0.9),)
    found = Diagnosis(uuid.uuid4().hex, visit, clock.utc, "synced", Decision.ANSWER, one, 0.9, "m", "file:x", rehearsal)
    store.record(found, Photo(b"", clock.utc, "file:x"), b"report")
    return visit


def test_visits_are_counted_by_class_and_never_with_those_of_a_rehearsal(store: Store, clock: SteppingClock) -> None:
    visit = seen(store, clock)
    seen(store, clock, visit=visit)
    seen(store, clock, rehearsal=False)
    clock.utc += 3 * DAY
    seen(store, clock)
    seen(store, clock, "rice/brown_spot")
    recorded(store, clock, Decision.NOT_SURE)
    assert store.alarms.seen(clock.utc, 7, 2, rehearsal=True) == [("rice/blast", 2)]
    assert store.alarms.seen(clock.utc, 7, 1, rehearsal=False) == [("rice/blast", 1)]
    assert store.alarms.seen(clock.utc + 5 * DAY, 7, 2, rehearsal=True) == []
    assert store.alarms.newest_diagnosis() == 6


def test_an_alarm_is_raised_once_in_its_time(store: Store, clock: SteppingClock) -> None:
    assert store.alarms.is_due("outbreak", "rice/blast", clock.utc, 7 * DAY)
    store.alarms.raise_("outbreak", "rice/blast", clock.utc, b"alarm")
    assert not store.alarms.is_due("outbreak", "rice/blast", clock.utc, 7 * DAY)
    assert store.alarms.is_due("outbreak", "rice/brown_spot", clock.utc, 7 * DAY)
    assert store.alarms.is_due("outbreak", "rice/blast", clock.utc + 7 * DAY, 7 * DAY)
    assert store.alarms.is_due("outbreak", "rice/blast", clock.utc - 400 * DAY, 7 * DAY), "raised by a wrong clock"
    assert store.reports.counts().urgent == 1


def test_reports_of_an_older_file_go_as_they_always_would(tmp_path: Path, clock: SteppingClock) -> None:
    with Store.open(tmp_path, 0, clock) as store:
        recorded(store, clock)
        store.told.tell([], b"ledger")
        store._database.execute("UPDATE outbox SET rank = rank - 1")
        for statement in (
            *("DROP INDEX outbox_reports", "DROP INDEX diagnosis_by_time", "DROP TABLE link_bytes"),
            *("DROP TABLE setting", "DROP TABLE alarmed", "DROP TABLE consent"),
            "PRAGMA user_version = 5",
        ):
            store._database.execute(statement)
    with Store.open(tmp_path, 0, clock) as store:
        assert bodies(store) == [b"report", b"ledger"]
        assert bodies(store, least=REPORT) == [b"report"]


def test_one_diagnosis_may_have_a_report_and_a_picture(store: Store, clock: SteppingClock) -> None:
    found = recorded(store, clock)
    row = (SPARE, found.id, b"picture", "", "")
    statement = (
        "INSERT INTO outbox (channel, rank, diagnosis_id, body, queued_at, changed_at) VALUES ('report', ?, ?, ?, ?, ?)"
    )
    store._database.execute(statement, row)
    with pytest.raises(sqlite3.IntegrityError):
        store._database.execute(statement, row)
    assert bodies(store) == [b"report", b"picture"]


def test_on_a_full_disk_what_went_is_removed_one_by_one_with_the_room_that_is_kept_for_it(
    store: Store, clock: SteppingClock, tmp_path: Path
) -> None:
    for number in range(3):
        store.reports.put(b"%d" % number, REPORT)
    alone = []

    def full(work: Callable[[sqlite3.Connection], T]) -> T:
        raise StateFull("no room")

    def at_last(work: Callable[[sqlite3.Connection], T]) -> T:
        alone.append(1)
        return store._write(work)

    outbox = ReportOutbox("report", store._rows, full, read_report, clock)
    outbox.at_last = at_last
    outbox.confirmed([report.id for report in outbox.batch(3)])
    assert (bodies(store), len(alone)) == ([], 3)


def test_the_room_is_kept_given_and_taken_back(store: Store, tmp_path: Path) -> None:
    kept = tmp_path / "reserve"
    assert kept.stat().st_blocks * 512 >= 128 * 1024, "really taken"
    seen = store._write_at_last(lambda _: kept.exists())
    assert (seen, kept.exists()) == (False, True)


def test_where_there_is_no_room_for_it_none_is_kept(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, hard))
    try:
        reserve.keep()
        assert (tmp_path / "reserve").stat().st_size == 65536, "less, where there is room for less"
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        reserve.give()
        reserve.keep()
        assert not (tmp_path / "reserve").exists()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    Reserve(tmp_path / "nowhere").keep()


def park(store: Store, count: int) -> list[int]:
    """Reports that were given up; their rows."""
    for number in range(count):
        store.reports.put(f"{number}".encode(), REPORT)
    ids = [report.id for report in store.reports.batch(count)]
    for id in ids:
        for _ in range(3):
            store.reports.blame(id, 3, f"never answered, {id}")
    return ids


def test_what_is_parked_is_told_newest_first_with_its_reason(store: Store, clock: SteppingClock) -> None:
    made = clock.utc.isoformat()
    ids = park(store, 5)
    store.reports.put(b"waits", REPORT)
    store.queue_sms(recorded(store, clock), Farmer("+919812345678", "hi"), "do this")
    (sms,) = store._rows("UPDATE outbox SET state = 'parked' WHERE channel = 'sms' RETURNING id", ())
    told = store.reports.parked(3)
    assert [report.id for report in told] == ids[:1:-1]
    assert told[0] == (ids[-1], b"4", made, made, f"never answered, {ids[-1]}")
    assert sms["id"] not in {report.id for report in store.reports.parked(10**6)}


def test_one_that_was_parked_waits_anew_as_if_it_had_never_gone(store: Store) -> None:
    first, second = park(store, 2)
    assert store.reports.again(first) == 1
    assert [report.id for report in store.reports.batch(9)] == [first]
    assert [report.id for report in store.reports.parked(9)] == [second]
    assert [store.reports.blame(first, 3, "again") for _ in range(3)] == [False, False, True]
    assert store.reports.again(10**6) == 0


def test_all_that_is_parked_waits_anew_however_much_it_is(
    store: Store, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.queue_sms(recorded(store, clock), Farmer("+919812345678", "hi"), "do this")
    store._rows("UPDATE outbox SET state = 'parked' WHERE channel = 'sms' RETURNING id", ())
    store.reports.confirmed([store.reports.batch(1)[0].id])
    park(store, 5)
    monkeypatch.setattr(report_outbox, "MOST", 2)
    assert store.reports.again() == 5
    assert store.queues() == {"sms": {"parked": 1}, "report": {"waiting": 5}}
    assert store.reports.again() == 0
