"""The clock jumps a year while a message waits: nothing is delayed, nothing is reordered, the times say "unsure"."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, write_config

LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("days", [365, -365])
def test_a_jump_of_a_year(tmp_path: Path, days: int) -> None:
    fill_camera(tmp_path)
    clock = tmp_path / "clock"
    clock.write_text("+0d\n")
    environment = {
        "LD_PRELOAD": LIBRARY[0],
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with (
        ModemSimulator() as network,
        RunningKiosk(write_config(tmp_path, network.port), environment=environment) as kiosk,
        kiosk.ready() as client,
    ):
        network.go_mute()
        before = visit(client, telephone="+919812300001")
        kiosk.wait_for("did not answer")
        clock.write_text(f"{days:+d}d\n")
        after = visit(client, telephone="+919812300002")
        network.speak_again()
        received = network.wait_for(2, DEADLINE_S)
        assert {sms.number for sms in received} == {"+919812300001", "+919812300002"}
        begun = [client.get(f"/visits/{one}").json() for one in (before, after)]
        assert [one["clock"] for one in begun] == ["unsure", "unsure"] or Path("/run/systemd/timesync").exists()
        years = [int(one["begun_at"][:4]) for one in begun]
        assert years[1] - years[0] == days // 365
        assert client.get("/status").json()["last_visit"]["visit"] == after
        assert kiosk.stop() == 0
