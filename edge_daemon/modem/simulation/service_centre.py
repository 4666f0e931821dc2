"""The service centre: what waits in the network for the modem, texts and status reports. No I/O.

Rules kept here:
- nothing is lost: what the modem cannot take waits, in order, and is offered again when the modem has room, is there
  again, or the centre tries again;
- reports wait beside texts, so that a modem without room for texts still gets those.

Source: 3GPP TS 23.040 (3.2.5 memory capacity exceeded, 3.2.6 alert, 9.2.2.3 reports), 3GPP TS 23.038 (4 classes).
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from edge_daemon.modem.fields import BadPdu
from edge_daemon.modem.pdu import parse_deliver
from edge_daemon.modem.userdata import read_scheme

MOST_WAITING = 100_000
DELIVERED = 0
"""TP-Status: received by the telephone (23.040, 9.2.3.15)."""

_STATUS_REPORT = 0b10
_STORED_WAITING = {0b1101, 0b1110}
"""Groups of coding schemes: message waiting, to be stored (23.038, 4)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A PDU on its way to the modem. message_class: None if it names none, or cannot be read.

    must_be_kept: class 2, or a waiting indication to be stored; it is never routed (3GPP TS 27.005, 3.4.1).
    """

    pdu: str = field(repr=False)
    is_report: bool
    message_class: int | None = None
    must_be_kept: bool = False

    @property
    def tpdu_octets(self) -> int:
        """The length that +CMT and +CMGR name: without the service centre (27.005, 3.1 <length>)."""
        return tpdu_octets(self.pdu)


def incoming(pdu: str) -> Incoming:
    """Look at a PDU, sound or broken, as a modem does before it passes it on."""
    after = len(pdu) // 2 - tpdu_octets(pdu)
    first = pdu[2 * after : 2 * after + 2]
    if first and _is_hex(first) and int(first, 16) & 0b11 == _STATUS_REPORT:
        return Incoming(pdu, is_report=True)
    try:
        dcs = parse_deliver(pdu).dcs
    except BadPdu:
        return Incoming(pdu, is_report=False)
    message_class = read_scheme(dcs).message_class
    return Incoming(pdu, False, message_class, message_class == 2 or dcs >> 4 in _STORED_WAITING)


def tpdu_octets(pdu: str) -> int:
    """How many octets follow the service centre; 0 where that is longer than the PDU."""
    before = int(pdu[:2], 16) if _is_hex(pdu[:2]) else 0
    return max(0, len(pdu) // 2 - 1 - before)


def _is_hex(text: str) -> bool:
    return len(text) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in text)


class Modem(Protocol):
    """Who the service centre delivers to."""

    def take(self, message: Incoming) -> bool:
        """Whether the modem took it; False for no: the message goes on waiting."""


class ServiceCentre:
    """What waits for one modem. status: TP-Status of the reports that it makes, None if it makes none."""

    def __init__(self) -> None:
        self.status: int | None = DELIVERED
        self.taken = 0
        """Messages and reports that the modem took."""
        self._texts: deque[Incoming] = deque()
        self._reports: deque[Incoming] = deque()
        self._held: list[Incoming] | None = None

    @property
    def waiting(self) -> int:
        """How many messages and reports the modem has not taken; those that are held back are not counted."""
        return len(self._texts) + len(self._reports)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait; then nothing is to be added."""
        return self.waiting + len(self._held or ()) >= MOST_WAITING

    def add(self, message: Incoming) -> None:
        """A message, or a report, for the modem."""
        if message.is_report and self._held is not None:
            self._held.append(message)
        else:
            self._queue_of(message).append(message)

    def give_back(self, message: Incoming) -> None:
        """The modem did not acknowledge it: it waits again, before all others."""
        self.taken -= 1
        self._queue_of(message).appendleft(message)

    def push(self, modem: Modem) -> None:
        """Offer the modem what waits, as far as it takes it."""
        for queue in (self._texts, self._reports):
            while queue and modem.take(queue[0]):
                queue.popleft()
                self.taken += 1

    def hold_reports(self) -> None:
        """Keep the reports back from now on."""
        self._held = self._held or []

    def release_reports(self, shuffle: random.Random | None = None) -> None:
        """End of hold_reports: all of them wait for the modem now, in any order that `shuffle` gives them."""
        held, self._held = self._held or [], None
        if shuffle is not None:
            shuffle.shuffle(held)
        self._reports.extend(held)

    def _queue_of(self, message: Incoming) -> deque[Incoming]:
        return self._reports if message.is_report else self._texts
