"""Work on many things in one transaction, though one of them may be more than the database, or our program, can take.

By halves the one that is to blame is found; it is blamed, which changes what the work does with it, and its neighbours
are done without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from gateway.database_trouble import Unfit
from gateway.errors import GatewayError

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

Blame = Callable[[T, str], object]
"""Called with the one that is to blame, and the reason."""


def by_halves(things: Sequence[T], work: Callable[[Sequence[T]], R], blame: Blame[T]) -> list[R]:
    """What work gives for all of them, which are not none; in several answers where something was to blame.

    Raises DatabaseError; and whatever else work raises of a thing that was blamed already.
    """
    try:
        return [work(things)]
    except Unfit as why:
        reason = f"the database does not take it: {why}"
    except GatewayError:
        raise
    except Exception as why:  # what comes in stays where it came from until it is done: it would end us each time anew
        reason = bug(why)
        if len(things) == 1:
            log.exception("This is a bug of the gateway: please report it. What it comes from is set aside.")
    if len(things) > 1:
        middle = len(things) // 2
        return by_halves(things[:middle], work, blame) + by_halves(things[middle:], work, blame)
    blame(things[0], reason)
    return [work(things)]


def bug(why: Exception) -> str:
    """The reason for what our program cannot take, though it should."""
    return f"bug: {type(why).__name__}"
