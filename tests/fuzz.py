"""`make fuzz`: damaged PDUs and a modem that babbles, for as long as is wanted. Not a test: what it finds becomes one.

    python -m tests.fuzz [SECONDS] [SEED]

A PDU is a real one (tests/edge/modem/pdu_vectors.jsonl) with octets changed, taken out, put in, doubled or cut off; it
may be refused by BadPdu alone, and what is read is put together again. The dialogue hears lines of the standard,
damaged, in pieces, while commands are under way; nothing but events may come of it. Whatever else is raised ends the
run, and is printed with the input that did it.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from edge_daemon.modem import pdu
from edge_daemon.modem.at import Command, Dialogue
from edge_daemon.modem.reassembly import Reassembly

VECTORS = Path(__file__).parent / "edge" / "modem" / "pdu_vectors.jsonl"
READERS = {"deliver": pdu.parse_deliver, "submit": pdu.parse_submit, "status_report": pdu.parse_status_report}
LINES = (
    b"OK", b"ERROR", b"+CMS ERROR: 500", b"+CME ERROR: SIM busy", b"> ", b"+CMGS: 12", b"+CREG: 0,1", b"+CREG: 2",
    b'+CMTI: "SM",3', b"+CMT: ,24", b"+CDS: 25", b"+CUSD: 0,\"41\",15", b"RING", b"AT+CMGS=20", b"\x00\xff\xfe",
    b"07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07", b"+CMGL: 1,0,,24", b"",
)  # fmt: skip
COMMANDS = (Command("AT"), Command("AT+CREG?", "+CREG:"), Command("AT+CMGS=20", "+CMGS:", optional=True))


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
        rows = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]
        self._whole = [(str(row["kind"]), bytes.fromhex(row["pdu"])) for row in rows]
        self._chance = chance
        self._together = Reassembly(60.0)
        self._now_s = 0.0
        self.last = ""

    def once(self) -> str:
        """One PDU; gives what became of it."""
        own, whole = self._chance.choice(self._whole)
        kind = own if self._chance.random() < 0.9 else self._chance.choice(tuple(READERS))
        text = damaged(whole, self._chance).hex()
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


class Babble:
    """A modem's lines, some damaged, cut anywhere, while commands begin and end."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._dialogue = Dialogue()
        self.last = ""

    def once(self) -> str:
        """One piece of what the modem says."""
        chance = self._chance
        if chance.random() < 0.2:
            self._dialogue.begin(chance.choice(COMMANDS), prompt=chance.random() < 0.3)
        line = chance.choice(LINES)
        if chance.random() < 0.3:
            line = damaged(line, chance)
        ends = chance.choice((b"\r\n", b"\r", b"\n", b"", b"\r\r\n"))
        said = b"\r\n" * chance.randrange(2) + line + ends
        cut = chance.randrange(len(said) + 1)
        self.last = repr(said)
        events = [*self._dialogue.receive(said[:cut]), *self._dialogue.receive(said[cut:])]
        return "babble heard" if events else "babble passed over"


def main(words: list[str]) -> None:
    """See the module's description."""
    seconds = float(words[0]) if words else 60.0
    seed = int(words[1]) if len(words) > 1 else time.time_ns() % 2**32
    chance = random.Random(seed)
    fuzzers = (Pdus(chance), Babble(chance))
    counts: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    last: Pdus | Babble = fuzzers[0]
    held = False
    try:
        while time.monotonic() < ends:
            for last in fuzzers:
                counts[last.once()] += 1
        held = True
    finally:
        if not held:
            print(f"seed {seed}, after {counts.total()}: {last.last}", file=sys.stderr)
    print(f"seed {seed}, {seconds:g} s: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main(sys.argv[1:])
