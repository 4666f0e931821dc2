"""Reads PDUs for the store: the one place where what is kept meets what the modem's core knows of it. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from edge_daemon.modem import alphabet, deliveries, pdu
from edge_daemon.modem.reassembly import Inbound, Reassembly
from edge_daemon.store.reading import Heard, Held, Outcome, Report, SentPart, Together, Unreadable


class PduReading:
    """edge_daemon.store.reading.Reading, by the modem's core."""

    def count_parts(self, text: str, shift: Sequence[str] = ()) -> int:
        """As alphabet.count_parts."""
        return alphabet.count_parts(text, shift)

    def deliver(self, pdu_hex: str) -> Heard | Unreadable:
        """Same sender, same second at the service centre, same octets: the network sends a part again."""
        try:
            part = pdu.parse_deliver(pdu_hex)
        except pdu.BadPdu as why:
            return Unreadable(str(why))
        if part.time is None:
            return Heard(None)
        what = f"{part.number} {part.time.isoformat()} {part.dcs} {part.data.header.hex()} {part.data.units.hex()}"
        return Heard(hashlib.sha256(what.encode()).hexdigest())

    def put_together(self, held: Sequence[Held]) -> tuple[list[Together], list[int]]:
        """The parts in the order in which they came, through the modem's Reassembly. Its clock stands at 0 now."""
        reassembly = Reassembly()
        read = [(part.id, pdu.parse_deliver(part.pdu), -part.age_s) for part in held]
        ids = {id(deliver): number for number, deliver, _ in read}
        given = [message for _, deliver, at_s in read for message in reassembly.take(deliver, at_s)]
        given += reassembly.overdue(0.0)
        together = [_together(message, ids) for message in given]
        used = {number for message in together for number in message.ids}
        waits = {ids[id(deliver)] for deliver in reassembly.held()}
        return together, [part.id for part in held if part.id not in used | waits]

    def reference(self, pdu_hex: str) -> int | Unreadable:
        """TP-MR (3GPP TS 23.040, 9.2.3.6)."""
        try:
            return pdu.parse_status_report(pdu_hex).reference
        except pdu.BadPdu as why:
            return Unreadable(str(why))

    def report(self, pdu_hex: str, sent: Sequence[SentPart]) -> Report:
        """Which part it is about, by deliveries.part_of, and what it says."""
        report = pdu.parse_status_report(pdu_hex)
        known = [_known(part) for part in sent]
        found = deliveries.part_of(report, known)
        meaning = deliveries.meaning(report.status)
        of = None if found is None else next(part for part, core in zip(sent, known, strict=True) if core is found)
        return Report(report.reference, meaning.outcome.value, meaning.words, of)

    def of_message(self, outcomes: Sequence[Outcome | None]) -> Outcome | None:
        """As deliveries.of_message."""
        became = deliveries.of_message([outcome and deliveries.Outcome(outcome) for outcome in outcomes])
        return None if became is None else became.value


def _together(message: Inbound, ids: dict[int, int]) -> Together:
    parts = [part for part in message.parts if part is not None]
    times = [part.time for part in parts if part.time is not None]
    return Together(
        ids=tuple(ids[id(part)] for part in parts),
        number=message.number,
        text=message.text,
        missing=message.missing,
        sent_at=min(times).isoformat() if times else None,
    )


def _known(part: SentPart) -> deliveries.SentPart:
    outcome = part.outcome and deliveries.Outcome(part.outcome)
    return deliveries.SentPart(part.message, part.part, part.number, part.reference, outcome)
