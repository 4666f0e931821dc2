"""What raises an alarm, and how often."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_daemon.alarms import AWAY_S, LOW_MB, AlarmBell
from edge_daemon.config import Config, Kiosk, State, Sync
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Photo, Visit
from edge_daemon.errors import ModemMute
from edge_daemon.store.report_outbox import URGENT
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Alarm
from tests.edge.ledger_kit import SteppingClock

BLAST = "rice/blast"
HOUR_S = 3600
DAY = timedelta(days=1)


class Kit:
    """A bell, with clocks and a disk that tests set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SteppingClock()
        self.store = Store.open(folder, 0, self.clock)
        self.health = Health({"sms": "ok"})
        self.at_s = 0.0
        self.room_mb = 10_000
        self.bell = self.new()

    def new(self) -> AlarmBell:
        """As after a restart."""
        config = Config(
            kiosk=Kiosk(id="kiosk-1"), state=State(folder=self.folder), sync=Sync(outbreak_visits=3, outbreak_days=7)
        )
        return AlarmBell(config, self.store, self.health, self.clock, lambda: self.at_s, lambda _: self.room_mb)

    def seen(self, label: str = BLAST, decision: Decision = Decision.ANSWER, rehearsal: bool = True) -> None:
        """Another visit with this diagnosis."""
        visit = Visit(uuid.uuid4().hex, self.clock.utc, "synced", "hi", "rice")
        self.store.begin(visit)
        two = (Candidate(label, 0.5), Candidate("rice/brown_spot", 0.4))
        found = Diagnosis(
            uuid.uuid4().hex, visit, self.clock.utc, "synced", decision, two, 0.9, "m", "file:x", rehearsal
        )
        self.store.record(found, Photo(b"", self.clock.utc, "file:x"), b"report")

    def rings(self) -> list[tuple[str, str, int, int]]:
        """The alarms that wait after a look: what, label, count, days."""
        self.bell.look()
        alarms = [codec.decode(report.body) for report in self.store.reports.batch(100, least=URGENT)]
        assert all(isinstance(alarm, Alarm) for alarm in alarms)
        return [(alarm.what, alarm.label, alarm.count, alarm.days) for alarm in alarms if isinstance(alarm, Alarm)]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)
    yield made
    made.store.close()


def test_the_same_disease_in_so_many_visits_rings_once(kit: Kit) -> None:
    for _ in range(2):
        kit.seen()
    assert kit.rings() == []
    kit.seen()
    assert kit.rings() == [("outbreak", BLAST, 3, 7)]
    kit.seen()
    assert len(kit.rings()) == 1
    kit.bell = kit.new()
    assert len(kit.rings()) == 1, "a restart rings no second time"
    kit.clock.utc += 8 * DAY
    for _ in range(3):
        kit.seen()
    assert len(kit.rings()) == 2, "it goes on"


def test_an_outbreak_that_was_seen_before_a_restart_still_rings(kit: Kit) -> None:
    for _ in range(3):
        kit.seen()
    kit.bell = kit.new()
    assert len(kit.rings()) == 1


@pytest.mark.parametrize(
    ("label", "decision", "rehearsal"),
    [
        ("rice/healthy", Decision.ANSWER, True),
        (BLAST, Decision.TWO_CANDIDATES, True),
        (BLAST, Decision.NOT_SURE, True),
        (BLAST, Decision.ANSWER, False),
    ],
)
def test_what_is_no_outbreak(kit: Kit, label: str, decision: Decision, rehearsal: bool) -> None:
    for _ in range(5):
        kit.seen(label, decision, rehearsal)
    assert kit.rings() == []


def test_visits_that_lie_further_apart_are_no_outbreak(kit: Kit) -> None:
    for _ in range(3):
        kit.seen()
        kit.clock.utc += 4 * DAY
    assert kit.rings() == []


def test_by_a_clock_that_may_be_wrong_nothing_is_counted_over_days(kit: Kit) -> None:
    for _ in range(3):
        kit.seen()
    kit.clock.clock = "unsure"
    assert kit.rings() == []
    kit.clock.clock = "synced"
    assert len(kit.rings()) == 1


def test_a_disk_that_fills_rings_once_a_day(kit: Kit) -> None:
    kit.room_mb = LOW_MB
    assert kit.rings() == []
    kit.room_mb = LOW_MB - 1
    assert kit.rings() == [("disk_low", "", 199, 0)]
    kit.clock.utc += DAY - timedelta(seconds=1)
    assert len(kit.rings()) == 1
    kit.clock.utc += timedelta(seconds=1)
    assert len(kit.rings()) == 2


def test_a_modem_that_is_away_for_hours_rings_and_one_that_comes_back_does_not(kit: Kit) -> None:
    kit.health.bad("sms", ModemMute("It does not answer."))
    assert kit.rings() == []
    kit.at_s += AWAY_S - 1
    assert kit.rings() == []
    kit.health.ok("sms")
    assert kit.rings() == []
    kit.health.bad("sms", ModemMute("It does not answer."))
    kit.at_s += 2
    assert kit.rings() == [], "it was back"
    kit.at_s += 7 * HOUR_S
    assert kit.rings() == [("modem_sick", "", 7, 0)]
