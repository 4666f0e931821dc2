"""The real daemon as a child process, with its log, its API, and a folder of drawn leaves for a camera."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.drawn import jpeg, leaf

NUMBER = "98123 45678"
E164 = "+919812345678"
READY = re.compile(r"ready at (http://\S+),")
DEADLINE_S = 60.0
"""For whatever the daemon is waited for; generous, since the machine may be busy."""


NO_LIMITS = "daily_parts = 0\nminute_parts = 0"


def write_config(
    folder: Path, modem: Path | str, camera: str = 'kind = "folder"', kiosk: str = "", sms: str = NO_LIMITS
) -> Path:
    """A rehearsal's kiosk.toml, with its state in `folder` and its modem on a port."""
    path = folder / "kiosk.toml"
    path.write_text(
        f'[kiosk]\nid = "test-kiosk"\n{kiosk}\n[state]\nfolder = "{folder / "state"}"\nphotos_mb = 5\n'
        f"[camera]\n{camera}\n[web]\nport = 0\n"
        f"[sms]\n{sms}\n"
        f'[modem]\nkind = "serial"\nport = "{modem}"\nreply_s = 1.0\nsend_s = 2.0\n',
        encoding="utf-8",
    )
    return path


def fill_camera(folder: Path, count: int = 2) -> None:
    """Put drawn leaves before the folder camera."""
    camera = folder / "state" / "camera"
    camera.mkdir(parents=True)
    for number in range(count):
        (camera / f"{number}.jpg").write_bytes(jpeg(leaf(number)))


class RunningProgram:
    """A program of ours, begun with this Python, until the block ends or somebody kills it. Its log is stderr."""

    def __init__(
        self, module: str, *arguments: str, before: tuple[str, ...] = (), environment: dict[str, str] | None = None
    ) -> None:
        self.log: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", module, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()

    def wait_for(self, pattern: re.Pattern[str] | str) -> re.Match[str]:
        """The first line of the log from here on that has this."""
        while (line := self._lines.get(timeout=DEADLINE_S)) is not None:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"it ended before it said {pattern!r}:\n" + "".join(self.log))

    def stop(self) -> int:
        """Ask it to end, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code

    def kill(self) -> None:
        """kill -9, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.ended()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            self._lines.put(line)
        self._lines.put(None)


class RunningKiosk(RunningProgram):
    """`krishi-kiosk run` with this configuration."""

    def __init__(
        self, config: Path, *, before: tuple[str, ...] = (), environment: dict[str, str] | None = None
    ) -> None:
        super().__init__("edge_daemon", "run", "--config", str(config), before=before, environment=environment)

    def ready(self) -> httpx.Client:
        """A client of its API, once it says that it is ready."""
        address = self.wait_for(READY).group(1)
        return httpx.Client(base_url=address, trust_env=False, timeout=DEADLINE_S)


def visit(client: httpx.Client, telephone: str = NUMBER, language: str = "en") -> str:
    """A whole visit over the API; its id."""
    begun = client.post("/visits", json={"language": language})
    assert begun.status_code == 201, begun.text
    id = str(begun.json()["visit"])
    photo = client.post(f"/visits/{id}/photo", json={})
    assert photo.status_code == 201, photo.text
    farmer = client.post(f"/visits/{id}/farmer", json={"telephone": telephone})
    assert farmer.status_code == 202, farmer.text
    return id


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask until it is so; the daemon is another process. Fails after DEADLINE_S."""
    ends = threading.Event()
    alarm = threading.Timer(DEADLINE_S, ends.set)
    alarm.start()
    try:
        while not condition():
            assert not ends.wait(0.02), "it did not come to be in time"
    finally:
        alarm.cancel()
