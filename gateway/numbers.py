"""Which numbers of which boots are stored, and how much of its share each kiosk has had: read, added to, written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from gateway import bulk
from gateway.streams import Range, Stored, with_range
from gateway.tables import ahead, share, stream

HOUR_S = 3600
KEPT_S = 86_400
"""The numbers of an old boot are forgotten after so long, once the kiosk has begun anew: it never uses them again."""


class Boot(NamedTuple):
    """A kiosk's boot."""

    kiosk: str
    boot: bytes


class Numbers:
    """Of these boots. Their kiosks are locked."""

    def __init__(self, db: Connection, boots: Iterable[Boot], now: int) -> None:
        self._db = db
        self._now = now
        self._wanted = set(boots)
        self._began: dict[Boot, int] = {}
        self._changed: set[Boot] = set()
        self._stored = self._read()

    def _read(self) -> dict[Boot, Stored]:
        kiosks = {boot.kiosk for boot in self._wanted}
        names = {boot.boot for boot in self._wanted}
        ours = select(stream.c.kiosk, stream.c.boot, stream.c.upto, stream.c.began_at).where(
            stream.c.kiosk.in_(kiosks), stream.c.boot.in_(names)
        )
        stored = {}
        for kiosk, name, upto, began_at in self._db.execute(ours):
            stored[Boot(kiosk, name)] = Stored(upto)
            self._began[Boot(kiosk, name)] = began_at
        beyond = select(ahead).where(ahead.c.kiosk.in_(kiosks), ahead.c.boot.in_(names)).order_by(ahead.c.first)
        for kiosk, name, first, last in self._db.execute(beyond):
            before = stored[Boot(kiosk, name)]
            stored[Boot(kiosk, name)] = Stored(before.upto, (*before.ahead, Range(first, last)))
        self._had_ahead = {boot for boot, one in stored.items() if one.ahead}
        return stored

    def upto(self, boot: Boot) -> int:
        """All up to this are stored, or will be when this is written."""
        return self._stored.get(boot, Stored()).upto

    def add(self, boot: Boot, numbers: Range) -> None:
        """These are stored too."""
        self._stored[boot] = with_range(self._stored.get(boot, Stored()), numbers)
        self._changed.add(boot)

    def write(self) -> None:
        """Write what was added, and forget what no kiosk needs any more."""
        new = {boot.kiosk for boot in self._changed if boot not in self._began}
        self._write_ahead()
        bulk.put(
            self._db,
            stream,
            [
                (*boot, self._stored[boot].upto, self._began.get(boot, self._now), self._now)
                for boot in sorted(self._changed)
            ],
        )
        if new:
            self._forget(new)

    def _write_ahead(self) -> None:
        had = self._changed & self._had_ahead
        for boot in had:
            self._db.execute(delete(ahead).where(ahead.c.kiosk == boot.kiosk, ahead.c.boot == boot.boot))
        rows = [(*boot, *one) for boot in sorted(self._changed) for one in self._stored[boot].ahead]
        bulk.put(self._db, ahead, rows)

    def _forget(self, kiosks: set[str]) -> None:
        old = select(stream.c.boot).where(stream.c.kiosk.in_(kiosks), stream.c.at < self._now - KEPT_S)
        self._db.execute(delete(ahead).where(ahead.c.kiosk.in_(kiosks), ahead.c.boot.in_(old)))
        self._db.execute(delete(stream).where(stream.c.kiosk.in_(kiosks), stream.c.at < self._now - KEPT_S))


class Shares:
    """How many messages of each of these kiosks were taken in this hour. Their kiosks are locked."""

    def __init__(self, db: Connection, kiosks: Iterable[str], hourly: int, now: int) -> None:
        self._db = db
        self._hour = now // HOUR_S
        self._hourly = hourly
        taken = select(share.c.kiosk, share.c.messages).where(share.c.kiosk.in_(kiosks), share.c.hour == self._hour)
        self._taken = dict(iter(db.execute(taken)))
        self._known = set(self._taken)
        self._changed: set[str] = set()

    def take(self, kiosk: str, messages: int) -> bool:
        """Whether so many more are within its share; they count then. In an empty hour the first are, however many."""
        taken = self._taken.get(kiosk, 0)
        if taken and taken + messages > self._hourly:
            return False
        self._taken[kiosk] = taken + messages
        self._changed.add(kiosk)
        return True

    def write(self) -> None:
        """Write what was counted, and forget the hours before."""
        bulk.put(self._db, share, [(kiosk, self._hour, self._taken[kiosk]) for kiosk in sorted(self._changed)])
        if new := self._changed - self._known:
            self._db.execute(delete(share).where(share.c.kiosk.in_(new), share.c.hour < self._hour))
