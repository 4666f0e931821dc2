"""The queues that drain from the store: one for each channel, at least once, by rank, then oldest first.

    waiting ── next() ──> sending ── delivered() ──> sent (an SMS) or delivered (a report)
       ^                     │ ├──── park() ───────> parked: it will never work; kept with the reason
       └───── failed() ──────┘ └──── failed() ─────> parked, after the last attempt

What else becomes of an SMS is next door, in sms_outbox.py.

A crash or a full disk between the far end's answer and our commit leaves `sending`. The rule: `recover`, before the
next draining, makes it `waiting` again, and an SMS goes on at its first part that was not confirmed. So what can reach
a telephone twice is the one part that was in doubt, and never a part that the modem had confirmed to us and we had
written down. A part is handed over three times at the most while the kiosk runs and no answer comes.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Generic, Literal, Protocol, TypeVar

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Report

Channel = Literal["sms", "report"]
RowsFunction = Callable[[str, tuple[object, ...]], list[sqlite3.Row]]
R = TypeVar("R")


class WriteFunction(Protocol):
    """Does the work as one transaction, and gives what it gives. The work may be done twice: make it repeatable."""

    def __call__(self, work: Callable[[sqlite3.Connection], R]) -> R: ...


ATTEMPTS = 180
"""A message is parked when this many attempts at sending it have failed: after a week, as long as a network keeps an
SMS for us. A modem or link that is away costs none: its part finds that out before it takes a message."""
CRASHES = 20
"""A message is parked when the kiosk has stopped this often while it was sent: perhaps it is what stops it."""
UNANSWERED = 3
"""A message is parked when it was handed over this often and no answer came: it may have arrived each time."""
FIRST_WAIT_S = 1
LONGEST_WAIT_S = 3600
"""Between two attempts at a message: twice as long each time, up to an hour. A network or a credit that is back is
noticed within that, and nobody pays for hundreds of attempts."""
POLL_S = 2.0
"""How soon a message is seen that another process has queued."""

_SELECT = (
    "SELECT outbox.*, farmer.number, (SELECT max(part) FROM sms_part WHERE outbox_id = outbox.id) AS parts_sent"
    " FROM outbox LEFT JOIN farmer ON farmer.id = outbox.farmer_id WHERE channel = ? AND state = ?"
)
_DUE = " AND (due_at <= ? OR changed_at > ?)"
"""Where the clock was put back, what was written in its future does not wait for that to come."""


class Queued(Protocol):
    """What every message of an outbox has: the number of its row."""

    @property
    def id(self) -> int: ...


M = TypeVar("M", bound=Queued)


class Outbox(Generic[M]):
    """The messages of one channel. Made by Store; `read` turns a row into a message."""

    looked_at = 1
    """How many messages that are due are looked at for one that may go now."""

    def __init__(
        self,
        channel: Channel,
        rows: RowsFunction,
        write: WriteFunction,
        read: Callable[[sqlite3.Row], M],
        now: Now,
    ) -> None:
        self.channel = channel
        self._rows = rows
        self._write = write
        self._read = read
        self._now = now
        self._queued = asyncio.Event()

    def wake(self) -> None:
        """A message was queued: whoever waits in next() looks now."""
        self._queued.set()

    async def next(self, patience_s: float) -> M | None:
        """The next message, marked `sending`; None if none came in `patience_s`. By rank, least tried, then oldest."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while (message := self.take()) is None:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return None
            self._queued.clear()
            try:
                async with asyncio.timeout(min(left_s, POLL_S)):  # wait_for loses a cancellation before Python 3.12
                    await self._queued.wait()
            except TimeoutError:
                continue
        return message

    def take(self) -> M | None:
        """As next, without waiting; what failed is passed over until it is due again."""
        for limit in dict.fromkeys((1, self.looked_at)):  # mostly the first one may go
            message = next((message for message in self._due(limit) if self._may_go(message)), None)
            if message is not None:
                self._mark(message.id, "sending", None, attempts=1)
                return message
        return None

    def _due(self, limit: int) -> Iterator[M]:
        now = self._now().utc.isoformat()
        by_rank = f"{_SELECT}{_DUE} ORDER BY rank, attempts, outbox.id LIMIT ?"
        return map(self._read, self._rows(by_rank, (self.channel, "waiting", now, now, limit)))

    def _may_go(self, message: M) -> bool:
        """Whether nothing holds the message back."""
        return True

    def waiting(self, limit: int = 100) -> list[M]:
        """What waits, oldest first, untouched; at most `limit`."""
        rows = self._rows(f"{_SELECT} ORDER BY outbox.id LIMIT ?", (self.channel, "waiting", limit))
        return [self._read(row) for row in rows]

    def delivered(self, message: M) -> None:
        """The far end took it."""
        self._mark(message.id, "delivered", None)

    def failed(self, message: M, why: Exception) -> None:
        """It did not go now. It waits, longer each time, or is parked if this was the last attempt.

        why.in_doubt: it may have gone.
        """
        (row,) = self._rows("SELECT attempts, unanswered FROM outbox WHERE id = ?", (message.id,))
        unanswered = row["unanswered"] + getattr(why, "in_doubt", False)
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(row["attempts"] - 1, 20))
        due = (self._now().utc + timedelta(seconds=wait_s)).isoformat()
        last = row["attempts"] >= ATTEMPTS or unanswered >= UNANSWERED
        self._mark(message.id, "parked" if last else "waiting", str(why), due_at=due, unanswered=unanswered)

    def park(self, message: M, why: Exception) -> None:
        """It will never go. It is kept, with the reason, for the operator to see."""
        self._mark(message.id, "parked", str(why))

    def recover(self) -> None:
        """Before draining: what trouble left in `sending` waits again, or is parked after the last crash."""

        def work(database: sqlite3.Connection) -> None:
            for id in self._left_sending():
                database.execute(
                    "UPDATE outbox SET changed_at = ?, why = 'the kiosk stopped or its disk failed while it was sent',"
                    " due_at = '', crashes = crashes + 1,"
                    " state = CASE WHEN crashes + 1 >= ? THEN 'parked' ELSE 'waiting' END WHERE id = ?",
                    (self._now().utc.isoformat(), CRASHES, id),
                )

        self._write(work)

    def _left_sending(self) -> list[int]:
        """What this outbox took and did not bring to an end."""
        rows = self._rows(f"{_SELECT}", (self.channel, "sending"))
        return [message.id for message in map(self._read, rows) if self._is_ours(message)]

    def _is_ours(self, message: M) -> bool:
        """Whether the message goes by this way. Another way may drain the same channel."""
        return True

    def _mark(
        self, id: int, state: str, why: str | None, attempts: int = 0, due_at: str = "", unanswered: int | None = None
    ) -> None:
        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "UPDATE outbox SET state = ?, why = ?, changed_at = ?, attempts = attempts + ?, due_at = ?,"
                " unanswered = ifnull(?, unanswered) WHERE id = ?",
                (state, why, self._now().utc.isoformat(), attempts, due_at, unanswered, id),
            )

        self._write(work)


def read_report(row: sqlite3.Row) -> Report:
    """A report from its row."""
    return Report(id=row["id"], body=row["body"])
