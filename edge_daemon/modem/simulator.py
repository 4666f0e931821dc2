"""ModemSimulator: a modem at the far end of a pty, for rehearsals and tests. The driver in front of it is the real one.

Its methods are the faults that a real one has. Each holds for every byte that is read after the call returns.
"""

from __future__ import annotations

import random

from edge_daemon.modem.simulation.carrier import Carrier
from edge_daemon.modem.simulation.memories import StoredSms
from edge_daemon.modem.simulation.network import ReceivedSms, read_log
from edge_daemon.modem.simulation.settings import Cure, Rule
from edge_daemon.modem.simulation.sim import Sim

__all__ = ["Cure", "ModemSimulator", "ReceivedSms", "Sim", "StoredSms", "read_log"]


class ModemSimulator(Carrier):
    """A simulated modem and its network: `with ModemSimulator() as modem: ... modem.port ...`.

    link: a name that stands for the pty, as udev's does; it goes and comes with the modem.
    log: a file that gets a JSON line for each PDU before it is confirmed; read_log reads it.
    on_message: called in the simulator's thread for each message that is complete.
    pin: the SIM asks for it at each power-on. sim: another SIM than a new one with this PIN.
    model: whose names, boot lines and habits it has: "simulator", "SIM800", "SIM7600" or "EC25".
    """

    def go_mute(self, at: str | None = None) -> None:
        """Say nothing from now on, or from the command on that begins with `at`."""
        self._set_fault("go_mute", mute=at is None, mute_at=at)

    def speak_again(self) -> None:
        """End of go_mute."""
        with self._acting("speak_again") as modem:
            modem.faults.mute, modem.faults.mute_at = False, None
            modem.offer()

    def answer_slowly(self, delay_s: float) -> None:
        """Say everything so much later; 0 for at once."""
        with self._acting("answer_slowly"):
            self._far_end.delay_s = delay_s

    def split_output(self, chunk_bytes: int) -> None:
        """Write so many bytes at a time."""
        with self._acting("split_output"):
            self._far_end.chunk_bytes = chunk_bytes

    def interleave(self, *lines: str) -> None:
        """Say these lines unasked, before and inside each reply; none for silence."""
        self._set_fault("interleave", noise=lines)

    def announce(self, *lines: str) -> None:
        """Say these lines now."""
        self._far_end.say(b"".join(b"\r\n" + line.encode("ascii") + b"\r\n" for line in lines))

    def garbage(self, count: int, seed: int) -> None:
        """Say so many random bytes now."""
        self._far_end.say(random.Random(seed).randbytes(count))  # noqa: S311  not a secret

    def keep_echo(self) -> None:
        """Answer ATE0 with OK and go on echoing."""
        self._set_fault("keep_echo", deaf_to_echo_off=True)

    def forget_answers(self, count: int) -> None:
        """Take so many PDUs without confirming them."""
        self._set_fault("forget_answers", answers_to_forget=count)

    def fail(self, at: str, code: int | None, count: int = 1, *, cme: bool = False) -> None:
        """Answer the next `count` commands that begin with `at` +CMS ERROR: code, or +CME; None for plain ERROR.

        A loss of power does not end it; a count of 0 does.
        """
        with self._acting("fail") as modem:
            modem.faults.set_rule(Rule(at, code, count, cme))

    def fall_sick(self, cure: Cure) -> None:
        """Be registered and answer each PDU +CMS ERROR: 500, until the cure.

        cure: "cfun": AT+CFUN=4 or 0, then 1; "cfun4": only 4, then 1; "reset": AT+CFUN=1,1; "power": a loss of power
        or of the plug, which is also a cure for all others, as AT+CFUN=1,1 is for "cfun".
        """
        self._set_fault("fall_sick", cure=cure)

    def recover(self) -> None:
        """End of fall_sick without a cure."""
        self._set_fault("recover", cure=None)

    @property
    def is_sick(self) -> bool:
        """Whether fall_sick has not been cured."""
        return self._firmware.faults.cure is not None

    @property
    def reports_unreadable(self) -> bool:
        """Stored status reports lie where AT+CMGR and AT+CMGL do not look, as with EC25.

        +CDSI names a place in the receiving memory, which is empty or has something else.
        """
        return self._firmware.faults.reports_hidden

    @reports_unreadable.setter
    def reports_unreadable(self, unreadable: bool) -> None:
        self._set_fault("reports_unreadable", reports_hidden=unreadable)
