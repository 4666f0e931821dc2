"""Files that several programs read and write.

A file is written so that whoever reads it sees the old text or the new one, never a part, also after a power cut.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRY_S = 0.05
"""Between two looks at a lock that another has."""


def write(path: Path, text: str, mode: int) -> None:
    """Put the text in the file's place. Raises OSError; then the old file stands."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """A new name lasts once its folder is on the disk as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, deadline_s: float) -> Iterator[None]:
    """Alone among all who lock this file. Raises OSError, TimeoutError where another has it for too long."""
    with path.open("a") as file:
        ends = time.monotonic() + deadline_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise TimeoutError(f"another process has it for over {deadline_s:g} s") from None
                time.sleep(TRY_S)
        yield
