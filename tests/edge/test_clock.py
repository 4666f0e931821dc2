"""Whose time is believed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_daemon import clock
from edge_daemon.clock import GATEWAY_TIME, NETWORK_TIME, ToldTime, system_now

FAR = datetime(2031, 1, 1, tzinfo=UTC)
FURTHER = datetime(2032, 1, 1, tzinfo=UTC)
SOON = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def nobody_has_told() -> Iterator[None]:
    yield
    for told in (GATEWAY_TIME, NETWORK_TIME):
        told.forget()


def test_a_time_that_was_told_goes_on() -> None:
    at_s = [10.0]
    told = ToldTime(lambda: at_s[0])
    assert told.now() is None
    told.offer(FAR)
    at_s[0] = 70.0
    assert told.now() == FAR + SOON
    told.forget()
    assert told.now() is None


def test_the_gateway_s_time_goes_before_the_network_s_and_the_time_service_s_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "SYNCHRONISED", tmp_path / "synchronized")
    assert system_now().clock == "unsure"
    NETWORK_TIME.offer(FAR)
    assert (system_now().clock, system_now().utc.year) == ("synced", 2031)
    GATEWAY_TIME.offer(FURTHER)
    assert (system_now().clock, system_now().utc.year) == ("synced", 2032)
    (tmp_path / "synchronized").touch()
    now = system_now()
    assert now.clock == "synced"
    assert abs(now.utc - datetime.now(UTC)) < SOON
