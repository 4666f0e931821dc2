"""docs/capacity.md: what it says follows from what it says was measured."""

from __future__ import annotations

import pytest

from tests import capacity

PAGE = capacity.PAGE.read_text(encoding="utf-8")
COSTS = capacity.read(PAGE)


def test_the_page_is_in_step_with_its_unit_costs() -> None:
    assert capacity.renewed(PAGE, {}) == PAGE, "run `python -m tests.capacity`"


def test_new_measurements_change_the_sheet() -> None:
    slower = capacity.renewed(PAGE, {"ingest_diagnoses_per_s": 1000.0})
    assert "| `ingest_diagnoses_per_s` | 1000 |" in slower
    assert "| workers | 1 | 1 | 10 |" in slower


def test_bytes_of_an_opening_are_those_that_were_measured_and_lie_between() -> None:
    for count in (1, 20, 200):
        cost = count * COSTS[f"wire_line_bytes_per_diagnosis_{count}"]
        assert capacity.opening_bytes(COSTS, count) == pytest.approx(cost)
    sizes = [capacity.opening_bytes(COSTS, count) for count in range(1, 400, 7)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.00931, "0.0093"), (1.0, "1.0"), (9.96, "10"), (28.4, "28"), (99.6, "100"), (55_432.0, "55,000")],
)
def test_two_figures_count(value: float, shown: str) -> None:
    assert capacity._plain(value) == shown
