"""Keys, requests and certificates of the kiosk: EC P-256, which a secure element could hold. Pure.

A certificate is taken only if the gateway's authority signed it, for this kiosk and for the key that was asked for.
"""

from __future__ import annotations

import base64
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate


def new_key() -> Key:
    """A new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def read_key(text: str) -> Key:
    """A private key of ours. Raises ValueError."""
    try:
        key = load_pem_private_key(text.encode("ascii"), None)
    except (TypeError, UnsupportedAlgorithm) as why:
        raise ValueError("it is no key of ours") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is no key of ours")
    return key


def key_text(key: Key) -> str:
    """PEM, not encrypted: the file's mode keeps it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def request(key: Key, kiosk: str) -> str:
    """A request for a certificate (RFC 2986), PEM. Each one is another, since its signature is."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kiosk)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode("ascii")


def is_request_of(text: str, key: Key, kiosk: str) -> bool:
    """Whether the request is by this key and for this kiosk. Raises ValueError where it is none."""
    read = x509.load_pem_x509_csr(text.encode("ascii"))
    return read.public_key() == key.public_key() and _name(read.subject) == kiosk


def sign(key: Key, request: str) -> str:
    """The key's signature of the request's DER (ECDSA, SHA-256), base64."""
    der = x509.load_pem_x509_csr(request.encode("ascii")).public_bytes(Encoding.DER)
    return base64.b64encode(key.sign(der, ec.ECDSA(hashes.SHA256()))).decode("ascii")


def read_certificate(text: str) -> Certificate:
    """Raises ValueError."""
    return x509.load_pem_x509_certificate(text.encode("utf-8", "replace"))


def check(text: str, kiosk: str, key: Key, authority: str) -> Certificate:
    """The certificate that was asked for. Raises ValueError, saying why it is not the one."""
    try:
        certificate = read_certificate(text)
        _verify(certificate, read_certificate(authority))
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as why:
        raise ValueError("it is not of the gateway's authority") from why
    if name(certificate) != kiosk:
        raise ValueError("it is for another kiosk")
    if certificate.public_key() != key.public_key():
        raise ValueError("it is for another key")
    return certificate


def _verify(certificate: Certificate, authority: Certificate) -> None:
    """By the key alone: the authority has a name for kiosks, and one for servers. Raises ValueError, InvalidSignature."""
    by, how = authority.public_key(), certificate.signature_hash_algorithm
    if not isinstance(by, ec.EllipticCurvePublicKey) or how is None:
        raise ValueError("another kind of signature")
    by.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(how))


def name(certificate: Certificate) -> str:
    """The kiosk that it is for."""
    return _name(certificate.subject)


def due_at(certificate: Certificate) -> datetime:
    """When the next one is to be asked for: after two thirds of its time."""
    begun, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begun + (ends - begun) * 2 / 3


def _name(subject: x509.Name) -> str:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(list(subject)) == len(names) == 1 else ""
