"""A folder that plays the camera: its photos in the order of their names, again and again. For rehearsals and tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from edge_daemon.clock import system_now
from edge_daemon.diagnosis import Photo
from edge_daemon.errors import CameraEmpty

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
READ_BYTES = 32_000_001
"""One byte more than the kiosk takes: whoever decodes can tell that it is too much."""
FRAME_EVERY_S = 0.2


class PhotoFolder:
    """Implements Camera over a folder. A photo that is put in is seen at the next turn."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = ""

    async def still(self) -> Photo:
        """The next photo of the folder. Raises CameraEmpty."""
        name, data = self._next()
        self._last = name
        now = system_now()
        return Photo(data, now.utc, f"folder:{name}", now.clock)

    async def preview(self) -> AsyncIterator[bytes]:
        """What the next still would be, five times a second. Raises CameraEmpty."""
        while True:
            yield self._next()[1]
            await asyncio.sleep(FRAME_EVERY_S)

    async def close(self) -> None:
        """Nothing is held open."""

    def _next(self) -> tuple[str, bytes]:
        for name in self._turn():
            try:
                return name, _read(self._folder / name)
            except OSError:  # taken away since the folder was read, or not ours to read: the next one
                continue
        raise CameraEmpty(
            f"{self._folder}: no photo to show. Put a .jpg there, or name another folder in [camera] folder."
        )

    def _turn(self) -> list[str]:
        """Every name once, beginning after the last one shown."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES)
        except OSError:
            return []
        later = [name for name in names if name > self._last]
        return later + names[: len(names) - len(later)]


def _read(path: Path) -> bytes:
    """What a file holds, at most READ_BYTES. Raises OSError, also for a pipe: reading that could wait for ever."""
    if not path.is_file():
        raise FileNotFoundError(path)
    with path.open("rb") as file:
        return file.read(READ_BYTES)
