"""Pictures to hold beside the farmer's leaf: one for each disease, <folder>/<crop>/<disease>.jpg.

None is shipped: whoever runs the kiosks puts in pictures that they may show.
"""

from __future__ import annotations

from pathlib import Path

from edge_daemon.diagnosis import LABEL


class References:
    """A folder of pictures, or none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder and folder.expanduser()

    def path(self, label: str) -> Path | None:
        """The picture of a label, "<crop>/<disease>"; None where there is none. Nothing outside the folder is named."""
        if self._folder is None or not LABEL.fullmatch(label):
            return None
        picture = self._folder / f"{label}.jpg"
        return picture if picture.is_file() else None
