"""Empty one outbox into one channel: SMS into the modem, reports into the link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from edge_daemon.errors import DeviceError, Refused, SendFailed

IDLE_S = 20.0
"""How long the channel may lie idle before it is asked whether it is still there."""

M = TypeVar("M")


class Outbox(Protocol[M]):
    """What drain asks of a queue."""

    async def next(self, patience_s: float) -> M | None: ...
    def take(self) -> M | None: ...
    def delivered(self, message: M) -> None: ...
    def failed(self, message: M, why: Exception) -> None: ...
    def park(self, message: M, why: Exception) -> None: ...


async def drain(
    outbox: Outbox[M], deliver: Callable[[M], Awaitable[None]], idle: Callable[[], Awaitable[object]]
) -> None:
    """Deliver the messages of one outbox, oldest first, for as long as the channel holds.

    deliver and idle raise DeviceError when the channel is gone; that ends the drain, and the supervisor reopens the
    channel. deliver raises Refused for a message that will never be taken, and SendFailed for one that is not taken
    now: that message is parked, or waits, and the next one goes.
    """
    while True:
        message = await outbox.next(IDLE_S)
        if message is None:
            await idle()
            continue
        await _deliver_one(outbox, message, deliver)


async def flush(outbox: Outbox[M], deliver: Callable[[M], Awaitable[None]]) -> None:
    """As drain, but only what waits now; then return."""
    while (message := outbox.take()) is not None:
        await _deliver_one(outbox, message, deliver)


async def _deliver_one(outbox: Outbox[M], message: M, deliver: Callable[[M], Awaitable[None]]) -> None:
    try:
        await deliver(message)
    except Refused as why:
        outbox.park(message, why)
    except SendFailed as why:
        outbox.failed(message, why)
    except DeviceError as why:
        outbox.failed(message, why)
        raise
    else:
        outbox.delivered(message)
