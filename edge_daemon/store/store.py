"""The waist: visits, diagnoses, farmers and what waits to be sent. One method is one transaction."""

from __future__ import annotations

import functools
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from edge_daemon.clock import Now, system_now
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Diagnosis, Farmer, Kind, Photo, Sms, Visit
from edge_daemon.errors import NoStateYet, NoSuchVisit, StateFull
from edge_daemon.sms_policy import parts_at_most
from edge_daemon.store import consents, database, traces
from edge_daemon.store.alarms import Alarms
from edge_daemon.store.consents import Consents
from edge_daemon.store.erasure import Erasure
from edge_daemon.store.farmers import Farmers
from edge_daemon.store.inbound import Inbound
from edge_daemon.store.ledger import Ledger
from edge_daemon.store.link_book import LinkBook
from edge_daemon.store.outbox import read_report
from edge_daemon.store.photos import Photos
from edge_daemon.store.questions import Questions
from edge_daemon.store.reading import Reading
from edge_daemon.store.report_outbox import REPORT, ReportOutbox
from edge_daemon.store.reserve import Reserve
from edge_daemon.store.rows import diagnosis_of, visit_of
from edge_daemon.store.sms_outbox import SmsOutbox
from edge_daemon.store.sms_reports import Reported, SmsReports
from edge_daemon.store.texts import Label, Texts
from edge_daemon.store.told import Told

T = TypeVar("T")
STANDARD_RULES = SmsRules()


class Store:
    """The state folder, opened. `sms` and `reports` are its outboxes, `texts` what goes out, `inbound` what came in.

    `farmers` are the people, `questions` what they are asked and what they answer, `consents` whose pictures may go,
    `ledger` reads all that for reports, `told` is what the gateway knows of it; `link` remembers what went over the
    link to it, `alarms` what was raised; `erasure` removes people. `bulk` is the outbox of those SMS that go by a
    second way: see share_sms.

    Every method may raise StateFull, StateReadOnly, StateInUse or StateDamaged; then nothing of it was written.
    """

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        photos: Photos,
        handle: int | None,
        now: Now,
        rules: SmsRules = STANDARD_RULES,
        reading: Reading | None = None,
    ) -> None:
        self.folder = folder
        self.photos = photos
        self._database = connection
        self._database.row_factory = sqlite3.Row
        self._lock = handle
        self._now = now
        self._reading = reading
        count_parts = parts_at_most if reading is None else reading.count_parts
        self.sms = SmsOutbox(self._rows, self._write, now, rules, count_parts)
        self.bulk = SmsOutbox(self._rows, self._write, now, rules, count_parts, by_modem=False)
        self.bulk.takes = _never
        self.farmers = Farmers(self._rows, self._write, now)
        self.texts = Texts(self._rows, self._write, now, rules, count_parts, (self.sms, self.bulk), self.farmers)
        self.questions = Questions(self._rows, self._write, now, self.texts)
        for way in (self.sms, self.bulk):
            way.gone = self.questions.plan
            way.has_opted_out = self.texts.has_opted_out
        if reading is not None:
            self.sms.settle = self._reports.settle
        self.reports = ReportOutbox("report", self._rows, self._write, read_report, now)
        self.reports.at_last = self._write_at_last
        self._reserve = Reserve(folder)
        self.link = LinkBook(self._rows, self._write, now)
        self.alarms = Alarms(self._rows, self._write, self.reports)
        self.told = Told(self._rows, self._write, now, self.farmers, self.reports.wake)
        self.consents = Consents(self._rows, self._write, now, photos, self.reports.wake)

    @classmethod
    def open(
        cls,
        folder: Path,
        photos_bytes: int,
        now: Now = system_now,
        rules: SmsRules = STANDARD_RULES,
        reading: Reading | None = None,
    ) -> Store:
        """Open the folder alone, making it if need be, and take up what a crash left half sent.

        photos_bytes: the oldest photos are removed above this. rules: of what may be sent. reading: reads PDUs; without
        it nothing can be received. Raises StateError.
        """
        database.make_folder(folder)
        handle = database.lock(folder)
        try:
            photos = Photos(folder, photos_bytes)
            store = cls(folder, _connect(folder, photos), photos, handle, now, rules, reading)
            store.sms.recover()
            store.reports.recover()
            store._reserve.keep()
        except BaseException:
            os.close(handle)
            raise
        return store

    @classmethod
    def share(
        cls,
        folder: Path,
        photos_bytes: int,
        now: Now = system_now,
        rules: SmsRules = STANDARD_RULES,
        reading: Reading | None = None,
    ) -> Store:
        """Open a folder whose outbox another process drains, to add to it. Raises StateError."""
        photos = Photos(folder, photos_bytes)
        return cls(folder, _connect(folder, photos), photos, None, now, rules, reading)

    @classmethod
    def look(
        cls, folder: Path, now: Now = system_now, rules: SmsRules = STANDARD_RULES, reading: Reading | None = None
    ) -> Store:
        """Open an existing folder for reading. Raises StateError."""
        if not database.is_there(folder):
            raise NoStateYet(f"{folder}: no kiosk has worked with this folder yet. Run `krishi-kiosk run` first.")
        return cls(
            folder, database.connect_to_read(folder / database.FILE), Photos(folder, 0), None, now, rules, reading
        )

    @property
    def alone(self) -> bool:
        """Whether this process has the folder's lock, and so may drain its outboxes."""
        return self._lock is not None

    def close(self) -> None:
        """Close; safe to call twice."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, visit: Visit) -> None:
        """Record a visit, so that whoever holds its id can go on after a restart."""
        row = (visit.id, visit.begun_at.isoformat(), visit.clock, visit.language, visit.crop)
        self._write(lambda db: _insert(db, "INSERT INTO visit VALUES (?, ?, ?, ?, ?)", row))

    def visit(self, id: str) -> Visit:
        """Raises NoSuchVisit."""
        row = self._one("SELECT * FROM visit WHERE id = ?", (id,))
        if row is None:
            raise NoSuchVisit(f"There is no visit {id!r}. Begin one.")
        return visit_of(row)

    def record(self, diagnosis: Diagnosis, photo: Photo, report: bytes) -> None:
        """Record a diagnosis and its report, together or not at all. The photo is kept while there is room."""
        name = self.photos.keep(f"{diagnosis.id}.jpg", photo.data)

        def work(db: sqlite3.Connection) -> None:
            _insert(
                db,
                "INSERT INTO diagnosis VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _diagnosis_row(diagnosis, name),
            )
            now = self._now().utc.isoformat()
            _insert(
                db,
                "INSERT INTO outbox (channel, rank, diagnosis_id, body, queued_at, changed_at)"
                " VALUES ('report', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (REPORT, diagnosis.id, report, now, now),
            )

        try:
            self._write(work)
        except BaseException:
            self.photos.remove(name)
            raise
        self.reports.wake()

    def diagnosis(self, visit: Visit) -> Diagnosis | None:
        """The visit's diagnosis that counts: the newest, where there is one of a leaf."""
        row = self._one(
            "SELECT * FROM diagnosis WHERE visit_id = ? ORDER BY decision = 'not_a_leaf', rowid DESC LIMIT 1",
            (visit.id,),
        )
        return None if row is None else diagnosis_of(row, visit)

    def queue_sms(self, diagnosis: Diagnosis, farmer: Farmer, text: str, *, notice: bool = False) -> Sms:
        """Queue the advice. Asked again for the same diagnosis and number, it is the message of the first time.

        One that was given up on, and parked, is tried anew. notice: the text says what the number is used for. Raises
        BadText, OptedOut.
        """
        label = Label(diagnosis.decision.value, notice)
        return self.texts.queue(farmer.number, farmer.language, text, Kind.ANSWER, diagnosis.id, label=label)

    def agree(self, number: str, language: str, notice: str) -> None:
        """A number (E.164) was given below this notice on the screen; notice: its id."""
        self.farmers.agree(number, language, notice)

    def knows_notice(self, number: str) -> bool:
        """Whether an SMS to this number (E.164) has said what the number is used for."""
        return self.farmers.knows_notice(number)

    def diagnosis_by_id(self, id: str) -> Diagnosis:
        """A diagnosis that an SMS is about. Raises NoSuchVisit."""
        row = self._one("SELECT * FROM diagnosis WHERE id = ?", (id,))
        if row is None:
            raise NoSuchVisit(f"There is no diagnosis {id!r}.")
        return diagnosis_of(row, self.visit(row["visit_id"]))

    def share_sms(self, by_bulk: Callable[[Sms], bool]) -> None:
        """From now on these go by `bulk`, and the others by `sms`. Without this all go by `sms`."""
        self.bulk.takes = by_bulk
        self.sms.takes = lambda sms: not by_bulk(sms)

    def part_sent(self, sms: Sms, part: int, modem_reference: int) -> None:
        """The network took a part (1, 2, ...) and gave it this reference (TP-MR, 0 to 255)."""
        row = (sms.id, part, modem_reference, self._now().utc.isoformat())

        def work(db: sqlite3.Connection) -> None:
            _insert(
                db,
                "INSERT OR REPLACE INTO sms_part (outbox_id, part, modem_reference, sent_at) VALUES (?, ?, ?, ?)",
                row,
            )
            self.sms.note_spent(db)

        self._write(work)
        if self._reading is not None:
            self._reports.after_part(modem_reference)

    def reported(self, pdu: str) -> Reported:
        """Write down what a status report (in hexadecimal) says of a part. Then the modem may acknowledge or delete it.

        Raises StateError; then it must not.
        """
        return self._reports.take(pdu)

    @functools.cached_property
    def inbound(self) -> Inbound:
        """What came in."""
        return Inbound(self._rows, self._write, self._reader, self._now)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """What became of advices and questions, for reports."""
        return Ledger(self._rows, self._now)

    @functools.cached_property
    def erasure(self) -> Erasure:
        """How farmers are removed."""

        def scrub(words: Sequence[bytes]) -> bool:
            return traces.scrub(self._database, self.folder / database.FILE, words)

        return Erasure(self._rows, self._write, self._now, self.farmers, self.photos, scrub)

    @functools.cached_property
    def _reports(self) -> SmsReports:
        return SmsReports(self._write, self._reader, self._now, self.inbound.keep_aside)

    @property
    def _reader(self) -> Reading:
        if self._reading is None:
            raise RuntimeError("this store was opened without a reader of PDUs")
        return self._reading

    def note_balance(self, answer: str, amount: str | None) -> None:
        """Keep what the operator says is left: its words, and the amount in them."""
        row = (amount, answer, self._now().utc.isoformat())
        self._write(lambda db: _insert(db, "INSERT OR REPLACE INTO balance VALUES (1, ?, ?, ?)", row))

    def balance(self) -> dict[str, Any] | None:
        """The newest answer about the balance: amount, answer, asked_at. None if there is none."""
        row = self._one("SELECT amount, answer, asked_at FROM balance", ())
        return None if row is None else dict(row)

    def pin_in_doubt(self, fingerprint: str) -> bool:
        """Whether a SIM has not taken this PIN; both stand in the fingerprint."""
        return self._one("SELECT 1 FROM pin_in_doubt WHERE fingerprint = ?", (fingerprint,)) is not None

    def doubt_pin(self, fingerprint: str) -> None:
        """It is entered now. Until the SIM takes it, it is not to be tried again."""
        row = (fingerprint, self._now().utc.isoformat())
        self._write(lambda db: _insert(db, "INSERT OR REPLACE INTO pin_in_doubt VALUES (?, ?)", row))

    def trust_pin(self, fingerprint: str) -> None:
        """The SIM has taken it, or asks for none."""
        if self.pin_in_doubt(fingerprint):
            self._write(lambda db: _insert(db, "DELETE FROM pin_in_doubt WHERE fingerprint = ?", (fingerprint,)))

    def sms_states(self, visit: Visit) -> list[dict[str, object]]:
        """The state of each SMS of a visit, oldest first: id, state, why, parts_sent. Without the number."""
        rows = self._rows(
            "SELECT outbox.id, state, why, (SELECT count(*) FROM sms_part WHERE outbox_id = outbox.id) AS parts_sent"
            " FROM outbox JOIN diagnosis ON diagnosis.id = diagnosis_id WHERE visit_id = ?"
            " AND channel = 'sms' ORDER BY outbox.id",
            (visit.id,),
        )
        return [dict(row) for row in rows]

    def queues(self) -> dict[str, dict[str, int]]:
        """How many messages are in each state, by channel; every state that is not empty."""
        counts: dict[str, dict[str, int]] = {"sms": {}, "report": {}}
        for row in self._rows("SELECT channel, state, count(*) AS n FROM outbox GROUP BY channel, state", ()):
            counts[row["channel"]][row["state"]] = row["n"]
        return counts

    def last_visit(self) -> tuple[Visit, Diagnosis | None] | None:
        """The newest visit and its newest diagnosis."""
        row = self._one("SELECT * FROM visit ORDER BY rowid DESC LIMIT 1", ())
        if row is None:
            return None
        visit = visit_of(row)
        return visit, self.diagnosis(visit)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction. On a full disk the log is folded in, then room is made: see _make_room."""
        folded = False
        while True:
            try:
                with (
                    database.named_errors(self.folder / database.FILE),
                    database.transaction(self._database) as db,
                ):
                    done = work(db)
            except StateFull:
                if not folded:
                    folded = True
                    database.fold_log(self._database)
                elif not self._make_room():
                    raise
            else:
                return done

    def _write_at_last(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As _write, with the reserve."""
        self._reserve.give()
        database.fold_log(self._database)
        try:
            return self._write(work)
        finally:
            database.fold_log(self._database)
            self._reserve.keep()

    def _make_room(self) -> bool:
        """The oldest photo goes; with the last one the pictures that wait to be sent. Reports stay. False: none can go.

        Not after it: with no room at all SQLite cannot even write down that a row is gone.
        """
        removed = self.photos.remove_oldest()
        if self.photos.count_and_bytes()[0]:
            return removed
        dropped = False
        with suppress(StateFull):
            while self._drop_picture():
                dropped = True
                database.fold_log(self._database)
        return removed or dropped

    def _drop_picture(self) -> bool:
        with database.named_errors(self.folder / database.FILE), database.transaction(self._database) as db:
            return consents.drop_oldest(db)

    def _one(self, statement: str, values: tuple[object, ...]) -> sqlite3.Row | None:
        return next(iter(self._rows(statement, values)), None)

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        with database.named_errors(self.folder / database.FILE):
            return self._database.execute(statement, values).fetchall()


def _connect(folder: Path, photos: Photos) -> sqlite3.Connection:
    """Open the database; on a full disk photos go, the oldest first. Raises StateError."""
    while True:
        try:
            return database.connect(folder / database.FILE)
        except StateFull:
            if not photos.remove_oldest():
                raise


def _never(_: Sms) -> bool:
    return False


def _insert(db: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    db.execute(statement, values)


def _diagnosis_row(diagnosis: Diagnosis, photo: str | None) -> tuple[object, ...]:
    candidates = json.dumps([[candidate.label, candidate.probability] for candidate in diagnosis.candidates])
    return (
        diagnosis.id,
        diagnosis.visit.id,
        diagnosis.taken_at.isoformat(),
        diagnosis.clock,
        diagnosis.decision.value,
        candidates,
        diagnosis.leaf,
        diagnosis.model,
        diagnosis.source,
        int(diagnosis.rehearsal),
        photo,
        diagnosis.leaves,
    )
