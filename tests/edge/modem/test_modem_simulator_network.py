"""What the simulated modem says of its SIM, its network, the time, and what it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from edge_daemon.modem import pdu
from edge_daemon.modem.simulation.models import MODELS, ModelName
from edge_daemon.modem.simulator import ModemSimulator, Sim
from tests.edge.modem.at_client import DEADLINE_S, AtClient

FARMER = "+919812345678"
NOW = datetime(2026, 11, 24, 15, 30, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))


@pytest.fixture
def modem() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


@pytest.fixture
def kiosk(modem: ModemSimulator) -> Iterator[AtClient]:
    with AtClient(modem.port) as client:
        yield client


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("AT+CGMI", ["Krishi-Sandesh", "OK"]),
        ("ATI", ["Krishi-Sandesh", "Modem simulator", "Revision 1", "OK"]),
        ("AT+CGSN", ["004999010640000", "OK"]),
        ("AT+CIMI", ["001010000000001", "OK"]),
        ("AT+CCID", ["+CCID: 8900101000000000016", "OK"]),
        ("AT+CFUN?", ["+CFUN: 1", "OK"]),
        ("AT+CFUN=7", ["ERROR"]),
        ("AT+CPAS", ["+CPAS: 0", "OK"]),
        ("AT+COPS?", ['+COPS: 0,0,"Rehearsal"', "OK"]),
        ("AT+COPS=3,2;+COPS?", ['+COPS: 0,2,"00101"', "OK"]),
        ("AT+COPS=1", ["ERROR"]),
        ("AT+COPS=?", ['+COPS: (2,"Rehearsal","Rehearsal","00101",0),,(0,3),(0-2)', "OK"]),
        ('AT+CLCK="SC",2', ["+CLCK: 0", "OK"]),
        ("ATD12345;", ["NO CARRIER"]),
        ("ATA", ["NO CARRIER"]),
        ("ATH", ["OK"]),
        ("ATS0=0", ["OK"]),
        ("ATZ", ["OK"]),
        ("AT&F&C1&D2", ["OK"]),
        ("AT+IPR=0;+IFC=2,2", ["OK"]),
        ("ATV5Q0", ["OK"]),
        ("ATY", ["ERROR"]),
        ("AT^NONE", ["ERROR"]),
        ("AT+", ["ERROR"]),
        ("at+cmee=2;+cmee?", ["+CMEE: 2", "OK"]),
        ('AT+CSCA="+919000000001",145;+CSCA?', ['+CSCA: "+919000000001",145', "OK"]),
        ('AT+CSCA="919000000001",145;+CSCA?', ['+CSCA: "+919000000001",145', "OK"]),
        ('AT+CSCA="9000000001";+CSCA?', ['+CSCA: "9000000001",129', "OK"]),
        ("AT+CSMS=1", ["+CSMS: 1,1,1", "OK"]),
        ("AT+CMMS=2;+CMMS?", ["+CMMS: 2", "OK"]),
        ("AT+CNMI=?", ["+CNMI: (0-3),(0-3),(0-3),(0,1,2),(0,1)", "OK"]),
        ("AT+CPMS=?", ['+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")', "OK"]),
    ],
)
def test_questions(kiosk: AtClient, command: str, answer: list[str]) -> None:
    assert kiosk.ask(command) == answer


def test_results_in_numbers_and_none(kiosk: AtClient) -> None:
    kiosk.say(b"ATV0\r")
    kiosk.say(b"ATV1\r")
    assert kiosk.line() == "0\r"  # the result of ATV0, and the beginning of the next reply
    kiosk.say(b"ATQ1\rAT\rATQ0\r")
    assert kiosk.until("OK")[-1] == "OK"


def test_a_locked_sim_is_an_error_of_the_command_s_own_kind() -> None:
    with ModemSimulator(pin="4711") as modem, AtClient(modem.port) as kiosk:
        kiosk.ask("AT+CMEE=1")
        assert [kiosk.ask(command) for command in ("AT+CMGL=4", "AT+CREG?", 'AT+CSCS="GSM"')] == [
            ["+CMS ERROR: 311"],
            ["+CME ERROR: 11"],
            ["OK"],
        ]
        for _ in range(3):
            assert kiosk.ask("AT+CPIN=1234") == ["+CME ERROR: 16"]
        assert [kiosk.ask("AT+CMGL=4"), kiosk.ask("AT+CREG?")] == [["+CMS ERROR: 316"], ["+CME ERROR: 12"]]


# Registration


def test_registration_is_told_where_it_was_asked_for(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.set_registration(2)
    assert kiosk.ask("AT+CREG=1;+CEREG=2") == ["OK"]
    modem.set_registration(5)
    assert [kiosk.line(), kiosk.line()] == ["+CREG: 5", '+CEREG: 5,"1A2B","0C3D4E5F",7']
    modem.set_registration(5)
    modem.set_registration(0, lte=1)
    assert [kiosk.line(), kiosk.line()] == ["+CREG: 0", '+CEREG: 1,"1A2B","0C3D4E5F",7']
    assert kiosk.ask("AT+CGREG?") == ["+CGREG: 0,0", "OK"]
    assert kiosk.ask("AT+CREG=2;+CREG?") == ["+CREG: 2,0", "OK"]


@pytest.mark.parametrize(
    ("state", "lte", "taken"), [(0, 1, True), (2, 5, True), (1, 0, True), (2, 2, False), (3, 8, False)]
)
def test_sms_go_by_either_network(modem: ModemSimulator, kiosk: AtClient, state: int, lte: int, taken: bool) -> None:
    modem.set_registration(state, lte=lte)
    (part,) = pdu.submit(FARMER, "x", 0)
    if taken:
        assert kiosk.submit(f"AT+CMGS={part.tpdu_octets}", part.hex)[-1] == "OK"
        assert kiosk.ask("AT+COPS?")[0] == '+COPS: 0,0,"Rehearsal"'
    else:
        assert kiosk.ask(f"AT+CMGS={part.tpdu_octets}") == ["+CMS ERROR: 331"]
        assert kiosk.ask("AT+COPS?")[0] == "+COPS: 0"
        assert kiosk.ask("AT+COPS=?") == ["ERROR"]


def test_without_its_radio_it_is_registered_nowhere(modem: ModemSimulator, kiosk: AtClient) -> None:
    kiosk.ask("AT+CREG=1")
    assert kiosk.ask("AT+CFUN=4") == ["OK"]
    assert kiosk.line() == "+CREG: 0"
    modem.deliver(FARMER, "waits")
    assert modem.undelivered == 1
    assert kiosk.ask("AT+CSQ") == ["+CSQ: 99,99", "OK"]
    assert kiosk.ask("AT+CFUN=1") == ["OK"]
    assert kiosk.line() == "+CREG: 1"
    assert modem.undelivered == 0


def test_it_looks_for_its_network_for_a_while(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.search_s = 0.1
    kiosk.ask("AT+CREG=1;+CFUN=4")
    assert kiosk.ask("AT+CFUN=1")[-1] == "OK"
    assert kiosk.until(r"\+CREG: 1")[-2:] == ["+CREG: 2", "+CREG: 1"]
    modem.power_on()
    modem.deliver(FARMER, "waits")
    modem.wait_until(lambda: modem.undelivered == 0, DEADLINE_S)


def test_the_signal(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.set_signal(7)
    assert kiosk.ask("AT+CSQ") == ["+CSQ: 7,99", "OK"]


# Service codes


def test_codes_and_their_answers(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.ussd("*123#", "Bal: Rs 42.10")
    modem.ussd("*124#", "शेष 42", dcs=72)
    modem.ussd("*125#", None)
    assert kiosk.ask('AT+CUSD=1,"*123#",15') == ["OK"]
    assert kiosk.line() == '+CUSD: 0,"Bal: Rs 42.10",15'
    assert kiosk.ask('AT+CUSD=1,"*124#"') == ["OK"]
    assert kiosk.line() == f'+CUSD: 0,"{"शेष 42".encode("utf-16-be").hex().upper()}",72'
    assert kiosk.ask('AT+CUSD=1,"*125#"') == ["OK"]
    assert kiosk.ask('AT+CUSD=1,"*9#"') == ["OK"]
    assert kiosk.line() == "+CUSD: 4"
    assert kiosk.ask('AT+CUSD=0,"*123#"') == ["OK"]
    assert kiosk.ask("AT+CUSD?") == ["+CUSD: 0", "OK"]


def test_a_session(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.ussd("*121#", "1 balance 2 plans", session=True)
    modem.ussd("1", "Rs 42.10")
    kiosk.ask('AT+CUSD=1,"*121#"')
    assert kiosk.line() == '+CUSD: 1,"1 balance 2 plans",15'
    kiosk.ask('AT+CUSD=1,"1"')
    assert kiosk.line() == '+CUSD: 0,"Rs 42.10",15'
    assert kiosk.ask("AT+CUSD=2") == ["OK"]


def test_a_code_without_a_network(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.set_registration(0)
    kiosk.ask("AT+CMEE=1")
    assert kiosk.ask('AT+CUSD=1,"*123#"') == ["+CME ERROR: 30"]


# Time


def test_the_clock_is_the_modem_s_own_until_it_is_told(modem: ModemSimulator, kiosk: AtClient) -> None:
    assert kiosk.ask("AT+CCLK?") == ['+CCLK: "80/01/06,00:00:00+00"', "OK"]
    assert kiosk.ask('AT+CCLK="26/11/24,10:00:00+22"') == ["OK"]
    assert kiosk.ask("AT+CCLK?")[0][:24] == '+CCLK: "26/11/24,10:00:0'
    modem.set_time(NOW)
    assert kiosk.ask("AT+CCLK?")[0][:24] == '+CCLK: "26/11/24,10:00:0'
    assert kiosk.ask("AT+CTZU=1") == ["OK"]
    assert kiosk.ask("AT+CCLK?")[0].startswith('+CCLK: "26/11/24,15:30:')
    assert kiosk.ask('AT+CCLK="26/13/24,10:00:00+22"') == ["ERROR"]
    assert kiosk.ask('AT+CCLK="yesterday"') == ["ERROR"]
    with pytest.raises(ValueError, match="zone"):
        modem.set_time(NOW.replace(tzinfo=None))


TIME_LINES: dict[ModelName, tuple[list[str], list[str]]] = {
    "simulator": (["AT+CTZU=1", "AT+CTZR=1"], ['+CTZV: "+22"']),
    "SIM800": (["AT+CLTS=1"], ['*PSUTTZ: 2026,11,24,10,00,01,"+22",0', "DST: 0", "+CTZV: +22,0"]),
    "EC25": (["AT+CTZU=1", "AT+CTZR=2"], ['+CTZE: "+22",0,"2026/11/24,15:30:01"']),
}


@pytest.mark.parametrize("model", TIME_LINES)
def test_each_model_tells_the_time_in_its_way(model: ModelName) -> None:
    commands, lines = TIME_LINES[model]
    with ModemSimulator(model=model) as modem, AtClient(modem.port) as kiosk:
        for command in commands:
            assert kiosk.ask(command) == ["OK"]
        modem.set_time(NOW)
        assert [kiosk.line() for _ in lines] == lines


def test_messages_are_stamped_with_the_network_s_time(modem: ModemSimulator) -> None:
    modem.set_time(NOW)
    modem.deliver(FARMER, "x")
    time = pdu.parse_deliver(modem.stored()[0].pdu).time
    assert time is not None
    assert NOW <= time < NOW + timedelta(minutes=10)


# Models


@pytest.mark.parametrize("model", MODELS)
def test_each_model_has_its_names_and_boots_in_its_way(model: ModelName) -> None:
    about = MODELS[model]
    with ModemSimulator(model=model, pin="4711") as modem, AtClient(modem.port) as kiosk:
        assert kiosk.ask("AT+CGMM") == [about.name, "OK"]
        assert kiosk.ask("ATI") == [about.maker, about.name, about.revision, "OK"]
        modem.power_on()
        assert kiosk.until(r"\+CPIN.*")[-1] == "+CPIN: SIM PIN"
        kiosk.ask("AT+CPIN=4711")
        rest = about.boot[about.boot.index("+CPIN: {pin}") + 1 :]
        assert [kiosk.line() for _ in rest] == list(rest)
        memory = about.memories[0]
        assert kiosk.ask("AT+CPMS?")[-2].startswith(f'+CPMS: "{memory}",0,{modem.memory_sizes[memory]},')


def test_sim800() -> None:
    """No LTE, no reports that are stored, class 0 at once, and a bare OK for an empty place."""
    with ModemSimulator(model="SIM800") as modem, AtClient(modem.port) as kiosk:
        assert kiosk.ask("AT+CEREG?") == ["ERROR"]
        assert kiosk.ask("AT+CNMI=2,1,0,2,0") == ["+CMS ERROR: 303"]
        assert kiosk.ask("AT+CNMI?") == ["+CNMI: 2,1,0,0,0", "OK"]
        assert kiosk.ask("AT+CMGR=5") == ["OK"]
        modem.deliver(FARMER, "flash", flash=True)
        assert kiosk.line().startswith("+CMT: ,")


def test_sim7600() -> None:
    """Its memories count from 0; when that is full it says so, once."""
    with ModemSimulator(model="SIM7600") as modem, AtClient(modem.port) as kiosk:
        modem.deliver(FARMER, "x")
        assert kiosk.line() == '+CMTI: "ME",0'
        modem.fill_memory()
        modem.deliver(FARMER, "y")
        modem.deliver(FARMER, "z")
        assert kiosk.line() == "+SMS FULL"
        assert kiosk.ask("AT+CMGD=0") == ["OK"]
        assert kiosk.until(r"\+SMS FULL") == ['+CMTI: "ME",0', "+SMS FULL"]


def test_a_sim_takes_its_messages_along() -> None:
    sim = Sim()
    with ModemSimulator(sim=sim) as modem:
        modem.deliver(FARMER, "x")
    with ModemSimulator(model="SIM7600", sim=sim) as modem, AtClient(modem.port) as kiosk:
        kiosk.ask('AT+CPMS="SM","SM","SM"')
        assert kiosk.ask("AT+CMGR=0")[0] == "+CMGR: 0,,20"
    assert [kept.index for kept in sim.memory] == [0]


def test_ec25() -> None:
    """Reports that are stored are told of and cannot be read; a full memory is told of where that was asked for."""
    with ModemSimulator(model="EC25") as modem, AtClient(modem.port) as kiosk:
        kiosk.ask("AT+CNMI=2,1,0,2,0")
        (part,) = pdu.submit(FARMER, "x", 0, report=True)
        kiosk.submit(f"AT+CMGS={part.tpdu_octets}", part.hex)
        assert kiosk.line() == '+CDSI: "ME",0'
        assert kiosk.ask("AT+CMGR=0") == ["OK"]
        assert kiosk.ask('AT+QINDCFG="smsfull",1') == ["OK"]
        modem.fill_memory()
        modem.deliver(FARMER, "y")
        assert kiosk.line() == '+QIND: "smsfull","ME"'
