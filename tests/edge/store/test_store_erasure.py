"""A farmer's number is removed: from every table, from every file, and it does not come back by itself."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.clock import Instant
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Candidate, Clock, Decision, Diagnosis, Farmer, Kind, Photo, Sms, Visit
from edge_daemon.errors import NoSuchSms, OptedOut, SendFailed, SmsUnderWay, StateReadOnly
from edge_daemon.exchange import Answer, Asking, Outcome, Planned, Topic
from edge_daemon.modem import alphabet, fields
from edge_daemon.modem.userdata import Concat, write_user_data
from edge_daemon.sms_reading import PduReading
from edge_daemon.store import database, traces
from edge_daemon.store.erasure import FARMERS_MOST, INBOUND_MOST, WHY
from edge_daemon.store.store import Store
from edge_daemon.store.traces import semi_octets, words

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
NUMBER, OTHER = "+919812345678", "+919812345679"
DAY = timedelta(days=1)
ASKING = Asking("Did it help?", "ask_help", 2)
OPEN = timedelta(hours=72)


class SteppingClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.utc = NOON
        self.clock: Clock = "synced"

    def __call__(self) -> Instant:
        return Instant(self.utc, self.clock)


class TwoQuestions:
    """Plans the same two questions about every advice."""

    def questions(self, best: Candidate, pseudonym: str) -> list[Planned]:
        assert best.label
        assert pseudonym
        return [Planned(Topic.HELP, DAY), Planned(Topic.RECALL_14, 14 * DAY)]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with Store.open(tmp_path / "state", 10_000_000, clock, SmsRules(), PduReading()) as store:
        store.questions.planner = TwoQuestions()
        yield store


def deliver(text: str, concat: Concat | None = None, number: str = NUMBER) -> str:
    """An SMS-DELIVER (3GPP TS 23.040, 9.2.2.1), in the lower letters that no modem writes but one might."""
    coding = alphabet.split(text).coding
    head = bytes([0, 0x40 if concat else 0]) + fields.write_address(number) + bytes([0, coding.dcs])
    return (head + bytes.fromhex("62113212000022") + write_user_data(text, coding, concat)).hex()


def diagnosed(store: Store) -> Diagnosis:
    visit = Visit(uuid.uuid4().hex, NOON, "synced", "en", "rice")
    store.begin(visit)
    candidates = (Candidate("rice/blast", 0.85),)
    found = Diagnosis(
        *(uuid.uuid4().hex, visit, NOON, "synced", Decision.ANSWER, candidates, 0.99, "m-1", "file:leaf.jpg", True)
    )
    store.record(found, Photo(b"jpeg" * 100, NOON, "file:leaf.jpg"), b"report")
    return found


def gone(store: Store, sms: Sms) -> None:
    """The network takes it."""
    taken = store.sms.take()
    assert taken is not None
    assert taken.id == sms.id
    store.part_sent(sms, 1, 7)
    store.sms.delivered(sms)


def visited(store: Store, clock: SteppingClock, number: str = NUMBER) -> None:
    """An advice that went, a question that was asked and answered, and an SMS of each kind of state."""
    advice = store.queue_sms(diagnosed(store), Farmer(number, "en"), f"Spray. {number} is yours.", notice=True)
    store.agree(number, "en", "2026-1")
    gone(store, advice)
    clock.utc += 2 * DAY
    (question,) = store.questions.due(clock.utc)
    assert store.questions.ask(question, ASKING, OPEN)
    asked = store.sms.take()
    assert asked is not None
    store.sms.delivered(asked)
    store.inbound.take(deliver("1", number=number))
    (message,) = store.inbound.new()
    who = store.questions.correspondent(number, "en")
    store.questions.settle(message, who, Outcome("yes", answer=Answer(question.id, 1, True, False)), OPEN)
    failed = store.texts.queue(number, "en", "it failed", Kind.REPLY)
    store.sms.take()
    store.sms.failed(failed, SendFailed(f"{number} cannot be reached"))
    store.texts.queue(number, "en", "it waits", Kind.REPLY)
    store.inbound.take(deliver("half of it", Concat(9, 2, 1), number=number))
    store.inbound.take(deliver("cut short", number=number)[:-6])


def holding(folder: Path, number: str) -> list[str]:
    """Files with the digits, as text or as a PDU has them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    forms = (number[1:].encode(), fields.semi_octets(number[1:]).hex().upper().encode())
    return [path.name for path in files if any(form in path.read_bytes().upper() for form in forms)]


def ledger(store: Store) -> dict[str, int]:
    """What the counts of the past are made of."""
    with sqlite3.connect(store.folder / database.FILE) as db:
        tables = ("visit", "diagnosis", "farmer", "outbox", "sms_part", "question", "answer", "sms_spent")
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    db.close()
    return counts


def test_nothing_of_a_number_is_left_in_any_file_and_the_counts_stay(store: Store, clock: SteppingClock) -> None:
    visited(store, clock)
    before = ledger(store)
    assert holding(store.folder, NUMBER)
    assert store.photos.count_and_bytes()[0] == 1
    done = store.erasure.erase(NUMBER)
    assert holding(store.folder, NUMBER) == []
    assert done.clean
    assert (done.farmer, done.parked, done.questions, done.texts) == (True, 2, 1, 4)
    assert (done.inbound, done.pdus, done.photos) == (1, 2, 1)
    assert ledger(store) == before
    assert store.photos.count_and_bytes() == (0, 0)
    assert store.farmers.find(NUMBER) is None
    held = store.farmers.held(NUMBER)
    assert not any(value for value in held.values())


def test_among_many_others_nothing_is_left_either_and_theirs_stays(store: Store, clock: SteppingClock) -> None:
    others = [f"+9199{number:08}" for number in range(300)]
    for number in others[:150]:
        store.texts.queue(number, "en", f"for {number}", Kind.REPLY)
        store.inbound.take(deliver(f"from {number}", number=number))
    with database.transaction(store._database) as db:
        db.execute("UPDATE outbox SET state = 'parked', why = 'test'")
        db.execute("UPDATE inbound SET state = 'done'")
    visited(store, clock)
    for number in others[150:]:
        store.texts.queue(number, "en", f"for {number}", Kind.REPLY)
        store.inbound.take(deliver(f"from {number}", number=number))
    assert store.erasure.erase(NUMBER).clean
    assert holding(store.folder, NUMBER) == []
    assert all(store.farmers.find(number) for number in others)
    assert store._one("SELECT count(*) AS n FROM inbound", ())["n"] == 300  # type: ignore[index]  # there is a row


def test_what_an_older_version_deleted_without_overwriting_goes_too(store: Store) -> None:
    path = store.folder / database.FILE
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA secure_delete = OFF").fetchall()
    old.execute("INSERT INTO opt_out VALUES (?, 'then')", (NUMBER,))
    old.execute("DELETE FROM opt_out")
    database.fold_log(old)
    old.close()
    assert holding(store.folder, NUMBER)
    assert store.erasure.erase(NUMBER).clean
    assert holding(store.folder, NUMBER) == []


def test_digits_in_another_s_sms_stay_and_are_told(store: Store) -> None:
    store.texts.queue(OTHER, "en", f"Ask your neighbour, {NUMBER}", Kind.REPLY)
    assert not store.erasure.erase(NUMBER).clean
    assert store.texts.newest()[0]["text"].endswith(NUMBER)


def test_another_s_rows_are_not_touched(store: Store, clock: SteppingClock) -> None:
    visited(store, clock, OTHER)
    before = store.farmers.held(OTHER)
    assert before["visits"] == before["answers"] == before["inbound"] == before["photos"] == 1
    assert (before["sms"], before["questions"], before["pdus"]) == (4, 2, 2)
    assert not store.erasure.erase(NUMBER).farmer
    assert store.farmers.held(OTHER) == before


def test_while_an_sms_is_on_its_way_nothing_is_erased(store: Store) -> None:
    sms = store.queue_sms(diagnosed(store), Farmer(NUMBER, "en"), "do this")
    store.sms.take()
    before = store.farmers.held(NUMBER)
    with pytest.raises(SmsUnderWay, match="Try again in a minute"):
        store.erasure.erase(NUMBER)
    assert store.farmers.held(NUMBER) == before
    assert store.photos.count_and_bytes()[0] == 1
    store.part_sent(sms, 1, 7)
    store.sms.delivered(sms)
    assert store.erasure.erase(NUMBER).clean


def test_no_more_sms_outlives_the_number_until_they_ask_again(store: Store) -> None:
    store.texts.opt_out(NUMBER)
    store.erasure.erase(NUMBER)
    assert holding(store.folder, NUMBER) == []
    assert store.texts.has_opted_out(NUMBER)
    with pytest.raises(OptedOut):
        store.texts.queue(NUMBER, "en", "do this", Kind.ANSWER)
    store.texts.opt_out(NUMBER)
    store.erasure.erase(NUMBER)
    assert store.texts.has_opted_out(NUMBER)
    store.texts.opt_in(NUMBER)
    assert not store.texts.has_opted_out(NUMBER)


def test_an_erased_farmer_is_never_texted(store: Store, clock: SteppingClock) -> None:
    visited(store, clock)
    store.erasure.erase(NUMBER)
    clock.utc += 30 * DAY
    assert store.sms.take() is None
    assert store.questions.due(clock.utc) == []
    for sms in store.texts.newest():
        assert sms["text"] == ""
        with pytest.raises(NoSuchSms, match="farmer who is erased"):
            store.texts.resend(sms["id"])
    assert {sms["why"] for sms in store.texts.newest(state="parked")} == {WHY}


def test_a_question_that_was_about_to_be_asked_does_not_bring_the_number_back(
    store: Store, clock: SteppingClock
) -> None:
    gone(store, store.queue_sms(diagnosed(store), Farmer(NUMBER, "en"), "do this"))
    clock.utc += 2 * DAY
    (question,) = store.questions.due(clock.utc)
    store.erasure.erase(NUMBER)
    assert not store.questions.ask(question, ASKING, OPEN)
    assert store.farmers.find(NUMBER) is None


def test_an_sms_that_was_being_answered_does_not_bring_it_back_either(store: Store) -> None:
    store.texts.queue(NUMBER, "en", "do this", Kind.REPLY)
    store.inbound.take(deliver("STOP"))
    (message,) = store.inbound.new()
    who = store.questions.correspondent(NUMBER, "en")
    store.erasure.erase(NUMBER)
    store.questions.settle(message, who, Outcome("stop", opted=False), OPEN)
    assert holding(store.folder, NUMBER) == []


def test_the_next_visit_is_that_of_a_new_farmer(store: Store, clock: SteppingClock) -> None:
    visited(store, clock)
    assert store.knows_notice(NUMBER)
    found = store.diagnosis(store.last_visit()[0])  # type: ignore[index]  # there was a visit
    assert found is not None
    store.erasure.erase(NUMBER)
    assert not store.knows_notice(NUMBER)
    again = store.queue_sms(found, Farmer(NUMBER, "hi"), "do this")
    taken = store.sms.take()
    assert taken is not None
    assert (taken.id, taken.number) == (again.id, NUMBER)
    held = store.farmers.held(NUMBER)
    assert (held["sms"], held["language"], held["notice_by"]) == (1, "hi", None)


def test_a_photo_that_cannot_be_removed_stops_it(store: Store) -> None:
    sms = store.queue_sms(diagnosed(store), Farmer(NUMBER, "en"), "do this")
    (photo,) = store.photos.folder.iterdir()
    photo.unlink()
    photo.mkdir()  # which no unlink removes
    with pytest.raises(StateReadOnly, match="Nothing was erased"):
        store.erasure.erase(NUMBER)
    assert store.texts.newest(id=sms.id)[0]["number"] == NUMBER


def test_a_short_number_takes_nobody_else_s_pdus(store: Store) -> None:
    store.inbound.take(deliver("half of it", Concat(9, 2, 1)))
    assert store.erasure.erase("121").pdus == 0
    assert store.farmers.held(NUMBER)["pdus"] == 1


def test_farmers_who_were_not_seen_for_long_are_erased_some_at_a_time(store: Store, clock: SteppingClock) -> None:
    for number in range(FARMERS_MOST + 1):
        store.texts.queue(f"+9199{number:08}", "en", "do this", Kind.REPLY)
    clock.utc += 100 * DAY
    store.texts.queue(NUMBER, "en", "do this", Kind.REPLY)
    forget = store.erasure.forget_old
    assert forget(clock.utc, 101, 90).farmers == 0
    assert forget(clock.utc, 99, 90).farmers == FARMERS_MOST
    assert forget(clock.utc, 99, 90).farmers == 1
    assert forget(clock.utc, 99, 90).farmers == 0
    assert holding(store.folder, "+919900000000") == []
    assert store.farmers.find(NUMBER)


def test_one_whose_sms_is_on_its_way_is_left_for_the_next_day(store: Store, clock: SteppingClock) -> None:
    sms = store.texts.queue(NUMBER, "en", "do this", Kind.ANSWER)
    store.sms.take()
    clock.utc += 100 * DAY
    assert store.erasure.forget_old(clock.utc, 99, 90).farmers == 0
    store.sms.delivered(sms)
    assert store.erasure.forget_old(clock.utc, 99, 90).farmers == 1


def test_a_reason_that_quotes_the_number_goes_too(store: Store, clock: SteppingClock) -> None:
    visited(store, clock)
    clock.utc += 14 * DAY
    (question,) = store.questions.due(clock.utc)
    store.questions.end(question, "cancelled", f"the advice did not arrive: no such number {NUMBER}")
    assert store.erasure.erase(NUMBER).clean
    assert holding(store.folder, NUMBER) == []


def test_the_pseudonyms_key_outlives_a_transaction_that_was_undone(store: Store, clock: SteppingClock) -> None:
    def fail(db: sqlite3.Connection) -> None:
        store.farmers.note(db, NUMBER, "en")
        raise SendFailed("the disk is full")

    with pytest.raises(SendFailed):
        store._write(fail)
    store.texts.queue(NUMBER, "en", "do this", Kind.ANSWER)
    before = (store.farmers.find(NUMBER) or {})["pseudonym"]
    store.close()
    with Store.open(store.folder, 100_000, clock, SmsRules(), PduReading()) as again:
        again.texts.queue(NUMBER, "en", "do that", Kind.REPLY)
        assert (again.farmers.find(NUMBER) or {})["pseudonym"] == before


def test_sms_that_came_in_are_forgotten_once_they_are_dealt_with(store: Store, clock: SteppingClock) -> None:
    store.inbound.take(deliver("old and done"))
    store.inbound.done(*store.inbound.new())
    store.inbound.take(deliver("old and new", number=OTHER))
    clock.utc += 91 * DAY
    assert store.erasure.forget_old(clock.utc, 1000, 92).inbound == 0
    assert store.erasure.forget_old(clock.utc, 1000, 90).inbound == 1
    assert [row["body"] for row in store.inbound.newest(9)] == ["old and new"]
    assert holding(store.folder, NUMBER) == []
    assert INBOUND_MOST > FARMERS_MOST


@given(st.text("0123456789", min_size=1, max_size=15))
def test_semi_octets_are_those_that_the_modem_writes(digits: str) -> None:
    assert semi_octets(digits) == fields.semi_octets(digits).hex().upper()


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_is_found_in_every_pdu_that_bears_it(number: str) -> None:
    assert words(number)[1].decode() in deliver("text", number=number).upper()


@settings(max_examples=30)
@given(st.integers(0, 3 * 64), st.sampled_from([b"4f", b"4F"]))
def test_a_word_is_found_wherever_the_reading_is_cut(
    tmp_path_factory: pytest.TempPathFactory, place: int, ending: bytes
) -> None:
    path = tmp_path_factory.mktemp("traces") / "file"
    path.write_bytes(b"." * (traces.READ_BYTES - 64 + place) + b"12" + ending + b"." * 64)
    assert traces.holds(path, [b"124F"])
    assert not traces.holds(path, [b"124E"])
    assert not traces.holds(path.with_name("none"), [b"124F"])


def test_who_was_here_by_a_clock_that_was_years_behind_is_not_forgotten(tmp_path: Path) -> None:
    times = [Instant(datetime(2000, 1, 1, tzinfo=UTC), "unsure"), Instant(datetime(2026, 11, 25, tzinfo=UTC), "synced")]
    with Store.open(tmp_path / "state", 0, lambda: times[0], reading=PduReading()) as store:
        store.texts.queue("+919812345678", "hi", "1", Kind.ANSWER)
        del times[0]
        assert store.erasure.forget_old(times[0].utc, 730, 90).farmers == 0
        assert store.erasure.forget_old(times[0].utc + timedelta(days=700), 730, 90).farmers == 0
        assert store.erasure.forget_old(times[0].utc + timedelta(days=731), 730, 90).farmers == 1
