"""Keeps the real daemon running: begun again after each kill, in time that runs faster.

What the daemon waits for by itself (up to an hour before a message is tried again, up to half a minute before a part is
begun again) is not the question here, so its clocks run SPEED times as fast, by libfaketime; the daemon is as it is.
Its deadlines for the modem are so much longer. After a kill its clocks go on where they would stand.
"""

from __future__ import annotations

import glob
import threading
import time
from pathlib import Path

from tests.scenarios.kit import RunningKiosk, fill_camera
from tests.soak.messages import TABLES

LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
SHARED_MEMORY = Path("/dev/shm")
SPEED = 10 if LIBRARY else 1
BUG = "Traceback (most recent call last)"
REPLY_S, SEND_S = 1.0, 2.0
"""The deadlines that the simulated modem meets, in its own time."""


class Keeper:
    """The daemon of one run. folder: its state, and kiosk.log with what all its lives said."""

    def __init__(self, folder: Path, port: str) -> None:
        self.bugs: list[str] = []
        """What it said when it ended by itself, or of a bug that did not end it."""
        self._log = folder / "kiosk.log"
        self._began_s = time.monotonic()
        self._config = _write_config(folder, port)
        fill_camera(folder, 1)
        self._lock = threading.Lock()
        self._is_killed = False
        self._kiosk = self._begin()

    @property
    def config(self) -> Path:
        """Its kiosk.toml."""
        return self._config

    def kill(self) -> None:
        """kill -9; it stays dead until revive."""
        with self._lock:
            self._is_killed = True
            self._end()

    def revive(self) -> None:
        """Begin it again after a kill."""
        with self._lock:
            if self._is_killed:
                self._is_killed = False
                self._kiosk = self._begin()

    def look_after(self) -> None:
        """A daemon that ended by itself is noted, and begun again as systemd would."""
        if not self._lock.acquire(blocking=False):
            return  # it is being killed, or begun
        try:
            code = self._kiosk.process.poll()
            if code is not None and not self._is_killed:
                self.bugs.append(f"exit code {code}:\n" + "".join(self._kiosk.log[-30:]))
                self._end()
                self._kiosk = self._begin()
        finally:
            self._lock.release()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        with self._lock:
            code = self._kiosk.stop()
            self._end()
            return code

    def close(self) -> None:
        """End it, whatever it does."""
        with self._lock:
            self._end()

    def _begin(self) -> RunningKiosk:
        ahead_s = (time.monotonic() - self._began_s) * (SPEED - 1)
        clocks = {"LD_PRELOAD": LIBRARY[0], "FAKETIME": f"+{ahead_s:.3f}s x{SPEED}"} if SPEED > 1 else {}
        return RunningKiosk(self._config, environment=clocks)

    def _end(self) -> None:
        self._kiosk.kill()
        _sweep_up(self._kiosk.process.pid)
        with self._log.open("a", encoding="utf-8") as log:
            log.writelines(self._kiosk.log)
        bugs = [place for place, line in enumerate(self._kiosk.log) if line.startswith(BUG)]
        self.bugs += ["".join(self._kiosk.log[max(0, place - 1) : place + 30]) for place in bugs[:1]]
        self._kiosk.log.clear()


def _sweep_up(pid: int) -> None:
    """What libfaketime leaves behind of a killed process; a later one with the same pid would stumble on it."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (SHARED_MEMORY / name).unlink(missing_ok=True)


def _write_config(folder: Path, port: str) -> Path:
    path = folder / "kiosk.toml"
    tables = ", ".join(f'"{language}"' for language in TABLES)
    path.write_text(
        f'[kiosk]\nid = "soak"\n[state]\nfolder = "{folder / "state"}"\nphotos_mb = 1\n[web]\nport = 0\n'
        f"[sms]\ndaily_parts = 0\nminute_parts = 0\nnational_tables = [{tables}]\n"
        f'[modem]\nkind = "serial"\nport = "{port}"\nreply_s = {REPLY_S * SPEED}\nsend_s = {SEND_S * SPEED}\n',
        encoding="utf-8",
    )
    return path
