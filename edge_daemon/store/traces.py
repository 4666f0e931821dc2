"""What deleted rows leave in the database's files, and how it is cleared.

SQLite writes zeros over what is deleted (PRAGMA secure_delete), and its log is folded in and cut. When a page is split
in two, a copy of a row may stay in the free room of the first; and a file that an older version wrote has what that
deleted. So the files are read for what should be gone. Where it is found, they are written anew (VACUUM).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from edge_daemon.diagnosis import E164
from edge_daemon.store.database import fold_log

READ_BYTES = 1 << 20


def words(number: str) -> tuple[bytes, ...]:
    """As what the digits of a number (E.164) stand in the files: as text, and in the hexadecimal of a PDU.

    Nothing for a short number: its few digits are anybody's.
    """
    if not E164.fullmatch(number):
        return ()
    digits = number.removeprefix("+")
    return digits.encode(), semi_octets(digits).encode()


def semi_octets(digits: str) -> str:
    """Digits as a PDU has them, in upper hexadecimal: in pairs, swapped, F for the missing last one.

    Source: 3GPP TS 23.040, 9.1.2.3.
    """
    padded = digits + "F" * (len(digits) % 2)
    return "".join(second + first for first, second in zip(padded[::2], padded[1::2], strict=True))


PIECE_BYTES, STEP_BYTES = 40, 1000
"""Of each page of 4 KiB that holds a part of a picture some whole pieces stand in it."""


def pieces(picture: bytes) -> list[bytes]:
    """By what the bytes of a picture are found in the files: pieces of it, in upper letters.

    From the end backwards: a JPEG begins with tables that other pictures may have too.
    """
    ends = range(len(picture), STEP_BYTES, -STEP_BYTES)
    return [picture[end - PIECE_BYTES : end].upper() for end in ends]


def scrub(database: sqlite3.Connection, path: Path, words: Sequence[bytes]) -> bool:
    """Clear the files of what was deleted. True: none of these words (digits, upper letters) stands in them.

    False where a row that stays has one, where another process reads at this moment, or where there is no room.
    """
    fold_log(database)
    if not holds(path, words):
        return True
    with suppress(sqlite3.DatabaseError):  # busy, or no room for a second copy: then it is told
        database.execute("VACUUM")
    fold_log(database)
    return not holds(path, words)


def holds(path: Path, words: Sequence[bytes]) -> bool:
    """Whether one of these words stands in the database or its log, in upper letters or lower."""
    files = [path, path.with_name(f"{path.name}-wal")]
    return any(_stands_in(file, words) for file in files if words)


def _stands_in(file: Path, words: Sequence[bytes]) -> bool:
    overlap = max(map(len, words)) - 1
    kept = b""
    with suppress(FileNotFoundError), file.open("rb") as stream:
        while read := stream.read(READ_BYTES):
            text = (kept + read).upper()
            if any(word in text for word in words):
                return True
            kept = text[-overlap:] if overlap else b""
    return False
