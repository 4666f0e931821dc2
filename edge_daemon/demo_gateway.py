"""The demo's last part: the reports go to a gateway by the kiosk's own link, and leave the outbox when it has them.

Courier, link and bytes are a kiosk's own. The broker is one of a rehearsal on loopback: MQTT 3.1.1, without TLS.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

from edge_daemon import receipt
from edge_daemon.clock import system_now
from edge_daemon.config import Config, check_broker
from edge_daemon.errors import ConfigError
from edge_daemon.health_report import HealthTeller, Versions
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.sync.courier import Courier, Trip
from edge_daemon.sync.link import Access, Link
from edge_daemon.sync.traffic import Traffic
from edge_daemon.sync.windows import Allowance
from edge_daemon.wire.replies import Acknowledgement

BROKER_VARIABLE = "KRISHI_REHEARSAL_BROKER"
"""Names the broker; `krishi-gateway rehearse` sets it."""
DEADLINE_S = 20.0
PLENTY = Allowance(1_000_000, 1_000_000, 1_000_000)
"""Bytes. A rehearsal on loopback spares none."""

Say = Callable[[str], None]


def named_gateway(given: str | None) -> str | None:
    """The broker that the caller names, or the rehearsal around us; None without one. Raises ConfigError."""
    url = given or os.environ.get(BROKER_VARIABLE)
    if not url:
        return None
    try:
        check_broker(url)
    except ValueError as why:
        raise ConfigError(f"--gateway {url}: {why}.") from why
    if not url.startswith("mqtt://"):
        raise ConfigError(f"--gateway {url}: what is rehearsed goes to no gateway in service. Use mqtt:// on loopback.")
    return url


class Weighed:
    """The link, which says what each batch weighs and what came back."""

    def __init__(self, link: Link, say: Say) -> None:
        self._link = link
        self._say = say
        self.round_trip_s = 0.0
        """As the link's."""

    async def send(self, data: bytes, boot: bytes, last: int) -> Acknowledgement:
        """As the link's. Raises BrokerGone."""
        answer = await self._link.send(data, boot, last)
        self.round_trip_s = self._link.round_trip_s
        self._say(receipt.line("Batch", f"messages up to number {last} in {len(data)} bytes"))
        told = f"has stored all up to number {answer.upto}; that took {self.round_trip_s * 1000:.0f} ms"
        self._say(receipt.line("Gateway", told))
        return answer


async def tell_gateway(config: Config, store: Store, url: str, versions: Versions, say: Say) -> None:
    """Send every report that waits, with one on the kiosk itself, and say what that took. Raises KrishiError."""
    HealthTeller(config, store, Health(), lambda: versions, system_now).look()
    waiting = store.reports.counts().reports
    say(receipt.line("Outbox", f"reports that wait for the gateway: {waiting}, one of them on how the kiosk is"))
    trip = Trip()
    courier = Courier(config.kiosk.id, store.reports, _keep_the_clock)
    link = Link(Access(url, config.kiosk.id, store.folder, mqtt=3, deadline_s=DEADLINE_S))
    async with link:
        await courier.empty(Weighed(link, say), lambda: PLENTY, _nothing_more, trip)
        say(receipt.line("Line", _traffic(link.traffic())))
    left = store.reports.counts().reports
    said = f"reports that wait still: {left}" if left else "empty: the gateway has all of them"
    say(receipt.line("Outbox", said))


def _traffic(traffic: Traffic) -> str:
    return (
        f"{traffic.sent} bytes out, {traffic.received} in, {traffic.on_the_line} with the headers of TCP and IP; "
        "without TLS on loopback"
    )


def _keep_the_clock(_: datetime) -> None:
    """The gateway's time: a rehearsal leaves the clock as it is."""


def _nothing_more() -> None:
    """After each batch."""
