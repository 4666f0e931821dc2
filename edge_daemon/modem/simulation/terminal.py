"""The modem's end of the line: command lines in, replies out. No I/O.

Rules kept here:
- a reply is whole: what comes unasked meanwhile is said after it, but for `noise`, which is there to disturb;
- a mute modem says nothing, and what it would have said is lost.

Sources: ITU-T V.250 (5.2 command lines, 5.7 results, 6.2.4 echo), 3GPP TS 27.005 (3.5.1 the prompt).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from edge_daemon.modem.simulation.results import CmeError, Failed, Plain, Silent, cme_words
from edge_daemon.modem.simulation.settings import Faults, Settings
from edge_daemon.modem.simulation.syntax import Command, commands

COMMAND_LIMIT_BYTES = 1024
COMMANDS_KEPT = 1000

_ESC = b"\x1b"
_NUMERIC_RESULTS = {"OK": "0", "NO CARRIER": "3", "ERROR": "4"}
"""V.250, 5.7.1, after ATV0."""


class Terminal:
    """What takes bytes and says bytes. do: what a command comes to, its information lines; raises Failed.

    prompt: what takes the text that a command asked for. after: what is done after the reply to the line under way.
    """

    settings: Settings

    def __init__(self, faults: Faults, do: Callable[[Command], list[str]]) -> None:
        self.faults = faults
        self.is_on = True
        self.commands: deque[str] = deque(maxlen=COMMANDS_KEPT)
        """The command lines that came since power-on, the oldest first."""
        self.prompt: Callable[[bytes], list[str]] | None = None
        self.after: list[Callable[[], None]] = []
        self._do = do
        self._buffer = b""
        self._out = bytearray()
        self._unasked: list[str] = []
        self._is_busy = False

    def forget(self) -> None:
        """Nothing is under way any more: not a prompt, not half a line."""
        self.prompt, self._buffer, self._is_busy = None, b"", False
        self.after.clear()

    def say_unasked(self, line: str) -> None:
        """A line that nobody asked for; while a command is under way, or its text is awaited, it waits."""
        self._unasked.append(line)
        self._say_what_waits()

    def say_unasked_at_once(self) -> None:
        """What waits comes now, before the reply to the command under way."""
        for line in self._unasked:
            self._write(_framed(line))
        self._unasked.clear()

    def take_output(self) -> bytes:
        """What the modem has to say; empty afterwards."""
        said = bytes(self._out)
        self._out.clear()
        return said

    def lose_output(self) -> None:
        """What it has to say is gone with its power."""
        self._out.clear()
        self._unasked.clear()

    def receive(self, data: bytes) -> bytes:
        """Take what the kiosk said; what the modem says to that."""
        if not self.is_on:
            return b""
        self._buffer += data
        while (found := re.search(rb"[\x1a\x1b]" if self.prompt else rb"[\r\x1b]", self._buffer)) is not None:
            body, self._buffer = self._buffer[: found.start()], self._buffer[found.end() :]
            self._take(body, found[0])
        if len(self._buffer) > COMMAND_LIMIT_BYTES:
            self._buffer = b""
        return self.take_output()

    def _take(self, body: bytes, end: bytes) -> None:
        self._is_busy = True
        if self.prompt is not None:
            self._text(body, end)
        else:
            self._line(body, end)
        self._is_busy = False
        after, self.after = self.after, []
        for act in after:
            act()
        self._say_what_waits()

    def _text(self, body: bytes, end: bytes) -> None:
        """What a prompt was answered with; ESC leaves it (27.005, 3.5.1)."""
        assert self.prompt is not None
        prompt, self.prompt = self.prompt, None
        self._echo(body + end)
        self._conclude(lambda: [] if end == _ESC else prompt(body))

    def _line(self, body: bytes, end: bytes) -> None:
        text = "" if end == _ESC else body.decode("latin-1").strip()
        if text:
            self.commands.append(text)
            self.faults.hear(text)
        self._echo(body + end)
        found = re.search("AT", text, re.IGNORECASE)
        if found is not None:  # V.250, 5.2.1: what does not begin with AT is passed over
            line = commands(text[found.end() :])
            self._conclude(lambda: [said for command in line for said in self._do(command)])

    def _conclude(self, work: Callable[[], list[str]]) -> None:
        """Say what came of it, and the final result."""
        try:
            self._say_all(work())
        except Silent:
            return
        except CmeError as why:
            self._say(cme_words(why.code, self.settings.cmee))
        except Plain as why:
            self._say_result(why.result)
        except Failed as why:
            self._say(str(why))

    def _say_all(self, lines: list[str]) -> None:
        if lines:
            self._say(*lines)
        if self.prompt is None:
            self._say_result("OK")
        else:
            self._say()
            self._write(b"\r\n> ")

    def _say_result(self, result: str) -> None:
        if self.settings.quiet:
            return
        if self.settings.verbose:
            self._say(result)
        else:
            self._write(_NUMERIC_RESULTS[result].encode("ascii") + b"\r")

    def _say(self, *lines: str) -> None:
        for line in lines or ("",):
            for said in (*self.faults.noise, line) if line else self.faults.noise:
                self._write(_framed(said))

    def _say_what_waits(self) -> None:
        if not self._is_busy and self.prompt is None:
            self.say_unasked_at_once()

    def _echo(self, said: bytes) -> None:
        if self.settings.echo:
            self._write(said)

    def _write(self, data: bytes) -> None:
        if not self.faults.mute:
            self._out += data


def _framed(line: str) -> bytes:
    return b"\r\n" + line.encode("latin-1", "replace") + b"\r\n"
