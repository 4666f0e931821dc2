"""The modem is sick in ways that reopening does not cure; what comes in survives; the operator sees what was done."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import Cure, ModemSimulator
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, wait_until, write_config

FARMERS = [f"+91981230000{number}" for number in range(1, 5)]


def state_of(client: httpx.Client, visit: str) -> object:
    (sms,) = client.get(f"/visits/{visit}").json()["sms"]
    return sms["state"]


def inbound(folder: Path) -> list[str]:
    with Store.look(folder / "state", reading=PduReading()) as store:
        return [row["body"] for row in store.inbound.newest(100)]


def configured(tmp_path: Path, port: str, *lines: str) -> Path:
    """A kiosk.toml with further lines in [modem], and a profile whose modem needs no time to boot."""
    generic = Path("firmware_config/modems/generic.toml").read_text(encoding="utf-8")
    quick = tmp_path / "quick.toml"
    quick.write_text(generic.replace("boot_s = ", "boot_s = 0.1 # "), encoding="utf-8")
    config = write_config(tmp_path, port)
    further = "\n".join([f'profile = "{quick}"', *lines])
    config.write_text(f"{config.read_text(encoding='utf-8')}{further}\n", encoding="utf-8")
    return config


@pytest.mark.parametrize("cure", ["cfun4", "reset"])
def test_registered_and_takes_nothing(tmp_path: Path, cure: Cure) -> None:
    """Three messages to three farmers fail in a row: it is the modem. Radio off and on cures one, a restart another."""
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        config = configured(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            kiosk.wait_for("The modem works")
            network.fall_sick(cure)
            visits = [visit(client, telephone=farmer) for farmer in FARMERS]
            kiosk.wait_for("takes no message though it is registered")
            kiosk.wait_for("Remedy: radio")
            assert len(network.wait_for(len(FARMERS), DEADLINE_S)) == len(FARMERS)
            wait_until(lambda: {state_of(client, visit) for visit in visits} == {"delivered"})
            assert client.get("/status").json()["remedies"]["radio"] >= 1
            assert kiosk.stop() == 0


@pytest.mark.slow
def test_a_modem_that_nothing_wakes_gets_its_power_cut(tmp_path: Path) -> None:
    """[modem] power_command is the last remedy; here it asks whoever holds the plug."""
    fill_camera(tmp_path)
    plug = tmp_path / "plug"
    program = f"open({str(plug)!r}, 'w').write('cut')"
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        config = configured(tmp_path, network.port, f'power_command = ["{sys.executable}", "-c", "{program}"]')
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            kiosk.wait_for("The modem works")
            visit(client)
            network.wait_for(1, DEADLINE_S)
            network.lose_power()
            last = visit(client)
            wait_until(lambda: plug.exists() and plug.read_text(encoding="utf-8") == "cut")
            network.power_on()
            kiosk.wait_for("power_command .* ended with 0")
            wait_until(lambda: state_of(client, last) == "delivered")
            assert client.get("/status").json()["remedies"]["power"] == 1


def test_one_number_that_fails_for_now_holds_up_nobody(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        network.refuse(FARMERS[0], 38)  # network out of order: what some operators say to a wrong number
        with RunningKiosk(write_config(tmp_path, network.port)) as kiosk, kiosk.ready() as client:
            bad = visit(client, telephone=FARMERS[0])
            good = [visit(client, telephone=farmer) for farmer in FARMERS[1:]]
            wait_until(lambda: {state_of(client, visit) for visit in good} == {"delivered"})
            assert state_of(client, bad) in {"waiting", "sending"}
            assert client.get("/status").json()["remedies"] == {}


def test_what_came_while_the_kiosk_was_dead_is_there_once(tmp_path: Path) -> None:
    """Killed with a message in the SIM, and again after it was taken: it is kept, and kept once."""
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        config = write_config(tmp_path, network.port)
        network.deliver(FARMERS[0], "Before the kiosk was there.")
        with RunningKiosk(config) as kiosk:
            kiosk.wait_for("An SMS part came in: message")
            kiosk.kill()
        network.deliver(FARMERS[0], "While it was away. " * 12)
        with RunningKiosk(config) as kiosk:
            kiosk.wait_for("An SMS part came in: message")
            wait_until(lambda: not network.stored())
            kiosk.kill()
    assert sorted(inbound(tmp_path)) == ["Before the kiosk was there.", "While it was away. " * 12]


def test_the_network_s_time_is_the_kiosk_s_where_no_time_service_has_set_the_clock(tmp_path: Path) -> None:
    """Only a clock that is right lets a message expire, so this is what a kiosk without internet needs."""
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        network.set_time(datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
        with RunningKiosk(write_config(tmp_path, network.port)) as kiosk, kiosk.ready() as client:
            kiosk.wait_for("The modem works")
            visit(client)
            assert client.get("/status").json()["last_visit"]["begun_at"].startswith("2031-05-06T07:")
