"""The serial port of a modem, on the event loop. The only module that knows pyserial.

Rules kept here:
- the descriptor never blocks and no thread waits on it: the loop tells when it can be read or written, so a modem that
  hangs cannot hang the process;
- what the modem says is taken at once, asked for or not: nothing piles up while the kiosk is idle;
- the name is looked up anew at each opening, since a modem that was pulled comes back under another number.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import termios
from collections.abc import Callable

import serial

from edge_daemon.errors import ConfigError, ModemGone

READ_BYTES = 4096

_ADVICE = {
    errno.ENOENT: "Plug the modem in, or correct [modem] port",
    errno.EACCES: "Let this user use serial ports (group dialout)",
    errno.EAGAIN: "Another program uses it; end that one",
}
_CHECK_CABLE = "Check its cable and power"


class Port:
    """An open port. Made by open_port; close() may be called twice.

    receive: called with what came, never empty. lost: called once, when the modem is gone by itself.
    """

    def __init__(
        self, device: serial.Serial, name: str, receive: Callable[[bytes], None], lost: Callable[[ModemGone], None]
    ) -> None:
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

    def close(self) -> None:
        """Give the port back. What was not yet sent is dropped: waiting for it could take a hung modem's for ever."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
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


def open_port(name: str, baud: int, receive: Callable[[bytes], None], lost: Callable[[ModemGone], None]) -> Port:
    """Open a device, pty or pyserial URL that has a descriptor, for this process alone.

    Raises ModemGone if it is not there, ConfigError for a name or speed that cannot be. pyserial passes over the
    ENOTTY that a pty answers when RTS or DTR is set.
    """
    try:
        device = serial.serial_for_url(name, baudrate=baud, timeout=0, write_timeout=0, exclusive=True)
        return Port(device, name, receive, lost)
    except (
        ValueError
    ) as why:  # an unknown URL, a speed that the device lacks, or io.UnsupportedOperation: no descriptor
        raise ConfigError(f"[modem] port {name!r} at {baud} baud cannot be opened: {why}. Correct it.") from why
    except OSError as why:  # SerialException is one
        raise gone(name, why) from why
    except termios.error as why:  # pulled while it was being set up
        raise gone(name, OSError(*why.args)) from why


def gone(name: str, why: OSError | None) -> ModemGone:
    """The sentence for a port that cannot be opened, or that was lost."""
    if why is None:
        return ModemGone(f"The modem at {name} hung up. {_CHECK_CABLE}; it is opened again.")
    advice = _ADVICE.get(why.errno or 0, _CHECK_CABLE)
    reason = os.strerror(why.errno) if why.errno else str(why).rstrip(".")
    return ModemGone(f"The modem at {name} is not there: {reason}. {advice}; it is opened again.")
