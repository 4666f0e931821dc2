"""The pure rules of a camera in a program: what a reply may be, and when a program may be begun again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.camera.frames import LIMIT_BYTES, Head, Replies, Reply, parse_head
from edge_daemon.camera.picamera2_worker import ERROR, FRAME, HEADER, KIND_OF, MAGIC, READY, SENTENCE_BYTES, STILL, pack
from edge_daemon.camera.restarts import LONGEST_WAIT_S, MINUTE_S, STARTS_A_MINUTE, Restarts
from edge_daemon.errors import CameraGone

PICTURE = b"\xff\xd8\xff and the rest"


@given(st.binary(min_size=HEADER.size, max_size=HEADER.size))
def test_any_header_is_good_or_refused_by_name(data: bytes) -> None:
    with contextlib.suppress(CameraGone):
        head = parse_head(data)
        assert data.startswith(MAGIC)
        assert head.length <= LIMIT_BYTES[head.kind]


@pytest.mark.parametrize("kind", LIMIT_BYTES)
def test_a_payload_may_be_as_long_as_its_limit_and_no_longer(kind: int) -> None:
    most = LIMIT_BYTES[kind]
    assert parse_head(HEADER.pack(MAGIC, kind, 1, most)) == Head(kind, 1, most)
    with pytest.raises(CameraGone, match=f"announces {most + 1} bytes where {most} are the most"):
        parse_head(HEADER.pack(MAGIC, kind, 1, most + 1))


def test_every_kind_that_the_program_sends_has_a_limit() -> None:
    assert set(LIMIT_BYTES) == {READY, ERROR, *KIND_OF.values()}
    assert LIMIT_BYTES[ERROR] >= SENTENCE_BYTES


def read(*chunks: bytes, end: bool = True) -> list[Reply]:
    """The replies in these bytes, each chunk arriving after a wait for it was given up."""

    async def run() -> list[Reply]:
        stream, found = asyncio.StreamReader(), []
        replies = Replies(stream)
        for chunk in chunks:
            stream.feed_data(chunk)
            try:
                while True:
                    async with asyncio.timeout(0):
                        found.append(await replies.next())
            except TimeoutError:
                continue
        if end:
            stream.feed_eof()
            await replies.next()
        return found

    return asyncio.run(run())


@given(st.lists(st.integers(0, 200), max_size=5))
def test_giving_up_in_the_middle_of_a_reply_loses_nothing(cuts: list[int]) -> None:
    wire = pack(READY, 0) + pack(STILL, 1, PICTURE * 5) + pack(FRAME, 2, PICTURE) + pack(ERROR, 3, b"no\n camera")
    places = sorted({0, *(min(cut, len(wire)) for cut in cuts), len(wire)})
    chunks = [wire[a:b] for a, b in itertools.pairwise(places)]
    replies = read(*chunks, b"", end=False)
    assert [(reply.kind, reply.number) for reply in replies] == [(READY, 0), (STILL, 1), (FRAME, 2), (ERROR, 3)]
    assert replies[1].payload == PICTURE * 5
    assert replies[3].sentence == "no camera"


def test_half_a_reply_is_none() -> None:
    with pytest.raises(CameraGone, match=rf"ended after 5 of {len(PICTURE)} bytes"):
        read(pack(STILL, 1, PICTURE)[: HEADER.size + 5])


@pytest.mark.parametrize("kind", [STILL, FRAME])
def test_a_picture_is_a_jpeg(kind: int) -> None:
    with pytest.raises(CameraGone, match="no JPEG"):
        read(pack(kind, 1, b"\x89PNG"))


def test_after_one_trouble_at_once_then_ever_later() -> None:
    restarts, waits = Restarts(), []
    for _ in range(8):
        restarts.trouble(100.0)
        waits.append(restarts.wait_s(100.0))
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT_S, LONGEST_WAIT_S]
    restarts.photo()
    restarts.trouble(200.0)
    assert restarts.wait_s(200.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["trouble", "photo"])), max_size=60))
def test_never_more_starts_a_minute_than_allowed(steps: list[tuple[float, str]]) -> None:
    restarts, now, starts = Restarts(), 0.0, []
    for passed_s, then in steps:
        now += passed_s
        assert 0 <= restarts.wait_s(now) <= MINUTE_S
        if not restarts.wait_s(now):
            restarts.started(now)
            starts.append(now)
        restarts.photo() if then == "photo" else restarts.trouble(now)
    for begin in starts:
        assert sum(begin <= start < begin + MINUTE_S - 1e-6 for start in starts) <= STARTS_A_MINUTE
