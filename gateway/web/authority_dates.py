"""When the authority's certificates and its list of revoked ones end, for Prometheus. Where it has no folder: nothing.

The broker refuses every kiosk with a list that has ended, so somebody must hear of it in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway import certificates
from gateway.authority import CLIENTS, CRL

FILES = ("ca.crt", CLIENTS, "broker.crt", "gateway.crt", "enrolment.crt", CRL)


class AuthorityDates(Collector):
    """Reads the folder at each scrape. A file that is not there, not ours to read, or damaged has no series."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The one family."""
        ends = GaugeMetricFamily(
            "krishi_authority_expires_timestamp_seconds", "When a file of the authority ends.", labels=["file"]
        )
        for name in FILES:
            if (at := self._end(name)) is not None:
                ends.add_metric([name], at)
        yield ends

    def _end(self, name: str) -> float | None:
        try:
            text = (self._folder / name).read_bytes()
            end = certificates.end_of_list(text) if name == CRL else certificates.read_own(text).not_valid_after_utc
            return end.timestamp()
        except (OSError, ValueError):  # `krishi-gateway check` says what is wrong with it
            return None
