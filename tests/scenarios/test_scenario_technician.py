"""A technician asks the modem while the kiosk works with it: no SMS is lost or doubled by that, and none waits long."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, write_config

SMS = 12
PIN = "4711"


@dataclass(frozen=True)
class Terminal:
    """Runs krishi-kiosk beside the daemon."""

    config: Path

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_daemon", *words, "--config", str(self.config)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=DEADLINE_S)

    def row(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.stderr == ""
        row: dict[str, Any] = json.loads(done.stdout)
        return row


@pytest.fixture
def network(tmp_path: Path) -> Iterator[ModemSimulator]:
    with ModemSimulator(link=tmp_path / "krishi-modem") as simulator:
        yield simulator


@pytest.fixture
def terminal(tmp_path: Path, network: ModemSimulator) -> Terminal:
    fill_camera(tmp_path)
    return Terminal(write_config(tmp_path, network.port))


def test_beside_the_running_kiosk_while_sms_flow(terminal: Terminal, network: ModemSimulator) -> None:
    network.ussd("*123#", "Your balance is Rs 42.")
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready() as client:
        flowing = threading.Thread(target=lambda: [visit(client, language="hi") for _ in range(SMS)])
        flowing.start()
        told = terminal.row("modem", "info")
        assert (told["running"], told["creg"], told["trouble"], told["to_do"]) == (True, "home", None, [])
        assert "running, and the modem works for it" in terminal.run("modem", "info").stdout
        assert terminal.run("modem", "at", "AT+CSQ").stdout == "+CSQ: 21,99\nOK\n"
        assert terminal.run("modem", "ussd", "*123#").stdout == "Your balance is Rs 42.\n"
        refused = terminal.run("modem", "at", "AT+CMGS=18")
        assert (refused.returncode, refused.stdout) == (65, "")
        assert terminal.run("modem", "at", "-", given=f"AT+CPIN={PIN}\n").returncode == 65
        flowing.join(DEADLINE_S)
        received = network.wait_for(SMS, DEADLINE_S)
        assert [(sms.complete, sms.repeats) for sms in received] == [(True, 0)] * SMS
        assert received[0].parts == 3, "with the notice"
        assert {sms.parts for sms in received} == {2, 3}
        assert client.get("/status").json()["remedies"] == {}
        assert kiosk.stop() == 0
    log = "".join(kiosk.log)
    assert "A technician says AT+CPIN to the modem." in log
    assert PIN not in log
    assert not (terminal.config.parent / "state" / "control.sock").exists()


def test_text_mode_that_somebody_left_behind_sends_no_pdu_to_a_number_of_two_digits(
    terminal: Terminal, network: ModemSimulator
) -> None:
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready():
        kiosk.wait_for("The modem works")
        assert terminal.run("modem", "at", "AT+CMGF=1").stdout == "OK\n"
        assert terminal.run("sms", "send", "9812345678", "As a PDU.").returncode == 0
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert (sms.number, sms.text) == ("+919812345678", "As a PDU.")


def test_a_modem_that_the_kiosk_cannot_use_tells_why(terminal: Terminal, network: ModemSimulator) -> None:
    network.set_registration(3)
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready():
        kiosk.wait_for("denies the registration")
        told = terminal.row("modem", "info")
        assert (told["creg"], told["running"]) == ("denied", True)
        assert "denies the registration" in told["trouble"]
        assert "check the SIM and its plan" in " ".join(told["to_do"])
        assert terminal.run("modem", "at", "AT+CREG?").stdout == "+CREG: 0,3\nOK\n"
        no_network = terminal.run("modem", "ussd", "*123#")
        assert no_network.returncode == 69
        assert "denies the registration" in no_network.stderr
        network.hang_up()
        kiosk.wait_for("is not there")
        gone = terminal.run("modem", "info")
        assert (gone.returncode, gone.stdout) == (69, "")


def test_a_stop_by_telephone_holds_beside_the_running_kiosk(terminal: Terminal, network: ModemSimulator) -> None:
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready():
        assert terminal.run("sms", "stop", "9812345678").returncode == 0
        assert terminal.run("sms", "send", "9812345678", "x").returncode == 65
        assert terminal.run("sms", "start", "9812345678").returncode == 0
        assert terminal.run("sms", "send", "9812345678", "Shown at once.", "--flash").returncode == 0
        (sms,) = network.wait_for(1, DEADLINE_S)
        assert sms.text == "Shown at once."


def test_a_kiosk_that_was_killed_leaves_no_socket_in_the_way(terminal: Terminal, network: ModemSimulator) -> None:
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready():
        assert terminal.row("modem", "at", "AT")["running"] is True
        kiosk.kill()
    assert terminal.row("modem", "at", "AT")["running"] is False
    with RunningKiosk(terminal.config) as kiosk, kiosk.ready():
        assert terminal.row("modem", "at", "AT")["running"] is True
