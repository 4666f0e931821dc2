"""The outbox of reports: given out in batches, removed when the gateway has them.

    waiting ── confirmed() ──> gone; a report on the ledger is kept, empty, as long as its day is counted (told.py)
       ├────── refused() ────> parked: the gateway would never take it; kept with the reason
       └<────── again() ─────── parked: a technician lets it try anew

Rules kept here:
- what is on its way stays `waiting`: a crash at any moment loses nothing. It may then go twice, and the gateway knows
  it again by what it is;
- a link that is away costs a report none of its attempts;
- in this order: alarms, what is new, what has waited for more than a day, the ledger, what is to spare; each the oldest
  first. What was made by a clock that ran ahead is new.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from edge_daemon.diagnosis import Report
from edge_daemon.errors import StateFull
from edge_daemon.store.outbox import Outbox, WriteFunction

URGENT, REPORT, LEDGER, SPARE = 0, 1, 2, 9
"""The ranks: alarms; diagnoses and health; the ledger; small pictures."""
NEW = timedelta(days=1)

_TIERS = (
    (URGENT, ""),
    (REPORT, "AND queued_at > ?"),
    (REPORT, "AND queued_at <= ?"),
    (LEDGER, ""),
    (SPARE, ""),
)
_OF_TIER = (
    "SELECT id, body FROM outbox WHERE channel = 'report' AND state = 'waiting' AND rank = ? {}"
    " ORDER BY queued_at, id LIMIT ?"
)
_COUNTS = "SELECT rank, count(*) AS n FROM outbox WHERE channel = 'report' AND state = 'waiting' GROUP BY rank"
_OLDEST = "SELECT min(queued_at) AS oldest FROM outbox WHERE channel = 'report' AND state = 'waiting' AND rank = ?"
_AGAIN = (
    "UPDATE outbox SET state = 'waiting', why = NULL, changed_at = ?, attempts = 0, crashes = 0, unanswered = 0,"
    " due_at = '' WHERE id = ? AND channel = 'report' AND state = 'parked'"
)
MOST = 1000
"""What one call gives at the most."""


class Waiting(NamedTuple):
    """What waits: how many reports, of them urgent and to spare, and since when the oldest does."""

    reports: int
    urgent: int
    spare: int
    oldest: datetime | None


class Parked(NamedTuple):
    """A report that was given up. Times: UTC, ISO 8601."""

    id: int
    body: bytes
    queued_at: str
    changed_at: str
    why: str


class ReportOutbox(Outbox[Report]):
    """Made by Store. at_last: as its write, with the room that is kept for what must be removed on a full disk."""

    at_last: WriteFunction

    def batch(self, limit: int, *, least: int = SPARE, without: Collection[int] = ()) -> list[Report]:
        """What shall go next, at most `limit` (of MOST). least: no rank after this one. without: rows passed over."""
        found: list[Report] = []
        for rows in self._tiers(min(limit, MOST) + len(without), least):
            found += [Report(row["id"], row["body"]) for row in rows if row["id"] not in without]
            if len(found) >= limit:
                break
        return found[:limit]

    def _tiers(self, limit: int, least: int) -> Iterator[list[sqlite3.Row]]:
        since = (self._now().utc - NEW).isoformat()
        for rank, age in _TIERS:
            if rank <= least:
                yield self._rows(_OF_TIER.format(age), (rank, since, limit) if age else (rank, limit))

    async def stirred(self, patience_s: float) -> None:
        """Return when something was queued by this process, at the latest after `patience_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._queued.wait()
        self._queued.clear()

    def put(self, body: bytes, rank: int) -> None:
        """Queue a report that is about no single diagnosis."""
        self._write(lambda db: insert(db, body, rank, self._now().utc.isoformat()))
        self.wake()

    def confirmed(self, ids: Sequence[int]) -> None:
        """The gateway has stored these. On a full disk they are removed one by one, which takes the least room."""
        try:
            self._write(lambda db: self._remove(db, ids))
        except StateFull:
            for id in ids:
                self.at_last(functools.partial(self._remove, ids=(id,)))

    def _remove(self, db: sqlite3.Connection, ids: Sequence[int]) -> None:
        now = self._now().utc.isoformat()
        for id in ids:
            db.execute("DELETE FROM outbox WHERE id = ? AND channel = 'report' AND rank != ?", (id, LEDGER))
            db.execute(
                "UPDATE outbox SET state = 'delivered', changed_at = ?, body = x'', why = NULL"
                " WHERE id = ? AND channel = 'report'",
                (now, id),
            )

    def refused(self, ids: Sequence[int], why: str) -> None:
        """These will never go. They are kept, with the reason, for the operator to see."""
        for id in ids:
            self._mark(id, "parked", why)

    def blame(self, id: int, most: int, why: str) -> bool:
        """Sent alone, it was not acknowledged, while others were: parked when that was so `most` times. If it was."""
        (row,) = self._rows("SELECT unanswered FROM outbox WHERE id = ?", (id,)) or (None,)
        if row is None:  # erased meanwhile
            return False
        count = row["unanswered"] + 1
        self._mark(id, "parked" if count >= most else "waiting", why, unanswered=count)
        return bool(count >= most)

    def parked(self, limit: int) -> list[Parked]:
        """Those that were given up, the newest first; at most `limit` (of MOST)."""
        rows = self._rows(
            "SELECT id, body, queued_at, changed_at, ifnull(why, '') AS why FROM outbox"
            " WHERE channel = 'report' AND state = 'parked' ORDER BY id DESC LIMIT ?",
            (min(limit, MOST),),
        )
        return [Parked(**dict(row)) for row in rows]

    def again(self, id: int | None = None) -> int:
        """What was parked waits anew, as if it had never gone; None: all that is parked now. How many.

        So many at a time, each in a transaction of its own, that whoever else writes can do so between.
        """
        rows = self._rows(
            "SELECT id FROM outbox WHERE channel = 'report' AND state = 'parked' AND id = ifnull(?, id)", (id,)
        )
        ids = [row["id"] for row in rows]
        count = sum(self._again(ids[at : at + MOST]) for at in range(0, len(ids), MOST))
        self.wake()
        return count

    def _again(self, ids: Sequence[int]) -> int:
        now = self._now().utc.isoformat()

        def work(db: sqlite3.Connection) -> int:
            return sum(db.execute(_AGAIN, (now, id)).rowcount for id in ids)

        return self._write(work)

    def count_of(self, rank: int) -> int:
        """How many reports of this rank wait that are about no single diagnosis."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM outbox"
            " WHERE channel = 'report' AND state = 'waiting' AND rank = ? AND diagnosis_id IS NULL",
            (rank,),
        )
        return int(row["n"])

    def counts(self) -> Waiting:
        """What waits now."""
        by_rank = {row["rank"]: row["n"] for row in self._rows(_COUNTS, ())}
        firsts = [self._rows(_OLDEST, (rank,))[0]["oldest"] for rank in by_rank]
        oldest = min(firsts, default=None)
        return Waiting(
            sum(by_rank.values()),
            by_rank.get(URGENT, 0),
            by_rank.get(SPARE, 0),
            None if oldest is None else datetime.fromisoformat(oldest),
        )


def insert(db: sqlite3.Connection, body: bytes, rank: int, now: str) -> int:
    """Within a transaction: queue a report beside those of diagnoses; its row. now: UTC, ISO 8601."""
    row = db.execute(
        "INSERT INTO outbox (channel, rank, body, queued_at, changed_at) VALUES ('report', ?, ?, ?, ?) RETURNING id",
        (rank, body, now, now),
    ).fetchone()
    return int(row[0])
