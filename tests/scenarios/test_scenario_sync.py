"""The running kiosk and its link: a technician opens it; it is told to end while it dials."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.wire.messages import HealthReport
from tests.edge.sync.small_gateway import SmallGateway
from tests.peers.mosquitto import Mosquitto
from tests.peers.program import free_port
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, wait_until, write_config

CLOSES_WITHIN_S = 2


def configured(folder: Path, network: ModemSimulator, port: int | None) -> Path:
    """A kiosk that knows a broker on this port; None: that knows none."""
    config = write_config(folder, network.port)
    if port is not None:
        with config.open("a", encoding="utf-8") as file:
            file.write(f'[sync]\nurl = "mqtt://127.0.0.1:{port}"\n')
    return config


def _has_told(client: httpx.Client) -> bool:
    link = client.get("/status").json()["link"]
    return link["acknowledged_at"] is not None and not link["open"]


def asked(config: Path, *words: str) -> tuple[int, str, str]:
    """What `krishi-kiosk` answers: exit code, what it prints, what it complains of."""
    command = [sys.executable, "-m", "edge_daemon", *words, "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.needs("mosquitto")
def test_a_visit_reaches_the_gateway_when_a_technician_opens_the_link(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    with ModemSimulator() as network, Mosquitto(tmp_path) as broker, SmallGateway(broker.port) as gateway:
        config = configured(tmp_path, network, broker.port)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            wait_until(lambda: _has_told(client))  # the health report of its start
            visit(client)
            code, said, _ = asked(config, "sync")
            assert (code, said.startswith("The gateway has stored 1 reports; none wait.")) == (0, True)
            assert len(gateway.ids) == 1
            told = client.get("/status").json()
            assert told["queues"]["report"] == {}
            assert told["parts"]["sync"] == "ok"
            link = told["link"]
            assert (link["waiting"], link["trouble"], link["next"]) == (0, None, "it was open not long ago")
            assert 0 < link["bytes_in_24_h"] < 10_000
            assert link["opened_at"], "by a gateway whose time stands still"
            assert link["acknowledged_at"]
            code, said, _ = asked(config, "sync", "--json")
            assert json.loads(said) == {"acknowledged": 0, "waiting": 0, "bytes": json.loads(said)["bytes"]}
            assert kiosk.stop() == 0
        health, *later = gateway.others
        assert isinstance(health, HealthReport)
        right = ["synced"] if health.clock == "unsure" else []  # once the gateway has told the time
        assert [told.clock for told in later] == right
        assert (health.kiosk, health.starts, health.rehearsal) == ("test-kiosk", 1, True)
        assert health.model
        assert health.advice == told["advice"] == Catalogue.load().version
        assert dict(later[-1].parts if later else health.parts)["talk"] == "ok"
        code, said, complaint = asked(config, "sync")
        assert (code, "no kiosk runs here" in complaint) == (69, True)


def test_why_the_link_cannot_be_opened(tmp_path: Path) -> None:
    fill_camera(tmp_path)
    for port, code, reason in ((None, 78, "krishi-kiosk enrol"), (free_port(), 69, "nobody listens there")):
        with ModemSimulator() as network:
            config = configured(tmp_path, network, port)
            with RunningKiosk(config) as kiosk, kiosk.ready():
                ended, _, complaint = asked(config, "sync")
                assert (ended, reason in complaint) == (code, True), complaint
                assert kiosk.stop() == 0


def test_told_to_end_while_it_dials_it_ends_in_time(tmp_path: Path) -> None:
    """The broker's machine takes the connection and says nothing, as a captive network does."""
    fill_camera(tmp_path)
    with ModemSimulator() as network, socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(DEADLINE_S)
        config = configured(tmp_path, network, deaf.getsockname()[1])
        with RunningKiosk(config) as kiosk, kiosk.ready():
            taken, _ = deaf.accept()
            with taken:
                taken.settimeout(DEADLINE_S)
                assert taken.recv(100), "it has begun to talk"
                kiosk.process.terminate()
                assert kiosk.process.wait(CLOSES_WITHIN_S) == 0
