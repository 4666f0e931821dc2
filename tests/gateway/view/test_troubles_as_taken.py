"""From what a kiosk sends, by way of a worker's transaction, to the trouble that the fleet shows of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from edge_daemon.wire import topics
from edge_daemon.wire.messages import Message
from gateway.config import Ingest
from gateway.fleet_view import one
from gateway.parcel import Incoming
from gateway.reports_view import Wanted, alarms, aside_rows, counts, diagnoses, ledger_rows
from gateway.store import Store
from gateway.tables import kiosk
from gateway.troubles import HOUR_S
from tests.gateway.sent import BOOT, KIOSK, NOW, alarm, diagnosis, health, ledger, ledger_row, sent, taken
from tests.gateway.view.fleet_kit import LIMITS

WELL: dict[str, Any] = {"parts": (("sms", "ok"),)}


def troubles(store: Store, now: int = NOW) -> list[str]:
    found: list[str] = one(store.engine, LIMITS, now, KIOSK)["troubles"]
    return found


@pytest.mark.parametrize(
    ("told", "trouble"),
    [
        (WELL, []),
        ({}, ["modem"]),
        ({**WELL, "disk_free_mb": 12}, ["disk"]),
        ({**WELL, "at": NOW + 4000}, ["clock"]),
        ({**WELL, "reports_waiting": 5000}, []),
    ],
)
def test_a_health_report(store: Store, told: dict[str, Any], trouble: list[str]) -> None:
    taken(store, sent([health(**told)]))
    assert troubles(store) == trouble
    assert troubles(store, NOW + 27 * HOUR_S) == ["silent", *trouble]


def test_a_backlog_that_grows(store: Store) -> None:
    for place, waiting in enumerate((150, 300, 250)):
        taken(store, sent([health(**WELL, reports_waiting=waiting, uptime=100 + place)], first=1 + place))
        assert troubles(store) == (["backlog"] if waiting == 300 else [])


def test_an_older_card(store: Store) -> None:
    taken(store, sent([health(**WELL, starts=9)]))
    taken(store, sent([health(**WELL, starts=4, at=NOW)], boot=BOOT[::-1]), now=NOW + 60)
    assert troubles(store) == ["restored"]


def test_garbage_is_a_trouble_for_a_week(store: Store) -> None:
    taken(store, sent([diagnosis(1)]), Incoming(topics.up(KIOSK), b"garbage"))
    assert troubles(store) == ["garbage"]
    taken(store, sent([diagnosis(2)], first=2), now=NOW + 8 * 24 * HOUR_S)
    assert troubles(store, NOW + 8 * 24 * HOUR_S) == []
    assert [row["begin"] for row in aside_rows(store.engine, KIOSK).rows] == [b"garbage".hex()]


def test_more_than_its_share(store: Store) -> None:
    batches = [sent([diagnosis(10 * place + n) for n in range(4)], first=1 + 4 * place) for place in range(3)]
    taken(store, *batches, limits=Ingest(hourly_messages=5))
    assert troubles(store) == ["flood"]


def test_a_revoked_kiosk_that_the_broker_lets_in(store: Store) -> None:
    with store.writing() as db:
        db.execute(insert(kiosk).values(id=KIOSK, state="revoked", revoked_at=NOW - HOUR_S))
    assert troubles(store) == []
    taken(store, sent([diagnosis(1)]))
    assert troubles(store) == ["revoked"]


def test_what_was_taken_is_what_is_shown(store: Store) -> None:
    said: list[Message] = [diagnosis(1), diagnosis(2, rehearsal=True), ledger(NOW, ledger_row()), alarm()]
    taken(store, sent(said))
    assert [row["id"] for row in diagnoses(store.engine, Wanted()).rows] == [diagnosis(1).diagnosis]
    assert [row["label"] for row in ledger_rows(store.engine, Wanted(), False).rows] == ["rice/blast"]
    assert [row["what"] for row in alarms(store.engine, Wanted()).rows] == ["outbreak"]
    assert counts(store.engine, ("label",), Wanted()) == [{"label": "rice/blast", "diagnoses": 1, "visits": 1}]
