"""TLS to the gateway's broker: both sides show certificates, and each byte of the handshake is paid for.

Rules kept here:
- the broker's certificate has to be of the gateway's own authority, and for the name that we called;
- while the system's clock may be wrong, no certificate is called too old or too young: only the gateway can tell such a
  kiosk what time it is, and OpenSSL goes by the system's clock all the same.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

from edge_daemon.errors import BrokerGone, CertificateRefused

KEY, CERTIFICATE, AUTHORITY = "kiosk.key", "kiosk.crt", "ca.crt"
"""The files of the folder `identity`."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (X509_VERIFY_PARAM_set_flags(3)); Python has no name for it."""
GROUP = "X25519"
"""The one key exchange that is offered. A second would cost its share of the first message, and one that withstands
quantum computers over 2 kB a handshake, more than a whole batch: what a kiosk tells is no secret for decades."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, where a broker has no 1.3: the long list that is usual costs 60 bytes more."""


class Remembering(ssl.SSLSocket):
    """A socket that keeps the error of TLS that ended it: whoever reads it is told of a lost connection alone."""

    trouble: ssl.SSLError | None = None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As the original."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as why:
            self.trouble = why
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        """As the original."""
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            with contextlib.suppress(OSError):
                self.recv(1)  # why the far end left, if it said so
            raise


class Context(ssl.SSLContext):
    """A context that knows its newest socket, so that one in the midst of a handshake can be counted, and cut."""

    sslsocket_class = Remembering
    newest: Remembering | None = None

    def wrap_socket(self, sock: socket.socket, *given: Any, **named: Any) -> Remembering:
        """As the original."""
        made = super().wrap_socket(sock, *given, **named)
        assert isinstance(made, Remembering)
        self.newest = made
        return made

    def cut(self) -> None:
        """End the newest connection. Another thread that waits on it wakes up."""
        if self.newest is not None:
            with contextlib.suppress(OSError):  # it has ended
                socket.socket.shutdown(self.newest, socket.SHUT_RDWR)  # that of TLS takes the handshake its object


def context(folder: Path, *, check_times: bool) -> Context:
    """What the handshake is made with. folder: with our key and certificate, and the authority's. Raises BrokerGone."""
    made = Context(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and the name
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHERS)
    made.set_ecdh_curve(GROUP)
    if not check_times:
        made.verify_flags |= NO_CHECK_TIME
    try:
        made.load_verify_locations(folder / AUTHORITY)
        made.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    except FileNotFoundError as why:
        raise BrokerGone(
            f"{folder}: the gateway does not know this kiosk yet, no certificate is here. "
            "Make it known with `krishi-kiosk enrol`."
        ) from why
    except OSError as why:
        raise BrokerGone(f"{folder}: key and certificates cannot be used: {why}. Enrol the kiosk anew.") from why
    return made


REFUSED = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "BAD_CERT")
"""In the name of an alert (RFC 8446, 6.2) by which the broker refuses ours."""


def trouble(where: str, why: ssl.SSLError) -> BrokerGone:
    """What went wrong in TLS, and what to do."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return BrokerGone(
            f"{where} shows a certificate that is not the gateway's, or not for this name: {why.verify_message}. "
            "Check [sync] url; if it is right, enrol the kiosk anew."
        )
    reason = why.reason or str(why)
    if "ALERT" in reason and any(word in reason for word in REFUSED):
        said = reason.rpartition("ALERT_")[2].lower().replace("_", " ")
        return CertificateRefused(
            f"{where} refuses this kiosk's certificate ({said}): it was revoked, has "
            "ended, or is another gateway's. Ask the gateway's operator for an invitation, and enrol the kiosk anew."
        )
    return BrokerGone(f"{where} speaks no TLS that this kiosk speaks: {reason}. Check [sync] url, and the broker.")
