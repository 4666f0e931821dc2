"""The suite of every camera, over a real one: KRISHI_HARDWARE_CAMERA=1 on a Raspberry Pi, with the kiosk stopped.

KRISHI_CONFIG may name a kiosk.toml whose [camera] says which; else camera 0 with the defaults.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_daemon.camera import Camera, open_camera
from edge_daemon.config import PiCamera, load
from tests.edge.camera import suite

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.skipif(os.environ.get("KRISHI_HARDWARE_CAMERA") != "1", reason="needs KRISHI_HARDWARE_CAMERA=1"),
]


def configured() -> PiCamera:
    if "KRISHI_CONFIG" not in os.environ:
        return PiCamera(kind="picamera2")
    camera = load(None).camera
    assert isinstance(camera, PiCamera), "KRISHI_CONFIG names a kiosk without a real camera"
    return camera


@pytest.mark.parametrize("check", suite.CHECKS, ids=lambda check: check.__name__)
def test_the_real_camera(check: Callable[[Camera], Awaitable[None]], tmp_path: Path) -> None:
    async def run() -> None:
        camera = open_camera(configured(), tmp_path)
        try:
            await check(camera)
        finally:
            await camera.close()

    asyncio.run(run())
