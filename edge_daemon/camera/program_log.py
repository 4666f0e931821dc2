"""What of a program's log goes into ours: printable lines, none too long, not too many a minute. Pure.

A program may be up for weeks, and its last words are what a technician needs: so the bound is a rate, not a total.
"""

from __future__ import annotations

import re

LINE_BYTES = 500
LINES_A_MINUTE = 60
MINUTE_S = 60.0
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""libcamera colours its log (ECMA-48, 8.3.117, SGR)."""


def printable(data: bytes) -> str:
    """One line of text in which nothing steers a terminal or forges a line of our log."""
    text = COLOUR.sub("", data.decode("utf-8", "replace"))
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


class ProgramLog:
    """Cuts what comes into lines. now: seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._begun = b""
        self._minute_ends_s = float("-inf")
        self._left = 0
        self._dropped = 0

    def feed(self, data: bytes, now: float) -> list[str]:
        """The lines that this completes, fewer where there are too many. A line that is too long is cut."""
        *whole, begun = (self._begun + data).split(b"\n")
        self._begun = begun[:LINE_BYTES]
        return self._allowed([line[:LINE_BYTES] for line in whole], now)

    def end(self, now: float) -> list[str]:
        """The last line, where it was not ended."""
        return self.feed(b"\n", now)

    def _allowed(self, lines: list[bytes], now: float) -> list[str]:
        news = self._begin_minute(now) if now >= self._minute_ends_s else []
        said = [text for line in lines if (text := printable(line))]
        kept = said[: self._left]
        self._left -= len(kept)
        self._dropped += len(said) - len(kept)
        return news + kept

    def _begin_minute(self, now: float) -> list[str]:
        self._minute_ends_s, self._left = now + MINUTE_S, LINES_A_MINUTE
        dropped, self._dropped = self._dropped, 0
        return [f"({dropped} more lines were left out)"] if dropped else []
