"""Work that may hang, in a thread that nobody has to wait for: it goes on when whoever asked, or the kiosk, ends.

asyncio's own threads would keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

from edge_daemon.errors import KrishiError

T = TypeVar("T")


async def apart(name: str, work: Callable[[], T]) -> T:
    """What the work gives. Raises what it raises of OSError, UnicodeError and KrishiError."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def succeed(result: T) -> None:
        if not done.cancelled():
            done.set_result(result)

    def fail(why: Exception) -> None:
        if not done.cancelled():
            done.set_exception(why)

    def run() -> None:
        settle: Callable[[], None]
        try:
            settle = functools.partial(succeed, work())
        except (OSError, UnicodeError, KrishiError) as why:
            settle = functools.partial(fail, why)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
