"""uvicorn as one task of the gateway: our socket, our signals, a bounded end; with TLS or without.

Rules kept here:
- a request has to come whole within a time, so that whoever says little by little holds no place for ever;
- of those whose request has not come the one who has been there longest gives way, where there are too many.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import PortInUse

CONNECTIONS = 200
"""At once; whoever comes beyond that is told to come again (503)."""
WAITING = 100
"""Of these, so many whose request has not come."""
REQUEST_S = 60.0
"""For a whole request to come, from the connection or from the answer before it: a kiosk's has 2 kB."""
GOODBYE_S = 1
"""How long requests under way may take to end when the gateway does."""
IDLE_S = 30
"""A connection on which nothing was asked for so long is closed."""


class TlsFiles(NamedTuple):
    """A server's certificate and its key."""

    certificate: Path
    key: Path


class Connection(H11Protocol):
    """A connection that ends when its request has not come whole in time. Its kind is made by uvicorn."""

    patience_s = REQUEST_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """As the original; and one that has been waited for gives way to this."""
        super().connection_made(transport)
        self._wait()
        waiting = [one for one in self.connections if isinstance(one, Connection) and one._is_asking()]
        if len(waiting) > WAITING:
            min(waiting, key=lambda one: one._until.when()).transport.abort()

    def on_response_complete(self) -> None:
        """As the original; the next request has its own time."""
        self._until.cancel()
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """As the original."""
        self._until.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._until = self.loop.call_later(self.patience_s, self._give_up)

    def _give_up(self) -> None:
        if self._is_asking():
            self.transport.abort()

    def _is_asking(self) -> bool:
        """Whether its request has not come whole, and may still come."""
        under_way = bool(self.cycle) and not self.cycle.more_body and not self.cycle.response_complete
        return not under_way and not self.transport.is_closing()


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


async def serve(
    app: Any, listener: socket.socket, tls: TlsFiles | None = None, kind: type[Connection] = Connection
) -> None:
    """Serve until cancelled."""
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http=kind,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GOODBYE_S,
        server_header=False,
        proxy_headers=False,  # who asks is at the other end of the connection, whatever X-Forwarded-For says
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
