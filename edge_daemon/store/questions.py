"""What farmers are asked and what they answer: the ledger's rows, planned, asked and answered one transaction each.

Rules kept here:
- questions are planned in the transaction in which their advice has gone, so no crash parts the two;
- a question that the clock could not date (it was "unsure") is dated anew as soon as the clock is known to be right;
- all that follows from an SMS that came in is done together with marking it as dealt with, so it happens once;
- every answer is kept; the first one counts.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from edge_daemon.clock import Instant, Now
from edge_daemon.diagnosis import Candidate, Kind, Sms
from edge_daemon.errors import OptedOut
from edge_daemon.exchange import Asking, Correspondent, Outcome, Planned, Question, Reply, Topic
from edge_daemon.store.inbound import InboundSms
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.rows import json_candidates, time_of
from edge_daemon.store.texts import Label, Texts

DAY = timedelta(days=1)
LATELY = timedelta(days=60)
"""What became of a question's SMS is known long before that."""
DUE_MOST = 100
"""Questions that are looked at together."""
UNDATED = "SELECT id, after_s FROM question WHERE state = 'planned' AND clock = 'unsure'"
_SELECT = (
    "SELECT question.*, farmer.number, farmer.pseudonym, farmer.language AS spoken FROM question"
    " JOIN farmer ON farmer.id = question.farmer_id"
)


class Planner(Protocol):
    """What to ask about an advice: edge_daemon.conversation.plan.Plan."""

    def questions(self, best: Candidate, pseudonym: str) -> Sequence[Planned]: ...


class Questions:
    """What is asked. Made by Store. planner: None plans nothing."""

    def __init__(
        self,
        rows: RowsFunction,
        write: WriteFunction,
        now: Now,
        texts: Texts,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.planner: Planner | None = None
        self.clock_s = clock_s
        self.judge: Callable[[Instant], Instant] = _believed
        """Whether a time may be believed; the conversation's calendar knows of jumps."""
        self._rows = rows
        self._write = write
        self._now = now
        self._texts = texts
        self._planned_s: dict[int, float] = {}
        """When a question was planned that the clock could not date, on the clock that does not jump."""

    def plan(self, db: sqlite3.Connection, sms: Sms) -> None:
        """Within a transaction: an SMS has gone. Plan what its advice is to be asked about, if it is one."""
        row = db.execute(
            "SELECT farmer_id, diagnosis_id, decision, candidates, number, pseudonym, notice, kind FROM outbox"
            " JOIN farmer ON farmer.id = farmer_id LEFT JOIN diagnosis ON diagnosis.id = diagnosis_id"
            " WHERE outbox.id = ?",
            (sms.id,),
        ).fetchone()
        if row is None:
            return
        now = self._now()
        if row["notice"]:
            db.execute(
                "UPDATE farmer SET notice_at = ifnull(notice_at, ?) WHERE id = ?",
                (now.utc.isoformat(), row["farmer_id"]),
            )
        if self.planner is None or row["kind"] != Kind.ANSWER or row["decision"] != "answer":
            return
        if self._texts.has_opted_out(row["number"]):  # while it was on its way
            return
        best = json_candidates(row["candidates"])[0]
        for planned in self.planner.questions(best, self._pseudonym(db, row)):
            self._insert_planned(db, row, sms.id, best.label, planned)

    def _pseudonym(self, db: sqlite3.Connection, row: sqlite3.Row) -> str:
        """A farmer of before there were pseudonyms gets theirs now: who is asked what follows from it for good."""
        if row["pseudonym"]:
            return str(row["pseudonym"])
        pseudonym = self._texts.farmers.pseudonym(db, row["number"])
        db.execute("UPDATE farmer SET pseudonym = ? WHERE id = ?", (pseudonym, row["farmer_id"]))
        return pseudonym

    def due(self, now: datetime) -> list[Question]:
        """The planned questions whose time has come, by the clock that is right now; those that wait longest first."""
        rows = self._rows(
            f"{_SELECT} WHERE state = 'planned' AND clock = 'synced' AND due_at <= ?"
            " ORDER BY due_at, question.id LIMIT ?",
            (now.isoformat(), DUE_MOST),
        )
        return [_question(row) for row in rows]

    def date_anew(self, now: datetime) -> int:
        """The clock is right now: date what it could not date before, if need be in the past. How many were."""

        def work(db: sqlite3.Connection) -> int:
            rows = db.execute(UNDATED).fetchall()
            for row in rows:
                passed_s = self.clock_s() - self._planned_s.get(row["id"], self.clock_s())
                due = now + timedelta(seconds=row["after_s"] - passed_s)
                db.execute(
                    "UPDATE question SET due_at = ?, clock = 'synced' WHERE id = ?", (due.isoformat(), row["id"])
                )
            return len(rows)

        if not self._rows("SELECT 1 FROM question WHERE state = 'planned' AND clock = 'unsure' LIMIT 1", ()):
            return 0
        dated = self._write(work)
        self._planned_s.clear()
        return dated

    def may_ask(self, question: Question, now: datetime) -> bool:
        """Whether the farmer has no question to answer now, and got none within a day."""
        rows = self._rows(
            "SELECT 1 FROM question WHERE farmer_id = (SELECT farmer_id FROM question WHERE id = ?)"
            " AND asked_at <= ? AND (asked_at > ? OR (state = 'asked' AND until >= ?)) LIMIT 1",
            (question.id, now.isoformat(), (now - DAY).isoformat(), now.isoformat()),
        )
        return not rows

    def asked_within_a_day(self, now: datetime) -> int:
        """How many questions the kiosk has asked by itself in 24 hours."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM question WHERE asked_at > ? AND asked_at <= ? AND topic != 'reason'",
            ((now - DAY).isoformat(), now.isoformat()),
        )
        return int(row["n"])

    def advice_failed(self, question: Question) -> str | None:
        """Why the advice that a question is about did not arrive; None where it may have."""
        rows = self._rows("SELECT state, why FROM outbox WHERE id = ?", (question.advice,))
        if rows and rows[0]["state"] == "parked":
            return f"the advice did not arrive: {rows[0]['why']}"
        return None

    def turn(self, question: Question) -> int:
        """How often this farmer was asked before what they remember of this label."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM question WHERE farmer_id = (SELECT farmer_id FROM question WHERE id = ?)"
            " AND label = ? AND topic LIKE 'recall%' AND asked_at IS NOT NULL AND id != ?",
            (question.id, question.label, question.id),
        )
        return int(row["n"])

    def ask(self, question: Question, asking: Asking, open_for: timedelta) -> bool:
        """Queue a question; False where its farmer wants no more SMS, or it was cancelled meanwhile. Raises BadText."""
        self._texts.check(question.number, asking.text)

        def work(db: sqlite3.Connection) -> bool:
            if not db.execute("SELECT 1 FROM question WHERE id = ? AND state = 'planned'", (question.id,)).fetchone():
                return False  # its farmer may be erased: their number must not come back by it
            id = self._texts.queue_within(
                db, question.number, question.language, asking.text, Kind.FOLLOW_UP, label=Label(asking.template)
            )
            now = self._now().utc
            db.execute(
                "UPDATE question SET state = 'asked', outbox_id = ?, template = ?, language = ?, options = ?,"
                " right = ?, asked_at = ?, until = ?, changed_at = ? WHERE id = ? AND state = 'planned'",
                (
                    *(id, asking.template, question.language, asking.options, asking.right),
                    *(now.isoformat(), (now + open_for).isoformat(), now.isoformat(), question.id),
                ),
            )
            return True

        try:
            asked = self._write(work)
        except OptedOut as why:
            self.end(question, "cancelled", str(why))
            return False
        self._texts.wake()
        return asked

    def end(self, question: Question, state: str, why: str) -> None:
        """It is never asked: "missed" or "cancelled"."""
        now = self._now().utc.isoformat()
        self._write(
            lambda db: db.execute(
                "UPDATE question SET state = ?, why = ?, changed_at = ? WHERE id = ? AND state = 'planned'",
                (state, why, now, question.id),
            )
        )

    def close_unsent(self) -> int:
        """Questions whose SMS was given up on before it went were never asked. How many there were."""
        unsent = self._rows(
            "SELECT question.id FROM question JOIN outbox ON outbox.id = outbox_id"
            " WHERE question.state = 'asked' AND question.due_at > ? AND outbox.state = 'parked' AND sent_at IS NULL",
            ((self._now().utc - LATELY).isoformat(),),
        )
        rows = [(self._now().utc.isoformat(), row["id"]) for row in unsent]
        statement = "UPDATE question SET state = 'missed', why = 'its SMS did not go', changed_at = ? WHERE id = ?"
        if rows:
            self._write(lambda db: db.executemany(statement, rows))
        return len(rows)

    def correspondent(self, number: str, language: str) -> Correspondent:
        """Whoever has this number; language: of a number that is not known."""
        now = self._now().utc
        found = self._rows("SELECT id, language, helped_at FROM farmer WHERE number = ?", (number,))
        opted_out = self._texts.has_opted_out(number)
        if not found:
            return Correspondent(number, language, opted_out, None, None, False, 0)
        (farmer,) = found
        (replies,) = self._rows(
            "SELECT count(*) AS n FROM outbox WHERE farmer_id = ? AND kind IN ('reply', 'confirmation')"
            " AND queued_at > ? AND queued_at <= ?",
            (farmer["id"], (now - DAY).isoformat(), now.isoformat()),
        )
        advice = self._rows(
            "SELECT diagnosis_id FROM outbox WHERE farmer_id = ? AND kind = 'answer' AND diagnosis_id IS NOT NULL"
            " AND sent_at IS NOT NULL ORDER BY id DESC LIMIT 1",
            (farmer["id"],),
        )
        helped_at = farmer["helped_at"]
        return Correspondent(
            number=number,
            language=farmer["language"],
            opted_out=opted_out,
            question=self._newest(farmer["id"], now),
            advice=advice[0]["diagnosis_id"] if advice else None,
            helped=helped_at is not None and (now - DAY).isoformat() < helped_at <= now.isoformat(),
            replies=replies["n"],
        )

    def settle(self, message: InboundSms, who: Correspondent, outcome: Outcome, open_for: timedelta) -> None:
        """Do all that follows from an SMS, and mark it as dealt with. Asked a second time it does nothing.

        open_for: how long a question that the reply asks is open. Raises BadText.
        """
        if outcome.reply is not None:
            self._texts.check(who.number, outcome.reply.text)
        now = self._now().utc

        def work(db: sqlite3.Connection) -> None:
            done = db.execute(
                "UPDATE inbound SET state = 'done', sense = ? WHERE id = ? AND state = 'new'",
                (outcome.sense, message.id),
            )
            if done.rowcount:
                self._do(db, who, outcome, now, open_for)

        self._write(work)
        self._texts.wake()

    def _do(
        self, db: sqlite3.Connection, who: Correspondent, outcome: Outcome, now: datetime, open_for: timedelta
    ) -> None:
        db.execute("UPDATE farmer SET seen_at = ? WHERE number = ?", (self._texts.farmers.seen(), who.number))
        if outcome.opted is False:
            self._texts.opt_out_within(db, who.number)
        elif outcome.opted:
            self._texts.opt_in_within(db, who.number)
        if outcome.answer is not None:
            self._note_answer(db, outcome, now)
        if outcome.reply is not None:
            id = self._reply(db, who, outcome.language or who.language, outcome.reply)
            self._ask_within(db, who, outcome.reply, id, now, open_for)
        if outcome.language is not None:
            db.execute("UPDATE farmer SET language = ? WHERE number = ?", (outcome.language, who.number))
        if outcome.unknown:
            db.execute("UPDATE farmer SET helped_at = ? WHERE number = ?", (now.isoformat(), who.number))

    def _reply(self, db: sqlite3.Connection, who: Correspondent, language: str, reply: Reply) -> int:
        return self._texts.queue_within(db, who.number, language, reply.text, reply.kind, label=Label(reply.template))

    def _note_answer(self, db: sqlite3.Connection, outcome: Outcome, now: datetime) -> None:
        answer = outcome.answer
        assert answer is not None
        at = now.isoformat()
        db.execute(
            "INSERT INTO answer (question_id, digit, at, counts, late) VALUES (?, ?, ?, ?, ?)",
            (answer.question, answer.digit, at, int(answer.counts), int(answer.late)),
        )
        if answer.counts:
            db.execute(
                "UPDATE question SET state = 'answered', answered_at = ?, answer = ?, late = ?, changed_at = ?"
                " WHERE id = ?",
                (at, answer.digit, int(answer.late), at, answer.question),
            )

    def _ask_within(
        self,
        db: sqlite3.Connection,
        who: Correspondent,
        reply: Reply,
        outbox: int,
        now: datetime,
        open_for: timedelta,
    ) -> None:
        """The reply asks a question itself: it stands in the ledger like any other."""
        if reply.asks is None or who.question is None:
            return
        topic, options = reply.asks
        at = now.isoformat()
        db.execute(
            "INSERT OR IGNORE INTO question (farmer_id, diagnosis_id, advice_id, topic, state, label, language,"
            " template, planned_at, clock, after_s, due_at, options, outbox_id, asked_at, until, changed_at)"
            " SELECT farmer_id, diagnosis_id, advice_id, ?, 'asked', label, ?, ?, ?, 'synced', 0, ?, ?, ?, ?, ?, ?"
            " FROM question WHERE id = ?",
            (
                *(topic, who.language, reply.template, at, at, options, outbox, at, (now + open_for).isoformat(), at),
                who.question.id,
            ),
        )

    def _newest(self, farmer: int, now: datetime) -> Question | None:
        """The newest question that is open, else the newest that was asked. One that has not gone yet is neither."""
        rows = self._rows(
            f"{_SELECT} JOIN outbox ON outbox.id = outbox_id WHERE question.farmer_id = ? AND asked_at IS NOT NULL"
            " AND sent_at IS NOT NULL"
            " ORDER BY (question.state = 'asked' AND until >= ?) DESC, asked_at DESC, question.id DESC LIMIT 1",
            (farmer, now.isoformat()),
        )
        return _question(rows[0]) if rows else None

    def _insert_planned(
        self, db: sqlite3.Connection, row: sqlite3.Row, advice: int, label: str, planned: Planned
    ) -> None:
        now = self.judge(self._now())
        at = now.utc.isoformat()
        inserted = db.execute(
            "INSERT OR IGNORE INTO question (farmer_id, diagnosis_id, advice_id, topic, label, planned_at, clock,"
            " after_s, due_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row["farmer_id"], row["diagnosis_id"], advice, planned.topic, label, at, now.clock),
                *(int(planned.after.total_seconds()), (now.utc + planned.after).isoformat(), at),
            ),
        )
        if inserted.rowcount and now.clock == "unsure" and inserted.lastrowid:
            self._planned_s[inserted.lastrowid] = self.clock_s()


def _believed(now: Instant) -> Instant:
    return now


def _question(row: sqlite3.Row) -> Question:
    return Question(
        id=row["id"],
        number=row["number"],
        pseudonym=row["pseudonym"],
        language=row["language"] or row["spoken"],
        topic=Topic(row["topic"]),
        state=row["state"],
        label=row["label"],
        advice=row["advice_id"],
        due_at=datetime.fromisoformat(row["due_at"]),
        asked_at=time_of(row["asked_at"]),
        until=time_of(row["until"]),
        options=row["options"],
        right=row["right"],
    )
