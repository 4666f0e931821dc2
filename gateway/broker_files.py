"""What Mosquitto needs to be the kiosks' broker: its configuration, access list, certificates and revocation list.

They stand in one folder, which the broker's user must be able to read. Each is put in place as a whole. mosquitto.conf
and openssl.cnf are written once, for the operator to change; the rest is written anew with each revocation.

Rules kept here:
- nobody comes in without a certificate of the gateway's authority, and the certificate's name is the user's name;
- a kiosk writes and reads its own topics and no other; whoever is revoked has each topic denied as well, since a
  connection that stands outlives the list of revoked certificates;
- all that a kiosk can fill has a bound.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.wire import topics
from edge_daemon.wire.batch import MOST_BYTES
from gateway import certificates, files
from gateway.authority import CLIENTS
from gateway.errors import AuthorityError

FOLDER = "broker"
"""In the state folder."""
RELOAD_DEADLINE_S = 30.0
_FOLDER_MODE, _OPEN, _SECRET = 0o750, 0o644, 0o640

ABOVE_A_BATCH = 1024
"""Bytes of a packet beside its batch: topic and properties."""
IN_FLIGHT = 1000
"""Batches that are with one worker and not yet stored; the worker itself asks for fewer ([broker] in_flight)."""
QUEUED = 10_000
QUEUED_BYTES = 256 * 1024 * 1024
"""For the workers, when they are slower than the kiosks. What does not fit is dropped, and the kiosk sends it again."""
MEMORY_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Listener:
    """Where the broker listens, and where it keeps its own data."""

    port: int = 8883
    address: str = ""
    """"": all that the machine has."""
    data: Path = Path("/var/lib/mosquitto")


def write_settings(folder: Path, listener: Listener) -> None:
    """Write mosquitto.conf and openssl.cnf where they are not there yet. Raises AuthorityError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        for name, text in (("mosquitto.conf", settings(folder, listener)), ("openssl.cnf", OPENSSL)):
            if not (folder / name).exists():
                files.write(folder / name, text, _OPEN)
    except OSError as why:
        raise _not_written(folder, why) from why


def write_lists(folder: Path, authority: Path, revoked: Iterable[str]) -> None:
    """Write the access list, and copy the rest from the authority's folder. Raises AuthorityError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        for name, mode in ((CLIENTS, _OPEN), ("broker.key", _SECRET), ("broker.crt", _OPEN), ("crl.pem", _OPEN)):
            files.write(folder / name, (authority / name).read_text(encoding="ascii"), mode)
        files.write(folder / "acl", access_list(revoked), _OPEN)
    except OSError as why:
        raise _not_written(folder, why) from why


def said(folder: Path) -> tuple[object, ...]:
    """What the lists and the certificate say, whenever they were written; another where that has changed."""
    acl, crl, shown = (_text(folder / name) for name in ("acl", "crl.pem", "broker.crt"))
    try:
        return acl, certificates.serials_of_list(crl.encode()), shown
    except ValueError:  # there is none yet, or it is damaged
        return acl, None, shown


def reload(command: Sequence[str]) -> str | None:
    """Run the operator's command that makes the broker read its files anew. What went wrong, None if nothing did."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RELOAD_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as why:
        return f"`{' '.join(command)}` could not be run: {why}."
    if done.returncode == 0:
        return None
    return f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()[-200:]}"


def access_list(revoked: Iterable[str]) -> str:
    """The broker's acl file. A "deny" of a user goes before what the patterns allow."""
    lines = [
        "# Written by krishi-gateway, and written anew with each revocation: do not change it by hand.",
        "# The gateway, and nobody else, reads what the kiosks send.",
        f"user {topics.GATEWAY}",
        *(f"topic read {topic}" for topic in (topics.up("+"), topics.lost("+"))),
        *(f"topic write {topic}" for topic in (topics.acknowledged("+"), topics.desired("+"))),
        "",
        "# A kiosk: %u is the name in its certificate.",
        *(f"pattern write {topic}" for topic in (topics.up("%u"), topics.lost("%u"))),
        *(f"pattern read {topic}" for topic in (topics.acknowledged("%u"), topics.desired("%u"))),
    ]
    for kiosk in revoked:
        lines += ["", f"user {kiosk}", "topic deny #"]
    return "\n".join(lines) + "\n"


def settings(folder: Path, listener: Listener) -> str:
    """mosquitto.conf."""
    return f"""\
# Mosquitto for the kiosks. Written once by `krishi-gateway init`; what you change here stays.

listener {listener.port}{f" {listener.address}" if listener.address else ""}
cafile {folder / CLIENTS}
certfile {folder / "broker.crt"}
keyfile {folder / "broker.key"}
crlfile {folder / "crl.pem"}
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder / "acl"}

# A kiosk is connected for minutes a day. Its connections cost some 50 kB of memory each: set a limit that fits yours.
max_connections -1
max_packet_size {MOST_BYTES + ABOVE_A_BATCH}
max_qos 1
max_topic_alias 0
max_keepalive 1200
max_inflight_messages {IN_FLIGHT}
max_queued_messages {QUEUED}
max_queued_bytes {QUEUED_BYTES}
memory_limit {MEMORY_BYTES}
persistent_client_expiration 1d
set_tcp_nodelay true

# What the gateway wants of each kiosk, and what waits for the gateway, outlast a restart.
persistence true
persistence_location {listener.data}/
autosave_interval 60

log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
"""


OPENSSL = """\
# For the broker alone: its unit names this file in OPENSSL_CONF. Written once by `krishi-gateway init`.
# Session tickets cost a kiosk over 1,200 bytes with each connection, and a session that is resumed by one is not
# checked against the list of revoked certificates. The last two lines save 65 bytes of each handshake: every key is of
# the same kind.

openssl_conf = all

[all]
ssl_conf = programs

[programs]
system_default = tls

[tls]
MinProtocol = TLSv1.3
Options = -SessionTicket
NumTickets = 0
ClientSignatureAlgorithms = ECDSA+SHA256
Ciphersuites = TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256
"""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # whoever writes it finds that out
        return ""


def program() -> str | None:
    """Where Mosquitto is; None if it is not installed here."""
    return shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def _not_written(folder: Path, why: OSError) -> AuthorityError:
    return AuthorityError(f"{folder}: the broker's files cannot be written: {why.strerror} ({why.filename}).")
