"""Compares the kiosk's ledger with the network's log and with what farmers wrote. Finds faults, as sentences."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.conversation.dialogue import MOST_REPLIES
from tests.season.farmer import kind_of, patterns
from tests.season.village import Chronicle, Message, Sent

DAY = timedelta(days=1)


class Ledger:
    """The kiosk's file, read by itself."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
        self._database.row_factory = sqlite3.Row

    def rows(self, statement: str) -> list[sqlite3.Row]:
        return self._database.execute(statement).fetchall()

    def sms(self) -> list[sqlite3.Row]:
        """Every SMS that the network took whole."""
        return self.rows(
            "SELECT outbox.*, number FROM outbox JOIN farmer ON farmer.id = farmer_id"
            " WHERE channel = 'sms' AND sent_at IS NOT NULL"
        )


def faults(chronicle: Chronicle, ledger: Ledger, catalogue: Catalogue) -> Iterator[str]:
    """Everything that does not agree."""
    yield from _sums(chronicle, ledger)
    yield from _questions(chronicle, ledger)
    numbers = {message.number for message in chronicle.messages}
    stopped = {catalogue.say(code).say("stopped") for code in catalogue.languages}
    helps = {catalogue.say(code).say("help", officer="1800-180-1551") for code in catalogue.languages}
    for number in sorted(numbers):
        yield from _transcript(chronicle, number, stopped, helps)


def _sums(chronicle: Chronicle, ledger: Ledger) -> Iterator[str]:
    """Each SMS of the ledger is one of the log, and has ended as the network said."""
    log = Counter((message.number, message.text, message.lost) for message in chronicle.messages)
    kept = Counter((row["number"], row["body"].decode(), row["state"] == "parked") for row in ledger.sms())
    for key, count in (log - kept).items():
        yield f"{count} SMS reached {key[0]} or were lost ({key[2]}) of which the ledger says otherwise: {key[1]!r}"
    for key, count in (kept - log).items():
        yield f"the ledger has {count} SMS to {key[0]} (lost: {key[2]}) that the network never took: {key[1]!r}"


def _questions(chronicle: Chronicle, ledger: Ledger) -> Iterator[str]:
    """As many questions were asked as the ledger has, none twice, and each answer in it was sent."""
    asked = Counter(kind_of(message.text) for message in chronicle.messages)
    rows = ledger.rows(
        "SELECT topic, count(*) AS n FROM question JOIN outbox ON outbox.id = outbox_id WHERE sent_at IS NOT NULL"
        " GROUP BY topic"
    )
    kept: Counter[str] = Counter()
    for row in rows:
        kept[row["topic"].partition("_")[0]] += row["n"]
    for kind in ("help", "recall", "reason"):
        if asked[kind] != kept[kind]:
            yield f"{asked[kind]} questions of {kind} were sent, and the ledger has {kept[kind]}"
    twice = ledger.rows("SELECT advice_id, topic FROM question GROUP BY advice_id, topic HAVING count(*) > 1")
    yield from (f"question {row['topic']} of advice {row['advice_id']} stands twice" for row in twice)
    answered = ledger.rows("SELECT question_id FROM answer WHERE counts = 1 GROUP BY question_id HAVING count(*) > 1")
    yield from (f"question {row['question_id']} was counted more than once" for row in answered)


def report_faults(chronicle: Chronicle, report: dict[str, Any]) -> Iterator[str]:
    """Where the report's totals are not what the network and the telephones saw."""

    def count(key: str) -> int:
        return sum(any(p.fullmatch(sms.text) for p in patterns(key)) for sms in chronicle.messages)

    def answered(topic: str, what: str) -> tuple[int, int]:
        """So many of this kind, of so many answers, in time or late."""
        rates = report[topic]
        return rates[what]["n"] + rates["late"]["n"], rates[what]["of"] + rates["late"]["of"]

    advice = report["advice"]
    yes, helped = answered("help", "yes")
    recalls = [answered(topic, "right") for topic in ("recall_3", "recall_14")]
    seen = {
        "advices wanted": (advice["wanted"], chronicle.visits),
        "advices delivered": (advice["delivered"], sum(not sms.lost for sms in chronicle.advices)),
        "advices expired": (advice["expired"], sum(sms.lost for sms in chronicle.advices)),
        "parts sent": (sum(kind["parts"] for kind in report["sms"].values()), chronicle.parts),
        "helped": (yes, count("thanks_yes")),
        "did not help": (helped - yes, count("ask_reason")),
        "remembered right": (sum(right for right, _ in recalls), count("recall_right")),
        "remembered wrong": (sum(of - right for right, of in recalls), count("recall_wrong")),
    }
    for name, (told, true) in seen.items():
        if told != true:
            yield f"{name}: the report says {told}, and it was {true}"


def _transcript(chronicle: Chronicle, number: str, stopped: set[str], helps: set[str]) -> Iterator[str]:
    """One farmer's telephone: nothing after STOP, no SMS of theirs without its reply."""
    theirs = [(place, message) for place, message in enumerate(chronicle.messages) if message.number == number]
    silent_from: int | None = None
    helped: Sent | None = None
    recent: list[Sent] = []
    for sent in (sent for sent in chronicle.sent if sent.number == number):
        yield from _silence(number, theirs, silent_from, sent.before)
        replies = [message for place, message in theirs if sent.before <= place < sent.after]
        said = [message for message in replies if kind_of(message.text) not in {"help", "recall"}]
        recent = [earlier for earlier in recent if earlier.at > sent.at - DAY]
        if silent_from is not None and sent.intent != "start":
            yield from (f"{number} was answered after STOP: {message.text!r}" for message in replies)
            silent_from = sent.after
            continue
        if sent.intent == "stop":
            if [message.text in stopped for message in replies] != [True]:
                yield f"{number} wrote {sent.text!r} and got {replies}"
            recent.append(sent)
            silent_from = sent.after
            continue
        silent_from = None
        may_be_silent = helped is not None and helped.at > sent.at - DAY and sent.intent == "odd"
        if not said and not may_be_silent and len(recent) < MOST_REPLIES:
            yield f"{number} wrote {sent.text!r} ({sent.intent}) on {sent.at} and got no reply"
        if said:
            recent.append(sent)
        if any(message.text in helps for message in said):
            helped = sent
    yield from _silence(number, theirs, silent_from, len(chronicle.messages))


def _silence(number: str, theirs: list[tuple[int, Message]], silent_from: int | None, until: int) -> Iterator[str]:
    if silent_from is not None:
        for place, message in theirs:
            if silent_from <= place < until:
                yield f"{number} got an SMS after STOP: {message.text!r}"
