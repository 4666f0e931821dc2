"""A real PostgreSQL on a port of loopback, with a cluster of its own in a folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests import foreign
from tests.peers.program import DEADLINE_S, Program, free_port


class Postgres(Program):
    """A server for this test. It refuses to run as root, so root hands it to the user "postgres".

    That user cannot pass through pytest's folders, which are for their owner alone: the cluster is elsewhere.
    """

    def __init__(self) -> None:
        programs = foreign.postgresql()
        assert programs is not None, "postgresql is not installed"
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        folder = Path(tempfile.mkdtemp(prefix="krishi-postgres-"))
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._make_cluster(folder, programs, as_user)
        port = free_port()
        server = [str(programs / "postgres"), "-D", str(folder / "cluster"), "-p", str(port), "-k", str(folder)]
        super().__init__("postgres", folder, [*as_user, *server, "-c", "listen_addresses=127.0.0.1"], port)

    def start(self) -> Self:
        """Begin it and wait until it takes connections; it listens before that."""
        super().start()
        ends = time.monotonic() + DEADLINE_S
        while True:
            try:
                psycopg.connect(self.url.replace("+psycopg", "")).close()
            except psycopg.OperationalError:
                assert time.monotonic() < ends, f"postgres takes no connections:\n{self.log.read_text()}"
            else:
                return self

    def stop(self) -> None:
        """At once, as a power cut does: it mends itself when it is begun again (PostgreSQL's manual, 19.5)."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGQUIT)
            self._process.wait(DEADLINE_S)

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        super().__exit__(kind, why, where)
        self._remove()

    @property
    def url(self) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+psycopg://krishi@127.0.0.1:{self.port}/postgres"

    @staticmethod
    def _make_cluster(folder: Path, programs: Path, as_user: list[str]) -> None:
        cluster = folder / "cluster"
        cluster.mkdir(parents=True)
        if as_user:
            for place in (folder, cluster):
                shutil.chown(place, "postgres", "postgres")
        command = [*as_user, str(programs / "initdb"), "-D", str(cluster), "-U", "krishi", "-A", "trust", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd="/")
