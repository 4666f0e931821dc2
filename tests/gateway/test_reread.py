"""Reading again what could not be read: as an older gateway left it, on both databases."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import cbor2
import pytest
from sqlalchemy import insert, update

from edge_daemon.wire import batch, codec, topics
from edge_daemon.wire.messages import LedgerRow, Message
from gateway import haul, tables
from gateway.config import Ingest
from gateway.parcel import Incoming
from gateway.reread import AT_ONCE, REASONS, reread
from gateway.store import Store
from tests.gateway.sent import KIOSK, NOW, alarm, count, diagnosis, health, ledger, ledger_row, rows, sent, taken

CAME = NOW - 7 * 86_400


def left(store: Store, *bodies: bytes, kiosk: str = KIOSK, reason: str = "of a newer version", at: int = CAME) -> None:
    """What a gateway that could not read it has set aside of a kiosk."""
    with store.writing() as db:
        if kiosk and not [row for row in rows(store, tables.kiosk) if row["id"] == kiosk]:
            db.execute(insert(tables.kiosk).values(id=kiosk, state="seen"))
        for body in bodies:
            values = {"kiosk": kiosk, "digest": sha256(body).hexdigest(), "reason": reason, "body": body}
            db.execute(insert(tables.aside).values(received_at=at, **values))


def part(message: Message) -> bytes:
    return cbor2.dumps(codec.part(message))


def told(store: Store, most: int = 1000) -> list[str]:
    said: list[str] = []
    reread(store, most, said.append)
    return said


def kiosk(store: Store, id: str = KIOSK) -> dict[str, Any]:
    (found,) = [row for row in rows(store, tables.kiosk) if row["id"] == id]
    return found


def test_a_batch_is_stored_as_if_it_had_been_read_when_it_came(store: Store) -> None:
    left(
        store, sent([diagnosis(1, clock="unsure"), diagnosis(2), alarm(), health(), ledger(NOW, ledger_row())]).payload
    )
    assert told(store) == [f"{KIOSK}: 1 read, 0 stay."]
    assert [row["received_at"] for row in rows(store, tables.diagnosis)] == [CAME, CAME]
    assert [row["received_at"] for row in rows(store, tables.alarm)] == [CAME]
    assert [(row["received_at"], row["at"]) for row in rows(store, tables.ledger)] == [(CAME, CAME)]
    assert (kiosk(store)["diagnoses"], kiosk(store)["health_at"], kiosk(store)["last_seen_at"]) == (2, CAME, None)
    assert count(store, tables.aside) == 0
    assert told(store) == ["Nothing is kept aside."]


def test_single_messages_are_read_too(store: Store) -> None:
    rows_ = batch.unpack(KIOSK, sent([diagnosis(1)]).payload).diagnoses
    left(store, part(alarm()), cbor2.dumps(list(rows_[0])), cbor2.dumps({1: [codec.part(ledger(NOW, ledger_row()))]}))
    assert told(store) == [f"{KIOSK}: 3 read, 0 stay."]
    assert [count(store, table) for table in (tables.alarm, tables.diagnosis, tables.ledger)] == [1, 1, 1]


def test_what_is_stored_already_is_stored_once(store: Store) -> None:
    batches = [sent([diagnosis(n), diagnosis(n + 1)], n) for n in (1, 2, 3)]
    taken(store, batches[0])
    for _ in range(2):
        left(store, *(one.payload for one in batches))
        assert told(store) == [f"{KIOSK}: 3 read, 0 stay."]
    assert count(store, tables.diagnosis) == kiosk(store)["diagnoses"] == 4


def test_what_came_later_stands(store: Store) -> None:
    def with_state(state: str) -> LedgerRow:
        return ledger_row(state=state)

    taken(store, sent([health(starts=9, at=NOW), ledger(NOW, with_state("delivered"))]))
    left(store, sent([health(starts=3, at=CAME), ledger(CAME, with_state("sent"))]).payload)
    assert told(store) == [f"{KIOSK}: 1 read, 0 stay."]
    assert [row["state"] for row in rows(store, tables.ledger)] == ["delivered"]
    assert (kiosk(store)["starts"], kiosk(store)["health_at"], kiosk(store)["restored_at"]) == (9, NOW, None)


def test_what_cannot_be_read_even_now_stays_and_says_why(store: Store) -> None:
    left(store, b"\x09" + sent([alarm()]).payload[1:], cbor2.dumps([99, {}]), cbor2.dumps({7: []}), b"", b"\xff")
    left(store, sent([alarm()]).payload, kiosk="", reason="it came by the topic 'x'")
    said = told(store)
    assert said[0] == "nobody: 0 read, 1 stay."
    assert said[1] == "    1 because: it came by the topic 'x'"
    assert said[2] == f"{KIOSK}: 0 read, 5 stay."
    assert "    1 because: kind 99 is none that this program reads" in said
    assert "    1 because: version 9; this program reads version 1" in said
    assert count(store, tables.aside) == 6
    assert count(store, tables.alarm) == 0


def test_no_more_than_some_reasons_are_told(store: Store) -> None:
    left(store, *(cbor2.dumps([kind, {}]) for kind in range(50, 60)))
    said = told(store)
    assert len(said) == 1 + REASONS + 1
    assert said[-1] == f"    the rest for 5 other reasons: GET /aside?kiosk={KIOSK}"


def test_what_came_while_the_kiosk_was_revoked_is_never_read(store: Store) -> None:
    """Though it was invited again since: whoever had its card then may have sent it."""
    taken(store, sent([diagnosis(1)]))
    with store.writing() as db:
        db.execute(update(tables.kiosk).values(state="revoked"))
    taken(store, sent([diagnosis(2)], 2))
    with store.writing() as db:
        db.execute(update(tables.kiosk).values(state="enrolled"))
    assert told(store)[0] == f"{KIOSK}: 0 read, 1 stay."
    assert count(store, tables.diagnosis) == 1


def mixed() -> bytes:
    """A batch of which one message can be read."""
    header = sent([alarm(), alarm(count=9)]).payload[:13]
    return header[:1] + b"\x00" + header[2:] + cbor2.dumps({1: [codec.part(alarm()), [99, {}]]})


@pytest.mark.parametrize(("most", "stay"), [(2, [cbor2.dumps([99, {}])]), (1, [mixed()])])
def test_what_of_a_batch_cannot_be_read_takes_its_place(store: Store, most: int, stay: list[bytes]) -> None:
    left(store, mixed())
    said = told(store, most)
    assert said[0] == (f"{KIOSK}: 1 read, 0 stay." if most > 1 else f"{KIOSK}: 0 read, 1 stay.")
    assert [(row["body"], row["received_at"]) for row in rows(store, tables.aside)] == [(stay[0], CAME)]
    assert count(store, tables.alarm) == 1


def test_many_are_read_in_many_transactions(store: Store) -> None:
    names = [f"kiosk-{n}" for n in range(3)]
    for name in names:
        bodies = [sent([diagnosis(n, name)], n, kiosk=name).payload for n in range(1, AT_ONCE + 2)]
        left(store, *bodies, b"noise of " + name.encode(), kiosk=name)
    assert told(store)[::2] == [f"{name}: {AT_ONCE + 1} read, 1 stay." for name in names]
    assert (count(store, tables.diagnosis), count(store, tables.aside)) == (3 * (AT_ONCE + 1), 3)
    assert [row["diagnoses"] for row in rows(store, tables.kiosk)] == [AT_ONCE + 1] * 3


def test_what_our_own_program_stumbles_over_stays_and_its_neighbours_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_ever = haul._diagnosis

    def stumbles(kiosk: str, row: Any, came_at: int) -> tuple[Any, ...]:
        return as_ever(kiosk, row, came_at) if row.model != "poison" else row.none[0]

    monkeypatch.setattr(haul, "_diagnosis", stumbles)
    models = ["leaf", "leaf", "poison", "leaf"]
    left(store, *(sent([diagnosis(n, model=model)]).payload for n, model in enumerate(models)))
    assert told(store) == [f"{KIOSK}: 3 read, 1 stay.", "    1 because: bug: AttributeError"]
    assert (count(store, tables.diagnosis), count(store, tables.aside)) == (3, 1)


def test_after_it_a_kiosk_that_had_to_wait_finds_room(store: Store) -> None:
    limits = Ingest(aside_messages=1)
    newer = [Incoming(topics.up(KIOSK), b"\x02" + sent([diagnosis(n)], n).payload[1:]) for n in (1, 2)]
    left(store, sent([diagnosis(5)]).payload)
    assert [reply.acknowledgement.upto for reply in taken(store, *newer, limits=limits)] == [0]
    told(store)
    assert [reply.acknowledgement.upto for reply in taken(store, *newer, limits=limits)] == [1]
