"""The SMS outbox: what may go now, and what becomes of a message after the network took it.

    sending ── delivered() ──> sent ── a report on its last part ──> delivered
                                └───── a report that a part failed ─> parked, with the network's reason
    waiting ── take(): it expired, or its farmer opted out ─────────> parked, with that reason
    parked, sent, delivered ── anew(): somebody asked again ────────> waiting

A message that went whole and is asked for again goes whole again; one that stopped half way goes on where it stopped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from edge_daemon import sms_policy
from edge_daemon.clock import Now
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Kind, Sms
from edge_daemon.store.outbox import Outbox, RowsFunction, WriteFunction
from edge_daemon.store.rows import time_of

LOOKED_AT = 200
"""What the modem may not send now does not keep back what goes by another route, this far behind it."""
MOST_SPENT = 100_000
"""Parts that are remembered as sent: as many as [sms] daily_parts may allow."""
OPTED_OUT = "its number wants no more SMS"
EXPIRED = "it was of no use any more before it could go"


class CountParts(Protocol):
    """How many parts a text takes, with these languages' national tables."""

    def __call__(self, text: str, shift: Sequence[str] = (), /) -> int: ...


class SmsOutbox(Outbox[Sms]):
    """The texts that wait for the modem or another route.

    takes: which messages go by this way; what another takes is not touched. by_modem: this way has the SIM's limits.
    settle: brings a message that was sent whole to where its reports are. count_parts: of a text.
    """

    looked_at = LOOKED_AT

    def __init__(
        self,
        rows: RowsFunction,
        write: WriteFunction,
        now: Now,
        rules: SmsRules,
        count_parts: CountParts,
        by_modem: bool = True,
    ) -> None:
        super().__init__("sms", rows, write, read_sms, now)
        self.rules = rules
        self.takes: Callable[[Sms], bool] = _always
        self._by_modem = by_modem
        self.settle: Callable[[sqlite3.Connection, int], None] = _nothing_reported
        self._count_parts = count_parts
        self.gone: Callable[[sqlite3.Connection, Sms], None] = _nothing_follows
        """Within the transaction in which a message has gone: what follows from it."""
        self.has_opted_out: Callable[[str], bool] = _nobody

    def delivered(self, message: Sms) -> None:
        """The network took all of it. Whether the telephone has it, its reports say."""
        now = self._now().utc.isoformat()

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "UPDATE outbox SET state = 'sent', sent_at = ?, changed_at = ?, why = NULL WHERE id = ?",
                (now, now, message.id),
            )
            self.settle(db, message.id)
            self.gone(db, message)

        self._write(work)

    def spent(self) -> sms_policy.Spent:
        """What the SIM has sent lately. What stands in a future that the clock has left does not count."""
        now = self._now().utc
        day, minute = (now - timedelta(days=1)).isoformat(), (now - timedelta(minutes=1)).isoformat()
        (row,) = self._rows(
            "SELECT count(*) AS day, count(CASE WHEN at > ? THEN 1 END) AS minute FROM sms_spent"
            " WHERE at > ? AND at <= ?",
            (minute, day, now.isoformat()),
        )
        return sms_policy.Spent(row["day"], row["minute"])

    def why_held(self) -> str | None:
        """Why the first message that is due may not go now. None where one may, or none is due."""
        ours = (message for message in self.waiting(limit=LOOKED_AT) if self.takes(message))
        first = next(ours, None)
        return None if first is None else self._why_held(first)

    def note_spent(self, db: sqlite3.Connection) -> None:
        """Within a transaction: the SIM has sent a part."""
        at = self._now().utc.isoformat()
        spent = db.execute("INSERT INTO sms_spent (at) VALUES (?)", (at,)).lastrowid
        db.execute("DELETE FROM sms_spent WHERE id <= ?", ((spent or 0) - MOST_SPENT,))

    def anew(self, db: sqlite3.Connection, id: int) -> None:
        """Within a transaction: somebody asks again for a message. It waits as if it were new."""
        (kind,) = db.execute("SELECT kind FROM outbox WHERE id = ?", (id,)).fetchone()
        db.execute(
            "DELETE FROM sms_part WHERE outbox_id = ? AND EXISTS"
            " (SELECT 1 FROM outbox WHERE id = outbox_id AND sent_at IS NOT NULL)",
            (id,),
        )
        db.execute(
            "UPDATE outbox SET state = 'waiting', attempts = 0, crashes = 0, unanswered = 0, due_at = '',"
            " sent_at = NULL, why = NULL, not_after = ?, changed_at = ? WHERE id = ?",
            (self.not_after(Kind(kind)), self._now().utc.isoformat(), id),
        )

    def not_after(self, kind: Kind) -> str:
        """For a row that is queued now: when it is of no use any more, "" if that is not known."""
        at = sms_policy.not_after(kind, self._now(), self.rules)
        return at.isoformat() if at else ""

    def _is_ours(self, message: Sms) -> bool:
        return self.takes(message)

    def _may_go(self, message: Sms) -> bool:
        """Whether it may go by this way now. What may never go any more is parked here."""
        if not self.takes(message):
            return False
        why = self._why_never(message)
        if why is not None:
            self._mark(message.id, "parked", why)
            return False
        return self._why_held(message) is None

    def _why_never(self, sms: Sms) -> str | None:
        if sms.kind is not Kind.CONFIRMATION and self.has_opted_out(sms.number):
            return OPTED_OUT
        return EXPIRED if sms_policy.has_expired(sms.not_after, self._now()) else None

    def _why_held(self, sms: Sms) -> str | None:
        utc = self._now().utc
        has_limits = self._by_modem and (self.rules.daily_parts or self.rules.minute_parts)
        if not has_limits:
            return sms_policy.why_not_now(sms, utc, self.rules)
        spent = self.spent()

        def held(count: CountParts) -> str | None:
            parts = max(1, count(sms.text, sms.shift) - sms.parts_sent)
            return sms_policy.why_held(sms, parts, spent, utc, self.rules)

        if held(sms_policy.parts_at_most) is None:
            return None
        return held(_one_part) or held(self._count_parts)  # the exact number takes long, and seldom matters


def _one_part(_: str, __: Sequence[str] = ()) -> int:
    return 1


def _always(_: Sms) -> bool:
    return True


def _nobody(_: str) -> bool:
    return False


def _nothing_follows(_: sqlite3.Connection, __: Sms) -> None:
    """Where nothing is planned."""


def _nothing_reported(_: sqlite3.Connection, __: int) -> None:
    """Where no report can be read."""


def read_sms(row: sqlite3.Row) -> Sms:
    """An SMS from its row. The reference follows from the row's number, so that a repeat bears the same one."""
    return Sms(
        id=row["id"],
        number=row["number"],
        text=row["body"].decode(),
        reference=row["id"] % 256,
        parts_sent=row["parts_sent"] or 0,
        kind=Kind(row["kind"]),
        not_after=time_of(row["not_after"]),
        flash=bool(row["flash"]),
        shift=tuple(row["shift"].split()),
    )
