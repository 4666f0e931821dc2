"""Small files that are whole at any moment: after a power cut the old text stands there, or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_daemon.errors import KioskBusy, StateFull, StateReadOnly

SECRET, OWN_FOLDER = 0o600, 0o700


def write(path: Path, text: str) -> None:
    """Put the text in the file's place; for its owner alone. Makes the folder. Raises StateReadOnly, StateFull.

    Root writes as the folder's owner: a technician's command must not leave what the daemon cannot read.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _make_folder(path.parent)
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET), "w", encoding="utf-8") as file:
                _give_to_owner(beside, path.parent)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _settle(path.parent)
    except OSError as why:
        raise _named(path, why) from why


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make the folder, and have it to ourselves. Raises KioskBusy where another has it, StateReadOnly, StateFull."""
    try:
        _make_folder(folder)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as why:
        raise _named(folder, why) from why
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as why:
        raise KioskBusy(f"{folder}: another program is at it at this moment. Try again in a minute.") from why
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Raises StateReadOnly."""
    try:
        path.unlink(missing_ok=True)
    except OSError as why:
        raise _named(path, why) from why


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=OWN_FOLDER, parents=True)
        _give_to_owner(folder, folder.parent)


def _give_to_owner(path: Path, folder: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _settle(folder: Path) -> None:
    """A new name lasts once its folder is on the disk as well."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _named(path: Path, why: OSError) -> StateFull | StateReadOnly:
    if why.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StateFull(f"{path}: no room is left on its disk. Remove what does not belong there.")
    return StateReadOnly(f"{path}: cannot be written: {why.strerror}. Run the command as the kiosk's user.")
