"""What the gateway tells a kiosk: what it has stored, and what it wants. Values alone; their bytes are in codec.py."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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
