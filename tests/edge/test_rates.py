"""Shares and their intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.rates import Difference, Rate, wilson


@st.composite
def rates(draw: st.DrawFn, least: int = 0) -> Rate:
    of = draw(st.integers(least, 100_000))
    return Rate(draw(st.integers(0, of)), of)


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 1, 0.2065, 1.0),
        (45, 60, 0.6277, 0.8422),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_known_intervals(n: int, of: int, low: float, high: float) -> None:
    assert wilson(n, of) == pytest.approx((low, high), abs=5e-5)


@given(rates(least=1))
def test_the_share_lies_in_its_interval(rate: Rate) -> None:
    assert 0 <= rate.low <= rate.n / rate.of <= rate.high <= 1
    assert rate.low < rate.high


@given(rates(least=1))
def test_yes_and_no_mirror_each_other(rate: Rate) -> None:
    other = Rate(rate.of - rate.n, rate.of)
    assert (1 - other.high, 1 - other.low) == pytest.approx((rate.low, rate.high), abs=1e-9)


@given(rates(least=1), st.integers(2, 50))
def test_more_cases_of_the_same_share_say_more(rate: Rate, times: int) -> None:
    many = Rate(rate.n * times, rate.of * times)
    assert many.high - many.low < rate.high - rate.low


@given(rates(least=1))
def test_rounding_keeps_the_share_in_its_interval(rate: Rate) -> None:
    data = rate.data()
    low, share, high = data["low"], data["rate"], data["high"]
    assert low is not None
    assert share is not None
    assert high is not None
    assert 0 <= low <= share <= high <= 1


def test_of_no_case_nothing_is_said() -> None:
    assert Rate(0, 0).data() == {"n": 0, "of": 0, "rate": None, "low": None, "high": None}
    assert Difference(Rate(1, 2), Rate(0, 0)).data() == {"difference": None, "low": None, "high": None}


@pytest.mark.parametrize(("n", "of"), [(-1, 1), (2, 1), (1, 0)])
def test_no_share_is_more_than_all(n: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        Rate(n, of)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_known_differences(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    difference = Difference(Rate(*first), Rate(*second))
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=5e-5)


@given(rates(least=1), rates(least=1))
def test_a_difference_lies_in_its_interval_and_turns_with_its_sides(first: Rate, second: Rate) -> None:
    one, other = Difference(first, second), Difference(second, first)
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert (-other.high, -other.low) == pytest.approx((one.low, one.high), abs=1e-12)
