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


def close_in_thread(device: Device) -> None:
    """Close a port over the network: the far end may not answer any more, and pyserial waits a while after it."""
    threading.Thread(target=_close, args=(device,), name="close port", daemon=True).start()


def _close(device: Device) -> None:
    connection = getattr(device, "_socket", None)  # pyserial 3.5 forgets it unclosed where the far end hung up first
    with contextlib.suppress(OSError):
        device.close()
    if connection is not None:
        connection.close()


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
        """Give the port back."""
        if self._open:
            self._open = False
            close_in_thread(self._device)

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
