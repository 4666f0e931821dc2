"""What a report counts, and how it says it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon import report_lines
from edge_daemon.report import FATES, NONE, Rows, delivery, helped, remembered, summary

QUEUED = "2026-11-23T06:30:00+00:00"
CONTROL, QUIZZED = "c0ffee", "decade"


def is_control(pseudonym: str) -> bool:
    return pseudonym == CONTROL


def advice(fate: str = "delivered", **other: Any) -> dict[str, Any]:
    return {
        "language": "hi",
        "crop": "rice",
        "label": "rice/blast",
        "model": "m-1",
        "template": "answer",
        "fate": fate,
        "queued_at": QUEUED,
        "delivered_at": None,
        "parts": 2,
        "rehearsal": False,
        "pseudonym": QUIZZED,
        **other,
    }


def question(topic: str = "help", answer: int | None = None, **other: Any) -> dict[str, Any]:
    return {
        "topic": topic,
        "state": "asked" if answer is None else "answered",
        "answer": answer,
        "right": 2 if topic.startswith("recall") else 0,
        "options": 3 if topic.startswith("recall") else 2,
        "late": False,
        "gone": True,
        "open": False,
        "sms": "sent",
        "language": "hi",
        "crop": "rice",
        "label": "rice/blast",
        "model": "m-1",
        "template": "ask_help" if topic == "help" else topic,
        "pseudonym": QUIZZED,
        **other,
    }


def counted(rate: Any) -> tuple[int, int]:
    return rate["n"], rate["of"]


@given(st.lists(st.sampled_from(FATES)))
def test_the_fates_add_up_to_what_was_wanted(fates: list[str]) -> None:
    told = delivery([advice(fate) for fate in fates])
    assert sum(told[fate] for fate in FATES) == told["wanted"] == len(fates)
    assert counted(told["rate"]) == (fates.count("delivered"), len(fates))


def test_a_fate_that_nobody_counts_is_a_bug() -> None:
    with pytest.raises(ValueError, match="lost"):
        delivery([advice("lost")])


def test_the_time_to_delivery_is_told_of_those_that_were_delivered() -> None:
    rows = [advice(delivered_at=f"2026-11-23T06:{30 + minutes}:00+00:00") for minutes in range(1, 11)]
    rows += [advice(delivered_at="2026-11-23T06:29:00+00:00")]  # the clock was put back
    rows += [advice("queued", delivered_at="2026-11-23T06:59:00+00:00")]  # sent again
    assert delivery(rows)["minutes"] == {"n": 10, "median": 5.0, "p90": 9.0}
    assert delivery([])["minutes"] == {"n": 0, "median": None, "p90": None}


def test_only_answers_in_time_count_and_late_ones_stand_apart() -> None:
    asked = [question(answer=1), question(answer=2), question(answer=1, late=True), question(), question(open=True)]
    told = helped(asked)
    assert (counted(told["answered"]), counted(told["yes"]), counted(told["late"])) == ((2, 5), (1, 2), (1, 1))
    assert told["open"] == 1


def test_what_has_not_gone_was_not_asked() -> None:
    told = summary(Rows(questions=[question(gone=False), question(state="missed", gone=False)]), is_control)
    assert counted(told["help"]["answered"]) == (0, 0)
    assert told["by"]["template"] == {}


def test_memory_stands_beside_what_guessing_gives() -> None:
    asked = [question("recall_3", 2), question("recall_3", 3, options=2), question("recall_3")]
    told = remembered(asked)
    assert (counted(told["answered"]), counted(told["right"])) == ((2, 3), (1, 2))
    assert told["chance"] == pytest.approx((1 / 3 + 1 / 2) / 2, abs=1e-4)
    assert remembered([])["chance"] is None


def test_days_are_told_apart_and_so_are_reasons() -> None:
    rows = [question("recall_3", 2), question("recall_14", 1), question("reason", 3), question("reason")]
    told = summary(Rows(questions=rows), is_control)
    assert (counted(told["recall_3"]["right"]), counted(told["recall_14"]["right"])) == ((1, 1), (0, 1))
    assert counted(told["reasons"]["answered"]) == (1, 2)
    assert told["reasons"]["answers"] == {"1": 0, "2": 0, "3": 1}


def test_the_quizzed_are_compared_with_the_control_group() -> None:
    asked = [question(answer=1)] * 3 + [question(answer=2)] + [question(answer=2, pseudonym=CONTROL)] * 2
    asked += [question(answer=1, pseudonym="")]  # erased
    farmers = [{"pseudonym": name, "opted_out": out} for name, out in ((QUIZZED, True), (CONTROL, False), ("", False))]
    told = summary(Rows(questions=asked, farmers=farmers, opt_outs=4), is_control)
    control = told["control"]
    assert counted(control["quizzed"]["yes"]) == (3, 4)
    assert counted(control["control"]["yes"]) == (0, 2)
    assert control["difference"]["yes"]["difference"] == 0.75
    assert control["difference"]["opt_outs"]["difference"] == 1.0
    assert (counted(told["opt_outs"]), told["opt_outs"]["all"]) == ((1, 3), 4)


def test_the_same_is_told_by_each_dimension() -> None:
    rows = Rows(
        advices=[advice(), advice("failed", language="en", crop="", label="", template="first_aid")],
        questions=[question(answer=1)],
    )
    by = summary(rows, is_control)["by"]
    assert {name: list(values) for name, values in by.items()} == {
        "language": ["en", "hi"],
        "crop": [NONE, "rice"],
        "label": [NONE, "rice/blast"],
        "model": ["m-1"],
        "template": ["answer", "ask_help", "first_aid"],
    }
    assert counted(by["language"]["hi"]["help"]["yes"]) == (1, 1)
    assert counted(by["template"]["ask_help"]["advice"]["rate"]) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from(FATES), st.sampled_from(["en", "hi", "ta"]), st.sampled_from(["rice", ""]))))
def test_each_dimension_holds_every_advice_once(drawn: list[tuple[str, str, str]]) -> None:
    rows = [advice(fate, language=language, crop=crop) for fate, language, crop in drawn]
    told = summary(Rows(advices=rows), is_control)
    for blocks in told["by"].values():
        for key in ("wanted", *FATES):
            assert sum(block["advice"][key] for block in blocks.values()) == told["advice"][key]


def test_two_wordings_are_compared() -> None:
    asked = [question(answer=1), question(answer=2), question(), question()]
    asked += [question(answer=1, template="ask_help_b")] * 3
    (told,) = summary(Rows(questions=asked), is_control, [("short", "ask_help")])["experiments"]
    assert (told["name"], told["template"]) == ("short", "ask_help")
    assert (counted(told["a"]["answered"]), counted(told["b"]["answered"])) == ((2, 4), (3, 3))
    assert told["difference"]["answered"]["difference"] == 0.5
    assert told["difference"]["yes"]["difference"] == 0.5


def full() -> dict[str, Any]:
    rows = Rows(
        advices=[advice(delivered_at="2026-11-23T06:31:00+00:00")] * 45
        + [advice("sent"), advice("expired", rehearsal=True), *[advice("failed")] * 13],
        questions=[
            *(question(answer=1), question(answer=1, late=True), question(open=True)),
            *(question("recall_3", 2), question("reason", 1)),
        ],
        farmers=[{"pseudonym": name, "opted_out": name == QUIZZED} for name in (QUIZZED, CONTROL)],
        opt_outs=1,
        sms={"follow_up": {"sms": 3, "parts": 4}},
    )
    return head() | summary(rows, is_control, [("short", "ask_help")])


def head() -> dict[str, Any]:
    return {
        "kiosk": "k-1",
        "rehearsal": False,
        "since": "2026-11-17",
        "until": None,
        "timezone": "Asia/Kolkata",
        "made_at": "2026-11-23T12:00:00+05:30",
        "control_percent": 10,
    }


def test_no_percentage_stands_alone() -> None:
    text = report_lines.text(full())
    assert "delivered 45 of 60 (75 %, 95 % interval 63 to 84 %)" in text
    assert "1 sent and not confirmed, 13 failed, 1 expired" in text
    assert "time to delivery, of 45: median 1.0 minutes, nine in ten within 1.0" in text
    assert "answered 1 of 3 asked (33 %, 95 % interval 6 to 79 %)" in text
    assert "late answers apart: yes 1 of 1" in text
    assert "by guessing 33 in 100 would be right" in text
    assert "3 follow up (4 parts)" in text
    assert "rice/blast  45/60, 63-84 %" in text
    assert "Experiment short" in text
    assert re.search(r"^ask_help  -  +1/3, 6-79 %", text, re.MULTILINE)
    assert "\nreason" not in text
    assert "b          answered no case yet; yes no case yet" in text
    assert "b less a   answered cannot be told yet" in text
    together = " ".join(text.split())
    shares = re.compile(r"\d+ of \d+ [A-Za-z ]*\(\d+ %, 95 % interval \d+ to \d+ %\)|\d+/\d+, \d+-\d+ %")
    assert len(shares.findall(together)) > 20
    assert set(re.findall(r"\d+ %", shares.sub("", together))) == {"95 %"}


def test_who_a_farmer_is_stands_nowhere() -> None:
    data = full()
    for shown in (report_lines.text(data), json.dumps(data)):
        assert QUIZZED not in shown
        assert CONTROL not in shown


def test_where_there_is_nothing_it_says_so() -> None:
    text = report_lines.text(head() | summary(Rows(), is_control))
    assert text.count("nothing in this period yet") == 7
    assert "0 of 0" not in text
    assert "from 2026-11-17 up to now, Asia/Kolkata; made 2026-11-23 12:00" in text
    assert "Wilson score" in text


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ({"difference": 0.12, "low": -0.031, "high": 0.27}, "+12 points (95 % interval -3 to +27)"),
        ({"difference": None, "low": None, "high": None}, "cannot be told yet"),
    ],
)
def test_a_difference_is_told_in_points(difference: dict[str, float | None], said: str) -> None:
    assert report_lines.points(difference) == said
