"""The gateway's certificate authority: a folder of keys and certificates, for the gateway's user alone.

    ca.key ca.crt               the authority's own; kiosks trust ca.crt and nothing else
    kiosks.crt                  the same key by a second name; the broker trusts it and nothing else
    broker.key broker.crt       the broker's
    gateway.key gateway.crt     the gateway's own, as the broker's client
    enrolment.key enrolment.crt of the HTTPS server where kiosks ask for their certificates
    crl.pem                     the revoked certificates

ca.key never leaves the folder. Whoever has it can be any kiosk, or the broker: it is the one file to keep safe, and to
have a second copy of.

It signs servers by the one name, clients by the other. OpenSSL sends its issuer along in each handshake if it trusts
that one (SSL_CTX_set_mode(3), SSL_MODE_NO_AUTO_CHAIN, which neither Python nor Mosquitto sets): some 350 bytes each way
that nobody needs. So neither side trusts the name that signed it. What becomes of each kiosk is in the database: see
fleet.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from edge_daemon.wire.topics import GATEWAY
from gateway import certificates, files
from gateway.certificates import Gone, Issuer, Request
from gateway.errors import AuthorityError, BadHost

FOLDER = "authority"
"""In the state folder."""
BROKER, CLIENT, ENROLMENT = "broker", "gateway", "enrolment"
CLIENTS, CRL = "kiosks.crt", "crl.pem"
SECRET, OPEN = 0o600, 0o644
CA_DAYS = 20 * 365
OWN_DAYS = 5 * 365
"""Of the broker's, the gateway's and the enrolment server's; `renew_own` makes them anew after two thirds of it."""
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39}")


class Signed(NamedTuple):
    """A kiosk's certificate, and what the database keeps of it."""

    serial: str
    """Hexadecimal."""
    certificate: str
    """PEM."""
    expires_at: int


class Authority:
    """The authority in this folder."""

    def __init__(self, folder: Path, servers: Issuer, clients: Issuer) -> None:
        self.folder = folder
        self._servers = servers
        self._clients = clients

    @classmethod
    def make(cls, folder: Path, hosts: Sequence[str], now: datetime) -> Self:
        """A new authority, and certificates for the servers that are reached by these hosts.

        Raises BadHost, and AuthorityError, also where the folder has one already: all its kiosks would be lost.
        """
        for host in hosts:
            if not HOST.fullmatch(host):
                raise BadHost(f"{host!r} is no host name and no address. Give one such as broker.example.org.")
        if (folder / "ca.crt").exists():
            raise AuthorityError(f"{folder} has an authority already. Its kiosks would know no other: keep it.")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            key = certificates.new_key()
            names = certificates.AUTHORITY_NAME, certificates.CLIENTS_NAME
            authority = cls(folder, *(Issuer(key, certificates.root(key, now, CA_DAYS, name)) for name in names))
            files.write(folder / "ca.key", certificates.key_pem(key), SECRET)
            files.write(folder / CLIENTS, certificates.pem(authority._clients.certificate), OPEN)
            authority._issue_own(hosts, now)
            authority.write_list((), now)
            files.write(folder / "ca.crt", authority.certificate, OPEN)  # last: with it the authority is whole
        except OSError as why:
            raise AuthorityError(f"{folder}: cannot be written: {why.strerror}.") from why
        return authority

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The authority in the folder. Raises AuthorityError."""
        try:
            key = certificates.read_key((folder / "ca.key").read_bytes())
            own = [certificates.read_own((folder / name).read_bytes()) for name in (CLIENTS, "ca.crt")]
        except FileNotFoundError as why:
            if (folder / "ca.crt").exists():  # `init` would refuse
                raise AuthorityError(f"{why.filename} is not there. Put your second copy back.") from why
            raise AuthorityError(f"{folder} has no authority. Make one with `krishi-gateway init`.") from why
        except OSError as why:
            raise AuthorityError(f"{folder}: cannot be read: {why.strerror}. Run it as the gateway's user.") from why
        except ValueError as why:
            raise AuthorityError(
                f"{folder}: ca.key, ca.crt or {CLIENTS} is damaged. Put your second copy back."
            ) from why
        if any(key.public_key() != each.public_key() for each in own):
            raise AuthorityError(f"{folder}: ca.key is not the key of ca.crt and {CLIENTS}. Put your second copy back.")
        clients, servers = (Issuer(key, each) for each in own)
        return cls(folder, servers, clients)

    @property
    def certificate(self) -> str:
        """ca.crt, PEM: what the kiosks trust."""
        return certificates.pem(self._servers.certificate)

    @property
    def hosts(self) -> tuple[str, ...]:
        """By which the servers are reached; the first is the one that kiosks are told. Raises AuthorityError."""
        return certificates.hosts_of(self._own(BROKER))

    def sign(self, request: Request, now: datetime, days: int) -> Signed:
        """A certificate for whoever asked."""
        made = certificates.client(self._clients, request.key, request.name, now, days)
        ends = int(made.not_valid_after_utc.timestamp())
        return Signed(hex(made.serial_number), certificates.pem(made), ends)

    def read(self, certificate: str) -> certificates.Certificate | None:
        """A client's certificate of this authority, expired or not. None for any other text."""
        return certificates.read_certificate(certificate, self._clients)

    def write_list(self, gone: Iterable[Gone], now: datetime) -> str:
        """Write the list of revoked certificates anew, and return it. Raises AuthorityError."""
        path = self.folder / CRL
        try:
            before = certificates.time_of_list(path.read_bytes()) if path.exists() else None
            text = certificates.pem(certificates.revocation_list(self._clients, gone, now, before))
            files.write(path, text, OPEN)
        except (OSError, ValueError) as why:
            raise AuthorityError(f"{path}: cannot be written anew: {why}.") from why
        return text

    def renew_own(self, now: datetime) -> bool:
        """Make the servers' certificates anew where two thirds of their time are over. Raises AuthorityError."""
        old = self._own(BROKER)
        begun, ends = old.not_valid_before_utc, old.not_valid_after_utc
        due = now >= begun + (ends - begun) * 2 / 3
        try:
            if due:
                self._issue_own(certificates.hosts_of(old), now)
        except (OSError, ValueError) as why:
            raise AuthorityError(f"{self.folder}: the servers' certificates cannot be made anew: {why}.") from why
        return due

    def _issue_own(self, hosts: Sequence[str], now: datetime) -> None:
        for name in (ENROLMENT, CLIENT, BROKER):  # the broker's last: by it `renew_own` knows whether all are done
            key = self._key(name)
            if name == CLIENT:
                made = certificates.client(self._clients, key.public_key(), GATEWAY, now, OWN_DAYS)
            else:
                made = certificates.server(self._servers, key, name, hosts, now, OWN_DAYS)
            files.write(self.folder / f"{name}.crt", certificates.pem(made), OPEN)

    def _key(self, name: str) -> certificates.Key:
        """The same at each renewal, so that a power cut never leaves a certificate beside another's key."""
        path = self.folder / f"{name}.key"
        if path.exists():
            return certificates.read_key(path.read_bytes())
        key = certificates.new_key()
        files.write(path, certificates.key_pem(key), SECRET)
        return key

    def _own(self, name: str) -> certificates.Certificate:
        path = self.folder / f"{name}.crt"
        try:
            return certificates.read_own(path.read_bytes())
        except (OSError, ValueError) as why:
            raise AuthorityError(f"{path}: cannot be read: {why}. Put your second copy back.") from why


def now_utc() -> datetime:
    """The gateway's time."""
    return datetime.now(UTC)
