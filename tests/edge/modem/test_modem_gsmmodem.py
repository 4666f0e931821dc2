"""python-gsmmodem, another's modem library, at the simulated modem: it sends, hears, and asks for the balance.

It judges the simulator, by which we judge our driver; its reader and writer of PDUs judge ours.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.modem.simulation.models import MODELS, ModelName
from edge_daemon.modem.simulator import ModemSimulator
from tests import foreign

pytestmark = pytest.mark.needs("foreign module:gsmmodem")

CLIENT = Path(__file__).with_name("gsmmodem_client.py")
DEADLINE_S = 120.0
FARMER, OTHER = "+919812345678", "+919812345679"
NOON = datetime(2026, 4, 11, 12, 0, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))


class Client:
    """The library in a process of its own, at work from now on: its warnings and threads are not ours."""

    def __init__(self, modem: ModemSimulator, **asked: Any) -> None:
        command = [sys.executable, "-W", "ignore", str(CLIENT), str(foreign.MODULES)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        nothing: dict[str, Any] = {"pin": None, "send": [], "reports": False, "receive": 0, "ussd": []}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(nothing | {"port": modem.port} | asked) + "\n")
        self._process.stdin.flush()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What it says of one kind, once it has ended."""
        try:
            said, errors = self._process.communicate(timeout=DEADLINE_S)
        finally:
            self._process.kill()
        assert self._process.returncode == 0, errors
        events = [json.loads(line) for line in said.splitlines()]
        return [event for event in events if event.pop("event") == kind]


@pytest.mark.parametrize("model", MODELS)
def test_it_is_identified(model: ModelName) -> None:
    with ModemSimulator(model=model, pin="1234") as modem:
        (said,) = Client(modem, pin="1234").events("modem")
    known = MODELS[model]
    assert said["names"] == [known.maker, known.name, known.revision]
    assert [len(number) for number in said["numbers"]] == [15, 15]
    assert (said["network"], said["smsc"], said["signal"]) == ("Rehearsal", "+999000", 21)


def test_it_sends_and_hears_of_the_reports() -> None:
    texts = ["Drain the field {today} €5", "धान में झुलसा रोग है।"]
    with ModemSimulator() as modem:
        modem.set_reports(0x46)  # validity period expired
        client = Client(modem, send=[[FARMER, text] for text in texts], reports=True)
        reports = client.events("report")
        assert [sms.text for sms in modem.received] == texts
    assert reports == [{"number": FARMER, "reference": reference, "status": 0x46} for reference in (0, 1)]


def test_it_sends_in_parts() -> None:
    texts = ["Drain the field, then spray. " * 12, "धान में झुलसा रोग है। " * 8]
    with ModemSimulator() as modem:
        modem.set_reports(None)
        Client(modem, send=[[FARMER, text] for text in texts]).events("sent")
        assert [(sms.text, sms.parts, sms.complete) for sms in modem.received] == [(text, 3, True) for text in texts]


@pytest.mark.parametrize("model", MODELS)
def test_it_hears_of_texts_and_reads_them(model: ModelName) -> None:
    texts = ["1", "धान में रोग", "Is it {blast}? €"]
    with ModemSimulator(model=model) as modem:
        client = Client(modem, receive=len(texts))
        modem.wait_until(lambda: "AT+CSQ" in modem.commands, DEADLINE_S)
        for text in texts:
            modem.deliver(OTHER, text, at=NOON)
            modem.wait_until(lambda: not modem.stored(), DEADLINE_S)
        received = client.events("received")
    said = {"number": OTHER, "smsc": "+999000", "time": NOON.isoformat()}
    assert received == [said | {"text": text} for text in texts]


def test_it_asks_for_the_balance() -> None:
    with ModemSimulator() as modem:
        modem.ussd("*123#", "Balance: Rs 12.50")
        modem.ussd("*124#", "1 Plans 2 Offers", session=True)
        answers = Client(modem, ussd=["*123#", "*124#"]).events("ussd")
    assert answers == [{"text": "Balance: Rs 12.50", "open": False}, {"text": "1 Plans 2 Offers", "open": True}]
