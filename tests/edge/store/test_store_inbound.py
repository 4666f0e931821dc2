"""SMS that come in: kept before the modem deletes them, put together across restarts, each given out once."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.clock import Instant
from edge_daemon.config import SmsRules
from edge_daemon.modem import alphabet, fields
from edge_daemon.modem.reassembly import GAP, MOST_PARTS_HELD, PATIENCE_S
from edge_daemon.modem.userdata import Concat, write_user_data
from edge_daemon.sms_reading import PduReading
from edge_daemon.store import inbound
from edge_daemon.store.store import Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NUMBER = "+919812345678"


class SteppingClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.utc = NOON

    def __call__(self) -> Instant:
        return Instant(self.utc, "synced")


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with opened(tmp_path, clock) as store:
        yield store


def opened(folder: Path, clock: SteppingClock) -> Store:
    return Store.open(folder, 0, clock, SmsRules(), PduReading())


def deliver(text: str, concat: Concat | None = None, second: int = 0, number: str = NUMBER) -> str:
    """An SMS-DELIVER (3GPP TS 23.040, 9.2.2.1) of that second."""
    coding = alphabet.split(text).coding
    first = 0x40 if concat else 0x00
    time = bytes.fromhex("621132120000") if not second else bytes.fromhex("6211321200") + _swapped(second)
    head = bytes([0, first]) + fields.write_address(number) + bytes([0, coding.dcs]) + time + b"\x22"
    return (head + write_user_data(text, coding, concat)).hex()


def _swapped(second: int) -> bytes:
    return bytes.fromhex(f"{second:02d}"[::-1])


FIRST = deliver("Leaves have ", Concat(7, 2, 1))
SECOND = deliver("brown spots", Concat(7, 2, 2))


def test_a_text_is_given_out_at_once_and_stays_until_it_was_dealt_with(store: Store) -> None:
    taken = store.inbound.take(deliver("धान पीला है"))
    (message,) = taken.messages
    assert (taken.outcome, message.number, message.text, message.missing) == ("message", NUMBER, "धान पीला है", ())
    assert store.inbound.new() == [message]
    store.inbound.done(message)
    assert store.inbound.new() == []


def test_a_text_that_the_modem_gives_again_after_a_crash_is_dropped(tmp_path: Path, clock: SteppingClock) -> None:
    with opened(tmp_path, clock) as store:
        store.inbound.take(deliver("STOP"))
    with opened(tmp_path, clock) as store:
        assert store.inbound.take(deliver("STOP")).outcome == "duplicate"
        assert store.inbound.take(deliver("STOP", second=1)).outcome == "message"
        assert len(store.inbound.new()) == 2


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_parts_are_put_together_across_a_restart(tmp_path: Path, clock: SteppingClock, order: tuple[str, str]) -> None:
    with opened(tmp_path, clock) as store:
        assert store.inbound.take(order[0]) == inbound.Taken("part")
    with opened(tmp_path, clock) as store:
        assert store.inbound.take(order[0]).outcome == "duplicate"
        (message,) = store.inbound.take(order[1]).messages
        assert message.text == "Leaves have brown spots"
        assert store.inbound.overdue() == ()


def test_a_part_that_comes_again_with_another_time_is_of_no_use(store: Store) -> None:
    store.inbound.take(FIRST)
    assert store.inbound.take(deliver("Leaves have ", Concat(7, 2, 1), second=9)).outcome == "duplicate"
    assert store.inbound.take(SECOND).outcome == "message"
    assert store._rows("SELECT * FROM inbound_part", ()) == []


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_each_message_comes_out_once_whatever_the_order_the_repeats_and_the_restarts(data: st.DataObject) -> None:
    """Three messages of three parts, two with one reference; each part comes once or twice, restarts between."""
    sent = [(reference, number, part) for reference, number in MESSAGES for part in (1, 2, 3)]
    comes = data.draw(st.permutations(sent + data.draw(st.lists(st.sampled_from(sent), max_size=6))))
    restarts = data.draw(st.sets(st.integers(0, len(comes) - 1)))
    clock = SteppingClock()
    with tempfile.TemporaryDirectory() as folder:
        store = opened(Path(folder), clock)
        for place, (reference, number, part) in enumerate(comes):
            if place in restarts:
                store.close()
                store = opened(Path(folder), clock)
            store.inbound.take(deliver(f"{number[-1]}{reference}{part} ", Concat(reference, 3, part), 0, number))
        got = sorted((message.number, message.text) for message in store.inbound.new())
        left = store._rows("SELECT * FROM inbound_part", ())
        store.close()
    assert got == sorted(
        (number, "".join(f"{number[-1]}{reference}{part} " for part in (1, 2, 3))) for reference, number in MESSAGES
    )
    assert left == []


MESSAGES = ((7, "+919812345678"), (7, "+919812345679"), (8, "+919812345678"))


def test_two_senders_with_the_same_reference_are_two_messages(store: Store) -> None:
    store.inbound.take(FIRST)
    store.inbound.take(deliver("Other ", Concat(7, 2, 1), number="+919812345679"))
    (message,) = store.inbound.take(SECOND).messages
    assert message.text == "Leaves have brown spots"


def test_a_message_that_waited_too_long_is_given_out_with_a_mark(tmp_path: Path, clock: SteppingClock) -> None:
    with opened(tmp_path, clock) as store:
        store.inbound.take(SECOND)
        clock.utc += timedelta(seconds=PATIENCE_S - 1)
        assert store.inbound.overdue() == ()
    clock.utc += timedelta(seconds=1)
    with opened(tmp_path, clock) as store:
        (message,) = store.inbound.overdue()
        assert (message.missing, message.text) == ((1,), f"{GAP}brown spots")
        assert store.inbound.new() == [message]


def test_a_clock_that_went_back_delays_a_message_no_longer_than_its_time(store: Store, clock: SteppingClock) -> None:
    uptime_s = 0.0
    box = inbound.Inbound(store._rows, store._write, PduReading(), clock, lambda: uptime_s)
    box.take(SECOND)
    clock.utc -= timedelta(days=365)
    uptime_s = PATIENCE_S
    assert len(box.overdue()) == 1


def test_a_clock_that_is_put_right_tears_no_message_apart(store: Store, clock: SteppingClock) -> None:
    """The network's time may come between two parts, and be a year ahead of a Raspberry Pi's."""
    store.inbound.take(FIRST)
    clock.utc += timedelta(days=365)
    assert store.inbound.overdue() == ()
    (message,) = store.inbound.take(SECOND).messages
    assert message.text == "Leaves have brown spots"


def test_a_pdu_that_breaks_the_standard_is_kept_aside_and_logged_without_its_digits(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert store.inbound.take("0001zz").outcome == "broken"
        assert store.inbound.take("00" * 5000).outcome == "broken"
    assert [len(row["pdu"]) for row in store.inbound.broken()] == [inbound.LONGEST_PDU, 6]
    assert "sms list --broken" in caplog.text
    assert "zz" not in caplog.text


def test_broken_pdus_are_bounded(store: Store) -> None:
    for number in range(inbound.MOST_BROKEN + 5):
        store.inbound.take(f"{number:04d}")
    kept = store.inbound.broken(1000)
    assert (len(kept), kept[0]["pdu"]) == (inbound.MOST_BROKEN, f"{inbound.MOST_BROKEN + 4:04d}")


def test_what_was_dealt_with_goes_first_when_there_is_too_much(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(inbound, "MOST_KEPT", 2)
    texts = [store.inbound.take(deliver(str(number))).messages[0] for number in range(2)]
    store.inbound.done(texts[1])
    store.inbound.take(deliver("2"))
    assert [message.text for message in store.inbound.new()] == ["0", "2"]
    assert not caplog.text
    store.inbound.take(deliver("3"))
    assert [message.text for message in store.inbound.new()] == ["2", "3"]
    assert "nobody dealt with" in caplog.text


def test_parts_that_never_meet_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PARTS_HELD == 1000
    monkeypatch.setattr("edge_daemon.modem.reassembly.MOST_PARTS_HELD", 3)
    outcomes = [store.inbound.take(deliver("x", Concat(reference, 2, 1))).outcome for reference in range(5)]
    assert outcomes == ["part", "part", "part", "message", "message"]
    assert len(store._rows("SELECT * FROM inbound_part", ())) == 3


def test_remembered_parts_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "MOST_SEEN", 2)
    for number in range(4):
        store.inbound.take(deliver(str(number)))
    assert len(store._rows("SELECT * FROM inbound_seen", ())) == 2
