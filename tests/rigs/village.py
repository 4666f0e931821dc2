"""A gateway, its broker and its kiosks: real programs, a real Mosquitto, real certificates.

    village = Village(tmp_path)               an authority, and the broker with the files that the gateway writes for it
    with village.broker, village.gateway():   both run
        kiosk = village.kiosk("koraput-7")    invited and enrolled

Certificates are made by the gateway's own code, without its commands and without HTTPS, since each story needs some: it
is tests/gateway/test_operator.py that goes the operator's way.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx

from edge_daemon.kiosk import report
from edge_daemon.store.database import FILE
from edge_daemon.store.store import Store
from edge_daemon.sync import tls
from edge_daemon.wire.messages import DiagnosisReport
from gateway import broker_files, certificates, store
from gateway.authority import FOLDER, Authority
from gateway.config import Authority as Rules
from gateway.fleet import Fleet
from tests import foreign
from tests.gateway.requests import asks
from tests.peers.program import Program, free_port
from tests.reconcile import accounts, left_in, reconcile
from tests.rigs import disks, reports
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, RunningProgram, visit, wait_until
from tests.wire.day import diagnoses

LOOPBACK = "127.0.0.1"
READY = "ready to work"
"""What the gateway says when the broker has let it in."""


class Village:
    """One gateway, its broker, and the kiosks that were enrolled.

    database: as SQLAlchemy takes it; "": SQLite in the gateway's state folder. settings: more of gateway.toml. hosts:
    by which the broker is reached. on_disk_of: the program on whose own disk the database is, if it is SQLite.
    """

    def __init__(
        self, folder: Path, database: str = "", settings: str = "", hosts: Sequence[str] = (LOOPBACK,)
    ) -> None:
        self.folder = folder
        self.state = folder / "gateway"
        self.state.mkdir()
        self.database = database or f"sqlite:///{self.state / 'gateway.db'}"
        self.kiosks: dict[str, Kiosk] = {}
        self.on_disk_of: RunningProgram | None = None
        self._authority = Authority.make(self.state / FOLDER, hosts, datetime.now(UTC))
        self.broker = _broker(self.state)
        self.config = self.write_config("gateway.toml", self.broker.port, settings)

    def write_config(self, name: str, broker_port: int, settings: str = "") -> Path:
        """A gateway.toml that reaches the broker by this port."""
        path = self.folder / name
        path.write_text(
            f'[state]\nfolder = "{self.state}"\n[database]\nurl = "{self.database}"\n'
            f'[broker]\nurl = "mqtts://{LOOPBACK}:{broker_port}"\n{settings}\n',
            encoding="utf-8",
        )
        return path

    def gateway(self, config: Path | None = None, before: tuple[str, ...] = ()) -> RunningProgram:
        """A worker of the gateway, once the broker has let it in."""
        words = ("run", "--only", "ingest", "--config", str(config or self.config))
        running = RunningProgram("gateway", *words, before=before)
        try:
            running.wait_for(READY)
        except BaseException:
            running.kill()
            raise
        return running

    def kiosk(self, id: str, port: int = 0, host: str = LOOPBACK, deadline_s: float = 5.0) -> Kiosk:
        """Enrol a kiosk. host, port: where it finds the broker; 0: its own."""
        kiosk = Kiosk(id, self.folder / id, f"mqtts://{host}:{port or self.broker.port}", deadline_s)
        key = certificates.new_key()
        with closing(store.Store.open(self.database)) as database:
            fleet = Fleet(database, self._authority, Rules())
            made = fleet.enrol(fleet.invite(id, f"the village of {id}").token, asks(key, id)).certificate
        kiosk.identity.mkdir(parents=True)
        files = {tls.KEY: certificates.key_pem(key), tls.CERTIFICATE: made, tls.AUTHORITY: self._authority.certificate}
        for name, text in files.items():
            (kiosk.identity / name).write_text(text, encoding="ascii")
        self.kiosks[id] = kiosk
        return kiosk

    def recorded(self) -> list[DiagnosisReport]:
        """All that the kiosks recorded."""
        return [report for kiosk in self.kiosks.values() for report in kiosk.recorded]

    def reconcile(self) -> None:
        """Print what was recorded and what is stored, and fail where they differ."""
        left = {kiosk.id: kiosk.left for kiosk in self.kiosks.values()}
        reconcile(self._seen(), self.recorded(), left)

    def stored(self) -> int:
        """How many diagnoses the gateway has now."""
        return sum(account.stored for account in accounts(self._seen(), [], {}))

    def _seen(self) -> str:
        if self.on_disk_of is None:
            return self.database
        file = Path(self.database.removeprefix("sqlite:///"))
        return f"sqlite:///{disks.copy(self.on_disk_of, file, self.folder / 'seen')}"


def _broker(state: Path) -> Program:
    """Mosquitto on any port of this machine, with the files that the gateway writes."""
    folder, data = state / broker_files.FOLDER, state / "mosquitto"
    data.mkdir()
    port = free_port()
    broker_files.write_settings(folder, broker_files.Listener(port, "", data))
    broker_files.write_lists(folder, state / FOLDER, ())
    config = folder / "mosquitto.conf"
    if os.geteuid() == 0:  # else it becomes a user who may not read pytest's folders
        config.write_text(config.read_text(encoding="utf-8") + "user root\n", encoding="utf-8")
    program = foreign.program("mosquitto")
    assert program is not None, "mosquitto is not installed"
    as_in_its_unit = ["env", f"OPENSSL_CONF={folder / 'openssl.cnf'}"]
    return Program("mosquitto", state, [*as_in_its_unit, program, "-c", str(config)], port)


class Kiosk:
    """One kiosk's folder, and what it recorded.

    broker: its URL. deadline_s: of its link. on_disk_of: the daemon on whose own disk its state is.
    """

    def __init__(self, id: str, folder: Path, broker: str, deadline_s: float) -> None:
        self.id = id
        self.folder = folder
        self.state = folder / "state"
        self.identity = self.state / "identity"
        self.recorded: list[DiagnosisReport] = []
        self.config = folder / "kiosk.toml"
        self.on_disk_of: RunningProgram | None = None
        folder.mkdir()
        self.config.write_text(
            f'[kiosk]\nid = "{id}"\n[state]\nfolder = "{self.state}"\nphotos_mb = 5\n[web]\nport = 0\n'
            f'[sync]\nurl = "{broker}"\nevery_min = 1\ndaily_kb = 100000\ndeadline_s = {deadline_s}\n',
            encoding="utf-8",
        )

    def record(self, count: int) -> None:
        """So many more diagnoses, straight into its store."""
        seed = zlib.crc32(f"{self.id} {len(self.recorded)}".encode())
        more = diagnoses(count, seed, self.id)
        reports.record(self.state, more)
        self.recorded += more

    def visit(self, client: httpx.Client) -> DiagnosisReport:
        """A whole visit over the API of its running daemon."""
        return self.note(visit(client))

    def note(self, visit: str) -> DiagnosisReport:
        """Write down what the gateway shall be told of a visit."""
        with Store.look(self._seen()) as store:
            found = store.diagnosis(store.visit(visit))
        assert found is not None
        self.recorded.append(report(self.id, found))
        return self.recorded[-1]

    @property
    def left(self) -> int:
        """How many of its reports of diagnoses the gateway has not acknowledged."""
        return left_in(self._seen())

    def _seen(self) -> Path:
        """Its state folder, or a copy of what counts in it."""
        if self.on_disk_of is None:
            return self.state
        return disks.copy(self.on_disk_of, self.state / FILE, self.folder / "seen").parent

    def running(self, before: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> RunningKiosk:
        """Its daemon."""
        return RunningKiosk(self.config, before=before, environment=environment)

    def asks(self) -> Asked:
        """As `krishi-kiosk sync`, in the background."""
        before = disks.within(self.on_disk_of) if self.on_disk_of else ()
        return Asked(self.config, before)

    def sync(self) -> str:
        """`krishi-kiosk sync`: what it says, whether or not the link could be opened."""
        return self.asks().wait()

    def drain(self) -> None:
        """Have its daemon open the link until nothing is left."""
        said = [""]

        def is_empty() -> bool:
            if self.left:
                said.append(self.sync())
            return self.left == 0

        try:
            wait_until(is_empty)
        except AssertionError as why:
            raise AssertionError(f"{self.left} reports are left; the kiosk said last: {said[-1]}") from why


class Asked:
    """A `krishi-kiosk sync` under way."""

    def __init__(self, config: Path, before: tuple[str, ...]) -> None:
        words = [*before, sys.executable, "-m", "edge_daemon", "sync", "--config", str(config)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self) -> str:
        """What it said, once it has ended."""
        with self._process:
            return self._process.communicate(timeout=DEADLINE_S)[0]
