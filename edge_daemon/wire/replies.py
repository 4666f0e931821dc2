"""What the gateway tells a kiosk: what it has stored, and what it wants. CBOR maps, as the messages are (codec.py)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_daemon.wire import cbor
from edge_daemon.wire.errors import BadMessage, fault
from edge_daemon.wire.messages import Seconds

BOOT_BYTES = 8


class Acknowledgement(BaseModel):
    """The gateway has, durably, all that a kiosk's boot has numbered up to `upto`: no gap below it."""

    model_config = ConfigDict(frozen=True, strict=True)

    boot: Annotated[bytes, Field(min_length=BOOT_BYTES, max_length=BOOT_BYTES)]
    """Drawn at random each time the kiosk's daemon begins; numbers count from 1 in each."""
    upto: Annotated[int, Field(ge=0, le=2**53)]
    """0: nothing yet."""
    at: Seconds
    """The gateway's time, for a kiosk without a clock of its own."""
    wait_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Come again no sooner: this kiosk has sent more than its share, or the gateway is busy."""


class Desired(BaseModel):
    """What the gateway wants of a kiosk. None: as the kiosk's own configuration says."""

    model_config = ConfigDict(frozen=True, strict=True)

    revision: Annotated[int, Field(ge=1, le=2**32)]
    """Grows with each change; a kiosk ignores one that is not above what it follows."""
    daily_kb: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    """Over the link in 24 hours, both ways."""
    every_min: Annotated[int, Field(ge=1, le=10_080)] | None = None
    """Minutes between two openings of the link."""
    thumbnails: bool | None = None
    """False stops them; True starts none where the kiosk's own configuration does not."""
    health: Annotated[int, Field(ge=0, le=2**32)] = 0
    """A health report is wanted each time that this changes."""


_BOOT, _UPTO, _AT, _WAIT = 1, 2, 3, 4
_DESIRED = {"revision": 1, "daily_kb": 2, "every_min": 3, "thumbnails": 4, "health": 5}


def encode_acknowledgement(reply: Acknowledgement) -> bytes:
    """Its bytes, some 22."""
    wait = {_WAIT: reply.wait_s} if reply.wait_s else {}
    return cbor.dumps({cbor.VERSION_KEY: cbor.VERSION, _BOOT: reply.boot, _UPTO: reply.upto, _AT: reply.at, **wait})


def decode_acknowledgement(data: bytes) -> Acknowledgement:
    """The acknowledgement in these bytes. Raises UnknownVersion, and BadMessage for anything else wrong with them."""
    fields = cbor.fields(data)
    try:
        return Acknowledgement(boot=fields[_BOOT], upto=fields[_UPTO], at=fields[_AT], wait_s=fields.get(_WAIT, 0))
    except KeyError as why:
        raise BadMessage(f"field {why} is missing") from why
    except ValidationError as why:
        raise BadMessage(f"a field is not what it should be: {fault(why)}") from why


def encode_desired(desired: Desired) -> bytes:
    """Its bytes. What is as the kiosk's own configuration says takes none."""
    values = desired.model_dump(exclude_defaults=True)
    return cbor.dumps({cbor.VERSION_KEY: cbor.VERSION, **{_DESIRED[name]: value for name, value in values.items()}})


def decode_desired(data: bytes) -> Desired:
    """What these bytes want. Raises UnknownVersion, and BadMessage for anything else that is wrong with them."""
    fields = cbor.fields(data)
    try:
        return Desired(**{name: fields[key] for name, key in _DESIRED.items() if key in fields})
    except ValidationError as why:
        raise BadMessage(f"a field is not what it should be: {fault(why)}") from why
