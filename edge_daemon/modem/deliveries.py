"""What a status report means, and which part it is about. No I/O.

Source: 3GPP TS 23.040, 9.2.3.15 (TP-Status).
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from edge_daemon.modem.pdu import StatusReport


class Outcome(enum.Enum):
    """What became of a part, or of a message."""

    DELIVERED = "delivered"
    """The telephone has it."""
    TRYING = "trying"
    """Not yet, and the service centre goes on trying."""
    FAILED = "failed"
    """Not, and the service centre has given up."""
    UNCONFIRMED = "unconfirmed"
    """The service centre is done with it, and does not say that the telephone has it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A TP-Status in words."""

    outcome: Outcome
    words: str


_DELIVERED, _TRYING, _FAILED, _UNCONFIRMED = Outcome.DELIVERED, Outcome.TRYING, Outcome.FAILED, Outcome.UNCONFIRMED

_MEANINGS = {
    0x00: Meaning(_DELIVERED, "received by the telephone"),
    0x01: Meaning(_UNCONFIRMED, "forwarded to the telephone, which the service centre cannot confirm"),
    0x02: Meaning(_UNCONFIRMED, "replaced by the service centre"),
    0x20: Meaning(_TRYING, "congestion, still trying"),
    0x21: Meaning(_TRYING, "the telephone is busy, still trying"),
    0x22: Meaning(_TRYING, "no response from the telephone, still trying"),
    0x23: Meaning(_TRYING, "service rejected, still trying"),
    0x24: Meaning(_TRYING, "quality of service not available, still trying"),
    0x25: Meaning(_TRYING, "error in the telephone, still trying"),
    0x40: Meaning(_FAILED, "remote procedure error"),
    0x41: Meaning(_FAILED, "incompatible destination"),
    0x42: Meaning(_FAILED, "connection rejected by the telephone"),
    0x43: Meaning(_FAILED, "not obtainable"),
    0x44: Meaning(_FAILED, "quality of service not available"),
    0x45: Meaning(_FAILED, "no interworking available"),
    0x46: Meaning(_FAILED, "its validity period expired"),
    0x47: Meaning(_FAILED, "deleted by its sender"),
    0x48: Meaning(_FAILED, "deleted by the service centre's administration"),
    0x49: Meaning(_FAILED, "the service centre does not have it"),
    0x60: Meaning(_FAILED, "congestion, given up"),
    0x61: Meaning(_FAILED, "the telephone is busy, given up"),
    0x62: Meaning(_FAILED, "no response from the telephone, given up"),
    0x63: Meaning(_FAILED, "service rejected, given up"),
    0x64: Meaning(_FAILED, "quality of service not available, given up"),
    0x65: Meaning(_FAILED, "error in the telephone, given up"),
}
_OPERATOR_S_OWN = {
    0x10: Meaning(_UNCONFIRMED, "done, for a reason of the operator's own"),
    0x30: Meaning(_TRYING, "still trying, for a reason of the operator's own"),
    0x50: Meaning(_FAILED, "failed, for a reason of the operator's own"),
    0x70: Meaning(_FAILED, "given up, for a reason of the operator's own"),
}
"""Sixteen values each, specific to a service centre."""


def meaning(status: int) -> Meaning:
    """What a TP-Status says. A reserved value means service rejected, as the clause says."""
    return _MEANINGS.get(status) or _OPERATOR_S_OWN.get(status & 0xF0, _MEANINGS[0x63])


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the network took. message: whatever the caller knows it by; reference: what AT+CMGS answered.

    outcome: the last that was reported, None before the first report.
    """

    message: int
    part: int
    number: str = field(repr=False)
    reference: int
    outcome: Outcome | None = None


SAME_DIGITS = 8
"""Reports name a number with or without its country code; numbers that end in so many same digits are the same."""


def part_of(report: StatusReport, sent: Collection[SentPart]) -> SentPart | None:
    """The part that a report is about, None if it is about none of them. sent: the oldest first.

    References come again after 256 parts, so the newest part that still waits is meant, else the newest.
    """
    fits = [part for part in sent if part.reference == report.reference and _same(part.number, report.number)]
    waiting = [part for part in fits if part.outcome in {None, Outcome.TRYING}]
    return next(reversed(waiting or fits), None)


def _same(one: str, other: str) -> bool:
    ours, theirs = one.lstrip("+0"), other.lstrip("+0")
    if ours == theirs:
        return True
    shorter, longer = sorted((ours, theirs), key=len)
    return len(shorter) >= SAME_DIGITS and longer.endswith(shorter)


def of_message(outcomes: Iterable[Outcome | None]) -> Outcome | None:
    """What became of a message whose parts have these outcomes: delivered when all parts are, failed when one is.

    None while nothing is known of some part and none has failed.
    """
    known = set(outcomes)
    for worst in (Outcome.FAILED, None, Outcome.TRYING, Outcome.UNCONFIRMED, Outcome.DELIVERED):
        if worst in known:
            return worst
    return None
