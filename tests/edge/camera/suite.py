"""What every camera must do, whatever it is: run over the folder, over a program, and over a real camera."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from edge_daemon.camera import Camera

JPEG = b"\xff\xd8\xff"
CLOSE_S = 5.0
"""Closing takes under a second by design; a busy computer may take longer to say so."""


async def a_still_is_a_photo_of_now(camera: Camera) -> None:
    before = datetime.now(UTC)
    photo = await camera.still()
    assert photo.data.startswith(JPEG)
    assert before <= photo.taken_at <= datetime.now(UTC)
    assert photo.source


async def a_second_still_is_another(camera: Camera) -> None:
    first, second = await camera.still(), await camera.still()
    assert first.taken_at < second.taken_at
    assert first.data != second.data


async def the_preview_shows_frames_until_one_looks_away(camera: Camera) -> None:
    preview = camera.preview()
    frames = [await anext(preview), await anext(preview)]
    await _stop(preview)
    assert all(frame.startswith(JPEG) for frame in frames)
    assert (await camera.still()).data.startswith(JPEG)


async def a_still_during_the_preview(camera: Camera) -> None:
    seen = asyncio.Event()

    async def look() -> None:
        async for _ in camera.preview():
            seen.set()

    looking = asyncio.create_task(look())
    await asyncio.wait({asyncio.create_task(seen.wait()), looking}, return_when=asyncio.FIRST_COMPLETED)
    assert (await camera.still()).data.startswith(JPEG)
    seen.clear()
    await asyncio.wait({asyncio.create_task(seen.wait()), looking}, return_when=asyncio.FIRST_COMPLETED)
    assert not looking.done()
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking


async def close_may_be_called_twice(camera: Camera) -> None:
    await camera.still()
    async with asyncio.timeout(CLOSE_S):
        await camera.close()
        await camera.close()


async def close_without_a_photo(camera: Camera) -> None:
    async with asyncio.timeout(CLOSE_S):
        await camera.close()


async def _stop(preview: object) -> None:
    aclose = getattr(preview, "aclose", None)
    assert aclose is not None, "a preview is an async generator: it can be stopped"
    await aclose()


CHECKS: tuple[Callable[[Camera], Awaitable[None]], ...] = (
    a_still_is_a_photo_of_now,
    a_second_still_is_another,
    the_preview_shows_frames_until_one_looks_away,
    a_still_during_the_preview,
    close_may_be_called_twice,
    close_without_a_photo,
)
