"""What is said of a modem, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_daemon import modem_lines

WELL: dict[str, Any] = {
    "maker": "Quectel",
    "model": "EC25",
    "revision": "EC25EFAR06A10M4G",
    "imei": "004999010640000",
    "sim": "ready",
    "iccid": "8900101000000000016",
    "operator": "BSNL",
    "creg": "home",
    "cgreg": "home",
    "cereg": "searching",
    "signal_dbm": -71,
    "service_centre": "+919442099997",
    "memories": {"ME": {"used": 3, "total": 255}, "SM": {"used": 0, "total": 20}},
    "supply_mv": 4012,
    "network_time": "2026-11-24T10:00:00+00:00",
    "profile": "EC25",
    "port": "/dev/krishi-modem",
    "device": "/dev/ttyUSB2",
    "remedies": {"reopen": 2, "power": 1},
    "trouble": None,
    "running": True,
}
NOTHING: dict[str, Any] = dict.fromkeys(WELL) | {"port": "/dev/x", "device": "/dev/x", "remedies": {}, "running": True}


def test_each_thing_has_a_line() -> None:
    assert modem_lines.info(WELL).splitlines() == [
        "Modem      Quectel EC25, revision EC25EFAR06A10M4G, IMEI 004999010640000",
        "Port       /dev/krishi-modem, which leads to /dev/ttyUSB2",
        "Profile    EC25",
        "SIM        ready, ICCID 8900101000000000016",
        "Network    BSNL, home (calls and SMS), home (data), searching (LTE)",
        "Signal     -71 dBm, 4 of 4 bars: very good",
        "Centre     SMS go through +919442099997",
        "Memory     ME 3 of 255, SM 0 of 20",
        "Supply     4.01 V",
        "Time       2026-11-24 10:00:00 UTC by the network",
        "Remedies   after trouble it was opened again 2 times, cut from its power once",
        "Kiosk      running, and the modem works for it",
    ]
    assert modem_lines.advice(WELL) == []


def test_a_modem_that_tells_nothing() -> None:
    shown = modem_lines.info(NOTHING)
    for words in ("it does not say which", "not chosen yet", "it does not say", "no operator", "signal not known"):
        assert words in shown
    assert "None" not in shown


def test_the_kiosk_s_trouble_is_its_own_sentence() -> None:
    shown = modem_lines.info({**WELL, "trouble": "The SIM is locked: it asks for SIM PUK. Unlock it in a telephone."})
    assert "Kiosk      running. The SIM is locked: it asks for SIM PUK." in shown


@pytest.mark.parametrize(
    ("wrong", "to_do"),
    [
        ({"sim": "absent"}, ["Insert a SIM, and check that it sits firmly."]),
        ({"sim": "sim puk", "creg": None}, ["Unblock the SIM in a telephone, with the PUK that came with it."]),
        ({"sim": "ph-net pin"}, ["Put the SIM into a telephone, and do what that asks."]),
        ({"creg": "searching"}, ["still looks for a network"]),
        ({"creg": "denied", "cgreg": "searching"}, ["check the SIM and its plan"]),
        ({"creg": "roaming", "cgreg": "denied"}, []),
        ({"creg": "home, SMS only", "cgreg": "denied"}, []),
        ({"creg": "state 11", "cgreg": None, "cereg": None}, []),
        ({"signal_dbm": -103}, ["check the antenna"]),
        ({"signal_dbm": None}, ["check the antenna"]),
        ({"service_centre": None}, ["set [modem] smsc"]),
        ({"sim": "busy", "service_centre": None}, ["Wait some seconds"]),
        ({"supply_mv": 3400}, ["The supply is low"]),
        ({"supply_mv": None, "network_time": None, "memories": None}, []),
        ({"memories": {"SM": {"used": 20, "total": 20}}}, ["The memory SM is full"]),
        ({"memories": {"SM": {"used": 0, "total": 0}}}, []),
        ({"sim": "failed", "signal_dbm": None, "supply_mv": 3000}, ["Clean", "antenna", "supply"]),
    ],
)
def test_what_to_do(wrong: dict[str, Any], to_do: list[str]) -> None:
    said = modem_lines.advice({**WELL, "cgreg": "searching", **wrong})
    assert len(said) == len(to_do)
    for sentence, words in zip(said, to_do, strict=True):
        assert words in sentence
        assert sentence.endswith(".")


def test_a_reason_stands_below_the_answer() -> None:
    answered = {"lines": ["+CSQ: 21,99"], "result": "OK", "meaning": None}
    assert modem_lines.answer(answered) == ["+CSQ: 21,99", "OK"]
    refused = {"lines": ["\x1b[2J"], "result": "+CME ERROR: 10", "meaning": "there is no SIM in the modem; insert one"}
    assert modem_lines.answer(refused) == [
        "\ufffd[2J",
        "+CME ERROR: 10",
        "(there is no SIM in the modem; insert one)",
    ]
