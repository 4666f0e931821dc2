"""Who the kiosks are: invited, enrolled, renewed, revoked. The authority signs; the database says for whom.

Rules kept here:
- a token is good once, for one kiosk and one site, for a short time; the database has its SHA-256 alone. Of two who use
  it at once one wins, by a single UPDATE;
- whoever asks twice with the same request gets the same certificate: a kiosk may lose the answer;
- a kiosk that is enrolled anew has a new card: its older certificates are revoked. One that renews keeps them until
  they end, so that an older copy of its card still finds back;
- all that is done to one kiosk is done one after the other: its row is locked first;
- a certificate that has expired still renews itself, one that was revoked never does. Of one that ended over a year ago
  the database may have forgotten that (gateway/upkeep.py), so it renews itself only while it is known.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from edge_daemon.wire.topics import GATEWAY, KIOSK_ID
from gateway import certificates, tables
from gateway.authority import Authority, now_utc
from gateway.certificates import Gone, Request
from gateway.config import Authority as Rules
from gateway.errors import (
    BadCertificateRequest,
    BadKioskId,
    BadToken,
    NoSuchKiosk,
    Revoked,
    TooOften,
)
from gateway.store import Store

TOKEN_BYTES = 16
"""128 random bits: not to be guessed, and short enough to be typed."""
DAILY_RENEWALS = 5
"""Of a kiosk. One that works asks once in months."""
DAY_S = 86_400
LISTED_S = 366 * DAY_S
"""So long after its end a revoked certificate is still listed: the broker's clock may be a year off."""

LONG_S = 365 * DAY_S
"""What ended so long ago has to be known. Less than LISTED_S, so that a clock set back a little opens no gap."""


class Invitation(NamedTuple):
    """What lets a kiosk enrol."""

    kiosk: str
    site: str
    token: str
    expires_at: datetime


class Enrolled(NamedTuple):
    """What a kiosk gets for its token."""

    certificate: str
    """PEM."""
    lists_change: bool
    """Its older certificates are revoked now, or it is not revoked any more: the broker has to know."""


class Fleet:
    """The kiosks of this database, with certificates of this authority."""

    def __init__(self, store: Store, authority: Authority, rules: Rules, now: Callable[[], datetime] = now_utc) -> None:
        self._store = store
        self._authority = authority
        self._rules = rules
        self._now = now

    def invite(self, kiosk: str, site: str) -> Invitation:
        """A token with which this kiosk can enrol; an earlier one that was not used is void. Raises BadKioskId."""
        check_id(kiosk)
        token, at = secrets.token_urlsafe(TOKEN_BYTES), self._at()
        ends = at + int(self._rules.token_hours * 3600)
        with self._store.writing() as connection:
            self._know(connection, kiosk, "invited")
            self._void_tokens(connection, kiosk)
            connection.execute(
                insert(tables.token).values(digest=_digest(token), kiosk=kiosk, site=site, made_at=at, expires_at=ends)
            )
            connection.execute(update(tables.kiosk).where(tables.kiosk.c.id == kiosk).values(invited_at=at, site=site))
        return Invitation(kiosk, site, token, datetime.fromtimestamp(ends, UTC))

    def enrol(self, token: str, request: str) -> Enrolled:
        """The certificate for a token and a request (PEM). Raises BadToken, BadCertificateRequest, Revoked."""
        asked = certificates.read_request(request)
        with self._store.writing() as connection:
            self._lock(connection, asked.name)
            site = self._use(connection, token, asked.name)
            if site is None:
                return Enrolled(self._same_again(connection, asked), lists_change=False)
            was_revoked = self._state(connection, asked.name) == "revoked"
            made = self._issue(connection, asked)
            replaced = self._revoke_certificates(connection, asked.name, but=asked)
            connection.execute(update(tables.kiosk).where(tables.kiosk.c.id == asked.name).values(site=site))
        return Enrolled(made, lists_change=was_revoked or replaced > 0)

    def renew(self, request: str, certificate: str, signature: bytes) -> str:
        """The next certificate (PEM) for a kiosk that has this one (PEM), whose key signed the request's DER.

        Raises BadCertificateRequest, Revoked, TooOften.
        """
        asked = certificates.read_request(request)
        has = self._authority.read(certificate)
        if has is None or certificates.name_of(has) != asked.name or not _is_kiosk(asked.name):
            raise BadCertificateRequest("The certificate is not this kiosk's, or not of this gateway's authority.")
        if not certificates.has_signed(has, signature, asked.der):
            raise BadCertificateRequest("The request is not signed by the key of the certificate.")
        with self._store.writing() as connection:
            self._know(connection, asked.name, "enrolled")
            self._refuse_revoked(connection, asked.name, hex(has.serial_number))
            self._refuse_forgotten(connection, hex(has.serial_number), has.not_valid_after_utc)
            if same := self._issued_for(connection, asked):
                return same
            self._refuse_eager(connection, asked.name)
            return self._issue(connection, asked)

    def revoke(self, kiosk: str) -> bool:
        """Revoke all that the kiosk has, and void its token. False: it was revoked before. Raises NoSuchKiosk."""
        row = tables.kiosk
        with self._store.writing() as connection:
            done = connection.execute(
                update(row)
                .where(row.c.id == kiosk, row.c.state != "revoked")
                .values(state="revoked", revoked_at=self._at())
            )
            if not done.rowcount and not self._state(connection, kiosk):
                raise NoSuchKiosk(f"There is no kiosk {kiosk!r}. `krishi-gateway kiosks` lists them.")
            self._void_tokens(connection, kiosk)
            self._revoke_certificates(connection, kiosk)
        return bool(done.rowcount)

    def state(self, kiosk: str) -> str | None:
        """ "invited", "enrolled", "revoked", "seen"; None for one that is not known."""
        with self._store.reading() as connection:
            return self._state(connection, kiosk)

    def revoked_kiosks(self) -> list[str]:
        """The ids of all that are revoked now, in their order."""
        row = tables.kiosk
        with self._store.reading() as connection:
            return list(connection.scalars(select(row.c.id).where(row.c.state == "revoked").order_by(row.c.id)))

    def revoked_certificates(self) -> list[Gone]:
        """Those that the list of revoked certificates has to name."""
        row = tables.revoked
        wanted = select(row.c.serial, row.c.at).where(row.c.expires_at > self._at() - LISTED_S).order_by(row.c.at)
        with self._store.reading() as connection:
            return [Gone(int(serial, 16), datetime.fromtimestamp(at, UTC)) for serial, at in connection.execute(wanted)]

    def _use(self, connection: Connection, token: str, kiosk: str) -> str | None:
        """Mark the token as used, and return its site; None if it was used before. Raises BadToken."""
        row, at = tables.token, self._at()
        this = (row.c.digest == _digest(token), row.c.kiosk == kiosk)
        open_ = (row.c.used_at.is_(None), row.c.expires_at > at)
        won = connection.execute(update(row).where(*this, *open_).values(used_at=at)).rowcount == 1
        found = connection.execute(select(row.c.site, row.c.used_at).where(*this)).one_or_none()
        if found is None:
            raise BadToken(f"There is no such token for {kiosk!r}. Make a new invitation: krishi-gateway enrol {kiosk}")
        if found.used_at is None:
            raise BadToken(f"The token of {kiosk!r} is too old. Make a new invitation: krishi-gateway enrol {kiosk}")
        return str(found.site) if won else None

    def _same_again(self, connection: Connection, asked: Request) -> str:
        """What a used token gave, to the same request. Raises BadToken, Revoked."""
        same = self._issued_for(connection, asked)
        if same is None:
            raise BadToken(
                f"The token of {asked.name!r} was used before. Make a new invitation: krishi-gateway enrol {asked.name}"
            )
        return same

    def _issue(self, connection: Connection, asked: Request) -> str:
        at = self._at()
        made = self._authority.sign(asked, self._now(), self._rules.certificate_days)
        connection.execute(
            insert(tables.issued).values(
                serial=made.serial,
                kiosk=asked.name,
                request=asked.digest,
                certificate=made.certificate,
                at=at,
                expires_at=made.expires_at,
            )
        )
        connection.execute(
            update(tables.kiosk)
            .where(tables.kiosk.c.id == asked.name)
            .values(
                state="enrolled",
                enrolled_at=at,
                revoked_at=None,
                certificate=made.certificate,
                serial=made.serial,
                expires_at=made.expires_at,
            )
        )
        return made.certificate

    def _issued_for(self, connection: Connection, asked: Request) -> str | None:
        """The certificate that the same request was given before. Raises Revoked where that was revoked since."""
        row = tables.issued
        found = connection.execute(
            select(row.c.certificate, row.c.serial).where(row.c.kiosk == asked.name, row.c.request == asked.digest)
        ).first()
        if found is None:
            return None
        self._refuse_revoked(connection, asked.name, found.serial)
        return str(found.certificate)

    def _refuse_revoked(self, connection: Connection, kiosk: str, serial: str) -> None:
        gone = select(tables.revoked.c.serial).where(tables.revoked.c.serial == serial)
        if self._state(connection, kiosk) == "revoked" or connection.execute(gone).first():
            raise Revoked(f"{kiosk!r}, or this certificate of it, was revoked. A new invitation lets it come back.")

    def _refuse_forgotten(self, connection: Connection, serial: str, ended_at: datetime) -> None:
        known = select(tables.issued.c.serial).where(tables.issued.c.serial == serial)
        if ended_at.timestamp() < self._at() - LONG_S and not connection.execute(known).first():
            raise Revoked(
                "This certificate ended over a year ago, and has a successor. A new invitation lets it come back."
            )

    def _refuse_eager(self, connection: Connection, kiosk: str) -> None:
        row = tables.issued
        today = select(func.count()).where(row.c.kiosk == kiosk, row.c.at > self._at() - DAY_S)
        if connection.execute(today).scalar_one() >= DAILY_RENEWALS:
            raise TooOften(f"{kiosk!r} has had {DAILY_RENEWALS} certificates in a day. It can ask again tomorrow.")

    def _revoke_certificates(self, connection: Connection, kiosk: str, but: Request | None = None) -> int:
        """Those that are not revoked yet; how many."""
        row, gone = tables.issued, tables.revoked
        these = select(row.c.serial, row.c.kiosk, literal(self._at()), row.c.expires_at).where(
            row.c.kiosk == kiosk,
            row.c.serial.not_in(select(gone.c.serial)),
            row.c.request != (but.digest if but else ""),
        )
        added = insert(gone).from_select(["serial", "kiosk", "at", "expires_at"], these)
        return connection.execute(added.execution_options(preserve_rowcount=True)).rowcount

    def _void_tokens(self, connection: Connection, kiosk: str) -> None:
        row = tables.token
        connection.execute(delete(row).where(row.c.kiosk == kiosk, row.c.used_at.is_(None)))

    def _know(self, connection: Connection, kiosk: str, state: str) -> None:
        """A row for this kiosk, if it has none yet; locked."""
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.kiosk).values(id=kiosk, state=state).on_conflict_do_nothing())
        self._lock(connection, kiosk)

    def _lock(self, connection: Connection, kiosk: str) -> None:
        """First of all that is done to a kiosk, so that its renewal cannot overtake its revocation."""
        row = tables.kiosk
        connection.execute(update(row).where(row.c.id == kiosk).values(state=row.c.state))

    def _state(self, connection: Connection, kiosk: str) -> str | None:
        row = tables.kiosk
        state: str | None = connection.execute(select(row.c.state).where(row.c.id == kiosk)).scalar_one_or_none()
        return state

    def _at(self) -> int:
        return int(self._now().timestamp())


def check_id(kiosk: str) -> None:
    """Raises BadKioskId."""
    if not _is_kiosk(kiosk):
        raise BadKioskId(
            f"{kiosk!r} cannot be a kiosk's id. It has 3 to 32 of a-z, 0-9 and -, begins and ends with a letter or"
            f" a digit, and is not {GATEWAY!r}."
        )


def _is_kiosk(name: str) -> bool:
    return name != GATEWAY and re.fullmatch(KIOSK_ID, name) is not None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
