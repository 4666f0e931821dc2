"""Whether a small picture of a visit's leaf may go to the gateway, and the pictures that wait for it.

Rules kept here:
- a visit is asked once. A no stays a no; a yes can be taken back, and then the picture that waits is removed;
- the yes and the picture are written in one transaction: there is no picture that nobody agreed to;
- at most MOST_WAITING pictures are kept, and the oldest makes room for a new one;
- the row says what was answered, when, and below which words. It names a visit; only the SMS of that visit lead from
  there to a farmer, and an erasure cuts that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Diagnosis, Share, Visit
from edge_daemon.errors import NothingToShare
from edge_daemon.store.outbox import RowsFunction, WriteFunction
from edge_daemon.store.photos import Photos
from edge_daemon.store.report_outbox import SPARE, insert

MOST_WAITING = 50
"""600 kB at the most."""
NO_ROOM = "others needed its room"
TAKEN_BACK = "the visit took its yes back"

_SAID = (
    "SELECT agreed, withdrawn_at, outbox_id, outbox.id AS kept FROM consent"
    " LEFT JOIN outbox ON outbox.id = outbox_id WHERE visit_id = ?"
)
_FROM_NEWEST = "SELECT outbox.id FROM consent JOIN outbox ON outbox.id = outbox_id ORDER BY outbox.id DESC"
_COUNTS = (
    "SELECT count(CASE WHEN state = 'waiting' THEN 1 END) AS waiting, count(*) - count(outbox.id) AS sent"
    " FROM consent LEFT JOIN outbox ON outbox.id = outbox_id WHERE outbox_id IS NOT NULL"
)
"""The link removes the row of what the gateway has. Whatever else removes one unties it from its consent."""
_OF_FARMER = (
    "SELECT visit_id FROM consent WHERE visit_id IN"
    " (SELECT visit_id FROM diagnosis WHERE id IN (SELECT diagnosis_id FROM outbox WHERE farmer_id = ?))"
)


class Consents:
    """Made by Store. wake: a picture was queued."""

    def __init__(
        self, rows: RowsFunction, write: WriteFunction, now: Now, photos: Photos, wake: Callable[[], None]
    ) -> None:
        self._rows = rows
        self._write = write
        self._now = now
        self._photos = photos
        self._wake = wake

    def said(self, visit: Visit) -> Share | None:
        """What this visit answered, and what became of its picture; None: it was not asked."""
        rows = self._rows(_SAID, (visit.id,))
        return _said(rows[0]) if rows else None

    def has_photo(self, diagnosis: Diagnosis) -> bool:
        """Whether its photo is still here."""
        name = self._photo_of(diagnosis)
        return name is not None and (self._photos.folder / name).is_file()

    def photo(self, diagnosis: Diagnosis) -> bytes | None:
        """Its photo; None where that has made room for others."""
        name = self._photo_of(diagnosis)
        return None if name is None else self._photos.read(name)

    def agree(self, diagnosis: Diagnosis, notice: str, body: bytes) -> None:
        """The visit said yes to these words (notice: their id): the picture is queued, as bytes of the wire contract.

        A visit that has answered before is left as it is. Raises NothingToShare where its farmer was erased meanwhile.
        """

        def work(db: sqlite3.Connection) -> None:
            if not db.execute("SELECT photo FROM diagnosis WHERE id = ?", (diagnosis.id,)).fetchone()["photo"]:
                raise NothingToShare("The photo of this visit was erased. There is nothing to send.")
            if self._note(db, diagnosis, notice, agreed=True):
                _make_room(db, MOST_WAITING - 1)
                self._queue(db, diagnosis.visit, body)

        self._write(work)
        self._wake()

    def refuse(self, diagnosis: Diagnosis, notice: str) -> None:
        """The visit said no; or it takes its yes back, and a picture that still waits is removed."""

        def work(db: sqlite3.Connection) -> None:
            if not self._note(db, diagnosis, notice, agreed=False):
                _withdraw(db, diagnosis.visit.id, TAKEN_BACK, self._utc())

        self._write(work)

    def counts(self) -> dict[str, int]:
        """How many pictures are waiting, and sent."""
        (row,) = self._rows(_COUNTS, ())
        return dict(row)

    def _photo_of(self, diagnosis: Diagnosis) -> str | None:
        rows = self._rows("SELECT photo FROM diagnosis WHERE id = ?", (diagnosis.id,))
        return rows[0]["photo"] if rows else None

    def _note(self, db: sqlite3.Connection, diagnosis: Diagnosis, notice: str, *, agreed: bool) -> bool:
        """Write the answer down. False: there is one."""
        now, visit = self._now(), diagnosis.visit
        return bool(
            db.execute(
                "INSERT INTO consent (visit_id, diagnosis_id, agreed, at, clock, notice, language)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (visit_id) DO NOTHING",
                (visit.id, diagnosis.id, int(agreed), now.utc.isoformat(), now.clock, notice, visit.language),
            ).rowcount
        )

    def _queue(self, db: sqlite3.Connection, visit: Visit, body: bytes) -> None:
        id = insert(db, body, SPARE, self._utc())
        db.execute("UPDATE consent SET outbox_id = ? WHERE visit_id = ?", (id, visit.id))

    def _utc(self) -> str:
        return self._now().utc.isoformat()


def withdraw(db: sqlite3.Connection, farmer: int, why: str, now: str) -> list[bytes]:
    """Within a transaction: what the visits of this farmer agreed to is taken back. The pictures that were removed."""
    visits = [row["visit_id"] for row in db.execute(_OF_FARMER, (farmer,)).fetchall()]
    return [picture for visit in visits for picture in _withdraw(db, visit, why, now)]


def drop_oldest(db: sqlite3.Connection) -> bool:
    """Within a transaction: the oldest picture makes room. False: there is none."""
    kept = len(db.execute(_FROM_NEWEST).fetchall())
    _make_room(db, kept - 1)
    return kept > 0


def _make_room(db: sqlite3.Connection, most: int) -> None:
    """So many pictures may stay: the oldest go."""
    for row in db.execute(_FROM_NEWEST).fetchall()[max(0, most) :]:
        db.execute("UPDATE consent SET outbox_id = NULL, why = ? WHERE outbox_id = ?", (NO_ROOM, row["id"]))
        db.execute("DELETE FROM outbox WHERE id = ?", (row["id"],))


def _withdraw(db: sqlite3.Connection, visit: str, why: str, now: str) -> list[bytes]:
    """One that is on its way in this minute goes too, but may be at the gateway already."""
    removed = db.execute(
        "DELETE FROM outbox WHERE id = (SELECT outbox_id FROM consent WHERE visit_id = ?) RETURNING body", (visit,)
    ).fetchall()
    db.execute(
        "UPDATE consent SET withdrawn_at = ?, why = ? WHERE visit_id = ? AND agreed AND withdrawn_at IS NULL",
        (now, why, visit),
    )
    if removed:
        db.execute("UPDATE consent SET outbox_id = NULL WHERE visit_id = ?", (visit,))
    return [row["body"] for row in removed]


def _said(row: sqlite3.Row) -> Share:
    if not row["agreed"]:
        return Share.REFUSED
    if row["outbox_id"] is not None:
        return Share.SENT if row["kept"] is None else Share.AGREED
    return Share.DROPPED if row["withdrawn_at"] is None else Share.REFUSED
