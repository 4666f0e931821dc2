"""The simulated modem on its pty: plugged in, pulled out, without power; and how a test waits for it.

Each method holds for every byte that is read after the call returns.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from edge_daemon.modem.simulation.far_end import FarEnd
from edge_daemon.modem.simulation.firmware import Firmware
from edge_daemon.modem.simulation.models import MODELS, ModelName
from edge_daemon.modem.simulation.network import Network, ReceivedSms
from edge_daemon.modem.simulation.settings import Faults
from edge_daemon.modem.simulation.sim import Sim


class PluggedModem:
    """A simulated modem and its network, and the pty between it and the kiosk."""

    def __init__(
        self,
        *,
        link: Path | None = None,
        log: Path | None = None,
        on_message: Callable[[ReceivedSms], None] | None = None,
        pin: str | None = None,
        model: ModelName = "simulator",
        sim: Sim | None = None,
    ) -> None:
        self._network = Network(log, on_message)
        self._link = link
        self._far_end = FarEnd(lambda data: self._firmware.receive(data))
        self._firmware = Firmware(
            self._network,
            sim or Sim(pin),
            model=MODELS[model],
            faults=Faults(reports_hidden=MODELS[model].hides_reports),
            later=self._far_end.later,
        )

    def __enter__(self) -> Self:
        """Raises OSError where the link cannot be made; what is there and no link is left alone."""
        self._far_end.plug_in()
        try:
            self._place_link()
        except OSError:
            self._far_end.close()
            raise
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
    def commands(self) -> tuple[str, ...]:
        """The last command lines since power-on, the oldest first."""
        with self._far_end.lock:
            return tuple(self._firmware.commands)

    @property
    def counters(self) -> Counter[str]:
        """How often what happened: "+CMT", "+CMTI", "+CDS", "+CDSI", "reports dropped", "memory full",
        "not acknowledged", "refused commands", and each fault by its method's name."""
        with self._far_end.lock:
            return self._firmware.faults.counts.copy()

    def wait_until(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Wait until this is so; it is asked after everything that the modem does. Raises TimeoutError."""
        with self._far_end.lock:
            if not self._far_end.lock.wait_for(predicate, timeout_s):
                raise TimeoutError(f"the modem did not come to that within {timeout_s:g} s")

    def hang_up(self) -> None:
        """As if the plug of a USB modem were pulled: no power, the pty is closed, and the link is gone."""
        with self._acting("hang_up") as modem:
            modem.power_off()
        self._far_end.pull_out()
        self._remove_link()

    def come_back(self, *, stale: bool = False) -> None:
        """Plugged in again: another pty, freshly powered on.

        stale: without hang_up; the old pty stays open, silent, as a handle that the system has not yet closed.
        """
        with self._acting("come_back") as modem:
            modem.power_off()
            modem.power_on()
            modem.take_output()  # it boots before the system has its port
        if stale:
            self._far_end.leave_behind()
        else:
            self._far_end.plug_in()
        self._place_link()

    def lose_power(self) -> None:
        """As if a modem on a UART lost its power: the pty stays, and is mute until power_on."""
        with self._acting("lose_power") as modem:
            modem.power_off()
            self._far_end.drop_output()

    def power_on(self) -> None:
        """End of lose_power: it boots, and says so as its model does."""
        with self._acting("power_on") as modem:
            modem.power_off()
            modem.power_on()

    @contextlib.contextmanager
    def _acting(self, name: str) -> Iterator[Firmware]:
        """Do something to the modem, under the lock; then say what it has to say."""
        with self._far_end.lock:
            self._firmware.faults.counts[name] += 1
            yield self._firmware
            self._far_end.say(self._firmware.take_output())
            self._far_end.lock.notify_all()

    def _set_fault(self, fault: str, **values: Any) -> None:
        with self._acting(fault) as modem:
            for name, value in values.items():
                setattr(modem.faults, name, value)

    def _place_link(self) -> None:
        if self._link is not None:
            if self._link.exists() and not self._link.is_symlink():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self._link))
            fresh = self._link.with_name(f"{self._link.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self._far_end.name)
            os.replace(fresh, self._link)

    def _remove_link(self) -> None:
        if self._link is not None:
            with contextlib.suppress(FileNotFoundError):
                self._link.unlink()
