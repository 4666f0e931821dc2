"""A kiosk's conversation with the real store, catalogue and wording, and a clock that tests set; no modem."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_daemon import parts
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.clock import Instant
from edge_daemon.config import Config, SmsRules
from edge_daemon.conversation.plan import Plan
from edge_daemon.diagnosis import Candidate, Clock, Decision, Diagnosis, Farmer, Photo, Sms, Visit
from edge_daemon.modem.simulation.encoder import deliver
from edge_daemon.sms_reading import PduReading
from edge_daemon.store import database
from edge_daemon.store.store import Store
from edge_daemon.wording import Wording
from tests.pseudonyms import give_key

MORNING = datetime(2027, 6, 1, 4, 30, tzinfo=UTC)
"""Ten o'clock in India."""
NUMBER = "+919812345678"
HIGH, HEALTHY = "rice/blast", "rice/healthy"
SMSC = "+919840000000"
DAY = timedelta(days=1)
KEY = bytes(32)
"""Of the pseudonyms, so that who gets which wording is the same in every run."""


class Desk:
    """What a test does: farmers are advised, time passes, SMS go and come. folder: the kiosk's state."""

    def __init__(
        self, folder: Path, catalogue: Catalogue, sms: dict[str, Any] | None = None, **conversation: Any
    ) -> None:
        self.folder = folder
        self.catalogue = catalogue
        self.config = Config.model_validate(
            {"conversation": {"control_percent": 0, **conversation}, "sms": {"minute_parts": 0, **(sms or {})}}
        )
        self.utc, self.s = MORNING, 0.0
        self.clock: Clock = "synced"
        self.sent: list[Sms] = []
        self._open()

    def now(self) -> Instant:
        return Instant(self.utc, self.clock)

    def _open(self) -> None:
        self.store = Store.open(self.folder, 0, self.now, self.config.sms, PduReading())
        give_key(self.store.folder, KEY)
        self.wording = Wording(self.catalogue, self.config.conversation.officer)
        self.store.questions.planner = Plan(self.config.conversation, self.wording.urgency)
        self.talk = parts.build_talk(self.config, self.catalogue, self.store, self.now, lambda: self.s)

    def restart(self, sms: dict[str, Any] | None = None) -> None:
        """The process ends, and another begins, perhaps by other rules; the clock that does not jump begins anew."""
        self.store.close()
        rules = {**self.config.sms.model_dump(), **(sms or {})}
        self.config = self.config.model_copy(update={"sms": SmsRules.model_validate(rules)})
        self.s = 0.0
        self._open()

    def close(self) -> None:
        self.store.close()

    def passes(self, time: timedelta) -> None:
        """Time passes, by every clock."""
        self.utc += time
        self.s += time.total_seconds()

    def advise(
        self,
        label: str = HIGH,
        number: str = NUMBER,
        language: str = "en",
        decision: Decision = Decision.ANSWER,
        text: str = "Do this.",
    ) -> Sms:
        """A farmer is advised; the SMS waits."""
        visit = Visit(uuid.uuid4().hex, self.utc, self.clock, language)
        candidates = (Candidate(label, 0.9), Candidate("rice/tungro", 0.05))
        diagnosis = Diagnosis(
            uuid.uuid4().hex, visit, self.utc, self.clock, decision, candidates, 0.9, "drawn-1", "folder:leaf.jpg", True
        )
        self.store.begin(visit)
        self.store.record(diagnosis, Photo(b"", self.utc, "folder:leaf.jpg"), b"report")
        return self.store.queue_sms(diagnosis, Farmer(number, language), text)

    def send(self) -> list[Sms]:
        """The network takes all that may go now, in parts of one each."""
        gone: list[Sms] = []
        while (sms := self.store.sms.take()) is not None:
            self.store.part_sent(sms, 1, sms.reference)
            self.store.sms.delivered(sms)
            gone.append(sms)
        self.sent += gone
        return gone

    def advised(self, label: str = HIGH, number: str = NUMBER, language: str = "en") -> Sms:
        """A farmer is advised, and the network takes the SMS."""
        sms = self.advise(label, number, language)
        assert [each.id for each in self.send()] == [sms.id]
        return sms

    def look(self) -> list[Sms]:
        """The kiosk looks, and what it says goes."""
        self.talk.look()
        return self.send()

    def hears(self, text: str, number: str = NUMBER) -> list[str]:
        """An SMS comes in; the words that go to its sender."""
        self.comes(text, number)
        return [sms.text for sms in self.look() if sms.number == number]

    def comes(self, text: str, number: str = NUMBER) -> None:
        """An SMS comes in, and nobody looks yet."""
        self.passes(timedelta(seconds=1))  # the network's time of two SMS is not the same
        pdus = deliver(number, text, self.utc, smsc=SMSC)
        assert [self.store.inbound.take(pdu).outcome for pdu in pdus][-1] == "message"

    def says(self, key: str, language: str = "en") -> str:
        """A fixed text."""
        return self.wording.say(key, language)

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """The kiosk's file, read by itself."""
        with closing(sqlite3.connect(self.folder / database.FILE)) as file:
            return file.execute(statement, values).fetchall()

    def questions(self, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of every question, in the order in which they were made."""
        return [tuple(row) for row in self.rows(f"SELECT {', '.join(columns)} FROM question ORDER BY id")]
