"""The simulated modem as bytes in and bytes out, its network's log, and its pty."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from edge_daemon.modem import pdu
from edge_daemon.modem.simulation.firmware import Firmware
from edge_daemon.modem.simulation.network import Network, Rejected, read_log
from edge_daemon.modem.simulation.sim import Sim
from edge_daemon.modem.simulator import ModemSimulator

FARMER = "+919812345678"


@pytest.fixture
def modem() -> Firmware:
    return Firmware(Network())


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b"AT\r", b"AT\r\r\nOK\r\n"),
        (b"ate0\r", b"ate0\r\r\nOK\r\n"),
        (b"ATE0V1\rAT\r", b"ATE0V1\r\r\nOK\r\n\r\nOK\r\n"),
        (b"AT+NONSENSE\r", b"AT+NONSENSE\r\r\nERROR\r\n"),
        (b"hello\r", b"hello\r"),
        (b"ATE0\rAT+CMEE?\r", b"ATE0\r\r\nOK\r\n\r\n+CMEE: 0\r\n\r\nOK\r\n"),
        (b"ATE1+CREG?;+CSQ\r", b"ATE1+CREG?;+CSQ\r\r\n+CREG: 0,1\r\n\r\n+CSQ: 21,99\r\n\r\nOK\r\n"),
        (b"ATE0\r\x1bAT\r", b"ATE0\r\r\nOK\r\n\r\nOK\r\n"),
        (b"ATE0\rAT+CMGS=9\r", b"ATE0\r\r\nOK\r\n\r\n> "),
        (b"ATE0\rAT+CMGS=9\r00\x1bAT\r", b"ATE0\r\r\nOK\r\n\r\n> \r\nOK\r\n\r\nOK\r\n"),
        (b"ATE0\rAT+CMGS=9\rxyz\x1a", b"ATE0\r\r\nOK\r\n\r\n> \r\n+CMS ERROR: 304\r\n"),
        (b"ATE0\rAT+CMGS=x\r", b"ATE0\r\r\nOK\r\n\r\n+CMS ERROR: 304\r\n"),
        (b"AT+CMEE=7\r", b"AT+CMEE=7\r\r\nERROR\r\n"),
        (b"AT+CPIN=1234\r", b"AT+CPIN=1234\r\r\nERROR\r\n"),
    ],
)
def test_it_answers_as_a_modem_does(modem: Firmware, said: bytes, answer: bytes) -> None:
    assert modem.receive(said) == answer


@pytest.mark.parametrize(
    ("cmee", "answer"),
    [(b"0", b"\r\nERROR\r\n"), (b"1", b"\r\n+CME ERROR: 11\r\n"), (b"2", b"\r\n+CME ERROR: SIM PIN required\r\n")],
)
def test_a_locked_sim_in_each_error_mode(cmee: bytes, answer: bytes) -> None:
    modem = Firmware(Network(), Sim("4711"))
    modem.receive(b"ATE0\rAT+CMEE=" + cmee + b"\r")
    assert modem.receive(b"AT+CSQ\r") == answer
    assert modem.receive(b"AT+CMGS=20\r") == b"\r\n+CMS ERROR: 311\r\n"
    assert b"OK" in modem.receive(b'AT+CPIN="4711"\r')
    assert b"+CSQ: 21,99" in modem.receive(b"AT+CSQ\r")


def test_a_length_that_is_not_the_pdu_s_is_rejected() -> None:
    (part,) = pdu.submit(FARMER, "hello", 0)
    with pytest.raises(Rejected, match="304"):
        Network().submit(part.hex, part.tpdu_octets + 1)


def test_parts_in_any_order_and_again_make_one_message() -> None:
    network = Network()
    first, second = pdu.submit(FARMER, "क" * 100, 5)
    for part in (second, second, first):
        network.submit(part.hex, part.tpdu_octets)
    (sms,) = network.received
    assert (sms.text, sms.complete, sms.repeats) == ("क" * 100, True, 1)


def test_another_message_with_the_same_reference_is_another_message() -> None:
    network = Network()
    for text in ("क" * 100, "ख" * 100):
        for part in pdu.submit(FARMER, text, 5):
            network.submit(part.hex, part.tpdu_octets)
    assert [sms.text[0] for sms in network.received] == ["क", "ख"]


def test_two_farmers_with_the_same_reference(modem: Firmware) -> None:
    network = Network()
    numbers = [FARMER, "+919812345679"]
    for parts in zip(*(pdu.submit(number, "क" * 100, 5) for number in numbers), strict=True):
        for part in parts:
            network.submit(part.hex, part.tpdu_octets)
    assert [(sms.number, sms.complete) for sms in network.received] == [(number, True) for number in numbers]


def test_the_log_tells_what_was_taken_before_the_modem_says_so(tmp_path: Path) -> None:
    log = tmp_path / "network.jsonl"
    network = Network(log)
    first, _ = pdu.submit(FARMER, "क" * 100, 5)
    assert network.submit(first.hex, first.tpdu_octets) == 0
    entry = json.loads(log.read_text(encoding="utf-8"))
    assert (entry["pdu"], entry["number"], entry["part"], entry["parts"]) == (first.hex, FARMER, 1, 2)
    assert [(sms.text, sms.complete) for sms in read_log(log)] == [("क" * 67, False)]
    assert read_log(tmp_path / "none.jsonl") == ()


def test_each_complete_message_is_told_once() -> None:
    told: list[str] = []
    network = Network(on_message=lambda sms: told.append(sms.text))
    for part in pdu.submit(FARMER, "क" * 100, 5):
        network.submit(part.hex, part.tpdu_octets)
    assert told == ["क" * 100]


def test_closing_is_quick_and_can_be_done_twice(tmp_path: Path) -> None:
    simulator = ModemSimulator(link=tmp_path / "modem")
    with simulator:
        simulator.answer_slowly(60)
        begun = time.monotonic()
    simulator.close()
    assert time.monotonic() - begun < 1.0
    assert not (tmp_path / "modem").is_symlink()


def test_a_burst_to_a_reader_that_sleeps_does_not_stop_the_modem() -> None:
    with ModemSimulator() as simulator:
        near_end = os.open(simulator.port, os.O_RDWR | os.O_NOCTTY)
        for _ in range(100):
            simulator.announce("x" * 4000)
        os.write(near_end, b"AT\r")
        simulator.hang_up()
        os.close(near_end)
        simulator.come_back()
        assert Path(simulator.port).exists()
