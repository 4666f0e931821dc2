"""What is wanted of kiosks has a revision that grows, whatever was before."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from edge_daemon.wire.replies import Desired
from gateway.errors import NoSuchKiosk, Revoked
from gateway.store import Store
from gateway.tables import kiosk
from gateway.wants import AT_ONCE, BadWant, Change, apply, want, want_of_all
from tests.gateway.view.fleet_kit import NOW, a_kiosk, add_kiosk, put

Wishes: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    revision=st.integers(1, 2**32),
    daily_kb=st.none() | st.integers(10, 1_000_000),
    thumbnails=st.none() | st.booleans(),
    health=st.integers(0, 2**32),
)


def wanted(store: Store, id: str) -> dict[str, Any] | None:
    with store.reading() as db:
        found: dict[str, Any] | None = db.execute(select(kiosk.c.desired).where(kiosk.c.id == id)).scalar_one()
        return found


@pytest.mark.parametrize(
    ("change", "before", "followed", "after"),
    [
        (Change(daily_kb=500), None, 0, Desired(revision=1, daily_kb=500)),
        (Change(daily_kb=500), None, 7, Desired(revision=8, daily_kb=500)),
        (Change(every_min=60), {"revision": 3, "daily_kb": 9000}, 2, Desired(revision=4, daily_kb=9000, every_min=60)),
        (Change(thumbnails=False), {"revision": 3, "thumbnails": True}, 9, Desired(revision=10, thumbnails=False)),
        (
            Change(health=True),
            {"revision": 3, "health": 5, "daily_kb": 10},
            3,
            Desired(revision=4, daily_kb=10, health=6),
        ),
        (Change(own=True), {"revision": 3, "daily_kb": 10, "health": 2}, 3, Desired(revision=4, health=2)),
        (Change(own=True, every_min=5), {"revision": 3, "daily_kb": 10}, 3, Desired(revision=4, every_min=5)),
    ],
)
def test_a_change_leaves_the_rest_as_it_was(
    change: Change, before: dict[str, Any] | None, followed: int, after: Desired
) -> None:
    assert apply(change, before, followed) == after


@given(Wishes | st.none(), st.integers(0, 2**32))
def test_a_kiosk_always_hears_of_a_change_while_numbers_last(before: dict[str, Any] | None, followed: int) -> None:
    known = max(before["revision"] if before else 0, followed)
    assert apply(Change(health=True), before, followed).revision == min(2**32, known + 1)


@pytest.mark.parametrize("values", [{}, {"daily_kb": 9}, {"daily_kb": 10**7}, {"every_min": 0}, {"every_min": -1}])
def test_what_no_kiosk_can_follow_is_refused_at_once(values: dict[str, int]) -> None:
    with pytest.raises(BadWant):
        Change(**values)  # type: ignore[arg-type]  # daily_kb and every_min alone


def test_it_is_written_for_one(store: Store) -> None:
    add_kiosk(store.engine, "a-1", health={"desired": 4})
    add_kiosk(store.engine, "b-2", state="revoked")
    assert want(store, "a-1", Change(daily_kb=50), NOW).revision == 5
    want(store, "a-1", Change(health=True), NOW)
    assert Desired.model_validate(wanted(store, "a-1")) == Desired(revision=6, daily_kb=50, health=1)
    with pytest.raises(Revoked):
        want(store, "b-2", Change(daily_kb=50), NOW)
    with pytest.raises(NoSuchKiosk):
        want(store, "c-3", Change(daily_kb=50), NOW)


def test_it_is_written_for_all_that_are_not_revoked(store: Store) -> None:
    count = AT_ONCE + 3
    put(store.engine, kiosk, *(a_kiosk(f"k-{number:04d}", desired={"revision": number + 1}) for number in range(count)))
    add_kiosk(store.engine, "out-1", state="revoked")
    assert want_of_all(store, Change(thumbnails=True), NOW) == count
    with store.reading() as db:
        rows = db.execute(select(kiosk.c.id, kiosk.c.desired, kiosk.c.desired_at).order_by(kiosk.c.id)).all()
    assert [row.desired["revision"] for row in rows[:count]] == [number + 2 for number in range(count)]
    assert (rows[count].desired, rows[count].desired_at, rows[0].desired_at) == (None, None, NOW)
