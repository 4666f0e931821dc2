"""The conversation: every few seconds, what came in is answered and what is due is asked.

One look does all that is to be done now, so that it can be made at any time, as often as one likes. A message that
cannot be answered keeps back none behind it: all else that follows from it is done, and the reason is logged. So it is
with a question that cannot be put: it is missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from edge_daemon import sms_policy
from edge_daemon.clock import Instant, Now
from edge_daemon.config import Conversation, SmsRules
from edge_daemon.conversation import dialogue, plan
from edge_daemon.conversation.calendar import Calendar
from edge_daemon.conversation.meaning import Meaning
from edge_daemon.errors import BadInput, ModelError
from edge_daemon.exchange import Asking, Correspondent, Outcome, Question, Topic

LOOK_S = 2.0
"""How often it looks."""
DAILY_S = 24 * 3600.0
STALE = timedelta(days=7)
"""What is older when it is looked at, as after a long repair, is obeyed and counted, but not answered."""
STEADY_S = 6 * 3600.0
"""What is done once a day cannot be undone: the clock has to have been right for so long since the start. A network
that tells a wrong time tells a right one sooner; a kiosk that has power by day only comes to it all the same."""

log = logging.getLogger(__name__)


class Message(Protocol):
    """An SMS that came in: edge_daemon.store.inbound.InboundSms."""

    @property
    def id(self) -> int: ...
    @property
    def number(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...


class Inbound(Protocol):
    """What came in: edge_daemon.store.inbound.Inbound."""

    def new(self, limit: int = ...) -> Sequence[Any]: ...
    def done(self, message: Any) -> None: ...
    def name(self, message: Any, number: str) -> None: ...


class Questions(Protocol):
    """The ledger's questions: edge_daemon.store.questions.Questions."""

    def due(self, now: datetime) -> list[Question]: ...
    def date_anew(self, now: datetime) -> int: ...
    def may_ask(self, question: Question, now: datetime) -> bool: ...
    def asked_within_a_day(self, now: datetime) -> int: ...
    def advice_failed(self, question: Question) -> str | None: ...
    def turn(self, question: Question) -> int: ...
    def ask(self, question: Question, asking: Asking, open_for: timedelta) -> bool: ...
    def end(self, question: Question, state: str, why: str) -> None: ...
    def close_unsent(self) -> int: ...
    def correspondent(self, number: str, language: str) -> Correspondent: ...
    def settle(self, message: Any, who: Correspondent, outcome: Outcome, open_for: timedelta) -> None: ...


class Texts(dialogue.Texts, Protocol):
    """The words: edge_daemon.wording.Wording."""

    def ask_help(self, label: str, language: str, template: str) -> str: ...
    def recall(self, label: str, language: str, turn: int) -> Asking: ...


class Talk:
    """Answers and asks. read: what a text means. sender: the E.164 number of whoever sent one, None where
    nobody can be answered. again: as dialogue.Again. daily: what is done once a day. well: is told of each look that
    came to its end."""

    def __init__(
        self,
        rules: Conversation,
        sms: SmsRules,
        language: str,
        inbound: Inbound,
        questions: Questions,
        texts: Texts,
        read: Callable[[str], Meaning],
        sender: Callable[[str], str | None],
        again: dialogue.Again,
        now: Now,
        clock_s: Callable[[], float],
        daily: Callable[[datetime], None] = lambda now: None,
        well: Callable[[], object] = lambda: None,
    ) -> None:
        self._rules = rules
        self._sms = sms
        self._language = language
        self._inbound = inbound
        self._questions = questions
        self._texts = texts
        self._read = read
        self._sender = sender
        self._again = again
        self._now = now
        self._clock_s = clock_s
        self._daily = daily
        self._well = well
        self._daily_s: float | None = None
        self._right_s: float | None = None
        """Since when the clock has been right, on the clock that does not jump."""
        self._calendar = Calendar()
        self._open_for = timedelta(hours=rules.open_h)

    async def run(self) -> None:
        """Look for ever. Raises StateError."""
        while True:
            self.look()
            self._well()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Answer what came in, then ask what is due. Raises StateError."""
        for message in self._inbound.new():
            self._answer(message)
        self._questions.close_unsent()
        now = self.judge(self._now())
        if now.clock != "synced":
            self._right_s = None
            return
        self._questions.date_anew(now.utc)
        if not sms_policy.is_quiet(now.utc, self._sms):
            self._ask(now.utc)
        self._do_daily(now.utc, self._clock_s())

    def _do_daily(self, now: datetime, clock_s: float) -> None:
        if self._right_s is None:
            self._right_s = clock_s
        if clock_s - self._right_s >= STEADY_S and (self._daily_s is None or clock_s - self._daily_s >= DAILY_S):
            self._daily_s = clock_s
            self._daily(now)

    def judge(self, now: Instant) -> Instant:
        """The time, "unsure" while it is in doubt."""
        return self._calendar.judge(now, self._clock_s())

    def _answer(self, message: Message) -> None:
        number = self._sender(message.number)
        if number is None:  # an operator's advertisement: nobody is there to answer
            self._inbound.done(message)
            return
        if number != message.number:
            self._inbound.name(message, number)
        who = self._questions.correspondent(number, self._language)
        meaning = self._read(message.text)
        now = self._now().utc
        if now - message.received_at > STALE:
            self._questions.settle(message, who, dialogue.without_words(meaning, who, now), self._open_for)
            return
        try:
            outcome = dialogue.respond(meaning, who, now, self._texts, self._again)
            self._questions.settle(message, who, outcome, self._open_for)
        except (BadInput, ModelError) as why:  # too long; of a label that is gone; or its farmer opted out just now
            log.error("SMS %d gets no reply: %s", message.id, why)
            self._questions.settle(message, who, dialogue.without_words(meaning, who, now), self._open_for)
        log.info("An SMS came in: %s.", meaning.sense.value)

    def _ask(self, now: datetime) -> None:
        due = self._questions.due(now)
        left = self._rules.daily_questions - self._questions.asked_within_a_day(now) if due else 0
        for question in due:
            if why := self._why_never(question, now):
                self._questions.end(question, *why)
            elif left > 0 and self._questions.may_ask(question, now):
                left -= self._put(question)

    def _put(self, question: Question) -> bool:
        """Ask a question. Whether it was asked."""
        try:
            return self._questions.ask(question, self._asking(question), self._open_for)
        except (BadInput, ModelError) as why:  # its label or language is gone, or its words are too long
            log.error("Question %d cannot be asked: %s", question.id, why)
            self._questions.end(question, "missed", f"it could not be asked: {why}")
            return False

    def _why_never(self, question: Question, now: datetime) -> tuple[str, str] | None:
        """The state in which a question ends unasked, and why."""
        if failed := self._questions.advice_failed(question):
            return "cancelled", failed
        if now > question.due_at + plan.LATEST[question.topic]:
            return "missed", "its time was over before it could be asked"
        return None

    def _asking(self, question: Question) -> Asking:
        if question.topic is Topic.HELP:
            template = self._template("ask_help", question.pseudonym)
            text = self._texts.ask_help(question.label, question.language, template)
            return Asking(text, template, options=2)
        return self._texts.recall(question.label, question.language, self._questions.turn(question))

    def _template(self, key: str, pseudonym: str) -> str:
        """The key of the wording that a farmer gets."""
        for experiment in self._rules.experiments:
            if experiment.template == key and plan.variant(pseudonym, experiment.name) == "b":
                return f"{key}_b"
        return key
