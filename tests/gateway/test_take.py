"""Taking batches: stored once, acknowledged when stored, whatever comes, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from os import urandom
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_daemon.wire import batch, topics
from edge_daemon.wire.messages import Message, Thumbnail
from gateway import haul, register, tables
from gateway.bulk import FEW
from gateway.config import Ingest
from gateway.errors import DatabaseAway, DatabaseFull
from gateway.parcel import Incoming
from gateway.store import Store
from gateway.take import REVOKED, SPREAD_S, wait_s
from tests.gateway.sent import (
    BOOT,
    KIOSK,
    NOW,
    alarm,
    count,
    diagnosis,
    health,
    ledger,
    ledger_row,
    rows,
    sent,
    taken,
)

YEAR_S = 365 * 86_400


def acknowledged(store: Store, *incoming: Incoming, **more: Any) -> list[tuple[str, int, int]]:
    return [
        (reply.kiosk, reply.acknowledgement.upto, reply.acknowledgement.wait_s)
        for reply in taken(store, *incoming, **more)
    ]


def kiosk(store: Store, id: str = KIOSK) -> dict[str, Any]:
    (found,) = [row for row in rows(store, tables.kiosk) if row["id"] == id]
    return found


def test_a_batch_is_stored_and_acknowledged_with_the_gateway_s_time(store: Store) -> None:
    (reply,) = taken(store, sent([diagnosis(1), diagnosis(2, crop=None, candidates=())]))
    assert (reply.kiosk, reply.acknowledgement.boot, reply.acknowledgement.upto) == (KIOSK, BOOT, 2)
    assert (reply.acknowledgement.at, reply.acknowledgement.wait_s) == (NOW, 0)
    one, two = sorted(rows(store, tables.diagnosis), key=lambda row: row["taken_at"])
    assert one == {
        "kiosk": KIOSK,
        "id": diagnosis(1).diagnosis,
        "visit": diagnosis(1).visit,
        "taken_at": NOW - 4999,
        "synced": True,
        "crop": "rice",
        "decision": "answer",
        "label": "rice/blast",
        "permille": 800,
        "candidates": [["rice/blast", 800], ["rice/brown_spot", 150], ["rice/healthy", 50]],
        "model": "leaf-1",
        "language": "hi",
        "rehearsal": False,
        "received_at": NOW,
    }
    assert (two["crop"], two["label"], two["permille"], two["candidates"]) == (None, "", 0, [])


@pytest.mark.parametrize("many", [2, 3 * FEW])
def test_what_comes_twice_is_stored_once(store: Store, many: int) -> None:
    """The same again; some of it from the kiosk's next start, which numbers it anew; both at once."""
    first = sent([diagnosis(n) for n in range(many)])
    anew = sent([diagnosis(n) for n in range(many - 1, 2 * many - 1)], boot=b"nextboot")
    assert acknowledged(store, first) == acknowledged(store, first) == [(KIOSK, many, 0)]
    assert acknowledged(store, anew, first, anew) == [(KIOSK, many, 0), (KIOSK, many, 0)]
    assert count(store, tables.diagnosis) == kiosk(store)["diagnoses"] == 2 * many - 1


def test_only_what_has_no_gap_below_it_is_acknowledged(store: Store) -> None:
    one, two, three = (sent([diagnosis(2 * n), diagnosis(2 * n + 1)], 2 * n + 1) for n in range(3))
    assert acknowledged(store, three) == [(KIOSK, 0, 0)]
    assert acknowledged(store, one) == [(KIOSK, 2, 0)]
    assert count(store, tables.ahead) == 1
    assert acknowledged(store, two) == [(KIOSK, 6, 0)]
    assert count(store, tables.ahead) == 0


def test_many_kiosks_are_taken_at_once_and_each_is_answered(store: Store) -> None:
    names = [f"kiosk-{n}" for n in range(30)]
    batches = [sent([diagnosis(n, name) for n in range(3)], kiosk=name) for name in names]
    assert acknowledged(store, *batches) == [(name, 3, 0) for name in names]
    assert [row["diagnoses"] for row in rows(store, tables.kiosk)] == [3] * 30


def test_each_kind_has_its_table(store: Store) -> None:
    picture = Thumbnail(kiosk=KIOSK, diagnosis=diagnosis(1).diagnosis, jpeg=b"\xff\xd8\xff\x00\\x5c\t\n")
    batch = sent([diagnosis(1), ledger(NOW, ledger_row()), health(), alarm(), picture])
    assert acknowledged(store, batch, batch) == [(KIOSK, 5, 0)]
    (row,) = rows(store, tables.ledger)
    assert row == {
        "kiosk": KIOSK,
        "diagnosis": diagnosis(1).diagnosis,
        "advice": True,
        "row": 1,
        "at": NOW,
        "kind": "advice",
        "farmer": "0123456789abcdef",
        "label": "rice/blast",
        "language": "hi",
        "template": "answer",
        "control": False,
        "state": "waiting",
        "begun_at": NOW - 100,
        "sent_at": None,
        "ended_at": None,
        "parts": 0,
        "options": 0,
        "right": 0,
        "answer": None,
        "late": False,
        "received_at": NOW,
    }
    (told,) = rows(store, tables.alarm)
    assert (told["what"], told["label"], told["count"], told["synced"]) == ("outbreak", "rice/blast", 5, True)
    assert [row["jpeg"] for row in rows(store, tables.thumbnail)] == [picture.jpeg]
    assert count(store, tables.aside) == 0


LATER = [
    pytest.param([(100, "waiting"), (200, "sent")], "sent", id="in order"),
    pytest.param([(200, "sent"), (100, "waiting")], "sent", id="the older one comes late"),
    pytest.param([(200, "sent"), (200, "delivered")], "delivered", id="twice in a second: what came later"),
    pytest.param([(200, "sent"), (200, "sent")], "sent", id="the same again"),
]


@pytest.mark.parametrize(("told", "stands"), LATER)
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("many", [1, 3 * FEW])
def test_of_a_ledger_row_the_latest_report_counts(
    store: Store, told: list[tuple[int, str]], stands: str, together: bool, many: int
) -> None:
    batches = [
        sent([ledger(at, *(ledger_row(row=row, state=state) for row in range(1, many + 1)))], n + 1)
        for n, (at, state) in enumerate(told)
    ]
    for some in [batches] if together else [[one] for one in batches]:
        taken(store, *some)
    assert [row["state"] for row in rows(store, tables.ledger)] == [stands] * many


def test_a_ledger_row_of_a_clock_that_was_ahead_gives_way_to_what_comes_later(store: Store) -> None:
    taken(store, sent([ledger(NOW + 4 * YEAR_S, ledger_row(state="sent"))]))
    taken(store, sent([ledger(NOW + 60, ledger_row(state="delivered"))], 2), now=NOW + 90)
    assert [(row["at"], row["state"]) for row in rows(store, tables.ledger)] == [(NOW + 60, "delivered")]


def test_an_advice_and_a_question_with_one_number_are_two(store: Store) -> None:
    taken(store, sent([ledger(NOW, ledger_row(), ledger_row(kind="recall_3"), ledger_row(row=2))]))
    assert [(row["advice"], row["row"]) for row in rows(store, tables.ledger)] == [(False, 1), (True, 1), (True, 2)]


def test_the_register_says_what_the_kiosk_told(store: Store) -> None:
    batch = sent([health(), diagnosis(1)])
    taken(store, batch)
    row = kiosk(store)
    assert row["health"]["photos"] == 7
    assert {name: row[name] for name in ("state", "place", "starts", "backlog", "parked", "modem", "clock")} == {
        "state": "seen",
        "place": "village:412",
        "starts": 3,
        "backlog": 4,
        "parked": 3,
        "modem": "modem_mute",
        "clock": "synced",
    }
    assert (row["first_seen_at"], row["last_seen_at"], row["health_at"], row["boot"]) == (NOW, NOW, NOW, BOOT)
    assert (row["bytes"], row["diagnoses"], row["backlog_before"]) == (len(batch.payload), 1, None)
    taken(store, sent([health(uptime=200, reports_waiting=9)], 3), now=NOW + 50)
    row = kiosk(store)
    assert (row["first_seen_at"], row["last_seen_at"], row["backlog"], row["backlog_before"]) == (NOW, NOW + 50, 9, 4)


def test_a_kiosk_from_an_older_card_is_noticed(store: Store) -> None:
    taken(store, sent([health(starts=50, at=NOW - 1000)]))
    taken(store, sent([health(starts=49, at=NOW - 90_000)], 2))
    assert (kiosk(store)["restored_at"], kiosk(store)["starts"]) == (None, 50)
    taken(store, sent([health(starts=12, at=NOW)], boot=b"oldimage"), now=NOW + 10)
    assert (kiosk(store)["restored_at"], kiosk(store)["starts"]) == (NOW + 10, 12)


def test_a_last_will_is_noted_of_a_kiosk_that_is_known(store: Store) -> None:
    taken(store, sent([diagnosis(1)]))
    assert taken(store, Incoming(topics.lost(KIOSK), b"\0"), Incoming(topics.lost("nobody-1"), b"\0")) == []
    assert [(row["id"], row["lost_at"]) for row in rows(store, tables.kiosk)] == [(KIOSK, NOW)]


GARBAGE = [b"", b"\0", b"\xff" * 65_536, b'{"json": true}', bytes(range(256)) * 256]


def test_garbage_is_set_aside_once_and_costs_nobody_else_anything(store: Store) -> None:
    bad = [Incoming(topics.up(KIOSK), data) for data in GARBAGE]
    good = sent([diagnosis(1, "other-1")], kiosk="other-1")
    assert acknowledged(store, *bad, good, *bad) == [("other-1", 1, 0)]
    assert sorted(row["body"] for row in rows(store, tables.aside)) == sorted(GARBAGE)
    assert {row["kiosk"] for row in rows(store, tables.aside)} == {KIOSK}
    assert all(row["reason"] for row in rows(store, tables.aside))
    assert (kiosk(store)["set_aside"], kiosk(store)["aside_at"]) == (2 * len(GARBAGE), NOW)
    assert count(store, tables.diagnosis) == 1


@pytest.mark.parametrize("topic", ["", "k", "k/UPPER/u", "k/krishi-gateway/u", "k/koraput-7/a", "x/\0/u", "k/a b/u"])
def test_a_topic_that_is_no_kiosk_s_is_set_aside_under_no_name(store: Store, topic: str) -> None:
    assert taken(store, Incoming(topic, sent([diagnosis(1)]).payload)) == []
    assert [row["kiosk"] for row in rows(store, tables.aside)] == [""]
    assert count(store, tables.kiosk) == 0


def test_a_batch_with_a_damaged_body_is_kept_whole_and_acknowledged(store: Store) -> None:
    good = sent([diagnosis(n) for n in range(1, 6)])
    bad = Incoming(good.topic, good.payload[:-3])
    assert acknowledged(store, bad) == [(KIOSK, 5, 0)]
    assert [row["body"] for row in rows(store, tables.aside)] == [bad.payload]
    assert kiosk(store)["set_aside"] == 5


def test_no_more_than_so_many_are_kept_aside_of_one_kiosk(store: Store) -> None:
    limits = Ingest(aside_messages=3)
    for start in (0, 2, 4):
        bad = [Incoming(topics.up(KIOSK), b"bad %d" % n) for n in (start, start + 1)]
        taken(store, *bad, limits=limits)
    assert (count(store, tables.aside), kiosk(store)["set_aside"]) == (3, 6)


def newer(*messages: Message, first: int = 1) -> Incoming:
    """A batch of a version that comes after ours."""
    batch = sent(messages, first)
    return batch._replace(payload=b"\x02" + batch.payload[1:])


def test_a_batch_of_a_newer_version_is_kept_whole_and_acknowledged(store: Store) -> None:
    batch = newer(diagnosis(1), diagnosis(2))
    assert acknowledged(store, batch) == [(KIOSK, 2, 0)]
    assert [(row["body"], row["reason"]) for row in rows(store, tables.aside)] == [
        (batch.payload, "version 2; this program reads version 1")
    ]
    assert kiosk(store)["set_aside"] == 2


@pytest.mark.parametrize("together", [True, False])
def test_a_batch_of_a_newer_version_for_which_there_is_no_room_stays_with_its_kiosk(
    store: Store, together: bool
) -> None:
    limits = Ingest(aside_messages=2)
    incoming = [Incoming(topics.up(KIOSK), b"bad"), *(newer(diagnosis(n), first=n) for n in (1, 2, 3))]
    told = [acknowledged(store, *some, limits=limits) for some in ([incoming] if together else [[x] for x in incoming])]
    assert told[-1] == [(KIOSK, 1, wait_s(KIOSK, NOW))]
    assert sorted(row["body"] for row in rows(store, tables.aside)) == [incoming[1].payload, b"bad"]
    assert (kiosk(store)["held_back"], kiosk(store)["aside_at"]) == (0, NOW)
    with store.writing() as db:
        db.execute(tables.aside.delete())
    assert acknowledged(store, *incoming[2:], limits=limits) == [(KIOSK, 3, 0)]


def test_garbage_of_our_version_for_which_there_is_no_room_is_acknowledged_and_counted(store: Store) -> None:
    good = sent([diagnosis(1)])
    bad = Incoming(good.topic, good.payload[:-3])
    assert acknowledged(store, bad, limits=Ingest(aside_messages=0)) == [(KIOSK, 1, 0)]
    assert (count(store, tables.aside), kiosk(store)["set_aside"]) == (0, 1)


def test_a_revoked_kiosk_is_not_answered_and_nothing_of_it_is_stored(store: Store) -> None:
    taken(store, sent([diagnosis(1)]))
    with store.writing() as db:
        db.execute(tables.kiosk.update().values(state="revoked"))
    assert taken(store, sent([diagnosis(2), health()], 2), now=NOW + 5) == []
    assert (count(store, tables.diagnosis), kiosk(store)["health"]) == (1, None)
    assert [row["reason"] for row in rows(store, tables.aside)] == [REVOKED]
    assert kiosk(store)["last_seen_at"] == NOW + 5


def test_more_than_its_share_is_not_taken_until_the_hour_is_over(store: Store) -> None:
    limits = Ingest(hourly_messages=5)
    batches = [sent([diagnosis(n), diagnosis(n + 1)], n) for n in (1, 3, 5)]
    assert acknowledged(store, *batches, limits=limits) == [(KIOSK, 4, wait_s(KIOSK, NOW))]
    assert (count(store, tables.diagnosis), kiosk(store)["held_back"], kiosk(store)["held_back_at"]) == (4, 1, NOW)
    waited = NOW + wait_s(KIOSK, NOW)
    assert acknowledged(store, batches[2], now=waited, limits=limits) == [(KIOSK, 6, 0)]
    assert count(store, tables.share) == 1


def test_pictures_count_by_their_bytes(store: Store) -> None:
    limits = Ingest(hourly_messages=30)
    batches = [sent([Thumbnail(kiosk=KIOSK, diagnosis=f"{n:032x}", jpeg=urandom(9000))], n) for n in (1, 2)]
    assert acknowledged(store, *batches, limits=limits) == [(KIOSK, 1, wait_s(KIOSK, NOW))]
    assert count(store, tables.thumbnail) == 1


def test_a_batch_that_is_larger_than_the_share_is_taken_in_an_hour_of_its_own(store: Store) -> None:
    assert acknowledged(store, sent([diagnosis(n) for n in range(9)]), limits=Ingest(hourly_messages=5)) == [
        (KIOSK, 9, 0)
    ]


@pytest.mark.parametrize("now", [0, 3599, 3600, NOW])
def test_who_has_to_wait_comes_in_the_next_hour(now: int) -> None:
    hour = 3600 - now % 3600
    assert hour <= wait_s(KIOSK, now) < hour + SPREAD_S


def test_a_batch_that_the_database_does_not_take_is_set_aside_and_its_neighbours_are_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wire lets no such value through; a database may be stricter than we know."""
    as_ever = haul._diagnosis

    def poisoned(kiosk: str, row: Any, now: int) -> tuple[Any, ...]:
        values = as_ever(kiosk, row, now)
        return values if row.model != "poison" else (*values[:6], None, *values[7:])

    monkeypatch.setattr(haul, "_diagnosis", poisoned)
    names = [f"kiosk-{n}" for n in range(5)]
    batches = [sent([diagnosis(1, name, model="poison" if name == "kiosk-3" else "m")], kiosk=name) for name in names]
    assert acknowledged(store, *batches) == [(name, 1, 0) for name in names]
    assert [row["kiosk"] for row in rows(store, tables.diagnosis)] == ["kiosk-0", "kiosk-1", "kiosk-2", "kiosk-4"]
    (aside,) = rows(store, tables.aside)
    assert (aside["kiosk"], aside["body"]) == ("kiosk-3", batches[3].payload)


@pytest.mark.parametrize(("module", "name"), [(batch, "header"), (batch, "unpack"), (haul, "_diagnosis")])
def test_a_batch_over_which_our_own_program_stumbles_is_set_aside_and_its_neighbours_are_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: Any, name: str
) -> None:
    """A bug that nobody knows yet, wherever it is."""
    as_ever = getattr(module, name)

    def stumbles(*given: Any) -> Any:
        if any(diagnosis(1, "kiosk-3").diagnosis in str(one) or one == batches[3].payload for one in given):
            raise ZeroDivisionError("a bug")
        return as_ever(*given)

    names = [f"kiosk-{n}" for n in range(5)]
    batches = [sent([diagnosis(1, name)], kiosk=name) for name in names]
    monkeypatch.setattr(module, name, stumbles)
    told = acknowledged(store, *batches)
    assert {name for name, upto, _ in told if upto == 1} >= {"kiosk-0", "kiosk-1", "kiosk-2", "kiosk-4"}
    assert [row["kiosk"] for row in rows(store, tables.diagnosis)] == ["kiosk-0", "kiosk-1", "kiosk-2", "kiosk-4"]
    (aside,) = rows(store, tables.aside)
    assert (aside["kiosk"], aside["body"], aside["reason"]) == (
        "kiosk-3",
        batches[3].payload,
        "bug: ZeroDivisionError",
    )
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a bug"]


def test_a_bug_that_has_nothing_to_do_with_what_came_still_passes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(register, "count", stumbles)
    with pytest.raises(ZeroDivisionError):
        taken(store, *(sent([diagnosis(n)], n) for n in (1, 2, 3)))
    assert count(store, tables.aside) == count(store, tables.diagnosis) == 0


def test_numbers_of_old_boots_are_forgotten_once_the_kiosk_has_begun_anew(store: Store) -> None:
    taken(store, sent([diagnosis(1)]), sent([diagnosis(3)], 3))
    week = NOW + 8 * 86_400
    taken(store, sent([diagnosis(4)], 4), now=week)
    assert (count(store, tables.stream), count(store, tables.ahead)) == (1, 1)
    taken(store, sent([diagnosis(5)], boot=b"nextboot"), now=week + 8 * 86_400)
    assert [row["boot"] for row in rows(store, tables.stream)] == [b"nextboot"]
    assert count(store, tables.ahead) == 0


def test_workers_at_once_store_each_diagnosis_once(store: Store) -> None:
    """The same batches in other orders, by four workers: as after a broker's restart."""
    names = [f"kiosk-{n}" for n in range(12)]
    batches = [sent([diagnosis(n, name) for n in range(20)], kiosk=name) for name in names]

    def work(turn: int) -> set[int]:
        uptos = set()
        for start in range(0, 12, 4):
            some = batches[(turn + start) % 12 :] + batches[: (turn + start) % 12]
            uptos |= {upto for _, upto, _ in acknowledged(store, *reversed(some))}
        return uptos

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, (0, 3, 6, 9))) == [{20}] * 4
    assert count(store, tables.diagnosis) == 240
    assert [row["diagnoses"] for row in rows(store, tables.kiosk)] == [20] * 12


def test_a_full_database_acknowledges_nothing_and_takes_all_later(tmp_path: Any) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    batch = sent([diagnosis(n) for n in range(200)])
    with store.reading() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DatabaseFull):
        taken(store, batch)
    assert (count(store, tables.diagnosis), count(store, tables.stream)) == (0, 0)
    with store.reading() as db:
        db.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert acknowledged(store, batch) == [(KIOSK, 200, 0)]
    store.close()


@pytest.mark.needs("postgresql")
def test_a_database_that_is_away_acknowledges_nothing_and_takes_all_later(tmp_path: Any) -> None:
    from tests.peers.postgres import Postgres

    with Postgres() as server:
        store = Store.open(server.url)
        assert acknowledged(store, sent([diagnosis(1)])) == [(KIOSK, 1, 0)]
        server.stop()
        with pytest.raises(DatabaseAway):
            taken(store, sent([diagnosis(2)], 2))
        server.start()
        assert acknowledged(store, sent([diagnosis(2)], 2)) == [(KIOSK, 2, 0)]
        store.close()


@given(st.lists(st.tuples(st.sampled_from(["k/koraput-7/u", "k/koraput-7/l", "junk"]), st.binary(max_size=60))))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_can_be_sent_raises(store: Store, stuff: list[tuple[str, bytes]]) -> None:
    taken(store, *(Incoming(topic, data) for topic, data in stuff))


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damaged_batch_raises(store: Store, data: st.DataObject) -> None:
    good = sent([diagnosis(1), health(), alarm(), ledger(NOW, ledger_row())]).payload
    place = data.draw(st.integers(0, len(good) - 1))
    bad = good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :]
    taken(store, Incoming(topics.up(KIOSK), bad))
