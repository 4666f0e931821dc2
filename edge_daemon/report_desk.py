"""`krishi-kiosk report` and GET /report: the ledger of a period, read beside the daemon or without it, as plain data.

It opens the database for itself, to read only: whoever asks keeps nobody waiting who writes.
"""

from __future__ import annotations

import asyncio
import functools
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge_daemon import parts, report
from edge_daemon.clock import Now, system_now
from edge_daemon.config import Config
from edge_daemon.conversation.plan import is_control
from edge_daemon.errors import KioskBusy
from edge_daemon.period import Period, read_period
from edge_daemon.store.ledger import Ledger


def gather(
    config: Config, *, week: bool = False, since: str | None = None, until: str | None = None, now: Now = system_now
) -> dict[str, Any]:
    """The report of the last 7 days (week), or of the days from `since` to before `until`, such as "2026-11-23".

    Raises BadPeriod, StateError.
    """
    zone = ZoneInfo(config.sms.timezone)
    made_at = now().utc.astimezone(zone)
    period = read_period(zone, made_at.date(), week, since, until)
    with parts.look_store(config) as store:
        rows = _rows(store.ledger, period)
    control = functools.cache(functools.partial(is_control, percent=config.conversation.control_percent))
    experiments = [(each.name, each.template) for each in config.conversation.experiments]
    return {**_head(config, period, made_at), **report.summary(rows, control, experiments)}


class OneAtATime:
    """Reports for the visit API: each in a thread of its own, so that the kiosk goes on, and never two at once.

    A report of all that a kiosk ever did takes its time and its memory.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._busy = asyncio.Lock()

    async def __call__(self, *, week: bool, since: str | None, until: str | None) -> dict[str, Any]:
        """As gather. Raises BadPeriod, StateError, KioskBusy."""
        if self._busy.locked():
            raise KioskBusy("A report is being made already. Try again.")
        async with self._busy:
            return await asyncio.to_thread(gather, self._config, week=week, since=since, until=until)


def _rows(ledger: Ledger, period: Period) -> report.Rows:
    bounds = period.bounds()
    return report.Rows(
        advices=ledger.advices(*bounds),
        questions=ledger.questions(*bounds),
        farmers=ledger.farmers(*bounds),
        opt_outs=ledger.opt_outs(*bounds),
        sms=ledger.sms(*bounds),
    )


def _head(config: Config, period: Period, made_at: datetime) -> dict[str, Any]:
    return {
        "kiosk": config.kiosk.id,
        "rehearsal": config.kiosk.rehearsal,
        "since": period.since and period.since.isoformat(),
        "until": period.until and period.until.isoformat(),
        "timezone": config.sms.timezone,
        "made_at": made_at.isoformat(timespec="seconds"),
        "control_percent": config.conversation.control_percent,
    }
