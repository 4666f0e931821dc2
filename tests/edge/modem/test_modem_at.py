"""The dialogue: what a modem says, however it is cut, comes to the same events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem.at import (
    LINE_LIMIT_BYTES,
    REPLY_LIMIT_LINES,
    Command,
    Dialogue,
    Event,
    Final,
    Prompt,
    Reply,
    Unsolicited,
)

AT = Command("AT")
CSQ = Command("AT+CSQ", "+CSQ:")
CREG = Command("AT+CREG?", "+CREG:")
MODEL = Command("AT+CGMM", "")
CMGS = Command("AT+CMGS=19", "+CMGS:", optional=True)
OK = Final("OK")
PDU = "0011000C91198921436587"

SCENES: dict[str, tuple[Command, bytes, list[Event]]] = {
    "plain": (AT, b"\r\nOK\r\n", [Reply((), OK)]),
    "echo": (CSQ, b"AT+CSQ\r\r\n+CSQ: 21,99\r\n\r\nOK\r\n", [Reply(("+CSQ: 21,99",), OK)]),
    "bare line feeds": (CSQ, b"\n+CSQ: 21,99\nOK\n", [Reply(("+CSQ: 21,99",), OK)]),
    "model": (MODEL, b"\r\nSIM800C\r\n\r\nOK\r\n", [Reply(("SIM800C",), OK)]),
    "unsolicited before": (
        CSQ,
        b"\r\nRING\r\n\r\n+CSQ: 3,0\r\n\r\nOK\r\n",
        [Unsolicited("RING"), Reply(("+CSQ: 3,0",), OK)],
    ),
    "unsolicited inside": (
        CSQ,
        b'\r\n+CSQ: 3,0\r\n\r\n+CMTI: "SM",3\r\n\r\nOK\r\n',
        [Unsolicited('+CMTI: "SM",3'), Reply(("+CSQ: 3,0",), OK)],
    ),
    "unsolicited in a nameless reply": (
        MODEL,
        b"\r\n+CREG: 1\r\n\r\nSIM800C\r\n\r\nCall Ready\r\n\r\nOK\r\n",
        [Unsolicited("+CREG: 1"), Unsolicited("Call Ready"), Reply(("SIM800C",), OK)],
    ),
    "its own kind unasked": (
        CREG,
        b"\r\n+CREG: 5\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n",
        [Reply(("+CREG: 5", "+CREG: 0,1"), OK)],
    ),
    "a message inside": (
        CSQ,
        b"\r\n+CMT: ,23\r\n07911111\r\n\r\n+CSQ: 3,0\r\n\r\nOK\r\n",
        [Unsolicited("+CMT: ,23", "07911111"), Reply(("+CSQ: 3,0",), OK)],
    ),
    "a message whose second line is lost": (
        CSQ,
        b"\r\n+CMT: ,23\r\n\r\n+CSQ: 3,0\r\n\r\nOK\r\n",
        [Unsolicited("+CMT: ,23"), Reply(("+CSQ: 3,0",), OK)],
    ),
    "error": (CSQ, b"\r\nERROR\r\n", [Reply((), Final("ERROR"))]),
    "cme": (CSQ, b"\r\n+CME ERROR: 10\r\n", [Reply((), Final("+CME ERROR", 10))]),
    "cme in words": (CSQ, b"\r\n+CME ERROR: SIM not inserted\r\n", [Reply((), Final("+CME ERROR"))]),
    "cms": (CSQ, b"\r\n+CMS ERROR: 304\r\n", [Reply((), Final("+CMS ERROR", 304))]),
    "an older OK": (CSQ, b"\r\nOK\r\n\r\n+CSQ: 3,0\r\n\r\nOK\r\n", [Reply(("+CSQ: 3,0",), OK)]),
    "noise on the line": (
        CSQ,
        b"\0\xff\xfe\r\n+CSQ: 3,0\r\n\r\nOK\r\n",
        [Unsolicited("\ufffd\ufffd"), Reply(("+CSQ: 3,0",), OK)],
    ),
}


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def hear(dialogue: Dialogue, *chunks: bytes) -> list[Event]:
    return [event for chunk in chunks for event in dialogue.receive(chunk)]


@pytest.mark.parametrize("scene", SCENES)
def test_a_reply_byte_by_byte(scene: str) -> None:
    command, said, events = SCENES[scene]
    dialogue = Dialogue()
    assert dialogue.begin(command) == command.text.encode() + b"\r"
    assert hear(dialogue, *(said[place : place + 1] for place in range(len(said)))) == events


@given(st.sampled_from(sorted(SCENES)), st.lists(st.integers(0, 200), max_size=8))
def test_a_reply_cut_anywhere(scene: str, places: list[int]) -> None:
    command, said, events = SCENES[scene]
    dialogue = Dialogue()
    dialogue.begin(command)
    assert hear(dialogue, *cut_at(said, places)) == events


@pytest.mark.parametrize("echo", [b"", b"AT+CMGS=19\r"])
@given(places=st.lists(st.integers(0, 200), max_size=8))
def test_a_pdu_is_asked_for_and_confirmed(echo: bytes, places: list[int]) -> None:
    dialogue = Dialogue()
    dialogue.begin(CMGS, prompt=True)
    opening = echo + b"\r\nRING\r\n\r\n> "
    assert hear(dialogue, *cut_at(opening, places)) == [Unsolicited("RING"), Prompt()]
    assert dialogue.pdu(PDU) == PDU.encode() + b"\x1a"
    closing = (PDU.encode() + b"\x1a" if echo else b"") + b'\r\n+CMTI: "SM",1\r\n\r\n+CMGS: 17\r\n\r\nOK\r\n'
    assert hear(dialogue, *cut_at(closing, places)) == [Unsolicited('+CMTI: "SM",1'), Reply(("+CMGS: 17",), OK)]


def test_an_error_instead_of_the_prompt() -> None:
    dialogue = Dialogue()
    dialogue.begin(CMGS, prompt=True)
    assert hear(dialogue, b"\r\nOK\r\n\r\n+CMS ERROR: 310\r\n") == [Reply((), Final("+CMS ERROR", 310))]
    assert hear(dialogue, b"\r\n> ") == []


def test_a_prompt_that_nobody_wants_is_no_event() -> None:
    dialogue = Dialogue()
    dialogue.begin(CMGS, prompt=True)
    assert dialogue.abandon() == b"\x1b"
    assert hear(dialogue, b"\r\n> ", b"\r\nOK\r\n") == [Unsolicited(">")]
    dialogue.begin(CSQ)
    assert hear(dialogue, b"\r\n+CSQ: 1,1\r\nOK\r\n") == [Reply(("+CSQ: 1,1",), OK)]


def test_late_answers_of_an_earlier_program_do_not_stay_one_behind() -> None:
    dialogue = Dialogue()
    dialogue.begin(AT)
    assert hear(dialogue, b"\r\n+CMGS: 9\r\n\r\nOK\r\n") == [Unsolicited("+CMGS: 9"), Reply((), OK)]
    dialogue.begin(CSQ)
    assert hear(dialogue, b"\r\nOK\r\n\r\n+CSQ: 1,1\r\n\r\nOK\r\n") == [Reply(("+CSQ: 1,1",), OK)]


def test_idle_lines_are_events_and_final_results_are_not() -> None:
    assert hear(Dialogue(), b"\r\nOK\r\n\r\nRING\r\n\r\nERROR\r\n") == [Unsolicited("RING")]


@given(st.lists(st.binary(max_size=3 * LINE_LIMIT_BYTES), max_size=8))
def test_garbage_never_grows_the_buffer(chunks: list[bytes]) -> None:
    dialogue = Dialogue()
    dialogue.begin(CSQ)
    for chunk in chunks:
        hear(dialogue, chunk)
        assert len(dialogue._buffer) <= LINE_LIMIT_BYTES
        assert len(dialogue._lines) <= REPLY_LIMIT_LINES


def test_a_flood_without_end_is_dropped_and_the_next_line_is_heard() -> None:
    dialogue = Dialogue()
    dialogue.begin(CSQ)
    for _ in range(300):
        assert hear(dialogue, b"x" * LINE_LIMIT_BYTES) == []
    assert hear(dialogue, b"tail\r\n+CSQ: 1,1\r\nOK\r\n") == [Reply(("+CSQ: 1,1",), OK)]


def test_a_reply_without_end_is_bounded() -> None:
    dialogue = Dialogue()
    dialogue.begin(CSQ)
    (reply,) = hear(dialogue, b"+CSQ: 1,1\r\n" * 10_000 + b"OK\r\n")
    assert isinstance(reply, Reply)
    assert len(reply.lines) == REPLY_LIMIT_LINES


def test_a_pin_is_not_shown() -> None:
    command = Command("AT+CPIN=4711")
    assert "4711" not in repr(command)
    assert command.name == "AT+CPIN"
