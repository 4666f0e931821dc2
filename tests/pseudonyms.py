"""Pseudonyms that a test can foresee."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from edge_daemon.store.database import FILE


def give_key(folder: Path, key: bytes) -> None:
    """Put the key into a state folder that has made none yet."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as database:
        database.execute("INSERT OR IGNORE INTO secret VALUES ('pseudonym', ?)", (key,))
