"""The bytes of the link: counted as they go, written down when there is room on the disk."""

from __future__ import annotations

import logging
from collections import deque
from typing import Protocol

from edge_daemon.errors import StateFull
from edge_daemon.sync.traffic import Traffic

log = logging.getLogger(__name__)


class Book(Protocol):
    """Where bytes are written down: edge_daemon.store.link_book.LinkBook."""

    def spend(self, count: int) -> None: ...
    def spent(self) -> int: ...


class Link(Protocol):
    """What is asked of edge_daemon.sync.link.Link."""

    def traffic(self) -> Traffic: ...


class Account:
    """Of one run of the daemon."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._unwritten = 0
        self._counted = 0
        self._took: deque[int] = deque()

    def took(self, count: int) -> None:
        """So many bytes went by another connection to the gateway. May be told by any thread."""
        self._took.append(count)

    def open(self) -> None:
        """A new connection: its bytes begin at 0."""
        self._counted = 0

    def spent(self, link: Link | None = None) -> int:
        """Bytes of the last 24 hours, with those that this connection has taken since they were written down."""
        self._count(link)
        return self._book.spent() + self._unwritten

    def write(self, link: Link | None = None) -> int:
        """Write down what went; how much this connection has taken in all. Raises StateError but for a full disk."""
        self._count(link)
        try:
            self._book.spend(self._unwritten)
        except StateFull:
            log.warning("sync: %d bytes of the link are remembered only until the kiosk stops.", self._unwritten)
        else:
            self._unwritten = 0
        return self._counted

    def _count(self, link: Link | None) -> None:
        while self._took:
            self._unwritten += self._took.popleft()
        if link is None:
            return
        now = link.traffic().on_the_line
        self._unwritten += now - self._counted
        self._counted = now
