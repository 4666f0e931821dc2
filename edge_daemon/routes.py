"""Which way an SMS goes: by the modem, or by the aggregator. One outbox, two drains, each takes its own.

So an aggregator that does not answer keeps back nothing that goes by the modem, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edge_daemon.config import Aggregator
from edge_daemon.diagnosis import Sms


class Fits(Protocol):
    """What is asked of an aggregator: edge_daemon.aggregator.client.Aggregator."""

    def fits(self, sms: Sms) -> bool: ...


def by_aggregator(settings: Aggregator, aggregator: Fits) -> Callable[[Sms], bool]:
    """Whether an SMS goes by the aggregator: one of its kinds that fits a template, or may go no other way."""

    def goes(sms: Sms) -> bool:
        return sms.kind in settings.kinds and (settings.without_template == "park" or aggregator.fits(sms))

    return goes
