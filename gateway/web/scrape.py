"""The fleet as Prometheus sees it: read from the database at a scrape, in two statements.

Series of single kiosks are given while the fleet is small enough for them; beyond, the counts by trouble say how many,
and `krishi-gateway kiosks --trouble NAME` says which.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from gateway import metrics
from gateway.config import Alerts
from gateway.errors import DatabaseError
from gateway.fleet_view import Fleet, each, fleet
from gateway.reading import Row, reading

MOST_KIOSKS = 2000
"""With series of their own: some ten each."""
HOLD_S = 5.0
"""So old an answer is given again: however many scrape, the database is asked no more often."""

MB = 1_000_000

Family = CounterMetricFamily | GaugeMetricFamily

_COUNTERS = {
    "diagnoses": ("krishi_diagnoses", "Diagnoses that are stored."),
    "set_aside": ("krishi_messages_set_aside", "Messages that could not be read."),
    "held_back": ("krishi_batches_held_back", "Batches of kiosks that sent more than their share."),
    "bytes": ("krishi_payload_bytes", "Payload of all batches."),
}
_GAUGES = {
    "backlog": ("krishi_reports_waiting", "Reports that wait on the kiosks, as they told it last."),
    "parked": ("krishi_messages_parked", "Reports and SMS that the kiosks have given up."),
}
_OF_EACH = {
    "last_seen_at": ("krishi_kiosk_last_seen_timestamp_seconds", "When its newest batch came."),
    "backlog": ("krishi_kiosk_reports_waiting", "Reports that wait on the kiosk."),
    "disk_free_mb": ("krishi_kiosk_disk_free_bytes", "Room on its disk."),
    "clock_off_s": ("krishi_kiosk_clock_offset_seconds", "Its clock less ours."),
    "expires_at": ("krishi_kiosk_certificate_expires_timestamp_seconds", "When its certificate ends."),
}


class FleetCollector(Collector):
    """Asks the database, and gives what it said. While it cannot be asked, krishi_database_up is 0 and nothing else."""

    def __init__(self, engine: Engine, limits: Alerts, now: Callable[[], int], hold_s: float = HOLD_S) -> None:
        self._engine = engine
        self._limits = limits
        self._now = now
        self._hold_s = hold_s
        self._lock = threading.Lock()
        self._held: list[Family] = []
        self._asked_at = float("-inf")

    def collect(self) -> Iterator[Family]:
        """The families of this scrape."""
        with self._lock:
            if time.monotonic() - self._asked_at >= self._hold_s:
                self._held = list(self._ask())
                self._asked_at = time.monotonic()
            yield from self._held

    def _ask(self) -> Iterator[Family]:
        now = self._now()
        try:
            with reading(self._engine) as db:
                whole = fleet(db, self._limits, now)
                kiosks = each(db, self._limits, now, MOST_KIOSKS) if whole.kiosks <= MOST_KIOSKS else []
        except DatabaseError:
            yield _gauge("krishi_database_up", "1 where the database answers, else 0.", 0)
            return
        yield _gauge("krishi_database_up", "1 where the database answers, else 0.", 1)
        yield from _of_fleet(whole)
        yield from _of_each(kiosks)


def registry(*collectors: Collector) -> CollectorRegistry:
    """All that is served: these, and what this process counts of itself."""
    served = CollectorRegistry()
    for collector in (*collectors, metrics.REGISTRY):
        served.register(collector)
    return served


def _gauge(name: str, about: str, value: float) -> Family:
    return GaugeMetricFamily(name, about, value=value)


def _of_fleet(whole: Fleet) -> Iterator[Family]:
    states = GaugeMetricFamily("krishi_kiosks", "Kiosks of the registry, by state.", labels=["state"])
    for state, count in whole.states.items():
        states.add_metric([state], count)
    troubles = GaugeMetricFamily("krishi_kiosks_in_trouble", "Kiosks that have a trouble.", labels=["trouble"])
    for trouble, count in whole.troubles.items():
        troubles.add_metric([trouble], count)
    yield from (states, troubles)
    yield from (CounterMetricFamily(*named, value=whole.sums[name]) for name, named in _COUNTERS.items())
    yield from (GaugeMetricFamily(*named, value=whole.sums[name]) for name, named in _GAUGES.items())
    if whole.newest is not None:
        yield _gauge("krishi_newest_batch_timestamp_seconds", "When the newest batch of any kiosk came.", whole.newest)


def _of_each(kiosks: list[Row]) -> Iterator[Family]:
    for name, named in _OF_EACH.items():
        of_each = GaugeMetricFamily(*named, labels=["kiosk"])
        for row in kiosks:
            if row[name] is not None:
                of_each.add_metric([row["id"]], row[name] * (MB if name == "disk_free_mb" else 1))
        yield of_each
    labels = ["kiosk", "site", "trouble"]
    troubled = GaugeMetricFamily("krishi_kiosk_trouble", "1 for each trouble of a kiosk.", labels=labels)
    for row in kiosks:
        for trouble in row["troubles"]:
            troubled.add_metric([row["id"], row["site"], trouble], 1)
    yield troubled
