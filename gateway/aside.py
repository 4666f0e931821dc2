"""What cannot be read, on its way to the table `aside`: so much of each kiosk, in the order in which it came.

Whoever has the lock on a kiosk's row knows how much of that kiosk is there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, func, select

from gateway import bulk
from gateway.parcel import plain
from gateway.tables import aside

NOBODY = ""
"""The kiosk of what came by a topic that is none of ours."""


class Aside:
    """Of these kiosks. most: kept of one kiosk."""

    def __init__(self, db: Connection, kiosks: Iterable[str], most: int) -> None:
        self._db = db
        self._kiosks = {NOBODY, *kiosks}
        self._most = most
        self._rows: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.messages: Counter[str] = Counter()
        """Of each kiosk, as often as they came."""

    def put(self, kiosk: str, body: bytes, reason: str, came_at: int, messages: int = 1) -> bool:
        """Bytes that cannot be read, and how many messages they are. False: without room they are counted alone."""
        self.messages[kiosk] += messages
        key = (kiosk, hashlib.sha256(body).hexdigest())
        if key not in self._rows:
            if self._kept[kiosk] >= self._most:
                return False
            self._kept[kiosk] += 1
        self._rows[key] = (*key, plain(reason), body, came_at)
        return True

    @cached_property
    def _kept(self) -> Counter[str]:
        """Asked for when something is put here, since hardly ever anything is."""
        counted = select(aside.c.kiosk, func.count()).where(aside.c.kiosk.in_(self._kiosks)).group_by(aside.c.kiosk)
        return Counter(dict(iter(self._db.execute(counted))))

    def write(self) -> None:
        """All of it: in one order, since nothing else keeps two workers apart who have what is nobody's."""
        bulk.put(self._db, aside, [row for _, row in sorted(self._rows.items())])
