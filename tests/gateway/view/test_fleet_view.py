"""Kiosks and their troubles, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.errors import NoSuchKiosk
from gateway.fleet_view import STATES, Asked, each, fleet, kiosks, one
from gateway.reading import BadCursor, reading
from gateway.tables import kiosk
from gateway.troubles import NAMES, RECENT_DAYS
from tests.gateway.view.fleet_kit import DAY, HOUR, LIMITS, NOW, a_kiosk, add_kiosk, put

AN_HOUR_AGO = NOW - HOUR
LONG_AGO = NOW - (RECENT_DAYS + 1) * DAY

CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"last_seen_at": NOW - 26 * HOUR}, []),
    ({"last_seen_at": NOW - 26 * HOUR - 1}, ["silent"]),
    ({"last_seen_at": None}, ["silent"]),
    ({"last_seen_at": None, "enrolled_at": NOW - HOUR}, []),
    ({"last_seen_at": None, "enrolled_at": None, "state": "invited", "expires_at": None}, []),
    ({"last_seen_at": NOW - 90 * DAY, "state": "revoked", "revoked_at": NOW - 80 * DAY}, []),
    ({"last_seen_at": NOW - 90 * DAY, "state": "seen"}, ["silent"]),
    ({"backlog": 201, "backlog_before": 200}, ["backlog"]),
    ({"backlog": 201, "backlog_before": 201}, []),
    ({"backlog": 200, "backlog_before": 0}, []),
    ({"backlog": 5000, "backlog_before": None}, []),
    ({"clock_off_s": 301}, ["clock"]),
    ({"clock_off_s": -301}, ["clock"]),
    ({"clock_off_s": 300}, []),
    ({"clock_off_s": None, "clock": "unsure"}, []),
    ({"disk_free_mb": 199}, ["disk"]),
    ({"disk_free_mb": 200}, []),
    ({"modem": "modem_mute"}, ["modem"]),
    ({"modem": "starting"}, []),
    ({"modem": ""}, []),
    ({"expires_at": NOW + 30 * DAY - 1}, ["certificate"]),
    ({"expires_at": NOW + 30 * DAY}, []),
    ({"expires_at": NOW - DAY}, ["certificate"]),
    ({"restored_at": AN_HOUR_AGO}, ["restored"]),
    ({"restored_at": LONG_AGO}, []),
    ({"aside_at": AN_HOUR_AGO, "set_aside": 1}, ["garbage"]),
    ({"aside_at": LONG_AGO, "set_aside": 1}, []),
    ({"held_back_at": AN_HOUR_AGO, "held_back": 1}, ["flood"]),
    ({"held_back_at": LONG_AGO, "held_back": 1}, []),
    ({"state": "revoked", "revoked_at": NOW - DAY}, ["revoked"]),
    ({"state": "revoked", "revoked_at": NOW - DAY, "last_seen_at": NOW - DAY}, []),
    ({"state": "revoked", "revoked_at": NOW - DAY, "last_seen_at": None}, []),
    ({"state": "revoked", "revoked_at": LONG_AGO - DAY, "last_seen_at": LONG_AGO}, []),
    ({"disk_free_mb": 1, "modem": "modem_gone", "clock_off_s": 10**6}, ["clock", "disk", "modem"]),
]


def test_each_trouble_has_its_rule(engine: Engine) -> None:
    put(engine, kiosk, *(a_kiosk(f"case-{number:02d}", **values) for number, (values, _) in enumerate(CASES)))
    rows = kiosks(engine, LIMITS, NOW, Asked()).rows
    assert [(CASES[number][0], row["troubles"]) for number, row in enumerate(rows)] == CASES
    assert {trouble for _, troubles in CASES for trouble in troubles} == set(NAMES)


def test_those_with_a_trouble_are_found_and_counted(engine: Engine) -> None:
    put(engine, kiosk, *(a_kiosk(f"case-{number:02d}", **values) for number, (values, _) in enumerate(CASES)))
    found = {name: len(kiosks(engine, LIMITS, NOW, Asked(trouble=name)).rows) for name in NAMES}
    assert found == {name: sum(name in troubles for _, troubles in CASES) for name in NAMES}
    assert len(kiosks(engine, LIMITS, NOW, Asked(trouble="any")).rows) == sum(bool(troubles) for _, troubles in CASES)
    with reading(engine) as db:
        assert fleet(db, LIMITS, NOW).troubles == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Asked(), ["a-1", "b-2", "c-3"]),
        (Asked(site="Jeypore"), ["b-2"]),
        (Asked(state="revoked"), ["c-3"]),
        (Asked(since=NOW - 2 * HOUR), ["a-1", "c-3"]),
        (Asked(site="Nowhere"), []),
        (Asked(site="Jeypore", trouble="silent", state="enrolled"), ["b-2"]),
    ],
)
def test_kiosks_are_chosen(engine: Engine, asked: Asked, found: list[str]) -> None:
    add_kiosk(engine, "a-1")
    add_kiosk(engine, "b-2", site="Jeypore", last_seen_at=NOW - 30 * HOUR)
    add_kiosk(engine, "c-3", state="revoked", revoked_at=NOW)
    assert [row["id"] for row in kiosks(engine, LIMITS, NOW, asked).rows] == found


def test_pages_hold_each_kiosk_once_though_some_come_meanwhile(engine: Engine) -> None:
    for number in range(7):
        add_kiosk(engine, f"k-{number}0")
    page = kiosks(engine, LIMITS, NOW, Asked(), None, 3)
    met = [row["id"] for row in page.rows]
    add_kiosk(engine, "k-05")
    add_kiosk(engine, "k-45")
    while page.cursor is not None:
        page = kiosks(engine, LIMITS, NOW, Asked(), page.cursor, 3)
        met += [row["id"] for row in page.rows]
    assert met == ["k-00", "k-10", "k-20", "k-30", "k-40", "k-45", "k-50", "k-60"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "W10", "WzFd", "W251bGxd", "WyJhIiwiYiJd", "WyJhXHUwMDAwIl0", "[]", "W" * 401]
)
def test_a_cursor_of_elsewhere_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(BadCursor):
        kiosks(engine, LIMITS, NOW, Asked(), cursor)


def test_one_kiosk_is_shown_whole(engine: Engine) -> None:
    health: dict[str, Any] = {"uptime": 5, "parts": [["sms", "ok"]]}
    add_kiosk(engine, "koraput-7", health=health, desired={"revision": 2}, serial="ab12", modem="modem_mute")
    row = one(engine, LIMITS, NOW, "koraput-7")
    assert (row["health"], row["desired"], row["serial"], row["troubles"]) == (
        health,
        {"revision": 2},
        "ab12",
        ["modem"],
    )
    assert not {"certificate", "boot", "is_modem"} & row.keys()
    with pytest.raises(NoSuchKiosk, match="'koraput-8'"):
        one(engine, LIMITS, NOW, "koraput-8")


def test_the_fleet_in_numbers(engine: Engine) -> None:
    with reading(engine) as db:
        empty = fleet(db, LIMITS, NOW)
    assert (empty.kiosks, empty.newest, set(empty.sums.values()), set(empty.troubles.values())) == (0, None, {0}, {0})
    add_kiosk(engine, "a-1", diagnoses=4, bytes=1000, parked=None)
    add_kiosk(engine, "b-2", diagnoses=5, backlog=None, last_seen_at=NOW)
    add_kiosk(engine, "c-3", state="invited", diagnoses=0, last_seen_at=None)
    with reading(engine) as db:
        whole = fleet(db, LIMITS, NOW)
        shown = each(db, LIMITS, NOW, 10)
        fewer = each(db, LIMITS, NOW, 1)
    assert whole.states == {**dict.fromkeys(STATES, 0), "enrolled": 2, "invited": 1}
    assert (whole.sums["diagnoses"], whole.sums["bytes"], whole.sums["backlog"]) == (9, 1000, 6)
    assert (whole.newest, whole.kiosks) == (NOW, 3)
    assert {row["id"] for row in shown} == {"a-1", "b-2"}
    assert len(fewer) == 1
