"""A camera in a program of its own, kept open between visits, killed when it hangs and begun again at the next use.

Why a program: a driver call that never returns cannot be abandoned inside the kiosk. Rules kept here:
- one request at a time; a picture is only ever the answer to the request that waits for it;
- after any trouble the program is gone: the next use begins a new one, when restarts.py allows it;
- the longest that a still can take: a hung frame of the preview, a start and the still itself, each with its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

from edge_daemon.camera.child import Child
from edge_daemon.camera.picamera2_worker import FRAME, STILL
from edge_daemon.camera.restarts import Restarts
from edge_daemon.clock import system_now
from edge_daemon.config import PiCamera
from edge_daemon.diagnosis import Photo
from edge_daemon.errors import CameraGone, CameraTimeout

T = TypeVar("T")

PROGRAM = Path(__file__).with_name("picamera2_worker.py")
FRAME_EVERY_S = 0.2
FRAME_DEADLINE_S = 3.0
"""Long exposures in the dark have room in it; a screen that stands still for longer is a camera that hangs."""
CLOSE_S = 0.95
"""Asking, killing and reaping take 0.8 s at most; a kiosk that is asked to end does not wait for a stuck driver."""

log = logging.getLogger(__name__)


def picamera2_command(config: PiCamera) -> list[str]:
    """How the program for a Pi's camera is begun. -I: it sees neither our packages nor PYTHON* variables."""
    size = ["--width", str(config.width), "--height", str(config.height)]
    return [str(config.python), "-I", str(PROGRAM), "--number", str(config.number), *size]


class WorkerCamera:
    """Implements Camera over a program that speaks as picamera2_worker.py does."""

    def __init__(
        self, command: Sequence[str], start_deadline_s: float, still_deadline_s: float, source: str = "picamera2"
    ) -> None:
        self._command = command
        self._start_deadline_s, self._still_deadline_s = start_deadline_s, still_deadline_s
        self._source = source
        self._child: Child | None = None
        self._restarts = Restarts()
        self._turn = asyncio.Lock()
        self._closed = False

    async def still(self) -> Photo:
        """A photo exposed after this call began. Raises CameraTimeout, CameraGone."""
        async with self._turn:
            jpeg = await self._picture("still", STILL, self._still_deadline_s)
        self._restarts.photo()
        now = system_now()
        return Photo(jpeg, now.utc, self._source, now.clock)

    async def preview(self) -> AsyncIterator[bytes]:
        """A frame five times a second, each asked for: none are made when nobody looks. Raises as still()."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            async with self._turn:
                frame = await self._picture("frame", FRAME, FRAME_DEADLINE_S)
            yield frame
            await asyncio.sleep(begun + FRAME_EVERY_S - loop.time())

    async def close(self) -> None:
        """Let the camera go, for good; safe to call twice. Under one second."""
        self._closed = True
        if self._child is not None and self._turn.locked():
            self._child.strike()  # it is at work and would not hear a polite word in time
        try:
            async with asyncio.timeout(CLOSE_S), self._turn:
                child, self._child = self._child, None
                if child is not None:
                    await child.quit()
        except TimeoutError:
            log.error("The camera's program is stuck in its driver and does not end; it is left to the system.")

    async def _picture(self, do: str, kind: int, deadline_s: float) -> bytes:
        child = await self._running()
        try:
            return await _within(deadline_s, child.ask(do, kind), "gave no picture")
        except (CameraTimeout, CameraGone):
            await self._end()
            raise

    async def _running(self) -> Child:
        if self._child is not None and not self._child.alive:
            await self._end()  # it died between two visits
        self._still_open()
        return self._child or await self._begin()

    def _still_open(self) -> None:
        if self._closed:
            raise CameraGone("The camera was closed; the kiosk is ending.")

    async def _begin(self) -> Child:
        now = asyncio.get_running_loop().time()
        if wait_s := self._restarts.wait_s(now):
            raise CameraGone(f"The camera keeps failing; it may be begun again in {math.ceil(wait_s)} s.")
        self._restarts.started(now)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(self._end)
            self._child = await Child.begin(self._command)
            self._still_open()  # close() may have come while there was no program to strike: it waits for its turn
            await _within(self._start_deadline_s, self._child.ready(), "did not start")
            undo.pop_all()
        return self._child

    async def _end(self) -> None:
        """After trouble of any kind: count it, and leave nothing of the program."""
        self._restarts.trouble(asyncio.get_running_loop().time())
        child, self._child = self._child, None
        if child is not None:
            await child.kill()


async def _within(deadline_s: float, work: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(deadline_s):
            return await work
    except TimeoutError as why:
        raise CameraTimeout(
            f"The camera {what} within {deadline_s:g} s. Its program was ended and is begun again at the next photo."
        ) from why
