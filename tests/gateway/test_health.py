"""What a health report makes of a kiosk's row: the newest counts, an older card and a wrong clock are noticed."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.health import MAY_WAIT_S, clock_off_s, columns, is_newer
from tests.gateway.sent import NOW, health

DAY = 86_400


def known(**other: Any) -> dict[str, Any]:
    """The row after a report, which came as soon as it was made."""
    report = health(**{"at": NOW, "starts": 50, "uptime": 1000, **other})
    return {"health": report.model_dump(mode="json"), "health_at": NOW, "last_seen_at": NOW, "backlog": 4}


NOTHING = {"health": None, "health_at": None, "last_seen_at": None, "backlog": None}

CASES = [
    pytest.param(NOTHING, {"starts": 0}, True, False, id="the first"),
    pytest.param(known(), {"starts": 50, "uptime": 2000, "at": NOW + 1000}, True, False, id="later in the same run"),
    pytest.param(known(), {"starts": 51, "uptime": 5, "at": NOW + 1000}, True, False, id="begun again"),
    pytest.param(known(), {"starts": 50, "uptime": 1000, "at": NOW}, False, False, id="the same again"),
    pytest.param(known(), {"starts": 49, "uptime": 9, "at": NOW - DAY}, False, False, id="waited, came late"),
    pytest.param(known(), {"starts": 12, "uptime": 9, "at": NOW + DAY}, True, True, id="an older card"),
    pytest.param(known(), {"starts": 50, "uptime": 9, "at": NOW + DAY}, True, True, id="an older card, as many starts"),
    pytest.param(
        known(), {"starts": 12, "uptime": 9, "at": NOW + DAY, "clock": "unsure"}, False, False, id="who knows when"
    ),
    pytest.param(
        known(at=NOW + 99 * DAY), {"starts": 12, "uptime": 9, "at": NOW + DAY}, True, True, id="after a wrong clock"
    ),
    pytest.param(
        known(), {"starts": 51, "uptime": 9, "at": NOW - 365 * DAY}, True, False, id="a clock that fell a year back"
    ),
]


@pytest.mark.parametrize(("row", "told", "newer", "restored"), CASES)
def test_the_newest_report_counts_and_an_older_card_is_noticed(
    row: dict[str, Any], told: dict[str, Any], newer: bool, restored: bool
) -> None:
    report = health(**told)
    now = NOW + DAY
    assert is_newer(report, row, now) is newer
    assert columns(report, row, now).get("restored_at") == (now if restored else None)


OFF = [
    pytest.param(0, NOW, 0, id="right"),
    pytest.param(400, NOW - DAY, 400, id="ahead is ahead"),
    pytest.param(-400, NOW - DAY, 0, id="behind, or it waited"),
    pytest.param(-MAY_WAIT_S - 50, NOW - 60, -50, id="behind more than it can have waited"),
    pytest.param(-9 * DAY, NOW - 10 * DAY, 0, id="it waited while nothing was heard"),
    pytest.param(-365 * DAY, NOW - 10 * DAY, -355 * DAY, id="a year behind"),
    pytest.param(-365 * DAY, None, -364 * DAY, id="a year behind, never heard of before"),
]


@pytest.mark.parametrize(("off", "last_seen_at", "told"), OFF)
def test_a_clock_is_wrong_by_what_waiting_cannot_explain(off: int, last_seen_at: int | None, told: int) -> None:
    assert clock_off_s(NOW + off, last_seen_at, NOW) == told
