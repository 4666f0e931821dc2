"""What a modem says, into the dialogue: lines of the standard, damaged, in pieces, and in between each other."""

from __future__ import annotations

import random

from edge_daemon.modem import unsolicited
from edge_daemon.modem.at import Command, Dialogue, Event, Reply, Unsolicited
from tests.fuzz.pdus import damaged, whole

LINES = (
    b"OK", b"ERROR", b"+CMS ERROR: 500", b"+CME ERROR: SIM busy", b"> ", b"+CMGS: 12", b"+CREG: 0,1", b"+CREG: 2",
    b'+CMTI: "SM",3', b'+CDSI: "ME",255', b"+CMT: ,24", b"+CDS: 25", b'+CUSD: 0,"41",15', b'+CUSD: 1,"00410042",72',
    b'+CUSD: 0,"one\nline', b"two lines\",15", b"RING", b"AT+CMGS=20", b"\x00\xff\xfe", b"RDY", b"+CPIN: NOT READY",
    b"07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07", b"+CMGL: 1,0,,24", b"+CMGR: 0,,24",
    b"+SMS FULL", b'+QIND: "smsfull","ME"', b'*PSUTTZ: 2026,4,11,12,0,0,"+22",0', b'+CTZV: "+22"', b"UNDER-VOLTAGE",
    b"",
)  # fmt: skip
LISTED = Command("AT+CMGL=4", "+CMGL:", optional=True, body=True)
READ = Command("AT+CMGR=1", "+CMGR:", optional=True, body=True)
COMMANDS = (Command("AT"), Command("AT+CREG?", "+CREG:"), Command("AT+CMGS=20", "+CMGS:", optional=True), LISTED, READ)
FULL = ("+SMS FULL", '+QIND: "smsfull"')


def heard(dialogue: Dialogue, said: bytes, chance: random.Random) -> list[Event]:
    """What comes of it, cut anywhere; what came unasked is also read."""
    events: list[Event] = []
    while said:
        piece = chance.randint(1, max(1, chance.choice((1, 10, len(said)))))
        events += dialogue.receive(said[:piece])
        said = said[piece:]
    for event in events:
        if isinstance(event, Unsolicited):
            unsolicited.read(event, FULL)
    return events


class Babble:
    """A modem's lines, some damaged, cut anywhere, while commands begin and end. Nothing but events may come of it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._dialogue = Dialogue()
        self.last = ""

    def once(self) -> str:
        """One line or a few that the modem says."""
        chance = self._chance
        if chance.random() < 0.2:
            self._dialogue.begin(chance.choice(COMMANDS), prompt=chance.random() < 0.3)
        said = b"".join(self._line() for _ in range(chance.choice((1, 1, 3))))
        self.last = repr(said)
        events = heard(self._dialogue, said, chance)
        return "babble heard" if events else "babble passed over"

    def _line(self) -> bytes:
        chance = self._chance
        line = chance.choice(LINES)
        if chance.random() < 0.3:
            line = damaged(line, chance)
        ends = chance.choice((b"\r\n", b"\r", b"\n", b"", b"\r\r\n"))
        return b"\r\n" * chance.randrange(2) + line + ends


UNASKED: tuple[tuple[str, ...], ...] = (
    ('+CMTI: "SM",3',), ("RING",), ("+CREG: 2",), ("+CIEV: 2,4",), ("SMS Ready",), ('*PSUTTZ: 26,4,11,12,0,0,"+22",0',),
    ("+CMT: ,24", "07913396050066F0040B91"), ("+CDS: 25", "0006"), ('+CUSD: 0,"one line",15',),
    ('+CUSD: 0,"one', 'two",15'), ("^RSSI: 20",), ("+CMT: ,9", "0791"),
)  # fmt: skip
"""Each with its further lines."""


class Listing:
    """Replies to AT+CMGL and AT+CMGR with lines in between that nobody asked for: each comes out where it belongs."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._pdus = [octets.hex().upper() for kind, octets in whole() if kind != "submit"]
        self._dialogue = Dialogue()
        self.last = ""

    def once(self) -> str:
        """One reply."""
        chance = self._chance
        wanted = self._wanted()
        unasked: list[tuple[str, ...]] = []
        lines = [LISTED.text] if chance.random() < 0.5 else []
        for line in [*wanted, chance.choice(("OK", "ERROR", "+CMS ERROR: 500"))]:
            while chance.random() < 0.2:
                unasked.append(chance.choice(UNASKED))
                lines += unasked[-1]
            lines.append(line)
        said = "".join(f"\r\n{line}\r\n" for line in lines).encode("ascii")
        self.last = repr(said)
        self._dialogue.begin(LISTED)
        self._check(heard(self._dialogue, said, chance), wanted, unasked)
        return "list with others in between" if unasked else "list by itself"

    def _wanted(self) -> list[str]:
        chance = self._chance
        wanted = []
        for index in range(chance.choice((0, 1, 3, 20))):
            wanted.append(f"+CMGL: {index},{chance.randrange(4)},,24")
            if chance.random() < 0.9:  # EC25 gives none for a status report
                wanted.append(chance.choice(self._pdus))
        return wanted

    def _check(self, events: list[Event], wanted: list[str], unasked: list[tuple[str, ...]]) -> None:
        *before, reply = events
        assert isinstance(reply, Reply)
        assert reply.lines == tuple(wanted)
        assert [(event.line, event.body) for event in before if isinstance(event, Unsolicited)] == [
            ("\n".join(lines), "") if lines[0].startswith("+CUSD") else (lines[0], "".join(lines[1:]))
            for lines in unasked
        ]
