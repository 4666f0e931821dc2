"""What cannot wait for a window: an outbreak, a disk that fills, a modem that is away.

Rules kept here:
- an outbreak is the same disease as the answer in outbreak_visits visits within outbreak_days, told once in these days;
  visits of a rehearsal and others are never counted together, and a healthy leaf is no disease;
- the others are told once a day for as long as they last;
- by a clock that may be wrong nothing is counted over days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge_daemon.clock import Instant, Now
from edge_daemon.config import Config
from edge_daemon.health_report import free_mb
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Alarm

LOW_MB = 200
AWAY_S = 6 * 3600.0
DAY = timedelta(days=1)
HEALTHY = "/healthy"
HOUR_S = 3600


@dataclass
class AlarmBell:
    """Made for one run of the daemon. look() is asked often; it queues what is due. modem: the name of its part."""

    config: Config
    store: Store
    health: Health
    now: Now
    clock_s: Callable[[], float] = time.monotonic
    room_mb: Callable[[Store], int] = free_mb
    modem: str = "sms"
    _away_since_s: float | None = field(default=None)
    _counted: int = field(default=-1)
    """The newest diagnosis when visits were counted last."""

    def look(self) -> None:
        """Queue the alarms that are due. Raises StateError."""
        now = self.now()
        room = self.room_mb(self.store)
        if room < LOW_MB:
            self._raise("disk_low", "", room, 0, now, DAY)
        away_s = self._away_s()
        if away_s >= AWAY_S:
            self._raise("modem_sick", "", int(away_s / HOUR_S), 0, now, DAY)
        if now.clock == "synced":
            self._look_for_outbreaks(now)

    def _away_s(self) -> float:
        """For how long the modem has not worked."""
        if self.health.states().get(self.modem, "ok") == "ok":
            self._away_since_s = None
            return 0.0
        if self._away_since_s is None:
            self._away_since_s = self.clock_s()
        return self.clock_s() - self._away_since_s

    def _look_for_outbreaks(self, now: Instant) -> None:
        newest = self.store.alarms.newest_diagnosis()
        if newest == self._counted:
            return
        rules = self.config.sync
        rehearsal = self.config.kiosk.rehearsal
        seen = self.store.alarms.seen(now.utc, rules.outbreak_days, rules.outbreak_visits, rehearsal=rehearsal)
        for label, visits in seen:
            if not label.endswith(HEALTHY):
                self._raise("outbreak", label, visits, rules.outbreak_days, now, timedelta(days=rules.outbreak_days))
        self._counted = newest

    def _raise(self, what: str, label: str, count: int, days: int, now: Instant, every: timedelta) -> None:
        if not self.store.alarms.is_due(what, label, now.utc, every):
            return
        alarm = Alarm(
            kiosk=self.config.kiosk.id,
            at=_seconds(now.utc),
            clock=now.clock,
            what=what,
            label=label,
            count=count,
            days=days,
            rehearsal=self.config.kiosk.rehearsal,
        )
        self.store.alarms.raise_(what, label, now.utc, codec.encode(alarm))


def _seconds(moment: datetime) -> int:
    return max(0, int(moment.timestamp()))
