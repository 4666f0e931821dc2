"""What the broker hands over, opened: whose it is, its numbers, what is in it or why that cannot be read. Pure.

Nothing that a kiosk or a stranger can send raises anything here, not even where our program has a bug.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple, TypeVar

from edge_daemon.wire import batch, topics
from edge_daemon.wire.batch import Header, Unpacked
from edge_daemon.wire.errors import BadMessage
from gateway.halves import bug
from gateway.streams import Range

REASON_LETTERS = 300
MESSAGE_BYTES = 500
"""Ten times what a diagnosis takes: only pictures and noise weigh more than they are messages."""


log = logging.getLogger(__name__)
R = TypeVar("R")


class Incoming(NamedTuple):
    """A message of the broker."""

    topic: str
    payload: bytes


class Parcel:
    """A message of the broker, opened as far as it can be. kiosk: "" where the topic is none of ours."""

    def __init__(self, incoming: Incoming) -> None:
        self.kiosk = _kiosk(incoming.topic)
        self.payload = incoming.payload
        self.is_will = bool(self.kiosk) and incoming.topic == topics.lost(self.kiosk)
        self.is_newer = False
        """It is of a version that comes after ours: a later program of ours will read it."""
        self.header: Header | None = None
        self.reason = ""
        """Why it cannot be read, "" if it can be for all that is known."""
        if self.is_will:
            return
        if not self.kiosk:
            self.reason = plain(f"it came by the topic {incoming.topic!r}")
            return
        self.header = self._try(lambda: batch.header(self.payload))
        if not self.header:
            self._look_for_newer()

    def _look_for_newer(self) -> None:
        with suppress(BadMessage):
            self.header = batch.header_of_newer(self.payload)
            self.is_newer = True

    def _try(self, read: Callable[[], R]) -> R | None:
        """What can be read, None where it cannot be; the reason is kept."""
        try:
            return read()
        except BadMessage as why:
            self.reason = plain(str(why))
        except Exception as why:  # reading is pure: these bytes would end the worker again each time that they come
            log.exception("This is a bug of the gateway: please report it. A batch of %s is set aside.", self.kiosk)
            self.reason = bug(why)
        return None

    @property
    def numbers(self) -> Range | None:
        """Those of its messages, None where they cannot be read."""
        return self.header and Range(self.header.first, self.header.last)

    @property
    def messages(self) -> int:
        """How many it has, 1 where that cannot be read."""
        return self.header.last - self.header.first + 1 if self.header else 1

    @property
    def weight(self) -> int:
        """What it counts in its kiosk's share: its messages, or one for each MESSAGE_BYTES, whichever is more."""
        return max(self.messages, len(self.payload) // MESSAGE_BYTES)

    @cached_property
    def unpacked(self) -> Unpacked | None:
        """All of it, None where it cannot be read; `reason` says why then."""
        return None if self.reason else self._try(lambda: batch.unpack(self.kiosk, self.payload))

    def spoil(self, reason: str) -> None:
        """Take it for unreadable from now on."""
        self.reason = plain(reason)
        self.__dict__.pop("unpacked", None)


def _kiosk(topic: str) -> str:
    kiosk = topics.kiosk_of(topic)
    return kiosk if kiosk and kiosk != topics.GATEWAY and topic in {topics.up(kiosk), topics.lost(kiosk)} else ""


def plain(reason: str) -> str:
    """The same in letters that every database takes, and not too many."""
    return "".join(c if c.isprintable() else "?" for c in reason)[:REASON_LETTERS]
