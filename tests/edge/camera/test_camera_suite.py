"""The suite of every camera, over a folder and over a program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_daemon.camera import Camera, open_camera
from edge_daemon.config import FolderCamera, PiCamera
from tests.drawn import jpeg, leaf
from tests.edge.camera import suite
from tests.edge.camera.programs import Program


def folder(tmp_path: Path) -> Camera:
    photos = tmp_path / "camera"
    photos.mkdir()
    for seed in (1, 2):
        (photos / f"{seed}.jpg").write_bytes(jpeg(leaf(seed, (64, 48))))
    return open_camera(FolderCamera(), tmp_path)


def program(tmp_path: Path) -> Camera:
    return Program(tmp_path).camera("sound")


@pytest.mark.parametrize("check", suite.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("make", [folder, program], ids=lambda make: make.__name__)
def test_camera(make: Callable[[Path], Camera], check: Callable[[Camera], Awaitable[None]], tmp_path: Path) -> None:
    async def run() -> None:
        camera = make(tmp_path)
        try:
            await check(camera)
        finally:
            await camera.close()

    asyncio.run(run())


def test_a_pi_s_camera_is_opened_at_the_first_photo_only(tmp_path: Path) -> None:
    camera = open_camera(PiCamera(kind="picamera2", python=tmp_path / "no python here"), tmp_path)
    asyncio.run(camera.close())
