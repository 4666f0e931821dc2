"""Take what kiosks sent: many batches in one transaction, and only after its end a word to the kiosks.

Rules kept here:
- what is acknowledged was committed; where the database is away or full, nothing is acknowledged and nothing is lost;
- what comes twice is stored once, known by what it is and not by its number;
- what cannot be read, and whatever a revoked kiosk sends, is set aside, and is in nobody's way: a batch that the
  database does not take is found by halves, and its neighbours are stored;
- a kiosk that sends more than its share is told to wait, and keeps its reports.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from edge_daemon.wire.replies import Acknowledgement
from gateway import register
from gateway.config import Ingest
from gateway.database_trouble import Collision, Unfit
from gateway.errors import DatabaseAway
from gateway.haul import Haul
from gateway.numbers import HOUR_S, Boot, Numbers, Shares
from gateway.parcel import Incoming, Parcel
from gateway.store import Store

COLLISIONS = 5
"""How often a transaction is begun again because another was in its way."""
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
    tally = Tally()
    answers = _take_apart(store, [Parcel(one) for one in incoming], now(), limits, tally)
    at = now()
    told = [
        Reply(boot.kiosk, Acknowledgement(boot=boot.boot, upto=answer.upto, at=at, wait_s=answer.wait_s))
        for boot, answer in answers.items()
    ]
    return Taken(told, tally)


def _take_apart(store: Store, parcels: Sequence[Parcel], now: int, limits: Ingest, tally: Tally) -> _Answers:
    """All at once; where the database does not take something, by halves down to the one that is to blame."""
    try:
        return _take_again(store, parcels, now, limits, tally)
    except Unfit as why:
        if len(parcels) > 1:
            middle = len(parcels) // 2
            first = _take_apart(store, parcels[:middle], now, limits, tally)
            return first | _take_apart(store, parcels[middle:], now, limits, tally)
        parcels[0].spoil(f"the database does not take it: {why}")
    return _take_again(store, parcels, now, limits, tally)


def _take_again(store: Store, parcels: Sequence[Parcel], now: int, limits: Ingest, tally: Tally) -> _Answers:
    for _ in range(COLLISIONS):
        with suppress(Collision):
            with store.writing() as db:
                answers, taken = _take(db, parcels, now, limits)
            tally.add(taken)
            return answers
    raise DatabaseAway(f"{store.where}: others were in our way {COLLISIONS} times. It is tried again.")


def _take(db: Connection, parcels: Sequence[Parcel], now: int, limits: Ingest) -> tuple[_Answers, Tally]:
    sending = {parcel.kiosk for parcel in parcels if parcel.kiosk and not parcel.is_will}
    lost = {parcel.kiosk for parcel in parcels if parcel.is_will}
    kiosks = register.lock(db, sending, lost)
    shares = Shares(db, sending, limits.hourly_messages, now)
    numbers = Numbers(db, filter(None, map(_boot, parcels)), now)
    haul = Haul(now)
    answers: _Answers = {}
    for parcel in parcels:
        wait_s = 0 if parcel.is_will else _add(parcel, kiosks, shares, numbers, haul, now)
        if (boot := _boot(parcel)) and not kiosks.is_revoked(parcel.kiosk):
            before = answers.get(boot, _Answer(0, 0))
            answers[boot] = _Answer(numbers.upto(boot), max(before.wait_s, wait_s))
    new = haul.store(db, limits.aside_messages)
    numbers.write()
    shares.write()
    register.note_health(db, kiosks, haul.health, now)
    register.count(db, kiosks, new, haul.set_aside, now)
    register.note_lost(db, kiosks, lost, now)
    return answers, _tally(parcels, kiosks, haul)


def _tally(parcels: Sequence[Parcel], kiosks: register.Register, haul: Haul) -> Tally:
    return Tally(
        batches=haul.batches,
        payload_bytes=sum(len(parcel.payload) for parcel in parcels),
        aside=haul.set_aside.total(),
        held_back=sum(heard.held_back for heard in kiosks.heard.values()),
        messages=haul.kinds,
    )


def _boot(parcel: Parcel) -> Boot | None:
    return Boot(parcel.kiosk, parcel.header.boot) if parcel.header else None


def _add(parcel: Parcel, kiosks: register.Register, shares: Shares, numbers: Numbers, haul: Haul, now: int) -> int:
    """Add one to what will be stored; how long its kiosk shall wait, 0 unless it sent more than its share."""
    if not parcel.kiosk:
        haul.put_aside("", parcel.payload, parcel.reason)
        return 0
    heard = kiosks.hear(parcel.kiosk)
    heard.payload_bytes += len(parcel.payload)
    if not shares.take(parcel.kiosk, parcel.weight):
        heard.held_back += 1
        return wait_s(parcel.kiosk, now)
    if kiosks.is_revoked(parcel.kiosk):
        haul.put_aside(parcel.kiosk, parcel.payload, REVOKED, parcel.messages)
        return 0
    if unpacked := parcel.unpacked:
        haul.add(parcel.kiosk, unpacked)
    else:
        haul.put_aside(parcel.kiosk, parcel.payload, parcel.reason, parcel.messages)
    if (boot := _boot(parcel)) and (taken := parcel.numbers):
        heard.boot = boot.boot
        numbers.add(boot, taken)
    return 0


def wait_s(kiosk: str, now: int) -> int:
    """How long a kiosk waits that had its share: until the next hour, and a little more, for each kiosk another."""
    return HOUR_S - now % HOUR_S + zlib.crc32(kiosk.encode()) % SPREAD_S
