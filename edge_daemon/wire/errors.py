"""What can be wrong with bytes of this contract, or with what shall become such."""

from __future__ import annotations


class BadMessage(ValueError):
    """Bytes that are no message of this contract."""


class UnknownVersion(BadMessage):
    """A message of a version that this program does not read."""


class TooLarge(ValueError):
    """Messages that do not fit into one batch. Send fewer of them; one that does not fit alone never will."""
