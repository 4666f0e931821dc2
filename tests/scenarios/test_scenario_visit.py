"""A farmer gets an SMS: the whole kiosk, from the folder camera to the network's own view of the message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import DiagnosisReport
from tests.scenarios.kit import DEADLINE_S, E164, NUMBER, RunningKiosk, fill_camera, visit, wait_until, write_config


def test_a_farmer_gets_the_advice_and_the_gateway_s_report_waits(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with (
        ModemSimulator() as network,
        RunningKiosk(write_config(tmp_path, network.port)) as kiosk,
        kiosk.ready() as client,
    ):
        begun = client.post("/visits", json={"crop": "tomato", "language": "hi"}).json()["visit"]
        diagnosis = client.post(f"/visits/{begun}/photo", json={}).json()
        text = client.post(f"/visits/{begun}/farmer", json={"telephone": NUMBER}).json()["text"]
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert (sms.number, sms.text, sms.encoding, sms.repeats) == (E164, text, "UCS-2", 0)
        assert all(candidate["label"].startswith("tomato/") for candidate in diagnosis["candidates"])
        wait_until(lambda: "delivered" in client.get("/status").json()["queues"]["sms"])
        assert kiosk.stop() == 0
    with Store.look(tmp_path / "state") as store:
        (report,) = store.reports.waiting()
        assert store.queues() == {"sms": {"delivered": 1}, "report": {"waiting": 1}}
    told = codec.decode(report.body)
    assert isinstance(told, DiagnosisReport)
    assert (told.diagnosis, told.crop, told.language, told.rehearsal) == (diagnosis["diagnosis"], "tomato", "hi", True)
    assert E164.encode()[1:] not in report.body


def test_a_visit_goes_on_after_a_restart(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            begun = client.post("/visits", json={}).json()["visit"]
            assert client.post(f"/visits/{begun}/photo", json={}).status_code == 201
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            assert client.post(f"/visits/{begun}/farmer", json={"telephone": NUMBER}).status_code == 202
            network.wait_for(1, DEADLINE_S)
            again = client.post(f"/visits/{begun}/farmer", json={"telephone": NUMBER})
            assert again.status_code == 202
            assert kiosk.stop() == 0
        assert len(network.received) == 1


def test_status_tells_of_a_running_kiosk_and_of_one_that_stopped(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            visit(client)
            network.wait_for(1, DEADLINE_S)
            wait_until(lambda: "delivered" in client.get("/status").json()["queues"]["sms"])
            told = client.get("/status").json()
            assert told["running"]
            assert told["last_visit"]["best"]
            assert told["modem"]["operator"]
            assert told["disk"]["free_mb"] > 0
            assert kiosk.stop() == 0
        command = [sys.executable, "-m", "edge_daemon", "status", "--config", str(config)]
        stopped = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True).stdout)
        readable = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert not stopped["running"]
    assert stopped["queues"]["sms"] == {"delivered": 1}
    assert stopped["last_visit"] == told["last_visit"]
    for word in ("not running", "1 delivered", "1 waiting", told["model"], "MB free"):
        assert word in readable
    assert "98123" not in readable + json.dumps(stopped)


def test_two_daemons_do_not_share_a_folder(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready(), RunningKiosk(config) as second:
            assert second.ended() == 75
            assert "another krishi-kiosk" in "".join(second.log)


def test_diagnose_queues_for_the_daemon_that_runs(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    photo = tmp_path / "state" / "camera" / "0.jpg"
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready():
            command = [sys.executable, "-m", "edge_daemon", "diagnose", str(photo), "--phone", NUMBER, "--json"]
            done = subprocess.run([*command, "--config", str(config)], check=True, capture_output=True)
            row = json.loads(done.stdout)
            assert "running kiosk" in row["sms"]["outcome"]
            (sms,) = network.wait_for(1, DEADLINE_S)
            assert sms.text == row["sms"]["text"]
            assert kiosk.stop() == 0
