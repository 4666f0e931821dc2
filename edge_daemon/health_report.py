"""Tells the gateway how the kiosk is: when the daemon has begun, once a day, when asked, and when a part turns bad.

Also, once for each start, when the clock has become right: till then the gateway takes it to be as wrong as it was.

Rules kept here:
- no more than MOST_WAITING of these reports wait: a kiosk that begins again and again makes no flood of them;
- for parts that turn bad there is one in PAUSE_S at the most.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edge_daemon import __version__
from edge_daemon.clock import Now
from edge_daemon.config import Config
from edge_daemon.diagnosis import Clock
from edge_daemon.store.report_outbox import REPORT
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.wire import codec
from edge_daemon.wire.messages import HealthReport

EVERY_S = 86_400.0
PAUSE_S = 3600.0
MOST_WAITING = 50
MB = 1_000_000
GOOD = {"ok", "starting", "idle"}
MOST_PARTS = 12
"""As the wire contract allows."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Versions:
    """Of the model and the advice at work; "" of what there is none."""

    model: str = ""
    advice: str = ""


@dataclass
class HealthTeller:
    """Made for one run of the daemon. look() is asked often; it queues a report when one is due.

    versions: asked each time, since a model that fails is replaced.
    """

    config: Config
    store: Store
    health: Health
    versions: Callable[[], Versions]
    now: Now
    clock_s: Callable[[], float] = time.monotonic
    wanted: int = 0
    """What the gateway's wish says of health; a new number is a new wish."""
    revision: int = 0
    """Of the wish that is followed."""
    _told_wanted: int = 0
    _told_s: float | None = None
    _bad: frozenset[str] = field(default=frozenset())
    _told_clock: Clock | None = None
    _told_uptime: int = -1

    def __post_init__(self) -> None:
        self._begun_s = self.clock_s()

    def resume(self, wanted: int, revision: int) -> None:
        """What was followed before the daemon began: no new wish."""
        self.wanted = self._told_wanted = wanted
        self.revision = revision

    def look(self) -> None:
        """Queue a report if one is due. Raises StateError."""
        bad = frozenset(f"{name} {state}" for name, state in self.health.states().items() if state not in GOOD)
        turned = bad - self._bad
        clock = self.now().clock
        if not self._is_due(bool(turned), clock):
            return
        if self.store.reports.count_of(REPORT) < MOST_WAITING:
            report = self.report()
            self.store.reports.put(codec.encode(report), REPORT)
            self._told_uptime = report.uptime
        self._told_s, self._told_wanted, self._bad = self.clock_s(), self.wanted, bad
        if self._told_clock != "synced":  # once it was, it is not told of again
            self._told_clock = clock

    def _is_due(self, turned_bad: bool, clock: Clock) -> bool:
        if self._told_s is None or self.wanted != self._told_wanted:
            return True
        if self._told_clock == "unsure" and clock == "synced":
            return True
        since_s = self.clock_s() - self._told_s
        return since_s >= EVERY_S or (turned_bad and since_s >= PAUSE_S)

    def report(self) -> HealthReport:
        """How the kiosk is now."""
        now, waiting, queues = self.now(), self.store.reports.counts(), self.store.queues()
        oldest = None if waiting.oldest is None else max(0, int((now.utc - waiting.oldest).total_seconds()))
        versions = self.versions()
        return HealthReport(
            kiosk=self.config.kiosk.id,
            at=int(now.utc.timestamp()),
            clock=now.clock,
            starts=self.store.link.starts(),
            uptime=max(int(self.clock_s() - self._begun_s), self._told_uptime + 1),  # the gateway takes the longest
            software=__version__,
            model=versions.model,
            advice=versions.advice,
            place=self.config.place.text(),
            rehearsal=self.config.kiosk.rehearsal,
            disk_free_mb=free_mb(self.store),
            photos=self.store.photos.count_and_bytes()[0],
            reports_waiting=waiting.reports,
            oldest_waiting=oldest,
            reports_parked=queues["report"].get("parked", 0),
            sms_waiting=queues["sms"].get("waiting", 0),
            sms_parked=queues["sms"].get("parked", 0),
            parts=tuple(self.health.states().items())[:MOST_PARTS],
            desired=self.revision,
            bytes_day=self.store.link.spent(),
        )


def free_mb(store: Store) -> int:
    """Room on the disk of the state folder."""
    return shutil.disk_usage(store.folder).free // MB
