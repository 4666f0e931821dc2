"""Asking the gateway for a certificate, by HTTPS: one call, one answer, within a deadline. Its bytes are counted.

The gateway has to show a certificate of its own authority, and for the name that we called. While the kiosk's clock may
be wrong no certificate is called too old or too young (see tls.py).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from edge_daemon.errors import EnrolmentAway, EnrolmentRefused
from edge_daemon.sync import tls
from edge_daemon.sync.traffic import NOBODY_THERE, Traffic, traffic_of

DEADLINE_S = 90.0
"""For all of it: over a bad 2G link a handshake takes half a minute."""
MOST_ANSWER_BYTES = 16_384
UNKNOWN = Traffic(sent=2_000, received=3_000, segments=20)
"""Where the kernel does not count."""

Spent = Callable[[int], object]
"""Is told how many bytes a call took on the line, whatever came of it; by the thread that calls."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where to ask. authority: the certificate that is trusted, PEM."""

    url: str
    authority: str
    check_times: bool
    deadline_s: float = DEADLINE_S
    spent: Spent = lambda count: None

    @property
    def where(self) -> str:
        """As a sentence begins."""
        return f"The gateway at {self.url.partition('://')[2]}"


def ask(desk: Desk, call: str, body: dict[str, str]) -> str:
    """The certificate (PEM, not checked) that the gateway gives. Raises EnrolmentAway, EnrolmentRefused.

    call: "enrol" or "renew".
    """
    address = urlsplit(desk.url)
    line = _Line(address.hostname or "", address.port or http.client.HTTPS_PORT, desk.deadline_s, _context(desk))
    alarm = threading.Timer(desk.deadline_s, line.cut)
    alarm.daemon = True
    alarm.start()
    try:
        status, data = line.post(f"/{call}", json.dumps(body))
    except (OSError, http.client.HTTPException, UnicodeError) as why:
        raise EnrolmentAway(_sentence(desk, why)) from why
    finally:
        alarm.cancel()
        line.close()
        desk.spent(line.traffic.on_the_line)
    return _certificate(desk, status, data)


class _Line:
    """One connection, for one call. traffic: what it took so far."""

    def __init__(self, host: str, port: int, timeout_s: float, context: ssl.SSLContext) -> None:
        self.traffic = NOBODY_THERE
        self._context = context
        self._connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
        self._sock: ssl.SSLSocket | None = None

    def post(self, path: str, body: str) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError, HTTPException, UnicodeError."""
        self._connect()
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        self._count()  # a server that closes after its answer leaves nothing to count
        return answer.status, answer.read(MOST_ANSWER_BYTES)

    def _connect(self) -> None:
        """By hand: a handshake that fails has its bytes too."""
        to = (self._connection.host, self._connection.port)
        plain = socket.create_connection(to, self._connection.timeout)
        self._sock = self._context.wrap_socket(plain, server_hostname=to[0], do_handshake_on_connect=False)
        self._connection.sock = self._sock
        self.traffic = UNKNOWN
        self._sock.do_handshake()

    def close(self) -> None:
        self._count()
        self._connection.close()
        if self._sock is not None:
            self._sock.close()

    def cut(self) -> None:
        """End it, so that whoever waits on it wakes up."""
        if self._sock is not None:
            with contextlib.suppress(OSError):  # it has ended
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _count(self) -> None:
        if self._sock is not None and (now := traffic_of(self._sock)) is not None:
            self.traffic = now


def _certificate(desk: Desk, status: int, data: bytes) -> str:
    told = _object(data)
    certificate = told.get("certificate")
    if status == http.HTTPStatus.OK and isinstance(certificate, str):
        return certificate
    detail = str(told.get("detail") or f"it answers with status {status}")[:300]
    if 400 <= status < 500 and status != http.HTTPStatus.TOO_MANY_REQUESTS and "error" in told:
        raise EnrolmentRefused(f"{desk.where} gives no certificate: {detail}")
    raise EnrolmentAway(f"{desk.where} gives no certificate now: {detail}")


def _object(data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _context(desk: Desk) -> ssl.SSLContext:
    """Raises EnrolmentRefused where the authority's certificate is none."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and the name
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_ecdh_curve(tls.GROUP)
    if not desk.check_times:
        made.verify_flags |= tls.NO_CHECK_TIME
    try:
        made.load_verify_locations(cadata=desk.authority)
    except (ssl.SSLError, ValueError) as why:
        raise EnrolmentRefused("The authority's certificate cannot be read. Ask for a new invitation.") from why
    return made


def _sentence(desk: Desk, why: Exception) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return (
            f"{desk.where} shows a certificate that is not of the authority that invited this kiosk, or not for this "
            f"name: {why.verify_message}. Is this the right network? Else ask the operator for a new invitation."
        )
    if isinstance(why, socket.gaierror):
        return f"{desk.where} has a name that is not found: {why.strerror}. Is there a network?"
    if isinstance(why, TimeoutError):
        return f"{desk.where} did not answer within {desk.deadline_s:g} s. Is there a network?"
    if isinstance(why, ConnectionRefusedError):
        return f"{desk.where}: nobody listens there. Is krishi-gateway running, and its port open?"
    return f"{desk.where} cannot be reached: {getattr(why, 'strerror', None) or why}. Is there a network?"
