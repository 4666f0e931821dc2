"""What stands in the certificates of the gateway's authority. Pure: keys, names and times in, certificates out.

Rules kept here:
- every key is EC P-256, which a secure element can hold, and every signature ECDSA with SHA-256;
- a kiosk's certificate names the kiosk and nothing else, and is good for a TLS client alone: no kiosk can play the
  broker. Nothing of a request is taken over but its key;
- certificates are small, since a kiosk sends and receives one with each connection: short names, serial numbers of 62
  random bits, key identifiers of 8 bytes (RFC 5280, 4.2.1.2 leaves their making to the authority), and no more
  extensions than a strict verifier asks for.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import BadCertificateRequest

AUTHORITY_NAME, CLIENTS_NAME = "krishi-ca", "krishi-kiosks"
"""The authority signs servers by one name and clients by another: see authority.py."""
MOST_PEM_CHARACTERS = 4096
"""Of a request or a certificate that comes in: one of ours has some 500."""
EARLIER = timedelta(hours=1)
"""Certificates begin so long before they are made: the other side's clock may be a little slow."""
LIST_EARLIER = timedelta(days=1)
"""The same for the list of revoked certificates, and room for a list a second: see `revocation_list`."""
LIST_LASTS = timedelta(days=20 * 365)
"""OpenSSL refuses every client once the list that it has is past its time. So ours has as good as none."""

Key = ec.EllipticCurvePrivateKey
Certificate = x509.Certificate


class Issuer(NamedTuple):
    """The authority's own key and certificate."""

    key: Key
    certificate: Certificate


class Gone(NamedTuple):
    """A revoked certificate."""

    serial: int
    at: datetime


class Request(NamedTuple):
    """What somebody asks for: a certificate with this name, for this key, which signed the request."""

    name: str
    key: ec.EllipticCurvePublicKey
    der: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the request, hexadecimal: who asks twice is known by it."""
        return hashlib.sha256(self.der).hexdigest()


def new_key() -> Key:
    """A new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def root(key: Key, now: datetime, days: int, name: str = AUTHORITY_NAME) -> Certificate:
    """The authority's certificate, signed by itself."""
    usage = _usage(sign_certificates=True)
    return (
        _builder(name, key.public_key(), now, days)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier(_identifier(key.public_key())), critical=False)
        .sign(key, hashes.SHA256())
    )


def server(issuer: Issuer, key: Key, name: str, hosts: Sequence[str], now: datetime, days: int) -> Certificate:
    """The certificate of a server that is reached by these host names and addresses."""
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    builder = _leaf(issuer, name, key.public_key(), now, days, ExtendedKeyUsageOID.SERVER_AUTH)
    return builder.add_extension(names, critical=False).sign(issuer.key, hashes.SHA256())


def client(issuer: Issuer, key: ec.EllipticCurvePublicKey, name: str, now: datetime, days: int) -> Certificate:
    """The certificate of a kiosk, or of the gateway itself, as the broker's client of this name."""
    builder = _leaf(issuer, name, key, now, days, ExtendedKeyUsageOID.CLIENT_AUTH)
    return builder.sign(issuer.key, hashes.SHA256())


def revocation_list(
    issuer: Issuer, gone: Iterable[Gone], now: datetime, before: datetime | None
) -> x509.CertificateRevocationList:
    """The list of revoked certificates. before: the time in the list that this one takes the place of.

    A broker that reads a new list keeps the old one as well, and OpenSSL goes by the one whose time is later. So each
    list has a later time than the one before it, however soon it follows.
    """
    at = (now - LIST_EARLIER).replace(microsecond=0)
    if before is not None and at <= before < now:
        at = before + timedelta(seconds=1)
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(at).next_update(now + LIST_LASTS)
    builder = builder.add_extension(x509.CRLNumber(int(at.timestamp())), critical=False)
    builder = builder.add_extension(_by(issuer), critical=False)
    for serial, when in gone:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, hashes.SHA256())


def read_request(pem: str) -> Request:
    """A request for a certificate (RFC 2986), checked. Raises BadCertificateRequest."""
    if len(pem) > MOST_PEM_CHARACTERS:
        raise BadCertificateRequest(
            f"The request has {len(pem)} characters; one for a P-256 key has fewer than {MOST_PEM_CHARACTERS}."
        )
    try:
        read = x509.load_pem_x509_csr(pem.encode("utf-8", "replace"))
        key, name, sound = read.public_key(), name_of(read), read.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as why:
        raise BadCertificateRequest("This is no certificate signing request in PEM, for a key that we know.") from why
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCertificateRequest("The request is for another kind of key. Make one of EC P-256.")
    if not sound:
        raise BadCertificateRequest("The request is not signed by the key that it is for.")
    if name is None:
        raise BadCertificateRequest("The request's subject is not one common name alone.")
    return Request(name, key, read.public_bytes(Encoding.DER))


def read_certificate(pem: str, issuer: Issuer) -> Certificate | None:
    """A client's certificate of this authority, whether or not it has expired. None for any other text."""
    if len(pem) > MOST_PEM_CHARACTERS:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode("utf-8", "replace"))
        certificate.verify_directly_issued_by(issuer.certificate)
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.InvalidVersion, x509.ExtensionNotFound):
        return None
    return certificate if ExtendedKeyUsageOID.CLIENT_AUTH in uses else None


def name_of(one: Certificate | x509.CertificateSigningRequest) -> str | None:
    """The name in a subject that has nothing else; None for any other subject."""
    attributes = list(one.subject)
    if len(attributes) != 1 or attributes[0].oid != NameOID.COMMON_NAME:
        return None
    return str(attributes[0].value)


def has_signed(certificate: Certificate, signature: bytes, data: bytes) -> bool:
    """Whether whoever has this certificate's key signed the data (ECDSA, SHA-256, DER)."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def hosts_of(certificate: Certificate) -> tuple[str, ...]:
    """The host names and addresses of a server's certificate, in its order."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(str(name.value) for name in names)


def read_key(pem: bytes) -> Key:
    """A private key of ours. Raises ValueError."""
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as why:
        raise ValueError("is encrypted, or of another kind") from why
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("is of another kind than EC")
    return key


def read_own(pem: bytes) -> Certificate:
    """A certificate that we made. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem)


def time_of_list(pem: bytes) -> datetime:
    """The time in a list of revoked certificates. Raises ValueError."""
    return x509.load_pem_x509_crl(pem).last_update_utc


def serials_of_list(pem: bytes) -> frozenset[int]:
    """Of the certificates that a list names as revoked. Raises ValueError."""
    return frozenset(gone.serial_number for gone in x509.load_pem_x509_crl(pem))


def end_of_list(pem: bytes) -> datetime:
    """When a list of revoked certificates ends; then nobody is let in by it. Raises ValueError."""
    end = x509.load_pem_x509_crl(pem).next_update_utc
    if end is None:
        raise ValueError("has no end")
    return end


def key_pem(key: Key) -> str:
    """A private key as text, not encrypted: the file's mode keeps it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def pem(one: Certificate | x509.CertificateSigningRequest | x509.CertificateRevocationList) -> str:
    """As text."""
    return one.public_bytes(Encoding.PEM).decode("ascii")


def _leaf(
    issuer: Issuer, name: str, key: ec.EllipticCurvePublicKey, now: datetime, days: int, use: x509.ObjectIdentifier
) -> x509.CertificateBuilder:
    builder = _builder(name, key, now, days).issuer_name(issuer.certificate.subject)
    builder = builder.add_extension(_usage(sign_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.add_extension(_by(issuer), critical=False)


def _builder(name: str, key: ec.EllipticCurvePublicKey, now: datetime, days: int) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(_name(name)).public_key(key)
    builder = builder.serial_number((1 << 62) | secrets.randbits(62))
    return builder.not_valid_before(now - EARLIER).not_valid_after(now + timedelta(days=days))


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _by(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    key = issuer.key.public_key()
    return x509.AuthorityKeyIdentifier(_identifier(key), None, None)


def _identifier(key: ec.EllipticCurvePublicKey) -> bytes:
    return hashlib.sha256(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest()[:8]


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
