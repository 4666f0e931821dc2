"""Which numbers are stored: tables of cases, and what must hold for any order of batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams import MOST_AHEAD, Range, Stored, with_range

CASES = [
    (Stored(), (1, 5), Stored(5)),
    (Stored(5), (1, 5), Stored(5)),
    (Stored(5), (3, 9), Stored(9)),
    (Stored(5), (7, 9), Stored(5, (Range(7, 9),))),
    (Stored(5, (Range(7, 9),)), (6, 6), Stored(9)),
    (Stored(5, (Range(7, 9), Range(11, 12))), (10, 10), Stored(5, (Range(7, 12),))),
    (Stored(5, (Range(7, 9), Range(11, 12))), (6, 10), Stored(12)),
    (Stored(0, (Range(3, 4),)), (6, 7), Stored(0, (Range(3, 4), Range(6, 7)))),
]


@pytest.mark.parametrize(("before", "more", "after"), CASES)
def test_a_range_is_added(before: Stored, more: tuple[int, int], after: Stored) -> None:
    assert with_range(before, Range(*more)) == after


ranges = st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda one: Range(one[0], one[0] + one[1]))


@given(st.lists(ranges, max_size=30))
def test_it_knows_each_number_and_no_other(added: list[Range]) -> None:
    stored = Stored()
    for one in added:
        stored = with_range(stored, one)
    numbers = {number for one in added for number in range(one.first, one.last + 1)}
    known = set(range(1, stored.upto + 1)) | {n for one in stored.ahead for n in range(one.first, one.last + 1)}
    assert known == numbers
    assert stored.upto + 1 not in numbers
    ends = [stored.upto, *(number for one in stored.ahead for number in one)]
    assert ends == sorted(ends)


def test_no_more_than_so_many_ranges_are_kept() -> None:
    stored = Stored()
    for number in range(10, 10 + 4 * MOST_AHEAD, 2):
        stored = with_range(stored, Range(number, number))
    assert len(stored.ahead) == MOST_AHEAD
    assert stored.ahead[0] == Range(10, 10)
