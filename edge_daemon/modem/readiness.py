"""Bringing a modem to where it can send and receive: awake, unlocked, in PDU mode, registered with a network.

Rules kept here:
- a PIN that the SIM did not take is never tried again: three wrong ones lock the SIM for good. Whoever opens the modem
  says where that is remembered, so that a restart does not forget it;
- nothing here waits for the network to appear: not being ready is an error, and the recovery tries again;
- what only some modems know is asked so that a refusal does no harm.

Sources: 3GPP TS 27.005 (3.2 and 3.4), 3GPP TS 27.007 (5.5 AT+CSCS, 7.2 AT+CREG, 8.2 AT+CFUN, 8.3 AT+CPIN, 9.2).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass
from typing import Protocol

from edge_daemon.config import SerialModem
from edge_daemon.errors import ModemMute, ModemNotReady, SimTrouble
from edge_daemon.modem import codes
from edge_daemon.modem.at import Command, Final, Reply
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.profile import Profile, choose

log = logging.getLogger(__name__)

WAKE_TRIES = 3
"""A modem that finds out its speed from what it hears (AT+IPR=0, ITU-T V.250, 6.2.10) may miss the first AT."""
SIM_BUSY_TRIES = 20
SIM_BUSY_PAUSE_S = 0.5
"""After a PIN or a start the SIM is read, and says so for some seconds."""

_MAKER = Command("AT+CGMI", "")
_MODEL = Command("AT+CGMM", "")
_CPIN = Command("AT+CPIN?", "+CPIN:")
_CFUN = Command("AT+CFUN?", "+CFUN:")
_ICCID = Command("AT+CCID", "", optional=True)
_REGISTERED = {1: "home", 5: "roaming", 6: "home", 7: "roaming"}
"""6 and 7: for SMS only (3GPP TS 27.007, 7.2)."""
_UNREGISTERED = {
    0: "it is not looking for a network; check that the SIM is active",
    2: "it is still looking for a network; check antenna and coverage if this lasts",
    3: "the network denies the registration; check the SIM and its plan",
    4: "there is no coverage; check the antenna",
    8: "the network allows emergency calls only; check the SIM and its plan",
}
_TELLING = (3, 8, 2, 4, 0)
"""Where several networks are asked, the reason that tells most."""
_REGISTRATION = re.compile(r"\+C(?:E|G)?REG: *\d+ *, *(\d+)")
_BUSY = {("+CMS ERROR", 314), ("+CME ERROR", 14)}


class Pins(Protocol):
    """Remembers which PINs were tried and not taken, by a fingerprint of SIM and PIN."""

    def pin_in_doubt(self, fingerprint: str) -> bool: ...
    def doubt_pin(self, fingerprint: str) -> None: ...
    def trust_pin(self, fingerprint: str) -> None: ...


class PinsOfThisProcess:
    """Where no state folder is at hand."""

    def __init__(self) -> None:
        self._doubted: set[str] = set()

    def pin_in_doubt(self, fingerprint: str) -> bool:
        return fingerprint in self._doubted

    def doubt_pin(self, fingerprint: str) -> None:
        self._doubted.add(fingerprint)

    def trust_pin(self, fingerprint: str) -> None:
        self._doubted.discard(fingerprint)


PINS = PinsOfThisProcess()


@dataclass(frozen=True, slots=True)
class Kind:
    """What a modem is: as it says, and what is known of such ones."""

    model: str
    profile: Profile


async def make_ready(link: ModemLink, config: SerialModem, kind: Kind, pins: Pins = PINS) -> None:
    """After `meet`, everything up to the first message. Raises DeviceError."""
    await _switch_on(link, kind.profile, config.reply_s)
    await _unlock(link, config, pins)
    await _set_up(link, kind.profile, config.reply_s)
    await check_registered(link, kind.profile, config)


async def meet(link: ModemLink, config: SerialModem) -> Kind:
    """Wake it, and ask what it is. Raises ModemMute, ModemGone, SendFailed, ConfigError."""
    await _wake(link, config.reply_s)
    await order(link, Command("ATE0"), config.reply_s)
    await link.ask(Command("AT+CMEE=1"), config.reply_s)  # a modem without codes answers plain ERROR later
    model = await _model(link, config.reply_s)
    link.in_step()
    return Kind(model, choose(config.profile, model))


async def check_registered(link: ModemLink, profile: Profile, config: SerialModem) -> str:
    """ "home" or "roaming". Raises ModemNotReady, with the reason, unless a network has taken the modem in."""
    states = []
    for text in profile.registration:
        reply = await link.ask(Command(text, text[2:-1] + ":"), config.reply_s)
        state = next((int(found[1]) for line in reply.lines if (found := _REGISTRATION.match(line))), None)
        if state in _REGISTERED:
            return _allowed(_REGISTERED[state], config)
        states.append(state)
    known = next((state for state in _TELLING if state in states), None)
    reason = _UNREGISTERED.get(-1 if known is None else known, f"its state is {states[0]}")
    raise ModemNotReady(f"The modem is registered with no network: {reason}.")


def _allowed(where: str, config: SerialModem) -> str:
    if where == "roaming" and not config.roaming:
        raise ModemNotReady(
            "The modem is registered with a foreign network, and [modem] roaming does not allow that. "
            "Check the coverage of the SIM's own network, or allow it."
        )
    return where


async def order(link: ModemLink, command: Command, reply_s: float) -> Reply:
    """Ask, and take nothing but OK. A SIM that is still being read is asked again."""
    for attempt in range(1, SIM_BUSY_TRIES + 1):
        reply = await link.ask(command, reply_s)
        if reply.final.ok:
            return reply
        if attempt == SIM_BUSY_TRIES or not _is_busy(reply.final):
            break
        await asyncio.sleep(SIM_BUSY_PAUSE_S)
    raise codes.trouble_for(command.name, reply.final)


async def try_each(link: ModemLink, commands: tuple[str, ...], reply_s: float) -> None:
    """Say what only some modems of a kind understand. Raises ModemMute, ModemGone."""
    for text in commands:
        reply = await link.ask(Command(text), reply_s)
        if not reply.final.ok:
            log.info("The modem answers %s to %s of its profile; going on without it.", reply.final, text)


async def _wake(link: ModemLink, reply_s: float) -> None:
    """Any final result shows that somebody is there; what it answered, the next commands sort out."""
    await link.abandon()
    for attempt in range(1, WAKE_TRIES + 1):
        try:
            await link.ask(Command("AT"), reply_s / WAKE_TRIES)
            return
        except ModemMute:
            if attempt == WAKE_TRIES:
                raise


async def _model(link: ModemLink, reply_s: float) -> str:
    """A line of another name is the late answer to a command that was given up: the profile hangs on this one."""
    names = []
    for command in (_MAKER, _MODEL):
        lines = (await link.ask(command, reply_s)).lines
        names += [line for line in lines if not line.startswith("+") or line.startswith(command.text[2:])][:1]
    return " ".join(names)


async def _switch_on(link: ModemLink, profile: Profile, reply_s: float) -> None:
    """A modem whose radio was left off, as after a recovery that was cut short."""
    reply = await link.ask(_CFUN, reply_s)
    level = next((line.partition(":")[2].strip()[:1] for line in reply.lines), "1")
    if level in {"0", "4"}:
        log.info("The modem's radio is off (AT+CFUN is %s); it is switched on.", level)
        await order(link, Command("AT+CFUN=1"), profile.cfun_s)


async def _set_up(link: ModemLink, profile: Profile, reply_s: float) -> None:
    await link.ask(Command(f"AT+CSMS={profile.csms}", "+CSMS:", optional=True), reply_s)
    await order(link, Command("AT+CMGF=0"), reply_s)
    await link.ask(Command('AT+CSCS="GSM"'), reply_s)  # for what USSD says; PDUs know nothing of it
    await link.ask(Command("AT+COPS=3,0"), reply_s)  # the operator by its name
    await try_each(link, profile.init, reply_s)
    await try_each(link, profile.clock, reply_s)


async def _unlock(link: ModemLink, config: SerialModem, pins: Pins) -> None:
    state = (await order(link, _CPIN, config.reply_s)).lines[0].partition(":")[2].strip()
    fingerprints = await _fingerprints(link, config)
    if state == "READY":
        for fingerprint in fingerprints:
            pins.trust_pin(fingerprint)
        return
    if state != "SIM PIN":
        raise SimTrouble(f"The SIM is locked: it asks for {state}. Unlock it in a telephone.")
    if config.sim_pin is None:
        raise SimTrouble("The SIM asks for its PIN. Set [modem] sim_pin, or switch the PIN off in a telephone.")
    await _enter_pin(link, config.sim_pin, config.reply_s, pins, fingerprints[0])


async def _fingerprints(link: ModemLink, config: SerialModem) -> list[str]:
    """Of SIM and PIN. The SIM is known by its serial number, where the modem tells it; else the port stands for it."""
    reply = await link.ask(_ICCID, config.reply_s)
    digits = re.search(r"\d{10,}", "".join(reply.lines)) if reply.final.ok else None
    names = ([digits[0]] if digits else []) + [config.port]
    return [hashlib.sha256(f"{name} {config.sim_pin}".encode()).hexdigest() for name in names]


async def _enter_pin(link: ModemLink, pin: str, reply_s: float, pins: Pins, fingerprint: str) -> None:
    if pins.pin_in_doubt(fingerprint):
        raise SimTrouble(
            "The SIM has not taken [modem] sim_pin, which is not tried twice. Correct it and restart the kiosk; "
            "if it is right, unlock the SIM once in a telephone."
        )
    pins.doubt_pin(fingerprint)
    reply = await link.ask(Command(f"AT+CPIN={pin}"), reply_s)
    if reply.final.ok or _is_busy(reply.final):  # then the SIM has not looked at it
        pins.trust_pin(fingerprint)
    if not reply.final.ok:
        raise codes.trouble_for("AT+CPIN", reply.final)


def _is_busy(final: Final) -> bool:
    return (final.name, final.code) in _BUSY
