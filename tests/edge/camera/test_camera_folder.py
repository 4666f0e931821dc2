"""A folder that plays the camera: its own rules beside those of every camera."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge_daemon.camera import folder as module
from edge_daemon.camera.folder import PhotoFolder
from edge_daemon.errors import CameraEmpty


def names(camera: PhotoFolder, count: int) -> list[str]:
    async def run() -> list[str]:
        return [(await camera.still()).source for _ in range(count)]

    return asyncio.run(run())


def test_photos_come_by_name_again_and_again(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.JPG", "c.png", "notes.txt"):
        (tmp_path / name).write_bytes(name.encode())
    assert names(PhotoFolder(tmp_path), 5) == [
        f"folder:{name}" for name in ("a.JPG", "b.jpg", "c.png", "a.JPG", "b.jpg")
    ]


def test_one_that_is_put_in_has_its_turn_and_one_that_is_taken_away_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "c.jpg").write_bytes(b"c")
    camera = PhotoFolder(tmp_path)
    assert names(camera, 1) == ["folder:a.jpg"]
    (tmp_path / "b.jpg").write_bytes(b"b")
    (tmp_path / "c.jpg").unlink()
    assert names(camera, 2) == ["folder:b.jpg", "folder:a.jpg"]


def test_a_name_without_a_file_is_passed_over(tmp_path: Path) -> None:
    """As one that vanishes after the folder was read: the name is listed, and opening it fails."""
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone")
    (tmp_path / "b.jpg").mkdir()
    (tmp_path / "c.jpg").write_bytes(b"c")
    assert names(PhotoFolder(tmp_path), 2) == ["folder:c.jpg"] * 2


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None], ids=["empty", "a file", "missing"])
def test_nothing_to_show_says_which_folder_and_what_to_do(make: object, tmp_path: Path) -> None:
    place = tmp_path / "camera"
    assert callable(make)
    make(place)
    with pytest.raises(CameraEmpty, match=r"camera: no photo to show\. Put a \.jpg there"):
        names(PhotoFolder(place), 1)


def test_no_more_is_read_than_the_kiosk_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_BYTES", 100)
    (tmp_path / "a.jpg").write_bytes(bytes(5000))
    photo = asyncio.run(PhotoFolder(tmp_path).still())
    assert len(photo.data) == 100


def test_a_pipe_in_the_folder_does_not_hold_the_kiosk(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"b")
    assert names(PhotoFolder(tmp_path), 1) == ["folder:b.jpg"]
