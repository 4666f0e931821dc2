"""What the kiosk remembers of its link over a restart: bytes by the hour, how often it began, what the gateway wants.

Rules kept here:
- the bytes of any 24 hours are never counted too low: a day is the hour that is and the 24 before it, and where the
  clock was put back, what was counted in its future counts as of now.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from edge_daemon.clock import Now
from edge_daemon.store.outbox import RowsFunction, WriteFunction

HOUR_S = 3600
DAY_H = 24


class LinkBook:
    """Made by Store."""

    def __init__(self, rows: RowsFunction, write: WriteFunction, now: Now) -> None:
        self._rows = rows
        self._write = write
        self._now = now

    def spend(self, count: int) -> None:
        """So many bytes went over the link, both ways."""

        def work(db: sqlite3.Connection) -> None:
            hour = self._hour()
            (ahead,) = db.execute("SELECT ifnull(sum(bytes), 0) FROM link_bytes WHERE hour > ?", (hour,)).fetchone()
            db.execute("DELETE FROM link_bytes WHERE hour > ? OR hour < ?", (hour, hour - 2 * DAY_H))
            db.execute(
                "INSERT INTO link_bytes VALUES (?, ?) ON CONFLICT (hour) DO UPDATE SET bytes = bytes + excluded.bytes",
                (hour, count + ahead),
            )

        if count:
            self._write(work)

    def spent(self) -> int:
        """Bytes of the last 24 hours."""
        (row,) = self._rows(
            "SELECT ifnull(sum(bytes), 0) AS n FROM link_bytes WHERE hour >= ?", (self._hour() - DAY_H,)
        )
        return int(row["n"])

    def begin(self) -> int:
        """The daemon begins: how often it has, with this file."""

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO setting VALUES ('starts', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
            )

        self._write(work)
        return self.starts()

    def starts(self) -> int:
        """As begin gave it last; 0 before."""
        value = self._get("starts")
        return int(value) if isinstance(value, int) else 0

    def follow(self, desired: bytes) -> None:
        """What the gateway wants, as bytes of the wire contract."""
        self._put("desired", desired)

    def followed(self) -> bytes | None:
        """What was followed last; None before there was anything."""
        value = self._get("desired")
        return value if isinstance(value, bytes) else None

    def note(self, what: str) -> None:
        """It is now that the link was "opened", or a batch was "acknowledged", or "health" was told."""
        self._put(f"{what}_at", self._now().utc.isoformat())

    def when(self, what: str) -> datetime | None:
        """When that was last."""
        value = self._get(f"{what}_at")
        return datetime.fromisoformat(value) if isinstance(value, str) else None

    def _hour(self) -> int:
        return int(self._now().utc.timestamp()) // HOUR_S

    def _get(self, name: str) -> object:
        rows = self._rows("SELECT value FROM setting WHERE name = ?", (name,))
        return rows[0]["value"] if rows else None

    def _put(self, name: str, value: bytes | str) -> None:
        self._write(lambda db: db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value)))
