"""Rows that nobody needs any more, removed daily without asking. What kiosks told is never among them: see forget.py.

Rules kept here:
- a kiosk's newest certificate stays known, however long ago it ended, and so does that it was revoked: a kiosk that was
  in a cupboard finds back, a stolen one does not. Others are forgotten, and their revocation with them, when they ended
  so long ago that the list of revoked certificates names them no more; gateway/fleet.py renews no forgotten one;
- a kiosk's newest boot stays: it may go on with its numbers after a long silence;
- AT_ONCE rows in a transaction.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, or_, select, tuple_

from gateway.fleet import LISTED_S
from gateway.store import Store
from gateway.tables import ahead, issued, kiosk, revoked, stream, token

AT_ONCE = 500
"""Rows in a transaction."""
KEPT_S = 30 * 86_400
"""Tokens that were used or have ended, and boots that were not used, stay for so long."""


def tidy(store: Store, now: int) -> Counter[str]:
    """Remove it all; how many rows of each table, of those that had some. Raises DatabaseError."""
    removed: Counter[str] = Counter()
    for table, conditions, others in _rules(now):
        step = partial(_step, table=table, conditions=conditions, others=others)
        while gone := store.done(step):
            removed[table.name] += gone
    return removed


_Rule = tuple[Table, tuple[ColumnElement[bool], ...], tuple[Table, ...]]
"""A table, which of its rows go, and the tables from which what has the same key goes with them."""


def _rules(now: int) -> list[_Rule]:
    old, ended = now - KEPT_S, now - LISTED_S
    newest = exists().where(kiosk.c.id == issued.c.kiosk, kiosk.c.serial == issued.c.serial)
    known = exists().where(issued.c.serial == revoked.c.serial)
    in_use = exists().where(kiosk.c.id == stream.c.kiosk, kiosk.c.boot == stream.c.boot)
    return [
        (token, (or_(token.c.used_at < old, token.c.expires_at < old),), ()),
        (issued, (issued.c.expires_at < ended, ~newest), (revoked,)),
        (revoked, (revoked.c.expires_at < ended, ~known), ()),
        (stream, (stream.c.at < old, ~in_use), (ahead,)),
    ]


def _step(db: Connection, table: Table, conditions: tuple[ColumnElement[bool], ...], others: tuple[Table, ...]) -> int:
    """How many rows went; 0: there are none any more."""
    key = list(table.primary_key)
    keys = [tuple(row) for row in db.execute(select(*key).where(*conditions).order_by(*key).limit(AT_ONCE))]
    for one in (*others, table):
        if keys:
            db.execute(delete(one).where(tuple_(*(one.c[column.name] for column in key)).in_(keys)))
    return len(keys)
