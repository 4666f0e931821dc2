"""The simulated modem's bad days: power, plug, sickness, errors, garbage; each ends, and can be waited for."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_daemon.modem import pdu
from edge_daemon.modem.simulation.settings import Cure
from edge_daemon.modem.simulator import ModemSimulator, Sim
from tests.edge.modem.at_client import DEADLINE_S, AtClient

FARMER = "+919812345678"
SOON_S = 0.2
"""Long enough for a modem that would say something."""
(PART,) = pdu.submit(FARMER, "x", 0)


@pytest.fixture
def modem(tmp_path: Path) -> Iterator[ModemSimulator]:
    with ModemSimulator(link=tmp_path / "modem") as simulator:
        yield simulator


@pytest.fixture
def kiosk(modem: ModemSimulator) -> Iterator[AtClient]:
    with AtClient(modem.port) as client:
        yield client


def send(kiosk: AtClient) -> list[str]:
    return kiosk.submit(f"AT+CMGS={PART.tpdu_octets}", PART.hex)


def is_silent(kiosk: AtClient) -> bool:
    kiosk.say(b"AT\r")
    try:
        kiosk.line(SOON_S)
    except TimeoutError:
        return True
    return False


BOOT = ["RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"]


def test_without_power_it_is_mute_and_boots_afterwards(modem: ModemSimulator, kiosk: AtClient) -> None:
    kiosk.ask("AT+CMGF=1")
    modem.lose_power()
    assert is_silent(kiosk)
    modem.power_on()
    assert kiosk.until("SMS Ready") == BOOT
    assert kiosk.ask("AT+CMGF?") == ["AT+CMGF?\r", "+CMGF: 0", "OK"]
    assert modem.commands == ("AT+CMGF?",)


def test_a_pdu_on_its_way_is_gone_with_the_power(modem: ModemSimulator, kiosk: AtClient) -> None:
    kiosk.say(f"AT+CMGS={PART.tpdu_octets}\r{PART.hex}".encode())
    modem.wait_until(lambda: modem.commands[-1].startswith("AT+CMGS"), DEADLINE_S)
    modem.lose_power()
    modem.power_on()
    kiosk.say(b"\x1a")
    assert kiosk.until("SMS Ready")[-5:] == BOOT
    assert modem.received == ()


def test_what_was_not_yet_said_is_gone_with_the_power(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.answer_slowly(60)
    kiosk.say(b"AT+CGMM\r")
    modem.wait_until(lambda: modem.commands[-1] == "AT+CGMM", DEADLINE_S)
    modem.lose_power()
    modem.answer_slowly(0)
    modem.power_on()
    assert kiosk.line() == "RDY"


def test_the_pin_is_asked_for_again_and_its_tries_are_the_sim_s() -> None:
    sim = Sim("4711")
    with ModemSimulator(sim=sim) as modem, AtClient(modem.port) as kiosk:
        assert kiosk.ask("AT+CPIN=1") == ["ERROR"]
        modem.lose_power()
        modem.power_on()
        assert kiosk.until(r"\+CPIN.*")[-1] == "+CPIN: SIM PIN"
        assert kiosk.ask("ATE0")[-1] == "OK"
        assert kiosk.ask('AT+CPIN="4711"') == ["OK"]
        assert kiosk.until("SMS Ready") == ["Call Ready", "SMS Ready"]
        modem.power_on()
        for _ in range(3):
            assert kiosk.ask("AT+CPIN=1")[-1] == "ERROR"
        assert kiosk.ask("AT+CPIN?")[-2:] == ["+CPIN: SIM PUK", "OK"]
        assert sim.tries == 0


def test_a_stale_handle_stays_open_and_silent(modem: ModemSimulator, kiosk: AtClient) -> None:
    before = os.readlink(modem.port)
    modem.come_back(stale=True)
    assert os.readlink(modem.port) != before
    assert is_silent(kiosk)
    with AtClient(modem.port) as fresh:
        assert fresh.ask("AT") == ["OK"]


def test_pulled_out_the_handle_is_dead(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.hang_up()
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        kiosk.ask("AT")
    assert not Path(modem.port).exists()
    modem.come_back()
    with AtClient(modem.port) as fresh:
        assert fresh.ask("AT") == ["OK"]


@pytest.mark.parametrize(
    ("cure", "in_vain", "works"),
    [
        ("cfun", [], ["AT+CFUN=0", "AT+CFUN=1"]),
        ("cfun", [], ["AT+CFUN=4", "AT+CFUN=1"]),
        ("cfun", [], ["AT+CFUN=1,1"]),
        ("cfun4", ["AT+CFUN=0", "AT+CFUN=1", "AT+CFUN=1,1"], ["AT+CFUN=4", "AT+CFUN=1"]),
        ("reset", ["AT+CFUN=4", "AT+CFUN=1"], ["AT+CFUN=1,1"]),
        ("power", ["AT+CFUN=4", "AT+CFUN=1", "AT+CFUN=1,1"], []),
    ],
)
def test_each_sickness_has_its_cure(
    modem: ModemSimulator, kiosk: AtClient, cure: Cure, in_vain: list[str], works: list[str]
) -> None:
    modem.fall_sick(cure)
    assert kiosk.ask("AT+CREG?") == ["+CREG: 0,1", "OK"]
    assert send(kiosk) == ["+CMS ERROR: 500"]
    for command in in_vain:
        assert kiosk.ask(command)[-1] == "OK"
    assert send(kiosk)[-1] == "+CMS ERROR: 500"
    for command in works:
        assert kiosk.ask(command)[-1] == "OK"
    if cure == "power":
        modem.lose_power()
        modem.power_on()
    assert send(kiosk)[-1] == "OK"
    assert not modem.is_sick


def test_a_sick_modem_can_recover_by_itself(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.fall_sick("power")
    modem.recover()
    assert send(kiosk)[-1] == "OK"


def test_a_reset_boots_after_its_ok(kiosk: AtClient) -> None:
    assert kiosk.ask("AT+CFUN=1,1") == ["OK"]
    assert kiosk.until("SMS Ready") == BOOT


def test_commands_fail_so_often(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.fail("AT+CMGS", 38, 2)
    modem.fail("AT+CPIN?", 14, cme=True)
    modem.fail("at+csq", None)
    kiosk.ask("AT+CMEE=1")
    assert [kiosk.ask("AT+CMGS=20"), kiosk.ask("AT+CMGS=20"), send(kiosk)[-1:]] == [["+CMS ERROR: 38"]] * 2 + [["OK"]]
    assert [kiosk.ask("AT+CPIN?")[-1], kiosk.ask("AT+CPIN?")[-1]] == ["+CME ERROR: 14", "OK"]
    assert [kiosk.ask("AT+CSQ")[-1], kiosk.ask("AT+CSQ")[-1]] == ["ERROR", "OK"]
    assert modem.counters["refused commands"] == 4
    modem.fail("AT+CREG", None, 100)
    modem.fail("AT+CREG", None, 0)
    assert kiosk.ask("AT+CREG?")[-1] == "OK"


def test_a_failure_that_was_planned_survives_a_loss_of_power(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.fail("AT+CSQ", 14, 5, cme=True)
    modem.lose_power()
    modem.power_on()
    assert kiosk.ask("AT+CSQ")[-1] == "ERROR"


def test_garbage_is_the_same_for_the_same_seed(modem: ModemSimulator, kiosk: AtClient) -> None:
    heard = []
    for _ in range(2):
        modem.garbage(40, 7)
        modem.announce("that was it")
        heard.append(kiosk.until("that was it"))
    assert heard[0] == heard[1]


def test_mute_from_a_command_on(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.go_mute(at="AT+CSQ")
    assert kiosk.ask("AT") == ["OK"]
    kiosk.say(b"AT+CSQ\r")
    assert is_silent(kiosk)
    modem.speak_again()
    assert kiosk.ask("AT") == ["OK"]


def test_what_happened_is_counted(modem: ModemSimulator) -> None:
    modem.go_mute()
    modem.go_mute()
    modem.speak_again()
    assert (modem.counters["go_mute"], modem.counters["speak_again"]) == (2, 1)


def test_waiting_has_a_deadline(modem: ModemSimulator) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="did not come to that"):
        modem.wait_until(lambda: modem.undelivered > 0, 0.05)
    with pytest.raises(TimeoutError, match="0 of 1 messages"):
        modem.wait_for(1, 0.05)
    assert time.monotonic() - begun < DEADLINE_S


def test_an_unread_command_line_is_bounded(kiosk: AtClient) -> None:
    kiosk.say(b"x" * 3000)
    kiosk.say(b"\r")
    assert kiosk.ask("AT") == ["OK"]
