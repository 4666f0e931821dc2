"""Take what kiosks sent: many batches in one transaction, and only after its end a word to the kiosks.

Rules kept here:
- what is acknowledged was committed; where the database is away or full, nothing is acknowledged and nothing is lost;
- what comes twice is stored once, known by what it is and not by its number;
- what cannot be read, and whatever a revoked kiosk sends, is set aside, and is in nobody's way: a batch that the
  database does not take, or that our own program stumbles over, is found by halves, and its neighbours are stored;
- a kiosk that sends more than its share is told to wait, and keeps its reports; so is one that is newer than we are,
  where what it sends finds no more room aside.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from edge_daemon.wire.replies import Acknowledgement
from gateway import register
from gateway.aside import NOBODY, Aside
from gateway.config import Ingest
from gateway.halves import by_halves
from gateway.haul import Haul
from gateway.numbers import HOUR_S, Boot, Numbers, Shares
from gateway.parcel import Incoming, Parcel
from gateway.store import Store

SPREAD_S = 120
"""Kiosks that have to wait for the next hour do not all come in its first second."""

REVOKED = "this kiosk was revoked"


class Reply(NamedTuple):
    """What a kiosk is told."""

    kiosk: str
    acknowledgement: Acknowledgement


@dataclass
class Tally:
    """What was taken: for the counters of the worker."""

    batches: int = 0
    payload_bytes: int = 0
    aside: int = 0
    held_back: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    """By kind."""

    def add(self, other: Tally) -> None:
        """Count that too."""
        self.batches += other.batches
        self.payload_bytes += other.payload_bytes
        self.aside += other.aside
        self.held_back += other.held_back
        self.messages += other.messages


class Taken(NamedTuple):
    """One reply for each kiosk and boot, and what was taken in all."""

    replies: list[Reply]
    tally: Tally


class _Answer(NamedTuple):
    upto: int
    wait_s: int


_Answers = dict[Boot, _Answer]


def take(store: Store, incoming: Sequence[Incoming], now: Callable[[], int], limits: Ingest) -> Taken:
    """Store all of it. Raises DatabaseError; then nobody must be told anything.

    now: seconds since 1970.
    """
    parcels, at = [Parcel(one) for one in incoming], now()
    done = by_halves(parcels, lambda some: store.done(lambda db: _take(db, some, at, limits)), Parcel.spoil)
    answers: _Answers = {}
    tally = Tally()
    for told, taken in done:
        answers |= told
        tally.add(taken)
    at = now()
    replies = [
        Reply(boot.kiosk, Acknowledgement(boot=boot.boot, upto=answer.upto, at=at, wait_s=answer.wait_s))
        for boot, answer in answers.items()
    ]
    return Taken(replies, tally)


def _take(db: Connection, parcels: Sequence[Parcel], now: int, limits: Ingest) -> tuple[_Answers, Tally]:
    work = _Work(db, parcels, now, limits)
    for parcel in parcels:
        work.add(parcel)
    work.write()
    return work.answers, work.tally()


class _Work:
    """Of one transaction: what is known of its kiosks, whose rows are locked, and what will be written of them."""

    def __init__(self, db: Connection, parcels: Sequence[Parcel], now: int, limits: Ingest) -> None:
        sending = {parcel.kiosk for parcel in parcels if parcel.kiosk and not parcel.is_will}
        self._lost = {parcel.kiosk for parcel in parcels if parcel.is_will}
        self._db = db
        self._now = now
        self._kiosks = register.lock(db, sending, self._lost)
        self._shares = Shares(db, sending, limits.hourly_messages, now)
        self._numbers = Numbers(db, filter(None, map(_boot, parcels)), now)
        self._haul = Haul()
        self._aside = Aside(db, sending, limits.aside_messages)
        self.answers: _Answers = {}

    def add(self, parcel: Parcel) -> None:
        """Sort out what becomes of one."""
        if parcel.is_will:
            return
        if not parcel.kiosk:
            self._aside.put(NOBODY, parcel.payload, parcel.reason, self._now)
            return
        heard = self._kiosks.hear(parcel.kiosk)
        heard.payload_bytes += len(parcel.payload)
        is_revoked = self._kiosks.is_revoked(parcel.kiosk)
        wait = wait_s(parcel.kiosk, self._now)
        if not self._shares.take(parcel.kiosk, parcel.weight):
            heard.held_back += 1
            self._answer(parcel, is_revoked, wait)
        elif is_revoked:
            self._put_aside(parcel, REVOKED)
        elif self._keep(parcel) or not parcel.is_newer:
            self._note_numbers(parcel, heard)
            self._answer(parcel, is_revoked, 0)
        else:
            self._answer(parcel, is_revoked, wait)

    def _keep(self, parcel: Parcel) -> bool:
        """Store it, or put it aside as it is. False: there was no room for that."""
        unpacked = parcel.unpacked
        if unpacked is None:
            return self._put_aside(parcel, parcel.reason)
        self._haul.add(parcel.kiosk, unpacked, self._now)
        for unreadable in unpacked.unreadable:
            self._aside.put(parcel.kiosk, unreadable.body, unreadable.reason, self._now)
        return True

    def _put_aside(self, parcel: Parcel, reason: str) -> bool:
        return self._aside.put(parcel.kiosk, parcel.payload, reason, self._now, parcel.messages)

    def _note_numbers(self, parcel: Parcel, heard: register.Heard) -> None:
        if (boot := _boot(parcel)) and (numbers := parcel.numbers):
            heard.boot = boot.boot
            self._numbers.add(boot, numbers)

    def _answer(self, parcel: Parcel, is_revoked: bool, wait_s: int) -> None:
        """Whoever is revoked hears nothing; nor does a kiosk whose numbers cannot be read."""
        if (boot := _boot(parcel)) and not is_revoked:
            before = self.answers.get(boot, _Answer(0, 0))
            self.answers[boot] = _Answer(self._numbers.upto(boot), max(before.wait_s, wait_s))

    def write(self) -> None:
        """All of it."""
        new = self._haul.store(self._db)
        self._aside.write()
        self._numbers.write()
        self._shares.write()
        register.note_health(self._db, self._kiosks, self._haul.health, self._now)
        register.count(self._db, self._kiosks, new, self._aside.messages, self._now)
        register.note_lost(self._db, self._kiosks, self._lost, self._now)

    def tally(self) -> Tally:
        """What will have been taken."""
        heard = self._kiosks.heard.values()
        return Tally(
            batches=self._haul.batches,
            payload_bytes=sum(one.payload_bytes for one in heard),
            aside=self._aside.messages.total(),
            held_back=sum(one.held_back for one in heard),
            messages=self._haul.kinds,
        )


def _boot(parcel: Parcel) -> Boot | None:
    return Boot(parcel.kiosk, parcel.header.boot) if parcel.header else None


def wait_s(kiosk: str, now: int) -> int:
    """How long a kiosk waits that had its share: until the next hour, and a little more, for each kiosk another."""
    return HOUR_S - now % HOUR_S + zlib.crc32(kiosk.encode()) % SPREAD_S
