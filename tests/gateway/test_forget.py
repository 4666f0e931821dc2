"""Removing what came before a day, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from edge_daemon.wire import topics
from edge_daemon.wire.messages import Message, Thumbnail
from gateway import tables
from gateway.cli import FORGOTTEN
from gateway.forget import AT_ONCE, TABLES, NotYet, forget
from gateway.parcel import Incoming
from gateway.store import Store
from tests.gateway.sent import KIOSK, NOW, alarm, count, diagnosis, ledger, ledger_row, rows, sent, taken

DAY_S = 86_400


@pytest.fixture
def three_days(store: Store) -> Store:
    """A store to which something of each kind came on each of three days."""
    for day in range(3):
        picture = Thumbnail(kiosk=KIOSK, diagnosis=diagnosis(day).diagnosis, jpeg=b"\xff\xd8\xff\x00\\x5c\t\n")
        told: list[Message] = [diagnosis(day), alarm(at=NOW + day), picture, ledger(NOW, ledger_row(row=day + 1))]
        garbage = Incoming(topics.up(KIOSK), b"garbage %d" % day)
        taken(store, sent(told, 4 * day + 1), garbage, now=NOW + day * DAY_S)
    return store


def done(store: Store, what: str, before: int, answer: str | None = None) -> tuple[list[str], list[str]]:
    """What was said, and what was asked."""
    said: list[str] = []
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer or ""

    forget(store, what, before, NOW + 10 * DAY_S, said.append, None if answer is None else ask)
    return said, asked


def left(store: Store) -> dict[str, int]:
    return {name: count(store, table) for name, table in TABLES.items()}


@pytest.mark.parametrize("what", TABLES)
def test_what_came_before_a_day_goes_and_nothing_else(three_days: Store, what: str) -> None:
    said, _ = done(three_days, what, NOW + DAY_S)
    assert said == [f"Came before 2026-11-24 11:08 UTC: 1 of {what}.", f"Removed: 1 of {what}."]
    assert left(three_days) == {name: 2 if name == what else 3 for name in TABLES}
    assert min(row["received_at"] for row in rows(three_days, TABLES[what])) == NOW + DAY_S


def test_all_of_it_goes_and_the_kiosk_stays(three_days: Store) -> None:
    done(three_days, "all", NOW + 3 * DAY_S)
    assert left(three_days) == dict.fromkeys(TABLES, 0)
    ((kiosk),) = rows(three_days, tables.kiosk)
    assert (kiosk["diagnoses"], kiosk["set_aside"]) == (3, 3)


@pytest.mark.parametrize(("answer", "rest"), [("yes", 0), (" YES\n", 0), ("", 3), ("y", 3), ("no", 3)])
def test_it_asks_first(three_days: Store, answer: str, rest: int) -> None:
    said, asked = done(three_days, "all", NOW + 3 * DAY_S, answer)
    assert len(asked) == 1
    assert said[0].endswith("3 of diagnoses, 3 of ledger, 3 of alarms, 3 of thumbnails, 3 of aside.")
    assert said[1].startswith("Nothing was removed" if rest else "Removed: 3 of diagnoses, 3 of ledger")
    assert left(three_days) == dict.fromkeys(TABLES, rest)


def test_where_there_is_nothing_nobody_is_asked(three_days: Store) -> None:
    said, asked = done(three_days, "all", NOW, "yes")
    assert (said[1], asked) == ("Nothing is removed.", [])


@pytest.mark.parametrize("before", [NOW + 10 * DAY_S + 1, 10**12 - 1])
def test_a_day_that_is_still_to_come_is_refused(three_days: Store, before: int) -> None:
    with pytest.raises(NotYet):
        done(three_days, "all", before)
    assert left(three_days) == dict.fromkeys(TABLES, 3)


@pytest.mark.parametrize("table", [tables.diagnosis, tables.ledger])
@pytest.mark.parametrize("more", [-1, 0, 1, AT_ONCE])
def test_many_rows_go_in_many_steps(store: Store, table: Table, more: int) -> None:
    """Some of them of one second, some of later ones, among others that stay."""
    many = AT_ONCE + more
    for start in range(0, many, 40):
        numbers = range(start + 1, min(start + 40, many) + 1)
        messages = [diagnosis(n) for n in numbers]
        entries = ledger(NOW, *(ledger_row(row=n) for n in numbers))
        taken(store, sent([*messages, entries], boot=b"%8d" % start), now=NOW + start)
    taken(store, sent([diagnosis(9999), ledger(NOW + DAY_S, ledger_row(row=5))]), now=NOW + DAY_S)
    name = next(name for name, one in TABLES.items() if one is table)
    stays = count(store, table) - len([row for row in rows(store, table) if row["received_at"] < NOW + DAY_S])
    done(store, name, NOW + DAY_S)
    assert count(store, table) == stays == 1


def test_the_command_line_names_what_there_is() -> None:
    assert tuple(TABLES) == FORGOTTEN
