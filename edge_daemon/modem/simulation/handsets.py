"""The farmers' telephones behind the simulated network: parts put together to what they show. No I/O.

Rules kept here:
- a message is what a telephone would show, put together from the PDUs alone;
- taking a part costs the same however many messages there are: a part finds its message by a dictionary.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge_daemon.modem.pdu import Submit, join
from edge_daemon.modem.userdata import CodingName

SAME_REFERENCE = 4
"""So many messages with the same number, reference and total are looked at, the newest first."""

_Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class ReceivedSms:
    """A message as the telephone shows it. text: what came so far, in order. repeats: parts that came again."""

    number: str = field(repr=False)
    text: str
    parts: int
    encoding: CodingName
    complete: bool
    repeats: int


class _Message:
    """A message of which some parts have come."""

    def __init__(self, first: Submit) -> None:
        self._number = first.number
        self._total = first.data.concat.parts if first.data.concat else 1
        self._parts: dict[int, Submit] = {}
        self._repeats = 0
        self._shown: ReceivedSms | None = None

    def fits(self, part: Submit) -> bool:
        """Whether a part may be of this message: a new one, or one that came before."""
        known = self._parts.get(_place(part))
        return known is None or known.data == part.data  # else another message has the same reference

    def take(self, part: Submit) -> None:
        """Put a part in that fits."""
        self._repeats += _place(part) in self._parts
        self._parts[_place(part)], self._shown = part, None

    @property
    def is_complete(self) -> bool:
        return len(self._parts) == self._total

    def as_received(self) -> ReceivedSms:
        """What the telephone shows now."""
        if self._shown is None:
            data = [self._parts[number].data for number in sorted(self._parts)]
            text, coding = join(data), data[0].coding
            self._shown = ReceivedSms(self._number, text, self._total, coding, self.is_complete, self._repeats)
        return self._shown


def _place(part: Submit) -> int:
    return part.data.concat.part if part.data.concat else 1


class Handsets:
    """Every message that came. complete: how many of them are whole."""

    def __init__(self) -> None:
        self.complete = 0
        self._messages: list[_Message] = []
        self._by_key: dict[_Key, deque[_Message]] = {}

    @property
    def received(self) -> tuple[ReceivedSms, ...]:
        """Every message, the oldest first."""
        return tuple(message.as_received() for message in self._messages)

    def take(self, part: Submit) -> ReceivedSms:
        """Put a part where it belongs; the message that it is of, as it is now."""
        message = self._message_of(part)
        was_complete = message.is_complete
        message.take(part)
        self.complete += message.is_complete and not was_complete
        return message.as_received()

    def _message_of(self, part: Submit) -> _Message:
        concat = part.data.concat
        if concat is None:
            return self._begin(part)
        key = (part.number, concat.reference, concat.parts)
        known = self._by_key.setdefault(key, deque(maxlen=SAME_REFERENCE))
        for message in reversed(known):
            if message.fits(part):
                return message
        known.append(self._begin(part))
        return known[-1]

    def _begin(self, part: Submit) -> _Message:
        self._messages.append(_Message(part))
        return self._messages[-1]
