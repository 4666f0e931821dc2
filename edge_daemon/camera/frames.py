"""What the camera's program may say, and how much of it: replies are read here and nothing else is believed.

The layout of a reply is picamera2_worker.py's. A reply that breaks it, is too long or is no JPEG is CameraGone: after
such a one the next byte could mean anything, so the program has to go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from edge_daemon.camera.picamera2_worker import ERROR, FRAME, HEADER, MAGIC, READY, STILL
from edge_daemon.camera.program_log import printable
from edge_daemon.errors import CameraGone

LIMIT_BYTES = {READY: 0, STILL: 32_000_000, FRAME: 2_000_000, ERROR: 2_000}
"""The longest payload of each kind. 32 MB is also the most that is read from a folder."""
JPEG_BEGINS = b"\xff\xd8\xff"
"""Start of image, then the next marker (ITU-T T.81, B.1.1.3)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a reply, found good."""

    kind: int
    number: int
    length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, whole. number: that of the request that it answers."""

    kind: int
    number: int
    payload: bytes = field(repr=False)

    @property
    def sentence(self) -> str:
        """What an ERROR says, fit for a log."""
        return printable(self.payload)


def parse_head(data: bytes) -> Head:
    """Raises CameraGone for what is no header, or announces more than a reply may have."""
    magic, kind, number, length = HEADER.unpack(data)
    if magic != MAGIC or kind not in LIMIT_BYTES:
        raise CameraGone(f"The camera's program talks nonsense ({data.hex(' ')}). It is begun again.")
    if length > LIMIT_BYTES[kind]:
        raise CameraGone(
            f"The camera's program announces {length} bytes where {LIMIT_BYTES[kind]} are the most. It is begun again."
        )
    return Head(kind, number, length)


class Replies:
    """The replies that come over a pipe. next() may be cancelled at any point and called again: nothing is lost."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._head: Head | None = None

    async def next(self) -> Reply:
        """The next reply; the caller sets the deadline. Raises CameraGone."""
        if self._head is None:
            self._head = parse_head(await self._read(HEADER.size))
        payload = await self._read(self._head.length)
        head, self._head = self._head, None
        if head.kind in {STILL, FRAME} and not payload.startswith(JPEG_BEGINS):
            raise CameraGone("The camera's program sent something that is no JPEG picture. It is begun again.")
        return Reply(head.kind, head.number, payload)

    async def _read(self, size: int) -> bytes:
        try:
            return await self._stream.readexactly(size)
        except asyncio.IncompleteReadError as why:
            raise CameraGone(f"The camera's program ended after {len(why.partial)} of {size} bytes.") from why
