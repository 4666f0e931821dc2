"""What is wanted is told to the broker once for each connection, and again when it changed."""

from __future__ import annotations

from typing import cast

import pytest

from gateway import desired
from gateway.desired import Desires
from gateway.mqtt import Link
from gateway.store import Store
from gateway.wants import Change, want
from tests.gateway.sent import KIOSK, NOW, health, sent, taken


class Published:
    """The broker has it."""

    def is_published(self) -> bool:
        return True


class Recorder:
    """A connection that keeps what it shall retain."""

    def __init__(self) -> None:
        self.retained: list[str] = []

    def retain(self, topic: str, payload: bytes) -> Published:
        self.retained.append(topic)
        return Published()


def test_each_wish_is_told_once_and_a_new_one_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desired, "POLL_S", 0.0)
    taken(store, sent([health()]))
    want(store, KIOSK, Change(daily_kb=20), NOW)
    link = Recorder()
    desires = Desires(store, cast(Link, link), lambda: NOW)
    for _ in range(4):
        desires.step()
    assert len(link.retained) == 1
    want(store, KIOSK, Change(daily_kb=30), NOW)
    for _ in range(4):
        desires.step()
    assert len(link.retained) == 2
