"""Certificates for tests of the link, as a gateway's authority makes them: P-256, short names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_daemon.sync import tls
from tests.peers.mosquitto import Mosquitto

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Papers:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def write(self, key: Path, certificate: Path) -> None:
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        certificate.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def made(
    name: str, authority: Papers | None = None, ends: datetime | None = None, address: str | None = None
) -> Papers:
    """Papers signed by the authority, or by themselves. ends: 30 days from now, if not given."""
    key = ec.generate_private_key(ec.SECP256R1())
    ends = ends or datetime.now(UTC) + 30 * DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(authority.certificate.subject if authority else _name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - 60 * DAY)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
    )
    if address:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
    return Papers(key, builder.sign(authority.key if authority else key, hashes.SHA256()))


def refused(authority: Papers, which: Papers) -> bytes:
    """A list that revokes this certificate, PEM."""
    now = datetime.now(UTC)
    gone = (
        x509.RevokedCertificateBuilder()
        .serial_number(which.certificate.serial_number)
        .revocation_date(now - DAY)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    whole = builder.last_update(now - DAY).next_update(now + DAY).add_revoked_certificate(gone)
    return whole.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Office:
    """An authority, a broker's papers and a kiosk's, in a folder as the kiosk has it."""

    folder: Path
    kiosk_by: Papers | None = None
    broker_ends: datetime | None = None
    kiosk_ends: datetime | None = None
    address: str = "127.0.0.1"
    kiosk_trusts: Papers | None = None

    def __post_init__(self) -> None:
        self.authority = made("authority")
        broker = made("broker", self.authority, self.broker_ends, self.address)
        self.kiosk = made("kiosk-1", self.kiosk_by or self.authority, self.kiosk_ends)
        broker.write(self.folder / "broker.key", self.folder / "broker.crt")
        self.authority.write(self.folder / "ca.key", self.folder / "broker-ca.crt")
        self.identity = self.folder / "identity"
        self.identity.mkdir()
        self.kiosk.write(self.identity / tls.KEY, self.identity / tls.CERTIFICATE)
        (self.kiosk_trusts or self.authority).write(self.folder / "unused", self.identity / tls.AUTHORITY)
        for file in self.folder.glob("broker*"):
            file.chmod(0o644)

    def broker(self, more: str = "") -> Mosquitto:
        files = (
            f"cafile {self.folder}/broker-ca.crt\ncertfile {self.folder}/broker.crt\nkeyfile {self.folder}/broker.key\n"
        )
        rules = "require_certificate true\nuse_identity_as_username true\nallow_anonymous false\n"
        return Mosquitto(self.folder, files + rules + more)
