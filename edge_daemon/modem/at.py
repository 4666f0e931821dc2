"""The dialogue with a modem: AT commands out, bytes in, events out. No I/O and no clock.

Rules kept here:
- one command at a time; its reply is the information lines that belong to it and one final result;
- lines may be cut anywhere, echoed or not, and others may come in between: nothing about timing is taken for granted;
- a query is answered only by a final result after its own information line. So the late answer to a command that was
  given up (or to an earlier program) is not taken for the answer to the next one;
- what the modem says is bounded here: a line, the lines of a reply, and nothing is kept between replies.

Sources: ITU-T V.250 (5.2.7 and 5.7 formats and result codes), 3GPP TS 27.007 (4, 9.2), 3GPP TS 27.005 (3.5.1 AT+CMGS
and its prompt, 4.3 the PDU, 3.4.1 +CMT and +CDS with a second line).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LINE_LIMIT_BYTES = 4096
"""A longer line is dropped up to its end. The longest one in the standard is a PDU of 176 octets, 352 digits."""
REPLY_LIMIT_LINES = 1024
"""Further information lines of one reply are dropped. AT+CMGL of a full memory of 255 messages has 510."""
USSD_LIMIT_LINES = 12
"""An operator's answer of at most 182 characters (3GPP TS 23.038, 5.1) may stand on several lines."""

CTRL_Z = b"\x1a"
ESCAPE = b"\x1b"

_LINE_END = re.compile(rb"[\r\n\x1a]")
_FINAL = re.compile(r"(OK|ERROR)|(\+CM[SE] ERROR): *(.*)")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_VALUE = re.compile(r"[=\s\"]")
_TWO_LINES = ("+CMT:", "+CDS:", "+CBM:")
_USSD = "+CUSD:"
_UNSOLICITED = (
    *_TWO_LINES,
    *("+CMTI:", "+CDSI:", _USSD, "+CREG:", "+CGREG:", "+CEREG:", "+CLIP:", "+CRING:", "+CPIN:", "+CFUN:", "+CTZV:"),
    *("+CTZE:", "+CIEV:", "+CTZDST:", "+QIND:"),
    *("RING", "NO CARRIER", "Call Ready", "SMS Ready", "RDY", "NORMAL POWER DOWN", "UNDER-VOLTAGE", "OVER-VOLTAGE"),
    *("^", "*", "$", "%"),
)
"""How lines begin that a modem says by itself: 27.005 3.4.1, 27.007 7 and 8; the words are SIM800's; the signs open
manufacturers' own. Needed only for a command whose information line has no name (AT+CGMM)."""


@dataclass(frozen=True, slots=True)
class Command:
    """An AT command. answer: how its information line begins; "" for any line; None where there is none.

    text is not shown: it may hold a PIN. name is what errors and logs call it.
    """

    text: str = field(repr=False)
    answer: str | None = None
    optional: bool = False
    """OK may come without the information line."""
    body: bool = False
    """A PDU on a line of its own follows each information line, as in the replies to AT+CMGR and AT+CMGL."""
    careful: bool = False
    """Does harm where the modem is not in the state that it was brought to."""
    also: tuple[str, ...] = ()
    """How lines begin that are its own while it is under way, though a modem says such by itself too."""

    @property
    def name(self) -> str:
        """Nothing of its values: one of them may be a PIN."""
        return _VALUE.split(self.text, maxsplit=1)[0]


@dataclass(frozen=True, slots=True)
class Final:
    """A final result: OK, ERROR, or +CMS ERROR / +CME ERROR with its code (None if it is words)."""

    name: str
    code: int | None = None

    @property
    def ok(self) -> bool:
        return self.name == "OK"

    def __str__(self) -> str:
        return self.name if self.code is None else f"{self.name}: {self.code}"


@dataclass(frozen=True, slots=True)
class Reply:
    """All that a command was answered."""

    lines: tuple[str, ...]
    final: Final


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for a PDU (27.005, 3.5.1)."""


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """A line that nobody asked for; body: its second line, where the standard gives it one.

    An operator's answer to a USSD code that stands on several lines is one line here, with its line feeds.
    """

    line: str
    body: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What kind it is, without what it says."""
        return self.line.partition(":")[0].partition("=")[0][:20]


Event = Reply | Prompt | Unsolicited


class Dialogue:
    """One end of the line. begin() or pdu() what we say, receive() what comes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._too_long = False
        self._command: Command | None = None
        self._lines: list[str] = []
        self._echo = ""
        self._prompt_wanted = False
        self._first_line: str | None = None
        self._ussd: list[str] = []

    def begin(self, command: Command, *, prompt: bool = False) -> bytes:
        """Begin a command; `prompt`: it first asks for a PDU. Whatever was under way is given up."""
        self._command, self._lines, self._echo = command, [], command.text
        self._prompt_wanted = prompt
        return command.text.encode("ascii") + b"\r"

    def pdu(self, text: str) -> bytes:
        """Answer the prompt with a PDU."""
        self._echo = text
        return text.encode("ascii") + CTRL_Z

    def abandon(self) -> bytes:
        """Give up the command; the modem leaves its prompt (27.005, 3.5.1)."""
        self._command, self._prompt_wanted = None, False
        return ESCAPE

    def receive(self, data: bytes) -> list[Event]:
        """Take what the modem said; what it comes to, in order."""
        self._buffer += data
        return list(self._events())

    def _events(self) -> Iterator[Event]:
        while True:
            if self._prompt_wanted and self._buffer.startswith(b">"):
                del self._buffer[:1]  # the space after it falls away with the line that follows
                self._prompt_wanted = False
                yield Prompt()
            end = _LINE_END.search(self._buffer)
            if end is None:
                break
            line = bytes(self._buffer[: end.start()])
            del self._buffer[: end.end()]
            yield from self._line(line)
        self._bound()

    def _bound(self) -> None:
        if len(self._buffer) > LINE_LIMIT_BYTES:
            self._buffer.clear()
            self._too_long = True

    def _line(self, raw: bytes) -> Iterator[Event]:
        too_long, self._too_long = self._too_long or len(raw) > LINE_LIMIT_BYTES, False
        line = raw.decode("ascii", "replace").strip(" \0")
        if not line or too_long:
            return
        if line == self._echo:
            self._echo = ""
        elif self._first_line is not None:
            yield from self._second_line(line)
        elif self._ussd:
            yield from self._more_ussd(line)
        elif line.startswith(_TWO_LINES):
            self._first_line = line
        else:
            yield from self._sort(line)

    def _second_line(self, line: str) -> Iterator[Event]:
        """The PDU that belongs to the line before; if it was lost, the line is looked at for itself."""
        first, self._first_line = self._first_line or "", None
        if _HEX.fullmatch(line):
            yield Unsolicited(first, line)
        else:
            yield Unsolicited(first)
            yield from self._line(line.encode("ascii", "replace"))

    def _more_ussd(self, line: str) -> Iterator[Event]:
        """A further line of an operator's answer, up to its closing quote; a command's result is not part of it."""
        is_result = self._command is not None and _final(line) is not None
        if not is_result:
            self._ussd.append(line)
        if is_result or '"' in line or len(self._ussd) >= USSD_LIMIT_LINES:
            whole, self._ussd = "\n".join(self._ussd), []
            yield Unsolicited(whole)
        if is_result:
            yield from self._sort(line)

    def _sort(self, line: str) -> Iterator[Event]:
        command = self._command
        if final := _final(line):
            if command is not None and self._ends(command, final):
                yield self._reply(final)
        elif line.startswith(_USSD) and line.count('"') == 1:
            self._ussd = [line]
        elif command is None or not (_belongs(line, command) or self._is_body(line, command)):
            yield Unsolicited(line)
        elif len(self._lines) < REPLY_LIMIT_LINES:
            self._lines.append(line)

    def _is_body(self, line: str, command: Command) -> bool:
        """Whether a line is the PDU that the last information line announced."""
        if not command.body or not self._lines or not _HEX.fullmatch(line):
            return False
        return _belongs(self._lines[-1], command)

    def _ends(self, command: Command, final: Final) -> bool:
        """Whether a final result is this command's own; OK before the prompt or the information line is older."""
        if not final.ok:
            return True
        if self._prompt_wanted:
            return False
        return command.answer is None or command.optional or bool(self._lines)

    def _reply(self, final: Final) -> Reply:
        reply = Reply(tuple(self._lines), final)
        self._command, self._lines, self._prompt_wanted = None, [], False
        return reply


def _belongs(line: str, command: Command) -> bool:
    if command.answer is None:
        return False
    if command.also and line.startswith(command.also):
        return True
    if command.answer:
        return line.startswith(command.answer)
    return not line.startswith(_UNSOLICITED)


def _final(line: str) -> Final | None:
    match = _FINAL.fullmatch(line)
    if match is None:
        return None
    plain, name, code = match.groups()
    return Final(plain) if plain else Final(name, int(code) if code.isdecimal() else None)
