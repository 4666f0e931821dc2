"""What AT commands set in a modem, all lost with its power; and the faults that a test gives it. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Cure = Literal["cfun", "cfun4", "reset", "power"]
"""What ends an illness; see ModemSimulator.fall_sick."""


@dataclass(slots=True)
class Settings:
    """From power-on, or AT&F. memories: what AT+CPMS chose, to read, to write, to receive. cnmi: as AT+CNMI.

    service: AT+CSMS. reporting: <n> of +CREG, +CGREG, +CEREG. vendor: names of other things that were switched on.
    """

    memories: list[str]
    cnmi: list[int]
    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    cmee: int = 0
    text_mode: bool = False
    charset: str = "IRA"
    show_headers: bool = False
    csmp: list[int] = field(default_factory=lambda: [17, 167, 0, 0])
    service: int = 0
    reporting: dict[str, int] = field(default_factory=lambda: {"+CREG": 0, "+CGREG": 0, "+CEREG": 0})
    numeric_operator: bool = False
    ussd: int = 0
    more_messages: int = 0
    time_update: bool = False
    time_reporting: int = 0
    vendor: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Rule:
    """The next `count` commands that begin with `at` are answered so. code: None for plain ERROR."""

    at: str
    code: int | None
    count: int
    cme: bool = False


@dataclass(slots=True)
class Faults:
    """A modem's faults. counts: how often each thing happened, for tests.

    mute: takes everything, says nothing. mute_at: goes mute at the command that begins so.
    answers_to_forget: so many PDUs are taken and not confirmed. deaf_to_echo_off: ATE0 is answered, and ignored.
    noise: lines that come unasked before and inside each reply. cure: set while it is sick: registered, and each PDU
    is answered +CMS ERROR: 500. report_first: the next report comes before the answer to its part.
    reports_hidden: stored status reports cannot be read.
    """

    mute: bool = False
    mute_at: str | None = None
    answers_to_forget: int = 0
    deaf_to_echo_off: bool = False
    noise: tuple[str, ...] = ()
    cure: Cure | None = None
    report_first: bool = False
    reports_hidden: bool = False
    rules: list[Rule] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def end_with_power(self) -> None:
        """Those that a loss of power ends."""
        self.mute, self.mute_at, self.answers_to_forget = False, None, 0
        self.deaf_to_echo_off, self.noise, self.cure = False, (), None

    def hear(self, line: str) -> None:
        """A command line comes: perhaps the one to go mute at."""
        if self.mute_at is not None and line.startswith(self.mute_at):
            self.mute = True

    def set_rule(self, rule: Rule) -> None:
        """In place of an earlier one for the same commands; a count of 0 only ends that."""
        self.rules = [other for other in self.rules if other.at != rule.at]
        self.rules += [rule] if rule.count > 0 else []

    def rule_for(self, command: str) -> Rule | None:
        """The rule that a command meets, once less to come."""
        rule = next((rule for rule in self.rules if ("AT" + command).startswith(rule.at.upper())), None)
        if rule is not None:
            rule.count -= 1
            self.counts["refused commands"] += 1
            if not rule.count:
                self.rules.remove(rule)
        return rule
