"""uvicorn as one task of the daemon: our socket, our signals, a bounded end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from edge_daemon.errors import PortInUse

ADDRESS = "127.0.0.1"
CONNECTIONS = 32
GOODBYE_S = 1
"""How long requests under way may take to end when the daemon does."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon has the signals."""
        yield


def listen(port: int) -> socket.socket:
    """Listen on loopback, before anything is promised to anyone. Port 0 is any. Raises PortInUse."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(CONNECTIONS)
    except OSError as why:
        listener.close()
        raise PortInUse(
            f"Cannot listen on {ADDRESS}:{port}: {why.strerror}. Is another krishi-kiosk running? Else set [web] port."
        ) from why
    return listener


async def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve until cancelled."""
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GOODBYE_S,
        server_header=False,
    )
    server = _Server(settings)
    try:
        await server.serve([listener])
    except asyncio.CancelledError:
        await server.shutdown([listener])
        raise
