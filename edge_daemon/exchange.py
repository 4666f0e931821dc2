"""The nouns of the conversation: what is asked, what is answered, what the kiosk does about it. Frozen values, no I/O.

A question is planned when the network has taken an advice, asked some days later, answered or not. Its life:

    planned ── asked ── answered
       │         └───── missed: its SMS never went
       ├─ missed: its time was over before it could be asked
       └─ cancelled: the farmer wants no more SMS, was erased, or the advice never arrived
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from edge_daemon.diagnosis import Kind


class Topic(StrEnum):
    """What is asked of an advice. The figure of a recall question is the day on which it is asked."""

    HELP = "help"  # did it help? 1 yes, 2 no
    REASON = "reason"  # why not? asked at once after a no
    RECALL_3 = "recall_3"  # what should you do?
    RECALL_14 = "recall_14"

    @property
    def is_recall(self) -> bool:
        return self in {Topic.RECALL_3, Topic.RECALL_14}


YES, NO = 1, 2
"""The digits of "did it help?"."""
REASONS = 3
"""Why an advice did not help: 1 it could not be done, 2 it changed nothing, 3 it got worse."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A question to be asked, so many days after the advice was sent."""

    topic: Topic
    after: timedelta


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the ledger. due_at is by the clock that planned it; asked_at None: not asked yet.

    advice: the row of the SMS that it is about. options: how many answers it offers, right: the digit of the right one,
    0 where none is. until: how long an answer is in time.
    """

    id: int
    number: str = field(repr=False)
    pseudonym: str
    language: str
    topic: Topic
    state: str
    label: str
    advice: int
    due_at: datetime
    asked_at: datetime | None = None
    until: datetime | None = None
    options: int = 0
    right: int = 0

    def is_in_time(self, now: datetime) -> bool:
        """Whether an answer that comes now is in time."""
        return self.until is not None and now <= self.until


@dataclass(frozen=True, slots=True)
class Asking:
    """A question's words. template: the key of the wording, such as "ask_help_b"."""

    text: str = field(repr=False)
    template: str
    options: int
    right: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said to an SMS that came in. asks: the question that it asks, if it asks one."""

    kind: Kind
    text: str = field(repr=False)
    template: str
    asks: tuple[Topic, int] | None = None
    """The topic, and how many answers it offers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A digit that was sent in answer to a question. counts: the first one does. late: it came after its time."""

    question: int
    digit: int
    counts: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that follows from one SMS: done together, or not at all.

    sense: what it was taken for. opted: True for START, False for STOP. language: to be used from now on. unknown: it
    was answered with help, which happens once a day.
    """

    sense: str
    opted: bool | None = None
    language: str | None = None
    answer: Answer | None = None
    reply: Reply | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Whoever sent an SMS, as the store knows them.

    question: the newest that is open, else the newest that was asked. advice: the
    id of the newest diagnosis that was texted to them. helped: they got help for something unknown within a day.
    replies: how many SMS they got in answer within a day.
    """

    number: str = field(repr=False)
    language: str
    opted_out: bool
    question: Question | None
    advice: str | None
    helped: bool
    replies: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An advice or a question as the ledger has it, for the gateway: without the number.

    kind: "advice", or the question's topic. row: its number in its table. pseudonym: "" of a farmer who was erased.
    label: "" where the decision named none. begun_at: queued, or planned. ended_at: on the telephone, or answered.
    parts: of its SMS that the network took. version: changes whenever the row does; only good to be compared.
    """

    kind: str
    row: int
    pseudonym: str
    diagnosis: str
    label: str
    language: str
    template: str
    state: str
    begun_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    parts: int
    version: str = field(repr=False)
    options: int = 0
    right: int = 0
    answer: int | None = None
    late: bool = False
