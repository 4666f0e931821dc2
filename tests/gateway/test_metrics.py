"""A worker without the web part still tells Prometheus what it counts."""

from __future__ import annotations

import socket

import httpx
import pytest

from gateway import metrics
from gateway.errors import PortInUse
from tests.peers.program import free_port, listens


def test_the_counts_are_served_and_then_no_more() -> None:
    port = free_port()
    with metrics.served("127.0.0.1", port):
        before = _batches(port)
        metrics.BATCHES.inc(3)
        assert _batches(port) == before + 3
    assert not listens(port)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port}"), metrics.served("127.0.0.1", port):
            pass


def _batches(port: int) -> float:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    line = next(line for line in answer.text.splitlines() if line.startswith("krishi_ingest_batches_total"))
    return float(line.split()[1])
