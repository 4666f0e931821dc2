"""What a kiosk and a diagnosis cost the gateway's machines: rows of `make bench` that docs/capacity.md counts with.

PostgreSQL and Mosquitto are real; the certificates are those that the gateway's authority makes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, text

from edge_daemon.wire.messages import HealthReport
from gateway import broker_files, certificates
from gateway.authority import FOLDER, Authority
from gateway.config import Alerts
from gateway.fleet_view import fleet
from gateway.reading import reading
from gateway.store import Store
from gateway.tables import diagnosis, kiosk, ledger
from tests.bench_rows import Rows, row
from tests.gateway.requests import asks
from tests.gateway.view.fleet_kit import LIMITS, NOW, a_diagnosis, a_kiosk, a_ledger_row
from tests.peers.postgres import Postgres
from tests.peers.program import Program, free_port

KIOSKS = 100_000
ROWS = 100_000
AT_ONCE = 10_000
ROUNDS = 5
SECONDS = 5
"""Of handshakes, one after the other."""


def capacity(rows: Rows) -> None:
    """All rows of this module."""
    with tempfile.TemporaryDirectory(prefix="krishi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Postgres() as server:
            store = Store.open(server.url)
            _disk(rows, store)
            _scrape(rows, store, LIMITS)
            store.close()
        _handshakes(rows, folder)


def _disk(rows: Rows, store: Store) -> None:
    """What a row takes with its indexes, when nothing was removed yet."""
    report = HealthReport(
        kiosk="koraput-7",
        at=NOW,
        clock="synced",
        starts=9,
        uptime=90_000,
        software="0.1.0",
        model="leaf 1.0",
        advice="2026.11",
        place="village:471100",
        rehearsal=False,
        disk_free_mb=9000,
        photos=900,
        reports_waiting=3,
        oldest_waiting=900,
        reports_parked=0,
        sms_waiting=0,
        sms_parked=0,
        parts=(("sms", "ok"), ("web", "ok"), ("sync", "ok")),
        desired=1,
        bytes_day=9000,
    )
    of_each = {"health": report.model_dump(mode="json"), "health_at": NOW, "certificate": "x" * 700, "serial": "x" * 40}
    makers: dict[Table, Callable[[int], dict[str, Any]]] = {
        kiosk: lambda number: a_kiosk(f"k-{number:08d}", **of_each),
        diagnosis: lambda number: a_diagnosis(number, kiosk=f"k-{number % KIOSKS:08d}"),
        ledger: lambda number: a_ledger_row(number, kiosk=f"k-{number % KIOSKS:08d}"),
    }
    for table, make in makers.items():
        for begin in range(0, ROWS, AT_ONCE):
            with store.writing() as db:
                db.execute(insert(table), [make(number) for number in range(begin, begin + AT_ONCE)])
        with store.reading() as db:
            size = db.execute(text(f"SELECT pg_total_relation_size('{table.name}')")).scalar_one()
        row(rows, f"disk_bytes_per_{table.name}", size / ROWS, "B")


def _scrape(rows: Rows, store: Store, limits: Alerts) -> None:
    """What Prometheus asks of the database, over a fleet of KIOSKS."""
    with store.writing() as db:
        db.execute(text("ANALYZE"))
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        with reading(store.engine) as db:
            assert fleet(db, limits, NOW).kiosks == KIOSKS
        taken.append(time.perf_counter() - begun)
    row(rows, "scrape_ms_per_100000_kiosks", statistics.median(taken) * 1000, "ms")


def _handshakes(rows: Rows, folder: Path) -> None:
    """The broker's processor time for a kiosk that comes in: TLS 1.3 with a certificate on either side."""
    state = folder / "gateway"
    (state / "data").mkdir(parents=True)
    now = datetime.now(UTC)
    authority = Authority.make(state / FOLDER, ["127.0.0.1"], now)
    key = certificates.new_key()
    signed = authority.sign(certificates.read_request(asks(key, "koraput-7")), now, 365)
    (state / "kiosk.crt").write_text(signed.certificate, encoding="ascii")
    (state / "kiosk.key").write_text(certificates.key_pem(key), encoding="ascii")
    with _broker(state) as broker:
        before = _cpu_s(broker.pid)
        client = ["openssl", "s_time", "-new", "-time", str(SECONDS), "-connect", f"127.0.0.1:{broker.port}"]
        files = ["-cert", str(state / "kiosk.crt"), "-key", str(state / "kiosk.key")]
        said = subprocess.run([*client, *files], capture_output=True, text=True, check=True, timeout=60).stdout
        count = int(said.partition(" connections in ")[0].split()[-1].lstrip("*"))
        row(rows, "broker_cpu_ms_per_handshake", 1000 * (_cpu_s(broker.pid) - before) / count, "ms")


def _broker(state: Path) -> Program:
    files, port = state / broker_files.FOLDER, free_port()
    broker_files.write_settings(files, broker_files.Listener(port, "127.0.0.1", state / "data"))
    broker_files.write_lists(files, state / FOLDER, ())
    config = files / "mosquitto.conf"
    if os.geteuid() == 0:  # else it becomes a user who may not read this folder
        config.write_text(f"user root\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
    command = ["env", f"OPENSSL_CONF={files / 'openssl.cnf'}", "mosquitto", "-c", str(config)]
    return Program("mosquitto", state, command, port)


def _cpu_s(pid: int) -> float:
    """User and system time (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    capacity({})
    sys.exit()
