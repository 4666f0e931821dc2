"""Room on the disk that is kept for one thing: to remove what the gateway has stored, when nothing else can be written.

SQLite writes down that a row is gone before it is; on a disk that is full to the last byte, an outbox could not even be
emptied. The file gives its room for that, and takes it back as soon as there is some.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FILE = "reserve"
SIZES = (128 * 1024, 64 * 1024, 32 * 1024)
"""The first for which there is room. With it the write-ahead log can be folded in, which gives its own room back; to
remove one report takes some 40 KiB: a page for the table and for each of its indexes."""


class Reserve:
    """Of one state folder. What cannot be done for want of room is left, without a word."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def keep(self) -> None:
        """Take the room, if there is so much."""
        try:
            has = self._path.stat().st_size
        except OSError:
            has = 0
        for size in SIZES:
            if has >= size or self._take(size):
                return
        self.give()

    def _take(self, size: int) -> bool:
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            return False
        return True

    def give(self) -> None:
        """Give the room for now."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
