"""The simulated modem's text mode, which other people's programs use, and what no command line does to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import pdu
from edge_daemon.modem.simulation import commands_device, commands_network, commands_sms, commands_writing, encoder
from edge_daemon.modem.simulation.firmware import Firmware
from edge_daemon.modem.simulation.models import MODELS, ModelName
from edge_daemon.modem.simulation.network import Network
from edge_daemon.modem.simulation.service_centre import incoming
from edge_daemon.modem.simulation.syntax import arguments, commands
from edge_daemon.modem.simulator import ModemSimulator
from tests.edge.modem.at_client import AtClient

FARMER = "+919812345678"
AT = datetime(2026, 11, 24, 15, 30, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))
HEX = "".join(f"{ord(letter):04X}" for letter in FARMER)


@pytest.fixture
def modem() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


@pytest.fixture
def kiosk(modem: ModemSimulator) -> Iterator[AtClient]:
    with AtClient(modem.port) as client:
        assert client.ask("AT+CMGF=1") == ["OK"]
        yield client


def shown(modem: ModemSimulator) -> list[tuple[str, str, str]]:
    return [(sms.number, sms.text, sms.encoding) for sms in modem.received]


# Sending


def test_a_text_is_sent(modem: ModemSimulator, kiosk: AtClient) -> None:
    assert kiosk.submit(f'AT+CMGS="{FARMER}"', "Spray at 5 pm {neem}.") == ["+CMGS: 0", "OK"]
    assert kiosk.submit('AT+CMGS="9812345678",129', "two\rlines") == ["+CMGS: 1", "OK"]
    assert kiosk.submit('AT+CMGS="919812345678",145', "x") == ["+CMGS: 2", "OK"]
    assert shown(modem) == [
        (FARMER, "Spray at 5 pm {neem}.", "GSM-7"),
        ("9812345678", "two\rlines", "GSM-7"),
        (FARMER, "x", "GSM-7"),
    ]


def test_a_text_is_sent_in_ucs_2(modem: ModemSimulator, kiosk: AtClient) -> None:
    for command in ("AT+CSMP=49,167,0,8", 'AT+CSCS="UCS2"', "AT+CNMI=2,1,0,1,0"):
        assert kiosk.ask(command) == ["OK"]
    assert kiosk.submit(f'AT+CMGS="{HEX}"', "धान".encode("utf-16-be").hex()) == ["+CMGS: 0", "OK"]
    assert shown(modem) == [(FARMER, "धान", "UCS-2")]
    assert kiosk.line().startswith(f'+CDS: 6,0,"{HEX}",145,"')


@pytest.mark.parametrize(
    ("charset", "said", "text"),
    [
        ("GSM", "a\x00\x11b", "a@_b"),
        ("IRA", "a@_b", "a@_b"),
        ("8859-1", "\xe9\xa3", "é£"),
        ("HEX", "6100", "a@"),
        ("UCS2", "00E900A3", "é£"),
    ],
)
def test_character_sets(modem: ModemSimulator, kiosk: AtClient, charset: str, said: str, text: str) -> None:
    assert kiosk.ask(f'AT+CSCS="{charset}"') == ["OK"]
    assert kiosk.ask("AT+CSCS?") == [f'+CSCS: "{charset}"', "OK"]
    number = {"UCS2": HEX, "HEX": FARMER.encode().hex()}.get(charset, FARMER)
    assert kiosk.submit(f'AT+CMGS="{number}"', said)[-1] == "OK"
    assert shown(modem) == [(FARMER, text, "GSM-7")]
    modem.deliver(FARMER, text)
    assert kiosk.ask("AT+CMGR=1")[1].encode("latin-1") == said.encode("latin-1")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("AT", "x" * 161),
        ("AT", "é"),
        ('AT+CSCS="8859-1"', "\xac"),
        ("AT+CSMP=17,167,0,8", "not hexadecimal"),
        ("AT+CSMP=17,167,0,4", "00" * 141),
        ('AT+CSCS="UCS2"', "0"),
    ],
)
def test_what_is_not_in_the_coding_is_refused(modem: ModemSimulator, kiosk: AtClient, settings: str, said: str) -> None:
    number = HEX if "UCS2" in settings else FARMER
    assert kiosk.ask(settings) == ["OK"]
    assert kiosk.submit(f'AT+CMGS="{number}"', said) == ["+CMS ERROR: 305"]
    assert modem.received == ()


def test_octets_with_a_header(modem: ModemSimulator, kiosk: AtClient) -> None:
    """Fo 81 and dcs 8: the client makes its own parts."""
    assert kiosk.ask("AT+CSMP=81,167,0,8") == ["OK"]
    for place, letter in ((1, "क"), (2, "ख")):
        said = f"05000307020{place}" + letter.encode("utf-16-be").hex()
        assert kiosk.submit(f'AT+CMGS="{FARMER}"', said)[-1] == "OK"
    assert shown(modem) == [(FARMER, "कख", "UCS-2")]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("AT+CMGS=", "+CMS ERROR: 305"),
        ('AT+CMGS=""', "+CMS ERROR: 305"),
        ("AT+CMGL=9", "+CMS ERROR: 302"),
        ('AT+CSCS="EBCDIC"', "ERROR"),
        ("AT+CSMP=999", "+CMS ERROR: 303"),
        ("AT+CSDH=2", "+CMS ERROR: 302"),
        ("AT+CMGF=2", "ERROR"),
        ("AT+CMSS=1", "+CMS ERROR: 321"),
        ('AT+CMSS=1,"+911234567"', "+CMS ERROR: 303"),
    ],
)
def test_what_cannot_be_done(kiosk: AtClient, command: str, answer: str) -> None:
    assert kiosk.ask(command) == [answer]


def test_settings_are_told(kiosk: AtClient) -> None:
    assert kiosk.ask("AT+CSMP=,255;+CSDH=1;+CSMP?;+CSDH?;+CMGF?")[:-1] == ["+CSMP: 17,255,0,0", "+CSDH: 1", "+CMGF: 1"]
    assert kiosk.ask("AT+CMGL=?")[0] == '+CMGL: ("REC UNREAD","REC READ","STO UNSENT","STO SENT","ALL")'
    assert kiosk.ask("AT+CSCS=?")[0] == '+CSCS: ("GSM","IRA","UCS2","HEX","8859-1")'


# Reading


def test_texts_are_read(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.deliver(FARMER, "plain", at=AT)
    modem.deliver("VK-KRISHI", "धान", at=AT)
    time = '"26/11/24,15:30:01+22"'
    assert kiosk.ask("AT+CMGR=1") == [f'+CMGR: "REC UNREAD","{FARMER}","",{time}', "plain", "OK"]
    assert kiosk.ask('AT+CMGL="REC READ"') == [f'+CMGL: 1,"REC READ","{FARMER}","",{time}', "plain", "OK"]
    kiosk.ask("AT+CSDH=1")
    assert kiosk.ask("AT+CMGL")[0] == f'+CMGL: 2,"REC UNREAD","VK-KRISHI","",{time},208,6'
    assert kiosk.ask("AT+CMGR=2") == [
        f'+CMGR: "REC READ","VK-KRISHI","",{time},208,4,0,8,"+999000",145,6',
        "0927093E0928",
        "OK",
    ]
    assert len(kiosk.ask('AT+CMGL="ALL"')) == 5


def test_a_text_is_handed_on(modem: ModemSimulator, kiosk: AtClient) -> None:
    kiosk.ask("AT+CNMI=2,2")
    modem.deliver(FARMER, "now", at=AT)
    assert [kiosk.line(), kiosk.line()] == [f'+CMT: "{FARMER}","","26/11/24,15:30:01+22"', "now"]
    kiosk.ask("AT+CSDH=1")
    modem.deliver(FARMER, "now", at=AT)
    assert kiosk.line() == f'+CMT: "{FARMER}","","26/11/24,15:30:01+22",145,4,0,0,"+999000",145,3'


def test_parts_come_as_octets_with_their_header(modem: ModemSimulator, kiosk: AtClient) -> None:
    modem.deliver(FARMER, "x" * 161, reference=7)
    (first, second) = (kept.pdu for kept in modem.stored())
    assert kiosk.ask("AT+CMGR=2")[1] == "050003070202" + second[-16:]
    assert first.endswith(kiosk.ask("AT+CMGR=1")[1][12:])


def test_reports_are_read(modem: ModemSimulator, kiosk: AtClient) -> None:
    report = encoder.status_report(FARMER, 7, 0x46, smsc="+999000", time=AT, discharge=AT)
    modem.deliver_pdu(report)
    kiosk.ask("AT+CNMI=2,1,0,2")
    modem.deliver_pdu(report)
    time = '"26/11/24,15:30:01+22"'
    assert kiosk.line() == '+CDSI: "SM",1'
    assert kiosk.ask("AT+CMGR=1") == [f'+CMGR: "REC UNREAD",6,7,"{FARMER}",145,{time},{time},70', "OK"]
    assert kiosk.ask('AT+CMGL="ALL"') == [f'+CMGL: 1,"REC READ",6,7,"{FARMER}",145,{time},{time},70', "OK"]


@pytest.mark.parametrize("broken", ["", "zz", "00", "0004FF", "0006FF"])
def test_a_broken_pdu_has_no_text(modem: ModemSimulator, kiosk: AtClient, broken: str) -> None:
    kiosk.ask("AT+CNMI=2,1,0,2;+CSDH=1")
    modem.deliver_pdu(broken)
    kiosk.line()
    assert kiosk.ask("AT+CMGR=1")[-1] == "OK"
    assert kiosk.ask('AT+CMGL="ALL"')[-1] == "OK"


# Writing


def test_texts_are_written_read_and_sent(modem: ModemSimulator, kiosk: AtClient) -> None:
    assert kiosk.submit(f'AT+CMGW="{FARMER}"', "later") == ["+CMGW: 1", "OK"]
    assert kiosk.ask("AT+CMGR=1") == [f'+CMGR: "STO UNSENT","{FARMER}",""', "later", "OK"]
    assert kiosk.ask("AT+CMSS=1") == ["+CMSS: 0", "OK"]
    assert kiosk.ask('AT+CMGL="STO SENT"')[:2] == [f'+CMGL: 1,"STO SENT","{FARMER}","",', "later"]
    assert shown(modem) == [(FARMER, "later", "GSM-7")]


def test_pdus_are_written(modem: ModemSimulator, kiosk: AtClient) -> None:
    kiosk.ask("AT+CMGF=0")
    (part,) = pdu.submit(FARMER, "later", 0)
    assert kiosk.submit(f"AT+CMGW={part.tpdu_octets}", part.hex) == ["+CMGW: 1", "OK"]
    assert kiosk.submit(f"AT+CMGW={part.tpdu_octets},1", part.hex) == ["+CMGW: 2", "OK"]
    assert kiosk.submit(f"AT+CMGW={part.tpdu_octets + 1}", part.hex) == ["+CMS ERROR: 304"]
    assert kiosk.ask(f"AT+CMGW={part.tpdu_octets},7") == ["+CMS ERROR: 302"]
    assert kiosk.ask("AT+CMSS=2") == ["+CMS ERROR: 321"]
    modem.fill_memory()
    assert kiosk.submit(f"AT+CMGW={part.tpdu_octets}", part.hex) == ["+CMS ERROR: 322"]


# No command line breaks it


def test_lines_are_split_as_the_standard_says() -> None:
    assert [command.text for command in commands('E0V1+CUSD=1,"*1;2#";+CSQ;&F')] == [
        "E0",
        "V1",
        '+CUSD=1,"*1;2#"',
        "+CSQ",
        "&F",
    ]
    assert [(command.name, command.form) for command in commands("+CMGL=?;S3=13;S3?")] == [
        ("+CMGL", "=?"),
        ("S3", "="),
        ("S3", "?"),
    ]
    assert arguments(' 1,"a,b",,"unclosed, ') == ["1", "a,b", "", "unclosed,"]


KNOWN = sorted(commands_device.ACTS | commands_network.ACTS | commands_sms.ACTS | commands_writing.ACTS)
VALUES = st.text('0123456789,"+#*;= ABx\n\xff', max_size=12)
SAID = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(KNOWN), VALUES).map(lambda said: f"AT{said[0]}{said[1]}\r"),
        st.text(st.characters(max_codepoint=255), max_size=20),
        st.sampled_from(["\x1a", "\x1b", "\r", "00\x1a", "AT+CMGF=1\r"]),
    ),
    max_size=12,
)


@given(SAID, st.sampled_from(sorted(MODELS)))
def test_nothing_that_is_said_breaks_it(said: list[str], model: ModelName) -> None:
    modem = Firmware(Network(), model=MODELS[model])
    modem.network.centre.add(incoming(encoder.deliver(FARMER, "x", AT, smsc="+999000")[0]))
    for text in said:
        modem.receive(text.encode("latin-1"))
    modem.receive(b"\x1b\rATQ0V1\r")
    assert b"OK" in modem.receive(b"AT\r")
