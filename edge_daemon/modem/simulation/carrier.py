"""The simulated network's side of a modem: what it brings, takes, refuses and says. For tests and rehearsals."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet
from edge_daemon.modem.simulation import encoder
from edge_daemon.modem.simulation.memories import READ, Memory, StoredSms
from edge_daemon.modem.simulation.network import ReceivedSms, UssdAnswer
from edge_daemon.modem.simulation.plugged import PluggedModem
from edge_daemon.modem.simulation.service_centre import MOST_WAITING, incoming
from edge_daemon.modem.simulation.sim import SMSC

_OLD = datetime(2020, 1, 1, tzinfo=UTC)
_OLD_SENDER = "+910000000000"


class Carrier(PluggedModem):
    """A modem with what its network does."""

    _last_reference = -1

    # Outgoing

    @property
    def received(self) -> tuple[ReceivedSms, ...]:
        """The messages that the network took, the oldest first."""
        with self._far_end.lock:
            return self._network.received

    def wait_for(self, messages: int, timeout_s: float) -> tuple[ReceivedSms, ...]:
        """Wait until so many messages are complete. Raises TimeoutError."""
        handsets = self._network.handsets
        with self._far_end.lock:
            if not self._far_end.lock.wait_for(lambda: handsets.complete >= messages, timeout_s):
                raise TimeoutError(f"{handsets.complete} of {messages} messages came within {timeout_s:g} s")
            return self._network.received

    def refuse(self, number: str, code: int) -> None:
        """Answer +CMS ERROR: code to each message for this number."""
        with self._acting("refuse"):
            self._network.refused[number] = code

    def accept(self, number: str) -> None:
        """End of refuse."""
        with self._acting("accept"):
            self._network.refused.pop(number, None)

    # Status reports

    @property
    def reports_said(self) -> int:
        """How many status reports the modem has told of, +CDS and +CDSI."""
        counts = self.counters
        return counts["+CDS"] + counts["+CDSI"]

    def set_reports(self, status: int | None) -> None:
        """TP-Status of all reports from now on; 0, delivered, before the first call. None: none come."""
        with self._acting("set_reports"):
            self._network.centre.status = status

    def hold_reports(self) -> None:
        """The network keeps the reports back from now on."""
        with self._acting("hold_reports"):
            self._network.centre.hold_reports()

    def release_reports(self, shuffle: random.Random | None = None) -> None:
        """End of hold_reports: all of them come now, in the order of their parts or as `shuffle` has it."""
        with self._acting("release_reports") as modem:
            self._network.centre.release_reports(shuffle)
            modem.offer()

    def report_before_answer(self) -> None:
        """The next report comes before the modem's answer to its part."""
        self._set_fault("report_before_answer", report_first=True)

    # Incoming

    @property
    def undelivered(self) -> int:
        """How many messages and reports wait in the network, since the modem could not take them."""
        with self._far_end.lock:
            return self._network.centre.waiting

    def deliver(
        self,
        number: str,
        text: str,
        *,
        shift: Iterable[str] = (),
        coding: alphabet.TextCoding | None = None,
        reference: int | None = None,
        flash: bool = False,
        smsc: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """A text for the modem, in as many parts as it takes.

        number: digits, "+" before international ones, or a sender's name. shift, coding: as in alphabet.split.
        reference: of the parts, 0 to 65535, above 255 in two octets; None to count on. flash: class 0. smsc: the
        service centre's number. at: when it took the text, with a time zone; None for now. Raises Refused.
        """
        if reference is None:
            reference = self._last_reference = (self._last_reference + 1) % 256
        if not 0 <= reference <= 0xFFFF:
            raise ValueError(f"reference {reference}: it is 0 to 65535")
        pdus = encoder.deliver(
            number,
            text,
            at or self._network.clock.now(),
            smsc=smsc or SMSC,
            reference=reference,
            coding=coding,
            shift=shift,
            flash=flash,
        )
        self._bring("deliver", pdus)

    def deliver_pdu(self, pdu: str) -> None:
        """A PDU for the modem as it is, sound or broken, in hexadecimal with its service centre; or a status report.

        Raises Refused where too many wait already.
        """
        self._bring("deliver_pdu", [pdu])

    def _bring(self, name: str, pdus: Iterable[str]) -> None:
        with self._acting(name) as modem:
            for pdu in pdus:
                if self._network.centre.is_full:
                    raise Refused(f"{MOST_WAITING} messages wait in the network, and that is the most.")
                self._network.centre.add(incoming(pdu))
            modem.offer()

    def redeliver(self) -> None:
        """The network tries at once what waits, in place of after retry_s."""
        with self._acting("redeliver") as modem:
            modem.offer()

    @property
    def ack_s(self) -> float:
        """How long AT+CNMA may take, where AT+CSMS=1 asks for it."""
        return self._firmware.mailbox.ack_s

    @ack_s.setter
    def ack_s(self, seconds: float) -> None:
        self._firmware.mailbox.ack_s = seconds

    @property
    def retry_s(self) -> float:
        """When the network sends again what was not acknowledged."""
        return self._firmware.mailbox.retry_s

    @retry_s.setter
    def retry_s(self, seconds: float) -> None:
        self._firmware.mailbox.retry_s = seconds

    # Memories

    @property
    def memory_sizes(self) -> dict[str, int]:
        """How many SMS each memory keeps, SM and ME; may be changed."""
        return self._firmware.sim.memory.sizes

    def stored(self, memory: str | None = None) -> tuple[StoredSms, ...]:
        """What a memory keeps, or all of them."""
        with self._far_end.lock:
            memories = self._firmware.mailbox.memories
            names = memories if memory is None else [memory]
            return tuple(kept for name in names for kept in memories[name])

    def fill_memory(self, leave: int = 0, memory: str | None = None) -> None:
        """Fill the receiving memory, or another one, with old messages that were read, but for `leave` places."""
        with self._acting("fill_memory") as modem:
            filled = modem.mailbox.memories[memory] if memory else modem.mailbox.receiving
            while filled.free > leave:
                filled.keep(_old_message(filled), READ)

    # The rest of the network

    def set_registration(self, state: int, *, lte: int | None = None) -> None:
        """The state in +CREG and +CGREG: 1 at home, 5 roaming; 0, 2, 3, 4 not registered (3GPP TS 27.007, 7.2).

        lte: in +CEREG, the same where none is given.
        """
        with self._acting("set_registration") as modem:
            self._network.registration = state
            self._network.lte_registration = state if lte is None else lte
            modem.registration_changed()

    @property
    def search_s(self) -> float:
        """How long the modem looks for its network after power-on and AT+CFUN=1; 0 at first."""
        return self._firmware.search_s

    @search_s.setter
    def search_s(self, seconds: float) -> None:
        self._firmware.search_s = seconds

    def set_signal(self, rssi: int) -> None:
        """As AT+CSQ gives it: 0 to 31, 99 unknown."""
        with self._acting("set_signal"):
            self._network.rssi = rssi

    def ussd(self, code: str, answer: str | None, dcs: int = 15, *, session: bool = False) -> None:
        """What AT+CUSD=1,"code" is answered with. None: never. session: the network waits for more.

        dcs: 15 in the default alphabet, 72 in UCS-2. A code that no call named is answered +CUSD: 4.
        """
        with self._acting("ussd"):
            self._network.ussd[code] = UssdAnswer(answer, dcs, session)

    def set_time(self, now: datetime) -> None:
        """The network's time, with its zone: the modem tells of it, and sets its clock, where it was asked to."""
        with self._acting("set_time") as modem:
            self._network.clock.set(now)
            modem.time_came()


def _old_message(memory: Memory) -> str:
    number = len(memory) + 1
    (pdu,) = encoder.deliver(_OLD_SENDER, f"Old message {number}.", _OLD + timedelta(days=number), smsc=SMSC)
    return pdu
