"""The bytes of a health report, an alarm and a thumbnail: golden files, round trips, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.wire import codec
from edge_daemon.wire.messages import Alarm, HealthReport, Message, Thumbnail
from tests.wire import drawn
from tests.wire.drawn import KIOSK

GOLDEN = Path(__file__).parent / "v1"
AT = 1_795_432_100
HEALTH = HealthReport(
    kiosk=KIOSK,
    at=AT,
    clock="unsure",
    starts=12,
    uptime=3600,
    software="0.1.0",
    model="lite0-tuned-3",
    advice="1",
    place="geohash:tek3q",
    rehearsal=True,
    disk_free_mb=20_480,
    photos=811,
    reports_waiting=7,
    oldest_waiting=86_400,
    reports_parked=0,
    sms_waiting=2,
    sms_parked=1,
    parts=(("sms", "modem_mute"), ("talk", "ok"), ("sync", "ok")),
    desired=3,
    bytes_day=45_000,
)
ALARM = Alarm(kiosk=KIOSK, at=AT, clock="synced", what="outbreak", label="rice/blast", count=5, days=7, rehearsal=False)
THUMBNAIL = Thumbnail(kiosk=KIOSK, diagnosis="00112233445566778899aabbccddeeff", jpeg=b"\xff\xd8\xff\xd9")
EACH: list[tuple[str, Any]] = [("health", HEALTH), ("alarm", ALARM), ("thumbnail", THUMBNAIL)]


def message(report: Message) -> dict[int, Any]:
    return dict(cbor2.loads(codec.encode(report)))


@pytest.mark.parametrize(("name", "report"), EACH)
def test_the_golden_message_is_encoded_and_decoded_as_ever(name: str, report: Message) -> None:
    golden = bytes.fromhex((GOLDEN / f"{name}.hex").read_text())
    assert codec.encode(report) == golden
    assert codec.decode(golden) == report


@given(drawn.others)
def test_every_message_survives_the_wire(report: Message) -> None:
    assert codec.decode(codec.encode(report)) == report


@pytest.mark.parametrize(("_", "report"), EACH)
def test_what_a_newer_kiosk_adds_is_ignored(_: str, report: Message) -> None:
    assert codec.decode(cbor2.dumps({**message(report), 99: "from the future"})) == report


@pytest.mark.parametrize(
    ("report", "field"), [(report, field) for _, report in EACH for field in message(report) if field > 1]
)
def test_a_missing_field_is_named(report: Message, field: int) -> None:
    fields = message(report)
    del fields[field]
    with pytest.raises(codec.BadMessage, match=f"field {field} is missing"):
        codec.decode(cbor2.dumps(fields))


@pytest.mark.parametrize(
    ("report", "field", "value"),
    [
        (HEALTH, 2, "Koraput 7"),
        (HEALTH, 3, -1),
        (HEALTH, 4, 1),
        (HEALTH, 10, "geohash:tek3qx"),
        (HEALTH, 10, "18.8115, 82.7105"),
        (HEALTH, 12, True),
        (HEALTH, 19, [["sms", "+919812345678"]]),
        (HEALTH, 19, [["sms", "ok"]] * 13),
        (ALARM, 5, "919812345678"),
        (ALARM, 6, "rice"),
        (ALARM, 8, 256),
        (THUMBNAIL, 3, b"short"),
        (THUMBNAIL, 4, b"\xff\xd8" + bytes(12_000)),
        (THUMBNAIL, 4, "text"),
    ],
)
def test_a_wrong_field_is_refused(report: Message, field: int, value: object) -> None:
    with pytest.raises(codec.BadMessage, match="not what it should be"):
        codec.decode(cbor2.dumps({**message(report), field: value}))


@given(st.sampled_from([report for _, report in EACH]), st.integers(2, 21), drawn.things)
def test_a_field_of_any_kind_gives_a_message_or_a_bad_message(report: Message, field: int, thing: object) -> None:
    with contextlib.suppress(codec.BadMessage):
        codec.decode(cbor2.dumps({**message(report), field: thing}))


@pytest.mark.parametrize(
    "data",
    [
        cbor2.dumps({0: 10**5000, 1: 1}),
        cbor2.dumps({0: 1, 1: 10**5000}),
        b"\xa2\x00\x01\x01\xd8\x23\x61a",  # a pattern
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that holds itself
        b"\xd9\xd9\xf7\xa1\x00\x01",  # the mark of CBOR itself
        b"\x81" * 300,
    ],
)
def test_tags_and_depths_of_cbor_are_refused(data: bytes) -> None:
    with pytest.raises(codec.BadMessage, match="not CBOR without tags"):
        codec.decode(data)
