"""A port without a descriptor: rfc2217://, whose octets go through pyserial's own protocol (RFC 2217).

A thread reads, since nothing else can wait for it; it looks up a few times a second, so closing never waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
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


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """What `work` gives or raises, from a thread that the end of the process does not wait for.

    asyncio's own threads are waited for, and a far end that does not answer holds pyserial up for 8 s and more.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: None if done.done() else settled())

    def run() -> None:
        try:
            result = work()
        except (OSError, ValueError, TypeError, AttributeError) as why:  # what pyserial raises, closed meanwhile or not
            settle(functools.partial(done.set_exception, why))
        else:
            settle(functools.partial(done.set_result, result))

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


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
            await in_thread(lambda: self._device.write(data), f"write {self.name}")
        except (OSError, TypeError, AttributeError) as why:  # as in _read
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
