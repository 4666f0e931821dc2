"""The queues that drain from the store: one for each channel, at least once, oldest first.

    waiting ── next() ──> sending ── delivered() ──> sent (an SMS) or delivered (a report)
       ^                     │ ├──── park() ───────> parked: it will never work; kept with the reason
       └───── failed() ──────┘ └──── failed() ─────> parked, after the last attempt

A crash or a full disk between the far end's answer and our commit leaves `sending`. The rule: `recover`, before the
next draining, makes it `waiting` again, and an SMS goes on at its first part that was not confirmed. So what can reach
a telephone twice is the one part that was in doubt, and never a part that the modem had confirmed to us and we had
written down.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Generic, Literal, Protocol, TypeVar

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Report, Sms

Channel = Literal["sms", "report"]
WriteFunction = Callable[[Callable[[sqlite3.Connection], None]], None]

ATTEMPTS = 20
"""A message is parked when this many attempts at sending it have failed. A modem or link that is away costs none:
its part finds that out before it takes a message."""
POLL_S = 2.0
"""How soon a message is seen that another process has queued."""

_SELECT = (
    "SELECT outbox.*, farmer.number, (SELECT max(part) FROM sms_part WHERE outbox_id = outbox.id) AS parts_sent"
    " FROM outbox LEFT JOIN farmer ON farmer.id = outbox.farmer_id WHERE channel = ? AND state = 'waiting'"
)
_TAKEN = {"sms": "sent", "report": "delivered"}
"""What a message is once the far end took it. An SMS is delivered only when the network says so, later."""


class Queued(Protocol):
    """What every message of an outbox has: the number of its row."""

    @property
    def id(self) -> int: ...


M = TypeVar("M", bound=Queued)


class Outbox(Generic[M]):
    """The messages of one channel. Made by Store; `read` turns a row into a message."""

    def __init__(
        self,
        channel: Channel,
        database: sqlite3.Connection,
        write: WriteFunction,
        read: Callable[[sqlite3.Row], M],
        now: Now,
    ) -> None:
        self.channel = channel
        self._database = database
        self._write = write
        self._read = read
        self._now = now
        self._queued = asyncio.Event()

    def wake(self) -> None:
        """A message was queued: whoever waits in next() looks now."""
        self._queued.set()

    async def next(self, patience_s: float) -> M | None:
        """The next message, marked `sending`; None if none came in `patience_s`. Least tried first, then oldest."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while (message := self.take()) is None:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0:
                return None
            self._queued.clear()
            try:
                await asyncio.wait_for(self._queued.wait(), min(left_s, POLL_S))
            except TimeoutError:
                continue
        return message

    def take(self) -> M | None:
        """As next, without waiting."""
        statement = f"{_SELECT} ORDER BY attempts, outbox.id LIMIT 1"
        row = self._database.execute(statement, (self.channel,)).fetchone()
        if row is None:
            return None
        self._mark(row["id"], "sending", None, attempts=1)
        return self._read(row)

    def waiting(self, limit: int = 100) -> list[M]:
        """What waits, oldest first, untouched; at most `limit`."""
        rows = self._database.execute(f"{_SELECT} ORDER BY outbox.id LIMIT ?", (self.channel, limit))
        return [self._read(row) for row in rows]

    def delivered(self, message: M) -> None:
        """The far end took it."""
        self._mark(message.id, _TAKEN[self.channel], None)

    def failed(self, message: M, why: Exception) -> None:
        """It did not go now. It waits behind those tried less, or is parked if this was the last attempt."""
        (attempts,) = self._database.execute("SELECT attempts FROM outbox WHERE id = ?", (message.id,)).fetchone()
        self._mark(message.id, "parked" if attempts >= ATTEMPTS else "waiting", str(why))

    def park(self, message: M, why: Exception) -> None:
        """It will never go. It is kept, with the reason, for the operator to see."""
        self._mark(message.id, "parked", str(why))

    def recover(self) -> None:
        """Before draining: what trouble left in `sending` waits again, or is parked after the last attempt."""

        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "UPDATE outbox SET changed_at = ?, why = 'the kiosk stopped or its disk failed while it was sent',"
                " state = CASE WHEN attempts >= ? THEN 'parked' ELSE 'waiting' END"
                " WHERE channel = ? AND state = 'sending'",
                (self._now().utc.isoformat(), ATTEMPTS, self.channel),
            )

        self._write(work)

    def _mark(self, id: int, state: str, why: str | None, attempts: int = 0) -> None:
        def work(database: sqlite3.Connection) -> None:
            database.execute(
                "UPDATE outbox SET state = ?, why = ?, changed_at = ?, attempts = attempts + ? WHERE id = ?",
                (state, why, self._now().utc.isoformat(), attempts, id),
            )

        self._write(work)


def read_sms(row: sqlite3.Row) -> Sms:
    """An SMS from its row. The reference follows from the row's number, so that a repeat bears the same one."""
    return Sms(
        id=row["id"],
        number=row["number"],
        text=row["body"].decode(),
        reference=row["id"] % 256,
        parts_sent=row["parts_sent"] or 0,
    )


def read_report(row: sqlite3.Row) -> Report:
    """A report from its row."""
    return Report(id=row["id"], body=row["body"])
