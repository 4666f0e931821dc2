"""Which of a boot's numbers are stored: all up to one, and what came before its turn. Pure.

A kiosk numbers what it sends from 1 in each boot. Batches may come in any order, and twice: several workers share them,
and a kiosk that heard nothing sends the same again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

MOST_AHEAD = 50
"""Ranges that are kept beyond a gap. A kiosk waits for each acknowledgement, so it has hardly ever one; what is beyond
this is stored all the same, but is asked for again."""


class Range(NamedTuple):
    """Numbers, the first and the last."""

    first: int
    last: int


class Stored(NamedTuple):
    """All numbers up to `upto`, and those in `ahead`: beyond it, in order, none touching another."""

    upto: int = 0
    ahead: tuple[Range, ...] = ()


def with_range(stored: Stored, more: Range) -> Stored:
    """The same with these numbers too."""
    upto, ahead = stored.upto, []
    for one in _joined([*stored.ahead, more]):
        if one.first <= upto + 1:
            upto = max(upto, one.last)
        else:
            ahead.append(one)
    return Stored(upto, tuple(ahead[:MOST_AHEAD]))


def _joined(ranges: Iterable[Range]) -> Iterable[Range]:
    """In order, with those made one that overlap or touch."""
    ordered = sorted(ranges)
    current = ordered[0]
    for one in ordered[1:]:
        if one.first <= current.last + 1:
            current = Range(current.first, max(current.last, one.last))
        else:
            yield current
            current = one
    yield current
