"""What goes wrong: kinds of faults, and who lets them happen at random, each for a while.

Two lanes run beside each other, one of the line and its ends, one of the network; in a lane one fault follows another.
Each lane deals its kinds like cards: all of them come before one comes again.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from edge_daemon.modem import codes
from edge_daemon.modem.simulation import encoder
from edge_daemon.modem.simulation.sim import SMSC
from edge_daemon.modem.simulator import Cure, ModemSimulator
from tests.soak.keeper import Keeper

WIRE_S = 0.003
"""How much later each answer comes when all is well, so that mostly something is under way."""
PAUSE_S = (0.2, 1.2)
"""Between two faults of a lane."""
STOP_S = 60.0
"""How long a lane may take to come to its end: a daemon may just be beginning."""
BOOT_S = 0.1
SHORT_S, LONG_S = (0.1, 1.2), (0.5, 4.0)

_CMS = (*codes.CMS, 512, None)
"""All that the standard has, one that it has not, and plain ERROR."""
_CME = (*codes.CME, None)
_COMMANDS = (
    *("AT+CMGR", "AT+CMGD", "AT+CMGL", "AT+CPMS", "AT+CNMI", "AT+CREG", "AT+CSQ", "AT+COPS", "AT+CMGF", "AT+CPIN"),
    *("AT+CFUN", "AT+CCLK", "AT+CSCS", "AT+CGMM", "ATE"),
)
_MUTE_AT = (None, None, "AT+CMGS", "AT+CMGR", "AT+CMGD", "AT+CMGL", "AT+CREG", "AT+CNMI", "AT+CPIN")
_DELAYS_S = (0.01, 0.05, 0.2, 0.6, 1.2, 2.5)
"""Within the deadlines of keeper.py, and above them."""
_NOISE = ("RING", "+CREG: 1", "^RSSI: 19", '+CMTI: "SM",7', "*PSUTTZ: 2026,1,1", "OVER-VOLTAGE WARNNING", "NO CARRIER")
_NOT_NOW = (8, 10, 21, 22, 27, 42, 192, 332)
_NOT_DELIVERED = (0x01, 0x20, 0x30, 0x46, 0x63, 0x77, None)
"""TP-Status (3GPP TS 23.040, 9.2.3.15), and no report at all."""
_TICKS = threading.Event()
"""Never set: it only lets time pass."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who can be hurt. upcoming: the number of a message that is queued soon."""

    modem: ModemSimulator
    keeper: Keeper
    upcoming: Callable[[], str]


End = Callable[[], object]
Begin = Callable[[Scene, random.Random], End]


def _nothing() -> None:
    """It ends by itself, or the kiosk ends it."""


def _mute(on: Scene, chance: random.Random) -> End:
    on.modem.go_mute(chance.choice(_MUTE_AT))
    return on.modem.speak_again


def _unplugged(on: Scene, _: random.Random) -> End:
    on.modem.hang_up()
    return on.modem.come_back


def _stale_handle(on: Scene, _: random.Random) -> End:
    on.modem.come_back(stale=True)
    return _nothing


def _power_lost(on: Scene, _: random.Random) -> End:
    on.modem.lose_power()
    return on.modem.power_on


def _restart(on: Scene, _: random.Random) -> End:
    """A modem is deaf while it boots, also a fast one."""
    on.modem.lose_power()
    _TICKS.wait(BOOT_S)
    on.modem.power_on()
    return _nothing


def _killed(on: Scene, _: random.Random) -> End:
    on.keeper.kill()
    return on.keeper.revive


def _slow(on: Scene, chance: random.Random) -> End:
    on.modem.answer_slowly(chance.choice(_DELAYS_S))
    return lambda: on.modem.answer_slowly(WIRE_S)


def _split(on: Scene, chance: random.Random) -> End:
    on.modem.split_output(chance.randint(1, 7))
    return lambda: on.modem.split_output(4096)


def _garbage(on: Scene, chance: random.Random) -> End:
    on.modem.garbage(chance.randint(1, 3000), chance.randrange(2**32))
    return _nothing


def _noise(on: Scene, chance: random.Random) -> End:
    on.modem.interleave(*chance.sample(_NOISE, 3))
    return on.modem.interleave


def _echo(on: Scene, _: random.Random) -> End:
    on.modem.keep_echo()
    return _nothing


def _error_codes(on: Scene, chance: random.Random) -> End:
    cme = chance.random() < 0.2
    on.modem.fail("AT+CMGS", chance.choice(_CME if cme else _CMS), chance.randint(1, 4), cme=cme)
    return lambda: on.modem.fail("AT+CMGS", None, 0)


def _commands_fail(on: Scene, chance: random.Random) -> End:
    cme = chance.random() < 0.5
    failing = chance.sample(_COMMANDS, 2)
    for at in failing:
        on.modem.fail(at, chance.choice(_CME if cme else _CMS), chance.randint(1, 6), cme=cme)

    def end() -> None:
        for at in failing:
            on.modem.fail(at, None, 0)

    return end


def _barred(on: Scene, chance: random.Random) -> End:
    number = on.upcoming()
    on.modem.refuse(number, chance.choice(_NOT_NOW))
    return lambda: on.modem.accept(number)


def _memory_full(on: Scene, _: random.Random) -> End:
    on.modem.fill_memory()
    return _nothing


def _no_network(on: Scene, chance: random.Random) -> End:
    on.modem.set_registration(chance.choice((0, 2, 3, 4)))
    return lambda: on.modem.set_registration(1)


def _sick(on: Scene, chance: random.Random) -> End:
    on.modem.fall_sick(chance.choice(get_args(Cure)))
    return on.modem.recover


def _answers_lost(on: Scene, chance: random.Random) -> End:
    on.modem.forget_answers(chance.randint(1, 3))
    return lambda: on.modem.forget_answers(0)


def _early_report(on: Scene, _: random.Random) -> End:
    on.modem.report_before_answer()
    return _nothing


def _late_reports(on: Scene, chance: random.Random) -> End:
    on.modem.hold_reports()
    return lambda: on.modem.release_reports(chance)


def _not_delivered(on: Scene, chance: random.Random) -> End:
    on.modem.set_reports(chance.choice(_NOT_DELIVERED))
    return lambda: on.modem.set_reports(0)


def _broken_pdu(on: Scene, chance: random.Random) -> End:
    (whole,) = encoder.deliver("+919000000000", "This one will not come whole.", datetime.now(UTC), smsc=SMSC)
    on.modem.deliver_pdu(whole[: 2 * chance.randrange(1, len(whole) // 2)])
    return _nothing


_LINE: dict[str, tuple[Begin, tuple[float, float]]] = {
    "mute": (_mute, SHORT_S),
    "unplugged": (_unplugged, SHORT_S),
    "stale handle": (_stale_handle, SHORT_S),
    "power lost": (_power_lost, SHORT_S),
    "restart": (_restart, SHORT_S),
    "kill -9": (_killed, SHORT_S),
    "slow": (_slow, LONG_S),
    "split": (_split, LONG_S),
    "garbage": (_garbage, SHORT_S),
    "noise": (_noise, LONG_S),
    "echo": (_echo, SHORT_S),
}
_NETWORK: dict[str, tuple[Begin, tuple[float, float]]] = {
    "error codes": (_error_codes, SHORT_S),
    "commands fail": (_commands_fail, LONG_S),
    "barred": (_barred, LONG_S),
    "memory full": (_memory_full, SHORT_S),
    "no network": (_no_network, SHORT_S),
    "sick": (_sick, LONG_S),
    "answers lost": (_answers_lost, SHORT_S),
    "early report": (_early_report, SHORT_S),
    "late reports": (_late_reports, LONG_S),
    "not delivered": (_not_delivered, SHORT_S),
    "broken PDU": (_broken_pdu, SHORT_S),
}
LANES = (_LINE, _NETWORK)
"""Each fault with how long it lasts, at least and at most."""
KINDS = (*_LINE, *_NETWORK)


class Trouble:
    """Lets faults happen between `begin` and `end`. kinds: of KINDS; the others never happen."""

    def __init__(self, scene: Scene, kinds: tuple[str, ...], seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.failed: list[BaseException] = []
        """What ended a lane early: a bug of the simulator, or of ours."""
        self._scene = scene
        self._kinds = kinds
        self._over = threading.Event()
        self._lanes = [
            threading.Thread(target=self._run, args=(place, random.Random(f"lane {place} {seed}")))
            for place, lane in enumerate(LANES)
            if set(lane) & set(kinds)
        ]

    @property
    def all_came(self) -> bool:
        """Whether each kind has come."""
        return all(self.counts[kind] for kind in self._kinds)

    def begin(self) -> None:
        """From now on."""
        for lane in self._lanes:
            lane.start()

    def end(self) -> None:
        """No more of them; what lasts is ended."""
        self._over.set()
        for lane in self._lanes:
            lane.join(STOP_S)
            assert not lane.is_alive(), "a fault did not end"

    def _run(self, place: int, chance: random.Random) -> None:
        try:
            cards: list[str] = []
            while not self._over.wait(chance.uniform(*PAUSE_S)):
                if not cards:
                    cards = [kind for kind in LANES[place] if kind in self._kinds]
                    chance.shuffle(cards)
                self._happen(place, cards.pop(), chance)
        except BaseException as why:
            self.failed.append(why)
            raise

    def _happen(self, place: int, kind: str, chance: random.Random) -> None:
        begin, (least_s, most_s) = LANES[place][kind]
        self.counts[kind] += 1
        end = begin(self._scene, chance)
        self._over.wait(chance.uniform(least_s, most_s))
        end()
