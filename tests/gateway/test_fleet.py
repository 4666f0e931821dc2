"""Kiosks are invited, enrolled, renewed and revoked; on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway import tables
from gateway.authority import Authority
from gateway.certificates import new_key, read_key
from gateway.config import Authority as Rules
from gateway.errors import (
    BadCertificateRequest,
    BadKioskId,
    BadToken,
    DatabaseError,
    GatewayError,
    NoSuchKiosk,
    Revoked,
    TooOften,
)
from gateway.fleet import DAILY_RENEWALS, Fleet
from gateway.store import Store
from tests.gateway.requests import Clock, Key, asks, serial_of, signs

KIOSK = "nandgaon-1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(store: Store, tmp_path: Path, clock: Clock) -> Fleet:
    authority = Authority.make(tmp_path / "authority", ["127.0.0.1"], clock())
    return Fleet(store, authority, Rules(certificate_days=90, token_hours=72), clock)


def enrolled(fleet: Fleet, key: Key, kiosk: str = KIOSK) -> str:
    return fleet.enrol(fleet.invite(kiosk, "Nandgaon").token, asks(key, kiosk))


def renewed(fleet: Fleet, old: Key, certificate: str, new: Key, kiosk: str = KIOSK) -> str:
    request = asks(new, kiosk)
    return fleet.renew(request, certificate, signs(old, request))


def test_an_invited_kiosk_gets_its_certificate_and_its_site(fleet: Fleet, store: Store) -> None:
    certificate = enrolled(fleet, new_key())
    with store.reading() as connection:
        row = connection.execute(select(tables.kiosk)).one()
    assert (row.id, row.state, row.site, row.certificate) == (KIOSK, "enrolled", "Nandgaon", certificate)
    assert int(row.serial, 16) == serial_of(certificate)


def test_the_token_itself_is_nowhere_in_the_database(fleet: Fleet, store: Store) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    with store.reading() as connection:
        rows = [row for table in tables.metadata.sorted_tables for row in connection.execute(select(table))]
    assert rows
    assert token not in repr(rows)


def test_a_token_is_good_once_but_the_same_request_gets_the_same_certificate(fleet: Fleet) -> None:
    token, request = fleet.invite(KIOSK, "Nandgaon").token, asks(new_key(), KIOSK)
    certificate = fleet.enrol(token, request)
    assert fleet.enrol(token, request) == certificate
    with pytest.raises(BadToken, match="was used before"):
        fleet.enrol(token, asks(new_key(), KIOSK))


def test_of_many_who_use_a_token_at_once_one_wins(fleet: Fleet) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    requests = [asks(new_key(), KIOSK) for _ in range(8)]
    together = threading.Barrier(len(requests))

    def enrol(request: str) -> str | None:
        together.wait(20)
        try:
            return fleet.enrol(token, request)
        except BadToken:
            return None

    with ThreadPoolExecutor(len(requests)) as threads:
        given = list(threads.map(enrol, requests))
    assert sum(certificate is not None for certificate in given) == 1


def test_a_token_is_for_one_kiosk(fleet: Fleet) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    fleet.invite("nandgaon-2", "Nandgaon")
    with pytest.raises(BadToken, match="no such token"):
        fleet.enrol(token, asks(new_key(), "nandgaon-2"))
    assert fleet.enrol(token, asks(new_key(), KIOSK))


def test_a_token_that_is_too_old_is_refused(fleet: Fleet, clock: Clock) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    clock.pass_(hours=72)
    with pytest.raises(BadToken, match="too old"):
        fleet.enrol(token, asks(new_key(), KIOSK))


def test_a_further_invitation_voids_the_one_before(fleet: Fleet) -> None:
    before = fleet.invite(KIOSK, "Nandgaon").token
    fleet.invite(KIOSK, "Nandgaon")
    with pytest.raises(BadToken):
        fleet.enrol(before, asks(new_key(), KIOSK))


def test_a_bad_request_does_not_use_up_the_token(fleet: Fleet) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    with pytest.raises(BadCertificateRequest):
        fleet.enrol(token, "x")
    assert fleet.enrol(token, asks(new_key(), KIOSK))


@pytest.mark.parametrize(
    "kiosk", ["", "ab", "Nandgaon", "a" * 33, "-ab", "ab-", "a/b", "a+b", "a#b", "krishi-gateway", "abc\n"]
)
def test_what_is_no_kiosk_s_id_is_refused(fleet: Fleet, kiosk: str) -> None:
    with pytest.raises(BadKioskId):
        fleet.invite(kiosk, "Nandgaon")


def test_a_new_card_revokes_the_certificates_of_the_old_one(fleet: Fleet) -> None:
    old, key = enrolled(fleet, lost := new_key()), new_key()
    new = enrolled(fleet, key)
    assert [gone.serial for gone in fleet.revoked_certificates()] == [serial_of(old)]
    with pytest.raises(Revoked):
        renewed(fleet, lost, old, new_key())
    assert renewed(fleet, key, new, new_key())


def test_a_kiosk_renews_and_keeps_the_old_certificate_until_it_ends(fleet: Fleet, clock: Clock) -> None:
    first, second, third = new_key(), new_key(), new_key()
    one = enrolled(fleet, first)
    clock.pass_(days=60)
    two = renewed(fleet, first, one, second)
    assert serial_of(two) != serial_of(one)
    assert renewed(fleet, first, one, third)
    assert fleet.revoked_certificates() == []


def test_a_kiosk_that_lost_the_answer_gets_it_again(fleet: Fleet) -> None:
    old, new = new_key(), new_key()
    certificate, request = enrolled(fleet, old), asks(new, KIOSK)
    once = fleet.renew(request, certificate, signs(old, request))
    assert fleet.renew(request, certificate, signs(old, request)) == once


def test_an_expired_certificate_is_the_way_back(fleet: Fleet, clock: Clock) -> None:
    key = new_key()
    certificate = enrolled(fleet, key)
    clock.pass_(days=365 * 3)
    assert renewed(fleet, key, certificate, new_key())


def test_a_database_that_was_lost_does_not_lose_the_kiosks(fleet: Fleet, store: Store) -> None:
    key = new_key()
    certificate = enrolled(fleet, key)
    tables.metadata.drop_all(store.engine)
    tables.metadata.create_all(store.engine)
    assert renewed(fleet, key, certificate, new_key())


def test_a_revoked_kiosk_never_renews(fleet: Fleet, clock: Clock) -> None:
    key, token = new_key(), fleet.invite(KIOSK, "Nandgaon").token
    certificate = fleet.enrol(token, request := asks(key, KIOSK))
    waiting = fleet.invite(KIOSK, "Nandgaon").token
    assert fleet.revoke(KIOSK)
    assert fleet.revoked_kiosks() == [KIOSK]
    for days in (0, 400):
        clock.pass_(days=days)
        with pytest.raises(Revoked):
            renewed(fleet, key, certificate, new_key())
        with pytest.raises(Revoked):
            fleet.enrol(token, request)
        with pytest.raises(BadToken):
            fleet.enrol(waiting, asks(new_key(), KIOSK))


def test_a_kiosk_is_revoked_once(fleet: Fleet) -> None:
    enrolled(fleet, new_key())
    assert fleet.revoke(KIOSK)
    assert not fleet.revoke(KIOSK)
    assert len(fleet.revoked_certificates()) == 1
    with pytest.raises(NoSuchKiosk):
        fleet.revoke("nandgaon-9")


def test_an_invitation_lets_a_revoked_kiosk_come_back_with_a_new_key(fleet: Fleet) -> None:
    old = new_key()
    certificate = enrolled(fleet, old)
    fleet.revoke(KIOSK)
    token = fleet.invite(KIOSK, "Nandgaon").token
    assert fleet.revoked_kiosks() == [KIOSK]
    assert fleet.enrol(token, asks(new_key(), KIOSK))
    assert fleet.revoked_kiosks() == []
    with pytest.raises(Revoked):
        renewed(fleet, old, certificate, new_key())


def test_a_revoked_certificate_is_listed_until_a_year_after_its_end(fleet: Fleet, clock: Clock) -> None:
    enrolled(fleet, new_key())
    fleet.revoke(KIOSK)
    clock.pass_(days=90 + 365)
    assert len(fleet.revoked_certificates()) == 1
    clock.pass_(days=2)
    assert fleet.revoked_certificates() == []


def by_another_key(fleet: Fleet, key: Key, certificate: str) -> None:
    renewed(fleet, new_key(), certificate, new_key())


def for_another_kiosk(fleet: Fleet, key: Key, certificate: str) -> None:
    renewed(fleet, key, certificate, new_key(), "nandgaon-2")


def with_noise(fleet: Fleet, key: Key, certificate: str) -> None:
    request = asks(new_key(), KIOSK)
    fleet.renew(request, certificate, b"\x00" * 70)


def without_certificate(fleet: Fleet, key: Key, certificate: str) -> None:
    request = asks(key, KIOSK)
    fleet.renew(request, request, signs(key, request))


@pytest.mark.parametrize("attempt", [by_another_key, for_another_kiosk, with_noise, without_certificate])
def test_a_renewal_needs_the_key_and_the_certificate_of_the_kiosk(
    fleet: Fleet, attempt: Callable[[Fleet, Key, str], None]
) -> None:
    key = new_key()
    certificate = enrolled(fleet, key)
    with pytest.raises(BadCertificateRequest):
        attempt(fleet, key, certificate)


def test_the_gateway_s_own_certificate_makes_no_kiosk(fleet: Fleet, tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    own = read_key((folder / "gateway.key").read_bytes())
    with pytest.raises(BadCertificateRequest):
        renewed(fleet, own, (folder / "gateway.crt").read_text(), new_key(), "krishi-gateway")


def test_who_renews_too_often_waits_for_a_day(fleet: Fleet, clock: Clock) -> None:
    key = new_key()
    certificate = enrolled(fleet, key)
    for _ in range(DAILY_RENEWALS - 1):
        renewed(fleet, key, certificate, new_key())
    with pytest.raises(TooOften):
        renewed(fleet, key, certificate, new_key())
    clock.pass_(days=1, seconds=1)
    assert renewed(fleet, key, certificate, new_key())


def test_a_renewal_never_overtakes_a_revocation(fleet: Fleet) -> None:
    kiosks = [f"nandgaon-{number}" for number in range(10)]
    held = [(kiosk, key := new_key(), enrolled(fleet, key, kiosk)) for kiosk in kiosks]
    together = threading.Barrier(2)

    def renew() -> None:
        for kiosk, key, certificate in held:
            together.wait(20)
            with contextlib.suppress(Revoked):
                renewed(fleet, key, certificate, new_key(), kiosk)

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(renew)
        for kiosk in kiosks:
            together.wait(20)
            fleet.revoke(kiosk)
        done.result(20)
    assert fleet.revoked_kiosks() == sorted(kiosks)


def test_a_database_that_cannot_be_used_has_a_name(fleet: Fleet, store: Store) -> None:
    tables.metadata.drop_all(store.engine)
    with pytest.raises(DatabaseError) as why:
        fleet.invite(KIOSK, "Nandgaon")
    assert isinstance(why.value, GatewayError)
