"""uvicorn as one task of the gateway: our socket, our signals, a bounded end; with TLS or without."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from gateway.errors import PortInUse

CONNECTIONS = 200
"""At once; whoever comes beyond that is told to come again (503)."""
GOODBYE_S = 1
"""How long requests under way may take to end when the gateway does."""
IDLE_S = 30
"""A connection on which nothing was asked for so long is closed."""


class TlsFiles(NamedTuple):
    """A server's certificate and its key."""

    certificate: Path
    key: Path


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The daemon has the signals."""
        yield


def listen(host: str, port: int, section: str) -> socket.socket:
    """Listen there, before anything is promised to anyone. Port 0 is any. Raises PortInUse.

    section: of gateway.toml, where host and port stand.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(CONNECTIONS)
    except OSError as why:
        listener.close()
        raise PortInUse(
            f"Cannot listen on {host}:{port}: {why.strerror or why}. Set another host or port in [{section}]."
        ) from why
    return listener


async def serve(app: Any, listener: socket.socket, tls: TlsFiles | None = None) -> None:
    """Serve until cancelled."""
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GOODBYE_S,
        server_header=False,
        ssl_certfile=tls and str(tls.certificate),
        ssl_keyfile=tls and str(tls.key),
        ssl_context_factory=_newest if tls else None,  # with one uvicorn speaks TLS, certificate or not
    )
    server = _Server(settings)
    try:
        await server.serve([listener])
    except asyncio.CancelledError:
        await server.shutdown([listener])
        raise


def _newest(_: uvicorn.Config, usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.3 alone, as every kiosk speaks it; and no session tickets, which would cost a kiosk bytes for nothing."""
    context = usual()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    return context
