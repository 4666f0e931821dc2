"""`krishi-kiosk report` and GET /report as somebody meets them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge_daemon import parts, report_desk
from edge_daemon.clock import Instant
from edge_daemon.config import Config, load
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Visit
from edge_daemon.errors import BadPeriod, KioskBusy
from edge_daemon.period import read_period
from edge_daemon.store.store import Store

DEADLINE_S = 60.0
NUMBER = "+919812345678"
INDIA = ZoneInfo("Asia/Kolkata")
LATE = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
"""In India it is the 24th."""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "kiosk.toml"
    path.write_text(f'[state]\nfolder = "{tmp_path / "state"}"\n', encoding="utf-8")
    return load(path)


def run(config: Config, *words: str) -> subprocess.CompletedProcess[str]:
    folder = config.state.path().parent
    command = [sys.executable, "-m", "edge_daemon", "report", *words, "--config", str(folder / "kiosk.toml")]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)


def advise(store: Store, at: datetime = LATE) -> None:
    visit = Visit("v", at, "synced", "hi", "rice")
    store.begin(visit)
    seen = (Candidate("rice/blast", 0.9),)
    diagnosis = Diagnosis("d", visit, at, "synced", Decision.ANSWER, seen, 0.9, "m-1", "pi", False)
    store.record(diagnosis, Photo(b"x", at, "pi"), b"report")
    store.queue_sms(diagnosis, Farmer(NUMBER, "hi"), "do this")


def test_it_is_told_beside_the_daemon_and_names_no_farmer(config: Config) -> None:
    with parts.open_store(config) as store:
        advise(store)
        (row,) = store.ledger.advices("2000", "2100")
        for words in ([], ["--week"], ["--json"]):
            done = run(config, *words)
            assert (done.returncode, done.stderr) == (0, "")
            assert row["pseudonym"] not in done.stdout
            assert NUMBER[3:] not in done.stdout
        assert json.loads(run(config, "--week", "--json").stdout)["advice"]["queued"] == 1
        assert "delivered 0 of 1 (0 %, 95 % interval 0 to 79 %)" in run(config).stdout


def test_a_day_begins_and_ends_by_the_village_s_clock(config: Config) -> None:
    path = config.state.path()
    with Store.open(path, 0, lambda: Instant(LATE, "synced"), config.sms) as store:
        advise(store)

    def wanted(**days: Any) -> int:
        return int(report_desk.gather(config, **days, now=lambda: Instant(LATE, "synced"))["advice"]["wanted"])

    assert wanted() == 1
    assert wanted(since="2026-11-24") == 1
    assert wanted(since="2026-11-23", until="2026-11-24") == 0
    assert wanted(until="2026-11-25") == 1
    assert wanted(week=True) == 1


def test_a_week_is_today_and_the_six_days_before() -> None:
    period = read_period(INDIA, date(2026, 11, 24), True, None, None)
    assert (period.since, period.until) == (date(2026, 11, 18), date(2026, 11, 25))
    assert period.bounds() == ("2026-11-17T18:30:00+00:00", "2026-11-24T18:30:00+00:00")


@pytest.mark.parametrize(
    ("week", "since", "until", "said"),
    [
        (False, "yesterday", None, "since: 'yesterday' is not a day"),
        (False, "20261123", None, "is not a day"),
        (False, None, "2026-02-30", "until: '2026-02-30' is not a day"),
        (False, "", None, "is not a day"),
        (False, "9999-12-31", None, "is not a day from"),
        (False, "2026-11-23", "2026-11-23", "ends before it begins"),
        (False, "2026-11-24", "2026-11-23", "ends before it begins"),
        (True, "2026-11-24", None, "without since and until"),
    ],
)
def test_a_period_that_is_none_is_refused(week: bool, since: str | None, until: str | None, said: str) -> None:
    with pytest.raises(BadPeriod, match=said):
        read_period(INDIA, date(2026, 11, 24), week, since, until)


def test_a_wrong_period_is_wrong_usage(config: Config) -> None:
    parts.open_store(config).close()
    done = run(config, "--since", "2026-11-24", "--until", "2026-11-23")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("krishi-kiosk: The period ends before it begins")


def test_the_kiosk_makes_one_report_at_a_time(config: Config) -> None:
    parts.open_store(config).close()

    async def ask() -> list[Any]:
        make = report_desk.OneAtATime(config)
        days: Any = {"week": True, "since": None, "until": None}
        both = await asyncio.gather(make(**days), make(**days), return_exceptions=True)
        return [*both, await make(**days)]

    first, second, third = asyncio.run(ask())
    assert isinstance(second, KioskBusy)
    assert first["advice"] == third["advice"]


def test_without_a_kiosk_there_is_no_report(config: Config) -> None:
    done = run(config)
    assert done.returncode == 66
    assert "no kiosk has worked" in done.stderr
