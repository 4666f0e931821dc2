"""What the gateway was told of the ledger: which rows changed since, and the reports that tell of them.

Rules kept here:
- a row is told again when it has changed. Its told_at holds the state that was told and since when it was so, not when
  it was told: a clock that was put back, or stands still, hides no change;
- a report is queued in the transaction that marks its rows as told, so no crash parts the two;
- a question is told when it was asked or has ended, not while it is only planned;
- the diagnosis reports go first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Decision
from edge_daemon.exchange import Entry
from edge_daemon.store.farmers import Farmers
from edge_daemon.store.ledger import fate
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.report_outbox import LEDGER, insert
from edge_daemon.store.rows import json_candidates, time_of

DAY = timedelta(days=1)
ADVICE = "advice"
NAMING = {Decision.ANSWER, Decision.TWO_CANDIDATES}
"""The decisions that name a disease."""

_QUESTIONS = (
    "SELECT question.*, CASE WHEN erased_at IS NULL THEN pseudonym ELSE '' END AS farmer,"
    " (SELECT count(*) FROM sms_part WHERE outbox_id = question.outbox_id) AS parts"
    " FROM question JOIN farmer ON farmer.id = farmer_id"
    " WHERE state != 'planned' AND told_at IS NOT changed_at || ' ' || state ORDER BY question.id LIMIT ?"
)
_ADVICES = (
    "SELECT outbox.*, CASE WHEN erased_at IS NULL THEN pseudonym ELSE '' END AS farmer, decision, candidates,"
    " (SELECT count(*) FROM sms_part WHERE outbox_id = outbox.id) AS parts"
    " FROM outbox JOIN farmer ON farmer.id = farmer_id JOIN diagnosis ON diagnosis.id = diagnosis_id"
    " WHERE channel = 'sms' AND kind = 'answer' AND told_at IS NOT changed_at || ' ' || state"
    " ORDER BY outbox.id LIMIT ?"
)
_UNNAMED = "SELECT id, number FROM farmer WHERE pseudonym = '' AND erased_at IS NULL"
_MARKS = {
    True: "UPDATE outbox SET told_at = ? WHERE id = ?",
    False: "UPDATE question SET told_at = ? WHERE id = ?",
}
"""By whether the row is an advice."""


class Told:
    """Made by Store. wake: a report was queued."""

    def __init__(
        self, rows: RowsFunction, write: WriteFunction, now: Now, farmers: Farmers, wake: Callable[[], None]
    ) -> None:
        self._rows = rows
        self._write = write
        self._now = now
        self._farmers = farmers
        self._wake = wake

    def changed(self, limit: int) -> list[Entry]:
        """Rows that changed since they were told, at most `limit`: questions before advices, each oldest first."""
        self._name_farmers()
        questions = [_question(row) for row in self._rows(_QUESTIONS, (limit,))]
        return questions + [_advice(row) for row in self._rows(_ADVICES, (limit - len(questions),))]

    def tell(self, entries: Sequence[Entry], body: bytes) -> None:
        """Queue the report on these rows, and mark them as told as they were then. What changed since stays changed."""

        def work(db: sqlite3.Connection) -> None:
            insert(db, body, LEDGER, self._now().utc.isoformat())
            for entry in entries:
                db.execute(_MARKS[entry.kind == ADVICE], (entry.version, entry.row))

        self._write(work)
        self._wake()

    def reports_within_a_day(self, now: datetime) -> int:
        """How many reports on the ledger were queued in 24 hours."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM outbox"
            " WHERE channel = 'report' AND rank = ? AND queued_at > ? AND queued_at <= ?",
            (LEDGER, (now - DAY).isoformat(), now.isoformat()),
        )
        return int(row["n"])

    def reports_waiting(self) -> int:
        """How many reports on the ledger are still to go."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM outbox"
            " WHERE channel = 'report' AND rank = ? AND state IN ('waiting', 'sending')",
            (LEDGER,),
        )
        return int(row["n"])

    def forget_delivered(self, now: datetime) -> None:
        """Remove the reports on the ledger that the gateway took, and that the day's count does not need."""
        self._write(
            lambda db: db.execute(
                "DELETE FROM outbox WHERE channel = 'report' AND rank = ? AND state = 'delivered' AND queued_at <= ?",
                (LEDGER, (now - DAY).isoformat()),
            )
        )

    def _name_farmers(self) -> None:
        """Give those a pseudonym who are in the file since before there were any."""

        def work(db: sqlite3.Connection) -> None:
            named = [(self._farmers.pseudonym(db, row["number"]), row["id"]) for row in db.execute(_UNNAMED).fetchall()]
            db.executemany("UPDATE farmer SET pseudonym = ? WHERE id = ?", named)

        if self._rows(f"{_UNNAMED} LIMIT 1", ()):
            self._write(work)


def _advice(row: sqlite3.Row) -> Entry:
    named = json_candidates(row["candidates"])[0].label if row["decision"] in NAMING else ""
    return Entry(
        kind=ADVICE,
        row=row["id"],
        pseudonym=row["farmer"],
        diagnosis=row["diagnosis_id"],
        label=named,
        language=row["language"],
        template=row["template"],
        state=fate(row["state"], row["why"]) if row["state"] == "parked" else row["state"],
        begun_at=datetime.fromisoformat(row["queued_at"]),
        sent_at=time_of(row["sent_at"]),
        ended_at=time_of(row["delivered_at"]),
        parts=row["parts"],
        version=f"{row['changed_at']} {row['state']}",
    )


def _question(row: sqlite3.Row) -> Entry:
    return Entry(
        kind=row["topic"],
        row=row["id"],
        pseudonym=row["farmer"],
        diagnosis=row["diagnosis_id"],
        label=row["label"],
        language=row["language"],
        template=row["template"],
        state=row["state"],
        begun_at=datetime.fromisoformat(row["planned_at"]),
        sent_at=time_of(row["asked_at"]),
        ended_at=time_of(row["answered_at"]),
        parts=row["parts"],
        options=row["options"],
        right=row["right"],
        answer=row["answer"],
        late=bool(row["late"]),
        version=f"{row['changed_at']} {row['state']}",
    )
