"""Who the kiosk is to the gateway: a key that never leaves it, and the certificate that the gateway gave for that key.

The folder `identity` in the state folder, for the kiosk's user alone:

    kiosk.key kiosk.crt   key and certificate
    ca.crt                the gateway's authority: who shows a certificate of another is not the gateway
    gateway.toml          where the gateway is
    next.key next.csr     a key for which a certificate is being asked, and the request
    whole.json            what was given, on its way to the first four

Rules kept here:
- a request is on the disk before it is sent, and goes again until it is answered: the gateway gives the same request
  the same certificate. So whatever is cut short, the kiosk comes back;
- key and certificate change together: whole.json is put in place in one step, and whoever comes next finishes it;
- each certificate is for a new key, and none is taken that was not asked for.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge_daemon.clock import Instant, system_clock_is_set
from edge_daemon.errors import EnrolmentRefused, IdentityDamaged
from edge_daemon.sync import credentials, enrolment, safe_file
from edge_daemon.sync.credentials import Certificate, Key
from edge_daemon.sync.enrolment import Desk, Spent
from edge_daemon.sync.invitation import Invitation
from edge_daemon.sync.tls import AUTHORITY, CERTIFICATE, KEY

FOLDER = "identity"
"""In the state folder."""
GATEWAY = "gateway.toml"
NEXT_KEY, NEXT_REQUEST, WHOLE = "next.key", "next.csr", "whole.json"


class Enrolled(NamedTuple):
    """What the gateway gave."""

    kiosk: str
    site: str
    until: datetime


class Gateway(NamedTuple):
    """gateway.toml."""

    enrolment: str
    broker: str
    site: str
    invitation: str
    """SHA-256 of the last token: it is not used again."""


def broker_url(folder: Path) -> str | None:
    """The broker that the invitation named; None before there was one. Raises IdentityDamaged."""
    known = _gateway(folder)
    return known and known.broker


def was_used(folder: Path, invitation: Invitation) -> bool:
    """Whether this kiosk has enrolled with this very invitation. Raises IdentityDamaged."""
    known = _gateway(folder)
    return known is not None and known.invitation == _digest(invitation.token)


def enrol(
    folder: Path,
    invitation: Invitation,
    deadline_s: float = enrolment.DEADLINE_S,
    spent: Spent = lambda count: None,
) -> Enrolled:
    """Use an invitation; what the gateway gives takes the place of what was there before.

    spent: is told the bytes that it took. Raises EnrolmentAway, EnrolmentRefused, KioskBusy, StateReadOnly, StateFull.
    Nothing has changed then: it can be tried again.
    """
    with safe_file.alone(folder):
        settle(folder)
        key, request = _next(folder, invitation.kiosk)
        desk = Desk(invitation.enrolment, invitation.authority, system_clock_is_set(), deadline_s, spent)
        given = enrolment.ask(desk, "enrol", {"token": invitation.token, "csr": request})
        certificate = _checked(given, invitation.kiosk, key, invitation.authority)
        authority = invitation.authority.strip() + "\n"
        _replace(folder, key, {CERTIFICATE: given, AUTHORITY: authority, GATEWAY: _text(invitation)})
    return Enrolled(invitation.kiosk, invitation.site, certificate.not_valid_after_utc)


def renew_if_due(
    folder: Path,
    now: Instant,
    *,
    refused: bool = False,
    deadline_s: float = enrolment.DEADLINE_S,
    spent: Spent = lambda count: None,
) -> datetime | None:
    """Ask for the next certificate once two thirds of this one's time are over, and also after its end.

    refused: the broker does not take the present one, so another is asked for whatever the kiosk's clock says.
    spent: is told the bytes that it took.
    Gives the new one's end; None where it was not due, or the kiosk never enrolled. Raises EnrolmentAway,
    EnrolmentRefused, IdentityDamaged, KioskBusy, StateReadOnly, StateFull: the present one stays then.
    """
    if not folder.exists():
        return None
    with safe_file.alone(folder):
        settle(folder)
        known = _gateway(folder)
        if known is None or not (refused or now.utc >= credentials.due_at(_certificate(folder))):
            return None
        desk = Desk(known.enrolment, _read(folder / AUTHORITY), system_clock_is_set(), deadline_s, spent)
        return _renew(folder, desk).not_valid_after_utc


def _renew(folder: Path, desk: Desk) -> Certificate:
    kiosk = credentials.name(_certificate(folder))
    key, request = _next(folder, kiosk)
    signature = credentials.sign(_key(folder), request)
    shown = {"csr": request, "certificate": _read(folder / CERTIFICATE), "signature": signature}
    given = enrolment.ask(desk, "renew", shown)
    certificate = _checked(given, kiosk, key, desk.authority)
    _replace(folder, key, {CERTIFICATE: given})
    return certificate


def settle(folder: Path) -> None:
    """Finish what was begun. Raises IdentityDamaged, StateReadOnly, StateFull."""
    if not (folder / WHOLE).exists():
        return
    try:
        files = {name: str(text) for name, text in json.loads(_read(folder / WHOLE)).items()}
    except (ValueError, AttributeError) as why:
        raise _damaged(folder / WHOLE, why) from why
    for name in (KEY, CERTIFICATE, AUTHORITY, GATEWAY):
        if name in files:
            safe_file.write(folder / name, files[name])
    for name in (NEXT_KEY, NEXT_REQUEST, WHOLE):  # whole.json last: as long as it stands, this is done again
        safe_file.remove(folder / name)


def _replace(folder: Path, key: Key, files: dict[str, str]) -> None:
    safe_file.write(folder / WHOLE, json.dumps({KEY: credentials.key_text(key), **files}))
    settle(folder)


def _next(folder: Path, kiosk: str) -> tuple[Key, str]:
    """The key that waits for its certificate, and its request: those of the last time, if that got no answer."""
    try:
        key, request = credentials.read_key(_read(folder / NEXT_KEY)), _read(folder / NEXT_REQUEST)
        if credentials.is_request_of(request, key, kiosk):
            return key, request
    except (IdentityDamaged, ValueError):
        pass  # there are none, or the power went before the second was written: nothing was sent
    key = credentials.new_key()
    request = credentials.request(key, kiosk)
    safe_file.write(folder / NEXT_KEY, credentials.key_text(key))
    safe_file.write(folder / NEXT_REQUEST, request)
    return key, request


def _checked(given: str, kiosk: str, key: Key, authority: str) -> Certificate:
    try:
        return credentials.check(given, kiosk, key, authority)
    except ValueError as why:
        raise EnrolmentRefused(f"The gateway's certificate is not taken: {why}. Ask its operator.") from why


def _gateway(folder: Path) -> Gateway | None:
    path = folder / GATEWAY
    if not path.exists():
        return None
    try:
        return Gateway(**tomllib.loads(_read(path)))
    except (ValueError, TypeError) as why:
        raise _damaged(path, why) from why


def _text(invitation: Invitation) -> str:
    known = Gateway(invitation.enrolment, invitation.broker, invitation.site, _digest(invitation.token))
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in known._asdict().items())
    return "# Written when the kiosk enrolled, from its invitation.\n" + "".join(lines)


def _certificate(folder: Path) -> Certificate:
    try:
        return credentials.read_certificate(_read(folder / CERTIFICATE))
    except ValueError as why:
        raise _damaged(folder / CERTIFICATE, why) from why


def _key(folder: Path) -> Key:
    try:
        return credentials.read_key(_read(folder / KEY))
    except ValueError as why:
        raise _damaged(folder / KEY, why) from why


def _read(path: Path) -> str:
    """Raises IdentityDamaged."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as why:
        raise _damaged(path, why) from why


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def _damaged(path: Path, why: Exception) -> IdentityDamaged:
    return IdentityDamaged(f"{path}: cannot be used: {why}. Enrol the kiosk anew, with a new invitation.")
