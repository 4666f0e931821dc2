"""Damaged PDUs into the readers.

A PDU is a real one (tests/edge/modem/pdu_vectors.jsonl) with octets changed, taken out, put in, doubled or cut off; it
may be refused by BadPdu alone, and what is read is put together again.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from edge_daemon.modem import pdu
from edge_daemon.modem.reassembly import Reassembly

VECTORS = Path(__file__).parent.parent / "edge" / "modem" / "pdu_vectors.jsonl"
READERS = {"deliver": pdu.parse_deliver, "submit": pdu.parse_submit, "status_report": pdu.parse_status_report}


def whole() -> list[tuple[str, bytes]]:
    """Each vector's kind and octets."""
    rows = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]
    return [(str(row["kind"]), bytes.fromhex(row["pdu"])) for row in rows]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The octets with one to four faults, most of them a changed octet."""
    octets = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place = chance.randrange(len(octets) + 1)
        fault = chance.choice((0, 0, 0, 0, 0, 0, 1, 2, 3, 4))
        if fault == 0 and place < len(octets):
            octets[place] = chance.choice((0, 0xFF, 0x7F, 0x80, chance.randrange(256)))
        elif fault == 1:
            del octets[place : place + chance.randint(1, 4)]
        elif fault == 2:
            octets[place:place] = chance.randbytes(chance.randint(1, 4))
        elif fault == 3:
            octets[place:place] = octets[place : place + chance.randint(1, 20)]
        elif fault == 4:
            del octets[chance.randrange(len(octets) + 1) :]
    return bytes(octets[:400])


class Pdus:
    """Damaged PDUs into the reader of any kind, and what is a text into the reassembly."""

    def __init__(self, chance: random.Random) -> None:
        self._whole = whole()
        self._chance = chance
        self._together = Reassembly(60.0)
        self._now_s = 0.0
        self.last = ""

    def once(self) -> str:
        """One PDU; gives what became of it."""
        own, octets = self._chance.choice(self._whole)
        kind = own if self._chance.random() < 0.9 else self._chance.choice(tuple(READERS))
        text = damaged(octets, self._chance).hex()
        self.last = f"{kind} {text}"
        try:
            said = READERS[kind](text)
        except pdu.BadPdu:
            return f"{kind} refused"
        if isinstance(said, pdu.Deliver):
            self._now_s += self._chance.random() * 5
            self._together.take(said, self._now_s)
            self._together.overdue(self._now_s)
        return f"{kind} read"
