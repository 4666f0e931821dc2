"""Keep the parts running: a device's trouble begins its part again, a bug ends the process, systemd begins that again.

Also the only place that talks to systemd (sd_notify(3)). Elsewhere, or where systemd-python is not installed, the
daemon says so once and goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from edge_daemon.errors import DeviceError, KrishiError, StateError

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
"""A farmer may be standing there: a device that came back is noticed within this."""
HEALTHY_S = 60.0
"""A part that ran this long had recovered: its next trouble begins with the first wait again."""

log = logging.getLogger(__name__)


@dataclass
class Health:
    """How each part is: "ok", "starting", "idle", or the trouble in a sentence. What `status` shows.

    troubles: the name of each such trouble, such as "modem_mute".
    """

    parts: dict[str, str] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def ok(self, name: str) -> None:
        """The part does its work. Each says so by itself: supervise cannot see when it has recovered."""
        self.say(name, "ok")

    def say(self, name: str, word: str) -> None:
        """How the part is, in a word: it has no trouble."""
        self.parts[name] = word
        self.troubles.pop(name, None)

    def bad(self, name: str, why: KrishiError) -> None:
        """The part does not."""
        self.parts[name] = str(why)
        self.troubles[name] = why.name

    def states(self) -> dict[str, str]:
        """Each part in a word: "ok", "starting", "idle", or the name of its trouble."""
        return {name: self.troubles.get(name, said) for name, said in self.parts.items()}


async def supervise(name: str, part: Callable[[], Awaitable[None]], health: Health) -> None:
    """Run a part for ever. A DeviceError begins it again, after a growing, bounded, jittered wait; a bug passes.

    So does a StateError: with a full disk the kiosk still names diseases, and somebody may come and make room.
    """
    loop = asyncio.get_running_loop()
    wait_s = FIRST_WAIT_S
    health.parts.setdefault(name, "starting")
    while True:
        begun = loop.time()
        try:
            await part()
        except (DeviceError, StateError) as why:
            health.bad(name, why)
            if loop.time() - begun >= HEALTHY_S:
                wait_s = FIRST_WAIT_S
            log.warning("%s: %s Trying again in %.0f s.", name, why, wait_s)
        await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - spreads kiosks, guards nothing
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all at once until one fails; the others are ended then, and its trouble is ours. A bug passes as it is.

    Whoever is told to end ends, though a part fails in the same moment: asyncio.TaskGroup would put that failure in the
    place of the cancellation (before Python 3.13), and the daemon would live on after SIGTERM without its web.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    failures = [why for task in (*done, *tasks) if not task.cancelled() and (why := task.exception())]
    bugs = [why for why in failures if not isinstance(why, (DeviceError, StateError))]
    for why in bugs or failures:
        raise why


class ServiceManager:
    """systemd, as this process sees it: readiness, watchdog, status line."""

    def __init__(self) -> None:
        self._notify = _systemd_notify()

    def ready(self, status: str) -> None:
        """The kiosk can serve visits."""
        self._notify(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The kiosk was asked to end."""
        self._notify("STOPPING=1")

    async def feed_watchdog(self) -> None:
        """Show for ever that the loop turns, at half of what systemd allows (sd_watchdog_enabled(3))."""
        allowed_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        if not allowed_us:
            return
        while True:
            self._notify("WATCHDOG=1")
            await asyncio.sleep(allowed_us / 2e6)


def _systemd_notify() -> Callable[[str], object]:
    if "NOTIFY_SOCKET" not in os.environ:
        log.info("Not started by systemd: no readiness is reported and no watchdog is fed.")
        return _nobody_listens
    try:
        from systemd import daemon
    except ImportError:
        log.warning("systemd-python is not installed: no readiness is reported and no watchdog is fed.")
        return _nobody_listens
    notify: Callable[[str], object] = daemon.notify
    return notify


def _nobody_listens(_: str) -> None:
    """Where there is no service manager."""
