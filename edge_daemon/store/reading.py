"""What the store asks of whoever can read PDUs: it keeps them as they came, and knows nothing of what is in them.

The kiosk's reader is edge_daemon.sms_reading.PduReading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["delivered", "trying", "failed", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A PDU that breaks the standard, and where."""

    why: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """A part that came in. fingerprint: the same where the network sends a part again, None where it cannot tell."""

    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A part that waits for the others of its message, for `age_s` by now. id: whatever the caller knows it by."""

    id: int
    pdu: str = field(repr=False)
    age_s: float


@dataclass(frozen=True, slots=True)
class Together:
    """A message that is given out. ids: its parts. missing: the numbers of the parts that never came, from 1.

    sent_at: when its service centre took its first part, ISO 8601, None if it does not say.
    """

    ids: tuple[int, ...]
    number: str = field(repr=False)
    text: str = field(repr=False)
    missing: tuple[int, ...]
    sent_at: str | None


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that the network took for us. outcome: the last that was reported."""

    message: int
    part: int
    number: str = field(repr=False)
    reference: int
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Report:
    """A status report: of which of the parts (TP-MR), what became of it, and that in words. sent None: of none."""

    reference: int
    outcome: Outcome
    why: str
    sent: SentPart | None


class Reading(Protocol):
    """Reads PDUs, in hexadecimal with their service centre."""

    def count_parts(self, text: str, shift: Sequence[str] = ()) -> int:
        """How many parts a text takes, with these languages' national tables. Raises Refused where no SMS can be."""

    def deliver(self, pdu: str) -> Heard | Unreadable:
        """Read one SMS-DELIVER."""

    def put_together(self, held: Sequence[Held]) -> tuple[list[Together], list[int]]:
        """The messages that these parts, the oldest first, complete or that waited too long; and parts of no use."""

    def reference(self, pdu: str) -> int | Unreadable:
        """The reference (TP-MR, 0 to 255) that an SMS-STATUS-REPORT names."""

    def report(self, pdu: str, sent: Sequence[SentPart]) -> Report:
        """Read an SMS-STATUS-REPORT that `reference` could read; `sent`: the oldest first."""

    def of_message(self, outcomes: Sequence[Outcome | None]) -> Outcome | None:
        """What became of a message whose parts have these outcomes."""
