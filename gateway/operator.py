"""`krishi-gateway init | enrol | revoke`: what an operator does, and what is to be done next, in sentences."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway import broker_files, files, invitation, lists
from gateway.authority import FOLDER, Authority, now_utc
from gateway.broker_files import Listener
from gateway.config import Config
from gateway.errors import AuthorityError, BrokerGone, CannotWrite
from gateway.fleet import Fleet, check_id
from gateway.store import Store

SYSTEM_STATE = Path("/var/lib")
MOSQUITTO_DATA = Path("/var/lib/mosquitto")
"""Where Debian's Mosquitto, as a service, may write."""
BROKER_PORT = 8883
INVITATION_MODE = 0o600

Say = Callable[[str], object]


class Office(NamedTuple):
    """The authority, and the kiosks in the database."""

    authority: Authority
    fleet: Fleet


@contextmanager
def open_office(config: Config) -> Iterator[Office]:
    """Raises AuthorityError, DatabaseError."""
    authority = Authority.open(config.state.path() / FOLDER)
    store = Store.open(config.database_url())
    try:
        yield Office(authority, Fleet(store, authority, config.authority))
    finally:
        store.close()


def init(config: Config, hosts: list[str], say: Say) -> int:
    """Make the authority and the broker's files. hosts: by which kiosks reach the gateway, the one to tell them first.

    Raises BadHost, and AuthorityError, also where there is an authority already.
    """
    state = config.state.path()
    names = list(dict.fromkeys([*hosts, urlsplit(config.broker.url).hostname or hosts[0]]))
    broker = state / broker_files.FOLDER
    authority = Authority.make(state / FOLDER, names, now_utc())
    broker_files.write_settings(broker, Listener(_broker_port(config), data=_data(state)))
    broker_files.write_lists(broker, authority.folder, [])
    say(f"The authority is in {authority.folder}. Keep a second copy of it in a safe place: without ca.key every kiosk")
    say("has to be enrolled anew, and whoever else has it can be any kiosk.")
    say(f"The broker's files are in {broker}; its user has to be able to read them. Begin it with")
    say(f"  OPENSSL_CONF={broker / 'openssl.cnf'} mosquitto -c {broker / 'mosquitto.conf'}")
    say(f"Kiosks are told to come to {names[0]}. Next: krishi-gateway run, then for each kiosk")
    say(f'  krishi-gateway enrol KIOSK --site "Where it stands" --out {invitation.NAME}')
    return 0


def enrol(config: Config, kiosk: str, site: str, out: Path | None, at: tuple[str | None, str | None], say: Say) -> int:
    """Write an invitation to a file, or say it. at: addresses of enrolment and broker, None: as the gateway's own.

    Raises BadRequest, CannotWrite, AuthorityError, DatabaseError.
    """
    check_id(kiosk)
    invitation.check_site(site)
    if out is not None and not os.access(out.parent, os.W_OK | os.X_OK):  # before an earlier invitation is void
        raise CannotWrite(f"{out}: no file can be written there. Name another with --out.")
    with open_office(config) as office:
        to = _addresses(config, office.authority, at)
        invitation.check_addresses(to)
        was = office.fleet.state(kiosk)
        invited = office.fleet.invite(kiosk, site)
        text = invitation.write(invited, to, office.authority.certificate)
    if out is None:
        say(text.rstrip("\n"))
        return 0
    try:
        files.write(out, text, INVITATION_MODE)
    except OSError as why:
        raise CannotWrite(
            f"{out}: the invitation cannot be written: {why.strerror}. Invite {kiosk} again, with another --out."
        ) from why
    say(f"{out} invites {kiosk}, once, until {invited.expires_at:%Y-%m-%d %H:%M} UTC. An earlier invitation is void.")
    say(f"Put it on the kiosk's boot partition as {invitation.NAME}; the kiosk takes it when it begins.")
    if was in {"enrolled", "revoked"}:
        say(f"{kiosk} was {was} before: once it has used this, none of its older certificates is good any more.")
    return 0


def revoke(config: Config, kiosk: str, say: Say) -> int:
    """Revoke a kiosk, and have the broker know. Raises NoSuchKiosk, AuthorityError, DatabaseError, BrokerGone.

    May be done again, so that a broker that did not hear of it does.
    """
    with open_office(config) as office:
        anew = office.fleet.revoke(kiosk)
        say(f"{kiosk} is revoked: the gateway takes nothing more of it." if anew else f"{kiosk} was revoked before.")
        to_do = lists.renew(config, office.authority, office.fleet)
    if to_do and config.broker.reload:
        raise BrokerGone(to_do)
    say(to_do or "The broker has read its lists anew, and lets it in no more.")
    return 0


def _addresses(config: Config, authority: Authority, at: tuple[str | None, str | None]) -> invitation.Addresses:
    own = invitation.addresses(authority.hosts[0], config.enrolment.port, _broker_port(config))
    enrolment, broker = at
    return invitation.Addresses(enrolment or own.enrolment, broker or own.broker)


def _broker_port(config: Config) -> int:
    """Of the listener with TLS. The gateway itself may come by another, on loopback."""
    own = urlsplit(config.broker.url)
    return own.port if own.scheme == "mqtts" and own.port else BROKER_PORT


def _data(state: Path) -> Path:
    """Where the broker keeps its own data: a service's among those of services, else beside our own."""
    if state.is_relative_to(SYSTEM_STATE):
        return MOSQUITTO_DATA
    own = state / "broker-data"
    try:
        own.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as why:
        raise AuthorityError(f"{own}: cannot be made: {why.strerror}.") from why
    return own
