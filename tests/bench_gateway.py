"""What the gateway can take: rows of `make bench`. PostgreSQL and Mosquitto are real, on this machine and its disk.

Each number has its yardstick beside it, in the same run: a bare COPY of the same rows, the same bytes from one client.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from edge_daemon.sync import tls
from edge_daemon.wire import batch, replies, topics
from edge_daemon.wire.batch import Batch
from gateway import bulk, tables
from gateway.config import Ingest
from gateway.haul import Haul
from gateway.ingest import system_now
from gateway.parcel import Incoming, Parcel
from gateway.store import Store
from gateway.take import take
from tests import foreign
from tests.bench_rows import Rows, row
from tests.crowd import connect_all, deliver, deliver_by_one
from tests.peers.mosquitto import OPEN, Mosquitto
from tests.peers.postgres import Postgres
from tests.rigs.village import Village
from tests.wire.day import diagnoses

ROOT = Path(__file__).parent.parent
BATCHES = 100
TOGETHER = 50
"""Batches in one transaction. A worker that is behind takes up to [broker] in_flight, 200, at once."""
ROUNDS = 5
KIOSKS = 2000
CONNECTED = 1000
IN_A_STORM = 20
"""Diagnoses in each kiosk's batch."""
AS_WRITTEN = "max_connections -1\nmax_inflight_messages 1000\nmax_queued_messages 10000\nset_tcp_nodelay true\n"
"""As `krishi-gateway init` writes it, but without TLS: what the handshakes cost is in the rows of bench_wire."""


def gateway(rows: Rows) -> None:
    """All rows of this module, where the programs are that they need."""
    if foreign.postgresql() is None or foreign.program("mosquitto") is None:
        print("ingest, storm: not measured, PostgreSQL or Mosquitto is not installed: run `make test` as root")
        return
    with tempfile.TemporaryDirectory(prefix="krishi-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Postgres() as server:
            _against_copy(rows, server)
            _storm(rows, server, folder)
        _memory(rows, folder / "village")


def _against_copy(rows: Rows, server: Postgres) -> None:
    """From the bytes of batches of 200 to committed rows and the bytes of acknowledgements; against a bare COPY."""
    store = Store.open(server.url)
    with psycopg.connect(server.url.replace("+psycopg", "")) as db:
        db.execute("CREATE TABLE bare (LIKE diagnosis INCLUDING ALL)")
        db.commit()
        ours, bare = [], []
        for turn in range(ROUNDS + 1):
            groups = list(_groups(turn))
            ours.append(_seconds_of_ours(store, groups))
            bare.append(_seconds_of_copy(db, [_rows_of(group) for group in groups]))
        count = "SELECT (SELECT count(*) FROM diagnosis), (SELECT count(*) FROM bare)"
        assert db.execute(count).fetchone() == (BATCHES * 200 * (ROUNDS + 1),) * 2
    store.close()
    ratios = [theirs / own for own, theirs in zip(ours[1:], bare[1:], strict=True)]  # the first warms both
    row(rows, "ingest_diagnoses_per_s", BATCHES * 200 / statistics.median(ours[1:]), "1/s")
    row(rows, "copy_diagnoses_per_s", BATCHES * 200 / statistics.median(bare[1:]), "1/s")
    row(rows, "ingest_copy_ratio", statistics.median(ratios), "x", 0.4, at_least=True)


def _groups(turn: int) -> Iterator[list[Incoming]]:
    """Batches of 200 of as many kiosks, those of one transaction together."""
    made = [_batch(f"kiosk-{turn}-{number}", 200, turn * BATCHES + number) for number in range(BATCHES)]
    for start in range(0, BATCHES, TOGETHER):
        yield [Incoming(topics.up(kiosk), data) for kiosk, data in made[start : start + TOGETHER]]


def _batch(kiosk: str, count: int, seed: int) -> tuple[str, bytes]:
    messages = tuple(diagnoses(count, seed, kiosk))
    return kiosk, batch.pack(Batch(kiosk=kiosk, boot=seed.to_bytes(8, "big"), first=1, messages=messages))


def _seconds_of_ours(store: Store, groups: Sequence[Sequence[Incoming]]) -> float:
    began = time.perf_counter()
    for group in groups:
        for reply in take(store, group, system_now, Ingest()).replies:
            replies.encode_acknowledgement(reply.acknowledgement)
    return time.perf_counter() - began


def _rows_of(group: Sequence[Incoming]) -> list[tuple[Any, ...]]:
    """The very rows that `take` stores."""
    haul = Haul()
    for parcel in map(Parcel, group):
        assert parcel.unpacked is not None
        haul.add(parcel.kiosk, parcel.unpacked, system_now())
    return haul.diagnoses


def _seconds_of_copy(db: psycopg.Connection[Any], groups: Sequence[Sequence[tuple[Any, ...]]]) -> float:
    columns = ", ".join(f'"{name}"' for name in bulk.names(tables.diagnosis))
    began = time.perf_counter()
    for group in groups:
        with db.cursor().copy(f"COPY bare ({columns}) FROM STDIN".encode()) as copy:
            for one in group:
                copy.write_row(one)
        db.commit()
    return time.perf_counter() - began


def _storm(rows: Rows, server: Postgres, folder: Path) -> None:
    """All kiosks at once after the broker was begun again, each with a batch; against one client with all of them."""
    names = [f"storm-{number}" for number in range(KIOSKS)]
    first, second = ([_batch(name, IN_A_STORM, turn * KIOSKS + n) for n, name in enumerate(names)] for turn in (1, 2))
    broker = Mosquitto(folder, AS_WRITTEN + OPEN, eager=False)
    with broker, _worker(server, broker, folder):
        one_s = asyncio.run(_by_one(broker, first))
        storm_s, attempts = asyncio.run(_all_at_once(broker, second))
    with psycopg.connect(server.url.replace("+psycopg", "")) as db:
        stored = db.execute("SELECT count(*) FROM diagnosis WHERE kiosk LIKE 'storm-%'").fetchone()
    assert stored == (2 * KIOSKS * IN_A_STORM,)
    row(rows, "one_client_s", one_s, "s")
    row(rows, "reconnect_storm_s", storm_s, "s")
    row(rows, "reconnect_storm_ratio", storm_s / one_s, "x")
    row(rows, "reconnect_storm_attempts", attempts, "each")


@contextmanager
def _worker(server: Postgres, broker: Mosquitto, folder: Path) -> Iterator[None]:
    """`krishi-gateway run --only ingest`, ready."""
    file = folder / "gateway.toml"
    file.write_text(
        f'[state]\nfolder = "{folder}"\n[database]\nurl = "{server.url}"\n'
        f'[broker]\nurl = "mqtt://127.0.0.1:{broker.port}"\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "gateway", "run", "--only", "ingest", "--config", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stderr is not None
        try:
            next(line for line in child.stderr if "ready" in line.split())
            yield
        finally:
            child.terminate()


async def _by_one(broker: Mosquitto, batches: Sequence[tuple[str, bytes]]) -> float:
    began = time.perf_counter()
    await deliver_by_one(broker.port, batches)
    return time.perf_counter() - began


async def _all_at_once(broker: Mosquitto, batches: Sequence[tuple[str, bytes]]) -> tuple[float, float]:
    """Seconds from the broker's return to the last acknowledgement, and attempts of a kiosk."""
    wires = await connect_all(broker.port, [kiosk for kiosk, _ in batches])
    await asyncio.to_thread(broker.kill)
    await asyncio.gather(*(wire.gone() for wire in wires))
    for wire in wires:
        wire.close()
    await asyncio.to_thread(broker.start)
    draw = random.Random(1)
    began = time.perf_counter()
    tries = await asyncio.gather(*(deliver(broker.port, *one, IN_A_STORM, draw) for one in batches))
    return time.perf_counter() - began, statistics.mean(tries)


def _memory(rows: Rows, folder: Path) -> None:
    """What broker and worker grow by for each kiosk that is connected: with TLS, by the files that `init` writes."""
    folder.mkdir()
    village = Village(folder)
    with village.broker, village.gateway() as worker:
        files = village.kiosk("koraput-7").identity
        trusted = ssl.create_default_context(cafile=str(files / tls.AUTHORITY))
        trusted.load_cert_chain(files / tls.CERTIFICATE, files / tls.KEY)
        pids = (village.broker.pid, worker.process.pid)
        taken_kb = asyncio.run(_growth(pids, village.broker.port, trusted))
    row(rows, "memory_per_1000_kiosks", taken_kb * 1000 / CONNECTED, "kB")


async def _growth(pids: Sequence[int], port: int, trusted: ssl.SSLContext) -> float:
    before = sum(map(_resident_kb, pids))
    wires = await connect_all(port, [f"memory-{number}" for number in range(CONNECTED)], trusted)
    taken_kb = sum(map(_resident_kb, pids)) - before
    for wire in wires:
        wire.close()
    return taken_kb


def _resident_kb(pid: int) -> float:
    """Resident set size of one process (proc_pid_statm(5))."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1000


if __name__ == "__main__":
    gateway({})
