"""Parts that come in, put together to the messages that were sent. No I/O; the time is an argument.

Rules kept here:
- a part belongs to the message of its sender with its reference, total and width of reference;
- the parts may come in any order; one that came before is dropped, whether its message is complete or not;
- a message that waits too long for a part is given out without it, and says which one is missing: nothing is lost;
- what is held is bounded: above the bound the message that waited longest is given out as it is.

Source: 3GPP TS 23.040 (9.2.3.24.1 and 9.2.3.24.8 concatenated short messages).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from edge_daemon.modem.pdu import Deliver
from edge_daemon.modem.userdata import Concat, UserData, join

PATIENCE_S = 3600.0
"""How long a message waits for its next part. A service centre that found the kiosk away comes again before that."""
MOST_PARTS_HELD = 1000
MOST_REMEMBERED = 1000
"""Parts that are known again when the network sends them a second time."""
GAP = "[…]"
"""Stands in a text where parts are missing."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message as it came in. parts: in order, None for a missing one."""

    number: str = field(repr=False)
    parts: tuple[Deliver | None, ...] = field(repr=False)

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the missing parts, from 1."""
        return tuple(number for number, part in enumerate(self.parts, start=1) if part is None)

    @property
    def text(self) -> str:
        """The whole text, with GAP for each run of missing parts."""
        runs = groupby(self.parts, lambda part: part is None)
        return "".join(GAP if gap else join([part.data for part in run if part is not None]) for gap, run in runs)


@dataclass(slots=True)
class _Open:
    """A message that waits for parts."""

    number: str
    total: int
    last_s: float = 0.0
    parts: dict[int, Deliver] = field(default_factory=dict)

    def as_inbound(self) -> Inbound:
        return Inbound(self.number, tuple(self.parts.get(number) for number in range(1, self.total + 1)))


_Key = tuple[str, int, int, bool]
_Fingerprint = tuple[str, datetime, UserData]


class Reassembly:
    """The messages that wait for parts. Times are in seconds, on a clock that does not jump."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._open: OrderedDict[_Key, _Open] = OrderedDict()
        """The message that has waited longest comes first."""
        self._held = 0
        self._remembered: OrderedDict[_Fingerprint, None] = OrderedDict()

    @property
    def deadline_s(self) -> float | None:
        """When `overdue` next has something to give out; None if no message waits."""
        first = next(iter(self._open.values()), None)
        return None if first is None else first.last_s + self._patience_s

    def take(self, part: Deliver, now_s: float) -> list[Inbound]:
        """Take a part; the messages that are given out for it: mostly one that it completes, or none."""
        if self._came_before(part):
            return []
        concat = part.data.concat
        if concat is None or concat.parts == 1:
            return [Inbound(part.number, (part,))]
        return self._put(part, concat, now_s)

    def held(self) -> list[Deliver]:
        """The parts that wait for others."""
        return [part for message in self._open.values() for part in message.parts.values()]

    def overdue(self, now_s: float) -> list[Inbound]:
        """The messages that have waited too long, incomplete as they are."""
        given = []
        while self.deadline_s is not None and self.deadline_s <= now_s:
            given.append(self._give_oldest())
        return given

    def _put(self, part: Deliver, concat: Concat, now_s: float) -> list[Inbound]:
        key = (part.number, concat.reference, concat.parts, concat.is_wide)
        waiting = self._open.get(key)
        known = waiting.parts.get(concat.part) if waiting else None
        if known is not None and known.data == part.data:
            return []
        given = []
        if known is not None:  # another text with the same reference: a sender that always uses the same one
            given.append(self._give(key))
        message = self._open.setdefault(key, _Open(part.number, concat.parts))
        message.parts[concat.part], message.last_s = part, now_s
        self._held += 1
        self._open.move_to_end(key)
        if len(message.parts) == message.total:
            given.append(self._give(key))
        while self._held > MOST_PARTS_HELD:
            given.append(self._give_oldest())
        return given

    def _give_oldest(self) -> Inbound:
        return self._give(next(iter(self._open)))

    def _give(self, key: _Key) -> Inbound:
        message = self._open.pop(key)
        self._held -= len(message.parts)
        return message.as_inbound()

    def _came_before(self, part: Deliver) -> bool:
        """Whether the network sends a part again: same sender, same second at the service centre, same octets."""
        if part.time is None:
            return False
        fingerprint = (part.number, part.time, part.data)
        if fingerprint in self._remembered:
            return True
        self._remembered[fingerprint] = None
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return False
