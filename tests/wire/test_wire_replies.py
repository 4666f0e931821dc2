"""The bytes of what the gateway tells a kiosk: golden files, round trips, sizes, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.wire.errors import BadMessage, UnknownVersion
from edge_daemon.wire.messages import LATEST
from edge_daemon.wire.replies import (
    Acknowledgement,
    Desired,
    decode_acknowledgement,
    decode_desired,
    encode_acknowledgement,
    encode_desired,
)
from tests.wire import drawn

GOLDEN = Path(__file__).parent / "v1"
BOOT = bytes(range(8))
REPLY = Acknowledgement(boot=BOOT, upto=220, at=1_795_432_100, wait_s=600)
WANTED = Desired(revision=3, daily_kb=200, every_min=360, thumbnails=False, health=2)

Decode = Callable[[bytes], Any]
EACH = [(decode_acknowledgement, encode_acknowledgement(REPLY)), (decode_desired, encode_desired(WANTED))]

replies = st.builds(
    Acknowledgement,
    boot=st.binary(min_size=8, max_size=8),
    upto=st.integers(0, 2**53),
    at=st.integers(0, LATEST),
    wait_s=st.integers(0, 86_400),
)
wanted = st.builds(
    Desired,
    revision=st.integers(1, 2**32),
    daily_kb=st.none() | st.integers(10, 1_000_000),
    every_min=st.none() | st.integers(1, 10_080),
    thumbnails=st.none() | st.booleans(),
    health=st.integers(0, 2**32),
)


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"{name}.hex").read_text())


def test_the_golden_replies_are_encoded_and_decoded_as_ever() -> None:
    assert encode_acknowledgement(REPLY) == golden("acknowledgement")
    assert decode_acknowledgement(golden("acknowledgement")) == REPLY
    assert encode_desired(WANTED) == golden("desired")
    assert decode_desired(golden("desired")) == WANTED


@given(replies)
def test_every_acknowledgement_survives_the_wire(reply: Acknowledgement) -> None:
    assert decode_acknowledgement(encode_acknowledgement(reply)) == reply


@given(wanted)
def test_whatever_is_wanted_survives_the_wire(desired: Desired) -> None:
    assert decode_desired(encode_desired(desired)) == desired


def test_replies_are_small() -> None:
    assert len(encode_acknowledgement(REPLY.model_copy(update={"wait_s": 0}))) <= 23
    assert len(encode_desired(Desired(revision=1))) == 5


@pytest.mark.parametrize(("decode", "data"), EACH)
def test_a_newer_version_is_refused_by_name(decode: Decode, data: bytes) -> None:
    with pytest.raises(UnknownVersion, match="version 2; this program reads version 1"):
        decode(cbor2.dumps({**cbor2.loads(data), 0: 2}))


@pytest.mark.parametrize(("decode", "data"), EACH)
def test_a_field_that_is_not_known_is_ignored(decode: Decode, data: bytes) -> None:
    assert decode(cbor2.dumps({**cbor2.loads(data), 99: "from the future"})) == decode(data)


@pytest.mark.parametrize(
    ("decode", "fields"),
    [
        (decode_acknowledgement, {1: BOOT, 2: 1}),
        (decode_acknowledgement, {1: BOOT, 3: 1}),
        (decode_acknowledgement, {2: 1, 3: 1}),
        (decode_acknowledgement, {1: BOOT[1:], 2: 1, 3: 1}),
        (decode_acknowledgement, {1: BOOT, 2: -1, 3: 1}),
        (decode_acknowledgement, {1: BOOT, 2: True, 3: 1}),
        (decode_acknowledgement, {1: BOOT, 2: 1, 3: 2**41}),
        (decode_acknowledgement, {1: BOOT, 2: 1, 3: 1, 4: 86_401}),
        (decode_desired, {}),
        (decode_desired, {1: 0}),
        (decode_desired, {1: 1, 2: 9}),
        (decode_desired, {1: 1, 3: 0}),
        (decode_desired, {1: 1, 4: 1}),
        (decode_desired, {1: 1, 5: -1}),
    ],
)
def test_a_missing_or_wrong_field_is_refused(decode: Decode, fields: dict[int, object]) -> None:
    with pytest.raises(BadMessage, match=r"is missing|not what it should be"):
        decode(cbor2.dumps({0: 1, **fields}))


@given(st.sampled_from([decode_acknowledgement, decode_desired]), st.binary(max_size=60))
def test_any_bytes_are_a_reply_or_a_bad_message(decode: Decode, data: bytes) -> None:
    with contextlib.suppress(BadMessage):
        decode(data)


@given(st.sampled_from(EACH), st.integers(0, 5), drawn.things)
def test_a_field_of_any_kind_gives_a_reply_or_a_bad_message(
    each: tuple[Decode, bytes], field: int, thing: object
) -> None:
    decode, data = each
    with contextlib.suppress(BadMessage):
        decode(cbor2.dumps({**cbor2.loads(data), field: thing}))
