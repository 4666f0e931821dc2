"""What kiosks ask of the gateway's authority, and a clock that tests set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway import certificates

Key = ec.EllipticCurvePrivateKey


@dataclass
class Clock:
    """Says what it is told to."""

    utc: datetime = datetime(2026, 11, 25, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.utc

    def pass_(self, **how_long: float) -> None:
        self.utc += timedelta(**how_long)


def subject(*common_names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])


def asks(key: Key, kiosk: str) -> str:
    """A request, PEM."""
    return certificates.pem(
        x509.CertificateSigningRequestBuilder().subject_name(subject(kiosk)).sign(key, hashes.SHA256())
    )


def signs(key: Key, request: str) -> bytes:
    """A signature of the request's DER."""
    der = x509.load_pem_x509_csr(request.encode()).public_bytes(Encoding.DER)
    return key.sign(der, ec.ECDSA(hashes.SHA256()))


def serial_of(certificate: str) -> int:
    return x509.load_pem_x509_certificate(certificate.encode()).serial_number


def self_signed(path: Path, name: str) -> Path:
    """A key, and a certificate for this name that it signed itself, as a file."""
    key = certificates.new_key()
    path.write_text(certificates.pem(certificates.root(key, datetime.now(UTC), 30, name)) + certificates.key_pem(key))
    return path
