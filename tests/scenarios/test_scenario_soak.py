"""A small soak: hundreds of messages each way, every kind of fault; `make soak` is the large one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.soak.__main__ import as_data, lines
from tests.soak.faults import KINDS
from tests.soak.play import Plan, Run

OUT, COME = 300, 60


@pytest.mark.slow
@pytest.mark.needs("faketime")
def test_under_every_kind_of_fault_all_comes_to_its_end(tmp_path: Path) -> None:
    """The seed is new each time, and printed: pytest shows it where the test fails."""
    plan = Plan(OUT, COME, seed=random.SystemRandom().randrange(2**32))
    outcome = Run(plan, tmp_path, print).play()
    print(*lines(outcome), sep="\n")
    told = as_data(outcome)
    assert outcome.holds
    assert told["sent"] + told["delivered"] + told["parked"] == OUT
    assert (told["received"], told["lost"], told["unexplained"]) == (COME, 0, 0)
    assert set(told["faults"]) == set(KINDS)


@pytest.mark.slow
def test_without_faults_nothing_goes_twice(tmp_path: Path) -> None:
    outcome = Run(Plan(100, 20, seed=1, kinds=(), lasts_s=3.0), tmp_path, print).play()
    assert outcome.holds
    states = outcome.verdict.states
    assert (outcome.verdict.repeated, states["sent"], states["delivered"]) == (0, 0, 100 - states["parked"])
