"""A farmer's number is removed: because they ask, or because it was kept long enough.

Rules kept here:
- all that the tables hold of a number goes in one transaction. The counts stay: the row without a number stays too;
- a wish for no more SMS outlives the number, under its pseudonym;
- what is being sent right now is not cut in two. The erasure is refused until it has gone, some seconds later;
- photos go before the rows that name them. If the power goes between the two, erasing again finds the rest;
- a small picture of their leaf that waits to be sent is removed, and its consent taken back. The consent's row stays,
  as the visit's does: it names no farmer, and is what shows that a picture which has gone was agreed to;
- the gateway is told all rows of theirs once more, now without the pseudonym: the newest telling takes its place there;
- nothing of the number, and nothing of such a picture, is left in the database's free room, nor in its log:
  edge_daemon.store.traces.

Source: Digital Personal Data Protection Act, 2023 (India), sections 8(7) and 12(3): data are erased when the person
asks, and when their purpose is over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from edge_daemon.clock import Now
from edge_daemon.errors import SmsUnderWay, StateReadOnly
from edge_daemon.store.consents import withdraw
from edge_daemon.store.farmers import ERASED, Farmers
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.photos import Photos
from edge_daemon.store.traces import pieces, words

WHY = "its farmer was erased"
FARMERS_MOST = 50
INBOUND_MOST = 500
"""What one call of forget_old removes at the most. The rest goes with the next calls."""
_DELETE_PDUS = (
    "DELETE FROM inbound_part WHERE instr(upper(pdu), ?)",
    "DELETE FROM inbound_broken WHERE instr(upper(pdu || ' ' || why), ?)",
)
_UNNAME = (
    "UPDATE outbox SET why = ? WHERE farmer_id = ? AND instr(why, ?)",
    "UPDATE question SET why = ? WHERE farmer_id = ? AND instr(why, ?)",
)
"""A reason may quote what a second route answered, and a question's reason quotes that of its advice."""

_TELL_ANEW = (
    "UPDATE outbox SET told_at = NULL WHERE farmer_id = ? AND told_at IS NOT NULL",
    "UPDATE question SET told_at = NULL WHERE farmer_id = ? AND told_at IS NOT NULL",
)
"""See edge_daemon.store.told."""

Scrub = Callable[[Sequence[bytes]], bool]
"""Clears the files of what was deleted. True: none of these words stands in them any more."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was removed. parked: SMS that waited; texts: SMS whose wording went; pdus: parts and broken ones; pictures:
    of their leaves, that waited to be sent.

    clean: the number's digits stand nowhere in the database's files. They may where another person's SMS names them.
    """

    farmer: bool
    parked: int = 0
    questions: int = 0
    texts: int = 0
    inbound: int = 0
    pdus: int = 0
    photos: int = 0
    pictures: int = 0
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was kept long enough: how many farmers and how many SMS that came in were removed."""

    farmers: int
    inbound: int


class Erasure:
    """Removes farmers. Made by Store."""

    def __init__(
        self, rows: RowsFunction, write: WriteFunction, now: Now, farmers: Farmers, photos: Photos, scrub: Scrub
    ) -> None:
        self._rows = rows
        self._write = write
        self._now = now
        self._farmers = farmers
        self._photos = photos
        self._scrub = scrub

    def erase(self, number: str) -> Erased:
        """Remove all that is kept of a number (E.164). Of one that is not known, nothing is removed, and no error.

        Raises SmsUnderWay while an SMS to it is being sent; then nothing was removed.
        """
        done, pictures = self._write(lambda db: self._erase(db, number))
        self._scrub_pictures(pictures)
        return replace(done, clean=self._scrub(words(number)))

    def forget_old(self, now: datetime, keep_days: int, inbound_days: int) -> Forgotten:
        """Remove what was kept long enough, a bounded number of it; ask daily.

        now: UTC, of a clock that is known to be right; with any other do not ask. keep_days: since a farmer's last
        visit or SMS. inbound_days: since an SMS came in; one that nobody has dealt with stays. A farmer to whom an SMS
        is on its way stays until the next call.
        """
        self._date(now)
        old = self._rows(
            "SELECT number FROM farmer WHERE erased_at IS NULL AND seen_at != '' AND seen_at < ? AND NOT EXISTS"
            " (SELECT 1 FROM outbox WHERE farmer_id = farmer.id AND state = 'sending') ORDER BY seen_at LIMIT ?",
            (_before(now, keep_days), FARMERS_MOST),
        )
        numbers = [row["number"] for row in old]
        gone = [number for number in numbers if self._has_gone(number)]
        inbound = self._write(lambda db: _forget_inbound(db, _before(now, inbound_days)))
        if gone or inbound:
            self._scrub([word for number in gone for word in words(number)])
        return Forgotten(len(gone), inbound)

    def _date(self, now: datetime) -> None:
        """Whoever was here by a clock that nobody could trust was here now, as far as is known."""
        if self._rows("SELECT 1 FROM farmer WHERE seen_at = '' LIMIT 1", ()):
            self._write(lambda db: db.execute("UPDATE farmer SET seen_at = ? WHERE seen_at = ''", (now.isoformat(),)))

    def _has_gone(self, number: str) -> bool:
        """False where an SMS to it has just set out."""
        try:
            _, pictures = self._write(lambda db: self._erase(db, number))
        except SmsUnderWay:
            return False
        self._scrub_pictures(pictures)
        return True

    def _scrub_pictures(self, pictures: Sequence[bytes]) -> None:
        if pictures:
            self._scrub([piece for picture in pictures for piece in pieces(picture)])

    def _erase(self, db: sqlite3.Connection, number: str) -> tuple[Erased, list[bytes]]:
        """Also the pictures that were removed."""
        row = db.execute("SELECT id FROM farmer WHERE number = ?", (number,)).fetchone()
        if row is not None:
            _refuse_under_way(db, row["id"])
        _keep_wish(db, number, self._farmers.pseudonym(db, number))
        inbound, pdus = _forget_what_came(db, number)
        if row is None:
            return Erased(False, inbound=inbound, pdus=pdus), []
        farmer, now = row["id"], self._now().utc.isoformat()
        photos = self._remove_photos(db, farmer)
        pictures = withdraw(db, farmer, WHY, now)
        parked, texts, questions = _silence(db, farmer, number, now)
        db.execute(
            "UPDATE farmer SET number = ?, pseudonym = '', notice_by = NULL, erased_at = ? WHERE id = ?",
            (f"{ERASED}:{farmer}", now, farmer),
        )
        return Erased(True, parked, questions, texts, inbound, pdus, photos, len(pictures)), pictures

    def _remove_photos(self, db: sqlite3.Connection, farmer: int) -> int:
        """Those of the diagnoses that were texted to this farmer."""
        rows = db.execute(
            "SELECT id, photo FROM diagnosis WHERE photo IS NOT NULL"
            " AND id IN (SELECT diagnosis_id FROM outbox WHERE farmer_id = ?)",
            (farmer,),
        ).fetchall()
        for row in rows:
            try:
                self._photos.remove(row["photo"])
            except OSError as why:
                raise StateReadOnly(
                    f"{self._photos.folder / row['photo']}: cannot be removed: {why.strerror}. Nothing was erased. "
                    f"Make its folder writable for the kiosk's user."
                ) from why
        db.executemany("UPDATE diagnosis SET photo = NULL WHERE id = ?", [(row["id"],) for row in rows])
        return len(rows)


def _refuse_under_way(db: sqlite3.Connection, farmer: int) -> None:
    if db.execute("SELECT 1 FROM outbox WHERE farmer_id = ? AND state = 'sending'", (farmer,)).fetchone():
        raise SmsUnderWay("An SMS to this number is on its way, and nothing was erased. Try again in a minute.")


def _keep_wish(db: sqlite3.Connection, number: str, pseudonym: str) -> None:
    """No more SMS: from now on kept under the pseudonym."""
    db.execute("INSERT OR IGNORE INTO opt_out SELECT ?, since FROM opt_out WHERE number = ?", (pseudonym, number))
    db.execute("DELETE FROM opt_out WHERE number = ?", (number,))


def _forget_what_came(db: sqlite3.Connection, number: str) -> tuple[int, int]:
    """SMS from this number; and the parts and broken PDUs in which it stands."""
    inbound = db.execute("DELETE FROM inbound WHERE number = ?", (number,)).rowcount
    pdus = 0
    for word in words(number)[1:]:
        for statement in _DELETE_PDUS:
            pdus += db.execute(statement, (word.decode(),)).rowcount
    return inbound, pdus


def _silence(db: sqlite3.Connection, farmer: int, number: str, now: str) -> tuple[int, int, int]:
    """Nothing more goes to them, and what went has no wording: how many waited, had one, were to be asked."""
    parked = db.execute(
        "UPDATE outbox SET state = 'parked', why = ?, changed_at = ? WHERE farmer_id = ? AND state = 'waiting'",
        (WHY, now, farmer),
    ).rowcount
    texts = db.execute("UPDATE outbox SET body = x'' WHERE farmer_id = ? AND body != x''", (farmer,)).rowcount
    for statement in _UNNAME:
        db.execute(statement, (WHY, farmer, number.removeprefix("+")))
    questions = db.execute(
        "UPDATE question SET state = 'cancelled', why = ?, changed_at = ? WHERE farmer_id = ? AND state = 'planned'",
        (WHY, now, farmer),
    ).rowcount
    for statement in _TELL_ANEW:
        db.execute(statement, (farmer,))
    return parked, texts, questions


def _forget_inbound(db: sqlite3.Connection, before: str) -> int:
    return db.execute(
        "DELETE FROM inbound WHERE id IN"
        " (SELECT id FROM inbound WHERE state = 'done' AND received_at < ? ORDER BY id LIMIT ?)",
        (before, INBOUND_MOST),
    ).rowcount


def _before(now: datetime, days: int) -> str:
    return (now - timedelta(days=days)).isoformat()
