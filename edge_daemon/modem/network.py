"""The telephone network behind the simulated modem: takes PDUs, puts messages together, keeps a log.

Rules kept here:
- a message is what a telephone would show, put together from the PDUs alone;
- a PDU is in the log file before the modem confirms it, so what a killed kiosk had handed over can be read afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge_daemon.modem.fields import BadPdu
from edge_daemon.modem.pdu import Submit, join, parse_submit
from edge_daemon.modem.userdata import CodingName

REFERENCES = 256
"""TP-MR is one octet (3GPP TS 23.040, 9.2.3.6)."""
INVALID_PDU = 304
"""+CMS ERROR for a PDU that cannot be (3GPP TS 27.005, 3.2.5)."""


class Rejected(Exception):
    """The network or the modem does not take a PDU; code: as in +CMS ERROR."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CMS ERROR: {code}")
        self.code = code


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
        self.number = first.number
        self.concat = first.data.concat
        self._parts: dict[int, Submit] = {}
        self._repeats = 0

    def take(self, part: Submit) -> bool:
        """Whether the part is one of this message: a new one, or one that came before."""
        theirs, ours = part.data.concat, self.concat
        if theirs is None or ours is None or part.number != self.number:
            return False
        if (theirs.reference, theirs.parts) != (ours.reference, ours.parts):
            return False
        known = self._parts.get(theirs.part)
        if known is not None and known.data != part.data:
            return False  # another message with the same reference
        self._repeats += known is not None
        self._parts[theirs.part] = part
        return True

    def begin(self, part: Submit) -> None:
        """Put the first part in that came."""
        self._parts[part.data.concat.part if part.data.concat else 1] = part

    def as_received(self) -> ReceivedSms:
        """What the telephone shows now."""
        data = [self._parts[number].data for number in sorted(self._parts)]
        total = self.concat.parts if self.concat else 1
        return ReceivedSms(self.number, join(data), total, data[0].coding, len(data) == total, self._repeats)


class Network:
    """Takes what a modem submits. log: a file that gets one JSON line for each PDU taken."""

    def __init__(self, log: Path | None = None, on_message: Callable[[ReceivedSms], None] | None = None) -> None:
        self.refused: dict[str, int] = {}
        """Numbers that are not taken, with the +CMS ERROR code for each."""
        self._log = log
        self._on_message = on_message
        self._messages: list[_Message] = []
        self._reference = REFERENCES - 1

    @property
    def received(self) -> tuple[ReceivedSms, ...]:
        """Every message that came, the oldest first."""
        return tuple(message.as_received() for message in self._messages)

    def submit(self, pdu: str, tpdu_octets: int) -> int:
        """Take a PDU; its reference, 0 to 255, which counts on. Raises Rejected."""
        try:
            part = parse_submit(pdu)
        except BadPdu as why:
            raise Rejected(INVALID_PDU) from why
        if part.tpdu_octets != tpdu_octets:
            raise Rejected(INVALID_PDU)
        if (code := self.refused.get(part.number)) is not None:
            raise Rejected(code)
        self._reference = (self._reference + 1) % REFERENCES
        self._write_down(part, pdu)
        self.deliver(part)
        return self._reference

    def _write_down(self, part: Submit, pdu: str) -> None:
        if self._log is None:
            return
        concat = part.data.concat
        entry = {
            "pdu": pdu,
            "reference": self._reference,
            "number": part.number,
            "part": concat.part if concat else 1,
            "parts": concat.parts if concat else 1,
            "text": part.text,
        }
        with self._log.open("ab", buffering=0) as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")

    def deliver(self, part: Submit) -> None:
        """Put a part where it belongs."""
        message = next((message for message in reversed(self._messages) if message.take(part)), None)
        if message is None:
            message = _Message(part)
            message.begin(part)
            self._messages.append(message)
        received = message.as_received()
        if received.complete and self._on_message is not None:
            self._on_message(received)


def read_log(path: Path) -> tuple[ReceivedSms, ...]:
    """What the network took according to its log; nothing where there is none."""
    network = Network()
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            part = parse_submit(json.loads(line)["pdu"])
            network.deliver(part)
    return network.received
