"""The ledger's questions: planned in the transaction in which their advice has gone, and each thing settled once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.diagnosis import Candidate, Kind, Sms
from edge_daemon.exchange import Answer, Outcome, Planned, Question, Reply, Topic
from edge_daemon.store import database
from edge_daemon.store.farmers import PSEUDONYM_DIGITS
from tests.edge.conversation.desk import DAY, HEALTHY, NUMBER, Desk

OPEN_FOR = timedelta(days=3)
OTHER = "+919812345679"

D1, D2 = "d1" * 16, "d2" * 16


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path / "state", Catalogue.load())) as opened:
        yield opened


class BrokenPlanner:
    """Fails as a bug would, in the midst of the transaction."""

    def questions(self, best: Candidate, pseudonym: str) -> Sequence[Planned]:
        raise ZeroDivisionError


class NotingPlanner:
    """Plans one question, and notes whom it was asked about."""

    def __init__(self) -> None:
        self.seen: list[tuple[Candidate, str]] = []

    def questions(self, best: Candidate, pseudonym: str) -> Sequence[Planned]:
        self.seen.append((best, pseudonym))
        return (Planned(Topic.HELP, DAY),)


def taken(desk: Desk) -> Sms:
    sms = desk.store.sms.take()
    assert sms is not None
    return sms


def test_what_is_asked_is_planned_when_the_network_has_taken_the_advice_and_not_before(desk: Desk) -> None:
    advice = desk.advise()
    sms = taken(desk)
    assert desk.questions("id") == []
    desk.store.part_sent(sms, 1, 1)
    assert desk.questions("id") == []
    desk.store.sms.delivered(sms)
    planned = desk.questions("advice_id", "topic", "state", "label", "after_s")
    assert planned == [
        (advice.id, "recall_3", "planned", "rice/blast", 3 * 86400),
        (advice.id, "help", "planned", "rice/blast", 5 * 86400),
        (advice.id, "recall_14", "planned", "rice/blast", 14 * 86400),
    ]
    ((diagnosis,),) = desk.rows("SELECT diagnosis_id FROM outbox WHERE id = ?", advice.id)
    assert set(desk.questions("diagnosis_id")) == {(diagnosis,)}


def test_advice_and_plan_are_one_transaction(desk: Desk) -> None:
    desk.advise()
    sms = taken(desk)
    desk.store.part_sent(sms, 1, 1)
    desk.store.questions.planner = BrokenPlanner()
    with pytest.raises(ZeroDivisionError):
        desk.store.sms.delivered(sms)
    assert desk.rows("SELECT state, sent_at FROM outbox WHERE channel = 'sms'") == [("sending", None)]
    assert desk.questions("id") == []
    desk.restart()
    assert [sms.id for sms in desk.send()] == [sms.id]
    assert len(desk.questions("id")) == 3


def test_what_is_planned_outlives_a_restart_and_is_planned_once(desk: Desk) -> None:
    advice = desk.advised()
    before = desk.questions("*")
    desk.restart()
    assert desk.questions("*") == before
    desk.store.texts.resend(advice.id)
    assert [sms.id for sms in desk.send()] == [advice.id]
    assert desk.questions("*") == before


def test_an_advice_that_waited_through_a_restart_is_planned_for(desk: Desk) -> None:
    desk.advise()
    desk.restart()
    desk.passes(DAY)
    desk.send()
    due = desk.questions("topic", "due_at")[0]
    assert due == ("recall_3", (desk.utc + 3 * DAY).isoformat()), "the days begin when it has gone"


def test_no_planner_plans_nothing(desk: Desk) -> None:
    desk.store.questions.planner = None
    desk.advised()
    assert desk.questions("id") == []


@pytest.mark.parametrize("kind", list(Kind))
def test_a_text_of_a_technician_is_not_asked_about(desk: Desk, kind: Kind) -> None:
    desk.store.texts.queue(NUMBER, "en", "Come to the meeting.", kind)
    assert len(desk.send()) == 1
    assert desk.questions("id") == []


def test_a_healthy_leaf_is_not_asked_about(desk: Desk) -> None:
    desk.advised(HEALTHY)
    assert desk.questions("id") == []


def test_the_planner_is_told_the_best_candidate_and_the_pseudonym_never_the_number(desk: Desk) -> None:
    planner = desk.store.questions.planner = NotingPlanner()
    desk.advised()
    ((pseudonym,),) = desk.rows("SELECT pseudonym FROM farmer")
    assert planner.seen == [(Candidate("rice/blast", 0.9), pseudonym)]
    assert len(pseudonym) == PSEUDONYM_DIGITS


def test_each_advice_to_a_farmer_has_questions_of_its_own(desk: Desk) -> None:
    desk.advised()
    desk.advised("rice/tungro")
    assert len(set(desk.questions("advice_id", "topic"))) == 6


def open_question(desk: Desk) -> Question:
    """A question about help that was put and can be answered."""
    desk.store.questions.planner = NotingPlanner()
    desk.advised()
    desk.passes(DAY)
    desk.look()
    who = desk.store.questions.correspondent(NUMBER, "en")
    assert who.question is not None
    return who.question


def no(question: Question) -> Outcome:
    asks = Reply(Kind.REPLY, "Why?", "ask_reason", asks=(Topic.REASON, 3))
    return Outcome("no", answer=Answer(question.id, 2, counts=True, late=False), reply=asks)


def test_all_that_follows_from_an_sms_happens_once(desk: Desk) -> None:
    question = open_question(desk)
    desk.comes("2")
    (message,) = desk.store.inbound.new()
    who = desk.store.questions.correspondent(NUMBER, "en")
    for _ in range(2):
        desk.store.questions.settle(message, who, no(question), OPEN_FOR)
    desk.restart()
    desk.store.questions.settle(message, who, no(question), OPEN_FOR)
    assert desk.store.inbound.new() == []
    assert desk.rows("SELECT digit FROM answer") == [(2,)]
    assert [row[0] for row in desk.questions("topic")] == ["help", "reason"]
    assert len(desk.rows("SELECT 1 FROM outbox WHERE kind = 'reply'")) == 1


def test_what_cannot_be_written_whole_is_not_written_at_all(desk: Desk) -> None:
    question = open_question(desk)
    desk.comes("2")
    (message,) = desk.store.inbound.new()
    who = desk.store.questions.correspondent(NUMBER, "en")
    wrong = Outcome("no", answer=Answer(9999, 2, counts=True, late=False), reply=no(question).reply)
    with pytest.raises(sqlite3.IntegrityError):
        desk.store.questions.settle(message, who, wrong, OPEN_FOR)
    assert desk.store.inbound.new() == [message]
    assert desk.rows("SELECT 1 FROM outbox WHERE kind = 'reply'") == []


def test_a_question_is_put_once(desk: Desk) -> None:
    desk.store.questions.planner = NotingPlanner()
    desk.advised()
    desk.passes(DAY)
    assert len(desk.look()) == 1
    desk.restart()
    assert desk.look() == []
    assert desk.store.questions.due(desk.utc) == []


def test_a_question_that_was_ended_stays_so(desk: Desk) -> None:
    question = open_question(desk)
    desk.store.questions.end(question, "missed", "too late")
    assert desk.questions("state") == [("asked",)]


def test_who_wrote_is_known_by_their_number_alone(desk: Desk) -> None:
    open_question(desk)
    stranger = desk.store.questions.correspondent(OTHER, "hi")
    assert (stranger.language, stranger.question, stranger.advice) == ("hi", None, None)
    farmer = desk.store.questions.correspondent(NUMBER, "hi")
    ((diagnosis,),) = desk.rows("SELECT id FROM diagnosis")
    assert (farmer.language, farmer.advice) == ("en", diagnosis)


def test_replies_are_counted_for_24_hours_confirmations_among_them(desk: Desk) -> None:
    for word in ("help", "stop", "start"):
        desk.hears(word)
    desk.store.texts.queue(NUMBER, "en", "An advice.", Kind.ANSWER)
    assert desk.store.questions.correspondent(NUMBER, "en").replies == 3
    desk.passes(DAY)
    assert desk.store.questions.correspondent(NUMBER, "en").replies == 0


OLD = 4
"""The version of a file that knows of no questions."""
BEGUN = "2026-11-20T06:30:00+00:00"


def old_file(folder: Path) -> None:
    """A kiosk's file of that version, with some of everything."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / database.FILE, isolation_level=None)) as file:
        for step in database.MIGRATIONS[:OLD]:
            file.executescript(step)
        file.execute(f"PRAGMA user_version = {OLD}")
        insert(file, "visit", id="v1", begun_at=BEGUN, clock="synced", language="en")
        for name, label in ((D1, "rice/blast"), (D2, "rice/tungro")):
            insert(file, "diagnosis", **DIAGNOSIS, id=name, candidates=f'[["{label}", 0.9]]')
        insert(file, "farmer", id=1, number=NUMBER, language="hi", since=BEGUN, national_tables=1)
        insert(file, "farmer", id=2, number=OTHER, language="en", since=BEGUN)
        for row in OUTBOX:
            insert(file, "outbox", **{"queued_at": BEGUN, "changed_at": BEGUN, "body": b"Do this.", **row})
        for part, outcome in ((1, "delivered"), (2, None)):
            insert(file, "sms_part", outbox_id=1, part=part, modem_reference=part, sent_at=BEGUN, outcome=outcome)
        insert(file, "sms_part", outbox_id=2, part=1, modem_reference=3, sent_at=BEGUN, outcome="delivered")
        insert(file, "sms_spent", at=BEGUN)
        insert(file, "opt_out", number=OTHER, since=BEGUN)
        insert(file, "balance", id=1, amount="20", answer="Rs 20", asked_at=BEGUN)
        insert(file, "inbound_seen", fingerprint="f")
        insert(file, "inbound", number=NUMBER, body="1", missing="[]", received_at=BEGUN, clock="synced", pdus="", id=9)


DIAGNOSIS = {
    "visit_id": "v1",
    "taken_at": BEGUN,
    "clock": "synced",
    "decision": "answer",
    "leaf": 0.9,
    "model": "drawn-1",
    "source": "folder:leaf.jpg",
    "rehearsal": 1,
}
OUTBOX: list[dict[str, Any]] = [
    {"id": 1, "channel": "sms", "diagnosis_id": D1, "farmer_id": 1, "state": "sent", "sent_at": BEGUN, "flash": 1},
    {"id": 2, "channel": "sms", "diagnosis_id": D1, "farmer_id": 2, "state": "delivered", "sent_at": BEGUN},
    {"id": 3, "channel": "sms", "diagnosis_id": D2, "farmer_id": 1, "state": "waiting", "shift": "hi"},
    {"id": 4, "channel": "sms", "kind": "reply", "farmer_id": 2, "state": "parked", "why": "lost", "attempts": 3},
    {"id": 7, "channel": "report", "diagnosis_id": D1, "state": "waiting", "body": b"\x00\xff"},
    {"id": 8, "channel": "report", "diagnosis_id": D2, "state": "delivered"},
]


def insert(file: sqlite3.Connection, table: str, **values: Any) -> None:
    places = ", ".join("?" * len(values))
    file.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", tuple(values.values()))


def everything(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(folder / database.FILE)) as file:
        file.row_factory = sqlite3.Row
        names = [row["name"] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in file.execute(f"SELECT * FROM {name} ORDER BY 1, 2")] for name in names}


def test_a_file_that_knows_no_questions_keeps_every_row_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    old_file(folder)
    before = everything(folder)
    database.connect(folder / database.FILE).close()
    after = everything(folder)
    for table, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in after[table]] if rows else after[table]
        for row in kept:
            row["rank"] = row.get("rank", 0) - (row.get("channel") == "report")  # alarms go before reports since then
        assert kept == [{**row, "rank": row.get("rank", 0)} for row in rows], table
    assert [(row["id"], row["language"], row["delivered_at"]) for row in after["outbox"]] == [
        (1, "hi", None),
        (2, "en", BEGUN),
        (3, "hi", None),
        (4, "en", None),
        (7, "", None),
        (8, "", None),
    ]
    assert [row["seen_at"] for row in after["farmer"]] == ["", ""]
    with closing(sqlite3.connect(folder / database.FILE)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (len(database.MIGRATIONS),)
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_knew_no_questions_works_as_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    old_file(folder)
    with closing(Desk(folder, Catalogue.load())) as desk:
        planner = desk.store.questions.planner = NotingPlanner()
        assert [sms.id for sms in desk.send()] == [3]
        assert desk.questions("advice_id", "label") == [(3, "rice/tungro")]
        ((_, pseudonym),) = planner.seen
        assert len(pseudonym) == PSEUDONYM_DIGITS
        assert desk.rows("SELECT pseudonym FROM farmer WHERE id = 1") == [(pseudonym,)]
        assert desk.look() == [], "an SMS of long ago is dealt with, and not answered any more"
        assert desk.store.inbound.new() == []
        desk.passes(DAY)
        assert [sms.number for sms in desk.look()] == [NUMBER]
        assert desk.hears("2") == [desk.says("ask_reason", "hi")]
        assert desk.hears("help", OTHER) == []
        assert desk.hears("start", OTHER) == [desk.says("started")]
        assert desk.advise(number=OTHER).id > 8, "no number of a row is given twice"
        desk.store.texts.resend(1)
        assert {sms.id for sms in desk.send()} > {1}


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    old_file(folder)
    before = everything(folder)
    broken = (*database.MIGRATIONS, "SELECT no_such_column FROM farmer")
    monkeypatch.setattr(database, "MIGRATIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="no_such_column"):
        database.connect(folder / database.FILE)
    assert everything(folder) == before
