"""`krishi-gateway reread`: what could not be read when it came, read again by a program that may know more by now.

Rules kept here:
- it goes the way of what comes from the broker (gateway/haul.py): what is stored already is not stored twice, and it
  counts as come when it came;
- what a kiosk sent while it was revoked stays, and so does what came by nobody's topic: we do not know whose it is;
- a row goes when all of it is stored; what of a batch cannot be read even now takes its place, as on its first way;
- AT_ONCE rows in a transaction, so that a worker never waits for long.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from edge_daemon.wire import batch, topics
from edge_daemon.wire.batch import Unpacked
from edge_daemon.wire.errors import BadMessage
from gateway import register
from gateway.aside import NOBODY, Aside
from gateway.halves import by_halves
from gateway.haul import Haul
from gateway.parcel import Incoming, Parcel
from gateway.store import Store
from gateway.tables import aside
from gateway.take import REVOKED

AT_ONCE = 50
"""Rows in a transaction; each has 64 kB at most."""
REASONS = 5
"""That are told of each kiosk; noise has as many as it has messages."""

Say = Callable[[str], object]
Stored = Row[Any]
"""Of the table `aside`."""


@dataclass
class Found:
    """Of one kiosk. Rows of the table `aside`: batches, or single messages."""

    read: int = 0
    stay: Counter[str] = field(default_factory=Counter)
    """By their reason."""


def reread(store: Store, most_aside: int, say: Say) -> None:
    """Read all of it again, and say what became of it. most_aside: kept of one kiosk. Raises DatabaseError."""
    found: defaultdict[str, Found] = defaultdict(Found)
    for ids in _pages(store):
        _reread(store, ids, most_aside, found)
    for kiosk in sorted(found):
        _tell(kiosk, found[kiosk], say)
    if not found:
        say("Nothing is kept aside.")


def _pages(store: Store) -> Iterator[list[int]]:
    """The ids of what is there now, AT_ONCE at a time."""
    with store.reading() as db:
        last = db.execute(select(func.max(aside.c.id))).scalar_one() or 0
    after = 0
    while True:
        page = select(aside.c.id).where(aside.c.id > after, aside.c.id <= last).order_by(aside.c.id).limit(AT_ONCE)
        with store.reading() as db:
            ids = list(db.scalars(page))
        if not ids:
            return
        yield ids
        after = ids[-1]


def _reread(store: Store, ids: Sequence[int], most_aside: int, found: dict[str, Found]) -> None:
    blamed: dict[int, str] = {}

    def work(some: Sequence[int]) -> list[tuple[str, str]]:
        return store.done(lambda db: _Work(db, some, most_aside, blamed).do())

    for outcomes in by_halves(ids, work, blamed.__setitem__):
        for kiosk, reason in outcomes:
            if reason:
                found[kiosk].stay[reason] += 1
            else:
                found[kiosk].read += 1


class _Work:
    """Of one transaction. blamed: rows that stay as they are, and why."""

    def __init__(self, db: Connection, ids: Sequence[int], most_aside: int, blamed: dict[int, str]) -> None:
        ours = select(aside).where(aside.c.id.in_(ids)).order_by(aside.c.id)
        kiosks = set(db.scalars(select(aside.c.kiosk).where(aside.c.id.in_(ids)))) - {NOBODY}
        self._db = db
        self._blamed = blamed
        self._register = register.lock(db, (), kiosks)
        self._rows: Sequence[Stored] = db.execute(ours).all()  # after the lock: another may have read them meanwhile
        self._haul = Haul()
        self._aside = Aside(db, kiosks, most_aside)

    def do(self) -> list[tuple[str, str]]:
        """Of each row its kiosk, and why it stays; "" if it was read."""
        reasons = {row.id: self._take(row) for row in self._rows}
        new = self._haul.store(self._db)
        register.add_diagnoses(self._db, new)
        self._aside.write()
        gone = [id for id, reason in reasons.items() if not reason]
        self._db.execute(delete(aside).where(aside.c.id.in_(gone)))
        return [(row.kiosk, reasons[row.id]) for row in self._rows]

    def _take(self, row: Stored) -> str:
        """Store what can be read of it; why the row stays, "" if it need not."""
        if row.kiosk == NOBODY or row.reason == REVOKED:
            return str(row.reason)
        unpacked, reason = (None, self._blamed[row.id]) if row.id in self._blamed else _read(row.kiosk, row.body)
        if unpacked is None:
            return reason
        self._haul.add(row.kiosk, unpacked, row.received_at)
        register.note_health(self._db, self._register, dict(self._haul.health), row.received_at)
        self._haul.health.clear()
        rest = unpacked.unreadable
        kept = [self._aside.put(row.kiosk, one.body, one.reason, row.received_at) for one in rest]
        return "" if all(kept) else "a part of it cannot be read, and there is no room to keep that alone"


def _read(kiosk: str, body: bytes) -> tuple[Unpacked | None, str]:
    """What is in it, or None and why nothing can be read of it."""
    if batch.is_whole(body):
        parcel = Parcel(Incoming(topics.up(kiosk), body))
        unpacked = parcel.unpacked
        reason = parcel.reason
    else:
        try:
            unpacked, reason = batch.unpack_part(kiosk, body), ""
        except BadMessage as why:
            return None, str(why)
    if unpacked is not None and not unpacked.diagnoses and not unpacked.others:
        return None, next((one.reason for one in unpacked.unreadable), "there is nothing in it")
    return unpacked, reason


def _tell(kiosk: str, found: Found, say: Say) -> None:
    say(f"{kiosk or 'nobody'}: {found.read} read, {found.stay.total()} stay.")
    for reason, count in found.stay.most_common(REASONS):
        say(f"    {count} because: {reason}")
    others = len(found.stay) - REASONS
    if others > 0:
        say(f"    the rest for {others} other reasons: GET /aside?kiosk={kiosk}")
