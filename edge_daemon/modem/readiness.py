"""Bringing a modem to where it can send: awake, unlocked, in PDU mode, registered with a network.

Rules kept here:
- a PIN that the SIM did not take is never tried again by this process: three wrong ones lock the SIM for good;
- nothing here waits for the network to appear: not being ready is an error, and the supervisor tries again.
"""

from __future__ import annotations

import re

from edge_daemon.config import SerialModem
from edge_daemon.errors import ModemMute, ModemNotReady
from edge_daemon.modem import codes
from edge_daemon.modem.at import Command, Reply
from edge_daemon.modem.link import ModemLink

WAKE_TRIES = 3
"""A modem that finds out its speed from what it hears (AT+IPR=0, ITU-T V.250, 6.2.10) may miss the first AT."""

_CREG = Command("AT+CREG?", "+CREG:")
_CPIN = Command("AT+CPIN?", "+CPIN:")
_REGISTERED = {1, 5, 6, 7}
"""At home or roaming; 6 and 7 for SMS only (3GPP TS 27.007, 7.2)."""
_UNREGISTERED = {
    0: "it is not looking for a network; check that the SIM is active",
    2: "it is still looking for a network; check antenna and coverage if this lasts",
    3: "the network denies the registration; check the SIM and its plan",
    4: "there is no coverage; check the antenna",
    8: "the network allows emergency calls only; check the SIM and its plan",
}
_REGISTRATION = re.compile(r"\+CREG: *\d+ *, *(\d+)")

SIM_BUSY = 14
"""+CME ERROR: 3GPP TS 27.007, 9.2."""
_pins_in_doubt: set[tuple[str, str]] = set()
"""Port and PIN, from before a PIN is entered until the SIM has taken it."""


async def make_ready(link: ModemLink, config: SerialModem) -> None:
    """Everything up to the first message. Raises ModemMute, ModemGone, ModemNotReady, SendFailed."""
    await _wake(link, config.reply_s)
    await _order(link, Command("ATE0"), config.reply_s)
    await link.ask(Command("AT+CMEE=1"), config.reply_s)  # a modem without codes answers plain ERROR later
    await _unlock(link, config)
    await _order(link, Command("AT+CMGF=0"), config.reply_s)
    await check_registered(link, config.reply_s)


async def check_registered(link: ModemLink, reply_s: float) -> None:
    """Raises ModemNotReady, with the reason, unless a network has taken the modem in (3GPP TS 27.007, 7.2)."""
    reply = await _order(link, _CREG, reply_s)
    state = next((int(found[1]) for line in reply.lines if (found := _REGISTRATION.match(line))), None)
    if state not in _REGISTERED:
        reason = _UNREGISTERED.get(-1 if state is None else state, f"its state is {state}")
        raise ModemNotReady(f"The modem is registered with no network: {reason}.")


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


async def _unlock(link: ModemLink, config: SerialModem) -> None:
    state = (await _order(link, _CPIN, config.reply_s)).lines[0].partition(":")[2].strip()
    if state == "READY":
        _pins_in_doubt.difference_update([doubt for doubt in _pins_in_doubt if doubt[0] == config.port])
        return
    if state != "SIM PIN":
        raise ModemNotReady(f"The SIM is locked: it asks for {state}. Unlock it in a telephone.")
    if config.sim_pin is None:
        raise ModemNotReady("The SIM asks for its PIN. Set [modem] sim_pin, or switch the PIN off in a telephone.")
    await _enter_pin(link, config, config.sim_pin)


async def _enter_pin(link: ModemLink, config: SerialModem, pin: str) -> None:
    if (config.port, pin) in _pins_in_doubt:
        raise ModemNotReady(
            "The SIM has not taken [modem] sim_pin, which is not tried twice. Correct it, then restart the kiosk."
        )
    _pins_in_doubt.add((config.port, pin))
    reply = await link.ask(Command(f"AT+CPIN={pin}"), config.reply_s)
    if reply.final.ok or reply.final.code == SIM_BUSY:  # then the SIM has not looked at it
        _pins_in_doubt.discard((config.port, pin))
    if not reply.final.ok:
        raise codes.error_for("AT+CPIN", reply.final)


async def _order(link: ModemLink, command: Command, reply_s: float) -> Reply:
    """Ask, and take nothing but OK."""
    reply = await link.ask(command, reply_s)
    if not reply.final.ok:
        raise codes.error_for(command.name, reply.final)
    return reply
