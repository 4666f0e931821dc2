"""A SIM: who the subscriber is, its PIN, its service centre and its memory. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_daemon.modem.simulation.memories import SIM, SIZES, Memory
from edge_daemon.modem.simulation.results import NOT_ALLOWED, PUK_WANTED, WRONG_PASSWORD, CmeError

PIN_TRIES = 3
SMSC = "+999000"


@dataclass(slots=True)
class Sim:
    """A SIM, which survives a loss of power: also how often its PIN may still be tried (3GPP TS 31.102, 5.1.4).

    pin: None where it asks for none. smsc: what AT+CSCA tells and changes.
    """

    pin: str | None = field(default=None, repr=False)
    imsi: str = field(default="001010000000001", repr=False)
    iccid: str = field(default="8900101000000000016", repr=False)
    smsc: str = SMSC
    tries: int = PIN_TRIES
    memory: Memory = field(default_factory=lambda: Memory(SIM, dict(SIZES)))
    is_locked: bool = field(init=False)

    def __post_init__(self) -> None:
        self.power_on()

    def power_on(self) -> None:
        """It asks for its PIN again, if it has one."""
        self.is_locked = self.pin is not None

    @property
    def state(self) -> str:
        """As in +CPIN (3GPP TS 27.007, 8.3)."""
        if not self.is_locked:
            return "READY"
        return "SIM PIN" if self.tries else "SIM PUK"

    def enter_pin(self, pin: str) -> None:
        """Raises CmeError where it is wrong, or no PIN is asked for."""
        if not self.is_locked:
            raise CmeError(NOT_ALLOWED)
        if not self.tries:
            raise CmeError(PUK_WANTED)
        if pin != self.pin:
            self.tries -= 1
            raise CmeError(WRONG_PASSWORD)
        self.is_locked, self.tries = False, PIN_TRIES
