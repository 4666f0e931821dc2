"""A small disk of a program's own: what was in the folder is in it, and little room is left.

The disk is mounted in a namespace that ends with the program; from outside it is seen through /proc. SQLite cannot look
there, since it follows the link /proc/PID/root to our own files: so it gets a copy.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.scenarios.kit import RunningProgram

BALLAST = "ballast"
_MOUNT = (
    'cp -a "$1" "$1.before" && mount -t tmpfs -o size="$2" none "$1" && cp -a "$1.before/." "$1"'
    f' && head -c "$3" /dev/zero >"$1/{BALLAST}"; shift 3 && exec "$@"'
)
"""head fails where the disk is full already, which is meant."""


def small(folder: Path, size_kb: int, ballast_kb: int) -> tuple[str, ...]:
    """Put this before a command: it finds its folder on a disk of that size, of which the ballast takes a part."""
    mount = ("sh", "-c", _MOUNT, "sh", str(folder), f"{size_kb}k", f"{ballast_kb}k")
    return ("unshare", "--map-root-user", "--mount", *mount)


def within(program: RunningProgram) -> tuple[str, ...]:
    """Put this before a command: it sees the program's disk."""
    return ("nsenter", f"--target={program.process.pid}", "--user", "--preserve-credentials", "--mount", "--")


def copy(program: RunningProgram, file: Path, to: Path) -> Path:
    """A database on the program's disk, as it is now, in our folder."""
    to.mkdir(exist_ok=True)
    for name in (file.name, f"{file.name}-wal"):
        seen = _inside(program, file.parent) / name
        if seen.exists():
            shutil.copyfile(seen, to / name)
    return to / file.name


def make_room(program: RunningProgram, folder: Path) -> None:
    """Take the ballast away."""
    (_inside(program, folder) / BALLAST).unlink()


def _inside(program: RunningProgram, folder: Path) -> Path:
    return Path(f"/proc/{program.process.pid}/root{folder}")
