"""Parts that come in, put together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import reassembly
from edge_daemon.modem.pdu import Deliver, parse_submit, submit
from edge_daemon.modem.reassembly import GAP, Inbound, Reassembly

FARMER, OTHER = "+919812345678", "+919812345679"
LONG = "धान में झुलसा रोग है। 😀 " * 9
T0 = datetime(2026, 4, 11, tzinfo=UTC)


def delivers(text: str, reference: int = 7, number: str = FARMER, at: datetime | None = T0) -> list[Deliver]:
    """The parts as the kiosk gets them, one a second."""
    data = [parse_submit(part.hex).data for part in submit(FARMER, text, reference)]
    return [Deliver(number, part, None, at and at + timedelta(seconds=place), 0, 0) for place, part in enumerate(data)]


def texts(given_out: list[Inbound]) -> list[str]:
    return [message.text for message in given_out]


@pytest.mark.parametrize("reference", [7, 300])
def test_parts_in_any_order(reference: int) -> None:
    waiting = Reassembly()
    first, second, third, fourth = delivers(LONG, reference)
    assert [waiting.take(part, 0.0) for part in (third, first, fourth)] == [[], [], []]
    (message,) = waiting.take(second, 1.0)
    assert (message.text, message.number, message.missing) == (LONG, FARMER, ())
    assert waiting.deadline_s is None


def test_a_text_of_one_part_is_there_at_once() -> None:
    assert texts(Reassembly().take(delivers("1")[0], 0.0)) == ["1"]


def test_two_senders_with_one_reference() -> None:
    waiting = Reassembly()
    ours, theirs = delivers("a" * 200), delivers("b" * 200, number=OTHER)
    assert waiting.take(ours[0], 0.0) == waiting.take(theirs[0], 0.0) == []
    assert texts(waiting.take(theirs[1], 0.0)) == ["b" * 200]
    assert texts(waiting.take(ours[1], 0.0)) == ["a" * 200]


def test_a_wide_reference_is_another() -> None:
    waiting = Reassembly()
    narrow = delivers("a" * 200)[0]
    concat = narrow.data.concat
    assert concat is not None
    wide = replace(narrow, data=replace(narrow.data, concat=replace(concat, is_wide=True, part=2)))
    assert waiting.take(narrow, 0.0) == waiting.take(wide, 0.0) == []


@pytest.mark.parametrize("at", [T0, None])
def test_what_comes_again_is_dropped(at: datetime | None) -> None:
    waiting = Reassembly()
    first, second = delivers("a" * 200, at=at)
    assert waiting.take(first, 0.0) == waiting.take(first, 1.0) == []
    assert texts(waiting.take(second, 2.0)) == ["a" * 200]
    if at is not None:
        assert waiting.take(second, 3.0) == waiting.take(first, 3.0) == []
        assert waiting.deadline_s is None


def test_the_same_answer_a_second_later_is_another_message() -> None:
    waiting = Reassembly()
    one, again = delivers("1")[0], delivers("1", at=T0 + timedelta(seconds=1))[0]
    assert [texts(waiting.take(part, 0.0)) for part in (one, one, again)] == [["1"], [], ["1"]]


def test_a_missing_part_is_waited_for_so_long() -> None:
    waiting = Reassembly(patience_s=60.0)
    parts = delivers("a" * 153 + "b" * 153 + "c" * 153 + "d")
    for place in (1, 3):
        waiting.take(parts[place], 10.0 * place)
    assert waiting.deadline_s == 90.0
    assert waiting.overdue(89.9) == []
    (message,) = waiting.overdue(90.0)
    assert (message.text, message.missing) == (f"{GAP}{'b' * 153}{GAP}d", (1, 3))
    assert waiting.overdue(1000.0) == []


def test_a_new_text_with_the_same_reference_pushes_the_old_one_out() -> None:
    waiting = Reassembly()
    old, new = delivers("a" * 200), delivers("b" * 200, at=T0 + timedelta(hours=1))
    waiting.take(old[0], 0.0)
    assert texts(waiting.take(new[0], 1.0)) == ["a" * 153 + GAP]
    assert texts(waiting.take(new[1], 1.0)) == ["b" * 200]


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassembly, "MOST_PARTS_HELD", 3)
    monkeypatch.setattr(reassembly, "MOST_REMEMBERED", 3)
    waiting = Reassembly()
    given_out = [waiting.take(delivers("a" * 200, reference)[0], float(reference)) for reference in range(6)]
    assert list(map(len, given_out)) == [0, 0, 0, 1, 1, 1]
    assert waiting.deadline_s == 3.0 + reassembly.PATIENCE_S


MESSAGES = st.lists(
    st.tuples(
        st.text(st.sampled_from("ab€{क्षि😀।"), min_size=1, max_size=400),
        st.integers(0, 3),
        st.sampled_from([FARMER, OTHER]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda message: message[1:],
)


@given(MESSAGES, st.data())
def test_every_message_comes_out_once(messages: list[tuple[str, int, str]], data: st.DataObject) -> None:
    parts = [part for text, reference, number in messages for part in delivers(text, reference, number)]
    repeated = data.draw(st.lists(st.sampled_from(parts), max_size=5))
    waiting = Reassembly()
    out = [message for part in data.draw(st.permutations(parts + repeated)) for message in waiting.take(part, 0.0)]
    assert waiting.overdue(1e9) == []
    assert sorted((message.number, message.text) for message in out) == sorted({(n, t) for t, _, n in messages})


@given(st.text(st.sampled_from("ab€{क्षि😀।"), min_size=161, max_size=300), st.data())
def test_nothing_that_came_is_lost(text: str, data: st.DataObject) -> None:
    parts = delivers(text)
    kept = data.draw(st.permutations(parts[: data.draw(st.integers(1, len(parts)))]))
    waiting = Reassembly()
    out = [message for part in kept for message in waiting.take(part, 0.0)] + waiting.overdue(1e9)
    (message,) = out
    assert len(message.missing) == len(parts) - len(kept)
    assert text.startswith(message.text.removesuffix(GAP))
