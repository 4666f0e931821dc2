"""`krishi-gateway rehearse`: a gateway on loopback for as long as another command runs, and what it has afterwards.

The broker is amqtt's, in this process: it needs no system package, speaks MQTT 3.1.1 and forgets everything at the end.
It is for a rehearsal alone. The gateway is the production one, `krishi-gateway run`, as a child: its own subscription
instead of a shared one (amqtt accepts those and delivers nothing), SQLite, in a folder that is gone afterwards. There
are no certificates, so all of it stays on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Self

from gateway.arrived import arrived
from gateway.errors import BadRequest, GatewayError, NothingArrived, NotInstalled

BROKER_VARIABLE = "KRISHI_REHEARSAL_BROKER"
"""Tells the command where the broker is."""
READY = "ready"
"""A line with this word on standard error: the gateway takes reports now."""
READY_S = 30.0
STOP_S = 5.0
KEPT_LINES = 40
"""Of what the gateway said last, for when it fails."""


def rehearse(command: Sequence[str], say: Callable[[str], object]) -> int:
    """Run the command beside a broker and a gateway; say what the gateway then has. The command's exit code.

    Raises GatewayError; NothingArrived where the command did well and the gateway has nothing.
    """
    with tempfile.TemporaryDirectory(prefix="krishi-rehearsal-") as name:
        folder = Path(name)
        try:
            code = asyncio.run(_beside_a_gateway(command, folder))
        except asyncio.CancelledError:
            return 128 + signal.SIGTERM
        lines = arrived(f"sqlite:///{folder / 'gateway.db'}")
        for line in lines:
            say(line)
    if code == 0 and not lines:
        raise NothingArrived("Nothing arrived at the gateway. The command's output says why.")
    return code


async def _beside_a_gateway(command: Sequence[str], folder: Path) -> int:
    _end_children_with_us()
    async with broker() as url, _gateway(url, folder):
        try:
            child = await asyncio.create_subprocess_exec(*command, env={**os.environ, BROKER_VARIABLE: url})
        except OSError as why:
            raise BadRequest(f"{command[0]}: cannot be run: {why.strerror}.") from why
        async with _stopped_at_the_end(child):
            return await child.wait()


def _end_children_with_us() -> None:
    """SIGTERM ends the rehearsal as Ctrl-C does: the children first."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@contextlib.asynccontextmanager
async def broker() -> AsyncIterator[str]:
    """amqtt's broker on a free port of loopback: its URL. Raises NotInstalled."""
    try:
        from amqtt.broker import Broker
    except ImportError as why:
        raise NotInstalled("The rehearsal's broker is not installed: pip install 'krishi-sandesh[rehearsal]'.") from why
    for name in ("amqtt", "transitions"):  # they tell of every packet
        logging.getLogger(name).setLevel(logging.ERROR)
    anyone = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    served = Broker({"listeners": {"default": {"type": "external"}}, "plugins": anyone})
    await served.start()
    connected = functools.partial(served.stream_connected, listener_name="default")
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await served.shutdown()


@contextlib.asynccontextmanager
async def _gateway(broker_url: str, folder: Path) -> AsyncIterator[None]:
    """`krishi-gateway run`, of ingest alone. Raises GatewayError if it does not come up."""
    settings = folder / "gateway.toml"
    settings.write_text(
        f'[state]\nfolder = "{folder}"\n[broker]\nurl = "{broker_url}"\nmqtt = 3\nshared = false\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "gateway", "run", "--only", "ingest", "--config", str(settings)]
    child = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    async with _Said(child) as said, _stopped_at_the_end(child):
        await said.wait_until_ready()
        yield


class _Said:
    """What the gateway writes to standard error: read all the time, so that it never waits for a reader."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        assert child.stderr is not None
        self._child = child
        self._stream = child.stderr
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(), name="what the gateway says")

    async def _read(self) -> None:
        async for line in self._stream:
            self._last.append(line.decode("utf-8", "replace").rstrip())
            if READY in self._last[-1].split():
                self._ready.set()

    async def wait_until_ready(self) -> None:
        """Raises GatewayError if it ends before, or is not ready in READY_S."""
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({ready, self._reading}, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self._ready.is_set():
            told = "\n".join(self._last)
            raise GatewayError(f"The gateway did not begin. It said:\n{told}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()


@contextlib.asynccontextmanager
async def _stopped_at_the_end(child: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """However this ends, the child has ended too: asked to within STOP_S, then killed."""
    try:
        yield
    finally:
        if child.returncode is None:
            child.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()
