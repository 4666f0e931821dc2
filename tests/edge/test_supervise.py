"""Supervision: trouble begins a part again, a bug does not; systemd hears of readiness on its real socket."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from edge_daemon import supervise as supervision
from edge_daemon.errors import ModemGone, ModemMute, StateFull
from edge_daemon.supervise import Health, ServiceManager, supervise, together


class Part:
    """Fails as told, one failure a start."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.starts = 0

    async def run(self) -> None:
        self.starts += 1
        raise self.failures.pop(0)


def test_trouble_begins_the_part_again_and_a_bug_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_WAIT_S", 0.001)
    part, health = Part(ModemMute("no answer"), StateFull("no room"), ZeroDivisionError()), Health()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(supervise("sms", part.run, health))
    assert part.starts == 3
    assert health.parts == {"sms": "no room"}


@pytest.mark.parametrize("fails_first", [True, False])
def test_a_part_that_fails_as_it_is_told_to_end_ends(fails_first: bool) -> None:
    """The modem is pulled in the moment at which systemd says stop: the process must not live on without its web."""

    async def scene() -> None:
        pulled, begun = asyncio.Event(), asyncio.Event()

        async def modem() -> None:
            begun.set()
            try:
                await pulled.wait()
            finally:
                raise ModemGone("pulled")

        async def others() -> None:
            await asyncio.Event().wait()

        running = asyncio.create_task(supervise("sms", lambda: together(modem(), others()), Health()))
        await begun.wait()
        if fails_first:
            pulled.set()
            await asyncio.sleep(0)
        running.cancel()
        async with asyncio.timeout(10):
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(scene())


def test_the_waits_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def noted(wait_s: float) -> None:
        waits.append(wait_s)

    monkeypatch.setattr(asyncio, "sleep", noted)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(supervise("sms", Part(*[ModemMute("x")] * 12, ZeroDivisionError()).run, Health()))
    assert waits[0] <= 1.25 * supervision.FIRST_WAIT_S
    assert waits[3] > 4 * supervision.FIRST_WAIT_S
    assert max(waits) <= 1.25 * supervision.LONGEST_WAIT_S


def test_without_systemd_it_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    caplog.set_level("INFO")
    manager = ServiceManager()
    manager.ready("x")
    manager.stopping()
    asyncio.run(manager.feed_watchdog())
    assert caplog.text.count("Not started by systemd") == 1


@pytest.mark.needs("module:systemd.daemon")
def test_systemd_hears_of_readiness_and_the_watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        manager = ServiceManager()
        manager.ready("Ready")
        assert listener.recv(100) == b"READY=1\nSTATUS=Ready"

        async def feed() -> None:
            feeding = asyncio.create_task(manager.feed_watchdog())
            for _ in range(3):
                assert await asyncio.to_thread(listener.recv, 100) == b"WATCHDOG=1"
            feeding.cancel()

        asyncio.run(feed())
