"""What is left to be judged after a run: what the network has, and what the state folder says.

A trigger in the database writes down each part that the kiosk commits as sent, in its own transaction: the table of
parts itself holds the last time only, so it could not show that a part went again which was committed before.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.modem.pdu import parse_submit
from edge_daemon.modem.simulator import read_log
from edge_daemon.store.database import FILE

_WATCH = """
CREATE TABLE soak_committed (
    id INTEGER PRIMARY KEY AUTOINCREMENT, outbox_id INTEGER NOT NULL, part INTEGER NOT NULL, reference INTEGER NOT NULL
);
CREATE TRIGGER soak_watch AFTER INSERT ON sms_part BEGIN
    INSERT INTO soak_committed (outbox_id, part, reference) VALUES (new.outbox_id, new.part, new.modem_reference);
END;
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """A part that the network took. message: the message's reference in a part of several, None in a single one.

    reference: the network's own for this copy (TP-MR), which it told the modem.
    """

    number: str
    message: int | None
    part: int
    text: str
    reference: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the outbox. doubts: how often a part of it was in doubt, as the kiosk itself counted.

    committed: for each part the references under which it was written down as sent, in that order.
    """

    id: int
    number: str
    text: str
    state: str
    why: str | None
    doubts: int
    committed: dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """copies: in the order in which the network took them. whole: (number, text) as telephones show them.

    came: (number, text, numbers of missing parts) that came in. held: parts that wait for others. left: what still
    waits in the network, or lies in the modem.
    """

    copies: list[Copy]
    whole: frozenset[tuple[str, str]]
    outbox: list[Kept]
    came: list[tuple[str, str, str]]
    held: int
    left: int


def watch(folder: Path) -> None:
    """Begin to write down what is committed."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as database:
        database.executescript(_WATCH)


def collect(folder: Path, log: Path, left: int) -> Evidence:
    """From the state folder and the network's log."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as database:
        database.row_factory = sqlite3.Row
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        outbox = list(_outbox(database))
        came = [(row["number"], row["body"], row["missing"]) for row in database.execute("SELECT * FROM inbound")]
        (held,) = database.execute("SELECT count(*) FROM inbound_part").fetchone()
    whole = frozenset((sms.number, sms.text) for sms in read_log(log) if sms.complete)
    return Evidence(list(_copies(log)), whole, outbox, came, held, left)


def _outbox(database: sqlite3.Connection) -> Iterator[Kept]:
    committed: dict[int, dict[int, list[int]]] = {}
    for row in database.execute("SELECT * FROM soak_committed ORDER BY id"):
        committed.setdefault(row["outbox_id"], {}).setdefault(row["part"], []).append(row["reference"])
    for row in database.execute(
        "SELECT outbox.*, number FROM outbox JOIN farmer ON farmer.id = farmer_id WHERE channel = 'sms'"
    ):
        doubts = row["unanswered"] + row["crashes"]
        parts = committed.get(row["id"], {})
        yield Kept(row["id"], row["number"], row["body"].decode(), row["state"], row["why"], doubts, parts)


def _copies(log: Path) -> Iterator[Copy]:
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        entry = json.loads(line)
        message = _reference(entry["pdu"]) if entry["parts"] > 1 else None
        yield Copy(entry["number"], message, entry["part"], entry["text"], entry["reference"])


def _reference(pdu: str) -> int:
    concat = parse_submit(pdu).data.concat
    assert concat is not None
    return concat.reference
