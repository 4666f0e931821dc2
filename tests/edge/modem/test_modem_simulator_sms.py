"""SMS that come in at the simulated modem, and reports on those that went, as a kiosk sees them on the pty."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import pdu
from edge_daemon.modem.fields import Octets, read_address, read_time
from edge_daemon.modem.reassembly import Reassembly
from edge_daemon.modem.simulation import encoder
from edge_daemon.modem.simulator import ModemSimulator
from tests.edge.modem.at_client import DEADLINE_S, AtClient

FARMER = "+919812345678"
INDIA = timezone(timedelta(hours=5, minutes=30))
AT = datetime(2026, 11, 24, 15, 30, 1, tzinfo=INDIA)
HINDI = "धान में झुलसा रोग " * 8
STORED = ["AT+CNMI=2,1,0,2,0"]
ROUTED = ["AT+CNMI=2,2,0,1,0"]
ACKNOWLEDGED = ["AT+CSMS=1", *ROUTED]


@pytest.fixture
def modem() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


@pytest.fixture
def kiosk(modem: ModemSimulator) -> Iterator[AtClient]:
    with AtClient(modem.port) as client:
        yield client


def set_up(kiosk: AtClient, commands: list[str]) -> None:
    for command in commands:
        assert kiosk.ask(command)[-1] == "OK"


def send(kiosk: AtClient, text: str, number: str = FARMER, *, report: bool = True) -> list[str]:
    """The lines that come for each part."""
    parts = pdu.submit(number, text, 7, report=report)
    return [line for part in parts for line in kiosk.submit(f"AT+CMGS={part.tpdu_octets}", part.hex)]


def texts(pdus: list[str]) -> list[str]:
    """The messages that these PDUs come to."""
    together = Reassembly()
    return [message.text for text in pdus for message in together.take(pdu.parse_deliver(text), 0.0)]


# The encoder


@pytest.mark.parametrize("number", [FARMER, "54242", "VK-AIRTEL", "A", "Seven77", "Eight888"])
def test_senders(number: str) -> None:
    assert read_address(Octets(encoder.write_sender(number))) == number


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2089, 12, 31)),  # noqa: DTZ001  they get their zone below
    st.integers(-48, 56).map(lambda n: timedelta(minutes=15 * n)),
)
def test_times(moment: datetime, offset: timedelta) -> None:
    written = moment.replace(microsecond=0, tzinfo=timezone(offset))
    read = read_time(Octets(encoder.write_time(written)), "the time")
    assert read is not None
    assert (read, read.utcoffset()) == (written, offset)


def test_a_report_says_what_it_was_given() -> None:
    text = encoder.status_report(FARMER, 200, 0x46, smsc="+999000", time=AT, discharge=AT + timedelta(hours=1))
    report = pdu.parse_status_report(text)
    assert (report.number, report.reference, report.status, report.smsc) == (FARMER, 200, 0x46, "+999000")
    assert (report.time, report.discharge) == (AT, AT + timedelta(hours=1))


@pytest.mark.parametrize("reference", [0, 255, 256, 65535])
def test_a_long_text_comes_in_parts(modem: ModemSimulator, kiosk: AtClient, reference: int) -> None:
    set_up(kiosk, STORED)
    modem.deliver(FARMER, HINDI, reference=reference, at=AT, smsc="+919000000001")
    parts = [pdu.parse_deliver(kept.pdu) for kept in modem.stored()]
    assert [part.data.concat.reference for part in parts if part.data.concat] == [reference] * len(parts)
    assert [(part.number, part.time, part.smsc) for part in parts] == [(FARMER, AT, "+919000000001")] * len(parts)
    assert texts([kept.pdu for kept in modem.stored()]) == [HINDI]


def test_codings_and_classes(modem: ModemSimulator) -> None:
    modem.deliver(FARMER, "plain")
    modem.deliver(FARMER, "plain", coding="UCS-2")
    modem.deliver(FARMER, "धान", shift=["hi"], coding="GSM-7")
    modem.deliver(FARMER, "flash", flash=True)
    read = [pdu.parse_deliver(kept.pdu) for kept in modem.stored()]
    assert [(sms.data.coding, sms.data.single + sms.data.locking > 0, sms.dcs) for sms in read] == [
        ("GSM-7", False, 0x00),
        ("UCS-2", False, 0x08),
        ("GSM-7", True, 0x00),
        ("GSM-7", False, 0x10),
    ]


# Indications


def test_nothing_is_said_until_it_is_asked_for(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.deliver(FARMER, "quiet")
    assert kiosk.ask("AT") == ["OK"]
    head, text, ok = kiosk.ask("AT+CMGL=4")
    assert (head, ok) == ("+CMGL: 1,0,,24", "OK")
    assert pdu.parse_deliver(text).text == "quiet"


def test_stored_and_told_then_read_then_deleted(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.deliver(FARMER, "one")
    modem.deliver("AX-BANK", "two")
    assert kiosk.until(".*,2") == ['+CMTI: "SM",1', '+CMTI: "SM",2']
    assert kiosk.ask("AT+CPMS?") == ['+CPMS: "SM",2,20,"SM",2,20,"SM",2,20', "OK"]
    head, text, ok = kiosk.ask("AT+CMGR=2")
    assert (head[:10], pdu.parse_deliver(text).number, ok) == ("+CMGR: 0,,", "AX-BANK", "OK")
    assert kiosk.ask("AT+CMGR=2")[0].startswith("+CMGR: 1,,")
    assert [line[:9] for line in kiosk.ask("AT+CMGL=0")[::2]] == ["+CMGL: 1,", "OK"]
    assert kiosk.ask("AT+CMGL=0") == ["OK"]
    assert len(kiosk.ask("AT+CMGL=1")) == 5
    assert kiosk.ask("AT+CMGD=1") == ["OK"]
    assert kiosk.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert kiosk.ask("AT+CMGD=?") == ["+CMGD: (2),(0-4)", "OK"]
    modem.deliver(FARMER, "takes the first place")
    assert kiosk.line() == '+CMTI: "SM",1'


@pytest.mark.parametrize(("flag", "left"), [(1, [2]), (2, [2]), (3, [2]), (4, [])])
def test_many_are_deleted_at_once(modem: ModemSimulator, kiosk: AtClient, flag: int, left: list[int]) -> None:
    modem.deliver(FARMER, "read")
    kiosk.ask("AT+CMGR=1")
    modem.deliver(FARMER, "unread")
    assert kiosk.ask(f"AT+CMGD=1,{flag}") == ["OK"]
    assert [kept.index for kept in modem.stored()] == left


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("AT+CMGR=0", "+CMS ERROR: 321"),
        ("AT+CMGR=21", "+CMS ERROR: 321"),
        ("AT+CMGR=x", "+CMS ERROR: 321"),
        ("AT+CMGD=21", "+CMS ERROR: 321"),
        ("AT+CMGD=1,9", "+CMS ERROR: 302"),
        ("AT+CMGL=9", "+CMS ERROR: 302"),
        ('AT+CPMS="XX"', "+CMS ERROR: 302"),
        ("AT+CNMI=2,9", "+CMS ERROR: 302"),
        ("AT+CNMA", "+CMS ERROR: 340"),
        ("AT+CSMS=7", "+CMS ERROR: 303"),
        ('AT+CSCA="no number"', "+CMS ERROR: 302"),
    ],
)
def test_what_cannot_be_done(kiosk: AtClient, command: str, answer: str) -> None:
    assert kiosk.ask(command) == [answer]


def test_a_text_is_handed_on_and_not_kept(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    modem.deliver(FARMER, "now")
    head, text = kiosk.until("[0-9A-F]+")
    assert head == f"+CMT: ,{len(text) // 2 - 5}"
    assert pdu.parse_deliver(text).text == "now"
    assert modem.stored() == ()


@pytest.mark.parametrize(("dcs", "line"), [("F1", "+CMTI"), ("F2", "+CMTI"), ("F3", "+CMT"), ("F0", "+CMTI")])
def test_only_class_3_is_handed_on_by_mt_3(modem: ModemSimulator, kiosk: AtClient, dcs: str, line: str) -> None:
    set_up(kiosk, ["AT+CNMI=2,3"])
    modem.deliver_pdu(f"00040B911989214365F700{dcs}62114251031022 01 31".replace(" ", ""))
    assert kiosk.line().partition(":")[0] == line


@pytest.mark.parametrize("dcs", ["F2", "D0", "E0"])
def test_what_belongs_on_the_sim_is_not_handed_on(modem: ModemSimulator, kiosk: AtClient, dcs: str) -> None:
    set_up(kiosk, ['AT+CPMS="ME","ME","ME"', "AT+CNMI=2,2"])
    modem.deliver_pdu(f"00040B911989214365F700{dcs}6211425103102200")
    assert kiosk.line() == '+CMTI: "SM",1'


def test_lines_that_were_kept_come_when_they_are_asked_for(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ["AT+CNMI=0,1"])
    modem.deliver(FARMER, "kept")
    assert kiosk.ask("AT") == ["OK"]
    assert kiosk.ask("AT+CNMI=2,1") == ["OK"]
    assert kiosk.line() == '+CMTI: "SM",1'
    set_up(kiosk, ["AT+CNMI=0,1"])
    modem.deliver(FARMER, "kept")
    set_up(kiosk, ["AT+CNMI=2,1,0,0,1", "AT"])
    modem.deliver(FARMER, "said")
    assert kiosk.line() == '+CMTI: "SM",3'


def test_what_comes_while_a_text_is_awaited_comes_after_it(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    kiosk.say(b"AT+CMGS=9\r")
    modem.wait_until(lambda: modem.commands[-1] == "AT+CMGS=9", DEADLINE_S)
    modem.deliver(FARMER, "meanwhile")
    kiosk.say(b"\x1b")
    assert kiosk.until(r"\+CMTI.*") == ["> ", "OK", '+CMTI: "SM",1']


@pytest.mark.parametrize("broken", ["", "zz", "0", "07", "0791199909", "00", "0004FF", "FF" * 10])
def test_a_broken_pdu_is_passed_on_as_it_is(modem: ModemSimulator, kiosk: AtClient, broken: str) -> None:
    modem.deliver_pdu(broken)
    assert [kept.pdu for kept in modem.stored()] == [broken]
    set_up(kiosk, ROUTED)
    modem.deliver_pdu(broken)
    assert kiosk.line().startswith("+CMT: ,")


# Memories


def test_a_full_memory_leaves_it_to_the_network(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.fill_memory(leave=1)
    for number in range(3):
        modem.deliver(FARMER, f"message {number}")
    assert kiosk.line() == '+CMTI: "SM",20'
    assert (modem.undelivered, len(modem.stored("SM")), modem.counters["memory full"]) == (2, 20, 2)
    assert kiosk.ask("AT+CMGD=5") == ["OK"]
    assert kiosk.line() == '+CMTI: "SM",5'
    assert modem.undelivered == 1
    assert kiosk.ask("AT+CMGD=1,4") == ["OK"]
    assert kiosk.line() == '+CMTI: "SM",1'
    assert modem.undelivered == 0


def test_another_memory_makes_room(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.fill_memory()
    modem.deliver(FARMER, "waits")
    assert modem.undelivered == 1
    assert kiosk.ask('AT+CPMS="ME","SM","ME"') == ["+CPMS: 0,50,20,20,0,50", "OK"]
    assert kiosk.line() == '+CMTI: "ME",1'


def test_sizes_can_be_changed(modem: ModemSimulator, kiosk: AtClient) -> None:
    assert modem.memory_sizes["SM"] == 20
    modem.memory_sizes["SM"] = 2
    for _ in range(3):
        modem.deliver(FARMER, "x")
    assert modem.undelivered == 1
    assert kiosk.ask('AT+CPMS="SM"') == ["+CPMS: 2,2,2,2,2,2", "OK"]


def test_reports_come_though_the_memory_is_full(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ["AT+CNMI=2,1,0,1,0"])
    modem.fill_memory()
    modem.deliver(FARMER, "waits")
    send(kiosk, "x")
    assert kiosk.line().startswith("+CDS: ")


def test_both_memories_survive_a_loss_of_power(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.deliver(FARMER, "on the SIM")
    set_up(kiosk, ['AT+CPMS="ME","ME","ME"'])
    modem.deliver(FARMER, "in the modem")
    modem.lose_power()
    modem.power_on()
    assert [(kept.memory, kept.stat) for kept in modem.stored()] == [("SM", 0), ("ME", 0)]


# Reports


def test_a_report_finds_its_part(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    answer, ok = send(kiosk, "x")
    head, text = kiosk.until("[0-9A-F]+")
    report = pdu.parse_status_report(text)
    assert (answer, ok) == (f"+CMGS: {report.reference}", "OK")
    assert head == f"+CDS: {len(text) // 2 - 5}"
    assert (report.number, report.status, modem.reports_said) == (FARMER, 0, 1)


def test_no_report_that_nobody_asked_for(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    send(kiosk, "x", report=False)
    modem.set_reports(None)
    send(kiosk, "y")
    assert kiosk.ask("AT") == ["OK"]
    assert modem.reports_said == 0


def test_a_report_without_a_route_is_dropped(modem: ModemSimulator, kiosk: AtClient) -> None:
    send(kiosk, "x")
    assert (modem.counters["reports dropped"], modem.stored(), modem.undelivered) == (1, (), 0)


def test_a_report_that_is_kept_is_told_and_read(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.set_reports(0x46)
    send(kiosk, "x")
    assert kiosk.line() == '+CDSI: "SM",1'
    head, text, _ = kiosk.ask("AT+CMGR=1")
    assert pdu.parse_status_report(text).status == 0x46
    assert head == f"+CMGR: 0,,{len(text) // 2 - 5}"


def test_reports_are_held_back_and_come_in_any_order(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    modem.hold_reports()
    answers = [send(kiosk, f"message {number}")[0] for number in range(10)]
    assert modem.reports_said == 0
    modem.release_reports(random.Random(1))
    came = [kiosk.until("[0-9A-F]+")[-1] for _ in answers]
    references = [pdu.parse_status_report(text).reference for text in came]
    assert references != sorted(references)
    assert sorted(answers) == sorted(f"+CMGS: {reference}" for reference in references)


def test_a_report_comes_before_the_answer(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    modem.report_before_answer()
    assert [line.partition(":")[0] for line in send(kiosk, "x")][::2] == ["+CDS", "+CMGS"]
    assert [line.partition(":")[0] for line in send(kiosk, "y")] == ["+CMGS", "OK"]


def test_a_report_comes_for_a_part_whose_answer_was_forgotten(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ROUTED)
    modem.forget_answers(1)
    (part,) = pdu.submit(FARMER, "x", 0, report=True)
    kiosk.say(f"AT+CMGS={part.tpdu_octets}\r{part.hex}\x1a".encode())
    assert kiosk.until(r"\+CDS: .*")[0] == "> "


def test_hidden_reports_are_told_and_cannot_be_read(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.reports_unreadable = True
    send(kiosk, "x")
    assert kiosk.line() == '+CDSI: "SM",1'
    assert kiosk.ask("AT+CMGR=1") == ["+CMS ERROR: 321"]
    assert kiosk.ask("AT+CMGL=4") == ["OK"]
    modem.reports_unreadable = False
    send(kiosk, "y")
    assert kiosk.line() == '+CDSI: "SM",1'
    assert len(kiosk.ask("AT+CMGR=1")) == 3


def test_more_hidden_reports_than_there_is_room_for(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, STORED)
    modem.reports_unreadable = True
    for _ in range(25):
        send(kiosk, "x")
        assert kiosk.line().startswith("+CDSI")
    assert len(modem.stored("SR")) == 20


# Acknowledgement


def test_one_at_a_time_while_an_acknowledgement_is_wanted(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ACKNOWLEDGED)
    modem.deliver(FARMER, "one")
    modem.deliver(FARMER, "two")
    assert pdu.parse_deliver(kiosk.until("[0-9A-F]+")[-1]).text == "one"
    assert modem.undelivered == 1
    assert kiosk.ask("AT+CNMA") == ["OK"]
    assert pdu.parse_deliver(kiosk.until("[0-9A-F]+")[-1]).text == "two"
    assert kiosk.ask("AT+CNMA=1") == ["OK"]
    assert kiosk.ask("AT+CNMA") == ["+CMS ERROR: 340"]


def test_without_an_acknowledgement_it_comes_again_and_is_kept(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.ack_s = modem.retry_s = 0.05
    set_up(kiosk, ACKNOWLEDGED)
    modem.deliver(FARMER, "one")
    modem.wait_until(lambda: len(modem.stored()) == 1, DEADLINE_S)
    assert kiosk.until("[0-9A-F]+")[0].startswith("+CMT")
    assert kiosk.ask("AT+CNMI?") == ["+CNMI: 2,0,0,0,0", "OK"]
    assert (modem.counters["not acknowledged"], modem.undelivered) == (1, 0)


def test_a_report_wants_its_acknowledgement_too(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ACKNOWLEDGED)
    send(kiosk, "x")
    kiosk.until("[0-9A-F]+")
    send(kiosk, "y")
    assert modem.undelivered == 1
    assert kiosk.ask("AT+CNMA") == ["OK"]
    assert kiosk.until("[0-9A-F]+")[0].startswith("+CDS")


def test_what_is_refused_comes_again(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ACKNOWLEDGED)
    modem.deliver(FARMER, "one")
    kiosk.until("[0-9A-F]+")
    assert kiosk.ask("AT+CNMA=2") == ["OK"]
    assert modem.undelivered == 1
    modem.redeliver()
    assert pdu.parse_deliver(kiosk.until("[0-9A-F]+")[-1]).text == "one"


def test_what_was_not_acknowledged_survives_a_loss_of_power(modem: ModemSimulator, kiosk: AtClient) -> None:
    set_up(kiosk, ACKNOWLEDGED)
    modem.deliver(FARMER, "one")
    kiosk.until("[0-9A-F]+")
    modem.lose_power()
    assert modem.undelivered == 1
    modem.power_on()
    assert [pdu.parse_deliver(kept.pdu).text for kept in modem.stored()] == ["one"]


# Where the modem is not there


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (lambda modem: modem.go_mute(), lambda modem: modem.speak_again()),
        (lambda modem: modem.lose_power(), lambda modem: modem.power_on()),
        (lambda modem: modem.hang_up(), lambda modem: modem.come_back()),
        (lambda modem: modem.set_registration(2), lambda modem: modem.set_registration(5)),
    ],
    ids=["mute", "power", "plug", "network"],
)
def test_the_network_keeps_it_until_the_modem_is_back(modem: ModemSimulator, away: object, back: object) -> None:
    assert callable(away)
    assert callable(back)
    away(modem)
    modem.deliver(FARMER, HINDI)
    assert (modem.undelivered > 1, modem.stored()) == (True, ())
    back(modem)
    assert modem.undelivered == 0
    assert texts([kept.pdu for kept in modem.stored()]) == [HINDI]


def test_taking_a_message_costs_the_same_after_many(modem: ModemSimulator) -> None:
    """The far end of a soak: ten thousand parts, and the last thousand take about as long as the first."""
    network = modem._network
    parts = [part for number in range(100) for part in pdu.submit(f"+9198{number:08d}", "क" * 100, number % 256)]

    def thousand() -> float:
        begun = time.process_time()
        for place in range(1000):
            part = parts[place % len(parts)]
            network.submit(part.hex, part.tpdu_octets)
        return time.process_time() - begun

    times = [thousand() for _ in range(10)]
    assert min(times[-3:]) < 3 * min(times[:3])
