"""What a person reads at a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from edge_daemon import receipt

CANDIDATES = [
    {"label": "maize/common_rust", "name": "Maize common rust", "percent": 80},
    {"label": "maize/healthy", "name": "Healthy maize leaf", "percent": 15},
    {"label": "rice/blast", "name": "Rice blast", "percent": 5},
]
STATUS: dict[str, Any] = {
    "kiosk": "koraput-7",
    "rehearsal": False,
    "running": True,
    "last_visit": None,
    "queues": {"sms": {"sent": 3, "waiting": 1}, "report": {}},
    "model": "m-1",
    "parts": {"sms": "ok"},
    "modem": {"model": "EC25", "operator": "BSNL", "signal_dbm": None},
    "disk": {"free_mb": 100, "total_mb": 200, "photos": 2, "photos_mb": 0.5},
    "state": "/var/lib/krishi-sandesh",
}


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ("answer", "Maize common rust, 80 %"),
        ("two_candidates", "One of these two: Maize common rust, 80 %; Healthy maize leaf, 15 %"),
        (
            "not_sure",
            "Not sure, ask the extension officer. "
            "Nearest: Maize common rust, 80 %; Healthy maize leaf, 15 %; Rice blast, 5 %",
        ),
        ("not_a_leaf", "Not a leaf of a crop that this kiosk knows."),
        ("wrong_crop", "Not the crop that was named: it looks like maize."),
    ],
)
def test_each_decision_in_a_sentence(decision: str, said: str) -> None:
    assert receipt.answer({"decision": decision, "candidates": CANDIDATES}) == said


def test_what_was_learned_from_picked_leaves_alone_is_said_so() -> None:
    candidates = [CANDIDATES[0] | {"lab_only": True}, *CANDIDATES[1:]]
    said = receipt.answer({"decision": "answer", "candidates": candidates})
    assert said == "Maize common rust, 80 %. Learned from picked leaves only: show it to the extension officer too"
    assert "picked" not in receipt.answer({"decision": "not_sure", "candidates": candidates})


def test_a_long_entry_goes_on_below_itself() -> None:
    lines = receipt.line("Answer", "word " * 60).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= receipt.WIDTH for line in lines)
    assert all(line.startswith(" " * receipt.LABEL) for line in lines[1:])


def test_the_status_of_a_kiosk_that_runs() -> None:
    shown = receipt.status(STATUS)
    for words in ("koraput-7, running", "none yet", "3 sent, 1 waiting", "model EC25, operator BSNL", "100 MB free"):
        assert words in shown
    assert "None" not in shown


def test_the_status_says_what_is_wrong_with_the_modem() -> None:
    assert "did not answer" in receipt.status({**STATUS, "modem": None, "parts": {"sms": "The modem did not answer."}})
    assert "known only while the kiosk runs" in receipt.status({**STATUS, "running": False, "modem": None})


def test_a_last_visit_without_a_diagnosis() -> None:
    last = {"begun_at": "2026-11-23T12:00:00+00:00", "decision": None, "best": None}
    assert "no diagnosis" in receipt.status({**STATUS, "last_visit": last})
