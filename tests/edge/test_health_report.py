"""When the kiosk tells how it is, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_daemon import __version__
from edge_daemon.config import Config, Kiosk, Place, State
from edge_daemon.diagnosis import Clock
from edge_daemon.errors import ModemMute
from edge_daemon.health_report import EVERY_S, MOST_WAITING, PAUSE_S, HealthTeller, Versions
from edge_daemon.store.report_outbox import REPORT
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.wire import codec
from edge_daemon.wire.messages import HealthReport
from tests.edge.ledger_kit import SteppingClock, recorded


class Kit:
    """A teller, with clocks that tests set."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppingClock()
        self.store = Store.open(folder, 10_000, self.clock)
        self.health = Health({"sms": "ok", "talk": "starting"})
        self.at_s = 100.0
        self.config = Config(kiosk=Kiosk(id="kiosk-1"), state=State(folder=folder), place=Place(geohash="tepf8"))
        self.teller = self.new()

    def new(self) -> HealthTeller:
        """As after a restart."""
        return HealthTeller(
            self.config, self.store, self.health, lambda: Versions("leaf-3", "7"), self.clock, lambda: self.at_s
        )

    def told(self) -> list[HealthReport]:
        reports = [codec.decode(report.body) for report in self.store.reports.batch(200) if report.body != b"report"]
        return [report for report in reports if isinstance(report, HealthReport)]

    def after(self, seconds: float) -> int:
        """How many wait after a look, so much later."""
        self.at_s += seconds
        self.teller.look()
        return len(self.told())


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = Kit(tmp_path)
    yield made
    made.store.close()


def test_once_at_the_start_and_once_a_day(kit: Kit) -> None:
    assert [kit.after(seconds) for seconds in (0, 1, EVERY_S - 2, 1, 1)] == [1, 1, 1, 2, 2]
    kit.teller = kit.new()
    assert kit.after(0) == 3


def test_each_new_wish_of_the_gateway_is_met_once(kit: Kit) -> None:
    kit.after(0)
    kit.teller.wanted = 4
    assert [kit.after(1), kit.after(1)] == [2, 2]
    kit.teller.resume(9, 3)
    assert kit.after(1) == 2, "followed before the start: no new wish"
    kit.teller.wanted = 10
    assert kit.after(1) == 3


def test_a_part_that_turns_bad_is_told_but_not_again_and_again(kit: Kit) -> None:
    kit.after(0)
    kit.health.bad("sms", ModemMute("It does not answer."))
    assert [kit.after(1), kit.after(PAUSE_S), kit.after(PAUSE_S)] == [1, 2, 2]
    kit.health.ok("sms")
    assert kit.after(PAUSE_S) == 2, "good news waits for tomorrow"
    assert [dict(report.parts)["sms"] for report in kit.told()] == ["ok", "modem_mute"]


def test_a_clock_that_has_become_right_is_told_once_for_each_start(kit: Kit) -> None:
    def waiting(*clocks: Clock) -> list[int]:
        return [kit.after(1) for kit.clock.clock in clocks]

    assert waiting("unsure", "unsure", "synced", "synced", "unsure", "synced") == [1, 1, 2, 2, 2, 2]
    assert [report.clock for report in kit.told()] == ["unsure", "synced"]
    kit.teller = kit.new()
    assert waiting("synced", "unsure", "synced") == [3, 3, 3], "it was right from the start"
    kit.teller = kit.new()
    assert waiting("unsure") == [4]
    kit.teller.wanted = 5
    assert waiting("synced", "synced") == [5, 5], "it was told as the gateway asked"


def test_of_two_reports_in_one_second_the_gateway_knows_the_newer(kit: Kit) -> None:
    kit.after(5)
    kit.teller.wanted = 4
    kit.after(0)
    assert [report.uptime for report in kit.told()] == [5, 6]


def test_a_kiosk_that_begins_again_and_again_makes_no_flood(kit: Kit) -> None:
    for _ in range(MOST_WAITING + 5):
        kit.teller = kit.new()
        kit.teller.look()
    assert len(kit.told()) == MOST_WAITING


def test_what_it_tells(kit: Kit) -> None:
    recorded(kit.store, kit.clock)
    kit.store.reports.put(b"bad", REPORT)
    kit.store.reports.refused([kit.store.reports.batch(2)[1].id], "bad")
    kit.store.link.begin()
    kit.store.link.spend(1234)
    kit.clock.utc += timedelta(minutes=5)
    kit.at_s += 60
    kit.teller.revision = 2
    told = kit.teller.report()
    assert told.kiosk == "kiosk-1"
    assert told.at == int(kit.clock.utc.timestamp())
    assert (told.clock, told.starts, told.uptime) == ("synced", 1, 60)
    assert (told.software, told.model, told.advice) == (__version__, "leaf-3", "7")
    assert (told.place, told.rehearsal, told.desired, told.bytes_day) == ("geohash:tepf8", True, 2, 1234)
    assert (told.reports_waiting, told.oldest_waiting, told.reports_parked) == (1, 300, 1)
    assert (told.sms_waiting, told.sms_parked, told.photos) == (0, 0, 1)
    assert told.parts == (("sms", "ok"), ("talk", "starting"))
    assert told.disk_free_mb > 0


def test_a_report_from_the_future_has_not_waited(kit: Kit) -> None:
    recorded(kit.store, kit.clock)
    kit.clock.utc -= timedelta(days=400)
    assert kit.teller.report().oldest_waiting == 0
