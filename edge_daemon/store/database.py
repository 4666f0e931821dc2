"""The SQLite file: opened, migrated, locked, and its errors given our names.

WAL with synchronous=FULL: a row that was committed is on the card when the power goes (SQLite, "PRAGMA synchronous").
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_daemon.errors import StateDamaged, StateError, StateFull, StateInUse, StateReadOnly

FILE = "kiosk.db"
LOCK = "kiosk.lock"
BUSY_S = 5.0
"""How long a write waits for another process's write before it gives up."""

LOG_PAGES = 256
"""The write-ahead log is folded into the file at this many pages of 4 KiB: 1 MiB, a quarter of SQLite's own choice,
since it takes its room from a small card."""

MIGRATIONS = (
    """
    CREATE TABLE visit (
        id TEXT PRIMARY KEY, begun_at TEXT NOT NULL, clock TEXT NOT NULL, language TEXT NOT NULL, crop TEXT
    ) STRICT;
    CREATE TABLE diagnosis (
        id TEXT PRIMARY KEY, visit_id TEXT NOT NULL REFERENCES visit(id), taken_at TEXT NOT NULL, clock TEXT NOT NULL,
        decision TEXT NOT NULL, candidates TEXT NOT NULL, leaf REAL NOT NULL, model TEXT NOT NULL,
        source TEXT NOT NULL, rehearsal INTEGER NOT NULL, photo TEXT
    ) STRICT;
    CREATE INDEX diagnosis_of_visit ON diagnosis(visit_id);
    CREATE TABLE farmer (
        id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, language TEXT NOT NULL, since TEXT NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL CHECK (channel IN ('sms', 'report')),
        diagnosis_id TEXT NOT NULL REFERENCES diagnosis(id),
        farmer_id INTEGER REFERENCES farmer(id),
        body BLOB NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'sending', 'sent', 'delivered', 'parked')),
        attempts INTEGER NOT NULL DEFAULT 0,
        queued_at TEXT NOT NULL, changed_at TEXT NOT NULL, why TEXT
    ) STRICT;
    CREATE UNIQUE INDEX outbox_once ON outbox(channel, diagnosis_id, ifnull(farmer_id, 0));
    CREATE INDEX outbox_due ON outbox(channel, state, attempts, id);
    CREATE TABLE sms_part (
        outbox_id INTEGER NOT NULL REFERENCES outbox(id), part INTEGER NOT NULL,
        modem_reference INTEGER NOT NULL, sent_at TEXT NOT NULL, PRIMARY KEY (outbox_id, part)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE diagnosis ADD COLUMN leaves INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE outbox ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN due_at TEXT NOT NULL DEFAULT ''
    """,
    """
    CREATE TABLE outbox_3 (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL CHECK (channel IN ('sms', 'report')),
        kind TEXT NOT NULL DEFAULT 'answer' CHECK (kind IN ('answer', 'confirmation', 'reply', 'follow_up')),
        rank INTEGER NOT NULL DEFAULT 0,
        diagnosis_id TEXT REFERENCES diagnosis(id),
        farmer_id INTEGER REFERENCES farmer(id),
        body BLOB NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'sending', 'sent', 'delivered', 'parked')),
        attempts INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
        unanswered INTEGER NOT NULL DEFAULT 0,
        due_at TEXT NOT NULL DEFAULT '', not_after TEXT NOT NULL DEFAULT '',
        queued_at TEXT NOT NULL, changed_at TEXT NOT NULL, sent_at TEXT, why TEXT,
        CHECK (diagnosis_id IS NOT NULL OR (channel = 'sms' AND farmer_id IS NOT NULL))
    ) STRICT;
    INSERT INTO outbox_3 (id, channel, diagnosis_id, farmer_id, body, state, attempts, crashes, unanswered, due_at,
        queued_at, changed_at, sent_at, why)
        SELECT id, channel, diagnosis_id, farmer_id, body, state, attempts, crashes, unanswered, due_at, queued_at,
        changed_at, CASE WHEN state IN ('sent', 'delivered') THEN changed_at END, why FROM outbox;
    CREATE TABLE sms_part_3 (
        outbox_id INTEGER NOT NULL REFERENCES outbox_3(id), part INTEGER NOT NULL,
        modem_reference INTEGER NOT NULL, sent_at TEXT NOT NULL, outcome TEXT, why TEXT, reported_at TEXT,
        PRIMARY KEY (outbox_id, part)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO sms_part_3 (outbox_id, part, modem_reference, sent_at)
        SELECT outbox_id, part, modem_reference, sent_at FROM sms_part;
    DROP TABLE sms_part;
    DROP TABLE outbox;
    ALTER TABLE outbox_3 RENAME TO outbox;
    ALTER TABLE sms_part_3 RENAME TO sms_part;
    CREATE UNIQUE INDEX outbox_once ON outbox(channel, kind, diagnosis_id, ifnull(farmer_id, 0));
    CREATE INDEX outbox_due ON outbox(channel, state, rank, attempts, id);
    CREATE INDEX sms_part_of_reference ON sms_part(modem_reference);
    CREATE TABLE sms_spent (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL) STRICT;
    CREATE INDEX sms_spent_at ON sms_spent(at);
    INSERT INTO sms_spent (at) SELECT sent_at FROM sms_part ORDER BY sent_at;
    CREATE TABLE opt_out (number TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT;
    CREATE TABLE balance (
        id INTEGER PRIMARY KEY CHECK (id = 1), amount TEXT, answer TEXT NOT NULL, asked_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE inbound (
        id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL, body TEXT NOT NULL, missing TEXT NOT NULL,
        sent_at TEXT, received_at TEXT NOT NULL, clock TEXT NOT NULL, pdus TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done'))
    ) STRICT;
    CREATE INDEX inbound_of_state ON inbound(state, id);
    CREATE TABLE inbound_part (
        id INTEGER PRIMARY KEY AUTOINCREMENT, pdu TEXT NOT NULL, received_at TEXT NOT NULL
    ) STRICT;
    CREATE TABLE inbound_seen (id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE inbound_broken (
        id INTEGER PRIMARY KEY AUTOINCREMENT, pdu TEXT NOT NULL, why TEXT NOT NULL, received_at TEXT NOT NULL
    ) STRICT
    """,
    """
    ALTER TABLE outbox ADD COLUMN flash INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE outbox ADD COLUMN shift TEXT NOT NULL DEFAULT '';
    ALTER TABLE farmer ADD COLUMN national_tables INTEGER;
    CREATE TABLE pin_in_doubt (fingerprint TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT
    """,
    """
    CREATE TABLE outbox_5 (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL CHECK (channel IN ('sms', 'report')),
        kind TEXT NOT NULL DEFAULT 'answer' CHECK (kind IN ('answer', 'confirmation', 'reply', 'follow_up')),
        rank INTEGER NOT NULL DEFAULT 0,
        diagnosis_id TEXT REFERENCES diagnosis(id),
        farmer_id INTEGER REFERENCES farmer(id),
        body BLOB NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'sending', 'sent', 'delivered', 'parked')),
        attempts INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
        unanswered INTEGER NOT NULL DEFAULT 0,
        due_at TEXT NOT NULL DEFAULT '', not_after TEXT NOT NULL DEFAULT '',
        queued_at TEXT NOT NULL, changed_at TEXT NOT NULL, sent_at TEXT, why TEXT,
        flash INTEGER NOT NULL DEFAULT 0, shift TEXT NOT NULL DEFAULT '',
        template TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT '', notice INTEGER NOT NULL DEFAULT 0,
        delivered_at TEXT, told_at TEXT,
        CHECK (diagnosis_id IS NOT NULL OR channel = 'report' OR farmer_id IS NOT NULL)
    ) STRICT;
    INSERT INTO outbox_5 (id, channel, kind, rank, diagnosis_id, farmer_id, body, state, attempts, crashes, unanswered,
        due_at, not_after, queued_at, changed_at, sent_at, why, flash, shift, delivered_at, language)
        SELECT outbox.id, channel, kind, rank, diagnosis_id, farmer_id, body, state, attempts, crashes, unanswered,
        due_at, not_after, queued_at, changed_at, sent_at, why, flash, shift,
        CASE WHEN state = 'delivered' AND channel = 'sms' THEN changed_at END, ifnull(farmer.language, '')
        FROM outbox LEFT JOIN farmer ON farmer.id = farmer_id;
    CREATE TABLE sms_part_5 (
        outbox_id INTEGER NOT NULL REFERENCES outbox_5(id), part INTEGER NOT NULL,
        modem_reference INTEGER NOT NULL, sent_at TEXT NOT NULL, outcome TEXT, why TEXT, reported_at TEXT,
        PRIMARY KEY (outbox_id, part)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO sms_part_5 SELECT * FROM sms_part;
    DROP TABLE sms_part;
    DROP TABLE outbox;
    ALTER TABLE outbox_5 RENAME TO outbox;
    ALTER TABLE sms_part_5 RENAME TO sms_part;
    CREATE UNIQUE INDEX outbox_once ON outbox(channel, kind, diagnosis_id, ifnull(farmer_id, 0));
    CREATE INDEX outbox_due ON outbox(channel, state, rank, attempts, id);
    CREATE INDEX outbox_of_farmer ON outbox(farmer_id, id);
    CREATE INDEX sms_part_of_reference ON sms_part(modem_reference);
    ALTER TABLE farmer ADD COLUMN pseudonym TEXT NOT NULL DEFAULT '';
    ALTER TABLE farmer ADD COLUMN notice_at TEXT;
    ALTER TABLE farmer ADD COLUMN notice_by TEXT;
    ALTER TABLE farmer ADD COLUMN helped_at TEXT;
    ALTER TABLE farmer ADD COLUMN seen_at TEXT NOT NULL DEFAULT '';
    ALTER TABLE farmer ADD COLUMN erased_at TEXT;
    CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    CREATE TABLE question (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        farmer_id INTEGER NOT NULL REFERENCES farmer(id),
        diagnosis_id TEXT NOT NULL REFERENCES diagnosis(id),
        advice_id INTEGER NOT NULL,
        topic TEXT NOT NULL CHECK (topic IN ('help', 'reason', 'recall_3', 'recall_14')),
        state TEXT NOT NULL DEFAULT 'planned'
            CHECK (state IN ('planned', 'asked', 'answered', 'missed', 'cancelled')),
        label TEXT NOT NULL, language TEXT NOT NULL DEFAULT '', template TEXT NOT NULL DEFAULT '',
        planned_at TEXT NOT NULL, clock TEXT NOT NULL, after_s INTEGER NOT NULL, due_at TEXT NOT NULL,
        options INTEGER NOT NULL DEFAULT 0, right INTEGER NOT NULL DEFAULT 0,
        outbox_id INTEGER, asked_at TEXT, until TEXT,
        answered_at TEXT, answer INTEGER, late INTEGER NOT NULL DEFAULT 0, why TEXT,
        changed_at TEXT NOT NULL, told_at TEXT
    ) STRICT;
    CREATE UNIQUE INDEX question_once ON question(advice_id, topic);
    CREATE INDEX question_due ON question(state, due_at);
    CREATE INDEX question_asked ON question(asked_at);
    CREATE INDEX question_of_farmer ON question(farmer_id, id);
    CREATE TABLE answer (
        id INTEGER PRIMARY KEY AUTOINCREMENT, question_id INTEGER NOT NULL REFERENCES question(id),
        digit INTEGER NOT NULL, at TEXT NOT NULL, counts INTEGER NOT NULL, late INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX answer_of_question ON answer(question_id);
    ALTER TABLE inbound ADD COLUMN sense TEXT NOT NULL DEFAULT ''
    """,
    """
    UPDATE outbox SET rank = rank + 1 WHERE channel = 'report';
    DROP INDEX outbox_once;
    CREATE UNIQUE INDEX outbox_once ON outbox(channel, kind, diagnosis_id, ifnull(farmer_id, 0), rank);
    CREATE INDEX outbox_reports ON outbox(state, rank, queued_at, id) WHERE channel = 'report';
    CREATE INDEX diagnosis_by_time ON diagnosis(taken_at);
    CREATE TABLE link_bytes (hour INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
    CREATE TABLE setting (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT;
    CREATE TABLE alarmed (
        what TEXT NOT NULL, label TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (what, label)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE consent (
        visit_id TEXT PRIMARY KEY REFERENCES visit(id), diagnosis_id TEXT NOT NULL REFERENCES diagnosis(id),
        agreed INTEGER NOT NULL, at TEXT NOT NULL, clock TEXT NOT NULL, notice TEXT NOT NULL, language TEXT NOT NULL,
        outbox_id INTEGER, withdrawn_at TEXT, why TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX consent_of_picture ON consent(outbox_id) WHERE outbox_id IS NOT NULL
    """,
)
"""Step n brings a file of user_version n to n + 1. A step that has been released is never edited."""

_NAMES: dict[int, tuple[type[StateError], str]] = {
    sqlite3.SQLITE_FULL: (
        StateFull,
        "no room is left on its disk. Free some, or give the kiosk a larger card",
    ),
    sqlite3.SQLITE_READONLY: (StateReadOnly, "it cannot be written. Make it writable for the kiosk's user"),
    sqlite3.SQLITE_CANTOPEN: (
        StateReadOnly,
        "it cannot be opened or made. Make its folder writable for the kiosk's user",
    ),
    sqlite3.SQLITE_PERM: (StateReadOnly, "it may not be written by this user"),
    sqlite3.SQLITE_BUSY: (StateInUse, f"another process has been writing it for {BUSY_S:.0f} s. Try again"),
    sqlite3.SQLITE_LOCKED: (StateInUse, "another process holds it. Try again"),
    sqlite3.SQLITE_CORRUPT: (StateDamaged, "it is damaged. Keep it aside, restore the last backup"),
    sqlite3.SQLITE_NOTADB: (StateDamaged, "it is not a database. Keep it aside, restore the last backup"),
    sqlite3.SQLITE_IOERR: (StateDamaged, "its disk failed a read or write. Check the card"),
}
"""By primary result code (SQLite, "Result and Error Codes")."""


_OF_A_FULL_DISK_TOO = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
"""The files beside the database, of the log and its index, have to be made too; that fails with these codes."""
FULL_BYTES = 256 * 1024
"""With less than this free a disk is full: an index alone takes 32 KiB (SQLite, "WAL-mode File Format", 2)."""


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """SQLite's trouble as a StateError; a wrong statement is a bug and passes."""
    try:
        yield
    except sqlite3.Error as why:
        code = getattr(why, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _NAMES:
            raise
        if code in _OF_A_FULL_DISK_TOO and _is_full(path.parent):
            code = sqlite3.SQLITE_FULL
        error, sentence = _NAMES[code]
        raise error(f"{path}: {sentence}. ({why})") from why


def connect(path: Path) -> sqlite3.Connection:
    """Open and migrate the file, making it if need be. Raises StateError."""
    with named_errors(path):
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("PRAGMA secure_delete = ON").fetchall()  # what a farmer has erased is written over
            database.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
            _migrate(database, path)
        except BaseException:
            database.close()
            raise
    return database


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open an existing file without writing to it. Raises StateError."""
    with named_errors(path):
        database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
        )
        try:
            _refuse_other_version(database, path, exact=True)
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of the block, or nothing of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors, a full disk among them.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def fold_log(database: sqlite3.Connection) -> None:
    """Fold the write-ahead log into the file and cut it to nothing, if that can be done now."""
    with suppress(sqlite3.DatabaseError):  # no room even for that: photos have to go
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def is_there(folder: Path) -> bool:
    """Whether a kiosk has worked with the folder. Raises StateReadOnly for a user who may not even look."""
    try:
        (folder / FILE).stat()
    except PermissionError as why:
        raise StateReadOnly(
            f"{folder}: this user may not read it. Do it as the kiosk's user: sudo -u krishi-kiosk krishi-kiosk ..."
        ) from why
    except OSError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make the state folder, for its owner only: it holds telephone numbers. Raises StateReadOnly, StateFull."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as why:
        raise StateReadOnly(f"{folder}: is not a folder. Name another in [state] folder.") from why
    except OSError as why:
        raise StateReadOnly(
            f"{folder}: cannot be made: {why.strerror}. Make it, or name another in [state] folder."
        ) from why


def lock(folder: Path) -> int:
    """Take the folder's lock, which falls with the process. Raises StateInUse, StateReadOnly.

    Only its holder may drain the outbox: two would send a message twice.
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as why:
        raise StateReadOnly(f"{folder / LOCK}: {why.strerror}. Make it writable for the kiosk's user.") from why
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as why:
        os.close(handle)
        raise StateInUse(
            f"{folder}: another krishi-kiosk works with this folder. Stop it, or name another folder."
        ) from why
    return handle


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    _refuse_other_version(database, path, exact=False)
    if _version(database) == len(MIGRATIONS):  # nothing to write, which a full disk would refuse
        return
    with transaction(database):  # the version is read anew inside: two processes may open a new file at once
        for step in MIGRATIONS[_version(database) :]:
            for statement in step.split(";"):
                database.execute(statement)
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _refuse_other_version(database: sqlite3.Connection, path: Path, *, exact: bool) -> None:
    version = _version(database)
    if exact and version < len(MIGRATIONS):
        raise StateDamaged(
            f"{path}: is of version {version}, from an older krishi-kiosk. Start the kiosk once: "
            f"it brings the file up to version {len(MIGRATIONS)}."
        )
    if version > len(MIGRATIONS):
        raise StateDamaged(
            f"{path}: is of version {version}, this program writes version {len(MIGRATIONS)}. "
            f"Run the krishi-kiosk that wrote it, or a newer one."
        )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
