"""What a modem tells of itself, as different makers write it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_daemon.modem import survey
from edge_daemon.modem.at import Dialogue, Final, Reply

QUESTIONS = {question.key: question for question in survey.QUESTIONS}
OK = Final("OK")


@pytest.mark.parametrize(
    ("key", "lines", "told"),
    [
        ("maker", ["SIMCOM_Ltd"], "SIMCOM_Ltd"),
        ("model", ["EC25"], "EC25"),
        ("model", ['+CGMM: "EC25"'], "EC25"),
        ("revision", ["Revision:1418B05SIM800L24"], "1418B05SIM800L24"),
        ("revision", ["+CGMR: LE20B04SIM7600M22"], "LE20B04SIM7600M22"),
        ("revision", ["EC25EFAR06A10M4G"], "EC25EFAR06A10M4G"),
        ("model", ["+CSQ: 21,99", "EC25"], "EC25"),
        ("revision", [], None),
        ("imei", ["004999010640000"], "004999010640000"),
        ("imei", ['+CGSN: "004999010640000"'], "004999010640000"),
        ("imei", ["?"], None),
        ("sim", ["+CPIN: READY"], "ready"),
        ("sim", ["+CPIN: SIM PUK"], "sim puk"),
        ("sim", ["+CPIN:PH-NET PIN"], "ph-net pin"),
        ("sim", [], None),
        ("iccid", ["8900101000000000016"], "8900101000000000016"),
        ("iccid", ["+ICCID: 89911000001234567890"], "89911000001234567890"),
        ("iccid", ["+QCCID: 8991100000123456789F"], "8991100000123456789"),
        ("operator", ['+COPS: 0,0,"BSNL Mobile",7'], "BSNL Mobile"),
        ("operator", ["+COPS: 0"], None),
        ("creg", ["+CREG: 0,1"], "home"),
        ("creg", ['+CREG: 2,5,"1A2B","0C3D4E5F",7'], "roaming"),
        ("cgreg", ["+CGREG: 0,3"], "denied"),
        ("cereg", ["+CEREG: 0,2"], "searching"),
        ("cereg", ["+CEREG: 0,11"], "state 11"),
        ("signal_dbm", ["+CSQ: 21,99"], -71),
        ("signal_dbm", ["+CSQ: 0,0"], -113),
        ("signal_dbm", ["+CSQ: 99,99"], None),
        ("service_centre", ['+CSCA: "+919442099997",145'], "+919442099997"),
        ("service_centre", ['+CSCA: "",129'], None),
        (
            "memories",
            ['+CPMS: "SM",3,20,"ME",0,255,"SM",3,20'],
            {"SM": {"used": 3, "total": 20}, "ME": {"used": 0, "total": 255}},
        ),
        ("memories", ["+CPMS: 3,20,3,20,3,20"], None),
        ("supply_mv", ["+CBC: 0,85,4012"], 4012),
        ("supply_mv", ["+CBC: 3.591V"], 3591),
        ("supply_mv", ["+CBC: 0,85"], None),
        ("network_time", ['+CCLK: "26/11/24,15:30:00+22"'], "2026-11-24T10:00:00+00:00"),
        ("network_time", ['+CCLK: "04/01/01,00:00:12+00"'], None),
        ("network_time", ['+CCLK: "80/01/06,00:00:12+00"'], None),
    ],
)
def test_it_is_read_as_each_maker_writes_it(key: str, lines: list[str], told: Any) -> None:
    assert QUESTIONS[key].read(Reply(tuple(lines), OK)) == told


@pytest.mark.parametrize("question", survey.QUESTIONS, ids=lambda question: question.key)
def test_a_refusal_tells_nothing(question: survey.Question) -> None:
    assert question.read(Reply((), Final("ERROR"))) is None
    assert question.read(Reply(("+CSQ: 1",), Final("+CME ERROR", 4))) is None


@pytest.mark.parametrize(
    ("final", "told"),
    [
        (Final("+CME ERROR", 10), "absent"),
        (Final("+CMS ERROR", 310), "absent"),
        (Final("+CME ERROR", 13), "failed"),
        (Final("+CME ERROR", 14), "busy"),
        (Final("+CMS ERROR", 316), "sim puk"),
        (Final("+CME ERROR", 3), None),
        (Final("+CME ERROR"), None),
        (Final("ERROR"), None),
    ],
)
def test_how_the_sim_is_a_refusal_tells_too(final: Final, told: str | None) -> None:
    assert survey.read_sim(Reply((), final)) == told


@pytest.mark.parametrize("question", survey.QUESTIONS, ids=lambda question: question.key)
def test_the_answer_is_taken_for_the_question_s_own(question: survey.Question) -> None:
    """Also where modems say such a line unasked, as +CREG and +CPIN."""
    command = question.as_commands()[0]
    line = f"{command.text.removeprefix('AT').rstrip('?')}: 0,1"
    dialogue = Dialogue()
    dialogue.begin(command)
    assert dialogue.receive(f"\r\nRING\r\n\r\n{line}\r\n\r\nOK\r\n".encode())[-1] == Reply((line,), OK)
