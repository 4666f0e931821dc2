"""A TCP relay that is as bad as a village's link: slow, late, cut, silent. It counts what goes through.

It changes no byte and loses none of a connection that lives: what TCP promises, it keeps. How TCP itself fares on such
a link it cannot show; tests/rigs/namespaces.py does that, where that is allowed.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")
State = Literal["up", "refused", "silent"]
"""refused: connections are reset, and new ones too. silent: nothing passes, and nobody is told."""

SEGMENT = 1400
"""Bytes that go as one packet, as over a mobile network."""
HEADERS = 40
"""Of IPv4 and TCP, for each packet: they take time on the line, and are not counted as bytes."""
STANDING_S = 0.5
"""As much as this may stand before the line, as in a modem's queue; then the sender must wait."""
CONNECT_S = 5.0
CLOSE_S = 10.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: close sends RST (socket(7))."""


@dataclass(frozen=True)
class Line:
    """rate_bits: a second each way, None as fast as it goes. delay_s: each way, half of the round trip."""

    rate_bits: int | None = None
    delay_s: float = 0.0


FREE = Line()
TRICKLE = Line(20_000, 0.3)
"""2G at the edge of a cell: 20 kbit/s and a round trip of 600 ms."""


class Way:
    """One direction of the line: all connections share it."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._free_at = 0.0
        self.bytes = 0
        self.open = asyncio.Event()
        self.open.set()

    async def room(self) -> None:
        """Wait until not too much stands before the line."""
        await _until(self._free_at - STANDING_S)

    def send(self, count: int, late_s: float = 0.0) -> float:
        """Give the line this many bytes, late_s from now; when they are at its other end (loop time)."""
        self.bytes += count
        start = max(_now() + late_s, self._free_at)
        rate = self._line.rate_bits
        self._free_at = start + (0.0 if rate is None else (count + HEADERS) * 8 / rate)
        return self._free_at + self._line.delay_s


class Relay:
    """From a port of its own to another, until the block ends. Every method may be called from any thread.

    host: where it listens. connections: how many it has taken.
    """

    def __init__(self, target: int, line: Line = FREE, host: str = "127.0.0.1") -> None:
        self.connections = 0
        self._target = target
        self._line = line
        self._host = host
        self._state: State = "up"
        self._alive: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(self._open())
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        self._loop.close()

    @property
    def up_bytes(self) -> int:
        """What those who connected have sent, without headers."""
        return self._up.bytes

    @property
    def down_bytes(self) -> int:
        """What was sent to them."""
        return self._down.bytes

    @property
    def total_bytes(self) -> int:
        """Both ways."""
        return self.up_bytes + self.down_bytes

    def quiet(self) -> None:
        """Wait until all connections are over and counted."""

        async def work() -> None:
            while self._alive:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

        self._do(work())

    def forget(self) -> None:
        """Count from 0 again."""

        async def work() -> None:
            self._up.bytes = self._down.bytes = self.connections = 0

        self._do(work())

    def cut(self) -> None:
        """Reset all connections. New ones may come."""

        async def work() -> None:
            self._reset()

        self._do(work())

    def set(self, state: State) -> None:
        """From now on the link is so. Up again, what stood before a silent link goes on, as TCP would repeat it."""
        self._do(self._set(state))

    def hush(self, *, up: bool = False, down: bool = False) -> None:
        """One direction falls silent. set("up") ends it."""

        async def work() -> None:
            for way, silent in ((self._up, up), (self._down, down)):
                if silent:
                    way.open.clear()

        self._do(work())

    def play(self, script: Iterable[tuple[float, State]]) -> None:
        """Be in each state for so many seconds, then up; in the background, but the first from now on."""

        async def work(begun: asyncio.Event) -> None:
            for seconds, state in script:
                await self._set(state)
                begun.set()
                await asyncio.sleep(seconds)
            await self._set("up")

        async def begin() -> None:
            begun = asyncio.Event()
            self._keep(work(begun))
            await begun.wait()

        self._do(begin())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CLOSE_S)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self) -> asyncio.Server:
        self._up, self._down = Way(self._line), Way(self._line)
        return await asyncio.start_server(self._taken, self._host, 0, limit=SEGMENT)

    async def _close(self) -> None:
        self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, state: State) -> None:
        self._state = state
        if state == "refused":
            self._reset()
        for way in (self._up, self._down):
            (way.open.clear if state == "silent" else way.open.set)()

    def _reset(self) -> None:
        for writer in list(self._alive):
            _abort(writer)

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._alive.add(writer)
        self._keep(self._carry(reader, writer))

    async def _carry(self, near: asyncio.StreamReader, near_writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end or its reset."""
        writers = [near_writer]
        over: Callable[[asyncio.StreamWriter], None] = _abort
        try:
            if self._state == "refused":
                return
            self.connections += 1
            async with asyncio.timeout(CONNECT_S):
                far, far_writer = await asyncio.open_connection("127.0.0.1", self._target, limit=SEGMENT)
            writers.append(far_writer)
            self._alive.add(far_writer)
            late_s = 2 * self._line.delay_s  # TCP's own greeting, which loopback answers at once
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(near, far_writer, self._up, late_s))
                both.create_task(self._pump(far, near_writer, self._down))
            over = asyncio.StreamWriter.close
        except* (OSError, TimeoutError):
            pass  # the other side is told by a reset
        finally:
            for writer in writers:
                self._alive.discard(writer)
                over(writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, late_s: float = 0.0
    ) -> None:
        """Read, let it travel, write; both at once. Its end travels like the rest."""
        travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        async with asyncio.TaskGroup() as both:
            both.create_task(_arrive(travelling, writer, way))
            while True:
                await way.room()
                data = await reader.read(SEGMENT)
                await way.open.wait()
                travelling.put_nowait((way.send(len(data), late_s), data))
                late_s = 0.0
                if not data:
                    break


async def _arrive(travelling: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, way: Way) -> None:
    while True:
        at, data = await travelling.get()
        await _until(at)
        await way.open.wait()
        if not data:
            writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    """End it at once, by a reset."""
    connection = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _until(at: float) -> None:
    if (left_s := at - _now()) > 0:
        await asyncio.sleep(left_s)
