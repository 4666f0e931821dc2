"""What goes by itself, and above all what does not, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from gateway import tables
from gateway.authority import Authority
from gateway.certificates import new_key
from gateway.config import Authority as Rules
from gateway.errors import Revoked
from gateway.fleet import LISTED_S, Fleet
from gateway.store import Store
from gateway.upkeep import AT_ONCE, KEPT_S, tidy
from tests.gateway.requests import Clock, Key, asks, signs
from tests.gateway.sent import KIOSK, NOW, count, diagnosis, rows, sent, taken

DAY_S = 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fleet(tmp_path: Path, store: Store, clock: Clock) -> Fleet:
    authority = Authority.make(tmp_path / "authority", ["127.0.0.1"], clock())
    return Fleet(store, authority, Rules(certificate_days=90), clock)


def enrolled(fleet: Fleet, key: Key) -> str:
    return fleet.enrol(fleet.invite(KIOSK, "Nandgaon").token, asks(key, KIOSK)).certificate


def renewed(fleet: Fleet, key: Key, certificate: str, next_: Key) -> str:
    request = asks(next_, KIOSK)
    return fleet.renew(request, certificate, signs(key, request))


def tidied(store: Store, clock: Clock) -> dict[str, int]:
    return dict(tidy(store, int(clock().timestamp())))


def test_there_is_nothing_to_do_for_what_is_new(store: Store, fleet: Fleet, clock: Clock) -> None:
    enrolled(fleet, new_key())
    enrolled(fleet, new_key())
    fleet.invite(KIOSK, "Nandgaon")
    taken(store, sent([diagnosis(1)]), now=int(clock().timestamp()))
    assert tidied(store, clock) == {}
    assert [count(store, table) for table in (tables.token, tables.issued, tables.revoked, tables.stream)] == [
        3,
        2,
        1,
        1,
    ]


@pytest.mark.parametrize("is_used", [True, False])
def test_tokens_go_thirty_days_after_their_use_or_their_end(
    store: Store, fleet: Fleet, clock: Clock, is_used: bool
) -> None:
    token = fleet.invite(KIOSK, "Nandgaon").token
    if is_used:
        fleet.enrol(token, asks(new_key(), KIOSK))
    clock.pass_(seconds=KEPT_S + (0 if is_used else 72 * 3600))
    assert tidied(store, clock) == {}
    clock.pass_(seconds=1)
    assert tidied(store, clock) == {"token": 1}


def test_a_certificate_goes_a_year_after_its_end_but_never_the_newest(store: Store, fleet: Fleet, clock: Clock) -> None:
    first, second = new_key(), new_key()
    one = enrolled(fleet, first)
    clock.pass_(days=60)
    two = renewed(fleet, first, one, second)
    clock.pass_(days=30 + 365)
    assert "issued" not in tidied(store, clock)
    clock.pass_(days=2)
    assert tidied(store, clock) == {"issued": 1}
    with pytest.raises(Revoked):  # an older copy of its card
        renewed(fleet, first, one, new_key())
    clock.pass_(days=3650)
    assert tidied(store, clock) == {}
    assert renewed(fleet, second, two, new_key())


def test_a_stolen_card_does_not_come_back_when_its_revocation_is_forgotten(
    store: Store, fleet: Fleet, clock: Clock
) -> None:
    stolen, own = new_key(), new_key()
    old = enrolled(fleet, stolen)
    clock.pass_(days=1)
    new = enrolled(fleet, own)
    for days in (1, 89, 365, 2, 3650):
        clock.pass_(days=days)
        tidied(store, clock)
        with pytest.raises(Revoked):
            renewed(fleet, stolen, old, new_key())
    assert (count(store, tables.issued), count(store, tables.revoked)) == (1, 0)
    assert renewed(fleet, own, new, new_key())


def test_a_revoked_kiosk_does_not_come_back_either(store: Store, fleet: Fleet, clock: Clock) -> None:
    key = new_key()
    certificate = enrolled(fleet, key)
    fleet.revoke(KIOSK)
    clock.pass_(days=3650)
    tidied(store, clock)
    with pytest.raises(Revoked):
        renewed(fleet, key, certificate, new_key())
    enrolled(fleet, new_key())
    with pytest.raises(Revoked):
        renewed(fleet, key, certificate, new_key())


def test_what_is_revoked_is_listed_until_it_is_forgotten(store: Store, fleet: Fleet, clock: Clock) -> None:
    enrolled(fleet, new_key())
    enrolled(fleet, new_key())
    listed = fleet.revoked_certificates()
    assert len(listed) == 1
    while fleet.revoked_certificates():
        clock.pass_(days=10)
        tidied(store, clock)
    assert count(store, tables.revoked) == 0
    assert clock.utc.timestamp() - listed[0].at.timestamp() > LISTED_S


def test_boots_go_when_they_were_not_used_but_never_the_newest(store: Store) -> None:
    for number, boot in enumerate((b"boot-001", b"boot-002", b"boot-003")):
        later = NOW + number * 1000  # within a day: the kiosk's next boot makes nobody forget the one before
        taken(store, sent([diagnosis(number)], boot=boot), sent([diagnosis(number + 9)], 9, boot=boot), now=later)
    assert tidy(store, NOW + KEPT_S) == {}
    assert tidy(store, NOW + KEPT_S + 1500) == {"stream": 2}
    assert [row["boot"] for row in rows(store, tables.stream)] == [b"boot-003"]
    assert [row["boot"] for row in rows(store, tables.ahead)] == [b"boot-003"]
    assert tidy(store, NOW + 99 * KEPT_S) == {}


def test_many_go_in_many_steps(store: Store) -> None:
    many = 2 * AT_ONCE + 1

    def token(number: int) -> dict[str, Any]:
        return {"digest": f"{number:064x}", "kiosk": KIOSK, "site": "x", "made_at": 1, "expires_at": 2}

    with store.writing() as db:
        db.execute(insert(tables.token), [token(number) for number in range(many)])
    assert tidy(store, NOW) == {"token": many}
    assert count(store, tables.token) == 0
