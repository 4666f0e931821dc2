"""A small picture waits only where somebody said yes, and goes no further than that yes."""

from __future__ import annotations

import itertools
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.clock import Instant
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Kind, Photo, Share, Visit
from edge_daemon.errors import NothingToShare, StateFull
from edge_daemon.store import consents, database
from edge_daemon.store.consents import MOST_WAITING
from edge_daemon.store.report_outbox import LEDGER, SPARE
from edge_daemon.store.store import Store
from edge_daemon.store.traces import PIECE_BYTES, holds, pieces

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NUMBER = "+919812345678"
NOTICE = "hi-0badcafe"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state", 10_000_000, lambda: Instant(NOON, "synced")) as opened:
        yield opened


def picture() -> bytes:
    """As random as the middle of a JPEG."""
    return b"".join(uuid.uuid4().bytes for _ in range(700))


def recorded(store: Store, of: Visit | None = None) -> Diagnosis:
    visit = of or Visit(uuid.uuid4().hex, NOON, "synced", "hi", "rice")
    if of is None:
        store.begin(visit)
    candidates = (Candidate("rice/blast", 0.4), Candidate("rice/brown_spot", 0.3))
    found = Diagnosis(
        *(uuid.uuid4().hex, visit, NOON, "synced", Decision.NOT_SURE, candidates, 0.9, "m-1", "picamera2", False)
    )
    store.record(found, Photo(b"photo of " + found.id.encode(), NOON, "picamera2"), b"report")
    return found


def waiting(store: Store) -> list[bytes]:
    """The pictures in the outbox, oldest first."""
    rows = store._rows("SELECT body FROM outbox WHERE channel = 'report' AND rank = ? ORDER BY id", (SPARE,))
    return [row["body"] for row in rows]


def handed_over(store: Store) -> None:
    """The gateway has all of them."""
    store.reports.confirmed([report.id for report in store.reports.batch(MOST_WAITING)])


def row(store: Store, of: Visit) -> dict[str, object]:
    (found,) = store._rows("SELECT * FROM consent WHERE visit_id = ?", (of.id,))
    return dict(found)


def test_a_yes_and_its_picture_are_written_together(store: Store) -> None:
    found, body = recorded(store), picture()
    assert store.consents.said(found.visit) is None
    assert store.consents.photo(found) == b"photo of " + found.id.encode()
    store.consents.agree(found, NOTICE, body)
    assert store.consents.said(found.visit) is Share.AGREED
    assert waiting(store) == [body]
    kept = row(store, found.visit)
    told = (kept["diagnosis_id"], kept["agreed"], kept["notice"], kept["language"], kept["at"], kept["clock"])
    assert told == (found.id, 1, NOTICE, "hi", NOON.isoformat(), "synced")


def test_where_the_picture_cannot_be_written_there_is_no_yes(store: Store) -> None:
    found = recorded(store)
    with pytest.raises(sqlite3.IntegrityError):
        store.consents.agree(found, NOTICE, None)  # type: ignore[arg-type]  # no picture: the database refuses
    assert store.consents.said(found.visit) is None
    assert waiting(store) == []


def test_a_visit_is_asked_once_whatever_is_said_later(store: Store) -> None:
    yes, no = recorded(store), recorded(store)
    store.consents.agree(yes, NOTICE, b"first")
    store.consents.agree(yes, "hi-11111111", b"second")
    store.consents.agree(recorded(store, yes.visit), NOTICE, b"another leaf")
    assert waiting(store) == [b"first"]
    assert row(store, yes.visit)["notice"] == NOTICE
    store.consents.refuse(no, NOTICE)
    store.consents.agree(no, NOTICE, b"after all")
    assert waiting(store) == [b"first"]
    assert store.consents.said(no.visit) is Share.REFUSED


def test_a_yes_can_be_taken_back_while_the_picture_waits(store: Store) -> None:
    found = recorded(store)
    store.consents.agree(found, NOTICE, b"picture")
    store.consents.refuse(found, NOTICE)
    assert waiting(store) == []
    assert store.consents.said(found.visit) is Share.REFUSED
    assert row(store, found.visit)["agreed"] == 1  # it was said once; that it was taken back stands beside it
    assert row(store, found.visit)["withdrawn_at"] == NOON.isoformat()
    store.consents.agree(found, NOTICE, b"picture")
    assert waiting(store) == []
    assert store.consents.counts() == {"waiting": 0, "sent": 0}


def test_what_has_gone_counts_as_sent_and_is_not_called_back(store: Store) -> None:
    found = recorded(store)
    store.consents.agree(found, NOTICE, b"picture")
    assert store.consents.counts() == {"waiting": 1, "sent": 0}
    handed_over(store)
    assert store.consents.said(found.visit) is Share.SENT
    store.consents.refuse(found, NOTICE)
    assert store.consents.said(found.visit) is Share.SENT
    assert store.consents.counts() == {"waiting": 0, "sent": 1}


def test_the_oldest_makes_room_when_too_many_wait(store: Store) -> None:
    visits = [recorded(store) for _ in range(MOST_WAITING + 2)]
    for number, found in enumerate(visits):
        store.consents.agree(found, NOTICE, b"%d" % number)
    assert waiting(store) == [b"%d" % number for number in range(2, MOST_WAITING + 2)]
    said = [store.consents.said(found.visit) for found in visits]
    assert said == [Share.DROPPED] * 2 + [Share.AGREED] * MOST_WAITING
    assert store.consents.counts() == {"waiting": MOST_WAITING, "sent": 0}


def test_pictures_go_after_everything_else(store: Store) -> None:
    found = recorded(store)
    store.consents.agree(found, NOTICE, b"picture")
    recorded(store)
    assert [report.body for report in store.reports.batch(9)] == [b"report", b"report", b"picture"]
    assert [report.body for report in store.reports.batch(9, least=LEDGER)] == [b"report", b"report"]


def test_a_photo_that_made_room_is_no_photo(store: Store) -> None:
    found = recorded(store)
    assert store.consents.has_photo(found)
    assert store.photos.remove_oldest()
    assert not store.consents.has_photo(found)
    assert store.consents.photo(found) is None


def texted(store: Store, *, of: Diagnosis, number: str = NUMBER) -> None:
    sms = store.queue_sms(of, Farmer(number, "hi"), "do this")
    store.sms.take()
    store.sms.delivered(sms)


def test_an_erased_farmer_s_picture_is_in_no_file_any_more(store: Store) -> None:
    others = [recorded(store) for _ in range(8)]
    for other in others[:4]:
        store.consents.agree(other, NOTICE, picture())
    found, body = recorded(store), picture()
    texted(store, of=found)
    store.consents.agree(found, NOTICE, body)
    for other in others[4:]:
        store.consents.agree(other, NOTICE, picture())
    path = store.folder / database.FILE
    assert holds(path, pieces(body))
    held = store.farmers.held(NUMBER)
    assert (held["pictures"], held["photos"]) == (1, 1)
    done = store.erasure.erase(NUMBER)
    assert (done.pictures, done.clean) == (1, True)
    assert not holds(path, pieces(body))
    assert len(waiting(store)) == 8
    assert store.consents.said(found.visit) is Share.REFUSED
    assert not any(store.farmers.held(NUMBER).values())


def test_of_an_erased_farmer_s_consent_nothing_leads_to_them_but_that_it_was_given_stays(store: Store) -> None:
    found = recorded(store)
    texted(store, of=found)
    store.consents.agree(found, NOTICE, b"picture")
    handed_over(store)
    done = store.erasure.erase(NUMBER)
    assert done.pictures == 0
    assert store.consents.said(found.visit) is Share.SENT
    kept = row(store, found.visit)
    assert (kept["agreed"], kept["at"], kept["notice"]) == (1, NOON.isoformat(), NOTICE)
    assert NUMBER[1:] not in str(kept)


def test_a_yes_that_comes_after_the_erasure_queues_nothing(store: Store) -> None:
    found = recorded(store)
    texted(store, of=found)
    store.erasure.erase(NUMBER)
    with pytest.raises(NothingToShare, match="erased"):
        store.consents.agree(found, NOTICE, b"picture")
    assert waiting(store) == []
    assert store.consents.said(found.visit) is None


def test_another_leaf_of_the_same_visit_is_the_farmer_s_too(store: Store) -> None:
    found = recorded(store)
    store.consents.agree(found, NOTICE, b"picture")
    texted(store, of=recorded(store, found.visit))
    assert store.erasure.erase(NUMBER).pictures == 1


@pytest.mark.parametrize(
    "no_more",
    [
        lambda store: store.texts.opt_out(NUMBER),
        lambda store: store.erasure.forget_old(NOON.replace(year=2029), 30, 30),
    ],
    ids=["STOP", "kept long enough"],
)
def test_whoever_wants_no_more_or_is_forgotten_is_not_sent_on(store: Store, no_more: Callable[[Store], object]) -> None:
    mine, other = recorded(store), recorded(store)
    texted(store, of=mine)
    for found in (mine, other):
        store.consents.agree(found, NOTICE, found.id.encode())
    no_more(store)
    assert waiting(store) == [other.id.encode()]
    assert store.consents.said(mine.visit) is Share.REFUSED
    store.texts.opt_in(NUMBER)
    assert waiting(store) == [other.id.encode()]


def test_an_opt_out_of_a_number_that_nobody_knows_touches_no_picture(store: Store) -> None:
    found = recorded(store)
    store.consents.agree(found, NOTICE, b"picture")
    store.texts.queue("+919812345679", "hi", "do this", Kind.REPLY)
    store.texts.opt_out("+919812345679")
    store.texts.opt_out(NUMBER)
    assert waiting(store) == [b"picture"]


def test_a_full_disk_drops_photos_then_pictures_and_never_a_report(store: Store) -> None:
    for _ in range(4):
        store.consents.agree(recorded(store), NOTICE, picture())
    connection = store._database
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers SQLITE_FULL beyond this
    left = [(store.photos.count_and_bytes()[0], len(waiting(store)))]
    reports = 4
    for _ in range(1000):
        try:
            recorded(store)
        except StateFull:
            break
        reports += 1
        left.append((store.photos.count_and_bytes()[0], len(waiting(store))))
    assert left[-1][1] == 0
    as_pictures_went = [after[0] for before, after in itertools.pairwise(left) if after[1] < before[1]]
    assert as_pictures_went
    assert set(as_pictures_went) <= {0, 1}  # the one of the diagnosis that has just been recorded
    (kept,) = store._rows("SELECT count(*) AS n FROM outbox WHERE body = ?", (b"report",))
    assert kept["n"] == reports
    assert store.consents.counts() == {"waiting": 0, "sent": 0}


def test_dropping_where_there_is_none_says_so(store: Store) -> None:
    assert store._write(consents.drop_oldest) is False


@given(st.binary(max_size=13_000))
@settings(max_examples=50)
def test_the_pieces_of_a_picture_stand_in_it(body: bytes) -> None:
    found = pieces(body)
    assert all(piece in body.upper() and len(piece) == PIECE_BYTES for piece in found)
    assert len(found) == max(0, -(-(len(body) - 1000) // 1000))


def test_a_diagnosis_of_before_there_were_consents_has_none(store: Store) -> None:
    found = recorded(store)
    stranger = replace(found, visit=Visit("0" * 32, NOON, "synced", "hi"))
    assert store.consents.said(stranger.visit) is None
    assert store.consents.photo(replace(found, id="0" * 32)) is None
