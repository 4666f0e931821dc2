"""A store with an advice and the questions about it, taken from state to state by a clock that tests set."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_daemon.clock import Instant
from edge_daemon.config import Conversation, SmsRules
from edge_daemon.conversation.plan import Plan
from edge_daemon.diagnosis import Candidate, Clock, Decision, Diagnosis, Farmer, Photo, Sms, Visit
from edge_daemon.exchange import Answer, Asking, Outcome
from edge_daemon.modem import alphabet, fields
from edge_daemon.modem.userdata import write_user_data
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store

NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""In India, where the quiet hours are told."""
NUMBER = "+919812345678"
DELIVERED = 0
"""TP-Status (3GPP TS 23.040, 9.2.3.15)."""


class SteppingClock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.utc = NOON
        self.clock: Clock = "synced"

    def __call__(self) -> Instant:
        return Instant(self.utc, self.clock)


def opened(folder: Path, clock: SteppingClock) -> Store:
    """A store that plans help after three days, and both recalls: nobody is of the control group."""
    store = Store.open(folder / "state", 100_000, clock, SmsRules(daily_parts=0, minute_parts=0), PduReading())
    store.questions.planner = Plan(Conversation(control_percent=0, help_days_high=3), lambda label: "high")
    return store


def recorded(store: Store, clock: SteppingClock, decision: Decision = Decision.ANSWER) -> Diagnosis:
    """A diagnosis of a new visit, with its report."""
    visit = Visit(uuid.uuid4().hex, clock.utc, "synced", "hi", "rice")
    store.begin(visit)
    named = () if decision is Decision.FIRST_AID else (Candidate("rice/blast", 0.85), Candidate("rice/brown_spot", 0.1))
    source = "file:leaf.jpg"
    found = Diagnosis(uuid.uuid4().hex, visit, clock.utc, "synced", decision, named, 0.9, "m", source, True)
    store.record(found, Photo(b"jpeg", clock.utc, source), b"report")
    return found


def advised(store: Store, clock: SteppingClock, number: str = NUMBER, decision: Decision = Decision.ANSWER) -> Sms:
    """An advice that waits."""
    return store.queue_sms(recorded(store, clock, decision), Farmer(number, "hi"), "do this")


def gone(store: Store, reference: int = 1) -> Sms:
    """The first message that waits has gone, with this reference."""
    sms = store.sms.take()
    assert sms is not None
    store.part_sent(sms, 1, reference)
    store.sms.delivered(sms)
    return sms


def arrived(store: Store, reference: int = 1, number: str = NUMBER) -> None:
    """The network reports that the telephone has it (SMS-STATUS-REPORT, 3GPP TS 23.040, 9.2.2.3)."""
    times = 2 * bytes.fromhex("62112312000022")
    pdu = b"\x00\x06" + bytes([reference]) + fields.write_address(number) + times + bytes([DELIVERED])
    assert store.reported(pdu.hex()) == "delivered"


def ask_what_is_due(store: Store, clock: SteppingClock) -> int:
    """Every question whose time has come is asked; how many were."""
    due = store.questions.due(clock.utc)
    return sum(store.questions.ask(question, Asking("Well?", "ask_help", 2), timedelta(days=2)) for question in due)


def answered(store: Store, digit: int, number: str = NUMBER) -> None:
    """The farmer sends this digit in answer to the newest question."""
    coding = alphabet.split(str(digit)).coding
    head = b"\x00\x00" + fields.write_address(number) + bytes([0, coding.dcs]) + bytes.fromhex("621132120000") + b"\x22"
    store.inbound.take((head + write_user_data(str(digit), coding, None)).hex())
    (message,) = store.inbound.new()
    who = store.questions.correspondent(number, "hi")
    assert who.question is not None
    outcome = Outcome("yes", answer=Answer(who.question.id, digit, counts=True, late=False))
    store.questions.settle(message, who, outcome, timedelta(days=2))
