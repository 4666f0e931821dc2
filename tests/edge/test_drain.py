"""Draining: who is told what of each message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from edge_daemon.drain import drain, flush
from edge_daemon.errors import ModemGone, Refused, SendFailed


@dataclass
class ListOutbox:
    """An outbox of words; whoever waits at its end is cancelled."""

    words: list[str]
    told: list[tuple[str, str]] = field(default_factory=list)
    idle: int = 0

    async def next(self, patience_s: float) -> str | None:
        if not self.words:
            raise asyncio.CancelledError
        return self.take() or None

    def take(self) -> str | None:
        return self.words.pop(0) if self.words else None

    def delivered(self, message: str) -> None:
        self.told.append((message, "delivered"))

    def failed(self, message: str, why: Exception) -> None:
        self.told.append((message, f"failed: {why}"))

    def park(self, message: str, why: Exception) -> None:
        self.told.append((message, f"parked: {why}"))


async def deliver(word: str) -> None:
    if word == "bad number":
        raise Refused("never")
    if word == "busy":
        raise SendFailed("later")
    if word == "cable":
        raise ModemGone("pulled")


async def nothing() -> None:
    return None


def test_one_bad_number_does_not_stop_the_next() -> None:
    outbox = ListOutbox(["a", "bad number", "b"])
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drain(outbox, deliver, nothing))
    assert outbox.told == [("a", "delivered"), ("bad number", "parked: never"), ("b", "delivered")]


def test_one_that_is_not_taken_now_does_not_stop_the_next() -> None:
    outbox = ListOutbox(["a", "busy", "b"])
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drain(outbox, deliver, nothing))
    assert outbox.told == [("a", "delivered"), ("busy", "failed: later"), ("b", "delivered")]


def test_a_failing_channel_ends_the_drain_and_keeps_the_message() -> None:
    outbox = ListOutbox(["a", "cable", "b"])
    with pytest.raises(ModemGone):
        asyncio.run(drain(outbox, deliver, nothing))
    assert outbox.told == [("a", "delivered"), ("cable", "failed: pulled")]
    assert outbox.words == ["b"]


def test_an_idle_channel_is_asked_whether_it_is_there() -> None:
    async def gone() -> None:
        raise ModemGone("unplugged")

    with pytest.raises(ModemGone):
        asyncio.run(drain(ListOutbox([""]), deliver, gone))


def test_flush_sends_what_waits_and_returns() -> None:
    outbox = ListOutbox(["a", "bad number", "b"])
    asyncio.run(flush(outbox, deliver))
    assert [word for word, _ in outbox.told] == ["a", "bad number", "b"]
