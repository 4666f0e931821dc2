"""What the gateway wants of kiosks, from the database to the broker, which keeps it for each kiosk.

All of it after each connection, since a broker may have forgotten; then what was changed, as soon as it is seen.
Several workers do so; the kiosk takes a revision once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Select, select

from edge_daemon.wire import replies, topics
from edge_daemon.wire.replies import Desired
from gateway.mqtt import Link
from gateway.store import Store
from gateway.tables import kiosk

POLL_S = 2.0
"""How soon a change is seen."""
PAGE = 200
"""Kiosks that are read at once, and told before the next are."""
MANY = 1000
"""When so many were changed of late, all are gone through, page by page."""
OVERLAP_S = 60
"""Changes are looked for from so much before the last look: whoever makes them may have another clock, and one that was
begun earlier may be committed later."""

_WANTED = select(kiosk.c.id, kiosk.c.desired, kiosk.c.desired_at).where(
    kiosk.c.desired_at.is_not(None), kiosk.c.state != "revoked"
)

log = logging.getLogger(__name__)


class Desires:
    """Of one connection."""

    def __init__(self, store: Store, link: Link, now: Callable[[], int]) -> None:
        self._store = store
        self._link = link
        self._now = now
        self._last: str | None = ""
        """Up to which kiosk all were told in this pass; None: all were."""
        self._looked_at = now()
        self._told: dict[str, Any] = {}
        """What was told of that which was changed of late."""
        self._due_at = 0.0
        self._under_way: list[Any] = []

    def step(self) -> None:
        """Tell some of it, if it is time. Raises DatabaseError."""
        if time.monotonic() < self._due_at or not all(one.is_published() for one in self._under_way):
            return
        self._under_way = []
        if self._last is not None:
            self._tell_page(self._last)
        else:
            self._tell_changed()

    def _tell_page(self, last: str) -> None:
        rows = self._rows(_WANTED.where(kiosk.c.id > last).order_by(kiosk.c.id).limit(PAGE))
        since = self._looked_at - OVERLAP_S
        for id, desired, at in rows:
            self._tell(id, desired)
            if at >= since:  # it would be told again at the next look
                self._told[id] = desired
        self._last = rows[-1][0] if len(rows) == PAGE else None

    def _tell_changed(self) -> None:
        began, since = self._now(), self._looked_at - OVERLAP_S
        rows = self._rows(_WANTED.where(kiosk.c.desired_at >= since).limit(MANY))
        if len(rows) == MANY:
            self._last = ""
        else:
            for id, desired, _ in rows:
                if self._told.get(id) != desired:
                    self._tell(id, desired)
        self._told = {id: desired for id, desired, _ in rows}
        self._looked_at = began
        self._due_at = time.monotonic() + POLL_S

    def _rows(self, statement: Select[Any]) -> list[tuple[str, Any, int]]:
        with self._store.reading() as db:
            return [(id, desired, at) for id, desired, at in db.execute(statement)]

    def _tell(self, id: str, desired: Any) -> None:
        try:
            payload = replies.encode_desired(Desired.model_validate(desired))
        except ValidationError:
            log.warning("What is wanted of %s is none that this version knows: it is not told.", id)
        else:
            self._under_way.append(self._link.retain(topics.desired(id), payload))
