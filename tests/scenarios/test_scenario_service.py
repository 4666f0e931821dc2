"""The daemon as systemd sees it: ready when it can serve a visit, alive while its loop turns, gone when it is told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, write_config

CLOSES_WITHIN_S = 2
"""What the unit's TimeoutStopSec relies on."""


@pytest.mark.needs("module:systemd.daemon")
def test_ready_watchdog_stopping(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        config = write_config(tmp_path, network.port)
        with RunningKiosk(config, environment=environment) as kiosk, kiosk.ready() as client:
            told = [manager.recv(1000)]
            while told[-1] != b"WATCHDOG=1":
                told.append(manager.recv(1000))
            assert any(words.startswith(b"READY=1\nSTATUS=Ready at http://127.0.0.1:") for words in told[:-1])
            visit(client)
            assert kiosk.stop() == 0
            while told[-1] != b"STOPPING=1":
                told.append(manager.recv(1000))


def test_it_closes_in_time_with_a_browser_that_keeps_its_connection(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network:
        with RunningKiosk(write_config(tmp_path, network.port)) as kiosk, kiosk.ready() as client:
            visit(client)
            kiosk.process.terminate()
            assert kiosk.process.wait(CLOSES_WITHIN_S) == 0
        network.wait_for(1, DEADLINE_S)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = tmp_path / "kiosk.toml"
        config.write_text(f'[state]\nfolder = "{tmp_path}/state"\n[web]\nport = {other.getsockname()[1]}\n')
        with RunningKiosk(config) as kiosk:
            assert kiosk.ended() == 69
            assert "set [web] port" in "".join(kiosk.log)
        assert not (tmp_path / "state").exists()


def test_with_no_file_at_all_it_is_a_kiosk_that_says_what_it_lacks(tmp_path: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(f'[state]\nfolder = "{tmp_path}/state"\n[web]\nport = 0\n')
    with RunningKiosk(config) as kiosk, kiosk.ready() as client:
        begun = client.post("/visits", json={}).json()["visit"]
        told = client.post(f"/visits/{begun}/photo", json={})
        assert (told.status_code, told.json()["error"]) == (503, "camera_empty")
        assert "Put a .jpg there" in told.json()["message"]
        assert kiosk.stop() == 0


@pytest.mark.parametrize(
    ("port", "modem", "sentence"),
    [
        ("/nowhere", 'profile = "/nope.toml"', "/nope.toml: cannot be read"),
        ("nonsense://1", "", "[modem] port 'nonsense://1' at 115200 baud cannot be opened"),
    ],
)
def test_a_modem_that_cannot_be_as_it_is_set_is_a_sentence(
    tmp_path: Path, port: str, modem: str, sentence: str
) -> None:
    config = write_config(tmp_path, port)
    config.write_text(f"{config.read_text(encoding='utf-8')}{modem}\n", encoding="utf-8")
    with RunningKiosk(config) as kiosk:
        assert kiosk.ended() == 78
        assert f"krishi-kiosk: {sentence}" in kiosk.log[-1]
        assert "Traceback" not in "".join(kiosk.log)


def test_it_closes_in_time_while_a_port_of_another_machine_says_nothing(tmp_path: Path) -> None:
    """pyserial waits 3 s for the other end to agree on RFC 2217, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(DEADLINE_S)
        config = write_config(tmp_path, f"rfc2217://127.0.0.1:{silent.getsockname()[1]}")
        with RunningKiosk(config) as kiosk, kiosk.ready():
            connection, _ = silent.accept()
            with connection:
                kiosk.process.terminate()
                assert kiosk.process.wait(CLOSES_WITHIN_S) == 0
