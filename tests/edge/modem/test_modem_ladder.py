"""Which remedy comes next."""

from __future__ import annotations

import pytest

from edge_daemon.errors import (
    AggregatorGone,
    DeviceError,
    ModemGone,
    ModemMute,
    ModemNotReady,
    ModemSick,
    SendFailed,
    SimTrouble,
)
from edge_daemon.modem.ladder import LADDERS, LONGEST_PAUSE_S, POWER_PAUSE_S, Ladder, Remedy


def climbed(ladder: Ladder, why: DeviceError, times: int, from_s: float = 0.0) -> list[str]:
    return [ladder.next(why, from_s + step).value for step in range(times)]


@pytest.mark.parametrize(
    ("why", "remedies"),
    [
        (ModemGone("x"), ["reopen", "reopen", "reopen", "power"]),
        (ModemMute("x"), ["reinit", "reopen", "reset", "power"]),
        (ModemSick("x"), ["reinit", "radio", "reopen", "reset", "power"]),
        (SendFailed("x"), ["reinit", "radio", "reopen", "reset", "power"]),
        (ModemNotReady("x"), [*["reinit"] * 3, "radio", "reopen", "reinit", "reset", "reinit", "power"]),
        (SimTrouble("x"), ["reopen"] * 5),
        (AggregatorGone("x"), ["reopen"] * 3),
    ],
)
def test_each_trouble_has_its_ladder(why: DeviceError, remedies: list[str]) -> None:
    ladder = Ladder(has_power=True)
    assert climbed(ladder, why, len(remedies)) == remedies
    assert sum(ladder.counts.values()) == len(remedies)


def test_the_ladder_begins_again_at_its_end_and_power_is_cut_seldom() -> None:
    ladder = Ladder(has_power=True)
    rungs = [remedy.value for remedy in LADDERS[ModemMute]]
    assert climbed(ladder, ModemMute("x"), 4) == rungs
    assert climbed(ladder, ModemMute("x"), 4, from_s=10.0) == [*rungs[:3], "reopen"]
    assert climbed(ladder, ModemMute("x"), 4, from_s=POWER_PAUSE_S + 4) == rungs


def test_without_a_power_command_the_port_is_opened_again() -> None:
    assert "power" not in climbed(Ladder(has_power=False), ModemGone("x"), 20)


def test_what_is_registered_and_takes_no_message_is_climbed_on() -> None:
    ladder = Ladder(has_power=False)
    climbed(ladder, ModemMute("x"), 2)
    climbed(ladder, ModemSick("x"), 1)
    ladder.works()
    assert climbed(ladder, ModemMute("x"), 1) == ["reinit"]
    assert climbed(ladder, ModemSick("x"), 1) == ["radio"]
    ladder.sent()
    assert climbed(ladder, ModemSick("x"), 1) == ["reinit"]


def test_the_pause_grows_up_to_a_bound() -> None:
    ladder, why = Ladder(has_power=False), ModemNotReady("x")
    pauses = []
    for step in range(9):
        ladder.next(why, float(step))
        pauses.append(ladder.pause_s(why))
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert set(pauses[5:]) == {LONGEST_PAUSE_S}


def test_two_remedies_keep_the_port() -> None:
    assert {remedy for remedy in Remedy if remedy.keeps_port} == {Remedy.REINIT, Remedy.RADIO}
