"""How often anybody may call: the bounds of the last minute, of each address and of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls import Calls, network
from gateway.errors import TooOften


class At:
    """A clock that tests set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def may(calls: Calls, address: str) -> bool:
    try:
        calls.count(address)
    except TooOften:
        return False
    return True


@pytest.mark.parametrize("calls", [Calls(2, 9, 60.0, At()), Calls(9, 2, 60.0, At())], ids=["all", "each"])
def test_the_bound_is_of_the_last_minute(calls: Calls) -> None:
    clock = calls._clock_s
    assert isinstance(clock, At)
    for at, let_through in [(0, True), (30, True), (59, False), (61, True), (62, False), (91, True)]:
        clock.now_s = at
        assert may(calls, "192.0.2.1") is let_through


def test_one_stranger_does_not_shut_out_the_others() -> None:
    calls = Calls(most=100, each=20, clock_s=At())
    assert [may(calls, "192.0.2.1") for _ in range(500)] == [True] * 20 + [False] * 480
    assert may(calls, "192.0.2.2")


def test_many_strangers_have_a_bound_together() -> None:
    calls = Calls(most=100, each=20, clock_s=At())
    assert sum(may(calls, f"192.0.2.{n % 250}") for n in range(500)) == 100
    assert calls.addresses == 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("no address", "", False),
    ],
)
def test_who_is_the_same_caller(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from("abcdef"))))
def test_no_minute_has_more_than_the_bounds(steps: list[tuple[float, str]]) -> None:
    clock = At()
    calls = Calls(most=7, each=3, seconds=60.0, clock_s=clock)
    through: list[tuple[float, str]] = []
    for wait_s, address in steps:
        clock.now_s += wait_s
        lately = [caller for at, caller in through if at > clock.now_s - 60]
        let_through = len(lately) < 7 and lately.count(address) < 3
        assert may(calls, address) is let_through
        if let_through:
            through.append((clock.now_s, address))
    assert calls.addresses <= 7
