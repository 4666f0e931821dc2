"""Two years of 500 farmers in simulated time: what the ledger says is what reached whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge_daemon.config import State
from edge_daemon.report_desk import gather
from tests.season.judge import Ledger, faults, report_faults
from tests.season.village import Village

SEED = 20270601


@pytest.mark.slow
def test_a_season_s_ledger_agrees_with_what_reached_whom(tmp_path: Path) -> None:
    village = Village(tmp_path, SEED)
    asyncio.run(village.live())
    ledger = Ledger(tmp_path / "state" / "kiosk.db")
    chronicle = village.chronicle
    assert list(faults(chronicle, ledger, village.catalogue)) == []
    state = village.config.model_copy(update={"state": State(folder=tmp_path / "state")})
    report = gather(state, now=village.time.kiosk)
    assert list(report_faults(chronicle, report)) == []
    states = {row["state"]: row["n"] for row in ledger.rows("SELECT state, count(*) AS n FROM question GROUP BY state")}
    assert "planned" not in states
    assert states["answered"] > 500
    assert states["cancelled"] > 0
    assert chronicle.reboots > 50
    assert chronicle.jumps > 20
    assert chronicle.refused > 0
