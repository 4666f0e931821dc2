"""Many messages as one: what a kiosk sends in one go, and one acknowledgement answers."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from edge_daemon.wire.messages import KioskId, Message
from edge_daemon.wire.replies import BOOT_BYTES

MOST_MESSAGES = 200
MOST_BYTES = 64 * 1024
"""Of a batch on the wire; a message of which that is not enough for one alone cannot exist."""
MOST_UNPACKED_BYTES = 512 * 1024
"""A batch that grows beyond this is refused while it is unpacked."""


class Batch(BaseModel):
    """Messages with the numbers first, first + 1, ... of a kiosk's boot."""

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    boot: Annotated[bytes, Field(min_length=BOOT_BYTES, max_length=BOOT_BYTES)]
    first: Annotated[int, Field(ge=1, le=2**53)]
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MOST_MESSAGES)]


class Header(NamedTuple):
    """What stands before a batch's messages: the numbers that they take, the first and the last."""

    boot: bytes
    first: int
    last: int


class DiagnosisRow(NamedTuple):
    """A DiagnosisReport as a gateway stores it, checked like one. Without the kiosk, which is the batch's."""

    diagnosis: str
    visit: str
    taken_at: int
    synced: bool
    crop: str | None
    decision: str
    candidates: tuple[tuple[str, int], ...]
    model: str
    language: str
    rehearsal: bool


class Unreadable(NamedTuple):
    """One message of a batch that this program does not read: kept by the gateway, and acknowledged with the rest."""

    body: bytes
    reason: str


class Unpacked(NamedTuple):
    """All of a batch."""

    header: Header
    diagnoses: list[DiagnosisRow]
    others: list[Message]
    unreadable: list[Unreadable]
