"""What a worker counts of its own work, for Prometheus. Whoever counts imports a counter, whoever serves REGISTRY.

They are of this process and begin at 0 with it. What is true of the fleet is read from the database at each scrape
(gateway/web/scrape.py), so that it is right with many workers too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from gateway.errors import PortInUse

REGISTRY = CollectorRegistry()

BATCHES = Counter("krishi_ingest_batches", "Batches that were stored and acknowledged.", registry=REGISTRY)
MESSAGES = Counter("krishi_ingest_messages", "Messages of stored batches, by kind.", ["kind"], registry=REGISTRY)
BYTES = Counter("krishi_ingest_bytes", "Payload of the batches that were looked at.", registry=REGISTRY)
ASIDE = Counter("krishi_ingest_aside", "Messages that could not be read and were kept aside.", registry=REGISTRY)
HELD_BACK = Counter("krishi_ingest_held_back", "Batches of kiosks that sent more than their share.", registry=REGISTRY)
FAILURES = Counter("krishi_ingest_failures", "Transactions that the database did not take.", registry=REGISTRY)
SECONDS = Histogram(
    "krishi_ingest_transaction_seconds",
    "From the first batch of a transaction to its commit.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
CONNECTED = Gauge("krishi_ingest_connected", "1 while the broker has this worker, 0 while not.", registry=REGISTRY)
CONNECTED.set(math.nan)  # in a process that takes no reports

ProcessCollector(registry=REGISTRY)


@contextmanager
def served(host: str, port: int) -> Iterator[None]:
    """Serve REGISTRY by HTTP in a thread of its own, for a worker that has no web part. Raises PortInUse."""
    try:
        server, thread = start_http_server(port, host, registry=REGISTRY)
    except OSError as why:
        raise PortInUse(f"{host}:{port} is not ours to serve metrics at: {why.strerror}. Name another port.") from why
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
