"""ModemSimulator: a modem at the far end of a pty, for rehearsals and tests. The driver in front of it is the real one.

Its methods are the faults that a real one has. Each holds for every byte that is read after the call returns.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from edge_daemon.modem.far_end import FarEnd
from edge_daemon.modem.firmware import Firmware
from edge_daemon.modem.network import Network, ReceivedSms, read_log

__all__ = ["ModemSimulator", "ReceivedSms", "read_log"]


class ModemSimulator:
    """A simulated modem and its network: `with ModemSimulator() as modem: ... modem.port ...`.

    link: a name that stands for the pty, as udev's does; it goes and comes with the modem.
    log: a file that gets a JSON line for each PDU before it is confirmed; read_log reads it.
    on_message: called in the simulator's thread for each message that is complete.
    pin: the SIM asks for it at each power-on.
    """

    def __init__(
        self,
        *,
        link: Path | None = None,
        log: Path | None = None,
        on_message: Callable[[ReceivedSms], None] | None = None,
        pin: str | None = None,
    ) -> None:
        self._network = Network(log, self._arrived)
        self._on_message = on_message
        self._firmware = Firmware(self._network, pin)
        self._pin = pin
        self._link = link
        self._far_end = FarEnd(lambda data: self._firmware.receive(data))

    def __enter__(self) -> Self:
        self._plug_in()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the pty away and end the thread; may be called twice."""
        self._far_end.close()
        self._remove_link()

    @property
    def port(self) -> str:
        """What a kiosk opens: the link if there is one, else the pty's name."""
        return str(self._link) if self._link else self._far_end.name

    @property
    def received(self) -> tuple[ReceivedSms, ...]:
        """The messages that the network took, the oldest first."""
        with self._far_end.lock:
            return self._network.received

    @property
    def commands(self) -> tuple[str, ...]:
        """The last command lines since power-on, the oldest first."""
        with self._far_end.lock:
            return tuple(self._firmware.commands)

    def wait_for(self, messages: int, timeout_s: float) -> tuple[ReceivedSms, ...]:
        """Wait until so many messages are complete. Raises TimeoutError."""

        def complete() -> int:
            return sum(sms.complete for sms in self._network.received)

        with self._far_end.lock:
            if not self._far_end.lock.wait_for(lambda: complete() >= messages, timeout_s):
                raise TimeoutError(f"{complete()} of {messages} messages came within {timeout_s:g} s")
            return self._network.received

    def go_mute(self, at: str | None = None) -> None:
        """Say nothing from now on, or from the command on that begins with `at`."""
        self._set(mute=at is None, mute_at=at)

    def speak_again(self) -> None:
        """End of go_mute."""
        self._set(mute=False, mute_at=None)

    def hang_up(self) -> None:
        """As if the plug were pulled: the pty is closed, and the link is gone."""
        self._far_end.pull_out()
        self._remove_link()

    def come_back(self) -> None:
        """Plugged in again after hang_up: another pty, freshly powered on."""
        with self._far_end.lock:
            self._firmware = Firmware(self._network, self._pin)
        self._plug_in()

    def refuse(self, number: str, code: int) -> None:
        """Answer +CMS ERROR: code to each message for this number."""
        with self._far_end.lock:
            self._network.refused[number] = code

    def accept(self, number: str) -> None:
        """End of refuse."""
        with self._far_end.lock:
            self._network.refused.pop(number, None)

    def answer_slowly(self, delay_s: float) -> None:
        """Say everything so much later; 0 for at once."""
        with self._far_end.lock:
            self._far_end.delay_s = delay_s

    def split_output(self, chunk_bytes: int) -> None:
        """Write so many bytes at a time."""
        with self._far_end.lock:
            self._far_end.chunk_bytes = chunk_bytes

    def interleave(self, *lines: str) -> None:
        """Say these lines unasked, before and inside each reply; none for silence."""
        self._set(noise=lines)

    def announce(self, *lines: str) -> None:
        """Say these lines now."""
        self._far_end.say(b"".join(b"\r\n" + line.encode("ascii") + b"\r\n" for line in lines))

    def keep_echo(self) -> None:
        """Answer ATE0 with OK and go on echoing."""
        self._set(deaf_to_echo_off=True)

    def set_registration(self, state: int) -> None:
        """The state in +CREG: 1 at home, 5 roaming; 0, 2, 3, 4 not registered (3GPP TS 27.007, 7.2)."""
        self._set(registration=state)

    def forget_answers(self, count: int) -> None:
        """Take so many PDUs without confirming them."""
        self._set(answers_to_forget=count)

    def _set(self, **values: Any) -> None:
        with self._far_end.lock:
            for name, value in values.items():
                setattr(self._firmware, name, value)

    def _arrived(self, sms: ReceivedSms) -> None:
        self._far_end.lock.notify_all()
        if self._on_message is not None:
            self._on_message(sms)

    def _plug_in(self) -> None:
        self._far_end.plug_in()
        if self._link is not None:
            fresh = self._link.with_name(f"{self._link.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._far_end.name)
            os.replace(fresh, self._link)

    def _remove_link(self) -> None:
        if self._link is not None:
            with contextlib.suppress(FileNotFoundError):
                self._link.unlink()
