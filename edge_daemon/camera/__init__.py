"""The kiosk's eyes: a protocol, and one module for each kind of camera. Named in the configuration, never guessed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from edge_daemon.config import FolderCamera, PiCamera
from edge_daemon.diagnosis import Photo


class Camera(Protocol):
    """What every camera does. One caller at a time for still(); preview() may run beside it."""

    async def still(self) -> Photo:
        """A photo taken now, not one from before the call.

        Raises CameraTimeout when none came in time, CameraGone when there is no camera or it talks nonsense,
        CameraEmpty when a folder that plays the camera has none. After each of them the next call may succeed.
        """
        ...

    def preview(self) -> AsyncIterator[bytes]:
        """Small JPEG frames for the screen, until whoever iterates stops. Raises as still()."""
        ...

    async def close(self) -> None:
        """Let the device go, for good; safe to call twice, also while a still or a preview waits."""
        ...


def open_camera(config: FolderCamera | PiCamera, state_folder: Path) -> Camera:
    """The configured camera. The device itself is opened at the first photo, so this raises nothing."""
    if isinstance(config, FolderCamera):
        from edge_daemon.camera.folder import PhotoFolder

        return PhotoFolder(config.folder or state_folder / "camera")
    from edge_daemon.camera.worker import WorkerCamera, picamera2_command

    return WorkerCamera(picamera2_command(config), config.start_deadline_s, config.still_deadline_s)
