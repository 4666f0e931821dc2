"""What the gateway was told: which rows are told, when they are told again, and what a crash leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_daemon.diagnosis import Decision, Farmer, Kind
from edge_daemon.exchange import Entry
from edge_daemon.store import database
from edge_daemon.store.store import Store
from tests.edge.ledger_kit import (
    NUMBER,
    SteppingClock,
    advised,
    answered,
    arrived,
    ask_what_is_due,
    gone,
    opened,
    recorded,
)

MANY = 100
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with opened(tmp_path, clock) as store:
        yield store


def states(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.kind, entry.state) for entry in entries]


def tell_all(store: Store) -> list[tuple[str, str]]:
    entries = store.told.changed(MANY)
    store.told.tell(entries, b"ledger")
    return states(entries)


def test_an_advice_is_told_once_in_each_state_that_is_looked_at(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    assert tell_all(store) == [("advice", "waiting")]
    assert store.told.changed(MANY) == []
    clock.utc += SECOND
    gone(store)
    assert tell_all(store) == [("advice", "sent")]
    clock.utc += SECOND
    arrived(store)
    assert tell_all(store) == [("advice", "delivered")]
    assert store.told.changed(MANY) == []


def test_a_question_is_told_when_it_was_asked_and_when_it_has_its_answer(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    gone(store)
    assert tell_all(store) == [("advice", "sent")], "what is only planned is not told"
    clock.utc += timedelta(days=3)
    assert ask_what_is_due(store, clock) == 2
    assert sorted(tell_all(store)) == [("help", "asked"), ("recall_3", "asked")]
    for reference in (2, 3):
        gone(store, reference)
    clock.utc += SECOND
    answered(store, 2)
    (entry,) = store.told.changed(MANY)
    assert (entry.state, entry.answer, entry.late, entry.parts, entry.options) == ("answered", 2, False, 1, 2)
    assert (entry.template, entry.language, entry.label) == ("ask_help", "hi", "rice/blast")
    assert (entry.sent_at, entry.ended_at) == (clock.utc - SECOND, clock.utc)


def test_a_question_that_ends_unasked_is_told(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    gone(store)
    tell_all(store)
    store.texts.opt_out(NUMBER)
    assert tell_all(store) == [("help", "cancelled"), ("recall_3", "cancelled"), ("recall_14", "cancelled")]


def test_a_clock_that_was_put_back_hides_no_change(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    tell_all(store)
    clock.utc -= timedelta(days=400)
    gone(store)
    assert tell_all(store) == [("advice", "sent")]
    assert store.told.changed(MANY) == []


def test_what_changes_between_the_look_and_the_telling_is_told_again(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    looked_at = store.told.changed(MANY)
    clock.utc += SECOND
    gone(store)
    store.told.tell(looked_at, b"ledger")
    assert states(store.told.changed(MANY)) == [("advice", "sent")]


def test_a_report_that_cannot_be_queued_leaves_its_rows_untold(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    entries = store.told.changed(MANY)
    with pytest.raises(sqlite3.IntegrityError):
        store.told.tell(entries, None)  # type: ignore[arg-type]  # no body: the database refuses
    assert store.told.changed(MANY) == entries


def test_what_was_told_outlives_a_restart_and_so_does_its_report(tmp_path: Path, clock: SteppingClock) -> None:
    with opened(tmp_path, clock) as store:
        advised(store, clock)
        tell_all(store)
    with opened(tmp_path, clock) as store:
        assert store.told.changed(MANY) == []
        assert [report.body for report in store.reports.waiting()] == [b"report", b"ledger"]


def test_the_reports_of_diagnoses_go_first(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    tell_all(store)
    recorded(store, clock)
    bodies = []
    while (report := store.reports.take()) is not None:
        bodies.append(report.body)
    assert bodies == [b"report", b"report", b"ledger"]


@pytest.mark.parametrize(
    ("decision", "label"),
    [
        (Decision.ANSWER, "rice/blast"),
        (Decision.TWO_CANDIDATES, "rice/blast"),
        (Decision.NOT_SURE, ""),
        (Decision.NOT_A_LEAF, ""),
        (Decision.WRONG_CROP, ""),
        (Decision.FIRST_AID, ""),
    ],
)
def test_the_label_is_the_one_that_the_decision_named(
    store: Store, clock: SteppingClock, decision: Decision, label: str
) -> None:
    advised(store, clock, decision=decision)
    (entry,) = store.told.changed(MANY)
    assert (entry.template, entry.label) == (decision.value, label)


def test_other_sms_and_the_reports_themselves_are_not_told(store: Store, clock: SteppingClock) -> None:
    store.texts.queue(NUMBER, "hi", "a reply", Kind.REPLY)
    store.texts.queue(NUMBER, "hi", "typed by hand", Kind.ANSWER)
    store.told.tell([], b"ledger")
    assert store.told.changed(MANY) == []


def test_no_more_rows_are_given_than_were_asked_for(store: Store, clock: SteppingClock) -> None:
    for _ in range(3):
        advised(store, clock)
        gone(store)
    store.texts.opt_out(NUMBER)
    assert len(store.told.changed(MANY)) == 12
    assert [len(store.told.changed(limit)) for limit in (0, 1, 9, 11)] == [0, 1, 9, 11]


def test_the_pseudonym_is_the_farmer_s_and_nobody_s_once_erased(
    store: Store, clock: SteppingClock, tmp_path: Path
) -> None:
    advised(store, clock)
    found = store.farmers.find(NUMBER)
    assert found is not None
    (entry,) = store.told.changed(MANY)
    assert entry.pseudonym == found["pseudonym"] != ""
    execute(tmp_path, "UPDATE farmer SET erased_at = '2026-11-24T00:00:00+00:00'")
    (entry,) = store.told.changed(MANY)
    assert entry.pseudonym == ""


def test_a_farmer_of_a_time_before_pseudonyms_gets_the_one_that_a_visit_would_give(
    store: Store, clock: SteppingClock, tmp_path: Path
) -> None:
    advised(store, clock)
    (before,) = store.told.changed(MANY)
    execute(tmp_path, "UPDATE farmer SET pseudonym = ''")
    assert store.told.changed(MANY) == [before]


def test_delivered_reports_are_forgotten_after_the_day_in_which_they_count(store: Store, clock: SteppingClock) -> None:
    store.told.tell([], b"first")
    report = store.reports.take()
    assert report is not None
    store.reports.delivered(report)
    store.told.tell([], b"second")
    assert (store.told.reports_within_a_day(clock.utc), store.told.reports_waiting()) == (2, 1)
    store.told.forget_delivered(clock.utc)
    assert store.queues()["report"] == {"delivered": 1, "waiting": 1}
    clock.utc += timedelta(days=1)
    store.told.forget_delivered(clock.utc)
    assert store.queues()["report"] == {"waiting": 1}
    assert store.told.reports_within_a_day(clock.utc) == 0


def test_a_delivered_report_of_a_diagnosis_stays(store: Store, clock: SteppingClock) -> None:
    store.queue_sms(recorded(store, clock), Farmer(NUMBER, "hi"), "do this")
    report = store.reports.take()
    assert report is not None
    store.reports.delivered(report)
    store.told.forget_delivered(clock.utc + timedelta(days=9))
    assert store.queues()["report"] == {"delivered": 1}


def execute(folder: Path, statement: str) -> None:
    """By another process, say."""
    connection = database.connect(folder / "state" / database.FILE)
    connection.execute(statement)
    connection.close()
