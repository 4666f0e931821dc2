"""The modem goes mute, is unplugged and comes back under another name, refuses one number: no message is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, write_config


@pytest.fixture
def network(tmp_path: Path) -> Iterator[ModemSimulator]:
    with ModemSimulator(link=tmp_path / "krishi-modem") as simulator:
        yield simulator


@pytest.fixture
def kiosk(tmp_path: Path, network: ModemSimulator) -> Iterator[RunningKiosk]:
    fill_camera(tmp_path)
    with RunningKiosk(write_config(tmp_path, network.port)) as running:
        yield running
        assert running.stop() == 0


def sms_of(client: httpx.Client, visit: str) -> dict[str, object]:
    (sms,) = client.get(f"/visits/{visit}").json()["sms"]
    return dict(sms)


def test_mute_then_back(kiosk: RunningKiosk, network: ModemSimulator) -> None:
    with kiosk.ready() as client:
        network.go_mute()
        mute = visit(client)
        kiosk.wait_for("did not answer")
        assert sms_of(client, mute)["state"] in {"waiting", "sending"}
        network.speak_again()
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert sms.repeats == 0


def test_mute_after_it_took_the_pdu_repeats_only_the_part_in_doubt(
    kiosk: RunningKiosk, network: ModemSimulator
) -> None:
    with kiosk.ready() as client:
        network.forget_answers(1)
        visit(client, language="hi")  # three parts, with the notice
        kiosk.wait_for("did not answer")
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert (sms.parts, sms.repeats) == (3, 1)


def test_unplugged_then_back_under_another_name(kiosk: RunningKiosk, network: ModemSimulator) -> None:
    with kiosk.ready() as client:
        visit(client)
        network.wait_for(1, DEADLINE_S)
        network.hang_up()
        visit(client)
        kiosk.wait_for("is not there")
        told = client.get("/status").json()
        assert told["modem"] is None
        assert "is not there" in told["parts"]["sms"]
        network.come_back()
        assert len(network.wait_for(2, DEADLINE_S)) == 2


def test_one_bad_number_does_not_hold_up_the_next(kiosk: RunningKiosk, network: ModemSimulator) -> None:
    network.refuse("+919812300001", 1)  # unassigned number (3GPP TS 24.011, annex E-2)
    with kiosk.ready() as client:
        bad = visit(client, telephone="+919812300001")
        visit(client, telephone="+919812300002")
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert sms.number == "+919812300002"
        assert sms_of(client, bad)["state"] == "parked"
        assert sms_of(client, bad)["why"]


def test_not_registered_then_registered(kiosk: RunningKiosk, network: ModemSimulator) -> None:
    network.set_registration(2)
    with kiosk.ready() as client:
        kiosk.wait_for("registered with no network")
        visit(client)
        network.set_registration(5)
        network.wait_for(1, DEADLINE_S)


def test_sigterm_while_a_message_is_on_its_way(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            network.go_mute(at="AT+CMGS")
            visit(client)
            network_was_asked(client)
            assert kiosk.stop() == 0
        network.speak_again()
        with RunningKiosk(config) as kiosk, kiosk.ready():
            network.wait_for(1, DEADLINE_S)


def network_was_asked(client: httpx.Client) -> None:
    while "sending" not in client.get("/status").json()["queues"]["sms"]:
        pass
