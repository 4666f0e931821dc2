"""What can be wrong with bytes of this contract, or with what shall become such."""

from __future__ import annotations

from pydantic import ValidationError

MOST_LETTERS = 200
"""Of what a fault says of itself: it goes into a table."""


class BadMessage(ValueError):
    """Bytes that are no message of this contract."""


class UnknownVersion(BadMessage):
    """A message of a version that this program does not read."""


class TooLarge(ValueError):
    """Messages that do not fit into one batch. Send fewer of them; one that does not fit alone never will."""


def fault(why: Exception) -> str:
    """What was wrong, without the values in which it was: they may be long, or no business of a log."""
    if isinstance(why, ValidationError):
        first = why.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(place) for place in first["loc"])
        return f"{where}: {first['msg']}"[:MOST_LETTERS]
    return str(why)[:MOST_LETTERS]
