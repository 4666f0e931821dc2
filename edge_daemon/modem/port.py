"""The serial port of a modem, on the event loop. The only module that knows pyserial.

Rules kept here:
- the descriptor never blocks and no thread waits on it: the loop tells when it can be read or written, so a modem that
  hangs cannot hang the process. Only a port without a descriptor (rfc2217://) has a thread, in distant_port.py;
- what the modem says is taken at once, asked for or not: nothing piles up while the kiosk is idle;
- the name is looked up anew at each opening, since a modem that was pulled comes back under another number; and while
  the port is open it can be asked whether the name still leads to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import termios
from collections.abc import Callable
from typing import Protocol

import serial

from edge_daemon.errors import ConfigError, ModemGone
from edge_daemon.modem.distant_port import DistantPort, close_in_thread, in_thread

READ_BYTES = 4096
CONNECT_S = 10.0
"""How long reaching a port over the network may take; pyserial gives up after 5 s, and after 3 s more for RFC 2217."""

Receive = Callable[[bytes], None]
Lose = Callable[[ModemGone], None]

_ADVICE = {
    errno.ENOENT: "Plug the modem in, or correct [modem] port",
    errno.EACCES: "Let this user use serial ports (group dialout)",
    errno.EAGAIN: "Another program uses it; end that one",
}
_CHECK_CABLE = "Check its cable and power"


class AnyPort(Protocol):
    """An open port. close() may be called twice."""

    @property
    def name(self) -> str: ...
    async def write(self, data: bytes) -> None:
        """Write it all; the caller sets the deadline. Raises ModemGone."""

    def check_name(self) -> None:
        """Raises ModemGone where the name leads to another device than the one that is open."""

    def close(self) -> None: ...


class Port:
    """An open port with a descriptor. Made by open_port; close() may be called twice.

    receive: called with what came, never empty. lost: called once, when the modem is gone by itself.
    """

    def __init__(self, device: serial.Serial, name: str, receive: Receive, lost: Lose) -> None:
        self.name = name
        self._device = device
        self._descriptor = device.fileno()
        self._receive = receive
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._loop.add_reader(self._descriptor, self._readable)

    async def write(self, data: bytes) -> None:
        """Write it all; the caller sets the deadline. Raises ModemGone."""
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                await self._writable()
            except OSError as why:
                raise gone(self.name, why) from why

    def check_name(self) -> None:
        """Raises ModemGone where the name leads elsewhere by now: after re-enumeration an old handle may look alive."""
        if "://" in self.name:
            return
        try:
            same = os.stat(self.name).st_rdev == os.fstat(self._descriptor).st_rdev
        except OSError as why:
            raise gone(self.name, why) from why
        if not same:
            raise ModemGone(f"The modem at {self.name} has come back as another device; it is opened again.")

    def close(self) -> None:
        """Give the port back. What was not yet sent is dropped: waiting for it could take a hung modem's for ever."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        if "://" in self.name:
            close_in_thread(self._device)
            return
        with contextlib.suppress(OSError, termios.error):
            self._device.reset_output_buffer()
        with contextlib.suppress(OSError):
            self._device.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as why:
            self._hung_up(gone(self.name, why))
            return
        if data:
            self._receive(data)
        else:
            self._hung_up(gone(self.name, None))

    def _hung_up(self, why: ModemGone) -> None:
        self._loop.remove_reader(self._descriptor)  # or the loop would spin on the dead descriptor
        self._lost(why)

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._descriptor, _resolve, ready)
        try:
            await ready
        finally:
            if self._open:
                self._loop.remove_writer(self._descriptor)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def open_port(name: str, baud: int, receive: Receive, lost: Lose) -> AnyPort:
    """Open a device or pty for this process alone, or a port over the network: socket://host:port, rfc2217://host:port.

    Raises ModemGone if it is not there, ConfigError for a name or speed that cannot be. pyserial passes over the
    ENOTTY that a pty answers when RTS or DTR is set.
    """
    try:
        if "://" not in name:
            return Port(_open(name, baud), name, receive, lost)
        device = await _connect(name, baud)
        kind = Port if _has_descriptor(device) else DistantPort
        return kind(device, name, receive, lost)
    except ValueError as why:  # an unknown URL, or a speed that the device lacks
        raise ConfigError(f"[modem] port {name!r} at {baud} baud cannot be opened: {why}. Correct it.") from why
    except TimeoutError as why:
        raise gone(name, OSError(errno.ETIMEDOUT, "")) from why
    except OSError as why:  # SerialException is one
        raise gone(name, why) from why
    except termios.error as why:  # pulled while it was being set up
        raise gone(name, OSError(*why.args)) from why


def _open(name: str, baud: int) -> serial.Serial:
    return serial.serial_for_url(name, baudrate=baud, timeout=0, write_timeout=0, exclusive=True)


async def _connect(name: str, baud: int) -> serial.Serial:
    """In a thread, since pyserial waits for the far end; one that comes too late is closed when it comes."""
    connecting = in_thread(lambda: _open_distant(name, baud), f"open {name}")
    try:
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.shield(connecting)
    except (TimeoutError, asyncio.CancelledError):
        connecting.add_done_callback(_close_late)
        raise


def _open_distant(name: str, baud: int) -> serial.Serial:
    device = serial.serial_for_url(name, baudrate=baud, timeout=DistantPort.READ_S, do_not_open=True)
    device.open()
    return device


def _close_late(connecting: asyncio.Future[serial.Serial]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        close_in_thread(connecting.result())


def _has_descriptor(device: serial.Serial) -> bool:
    """socket:// has one; rfc2217:// has none, its octets go through pyserial's own protocol."""
    try:
        descriptor = device.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return False
    os.set_blocking(descriptor, False)
    return True


def gone(name: str, why: OSError | None) -> ModemGone:
    """The sentence for a port that cannot be opened, or that was lost."""
    if why is None:
        return ModemGone(f"The modem at {name} hung up. {_CHECK_CABLE}; it is opened again.")
    advice = _ADVICE.get(why.errno or 0, _CHECK_CABLE)
    if "://" in name:
        advice = "Check that the other machine runs and can be reached"
    reason = os.strerror(why.errno) if why.errno else str(why).rstrip(".")
    return ModemGone(f"The modem at {name} is not there: {reason}. {advice}; it is opened again.")
