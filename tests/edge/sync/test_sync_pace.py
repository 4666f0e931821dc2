"""The size of batches, and the wait after trouble."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.sync.pace import FIRST_WAIT_S, LONGEST_WAIT_S, Backoff, Pace
from edge_daemon.wire.batch import MOST_MESSAGES


def test_a_bad_link_gets_small_batches_and_a_good_one_large_ones_again() -> None:
    pace = Pace()
    sizes = [pace.size]
    for _ in range(9):
        pace.lost(pace.size)
        sizes.append(pace.size)
    assert sizes == [200, 100, 50, 25, 12, 6, 3, 1, 1, 1]
    for _ in range(9):
        pace.arrived(pace.size)
    assert pace.size == MOST_MESSAGES


def test_a_batch_that_was_not_full_says_nothing_of_larger_ones() -> None:
    pace = Pace()
    pace.lost(40)
    pace.arrived(3)
    assert pace.size == 20


def test_a_gateway_that_answers_nothing_gets_to_one_message_in_four_steps() -> None:
    pace = Pace()
    for _ in range(4):
        pace.unanswered(pace.size)
    assert pace.size == 1


@given(st.lists(st.tuples(st.sampled_from(["lost", "arrived", "unanswered"]), st.integers(1, MOST_MESSAGES))))
def test_a_batch_has_always_at_least_one_and_never_too_many(story: list[tuple[str, int]]) -> None:
    pace = Pace()
    for what, count in story:
        getattr(pace, what)(min(count, pace.size))
        assert 1 <= pace.size <= MOST_MESSAGES


def test_the_wait_grows_is_bounded_and_begins_anew() -> None:
    longest = Backoff(lambda low, high: high)
    assert [longest.next_s() for _ in range(10)] == [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    for _ in range(5000):
        assert longest.next_s() == LONGEST_WAIT_S
    longest.success()
    assert longest.next_s() == FIRST_WAIT_S
    shortest = Backoff(lambda low, high: low)
    assert shortest.next_s() == FIRST_WAIT_S / 2
