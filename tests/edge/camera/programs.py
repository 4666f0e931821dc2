"""Stand-in programs and their traces: which processes they were, and whether anything of them is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge_daemon.camera.worker import WorkerCamera
from tests.drawn import jpeg, leaf

STAND_IN = Path(__file__).with_name("stand_in.py")
START_S = 20.0
"""For a program that does start: a busy computer may be slow."""
GONE_S = 10.0


class Program:
    """A stand-in's command line and the file that it writes its traces to."""

    def __init__(self, folder: Path) -> None:
        self._picture, self._runs = folder / "picture.jpeg", folder / "runs"
        self._picture.write_bytes(jpeg(leaf(3, (320, 240))))

    def command(self, fault: str, bad_runs: int = 1) -> list[str]:
        return [sys.executable, "-I", str(STAND_IN), fault, str(bad_runs), str(self._picture), str(self._runs)]

    def camera(self, fault: str, bad_runs: int = 1, start_s: float = START_S, still_s: float = START_S) -> WorkerCamera:
        return WorkerCamera(self.command(fault, bad_runs), start_s, still_s, source="stand-in")

    @property
    def pids(self) -> list[int]:
        """The process of each start so far."""
        return [int(word) for word in self._words() if word.isdigit()]

    def has_begun(self) -> bool:
        """Whether a process starts in time."""
        return _in_time(lambda: bool(self.pids))

    def was_asked(self) -> bool:
        """Whether a request reaches a faulty run in time."""
        return _in_time(lambda: "asked" in self._words())

    @property
    def closed(self) -> int:
        """How many of them closed their camera in good order."""
        return self._words().count("closed")

    def _words(self) -> list[str]:
        return self._runs.read_text().split() if self._runs.exists() else []


def living(group: int) -> list[int]:
    """The processes of this group that still run (proc_pid_stat(5): state is field 3, the group field 5)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it ended while we looked
        if int(its_group) == group and state not in {"Z", "X"}:
            found.append(int(stat.parent.name))
    return found


def is_gone(group: int) -> bool:
    """Whether the group ends in time: a killed process takes the kernel a moment."""
    return _in_time(lambda: not living(group))


def _in_time(happened: Callable[[], bool]) -> bool:
    until = time.monotonic() + GONE_S
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()
