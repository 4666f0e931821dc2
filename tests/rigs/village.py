"""A gateway and kiosks as an operator would set them up: real programs, real Mosquitto, real certificates.

    village = Village(tmp_path)               `krishi-gateway init`, and the broker with the files that it wrote
    with village.broker, village.gateway():   both run
        kiosk = village.kiosk("koraput-7")    invited, and enrolled by `krishi-kiosk enrol`

Nothing here knows the insides of either side: it writes their settings and runs their commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import httpx

from edge_daemon.kiosk import report
from edge_daemon.store.store import Store
from edge_daemon.wire.messages import DiagnosisReport
from tests import foreign
from tests.peers.program import Program, free_port
from tests.reconcile import accounts, left_in, reconcile
from tests.rigs import reports
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, RunningProgram, visit, wait_until
from tests.wire.day import diagnoses

READY = "ready"
LOOPBACK = "127.0.0.1"


class Broker(Program):
    """Mosquitto with the files that `krishi-gateway init` wrote."""

    def __init__(self, folder: Path, port: int) -> None:
        program = foreign.program("mosquitto")
        assert program is not None, "mosquitto is not installed"
        self._settings = folder / "openssl.cnf"
        super().__init__("mosquitto", folder, [program, "-v", "-c", str(folder / "mosquitto.conf")], port)

    # The environment of the unit: OPENSSL_CONF.


class Village:
    """One gateway, its broker, and the kiosks that were enrolled. recorded: what they have told, or will.

    database: as SQLAlchemy takes it; "" for SQLite in the gateway's state folder. settings: more of gateway.toml.
    hosts: by which the broker is reached.
    """

    def __init__(
        self, folder: Path, database: str = "", settings: str = "", hosts: Sequence[str] = (LOOPBACK,)
    ) -> None:
        self.folder = folder
        self.state = folder / "gateway"
        self.database = database or f"sqlite:///{self.state / 'gateway.db'}"
        self.kiosks: dict[str, Kiosk] = {}
        self._settings = settings
        self._ports = {name: free_port() for name in ("broker", "enrolment")}
        self.config = self.write_config("gateway.toml", self._ports["broker"])
        self.command("init", *(word for host in hosts for word in ("--host", host)))
        self.broker = Broker(self.state / "broker", self._ports["broker"])

    @property
    def recorded(self) -> list[DiagnosisReport]:
        """All that the kiosks recorded."""
        return [report for kiosk in self.kiosks.values() for report in kiosk.recorded]

    def reconcile(self) -> None:
        """Print what was sent and what is stored, and fail where they differ."""
        reconcile(self.database, self.recorded, {kiosk.id: kiosk.state for kiosk in self.kiosks.values()})

    def stored(self) -> int:
        """How many diagnoses the gateway has now."""
        return sum(account.stored for account in accounts(self.database, [], {}))

    def write_config(self, name: str, broker_port: int, settings: str | None = None) -> Path:
        """A gateway.toml that reaches the broker by this port."""
        path = self.folder / name
        path.write_text(
            f'[state]\nfolder = "{self.state}"\n[database]\nurl = "{self.database}"\n'
            f'[broker]\nurl = "mqtts://{LOOPBACK}:{broker_port}"\n'
            f'[enrolment]\nhost = "{LOOPBACK}"\nport = {self._ports["enrolment"]}\n[web]\nport = 0\n'
            f"{self._settings if settings is None else settings}\n",
            encoding="utf-8",
        )
        return path

    def command(self, *words: str) -> str:
        """What `krishi-gateway` prints; it must succeed."""
        return _command("gateway", *words, "--config", str(self.config))

    def gateway(self, *parts: str, config: Path | None = None, before: tuple[str, ...] = ()) -> RunningProgram:
        """`krishi-gateway run`, all of it or these parts."""
        only = [word for part in parts for word in ("--only", part)]
        words = ("run", *only, "--config", str(config or self.config))
        return RunningProgram("gateway", *words, before=before)

    def kiosk(self, id: str, port: int = 0, settings: str = "", host: str = LOOPBACK) -> Kiosk:
        """Invite a kiosk and enrol it, while the gateway runs. host, port: where it finds the broker; 0: its own."""
        folder = self.folder / id
        folder.mkdir()
        invitation = folder / "krishi-enrol.toml"
        self.command("enrol", id, "--site", f"the village of {id}", "--out", str(invitation))
        kiosk = Kiosk(id, folder, f"mqtts://{host}:{port or self._ports['broker']}", settings)
        _command("edge_daemon", "enrol", str(invitation), "--config", str(kiosk.config))
        self.kiosks[id] = kiosk
        return kiosk


class Kiosk:
    """One kiosk's folder, and what it recorded."""

    def __init__(self, id: str, folder: Path, broker: str, settings: str) -> None:
        self.id = id
        self.folder = folder
        self.state = folder / "state"
        self.recorded: list[DiagnosisReport] = []
        self.config = folder / "kiosk.toml"
        self.config.write_text(
            f'[kiosk]\nid = "{id}"\n[state]\nfolder = "{self.state}"\nphotos_mb = 5\n[web]\nport = 0\n'
            f'[sync]\nurl = "{broker}"\nevery_min = 1\ndaily_kb = 100000\ndeadline_s = 5.0\n{settings}\n',
            encoding="utf-8",
        )

    def record(self, count: int) -> list[DiagnosisReport]:
        """So many more diagnoses, straight into its store."""
        more = diagnoses(count, seed=zlib.crc32(f"{self.id} {len(self.recorded)}".encode()), kiosk=self.id)
        self.state.mkdir(exist_ok=True)
        reports.record(self.state, more)
        self.recorded += more
        return more

    def visit(self, client: httpx.Client) -> DiagnosisReport:
        """A whole visit over the API of its running daemon."""
        return self.note(visit(client))

    def note(self, visit: str) -> DiagnosisReport:
        """Write down what a visit's diagnosis tells the gateway."""
        with Store.look(self.state) as store:
            found = store.diagnosis(store.visit(visit))
        assert found is not None
        self.recorded.append(report(self.id, found))
        return self.recorded[-1]

    @property
    def left(self) -> int:
        """How many of its reports of diagnoses the gateway has not acknowledged."""
        return left_in(self.state)

    def drain(self) -> None:
        """Ask its daemon to open the link until nothing is left."""
        wait_until(lambda: self.left == 0 or (self.sync() != "" and self.left == 0))

    def running(self, before: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> RunningKiosk:
        """Its daemon."""
        return RunningKiosk(self.config, before=before, environment=environment)

    def sync(self) -> str:
        """`krishi-kiosk sync`: open the link now; what it says, whether or not it came off."""
        return self.asks().wait()

    def asks(self) -> Asked:
        """The same, without waiting for it."""
        return Asked(self.config)


class Asked:
    """A `krishi-kiosk sync` that goes on in the background."""

    def __init__(self, config: Path) -> None:
        words = [sys.executable, "-m", "edge_daemon", "sync", "--config", str(config)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def poll(self) -> int | None:
        """Its exit code, None while it goes on."""
        return self._process.poll()

    def wait(self) -> str:
        """What it said, once it has ended."""
        with self._process:
            return self._process.communicate(timeout=DEADLINE_S)[0]


def _command(module: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, f"{module} {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
