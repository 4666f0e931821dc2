"""What the simulated modem is and does behind its line: power, SIM, registration, clock, what comes in. No I/O.

Rules kept here:
- a command that is not in a table is answered with ERROR;
- what the modem cannot take, the network keeps; each change after which it could is followed by an offer.

Sources: 3GPP TS 27.007 (5 to 9), 3GPP TS 27.005 (3, 4).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from edge_daemon.modem.simulation import commands_device, commands_network, commands_sms, commands_writing
from edge_daemon.modem.simulation.mailbox import Later, Mailbox
from edge_daemon.modem.simulation.models import MODELS, PIN_LINE, Model
from edge_daemon.modem.simulation.network import Clock, Network
from edge_daemon.modem.simulation.results import (
    CMS_PIN_WANTED,
    CMS_PUK_WANTED,
    PIN_WANTED,
    PUK_WANTED,
    CmeError,
    Plain,
    Rejected,
)
from edge_daemon.modem.simulation.service_centre import Incoming
from edge_daemon.modem.simulation.settings import Faults, Settings
from edge_daemon.modem.simulation.sim import Sim
from edge_daemon.modem.simulation.syntax import Command
from edge_daemon.modem.simulation.terminal import Terminal

SEARCHING = 2
"""+CREG: not registered, looking for a network (27.007, 7.2)."""

_ACTS: dict[str, Callable[[Firmware, str], list[str]]] = (
    commands_device.ACTS | commands_network.ACTS | commands_sms.ACTS | commands_writing.ACTS
)
_WITHOUT_SIM = {
    *("+CPIN", "+CMEE", "+CFUN", "+CPAS", "+CGMI", "+CGMM", "+CGMR", "+CGSN", "+GMI", "+GMM", "+GMR", "+GSN"),
    *("+CSCS", "+CCLK", "+CTZU", "+CTZR", "+CLTS", "+IPR", "+IFC", "+ICF", "+QINDCFG"),
}
_SMS = {"+CMGS", "+CMGW", "+CMSS", "+CMGL", "+CMGR", "+CMGD", "+CPMS", "+CNMI", "+CNMA", "+CSCA"}
"""Commands that answer +CMS ERROR while the SIM is locked (27.005, 3.2.5)."""


def _never(delay_s: float, act: Callable[[], None]) -> None:
    """For who has no clock: nothing is done later."""


class Firmware(Terminal):
    """A modem, switched on. The public attributes are its parts and surroundings.

    later: called with a delay in seconds and what is to be done then. search_s: how long it looks for its network.
    radio: AT+CFUN, 0, 1 or 4. clock: None before anybody set it.
    """

    def __init__(
        self,
        network: Network,
        sim: Sim | None = None,
        *,
        model: Model = MODELS["simulator"],
        faults: Faults | None = None,
        later: Later = _never,
    ) -> None:
        super().__init__(faults or Faults(), self._command)
        self.network = network
        self.sim: Sim = sim or Sim()
        self.model: Model = model
        self.radio: int = 1
        self.clock: Clock | None = None
        self.ussd_session = False
        self.search_s = 0.0
        self._later = later
        self._is_searching = False
        self._told: dict[str, int] = {}
        """The registration that the kiosk knows of."""
        self._rest_of_boot: list[str] = []
        self.mailbox = Mailbox(model, self.sim, network.centre, self.faults, self.say_unasked, self.later)
        self._start()

    # Power

    def power_on(self) -> None:
        """From nothing: fresh settings, and the lines that this model says."""
        self.commands.clear()
        self._boot()

    def power_off(self) -> None:
        """All that is volatile is gone; memories and SIM stay."""
        self.is_on = False
        self.lose_output()
        self.mailbox.power_off()
        self.faults.end_with_power()

    def reset(self) -> None:
        """AT+CFUN=1,1."""
        self._heal({"cfun", "reset"})
        self.mailbox.power_off()
        self._boot()

    def restore_settings(self) -> None:
        """AT&F."""
        self.settings = Settings([self.model.memories[0]] * 3, list(self.model.cnmi))
        self.mailbox.settings = self.settings

    def _boot(self) -> None:
        self._start()
        lines = [line.format(pin=self.sim.state) for line in self.model.boot]
        split = self.model.boot.index(PIN_LINE) + 1 if self.sim.is_locked else len(lines)
        self._rest_of_boot = lines[split:]
        for line in lines[:split]:
            self.say_unasked(line)
        self.offer()

    def _start(self) -> None:
        self.forget()
        self.is_on, self.radio, self.clock, self.ussd_session = True, 1, None, False
        self.sim.power_on()
        self.restore_settings()
        self.mailbox.power_on()
        self._search()

    # Its clock

    def now(self) -> datetime:
        """What it takes the time for."""
        return self.clock.now() if self.clock is not None else datetime(self.model.clock, 1, 6, tzinfo=UTC)

    def set_clock(self, now: datetime) -> None:
        """AT+CCLK."""
        self.clock = Clock()
        self.clock.set(now)

    def time_came(self) -> None:
        """The network has told the time, or the modem now listens to it (NITZ)."""
        if self.network.clock.is_set and self.settings.time_update:
            self.set_clock(self.network.clock.now())
            for line in commands_device.time_lines(self, self.now()):
                self.say_unasked(line)

    # Registration

    def state_in(self, domain: str) -> int:
        """The state in +CREG, +CGREG or +CEREG (27.007, 7.2, 10.1.20, 10.1.22)."""
        if self.radio != 1 or self.sim.is_locked:
            return 0
        if self._is_searching:
            return SEARCHING
        return self.network.lte_registration if domain == "+CEREG" else self.network.registration

    @property
    def is_served(self) -> bool:
        """Whether the network takes and brings SMS."""
        return self.radio == 1 and not self.sim.is_locked and not self._is_searching and self.network.serves

    def registration_changed(self) -> None:
        """Tell it where AT+CREG and its likes ask for that, and take what waits."""
        for domain, told in self._told.items():
            if self.state_in(domain) != told and self.settings.reporting[domain]:
                self.say_unasked(commands_network.registration_line(self, domain))
        self._told = self._registration()
        self.offer()

    def set_radio(self, level: int) -> None:
        """AT+CFUN: 1 all, 4 no radio, 0 neither radio nor SIM."""
        before, self.radio = self.radio, level
        if level == 1 and before != 1:
            self._heal({"cfun", "cfun4"} if before == 4 else {"cfun"})
            self._is_searching = self._begins_search()
        self.registration_changed()

    def unlocked(self) -> None:
        """The SIM took its PIN."""
        for line in self._rest_of_boot:
            self.say_unasked(line)
        self._rest_of_boot = []
        self._is_searching = self._begins_search()
        self.registration_changed()

    def _registration(self) -> dict[str, int]:
        return {domain: self.state_in(domain) for domain in self.settings.reporting}

    def _search(self) -> None:
        self._is_searching = self._begins_search()
        self._told = self._registration()

    def _begins_search(self) -> bool:
        if self.search_s <= 0 or self.sim.is_locked:
            return False
        self.later(self.search_s, self._found)
        return True

    def _found(self) -> None:
        self._is_searching = False
        self.registration_changed()

    def _heal(self, cures: set[str]) -> None:
        if self.faults.cure in cures:
            self.faults.cure = None

    # From the network

    def take(self, message: Incoming) -> bool:
        """Whether the modem took it."""
        return self.is_on and not self.faults.mute and self.is_served and self.mailbox.take(message)

    def offer(self) -> None:
        """Take what waits in the network, as far as it can be taken."""
        self.network.centre.push(self)

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Do something then, if the modem is still on; and take what waits."""

        def due() -> None:
            if self.is_on:
                act()
                self.offer()

        self._later(delay_s, due)

    # From the kiosk

    def _command(self, command: Command) -> list[str]:
        rule = self.faults.rule_for(command.text)
        if rule is not None:
            raise Plain if rule.code is None else CmeError(rule.code) if rule.cme else Rejected(rule.code)
        self._check_sim(command.name)
        act = _ACTS.get(command.name + command.form)
        if act is None:
            raise Plain
        return act(self, command.value)

    def _check_sim(self, name: str) -> None:
        if self.sim.is_locked and name.startswith("+") and name not in _WITHOUT_SIM:
            if name in _SMS:
                raise Rejected(CMS_PIN_WANTED if self.sim.tries else CMS_PUK_WANTED)
            raise CmeError(PIN_WANTED if self.sim.tries else PUK_WANTED)
