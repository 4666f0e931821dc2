"""A short turn of each fuzzer of `make fuzz`, always the same one: that they still run, and what they run on holds."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import fuzzers

ROUNDS = 400
PLACES = range(len(fuzzers(random.Random(0))))


@pytest.mark.parametrize("place", PLACES)
def test_a_turn(place: int) -> None:
    fuzzer = fuzzers(random.Random(1))[place]
    outcomes = {fuzzer.once() for _ in range(ROUNDS)}
    assert len(outcomes) >= 2, fuzzer.last
