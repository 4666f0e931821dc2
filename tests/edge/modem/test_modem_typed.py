"""What a technician types: which commands reach the modem, and what of them a log may show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import BadCommand
from edge_daemon.modem import typed
from edge_daemon.modem.at import Dialogue, Final, Reply


@pytest.mark.parametrize(
    "text",
    [
        *("AT", "at", "ATI", "ATE0V1Q0", "ATZ", "AT&F", "AT&D2", r"AT\Q3", "ATX4", "ATS0=0", "ATH"),
        *("AT+CSQ", "at+csq", "AT+CSQ;+CREG?", "AT+CMGL=4", "AT+CMGR=1", "AT+CMGD=1,4", "AT+CNMA", "AT+CMGF=1"),
        *("AT+CMGS=?", "AT+CMGW=?", "AT+CMGC =?", "AT+CMSS=?", 'AT+CPMS="SM"', "AT^SYSINFO", "AT*PSUTTZ=1"),
        *('AT+CUSD=1,"*123#"', 'AT+CSCS="DOA"', "AT+CPIN=1234", "AT+CFUN=1,1", 'AT+QINDCFG="smsfull",1'),
        "AT+" + "C" * 197,
    ],
)
def test_these_are_passed_on_as_they_are(text: str) -> None:
    assert typed.read(f" {text} ").text == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, "krishi-kiosk sms send") for text in ("AT+CMGS=18", "at+cmgs=18", 'AT+CMGS="+919812345678"')),
        *((text, "krishi-kiosk sms send") for text in ("AT+CMGW", "AT+CMGW=18", "AT+CMGC=1,2", "AT+CMSS=1")),
        *((text, "krishi-kiosk sms send") for text in ("AT+CSQ;+CMGS=18", "ATE0+CMGS=1", "AT+CMGS = 18")),
        *((text, "krishi-kiosk sms send") for text in ('AT+QCMGS="+91",1,1,1', "AT+CMGSEX=1", "AT+CNMA=1,20")),
        *((text, "modem ussd") for text in ("ATD*99#", "atd123;", "ATE0D123", "AT+CSQ;D123", "ATA", "ATO", "AT D1")),
        ("AT+CGDATA=1", "modem ussd"),
        ("", "begins with AT"),
        ("+CSQ", "begins with AT"),
        ("+++", "begins with AT"),
        ("A/", "begins with AT"),
        ("AT+CSQ\rAT+CMGS=18", "control character"),
        ("AT\x1a", "control character"),
        ("AT\x1b", "control character"),
        ("AT+CSQ\n", "control character"),
        ("AT+CSCA=अ", "ASCII"),
        ("AT" + "+" * 199, "201 characters, and 200"),
        ("AT" + "+" * 1_000_000, "200 is the most"),
    ],
)
def test_these_are_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BadCommand, match=sentence):
        typed.read(text)


@pytest.mark.parametrize("code", ["*123#", "#100#", "*1*2#", " *123# ", "*" + "1" * 59])
def test_a_ussd_code(code: str) -> None:
    assert typed.read_code(code) == code.strip()


@pytest.mark.parametrize("code", ["", "123", "*", '*1"', "*123#\r", "*12a#", "*१२#", "*" + "1" * 60])
def test_what_is_no_ussd_code(code: str) -> None:
    with pytest.raises(BadCommand, match="begins with"):
        typed.read_code(code)


@pytest.mark.parametrize(
    ("text", "said", "lines"),
    [
        ("AT+CPIN?", b"+CPIN: READY\r\n\r\nOK\r\n", ("+CPIN: READY",)),
        ("at+creg?", b"+CREG: 0,1\r\n\r\nOK\r\n", ("+CREG: 0,1",)),
        ("AT+CFUN?;+CPIN?", b"+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n", ("+CFUN: 1", "+CPIN: READY")),
        ("AT^SYSINFO", b"^SYSINFO:2,3\r\nRING\r\n\r\nOK\r\n", ("^SYSINFO:2,3",)),
        ("ATI", b"SIM800\r\nR14.18\r\n\r\nOK\r\n", ("SIM800", "R14.18")),
        ("AT+CSQ", b'+CMTI: "SM",1\r\n+CSQ: 21,99\r\n\r\nOK\r\n', ("+CSQ: 21,99",)),
        ("AT+CMGF=0", b"OK\r\n", ()),
    ],
)
def test_its_answer_is_its_own_though_modems_say_such_unasked(text: str, said: bytes, lines: tuple[str, ...]) -> None:
    dialogue = Dialogue()
    dialogue.begin(typed.read(text))
    assert dialogue.receive(b"\r\n" + said)[-1] == Reply(lines, Final("OK"))


def test_looking_for_every_network_may_take_long() -> None:
    assert typed.answer_s(typed.read("AT+COPS=?")) == typed.SLOW_S
    assert typed.answer_s(typed.read("AT+COPS?")) == typed.ANSWER_S


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AT+CPIN=4711", "AT+CPIN"),
        ('AT+CLCK="SC",1,"4711"', "AT+CLCK"),
        ("at+cpin 4711", "AT+CPIN"),
        ("AT+CPIN4711", "AT+CPIN"),
        ("AT+CSQ;+CPIN=4711", "AT+CSQ"),
        ("4711", "what is no command"),
        ("AT\n4711", "AT"),
    ],
)
def test_a_log_shows_nothing_of_its_values(text: str, name: str) -> None:
    assert typed.log_name(text) == name


@given(st.text(max_size=300))
def test_whatever_is_typed_is_a_command_in_one_line_or_refused(text: str) -> None:
    try:
        command = typed.read(text)
    except BadCommand:
        return
    assert command.text.isascii()
    assert command.text.isprintable()
    assert len(command.text) <= typed.LONGEST
    assert "4711" not in typed.log_name(f"{text}4711")


def test_its_name_in_errors_has_no_pin() -> None:
    assert typed.read("AT+CPIN=4711").name == "AT+CPIN"
    assert typed.read('AT+CPIN "4711"').name == "AT+CPIN"
    assert "4711" not in repr(typed.read("AT+CPIN=4711"))
