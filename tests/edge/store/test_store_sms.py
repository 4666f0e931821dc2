"""SMS in the store: who goes first, what is held back, what is given up, and what becomes of what went."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_daemon.clock import Instant
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Clock, Kind, Sms
from edge_daemon.errors import BadTelephone, BadText, NoSuchSms, OptedOut
from edge_daemon.modem import fields
from edge_daemon.sms_reading import PduReading
from edge_daemon.store import database, texts
from edge_daemon.store.sms_outbox import EXPIRED, OPTED_OUT
from edge_daemon.store.store import Store

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""In India, where the quiet hours are told."""
NUMBER = "+919812345678"
OTHER = "+919812345679"
LONG = "Two parts. " * 20


class SteppingClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.utc = NOON
        self.clock: Clock = "synced"

    def __call__(self) -> Instant:
        return Instant(self.utc, self.clock)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with opened(tmp_path, clock) as store:
        yield store


def opened(folder: Path, clock: SteppingClock, **rules: object) -> Store:
    return Store.open(folder / "state", 0, clock, SmsRules.model_validate(rules), PduReading())


def queue(store: Store, kind: Kind = Kind.ANSWER, number: str = NUMBER, text: str = "do this") -> Sms:
    return store.texts.queue(number, "en", text, kind)


def taken(store: Store) -> Sms:
    sms = store.sms.take()
    assert sms is not None
    return sms


def send(store: Store, sms: Sms, *references: int) -> None:
    for part, reference in enumerate(references, start=1):
        store.part_sent(sms, part, reference)
    store.sms.delivered(sms)


def row(store: Store, sms: Sms) -> tuple[str, str | None]:
    (found,) = store.texts.newest(id=sms.id)
    return found["state"], found["why"]


def report(reference: int, status: int, number: str = NUMBER) -> str:
    """An SMS-STATUS-REPORT (3GPP TS 23.040, 9.2.2.3)."""
    time = bytes.fromhex("62112312000022")
    return (b"\x00\x06" + bytes([reference]) + fields.write_address(number) + 2 * time + bytes([status])).hex()


class TestOrder:
    """Who goes first."""

    def test_a_farmer_who_stands_there_goes_before_replies_and_these_before_follow_ups(self, store: Store) -> None:
        for kind in (Kind.FOLLOW_UP, Kind.REPLY, Kind.CONFIRMATION, Kind.ANSWER):
            queue(store, kind)
        order = [taken(store).kind for _ in Kind]
        assert order == [Kind.ANSWER, Kind.CONFIRMATION, Kind.REPLY, Kind.FOLLOW_UP]

    def test_a_message_knows_its_kind_and_end(self, store: Store) -> None:
        queue(store, Kind.REPLY)
        sms = taken(store)
        assert (sms.kind, sms.not_after) == (Kind.REPLY, NOON + timedelta(hours=24))


class TestLimits:
    """What the SIM's plan allows."""

    def test_above_the_day_s_parts_nothing_goes_until_the_first_is_a_day_old(
        self, tmp_path: Path, clock: SteppingClock
    ) -> None:
        with opened(tmp_path, clock, daily_parts=2, kept_for_answers=0) as store:
            first, second = queue(store, text=LONG), queue(store)
            assert taken(store) == first
            send(store, first, 1, 2)
            assert store.sms.take() is None
            assert "[sms] daily_parts allows 2" in str(store.sms.why_held())
            clock.utc += timedelta(hours=24)
            assert taken(store) == second

    def test_a_message_that_does_not_fit_into_what_is_left_waits_whole(
        self, tmp_path: Path, clock: SteppingClock
    ) -> None:
        with opened(tmp_path, clock, daily_parts=2, kept_for_answers=0) as store:
            send(store, (queue(store), taken(store))[1], 1)
            queue(store, text=LONG)
            assert store.sms.take() is None

    def test_no_letters_are_counted_where_no_count_would_help(
        self, store: Store, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two hundred long texts behind a plan that is used up would hold up the whole kiosk every two seconds."""
        for number in range(100):
            send(store, (queue(store), taken(store))[1], number)
            clock.utc += timedelta(minutes=1)
        queue(store, text=LONG)

        def count(_: str, __: object = ()) -> int:
            raise AssertionError("it is held back whatever the count")

        monkeypatch.setattr(store.sms, "_count_parts", count)
        assert store.sms.take() is None

    def test_what_was_spent_outlives_a_restart(self, tmp_path: Path, clock: SteppingClock) -> None:
        with opened(tmp_path, clock, daily_parts=1) as store:
            queue(store)
            send(store, taken(store), 1)
        with opened(tmp_path, clock, daily_parts=1) as store:
            queue(store)
            assert store.sms.take() is None

    def test_a_minute_s_parts(self, tmp_path: Path, clock: SteppingClock) -> None:
        with opened(tmp_path, clock, minute_parts=1) as store:
            queue(store)
            second = queue(store)
            send(store, taken(store), 1)
            assert store.sms.take() is None
            clock.utc += timedelta(seconds=60)
            assert taken(store) == second

    def test_what_goes_by_another_route_is_not_held_back_by_the_sim(self, tmp_path: Path, clock: SteppingClock) -> None:
        with opened(tmp_path, clock, daily_parts=1, kept_for_answers=0) as store:
            queue(store)
            send(store, taken(store), 1)
            queue(store)
            follow_up = queue(store, Kind.FOLLOW_UP)
            store.share_sms(lambda sms: sms.kind is Kind.FOLLOW_UP)
            assert store.bulk.take() == follow_up
            assert store.bulk.take() is None
            store.sms.recover()
            assert store.queues()["sms"] == {"sent": 1, "waiting": 1, "sending": 1}
            store.bulk.recover()
            assert store.queues()["sms"] == {"sent": 1, "waiting": 2}

    def test_a_clock_that_went_back_a_year_holds_nothing_for_a_year(self, tmp_path: Path, clock: SteppingClock) -> None:
        with opened(tmp_path, clock, daily_parts=1) as store:
            queue(store)
            send(store, taken(store), 1)
            queue(store)
            clock.utc -= timedelta(days=365)
            assert store.sms.take() is not None


class TestQuietAndExpired:
    """Hours, and ends."""

    def test_follow_ups_wait_for_the_morning_and_answers_do_not(self, store: Store, clock: SteppingClock) -> None:
        clock.utc = NOON.replace(hour=16)  # 21:30 in India
        follow_up, answer = queue(store, Kind.FOLLOW_UP), queue(store)
        assert taken(store) == answer
        assert store.sms.take() is None
        clock.utc += timedelta(hours=11)
        assert taken(store) == follow_up

    def test_what_is_of_no_use_any_more_is_parked_with_the_reason(self, store: Store, clock: SteppingClock) -> None:
        sms = queue(store, Kind.REPLY)
        clock.utc += timedelta(hours=25)
        assert store.sms.take() is None
        assert row(store, sms) == ("parked", EXPIRED)

    @pytest.mark.parametrize("unsure", ["when queued", "now"])
    def test_a_clock_that_may_be_wrong_expires_nothing(self, store: Store, clock: SteppingClock, unsure: str) -> None:
        clock.clock = "unsure" if unsure == "when queued" else "synced"
        sms = queue(store)
        clock.clock = "unsure" if unsure == "now" else "synced"
        clock.utc += timedelta(days=10_000)
        assert taken(store).id == sms.id


class TestOptOut:
    """Sacred."""

    def test_what_waits_is_parked_and_nothing_more_is_queued(self, store: Store) -> None:
        waiting, other = queue(store), queue(store, number=OTHER)
        store.texts.opt_out(NUMBER)
        assert row(store, waiting) == ("parked", OPTED_OUT)
        with pytest.raises(OptedOut, match="wants no more SMS"):
            queue(store)
        with pytest.raises(OptedOut):
            store.texts.resend(waiting.id)
        assert taken(store) == other

    def test_the_confirmation_goes_and_is_the_only_one(self, store: Store) -> None:
        store.texts.opt_out(NUMBER)
        store.texts.opt_out(NUMBER)
        confirmation = queue(store, Kind.CONFIRMATION)
        assert taken(store) == confirmation
        assert store.sms.take() is None

    def test_what_was_being_sent_is_not_tried_again(self, store: Store) -> None:
        queue(store)
        sms = taken(store)
        store.texts.opt_out(NUMBER)
        store.sms.recover()
        assert store.sms.take() is None
        assert row(store, sms)[0] == "parked"

    def test_it_outlives_a_restart_and_ends_when_the_farmer_says_so(self, tmp_path: Path, clock: SteppingClock) -> None:
        with opened(tmp_path, clock) as store:
            store.texts.opt_out(NUMBER)
        with opened(tmp_path, clock) as store:
            assert store.texts.has_opted_out(NUMBER)
            store.texts.opt_in(NUMBER)
            queue(store)
            assert store.sms.take() is not None


class TestDoor:
    """Texts that cannot go."""

    @pytest.mark.parametrize("text", ["", " \n", "x" * 50_000])
    def test_no_text_and_too_much_text(self, store: Store, text: str) -> None:
        with pytest.raises(BadText):
            queue(store, text=text)
        assert store.texts.newest() == []

    @pytest.mark.parametrize("number", ["1909", "VM-BANK", "9812345678", "+91"])
    def test_no_reply_goes_to_a_short_number_or_a_name(self, tmp_path: Path, clock: SteppingClock, number: str) -> None:
        with opened(tmp_path, clock, allowed_numbers=["19090"]) as store:
            with pytest.raises(BadTelephone):
                queue(store, Kind.REPLY, number)
            queue(store, Kind.REPLY, "19090")

    def test_half_a_letter(self, store: Store) -> None:
        with pytest.raises(BadText, match="surrogate"):
            queue(store, text="\ud800")

    def test_the_sentence_names_the_limit(self, tmp_path: Path, clock: SteppingClock) -> None:
        with (
            opened(tmp_path, clock, most_parts=2) as store,
            pytest.raises(BadText, match="400 characters takes 3 SMS parts, and 2 is the most"),
        ):
            queue(store, text="x" * 400)


class TestReports:
    """What the network reports."""

    def test_a_message_is_delivered_when_all_its_parts_are(self, store: Store) -> None:
        queue(store, text=LONG)
        sms = taken(store)
        send(store, sms, 41, 42)
        assert store.reported(report(42, 0)) == "delivered"
        assert row(store, sms)[0] == "sent"
        assert store.reported(report(41, 0)) == "delivered"
        assert row(store, sms) == ("delivered", None)
        assert [part["outcome"] for part in store.texts.parts(sms.id)] == ["delivered", "delivered"]

    def test_reports_that_come_before_the_message_is_whole(self, store: Store) -> None:
        queue(store, text=LONG)
        sms = taken(store)
        store.part_sent(sms, 1, 41)
        store.reported(report(41, 0))
        assert row(store, sms)[0] == "sending"
        assert store.reported(report(42, 0)) == "unknown"  # it overtook our note of the part
        store.part_sent(sms, 2, 42)
        store.sms.delivered(sms)
        assert row(store, sms)[0] == "delivered"

    def test_a_part_that_failed_parks_the_message_with_the_network_s_reason(self, store: Store) -> None:
        queue(store)
        sms = taken(store)
        send(store, sms, 41)
        assert store.reported(report(41, 0x30)) == "trying"
        assert row(store, sms)[0] == "sent"
        assert store.reported(report(41, 0x46)) == "failed"
        assert row(store, sms) == ("parked", "the network reports: its validity period expired")

    def test_one_that_is_sent_again_goes_whole_and_old_reports_do_not_count(self, store: Store) -> None:
        queue(store, text=LONG)
        sms = taken(store)
        send(store, sms, 41, 42)
        store.reported(report(41, 0x46))
        store.texts.resend(sms.id)
        assert taken(store) == sms
        assert store.reported(report(42, 0)) == "unknown"
        assert store.sms.spent().day == 2

    def test_a_report_for_another_s_number_is_not_ours(self, store: Store) -> None:
        queue(store)
        send(store, taken(store), 41)
        assert store.reported(report(41, 0, OTHER)) == "unknown"

    def test_a_report_that_breaks_the_standard_is_kept_aside(self, store: Store) -> None:
        assert store.reported("0006") == "broken"
        assert [broken["pdu"] for broken in store.inbound.broken()] == ["0006"]


def test_only_what_has_come_to_rest_is_sent_again(store: Store) -> None:
    sms = queue(store)
    with pytest.raises(NoSuchSms, match="still waiting"):
        store.texts.resend(sms.id)
    with pytest.raises(NoSuchSms, match="There is no SMS 99"):
        store.texts.resend(99)


def test_what_came_to_rest_is_forgotten_in_the_end_and_what_waits_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MOST_KEPT", 2)
    gone, waits = queue(store), queue(store, Kind.FOLLOW_UP)
    assert taken(store) == gone
    send(store, gone, 41)
    last = [queue(store).id for _ in range(3)]
    assert [message["id"] for message in store.texts.newest()] == [*reversed(last), waits.id]
    assert store.texts.parts(gone.id) == []


def test_a_file_of_version_2_keeps_what_is_in_it(tmp_path: Path, clock: SteppingClock) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / database.FILE)) as old:
        for step in database.MIGRATIONS[:2]:
            old.executescript(step)
        old.executescript(OLD_ROWS)
    with opened(tmp_path, clock) as store:
        assert store.queues() == {"sms": {"sent": 1, "waiting": 1}, "report": {"waiting": 1}}
        assert taken(store) == Sms(8, NUMBER, "half", 8, parts_sent=1)
        assert store.reported(report(41, 0)) == "delivered"
        assert store.texts.newest(id=7)[0]["state"] == "delivered"
        assert store.texts.queue(NUMBER, "en", "next", Kind.REPLY).id == 10  # row 9 is a report
        assert store._rows("PRAGMA foreign_key_check", ()) == []
        assert store._rows("PRAGMA integrity_check", ())[0][0] == "ok"


OLD_ROWS = f"""
INSERT INTO visit VALUES ('v', '{NOON.isoformat()}', 'unsure', 'en', NULL);
INSERT INTO diagnosis (id, visit_id, taken_at, clock, decision, candidates, leaf, model, source, rehearsal)
    VALUES ('d', 'v', '{NOON.isoformat()}', 'unsure', 'first_aid', '[]', 1.0, 'm', 's', 1),
           ('e', 'v', '{NOON.isoformat()}', 'unsure', 'first_aid', '[]', 1.0, 'm', 's', 1);
INSERT INTO farmer VALUES (3, '{NUMBER}', 'en', '{NOON.isoformat()}');
INSERT INTO outbox (id, channel, diagnosis_id, farmer_id, body, state, queued_at, changed_at)
    VALUES (7, 'sms', 'd', 3, CAST('whole' AS BLOB), 'sent', '', ''),
           (8, 'sms', 'e', 3, CAST('half' AS BLOB), 'waiting', '', ''),
           (9, 'report', 'e', NULL, CAST('r' AS BLOB), 'waiting', '', '');
INSERT INTO sms_part VALUES (7, 1, 41, '{NOON.isoformat()}'), (8, 1, 42, '{NOON.isoformat()}');
PRAGMA user_version = 2;
"""
