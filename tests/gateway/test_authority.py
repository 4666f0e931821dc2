"""The authority: what it signs, what it refuses, and what stands in its folder."""

from __future__ import annotations

import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from gateway import certificates
from gateway.authority import BROKER, CLIENT, CLIENTS, ENROLMENT, OWN_DAYS, Authority
from gateway.certificates import Gone, new_key, read_request
from gateway.errors import AuthorityError, BadCertificateRequest, BadHost
from tests.gateway.requests import asks, subject

NOW = datetime.now(UTC)
"""A program of others looks at these certificates by its own clock."""
HOSTS = ("broker.example.org", "127.0.0.1")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority", HOSTS, NOW)


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def test_only_the_gateway_s_user_reads_the_keys(authority: Authority) -> None:
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700
    keys = sorted(authority.folder.glob("*.key"))
    assert [key.name for key in keys] == ["broker.key", "ca.key", "enrolment.key", "gateway.key"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("name", "use"), [(BROKER, "sslserver"), (ENROLMENT, "sslserver"), (CLIENT, "sslclient")])
def test_a_strict_verifier_takes_its_certificates_for_their_use_alone(
    authority: Authority, name: str, use: str
) -> None:
    trusted = CLIENTS if name == CLIENT else "ca.crt"
    files = ("-CAfile", authority.folder / trusted, authority.folder / f"{name}.crt")
    assert "OK" in openssl("verify", "-x509_strict", "-purpose", use, *files)
    other = {"sslserver": "sslclient", "sslclient": "sslserver"}[use]
    with pytest.raises(subprocess.CalledProcessError):
        openssl("verify", "-x509_strict", "-purpose", other, *files)


@pytest.mark.needs("openssl")
def test_the_list_makes_a_strict_verifier_refuse_the_revoked_alone(authority: Authority, tmp_path: Path) -> None:
    for kiosk in ("nandgaon-1", "nandgaon-2"):
        made = authority.sign(read_request(asks(new_key(), kiosk)), NOW, 365)
        (tmp_path / kiosk).write_text(made.certificate)
        if kiosk == "nandgaon-1":
            authority.write_list([Gone(int(made.serial, 16), NOW)], NOW)
    files = ("-CRLfile", authority.folder / "crl.pem", "-CAfile", authority.folder / CLIENTS)
    strict = ("verify", "-x509_strict", "-crl_check", *files)
    assert "OK" in openssl(*strict, tmp_path / "nandgaon-2")
    with pytest.raises(subprocess.CalledProcessError) as why:
        openssl(*strict, tmp_path / "nandgaon-1")
    assert "certificate revoked" in why.value.stderr


def test_a_kiosk_s_certificate_is_small_and_says_its_id_alone(authority: Authority) -> None:
    made = authority.sign(read_request(asks(new_key(), "nandgaon-1")), NOW, 365)
    read = x509.load_pem_x509_certificate(made.certificate.encode())
    assert certificates.name_of(read) == "nandgaon-1"
    assert read.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=365)
    assert made.expires_at == int(read.not_valid_after_utc.timestamp())
    assert hex(read.serial_number) == made.serial
    assert len(read.public_bytes(Encoding.DER)) <= 360


def test_nothing_of_a_request_is_taken_over_but_its_key(authority: Authority) -> None:
    key = new_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("nandgaon-1"))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("broker.example.org")]), critical=False)
    made = authority.sign(read_request(certificates.pem(builder.sign(key, hashes.SHA256()))), NOW, 1)
    read = x509.load_pem_x509_certificate(made.certificate.encode())
    kinds = {type(extension.value) for extension in read.extensions}
    assert kinds == {x509.KeyUsage, x509.ExtendedKeyUsage, x509.AuthorityKeyIdentifier}


def a_request(key: certificates.Key | rsa.RSAPrivateKey, name: x509.Name) -> str:
    return certificates.pem(x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256()))


def with_ed25519() -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject("nandgaon-1"))
    return certificates.pem(builder.sign(ed25519.Ed25519PrivateKey.generate(), None))


def with_another_s_signature() -> str:
    pem = asks(new_key(), "nandgaon-1").splitlines()
    other = asks(new_key(), "nandgaon-1").splitlines()
    return "\n".join([*pem[:3], *other[3:], ""])


@pytest.mark.parametrize(
    "request_pem",
    [
        pytest.param("", id="nothing"),
        pytest.param("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", id="no DER"),
        pytest.param(asks(new_key(), "nandgaon-1") + " " * 4096, id="too long"),
        pytest.param("\ud800", id="no text"),
        pytest.param(a_request(rsa.generate_private_key(65537, 2048), subject("nandgaon-1")), id="RSA"),
        pytest.param(a_request(ec.generate_private_key(ec.SECP384R1()), subject("nandgaon-1")), id="P-384"),
        pytest.param(with_ed25519(), id="Ed25519"),
        pytest.param(with_another_s_signature(), id="not its own signature"),
        pytest.param(a_request(new_key(), x509.Name([])), id="no name"),
        pytest.param(a_request(new_key(), subject("nandgaon-1", "nandgaon-2")), id="two names"),
    ],
)
def test_any_other_request_is_refused(request_pem: str) -> None:
    with pytest.raises(BadCertificateRequest):
        read_request(request_pem)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda octets: octets.decode("latin-1")))
def test_noise_is_refused_by_name(noise: str) -> None:
    with pytest.raises(BadCertificateRequest):
        read_request(f"-----BEGIN CERTIFICATE REQUEST-----\n{noise}\n-----END CERTIFICATE REQUEST-----\n")


def test_a_client_s_certificate_of_this_authority_is_known_also_when_it_has_expired(
    authority: Authority, tmp_path: Path
) -> None:
    request = read_request(asks(new_key(), "nandgaon-1"))
    old = authority.sign(request, NOW - timedelta(days=900), 365).certificate
    assert authority.read(old)
    other = Authority.make(tmp_path / "other", HOSTS, NOW)
    for foreign in (
        other.sign(request, NOW, 365).certificate,
        (authority.folder / "broker.crt").read_text(),
        authority.certificate,
        asks(new_key(), "nandgaon-1"),
        old + " " * 4096,
        "",
    ):
        assert authority.read(foreign) is None


def test_each_list_is_later_than_the_one_before(authority: Authority) -> None:
    times = []
    for _ in range(4):  # in one second
        text = authority.write_list((), NOW)
        times.append(certificates.time_of_list(text.encode()))
    assert times == sorted(set(times))
    assert times[-1] < NOW


def test_a_list_of_a_clock_that_was_ahead_is_followed_by_one_of_the_right_time(authority: Authority) -> None:
    authority.write_list((), NOW + timedelta(days=365))
    text = authority.write_list((), NOW)
    assert certificates.time_of_list(text.encode()) < NOW


def test_an_authority_is_never_made_anew(authority: Authority) -> None:
    with pytest.raises(AuthorityError, match="has an authority already"):
        Authority.make(authority.folder, HOSTS, NOW)


def test_one_that_was_cut_short_is_made_again(authority: Authority) -> None:
    (authority.folder / "ca.crt").unlink()
    again = Authority.make(authority.folder, HOSTS, NOW)
    opened = Authority.open(authority.folder)
    assert opened.certificate == again.certificate
    assert opened.hosts == HOSTS


@pytest.mark.parametrize("host", ["", "a b", "-x", "x/y", "https://x", "x\n", "x" * 70])
def test_what_is_no_host_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadHost, match="no host name"):
        Authority.make(tmp_path / "authority", [host], NOW)


def damage(folder: Path) -> None:
    (folder / "ca.key").write_text("x")


def another_key(folder: Path) -> None:
    (folder / "ca.key").write_text(certificates.key_pem(new_key()))


def no_key(folder: Path) -> None:
    (folder / "ca.key").unlink()


def no_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (damage, "damaged"),
        (another_key, "not the key of"),
        (no_key, "ca.key is not there. Put your second copy back"),
        (no_folder, "has no authority"),
    ],
)
def test_an_authority_that_is_not_whole_says_so(authority: Authority, harm: object, sentence: str) -> None:
    assert callable(harm)
    harm(authority.folder)
    with pytest.raises(AuthorityError, match=sentence):
        Authority.open(authority.folder)


def test_the_servers_certificates_are_made_anew_in_time_for_the_same_keys(authority: Authority) -> None:
    names = [f"{name}.{kind}" for name in (BROKER, CLIENT, ENROLMENT) for kind in ("crt", "key")]
    before = {name: (authority.folder / name).read_text() for name in names}
    assert not authority.renew_own(NOW + timedelta(days=OWN_DAYS / 2))
    assert authority.renew_own(NOW + timedelta(days=OWN_DAYS * 0.7))
    changed = {name for name in names if (authority.folder / name).read_text() != before[name]}
    assert changed == {"broker.crt", "gateway.crt", "enrolment.crt"}
    assert authority.hosts == HOSTS
