"""One run of the camera's program: begun, asked, and ended with everything that it started.

Rules kept here:
- every wait has a deadline of the caller's or one named below;
- a reply counts only for the request whose number it bears. A late one, to a request that was given up, is dropped; one
  that nobody asked for is nonsense;
- its output is read only while a reply is awaited, its log slowly: a program that floods us waits on its own pipe;
- the program leads a process group of its own, and the whole group is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

from edge_daemon.camera.frames import Replies, Reply
from edge_daemon.camera.picamera2_worker import ERROR, READY
from edge_daemon.camera.program_log import ProgramLog
from edge_daemon.errors import CameraGone

QUIT_S = 0.5
"""How long a program may take to close its camera when asked politely."""
REAP_S = 0.3
"""How long the kernel may take to end a killed one; one that is stuck in a driver is left to it."""
LOG_CHUNK_BYTES = 4096
LOG_EVERY_S = 0.1
"""A program's log is taken 4 KB at a time, ten times a second, and no more; program_log.py says what of it is kept."""
GIVEN_UP_MOST = 4
"""Requests that were given up and not yet answered; one more, and the program is not keeping up."""

log = logging.getLogger(__name__)


class Child:
    """A running program. Made by begin(); kill() may be called at any time, again and again."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._buried = False
        self._log = ProgramLog()
        self._replies = Replies(process.stdout)
        self._numbers = itertools.count(1)
        self._given_up: set[int] = set()
        self._tasks = [
            asyncio.create_task(self._keep_log(LOG_EVERY_S), name="camera log"),
            asyncio.create_task(self._bury(), name="camera end"),
        ]

    @classmethod
    async def begin(cls, command: Sequence[str]) -> Child:
        """Start the program. Raises CameraGone when there is none to start."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
            )
        except OSError as why:
            raise CameraGone(f"{command[0]}: {why.strerror}. Correct [camera] python.") from why
        return cls(process)

    @property
    def pid(self) -> int:
        """The process, which is also the number of its group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the program runs and can answer, as far as was told."""
        return self._process.returncode is None and not self._stdout.at_eof()

    async def ready(self) -> None:
        """Wait until the camera runs; the caller sets the deadline. Raises CameraGone."""
        reply = await self._next()
        if (reply.kind, reply.number) != (READY, 0):
            raise CameraGone("The camera's program sent a picture before it was ready. It is begun again.")

    async def ask(self, do: str, kind: int) -> bytes:
        """Ask for a picture of this kind; the caller sets the deadline. May be cancelled. Raises CameraGone."""
        number = next(self._numbers)
        self._given_up.add(number)
        if len(self._given_up) > GIVEN_UP_MOST:
            raise CameraGone(f"The camera's program left {GIVEN_UP_MOST} requests unanswered. It is begun again.")
        await self._write({"do": do, "number": number})
        while (reply := await self._next()).number != number:
            if reply.number not in self._given_up:
                raise CameraGone(f"The camera's program sent picture {reply.number}, which nobody asked for.")
            self._given_up.discard(reply.number)
        self._given_up.discard(number)
        if reply.kind != kind:
            raise CameraGone(f"The camera's program sent kind {reply.kind} where {kind} was asked for.")
        return reply.payload

    async def quit(self) -> None:
        """Ask it to close its camera and end, then kill what is left. Under QUIT_S + REAP_S."""
        with contextlib.suppress(CameraGone, TimeoutError):
            async with asyncio.timeout(QUIT_S):
                await self._write({"do": "quit"})  # its input stays open: the end of that would end it at once
                await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End the program and everything that it started, now; not while ask() waits. Under REAP_S."""
        self.strike()
        self._stdin.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(REAP_S):
                # The exit is not told while output waits unread in the pipes; the log's rest may say why it ended.
                await asyncio.gather(_discard(self._stdout), self._keep_log(0), self._process.wait())
        except TimeoutError:
            log.error("The camera's program (process %d) does not end though killed; it is left.", self.pid)

    def strike(self) -> None:
        """Kill the whole group and wait for nothing; whoever waits for a reply is told that it is gone."""
        if not self._buried:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def _next(self) -> Reply:
        reply = await self._replies.next()
        if reply.kind == ERROR:
            raise CameraGone(f"The camera's program gave up. {reply.sentence}")
        return reply

    async def _write(self, request: dict[str, object]) -> None:
        try:
            self._stdin.write(json.dumps(request).encode() + b"\n")
            await self._stdin.drain()
        except ConnectionError as why:
            raise CameraGone("The camera's program has ended. It is begun again at the next photo.") from why

    async def _keep_log(self, every_s: float) -> None:
        more = True
        while more:
            more = await self._log_chunk()
            await asyncio.sleep(every_s)

    async def _log_chunk(self) -> bool:
        """Whether there may be more of it."""
        data = await self._stderr.read(LOG_CHUNK_BYTES)
        now = asyncio.get_running_loop().time()
        for line in self._log.feed(data, now) if data else self._log.end(now):
            log.info("camera: %s", line)
        return bool(data)

    async def _bury(self) -> None:
        """When the program ends by itself, end what it started, before its number can be another's."""
        await self._process.wait()
        self.strike()
        self._buried = True


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(LOG_CHUNK_BYTES):
        pass
