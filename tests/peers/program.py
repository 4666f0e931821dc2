"""A program of somebody else's that a test runs: begun, waited for, stopped, killed."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

DEADLINE_S = 30.0


def free_port() -> int:
    """A port of loopback that nobody listens on now.

    Below those that the kernel gives to whoever connects (ip(7), ip_local_port_range): another connection, or our own
    look whether somebody listens, could have one of these by the time that it is wanted.
    """
    for _ in range(100):
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def listens(port: int) -> bool:
    """Whether somebody answers on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A server on a port of loopback. Its output goes to a file in `folder`."""

    def __init__(self, name: str, folder: Path, command: list[str], port: int) -> None:
        self.name = name
        self.port = port
        self.log = folder / f"{name}.log"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Begin it and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        ends = threading.Event()
        alarm = threading.Timer(DEADLINE_S, ends.set)
        alarm.start()
        try:
            while not listens(self.port):
                assert self._process.poll() is None, f"{self.name} ended:\n{self.log.read_text()}"
                assert not ends.wait(0.02), f"{self.name} does not listen:\n{self.log.read_text()}"
        finally:
            alarm.cancel()
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE_S)

    def stop(self) -> None:
        """Ask it to end, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
