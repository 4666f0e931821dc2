"""The SIM's plan is used up, and a farmer opts out: what may not go does not go, and somebody is told why."""

from __future__ import annotations

from pathlib import Path

from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.store import Store
from tests.scenarios.kit import DEADLINE_S, NUMBER, RunningKiosk, fill_camera, visit, write_config

PLAN = "daily_parts = 2\nkept_for_answers = 0"
OTHER = "98123 45679"


def test_above_the_plan_nothing_goes_and_the_status_says_why(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port, sms=PLAN)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            visit(client)
            network.wait_for(1, DEADLINE_S)
            later = visit(client, OTHER)
            while not (told := client.get("/status").json())["sms"]["held"]:
                assert told["queues"]["sms"].keys() <= {"sending", "sent", "delivered", "waiting"}
            assert "[sms] daily_parts allows 2" in told["sms"]["held"]
            assert told["sms"]["parts_in_24_h"] == 2
            assert kiosk.stop() == 0
        with RunningKiosk(write_config(tmp_path, network.port)) as kiosk, kiosk.ready() as client:  # a larger plan
            network.wait_for(2, DEADLINE_S)
            while client.get(f"/visits/{later}").json()["sms"][0]["state"] not in {"sent", "delivered"}:
                pass
            assert kiosk.stop() == 0
        assert [sms.number[-1] for sms in network.received] == ["8", "9"]


def test_who_opted_out_is_told_at_the_kiosk_and_gets_nothing(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with Store.open(tmp_path / "state", 0) as store:
            store.texts.opt_out("+919812345678")
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            begun = client.post("/visits", json={}).json()["visit"]
            client.post(f"/visits/{begun}/photo", json={})
            answer = client.post(f"/visits/{begun}/farmer", json={"telephone": NUMBER})
            assert (answer.status_code, answer.json()["error"]) == (403, "opted_out")
            visit(client, OTHER)
            (sms,) = network.wait_for(1, DEADLINE_S)
            assert sms.number.endswith("9")
            assert kiosk.stop() == 0
