"""Who may be asked for a picture, what is made of it, and that it is off where nobody has switched it on."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_daemon import parts, status
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.clock import Instant
from edge_daemon.config import Config, parse
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Photo, Share, Visit
from edge_daemon.errors import NothingToShare, PhotoUnreadable
from edge_daemon.judge import Judge, Vision
from edge_daemon.kiosk import report as kiosk_report
from edge_daemon.store.store import Store
from edge_daemon.sync.courier import Courier, Trip
from edge_daemon.sync.windows import Allowance
from edge_daemon.thumbnails import UNCERTAIN, Sharing
from edge_daemon.vision.models import Models
from edge_daemon.wire import batch, codec, replies
from edge_daemon.wire.messages import MOST_JPEG_BYTES, Thumbnail
from edge_daemon.wire.replies import Acknowledgement, Desired
from tests.drawn import jpeg, leaf

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PHOTO = jpeg(leaf(4, (1280, 720)))
CANDIDATES = (Candidate("rice/blast", 0.4), Candidate("rice/brown_spot", 0.3))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state", 10_000_000, lambda: Instant(NOON, "unsure")) as opened:
        yield opened


def recorded(store: Store, decision: Decision = Decision.NOT_SURE, photo: bytes = PHOTO) -> Diagnosis:
    visit = Visit(uuid.uuid4().hex, NOON, "unsure", "hi", "rice")
    store.begin(visit)
    candidates = () if decision is Decision.FIRST_AID else CANDIDATES
    found = Diagnosis(uuid.uuid4().hex, visit, NOON, "unsure", decision, candidates, 0.9, "m-1", "picamera2", False)
    store.record(found, Photo(photo, NOON, "picamera2"), b"report")
    return found


def question(language: str) -> tuple[str, str]:
    return f"{language}-00000002", "May it be sent?"


def sharing(store: Store, shrink: Callable[[bytes], Awaitable[bytes]] | None = None, *, wanted: bool = True) -> Sharing:
    async def first_bytes(photo: bytes) -> bytes:
        return photo[:20]

    return Sharing("test-kiosk", store.consents, lambda: wanted, question, shrink or first_bytes)


def answered(asked: Sharing, found: Diagnosis, agreed: bool) -> Share:
    return asyncio.run(asked.answer(found, agreed=agreed))


def pictures(store: Store) -> list[Thumbnail]:
    decoded = [codec.decode(report.body) for report in store.reports.waiting() if report.body != b"report"]
    return [message for message in decoded if isinstance(message, Thumbnail)]


@pytest.mark.parametrize("decision", Decision)
def test_it_is_asked_where_the_kiosk_is_not_sure_and_nowhere_else(store: Store, decision: Decision) -> None:
    assert {Decision.NOT_SURE, Decision.TWO_CANDIDATES} == UNCERTAIN
    found = recorded(store, decision)
    asked = sharing(store).describe(found)
    if decision in UNCERTAIN:
        assert asked == {"share": "may_ask", "consent": {"id": "hi-00000002", "text": "May it be sent?"}}
    else:
        assert asked == {"share": None, "consent": None}
        for agreed in (True, False):
            with pytest.raises(NothingToShare):
                answered(sharing(store), found, agreed)
    assert pictures(store) == []


def test_where_nobody_wants_pictures_none_is_asked_for_and_none_is_taken(store: Store) -> None:
    found = recorded(store)
    off = sharing(store, wanted=False)
    assert off.describe(found)["share"] is None
    with pytest.raises(NothingToShare):
        answered(off, found, True)
    assert pictures(store) == []


def test_without_its_photo_nothing_is_asked(store: Store) -> None:
    found = recorded(store)
    store.photos.remove_oldest()
    assert sharing(store).describe(found)["share"] is None
    with pytest.raises(NothingToShare):
        answered(sharing(store), found, True)


def test_the_picture_names_the_diagnosis_and_the_kiosk(store: Store) -> None:
    found = recorded(store)
    assert answered(sharing(store), found, True) is Share.AGREED
    assert pictures(store) == [Thumbnail(kiosk="test-kiosk", diagnosis=found.id, jpeg=PHOTO[:20])]


def test_two_who_say_yes_at_once_send_one_picture_and_a_no_between_them_holds(store: Store) -> None:
    found, other = recorded(store), recorded(store)

    async def scene() -> list[Share]:
        gate = asyncio.Event()

        async def slowly(photo: bytes) -> bytes:
            await gate.wait()
            return photo[:20]

        asked = sharing(store, slowly)
        both = [asyncio.create_task(asked.answer(found, agreed=True)) for _ in range(2)]
        overtaken = asyncio.create_task(asked.answer(other, agreed=True))
        await asyncio.sleep(0)  # all three are making their pictures
        assert await asked.answer(other, agreed=False) is Share.REFUSED
        gate.set()
        return list(await asyncio.gather(*both, overtaken))

    assert asyncio.run(scene()) == [Share.AGREED, Share.AGREED, Share.REFUSED]
    assert [picture.diagnosis for picture in pictures(store)] == [found.id]


def test_a_photo_that_was_damaged_meanwhile_is_named_and_no_yes_is_written(store: Store) -> None:
    found = recorded(store)

    async def damaged(photo: bytes) -> bytes:
        raise PhotoUnreadable("The photo is damaged.")

    with pytest.raises(PhotoUnreadable):
        answered(sharing(store, damaged), found, True)
    assert sharing(store).describe(found)["share"] == "may_ask"


def test_a_yes_can_be_taken_back_after_the_setting_was_switched_off(store: Store) -> None:
    found = recorded(store)
    answered(sharing(store), found, True)
    off = sharing(store, wanted=False)
    assert off.describe(found)["share"] == "agreed"
    assert answered(off, found, False) is Share.REFUSED
    assert pictures(store) == []


@functools.cache
def catalogue() -> Catalogue:
    return Catalogue.load()


class TakingLink:
    """A link to a gateway that stores all that it gets."""

    round_trip_s = 0.0

    def __init__(self) -> None:
        self.batches: list[batch.Unpacked] = []

    async def send(self, data: bytes, boot: bytes, last: int) -> Acknowledgement:
        self.batches.append(batch.unpack("test-kiosk", data))
        return Acknowledgement(boot=boot, upto=last, at=int(NOON.timestamp()))


@pytest.mark.parametrize(("spare", "share"), [(0, Share.AGREED), (100_000, Share.SENT)])
def test_a_picture_goes_last_and_only_with_bytes_to_spare(store: Store, spare: int, share: Share) -> None:
    found = recorded(store)
    answered(sharing(store), found, True)
    report = kiosk_report("test-kiosk", found)
    store._write(lambda db: db.execute("UPDATE outbox SET body = ? WHERE rank = 1", (codec.encode(report),)))
    link = TakingLink()
    courier = Courier("test-kiosk", store.reports, lambda _: None)
    asyncio.run(courier.empty(link, lambda: Allowance(100_000, 100_000, spare), lambda: None, Trip()))
    assert [(len(sent.diagnoses), sent.others) for sent in link.batches] == [
        (1, []),
        *([(0, [Thumbnail(kiosk="test-kiosk", diagnosis=found.id, jpeg=PHOTO[:20])])] if spare else []),
    ]
    assert store.consents.said(found.visit) is share
    assert answered(sharing(store), found, False) is (Share.SENT if spare else Share.REFUSED)


def skill() -> parts.Skill:
    """Only the thread of the judge and the catalogue are used."""
    nothing = Vision[bytes](bytes, bytes, lambda _: None, lambda *_: None, lambda *_: ())  # type: ignore[arg-type,return-value]  # never called
    return parts.Skill(Judge(nothing, True), catalogue(), Models((), lambda _: None))


def test_as_shipped_nobody_is_asked(store: Store) -> None:
    assert not Config().sync.thumbnails
    used = skill()
    asked = parts.build_sharing(Config(), used, store)
    assert asked.describe(recorded(store))["share"] is None
    used.judge.close()


@pytest.mark.parametrize(
    ("followed", "asked"),
    [
        (None, True),
        (replies.encode_desired(Desired(revision=1)), True),
        (replies.encode_desired(Desired(revision=1, thumbnails=True)), True),
        (replies.encode_desired(Desired(revision=1, thumbnails=False)), False),
        (b"of a later version", True),
    ],
)
def test_a_gateway_that_wants_no_pictures_is_heard(store: Store, followed: bytes | None, asked: bool) -> None:
    if followed is not None:
        store.link.follow(followed)
    used, found = skill(), recorded(store)
    switched_on = parts.build_sharing(parse("[sync]\nthumbnails = true\n", "kiosk.toml"), used, store)
    assert (switched_on.describe(found)["share"] == "may_ask") == asked
    assert parts.build_sharing(Config(), used, store).describe(found)["share"] is None
    used.judge.close()


def test_switched_on_the_real_parts_make_a_picture_within_its_bytes(store: Store) -> None:
    config = parse("[sync]\nthumbnails = true\n", "kiosk.toml")
    used = skill()
    asked, found = parts.build_sharing(config, used, store), recorded(store)
    words = asked.describe(found)["consent"]
    assert words["text"] == used.catalogue.say("hi").say("share")
    assert answered(asked, found, True) is Share.AGREED
    used.judge.close()
    (picture,) = pictures(store)
    assert 3000 < len(picture.jpeg) <= MOST_JPEG_BYTES
    assert picture.kiosk == config.kiosk.id
    (row,) = store._rows("SELECT notice FROM consent", ())
    assert row["notice"] == words["id"]
    assert status.stored(config, store)["pictures"] == {"asked_for": True, "waiting": 1, "sent": 0}
