"""What is done when a modem fails: each time a stronger remedy, until it works again. No I/O; times are arguments.

    reinit      everything is said to it again, on the open port
    radio       AT+CFUN off and on: a modem that says that it is registered, and is not
    reopen      the port is closed and opened by its name: after re-enumeration the old handle is stale
    reset       its own restart command, where its profile has one
    power       the command of [modem] power_command: its power key, its relay, its USB port

A trouble has a ladder of its own, climbed one rung at a time and begun again after success. What a person has to mend
(no SIM, its PIN) is not climbed: the port is opened again now and then. Power is cut at most every POWER_PAUSE_S.
"""

from __future__ import annotations

import enum
from collections import Counter

from edge_daemon.errors import DeviceError, ModemGone, ModemMute, ModemNotReady, ModemSick, SendFailed, SimTrouble

POWER_PAUSE_S = 600.0
"""A modem needs a minute to find its network, and a relay lasts for so many cuts."""


class Remedy(enum.Enum):
    """A rung."""

    REINIT = "reinit"
    RADIO = "radio"
    REOPEN = "reopen"
    RESET = "reset"
    POWER = "power"

    @property
    def keeps_port(self) -> bool:
        """Whether it is done on the open port."""
        return self in {Remedy.REINIT, Remedy.RADIO}


_REINIT, _RADIO, _REOPEN, _RESET, _POWER = Remedy
LADDERS: dict[type[DeviceError], tuple[Remedy, ...]] = {
    ModemGone: (_REOPEN, _REOPEN, _REOPEN, _POWER),
    ModemMute: (_REINIT, _REOPEN, _RESET, _POWER),
    ModemSick: (_REINIT, _RADIO, _REOPEN, _RESET, _POWER),
    SendFailed: (_REINIT, _RADIO, _REOPEN, _RESET, _POWER),
    SimTrouble: (_REOPEN,),
    ModemNotReady: (_REINIT, _REINIT, _REINIT, _RADIO, _REOPEN, _REINIT, _RESET, _REINIT, _POWER),
}
"""After the last rung comes the whole ladder again."""
OTHERS = (_REOPEN,)
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
"""Before a remedy on the open port. A farmer may be standing there."""


class Ladder:
    """Where on which ladder we are. has_power: whether there is a power command."""

    def __init__(self, has_power: bool) -> None:
        self.counts: Counter[str] = Counter()
        """How often each remedy was chosen since the start, by its name."""
        self._has_power = has_power
        self._climbed: Counter[type[DeviceError]] = Counter()
        self._power_at_s: float | None = None

    def next(self, why: DeviceError, now_s: float) -> Remedy:
        """The remedy for this trouble. now_s: on a clock that does not jump."""
        kind = _kind(why)
        remedy = OTHERS[0]
        if kind is not None:
            remedy = LADDERS[kind][self._climbed[kind] % len(LADDERS[kind])]
            self._climbed[kind] += 1
        if remedy is _POWER and not self._may_cut(now_s):
            remedy = _REOPEN
        if remedy is _POWER:
            self._power_at_s = now_s
        self.counts[remedy.value] += 1
        return remedy

    def pause_s(self, why: DeviceError) -> float:
        """How long to wait before the remedy: longer with each rung."""
        climbed = max(1, self._climbed[_kind(why) or DeviceError])
        return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (climbed - 1)))

    def works(self) -> None:
        """It is registered. Whether it takes messages, only a message shows."""
        for kind in (ModemGone, ModemMute, ModemNotReady, SimTrouble):
            self._climbed.pop(kind, None)

    def sent(self) -> None:
        """A message went."""
        self._climbed.clear()

    def _may_cut(self, now_s: float) -> bool:
        return self._has_power and (self._power_at_s is None or now_s - self._power_at_s >= POWER_PAUSE_S)


def _kind(why: DeviceError) -> type[DeviceError] | None:
    return next((kind for kind in type(why).__mro__ if kind in LADDERS), None)
