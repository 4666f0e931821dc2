"""The photos beside the database: what goes first when room is short. They never leave the kiosk.

A small picture that is made of one may, where the farmer agreed: edge_daemon.thumbnails.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

FOLDER = "photos"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
"""For these a photo goes to make room. A card that fails in another way would lose them all, and for nothing."""


class Photos:
    """A folder of photos, bounded in bytes; the oldest go first. A photo that cannot be kept is no error."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder / FOLDER
        self.limit_bytes = limit_bytes

    def keep(self, name: str, data: bytes) -> str | None:
        """Write a photo; the oldest above the limit go. None where there is no room: the diagnosis goes first."""
        if len(data) > self.limit_bytes:
            return None
        whole, part = self.folder / name, self.folder / f"{name}.part"
        while True:
            try:
                self.folder.mkdir(mode=0o700, exist_ok=True)
                part.write_bytes(data)
                part.rename(whole)
            except OSError as why:
                with suppress(OSError):  # a folder that cannot be written may refuse this too
                    part.unlink(missing_ok=True)
                if why.errno not in NO_ROOM or not self.remove_oldest():
                    return None
            else:
                break
        self._keep_to_limit(spare=whole)
        return name

    def read(self, name: str) -> bytes | None:
        """A photo's bytes; None where it has made room for others, or cannot be read."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def remove(self, name: str | None) -> None:
        """Remove a photo whose diagnosis could not be recorded."""
        if name:
            (self.folder / name).unlink(missing_ok=True)

    def remove_oldest(self) -> bool:
        """Make room by the oldest photo. False: there is none left, or the folder cannot be written."""
        for _, photo in self._oldest_first():
            try:
                photo.unlink(missing_ok=True)
            except OSError:
                return False
            return True
        return False

    def count_and_bytes(self) -> tuple[int, int]:
        """How many photos are kept, and their bytes."""
        sizes = [size for size, _ in self._oldest_first()]
        return len(sizes), sum(sizes)

    def _keep_to_limit(self, spare: Path) -> None:
        photos = self._oldest_first()
        excess = sum(size for size, _ in photos) - self.limit_bytes
        for size, photo in photos:
            if excess <= 0:
                return
            if photo != spare:
                excess -= size
                photo.unlink(missing_ok=True)

    def _oldest_first(self) -> list[tuple[int, Path]]:
        """Size and path of each. Another process may take one away while we look; then it does not count."""
        # By the file system's time of writing: after a clock's jump the order may err, the limit does not.
        if not self.folder.is_dir():
            return []
        aged = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):
                about = path.stat()
                aged.append((about.st_mtime_ns, about.st_size, path))
        return [(size, path) for _, size, path in sorted(aged)]
