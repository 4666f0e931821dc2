"""`krishi-kiosk sync` and the reports that were parked, as a technician meets them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from edge_daemon import sync_desk
from edge_daemon.clock import system_now
from edge_daemon.config import SmsRules
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.report_outbox import REPORT, URGENT
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Alarm, Message
from tests.wire import drawn

DEADLINE_S = 60.0
ALARM = Alarm(kiosk="kiosk-1", at=1, clock="synced", what="disk_low", label="", count=9, days=0, rehearsal=True)


class Desk:
    """Runs `krishi-kiosk sync` on a state folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.config = folder / "kiosk.toml"
        self.config.write_text(f'[state]\nfolder = "{self.state}"\n', encoding="utf-8")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_daemon", "sync", *words, "--config", str(self.config)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)

    def says(self, *words: str) -> list[str]:
        done = self.run(*words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def data(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.says(*words, "--json")]

    def store(self) -> Store:
        """As the daemon has it."""
        return Store.open(self.state, 0, system_now, SmsRules(), PduReading())


def park(store: Store, body: bytes, rank: int, why: str) -> int:
    store.reports.put(body, rank)
    (report,) = store.reports.batch(1)
    store.reports.refused([report.id], why)
    return report.id


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Of a kiosk with two parked reports."""
    desk = Desk(tmp_path)
    with desk.store() as store:
        park(store, codec.encode(ALARM), URGENT, "the gateway acknowledged others, but never this one")
        park(store, b"garbage", REPORT, "it is no\x1b[2J message")
    return desk


@pytest.fixture(params=["with", "without"])
def daemon(request: pytest.FixtureRequest, desk: Desk) -> Iterator[bool]:
    """Whether a daemon has the state folder meanwhile."""
    with desk.store() if request.param == "with" else contextlib.nullcontext() as store:
        yield store is not None


def test_what_is_parked_is_listed_with_the_reason(desk: Desk, daemon: bool) -> None:
    head, garbage, alarm = desk.says("--parked")
    assert head == sync_desk.HEAD
    assert garbage.split()[0] == "2"
    assert garbage.endswith("  unreadable       7  it is no\ufffd[2J message")
    assert alarm.split()[0] == "1"
    assert f"  alarm       {len(codec.encode(ALARM)):>6}  the gateway acknowledged others" in alarm
    newest, oldest = desk.data("--parked")
    assert (newest["id"], newest["kind"], newest["bytes"]) == (2, "unreadable", 7)
    assert (oldest["id"], oldest["kind"], oldest["why"][:11]) == (1, "alarm", "the gateway")
    assert oldest["made_at"] <= oldest["parked_at"]


def test_one_waits_anew_then_all(desk: Desk, daemon: bool) -> None:
    when = "when the link is next opened; `krishi-kiosk sync` opens it now" if daemon else "once the kiosk runs"
    assert desk.says("--again", "1") == [f"Report 1 waits again, to go {when}."]
    assert [row["id"] for row in desk.data("--parked")] == [2]
    assert desk.data("--again", "all") == [{"again": 1, "running": daemon}]
    assert desk.says("--parked") == desk.says("--again", "all") == ["No report is parked."]
    with Store.look(desk.state) as store:
        assert store.queues()["report"] == {"waiting": 2}


def test_what_is_not_parked_cannot_wait_anew(desk: Desk) -> None:
    for id in ("3", "9999999"):
        done = desk.run("--again", id)
        assert done.returncode == 65
        assert done.stderr.startswith(f"krishi-kiosk: No report {id} is parked. `krishi-kiosk sync --parked`")
    assert desk.run("--again", "some").returncode == 64
    assert desk.run("--again", "1", "--parked").returncode == 64


def test_a_long_list_is_cut_and_says_so(desk: Desk) -> None:
    with desk.store() as store:
        for _ in range(sync_desk.MOST_SHOWN):
            park(store, b"x", REPORT, "y")
    said = desk.says("--parked")
    assert len(said) == sync_desk.MOST_SHOWN + 2
    assert said[-1] == "2 older ones are not shown."
    assert desk.says("--again", "all") == ["202 reports wait again, to go once the kiosk runs."]


@given(drawn.messages)
def test_each_kind_of_message_has_a_name(message: Message) -> None:
    assert sync_desk._kind(codec.encode(message)) == sync_desk.KINDS[type(message)]


def test_without_a_kiosk_that_runs_no_link_is_opened(desk: Desk) -> None:
    done = desk.run()
    assert done.returncode == 69
    assert "no kiosk runs here" in done.stderr
