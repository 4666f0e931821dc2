"""Two ways out of one daemon, and what the plan has left: follow-ups by an aggregator, answers by the modem."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, visit, write_config

QUESTION = "Krishi: did the advice on rice help? Reply 1 yes, 2 no."
FARMER = "+919812300001"


class Bulk(http.server.ThreadingHTTPServer):
    """An aggregator: says yes, and keeps what it was given."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.came = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Bulk

    def do_POST(self) -> None:
        self.server.given.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.keys.add(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        self.server.came.set()

    def log_message(self, *_: object) -> None:
        """The numbers are in it."""


@pytest.fixture
def bulk() -> Iterator[Bulk]:
    with Bulk() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def configured(folder: Path, port: str, bulk: Bulk) -> Path:
    key = folder / "key"
    key.write_text("secret", encoding="ascii")
    key.chmod(0o600)
    config = write_config(folder, port, sms='daily_parts = 0\nminute_parts = 0\nquiet_from = "08:00"')
    further = f"""
[balance]
code = "*123#"
[aggregator]
url = "http://127.0.0.1:{bulk.server_port}/v1"
key_file = "{key}"
entity_id = "1101"
header = "KRISHI"
[[aggregator.templates]]
id = "1107"
text = "Krishi: did the advice on {{#var#}} help? Reply 1 yes, 2 no."
"""
    config.write_text(config.read_text(encoding="utf-8") + further, encoding="utf-8")
    return config


def send(config: Path, kind: str, text: str) -> None:
    words = ["sms", "send", FARMER, text, "--kind", kind, "--config", str(config)]
    subprocess.run([sys.executable, "-m", "edge_daemon", *words], check=True, timeout=DEADLINE_S)


def test_each_kind_goes_its_way_and_the_balance_is_asked(tmp_path: Path, bulk: Bulk) -> None:
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        network.ussd("*123#", "Balance: Rs 7.50. Valid till 31-12-2026")
        config = configured(tmp_path, network.port, bulk)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            kiosk.wait_for("The SIM's balance is low: 7.50")
            visit(client)
            send(config, "follow_up", QUESTION)
            send(config, "follow_up", "A text that is no template.")
            assert bulk.came.wait(DEADLINE_S)
            by_modem = network.wait_for(2, DEADLINE_S)
            assert client.get("/status").json()["balance"]["low"] is True
            assert kiosk.stop() == 0
    assert [(sms["template_id"], sms["variables"], sms["to"]) for sms in bulk.given] == [("1107", ["rice"], FARMER)]
    assert bulk.keys == {"Bearer secret"}
    assert QUESTION not in {sms.text for sms in by_modem}
    with Store.look(tmp_path / "state", reading=PduReading()) as store:
        states = {row["text"]: row["state"] for row in store.texts.newest()}
    assert states[QUESTION] == "sent"
    assert "secret" not in "".join(kiosk.log)


def test_an_aggregator_that_is_away_holds_up_nothing_that_goes_by_the_modem(tmp_path: Path, bulk: Bulk) -> None:
    fill_camera(tmp_path)
    with ModemSimulator(link=tmp_path / "krishi-modem") as network:
        config = configured(tmp_path, network.port, bulk)
        bulk.shutdown()
        bulk.server_close()
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            send(config, "follow_up", QUESTION)
            kiosk.wait_for("The aggregator at 127.0.0.1")
            visit(client)
            network.wait_for(1, DEADLINE_S)
            assert client.get("/status").json()["parts"]["sms"] == "ok"
