"""How many messages a batch has, and how long to wait after trouble. Pure, but for the dice.

Rules kept here:
- a batch that did not arrive is followed by a smaller one, since a bad link may hold only so long; each that arrives
  lets the next be larger;
- the wait after trouble grows, is bounded, and differs from kiosk to kiosk: a broker that is back is not stormed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from edge_daemon.wire.batch import MOST_MESSAGES

FIRST_WAIT_S = 15.0
LONGEST_WAIT_S = 3600.0
MUTE_SHARE = 4
"""A gateway that answers nothing costs two deadlines each time: then it is found sooner which message is to blame."""

Draw = Callable[[float, float], float]
"""A number between two: random.uniform."""


class Pace:
    """The size of the next batch."""

    def __init__(self) -> None:
        self.size = MOST_MESSAGES

    def arrived(self, count: int) -> None:
        """So many were acknowledged."""
        if count >= self.size:
            self.size = min(MOST_MESSAGES, 2 * self.size)

    def lost(self, count: int) -> None:
        """The link was lost while so many were on their way."""
        self.size = max(1, count // 2)

    def unanswered(self, count: int) -> None:
        """The link held, but nothing came back."""
        self.size = max(1, count // MUTE_SHARE)


class Backoff:
    """The wait after trouble."""

    def __init__(self, draw: Draw = random.uniform) -> None:
        self._draw = draw
        self._failures = 0

    def success(self) -> None:
        """The link was good for something."""
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait now: from half of the bound to all of it."""
        bound_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(self._failures, 20))
        self._failures += 1
        return self._draw(bound_s / 2, bound_s)
