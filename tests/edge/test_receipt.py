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
    "modem": {
        "model": "Quectel EC25",
        "profile": "EC25",
        "operator": "BSNL",
        "registration": "roaming",
        "signal_dbm": -93,
        "memory_used": 3,
        "memory_total": 20,
    },
    "remedies": {},
    "received": {"sweeps": 4},
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
    for words in ("koraput-7, running", "none yet", "3 sent, 1 waiting", "Quectel EC25, profile EC25", "100 MB free"):
        assert words in shown
    assert "BSNL (roaming), -93 dBm, 2 of 4 bars: fair\nDisk" in shown
    assert "None" not in shown


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ({"asked_for": False, "waiting": 0, "sent": 0}, None),
        ({"asked_for": True, "waiting": 0, "sent": 0}, "of uncertain cases: 0 wait, 0 sent\n"),
        ({"asked_for": False, "waiting": 2, "sent": 7}, "of uncertain cases: 2 wait, 7 sent; no more are asked for\n"),
    ],
)
def test_pictures_are_told_of_where_they_are_asked_for_or_were(pictures: dict[str, Any], said: str | None) -> None:
    shown = receipt.status({**STATUS, "pictures": pictures})
    assert ("Pictures" in shown) == (said is not None)
    assert said is None or said in shown


def with_modem(**other: Any) -> str:
    return receipt.status({**STATUS, "modem": {**STATUS["modem"], **other}})


def test_a_modem_that_knows_little() -> None:
    shown = with_modem(model="", operator="", signal_dbm=None, memory_used=None, memory_total=None)
    assert "it does not say which, profile EC25" in shown
    assert "an operator without a name (roaming), signal not known" in shown
    assert "None" not in shown


@pytest.mark.parametrize(("used", "total", "full"), [(19, 20, False), (20, 20, True), (0, 0, False), (None, 20, False)])
def test_a_full_memory_is_a_warning(used: int | None, total: int, full: bool) -> None:
    shown = with_modem(memory_used=used, memory_total=total)
    assert ("its memory is FULL, 20 of 20: no SMS comes in" in shown) == full
    assert ("memory" in shown) == full


def test_what_was_done_and_what_came_in() -> None:
    done = {"reinit": 1, "reopen": 12, "reset": 0}
    came = {"messages": 5, "reports": 2, "sweeps": 9, "unreadable": 0, "thrown_away": 1}
    shown = receipt.status({**STATUS, "remedies": done, "received": came})
    assert "after trouble it was set up again once, opened again 12 times" in shown
    assert "since it was set up: 5 SMS parts came in, 2 status reports, 1 thrown away to make room" in shown
    gone = receipt.status({**STATUS, "modem": None, "parts": {"sms": "It is gone."}, "remedies": done})
    assert "It is gone.\n           after trouble" in gone


@pytest.mark.parametrize(
    ("dbm", "words"),
    [
        (None, "signal not known"),
        (-113, "-113 dBm, 0 of 4 bars: none"),
        (-103, "-103 dBm, 1 of 4 bars: weak"),
        (-93, "-93 dBm, 2 of 4 bars: fair"),
        (-83, "-83 dBm, 3 of 4 bars: good"),
        (-51, "-51 dBm, 4 of 4 bars: very good"),
    ],
)
def test_the_signal_as_a_telephone_shows_it(dbm: int | None, words: str) -> None:
    assert receipt.signal(dbm) == words


def test_nothing_from_elsewhere_gives_orders_to_the_terminal() -> None:
    assert receipt.plain("\x1b[2J\x9b1mदो\u200ddo\nthis\r") == "\ufffd[2J\ufffd1mदो\u200ddo\nthis\ufffd"


def test_the_status_says_what_is_wrong_with_the_modem() -> None:
    assert "did not answer" in receipt.status({**STATUS, "modem": None, "parts": {"sms": "The modem did not answer."}})
    assert "known only while the kiosk runs" in receipt.status({**STATUS, "running": False, "modem": None})


def test_a_last_visit_without_a_diagnosis() -> None:
    last = {"begun_at": "2026-11-23T12:00:00+00:00", "decision": None, "best": None}
    assert "no diagnosis" in receipt.status({**STATUS, "last_visit": last})


@pytest.mark.parametrize(
    ("wait_s", "said"),
    [
        (None, "next: it waits for its window\n"),
        (0, "next: it waits for its window\n"),
        (0.2, "it waits for its window, in 1 s\n"),
        (29.5, "it waits for its window, in 30 s\n"),
        (61, "it waits for its window, in 1 min\n"),
        (3000, "it waits for its window, in 50 min\n"),
    ],
)
def test_the_link_says_what_it_waits_for_and_how_long(wait_s: float | None, said: str) -> None:
    link = {"opened_at": None, "acknowledged_at": None, "bytes_in_24_h": 0, "daily_kb": 500}
    shown = receipt.status({**STATUS, "link": {**link, "next": "it waits for its window", "next_in_s": wait_s}})
    assert said in shown


def test_the_advice_has_a_version() -> None:
    assert "Advice     version 0f3c9a21be77\n" in receipt.status({**STATUS, "advice": "0f3c9a21be77"})
    assert "Advice" not in receipt.status(STATUS), "of an older program that runs still"
