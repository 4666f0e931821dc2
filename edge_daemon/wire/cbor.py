"""The part of CBOR (RFC 8949) that the contract uses: no tags, so that no bytes become a date, a pattern or a loop."""

from __future__ import annotations

from typing import Any

import cbor2

from edge_daemon.wire.errors import BadMessage, UnknownVersion

VERSION = 1
VERSION_KEY = 0
MOST_DEPTH = 16
_SHOWN = 60


def dumps(value: Any) -> bytes:
    """Its bytes, the same for equal values (RFC 8949, 4.2.1)."""
    return cbor2.dumps(value, canonical=True)


def loads(data: bytes) -> Any:
    """The value in these bytes. Raises BadMessage."""
    try:
        return cbor2.loads(data, semantic_decoders=_TAGS, tag_hook=_refuse, max_depth=MOST_DEPTH)
    except (cbor2.CBORDecodeError, ValueError) as why:
        raise BadMessage(f"not CBOR without tags: {why}") from why


def fields(data: bytes) -> dict[Any, Any]:
    """The map in these bytes, which begins with the version. Raises UnknownVersion, BadMessage."""
    message = loads(data)
    if not isinstance(message, dict) or VERSION_KEY not in message:
        raise BadMessage("not a map with a version")
    if message[VERSION_KEY] != VERSION:
        raise UnknownVersion(f"version {shown(message[VERSION_KEY])}; this program reads version {VERSION}")
    return message


def shown(value: Any) -> str:
    """A value from outside as an error may quote it: its beginning."""
    return repr(value)[:_SHOWN]


def _refuse(*_: Any) -> Any:
    raise ValueError("a tag")


_TAGS = dict.fromkeys((*range(300), 1004, 43000, 43001, 55799), _refuse)
"""All that the library reads by itself, and some; others come to tag_hook."""
