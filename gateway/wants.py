"""What the gateway wants of kiosks: written to the registry, from where it goes to each kiosk.

A kiosk follows a revision that is above the one it follows. So each change has one above all that the gateway gave out
and above the one that the kiosk says it follows, which may be higher where the gateway's database is an older copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, bindparam, select, update

from edge_daemon.wire.replies import Desired
from gateway.errors import BadRequest, NoSuchKiosk, Revoked
from gateway.store import Store
from gateway.tables import kiosk

AT_ONCE = 500
"""Kiosks in one transaction, so that a worker waits for none for long."""
LAST_REVISION = 2**32


class BadWant(BadRequest):
    """What no kiosk can follow, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be different. None: as it was. own: forget all before this: as the kiosk's own configuration says."""

    daily_kb: int | None = None
    every_min: int | None = None
    thumbnails: bool | None = None
    health: bool = False
    own: bool = False

    def __post_init__(self) -> None:
        if astuple(self) == (None, None, None, False, False):
            raise BadWant("Nothing is wanted. Say what: --daily-kb, --every-min, --thumbnails, --health or --own.")
        apply(self, None, 0)  # BadWant now, and not after half of the fleet


def apply(change: Change, before: Mapping[str, Any] | None, followed: int) -> Desired:
    """What is wanted after a change. followed: the revision that the kiosk says it follows. Raises BadWant."""
    old = Desired.model_validate(dict(before)) if before else None
    values = old.model_dump() if old and not change.own else {}
    for name in ("daily_kb", "every_min", "thumbnails"):
        if (wanted := getattr(change, name)) is not None:
            values[name] = wanted
    values["revision"] = min(LAST_REVISION, max(old.revision if old else 0, followed) + 1)
    values["health"] = ((old.health if old else 0) + change.health) % LAST_REVISION
    try:
        return Desired.model_validate(values)
    except ValidationError as why:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in why.errors())
        raise BadWant(f"No kiosk can follow that: {wrong}.") from why


def want(store: Store, id: str, change: Change, now: int) -> Desired:
    """Change what is wanted of one kiosk; what is wanted now. Raises NoSuchKiosk, Revoked, BadWant, DatabaseError."""
    with store.writing() as db:
        rows = _rows(db, [id])
        if not rows:
            raise NoSuchKiosk(f"No kiosk has the id {id!r}. `krishi-gateway kiosks` lists them.")
        if rows[0]["state"] == "revoked":
            raise Revoked(f"{id} is revoked, and would not hear of it.")
        return _write(db, rows, change, now)[0]


def want_of_all(store: Store, change: Change, now: int) -> int:
    """The same of every kiosk that is not revoked; of how many. Raises BadWant, DatabaseError."""
    changed = 0
    for ids in _pages(store):
        with store.writing() as db:
            changed += len(_write(db, _rows(db, ids), change, now))
    return changed


def _pages(store: Store) -> Iterator[list[str]]:
    last = ""
    while True:
        with store.reading() as db:
            statement = select(kiosk.c.id).where(kiosk.c.id > last, kiosk.c.state != "revoked")
            ids = list(db.execute(statement.order_by(kiosk.c.id).limit(AT_ONCE)).scalars())
        if not ids:
            return
        yield ids
        last = ids[-1]


def _rows(db: Connection, ids: Sequence[str]) -> list[Any]:
    columns = (kiosk.c.id, kiosk.c.state, kiosk.c.desired, kiosk.c.health)
    statement = select(*columns).where(kiosk.c.id.in_(ids)).order_by(kiosk.c.id).with_for_update()
    return list(db.execute(statement).mappings())


def _write(db: Connection, rows: Sequence[Any], change: Change, now: int) -> list[Desired]:
    wanted = [apply(change, row["desired"], _followed(row["health"])) for row in rows]
    values = [
        {"of": row["id"], "desired": desired.model_dump(mode="json"), "desired_at": now}
        for row, desired in zip(rows, wanted, strict=True)
    ]
    if values:
        db.execute(update(kiosk).where(kiosk.c.id == bindparam("of")), values)
    return wanted


def _followed(health: Any) -> int:
    followed = health.get("desired") if isinstance(health, Mapping) else None
    return followed if isinstance(followed, int) else 0
