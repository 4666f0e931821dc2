"""What a person reads of the fleet at a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway import cli
from gateway.errors import NoSuchKiosk
from gateway.fleet_view import Asked
from gateway.kiosk_list import about, ago, duration, moment, show_all, show_one
from gateway.tables import kiosk
from gateway.troubles import NAMES, TROUBLES
from tests.gateway.view.fleet_kit import DAY, HOUR, LIMITS, NOW, a_kiosk, add_kiosk, put


def shown(engine: Engine, asked: Asked = Asked(), as_json: bool = False) -> list[str]:  # noqa: B008 - it is frozen
    lines: list[str] = []
    show_all(engine, LIMITS, NOW, asked, as_json, lines.append)
    return lines


def test_the_fleet_is_a_table(engine: Engine) -> None:
    add_kiosk(engine, "koraput-7", software="0.2.0", model="leaf-3", site="School\x1b[31m")
    add_kiosk(engine, "z-1", state="invited", site="A place with quite a long name", last_seen_at=None, backlog=None)
    add_kiosk(engine, "a-22", last_seen_at=NOW - 3 * DAY, disk_free_mb=5)
    assert shown(engine) == [
        "kiosk      site                      state     last seen   waiting  software  model   trouble",
        "a-22       Koraput                   enrolled  3 days ago  3                          silent, disk",
        "koraput-7  School\ufffd[31m               enrolled  1 hour ago  3        0.2.0     leaf-3",
        "z-1        A place with quite a ...  invited   never                                  silent",
        "3 kiosks. In trouble: silent 2, disk 1.",
    ]


def test_few_of_many(engine: Engine) -> None:
    put(engine, kiosk, *(a_kiosk(f"k-{number:04d}") for number in range(2050)))
    add_kiosk(engine, "sick", modem="modem_mute")
    assert len(shown(engine)) == 2 + 2051
    assert shown(engine, Asked(trouble="modem"))[-1] == "1 of 2051 kiosks. In trouble: modem 1."
    assert [json.loads(line)["id"] for line in shown(engine, Asked(trouble="any"), as_json=True)] == ["sick"]


def test_an_empty_fleet_is_said(engine: Engine) -> None:
    assert shown(engine) == ["0 kiosks. In trouble: none."]


def test_one_kiosk_with_what_to_do(engine: Engine) -> None:
    health: dict[str, Any] = {"desired": 3}
    many = {"health": health, "health_at": NOW - HOUR, "oldest_waiting": 7200, "parked": 2, "desired": {"revision": 4}}
    add_kiosk(engine, "koraput-7", modem="modem_mute", place="village:4711", serial="ab", rehearsal=True, **many)
    lines: list[str] = []
    show_one(engine, LIMITS, NOW, "koraput-7", False, lines.append)
    text = "\n".join(lines)
    for part in (
        "koraput-7, enrolled, a rehearsal",
        "Koraput, village:4711",
        "! modem         its modem does not work, so no farmer gets an SMS. Have the modem",
        "3 reports, the oldest for 2 hours, 2 given up, as of 2026-11-25 11:00",
        "unknown, +2 s of ours",
        '{"revision": 4}',
    ):
        assert part in text
    show_one(engine, LIMITS, NOW, "koraput-7", True, lines.append)
    assert json.loads(lines[-1])["health"] == health
    with pytest.raises(NoSuchKiosk):
        show_one(engine, LIMITS, NOW, "koraput-8", False, lines.append)


def test_a_kiosk_of_which_nothing_is_known_is_shown(engine: Engine) -> None:
    put(engine, kiosk, {"id": "new-1", "state": "invited"})
    lines: list[str] = []
    show_one(engine, LIMITS, NOW, "new-1", False, lines.append)
    assert "Last seen       never" in lines
    assert "Certificate     none, ends never" in lines


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 minute"),
        (7199, "1 hour"),
        (7200, "2 hours"),
        (90_000, "1 day"),
        (10**7, "115 days"),
    ],
)
def test_durations(seconds: int, said: str) -> None:
    assert duration(seconds) == said


def test_times_of_a_clock_gone_mad() -> None:
    assert moment(2**40) == "9999-12-31 23:59"
    assert ago(NOW + 5, NOW) == "0 s ago"


def test_every_trouble_is_explained_and_the_command_knows_it() -> None:
    assert cli.TROUBLES == NAMES
    row: dict[str, Any] = {column.name: None for column in kiosk.c} | {"id": "x", "state": "seen", "troubles": NAMES}
    row |= dict.fromkeys(("site", "place", "software", "model", "advice", "modem", "serial"), "")
    said = "\n".join(about(row, NOW))
    assert all(f"{trouble.means}. {trouble.remedy}" in said for trouble in TROUBLES)
