"""The ledger, read: each advice, question and SMS of a period, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.clock import Instant
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Kind, Photo, Sms, Visit
from edge_daemon.errors import Refused
from edge_daemon.exchange import Answer, Asking, Outcome, Planned, Topic
from edge_daemon.modem import deliveries
from edge_daemon.report import FATES
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.ledger import NETWORK_EXPIRED, fate
from edge_daemon.store.sms_outbox import EXPIRED, OPTED_OUT
from edge_daemon.store.store import Store

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
NUMBER, OTHER = "+919812345678", "+919812345679"
INBOUND = "07916407058099F9040B916407950303F100008921222140140004D4E2940A"
"""An SMS that came in. What follows from it is said apart from what is written in it."""
ALL = ("2000-01-01T00:00:00+00:00", "2199-12-31T00:00:00+00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class AsksHelp:
    """Plans one question."""

    def questions(self, best: Candidate, pseudonym: str) -> Sequence[Planned]:
        return (Planned(Topic.HELP, 5 * DAY),)


class Kiosk:
    """A store, and what happens at a kiosk."""

    def __init__(self, folder: Path) -> None:
        self.utc = NOON
        self.store = Store.open(folder, 10_000, lambda: Instant(self.utc, "synced"), SmsRules(), PduReading())
        self.store.questions.planner = AsksHelp()
        self.visits = 0

    def diagnosed(
        self, crop: str | None = "rice", labels: Sequence[str] = ("rice/blast",), decision: Decision = Decision.ANSWER
    ) -> Diagnosis:
        self.visits += 1
        visit = Visit(f"v{self.visits}", self.utc, "synced", "en", crop)
        self.store.begin(visit)
        seen = tuple(Candidate(label, 0.5) for label in labels)
        diagnosis = Diagnosis(f"d{self.visits}", visit, self.utc, "synced", decision, seen, 0.9, "m-1", "pi", False)
        self.store.record(diagnosis, Photo(b"x", self.utc, "pi"), b"report")
        return diagnosis

    def advised(self, number: str = NUMBER, **of: Any) -> Sms:
        return self.store.queue_sms(self.diagnosed(**of), Farmer(number, "hi"), "do this")

    def sent(self, sms: Sms, parts: int = 1) -> None:
        assert self.store.sms.take() == sms
        for part in range(1, parts + 1):
            self.store.part_sent(sms, part, part)
        self.store.sms.delivered(sms)

    def asked(self) -> int:
        (question,) = self.store.questions.due(self.utc)
        assert self.store.questions.ask(question, Asking("did it help?", "ask_help_b", 2), DAY)
        return question.id

    def answers(self, question: int, digit: int, *, late: bool = False) -> None:
        (message,) = self.store.inbound.take(INBOUND).messages
        outcome = Outcome("digit", answer=Answer(question, digit, counts=True, late=late))
        self.store.questions.settle(message, self.store.questions.correspondent(NUMBER, "en"), outcome, DAY)


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    kiosk = Kiosk(tmp_path)
    with kiosk.store:
        yield kiosk


def test_an_advice_is_one_row_with_all_that_it_is_told_apart_by(kiosk: Kiosk) -> None:
    sms = kiosk.advised(labels=("rice/blast", "rice/tungro"))
    kiosk.sent(sms, parts=2)
    (row,) = kiosk.store.ledger.advices(*ALL)
    pseudonym = row.pop("pseudonym")
    assert len(pseudonym) == 16
    assert row == {
        "language": "hi",
        "crop": "rice",
        "label": "rice/blast",
        "model": "m-1",
        "template": "answer",
        "state": "sent",
        "why": None,
        "fate": "sent",
        "queued_at": NOON.isoformat(),
        "sent_at": NOON.isoformat(),
        "delivered_at": None,
        "parts": 2,
        "rehearsal": False,
    }


@pytest.mark.parametrize(
    ("crop", "labels", "decision", "expected"),
    [
        ("maize", (), Decision.FIRST_AID, ("maize", "")),
        (None, (), Decision.FIRST_AID, ("", "")),
        (None, ("maize/rust",), Decision.NOT_SURE, ("maize", "maize/rust")),
        ("rice", ("rice/blast",), Decision.NOT_A_LEAF, ("rice", "")),
        (None, ("rice/blast",), Decision.NOT_A_LEAF, ("", "")),
        ("rice", ("rice/blast",), Decision.WRONG_CROP, ("rice", "")),
    ],
)
def test_crop_and_class_where_one_is_not_known(
    kiosk: Kiosk, crop: str | None, labels: Sequence[str], decision: Decision, expected: tuple[str, str]
) -> None:
    kiosk.advised(crop=crop, labels=labels, decision=decision)
    (row,) = kiosk.store.ledger.advices(*ALL)
    assert (row["crop"], row["label"]) == expected


def test_other_sms_are_no_advices(kiosk: Kiosk) -> None:
    for kind in Kind:
        kiosk.store.texts.queue(NUMBER, "en", "hello", kind)
    assert kiosk.store.ledger.advices(*ALL) == []


def test_the_first_instant_of_a_period_belongs_to_it_and_the_last_does_not(kiosk: Kiosk) -> None:
    kiosk.advised()
    before, at, after = ((NOON + HOUR * hours).isoformat() for hours in (-1, 0, 1))
    assert len(kiosk.store.ledger.advices(at, after)) == 1
    assert kiosk.store.ledger.advices(before, at) == []


@pytest.mark.parametrize(
    ("state", "why", "expected"),
    [
        ("waiting", None, "queued"),
        ("sending", None, "queued"),
        ("sent", None, "sent"),
        ("sent", "the network reports: congestion, still trying", "sent"),
        ("delivered", None, "delivered"),
        ("parked", "the network knows no such number", "failed"),
        ("parked", None, "failed"),
        ("parked", EXPIRED, "expired"),
        ("parked", f"the network reports: {NETWORK_EXPIRED}", "expired"),
        ("parked", OPTED_OUT, "opted_out"),
        ("parked", "its farmer was erased", "erased"),
    ],
)
def test_each_state_is_one_fate(state: str, why: str | None, expected: str) -> None:
    assert fate(state, why) == expected
    assert expected in FATES


def test_an_expiry_is_worded_as_the_network_s_reports_are() -> None:
    assert deliveries.meaning(0x46).words == NETWORK_EXPIRED


def test_a_question_is_planned_asked_and_answered(kiosk: Kiosk) -> None:
    kiosk.sent(kiosk.advised())
    (row,) = kiosk.store.ledger.questions(*ALL)
    assert (row["state"], row["gone"], row["open"], row["asked_at"]) == ("planned", False, False, None)
    kiosk.utc += 5 * DAY
    question = kiosk.asked()
    (row,) = kiosk.store.ledger.questions(*ALL)
    assert (row["state"], row["gone"], row["open"], row["sms"]) == ("asked", False, True, "waiting")
    sms = kiosk.store.sms.take()
    assert sms is not None
    kiosk.store.sms.delivered(sms)
    kiosk.utc += HOUR
    kiosk.answers(question, 1)
    (row,) = kiosk.store.ledger.questions(kiosk.utc.date().isoformat(), ALL[1])
    assert len(row.pop("pseudonym")) == 16
    assert row == {
        "topic": "help",
        "state": "answered",
        "label": "rice/blast",
        "crop": "rice",
        "language": "hi",
        "template": "ask_help_b",
        "asked_at": (NOON + 5 * DAY).isoformat(),
        "answered_at": kiosk.utc.isoformat(),
        "answer": 1,
        "right": 0,
        "options": 2,
        "late": False,
        "sms": "sent",
        "delivered_at": None,
        "gone": True,
        "open": False,
        "model": "m-1",
    }
    assert kiosk.store.ledger.questions(NOON.isoformat(), (NOON + DAY).isoformat()) == []


def test_a_question_stays_open_only_so_long(kiosk: Kiosk) -> None:
    kiosk.sent(kiosk.advised())
    kiosk.utc += 5 * DAY
    question = kiosk.asked()
    sms = kiosk.store.sms.take()
    assert sms is not None
    kiosk.store.sms.delivered(sms)
    kiosk.utc += 2 * DAY
    assert not kiosk.store.ledger.questions(*ALL)[0]["open"]
    kiosk.answers(question, 2, late=True)
    assert kiosk.store.ledger.questions(*ALL)[0]["late"] is True


def test_farmers_are_those_who_got_an_sms(kiosk: Kiosk) -> None:
    kiosk.sent(kiosk.advised())
    kiosk.advised(OTHER)
    assert [row["opted_out"] for row in kiosk.store.ledger.farmers(*ALL)] == [False]
    kiosk.utc += DAY
    kiosk.store.texts.opt_out(NUMBER)
    kiosk.store.texts.opt_out("+919812345670")
    assert [row["opted_out"] for row in kiosk.store.ledger.farmers(*ALL)] == [True]
    assert [row["opted_out"] for row in kiosk.store.ledger.farmers(ALL[0], kiosk.utc.isoformat())] == [False]
    assert kiosk.store.ledger.opt_outs(*ALL) == 2
    assert kiosk.store.ledger.opt_outs(ALL[0], kiosk.utc.isoformat()) == 0


def test_the_confirmation_of_a_stop_makes_nobody_one_who_got_sms(kiosk: Kiosk) -> None:
    kiosk.store.texts.opt_out(NUMBER)
    kiosk.sent(kiosk.store.texts.queue(NUMBER, "en", "no more SMS", Kind.CONFIRMATION))
    assert kiosk.store.ledger.farmers(*ALL) == []


def test_the_counts_of_erased_farmers_stay(kiosk: Kiosk) -> None:
    kiosk.sent(kiosk.advised())
    kiosk.advised()
    kiosk.store.erasure.erase(NUMBER)
    advices = kiosk.store.ledger.advices(*ALL)
    assert [(row["fate"], row["pseudonym"]) for row in advices] == [("sent", ""), ("erased", "")]
    assert [row["state"] for row in kiosk.store.ledger.questions(*ALL)] == ["cancelled"]
    assert kiosk.store.ledger.farmers(*ALL) == []


def test_sms_and_their_parts_by_kind(kiosk: Kiosk) -> None:
    kiosk.sent(kiosk.advised(), parts=2)
    half = kiosk.advised(OTHER)
    assert kiosk.store.sms.take() == half
    kiosk.store.part_sent(half, 1, 9)
    kiosk.store.sms.park(half, Refused("the network knows no such number"))
    kiosk.sent(kiosk.store.texts.queue(NUMBER, "en", "hello", Kind.REPLY))
    assert kiosk.store.ledger.sms(*ALL) == {"answer": {"sms": 1, "parts": 3}, "reply": {"sms": 1, "parts": 1}}
    assert kiosk.store.ledger.sms((NOON + DAY).isoformat(), ALL[1]) == {}
