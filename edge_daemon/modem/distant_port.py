"""A port without a descriptor: rfc2217://, whose octets go through pyserial's own protocol (RFC 2217).

A thread reads, since nothing else can wait for it; it looks up a few times a second, so closing never waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import ClassVar, Protocol, TypeVar

from edge_daemon.errors import ModemGone

T = TypeVar("T")


class Device(Protocol):
    """What is asked of pyserial's port."""

    @property
    def in_waiting(self) -> int: ...
    def read(self, size: int) -> bytes: ...
    def write(self, data: bytes) -> int | None: ...
    def close(self) -> None: ...


class DistantPort:
    """An open port, read by a thread. Made by open_port; close() may be called twice."""

    READ_S: ClassVar[float] = 0.2
    """The device's own time limit of a read."""

    def __init__(
        self, device: Device, name: str, receive: Callable[[bytes], None], lost: Callable[[ModemGone], None]
    ) -> None:
        self.name = name
        self._device = device
        self._receive = receive
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._open = True
        threading.Thread(target=self._read, name=f"read {name}", daemon=True).start()

    async def write(self, data: bytes) -> None:
        """Write it all, in a thread; the caller sets the deadline. Raises ModemGone."""
        try:
            await self._loop.run_in_executor(None, self._device.write, data)
        except OSError as why:
            raise self._gone(why) from why

    def check_name(self) -> None:
        """A name over the network leads where it led: the connection would have ended."""

    def close(self) -> None:
        """Give the port back, in a thread: the far end may not answer any more."""
        if self._open:
            self._open = False
            threading.Thread(target=self._close, name=f"close {self.name}", daemon=True).start()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._device.close()

    def _read(self) -> None:
        while self._open:
            try:
                data = self._device.read(max(1, self._device.in_waiting))
            except (OSError, TypeError, AttributeError) as why:  # pyserial takes its socket away while we read
                self._tell(self._lost, self._gone(why))
                return
            if data:
                self._tell(self._receive, data)

    def _tell(self, whom: Callable[[T], None], what: T) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._if_open, whom, what)

    def _if_open(self, whom: Callable[[T], None], what: T) -> None:
        if self._open:
            whom(what)

    def _gone(self, why: Exception) -> ModemGone:
        return ModemGone(
            f"The modem at {self.name} hung up: {str(why).rstrip('.')}. "
            "Check that the other machine runs and can be reached; it is opened again."
        )
