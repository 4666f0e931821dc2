"""When the authority's certificates and its list of revoked ones end, for Prometheus. Where it has no folder: nothing.

The broker refuses every kiosk with a list that has ended, so somebody must hear of it in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

LIST = "crl.pem"
FILES = ("ca.crt", "broker.crt", "gateway.crt", "enrolment.crt", LIST)


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
            if name == LIST:
                end = x509.load_pem_x509_crl(text).next_update_utc
                return None if end is None else end.timestamp()
            return x509.load_pem_x509_certificate(text).not_valid_after_utc.timestamp()
        except (OSError, ValueError):  # `krishi-gateway check` says what is wrong with it
            return None
