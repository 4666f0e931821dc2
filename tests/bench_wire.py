"""What a diagnosis costs on the way to the gateway, in bytes and in time: rows of `make bench`.

A real gateway, a real Mosquitto with TLS 1.3 and certificates on both sides, the kiosk's own link, and a relay that
counts. Bytes are what TCP carries, both ways, from the first byte to the last: the handshake of TLS with both
certificates, MQTT's greeting, subscription, batch, the gateway's acknowledgement, the good-bye. Not the headers of TCP
and IP, but for the row that says so.

Plain JSON is measured over the same relay, broker and TLS, each report in a message of its own, which the gateway
acknowledges by its id: once with a connection for each report, as a kiosk without an outbox sends what it has just
made, and once with all of them over one connection.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from edge_daemon.sync.link import Access, Link
from edge_daemon.wire import batch
from edge_daemon.wire.messages import DiagnosisReport
from edge_daemon.wire.replies import BOOT_BYTES
from tests.bench_rows import Rows, row
from tests.rigs.plain import PlainGateway, PlainKiosk
from tests.rigs.relay import FREE, TRICKLE, Line, Relay
from tests.rigs.village import Kiosk, Village
from tests.wire.day import diagnoses

KIOSK = "koraput-7"
ROUNDS = 5
OPENINGS = 6
"""Of the link in a day, as [sync] every_min = 240 has it."""
A_DAY = 100


def wire(rows: Rows) -> None:
    """All rows of this module."""
    with tempfile.TemporaryDirectory() as folder:
        village = Village(Path(folder))
        with village.broker:
            with village.gateway():
                kiosk = village.kiosk(KIOSK)
                _by_count(rows, village, kiosk)
                _a_day(rows, village, kiosk)
            _against_json(rows, village, kiosk)


def _by_count(rows: Rows, village: Village, kiosk: Kiosk) -> None:
    for count, target in ((1, None), (20, None), (200, 60.0)):
        found = [_ours(village, kiosk, diagnoses(count, seed, KIOSK)) for seed in range(ROUNDS)]
        taken, on_the_line = (statistics.median(each) for each in zip(*found, strict=True))
        row(rows, f"wire_bytes_per_diagnosis_{count}", taken / count, "B", target)
        row(rows, f"wire_line_bytes_per_diagnosis_{count}", on_the_line / count, "B")


def _against_json(rows: Rows, village: Village, kiosk: Kiosk) -> None:
    """The gateway is the plain one here."""
    reports = diagnoses(20, 1, KIOSK)
    ours = rows["wire_bytes_per_diagnosis_20"]["value"]
    assert isinstance(ours, float)
    with PlainGateway(village.state / "authority", village.broker.port) as gateway:
        each = _plain(village, kiosk, [[report] for report in reports])
        together = _plain(village, kiosk, [reports])
        assert len(gateway.received) == 2 * len(reports)
    row(rows, "json_bytes_per_diagnosis_20", each / 20, "B")
    row(rows, "json_bytes_per_diagnosis_20_one_connection", together / 20, "B")
    row(rows, "wire_ratio_json_20", ours * 20 / each, "x", 0.125)
    row(rows, "wire_ratio_json_20_one_connection", ours * 20 / together, "x")


def _a_day(rows: Rows, village: Village, kiosk: Kiosk) -> None:
    """A hundred diagnoses in a day's openings of the link, at 20 kbit/s and a round trip of 600 ms."""
    day = diagnoses(A_DAY, 11, KIOSK)
    parts = [day[A_DAY * place // OPENINGS : A_DAY * (place + 1) // OPENINGS] for place in range(OPENINGS)]
    begun = time.monotonic()
    total = sum(_ours(village, kiosk, part, TRICKLE)[0] for part in parts)
    row(rows, "day_100_seconds", time.monotonic() - begun, "s")
    row(rows, "day_100_bytes", total, "B")


def _ours(village: Village, kiosk: Kiosk, reports: Sequence[DiagnosisReport], line: Line = FREE) -> tuple[int, int]:
    """Bytes of one opening that sends all of them: TCP's payload, and with the headers of TCP and IP."""
    with Relay(village.broker.port, line) as relay:
        access = Access(f"mqtts://127.0.0.1:{relay.port}", KIOSK, kiosk.state / "identity", deadline_s=30.0)
        on_the_line = asyncio.run(_send(access, reports))
        relay.quiet()
        return relay.total_bytes, on_the_line


async def _send(access: Access, reports: Sequence[DiagnosisReport]) -> int:
    boot = os.urandom(BOOT_BYTES)
    async with Link(access) as link:
        data, count = batch.fill(access.kiosk, boot, 1, reports, batch.MOST_BYTES)
        assert count == len(reports), "one batch takes them all"
        answer = await link.send(data, boot, count)
        assert answer.upto == count
    return link.traffic().on_the_line


def _plain(village: Village, kiosk: Kiosk, connections: Sequence[Sequence[DiagnosisReport]]) -> int:
    with Relay(village.broker.port) as relay:
        for reports in connections:
            PlainKiosk(KIOSK, kiosk.state / "identity", relay.port).send(reports)
            relay.quiet()
        return relay.total_bytes
