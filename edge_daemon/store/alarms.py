"""Alarms: each is queued once in its time, in the transaction that remembers it; and the diagnoses that raise one."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import NamedTuple

from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.report_outbox import URGENT, ReportOutbox, insert

_SEEN = (
    "SELECT json_extract(candidates, '$[0][0]') AS label, count(DISTINCT visit_id) AS visits FROM diagnosis"
    " WHERE taken_at > ? AND taken_at <= ? AND decision = 'answer' AND rehearsal = ? GROUP BY label HAVING visits >= ?"
)


class Seen(NamedTuple):
    """A class of the model, "<crop>/<disease>", and in how many visits it was the answer."""

    label: str
    visits: int


class Alarms:
    """Made by Store."""

    def __init__(self, rows: RowsFunction, write: WriteFunction, outbox: ReportOutbox) -> None:
        self._rows = rows
        self._write = write
        self._outbox = outbox

    def newest_diagnosis(self) -> int:
        """Grows with each one that is recorded."""
        (row,) = self._rows("SELECT ifnull(max(rowid), 0) AS n FROM diagnosis", ())
        return int(row["n"])

    def seen(self, now: datetime, days: int, least: int, *, rehearsal: bool) -> list[Seen]:
        """The classes that were the answer in at least so many visits of these days. now: UTC."""
        since = (now - timedelta(days=days)).isoformat()
        rows = self._rows(_SEEN, (since, now.isoformat(), int(rehearsal), least))
        return [Seen(row["label"], row["visits"]) for row in rows]

    def is_due(self, what: str, label: str, now: datetime, every: timedelta) -> bool:
        """Whether this alarm was not raised in that time. One that lies in the future was raised by a wrong clock."""
        return not self._rows(
            "SELECT 1 FROM alarmed WHERE what = ? AND label = ? AND at > ? AND at <= ?",
            (what, label, (now - every).isoformat(), now.isoformat()),
        )

    def raise_(self, what: str, label: str, now: datetime, body: bytes) -> None:
        """Queue the alarm, and remember that it was raised."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO alarmed VALUES (?, ?, ?)", (what, label, now.isoformat()))
            insert(db, body, URGENT, now.isoformat())

        self._write(work)
        self._outbox.wake()
