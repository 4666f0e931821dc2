"""Asking the gateway for a certificate, by HTTPS: one call, one answer, within a deadline.

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
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from edge_daemon.errors import EnrolmentAway, EnrolmentRefused
from edge_daemon.sync import tls

DEADLINE_S = 90.0
"""For all of it: over a bad 2G link a handshake takes half a minute."""
MOST_ANSWER_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Desk:
    """Where to ask. authority: the certificate that is trusted, PEM."""

    url: str
    authority: str
    check_times: bool
    deadline_s: float = DEADLINE_S

    @property
    def where(self) -> str:
        """As a sentence begins."""
        return f"The gateway at {self.url.partition('://')[2]}"


def ask(desk: Desk, call: str, body: dict[str, str]) -> str:
    """The certificate (PEM, not checked) that the gateway gives. Raises EnrolmentAway, EnrolmentRefused.

    call: "enrol" or "renew".
    """
    address = urlsplit(desk.url)
    connection = http.client.HTTPSConnection(
        address.hostname or "", address.port, timeout=desk.deadline_s, context=_context(desk)
    )
    alarm = threading.Timer(desk.deadline_s, lambda: _cut(connection))
    alarm.daemon = True
    alarm.start()
    try:
        connection.request("POST", f"/{call}", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, data = answer.status, answer.read(MOST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException, UnicodeError) as why:
        raise EnrolmentAway(_sentence(desk, why)) from why
    finally:
        alarm.cancel()
        connection.close()
    return _certificate(desk, status, data)


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


def _cut(connection: http.client.HTTPSConnection) -> None:
    """End it, so that whoever waits on it wakes up."""
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):  # it has ended
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


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
