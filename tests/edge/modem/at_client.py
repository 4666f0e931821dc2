"""A client of a modem for tests: says AT commands over the pty and reads what comes, line by line."""

from __future__ import annotations

import os
import re
import select
import time
from types import TracebackType
from typing import Self

DEADLINE_S = 20.0
"""For whatever the modem is asked; generous, since the machine may be busy."""
FINAL = re.compile(r"OK|ERROR|NO CARRIER|\+CM[ES] ERROR: .*")


class AtClient:
    """The near end of a modem's pty, with its echo off."""

    def __init__(self, port: str) -> None:
        self._descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._buffer = b""

    def __enter__(self) -> Self:
        self.ask("ATE0")
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._descriptor)

    def ask(self, command: str) -> list[str]:
        """Say a command; the lines up to its final result, that one included."""
        self.say(command.encode("latin-1") + b"\r")
        return self.until(FINAL)

    def submit(self, command: str, text: str) -> list[str]:
        """Say a command that asks for a text, then the text; the lines up to the final result."""
        self.say(command.encode("ascii") + b"\r")
        while b"> " not in self._buffer:
            self._read(time.monotonic() + DEADLINE_S)
        self._buffer = self._buffer.partition(b"> ")[2]
        self.say(text.encode("latin-1") + b"\x1a")
        return self.until(FINAL)

    def until(self, pattern: str | re.Pattern[str]) -> list[str]:
        """The lines that come up to one that is this, that one included."""
        lines: list[str] = []
        while not lines or not re.fullmatch(pattern, lines[-1]):
            lines.append(self.line())
        return lines

    def line(self, timeout_s: float = DEADLINE_S) -> str:
        """The next line that is not empty. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            line, end, rest = self._buffer.partition(b"\r\n")
            if end:
                self._buffer = rest
                if line:
                    return line.decode("latin-1")
            else:
                self._read(deadline)

    def say(self, data: bytes) -> None:
        """Write it all."""
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _read(self, deadline: float) -> None:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"nothing more came; so far {self._buffer!r}")
        self._buffer += os.read(self._descriptor, 4096)
