"""A batch's bytes: a golden file, round trips, sizes, and what is refused or set aside."""

from __future__ import annotations

import contextlib
import hashlib
import random
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_daemon.wire import batch, codec, columns
from edge_daemon.wire.batch import Batch, DiagnosisRow, Header, Unpacked
from edge_daemon.wire.dictionary import DICTIONARY
from edge_daemon.wire.messages import Candidate, DiagnosisReport, Message, Thumbnail
from tests.wire import day, drawn
from tests.wire.drawn import KIOSK
from tests.wire.test_wire_codec import REPORT
from tests.wire.test_wire_health import ALARM, HEALTH, THUMBNAIL
from tests.wire.test_wire_ledger import REPORT as LEDGER

GOLDEN = bytes.fromhex((Path(__file__).parent / "v1" / "batch.hex").read_text())
BOOT = bytes(range(8))
SECOND = REPORT.model_copy(
    update={
        "diagnosis": "0123456789abcdef0123456789abcdef",
        "taken_at": REPORT.taken_at + 35,
        "clock": "unsure",
        "crop": None,
        "decision": "a_new_one",
        "candidates": (),
        "rehearsal": True,
    }
)
MIXED = Batch(kiosk=KIOSK, boot=BOOT, first=300, messages=(ALARM, REPORT, SECOND, HEALTH, LEDGER, THUMBNAIL))


def batch_of(*messages: Message, first: int = 1) -> Batch:
    return Batch(kiosk=KIOSK, boot=BOOT, first=first, messages=messages)


def row(report: DiagnosisReport) -> DiagnosisRow:
    return DiagnosisRow(
        diagnosis=report.diagnosis,
        visit=report.visit,
        taken_at=report.taken_at,
        synced=report.clock == "synced",
        crop=report.crop,
        decision=report.decision,
        candidates=tuple((candidate.label, candidate.permille) for candidate in report.candidates),
        model=report.model,
        language=report.language,
        rehearsal=report.rehearsal,
    )


def unpacked(packed: Batch) -> Unpacked:
    """What has to come out of a batch."""
    return Unpacked(
        Header(packed.boot, packed.first, packed.first + len(packed.messages) - 1),
        [row(message) for message in packed.messages if isinstance(message, DiagnosisReport)],
        [message for message in packed.messages if not isinstance(message, DiagnosisReport)],
        [],
    )


def opened(data: bytes) -> tuple[bytes, bytes, dict[int, Any]]:
    """A batch whose length of `raw` takes a byte: what stands before that, what is raw, and the sections."""
    start = data[:13] if data[10] & 128 else data[:12]
    length = data[len(start)]
    assert length < 128
    raw, body = data[len(start) + 1 :][:length], data[len(start) + 1 + length :]
    plain = zlib.decompressobj(-15, DICTIONARY).decompress(body) if data[1] == batch.DEFLATED else body
    return start, raw, cbor2.loads(plain)


def closed(start: bytes, raw: bytes, sections: object, form: int = batch.STORED) -> bytes:
    return start[:1] + bytes([form]) + start[2:] + bytes([len(raw)]) + raw + cbor2.dumps(sections)


def test_the_golden_batch_is_read_as_ever() -> None:
    assert batch.unpack(KIOSK, GOLDEN) == unpacked(MIXED)
    assert batch.header(GOLDEN) == (BOOT, 300, 305)


def test_a_batch_is_written_as_the_golden_one_but_for_what_zlib_makes_of_it() -> None:
    assert opened(batch.pack(MIXED)) == opened(GOLDEN)


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        (DICTIONARY, "b892159995ce5c8d3596563986f0b0974e2160fcd557190353bf2dad6be9d52c"),
        ("\n".join(columns.KNOWN).encode(), "21a19b69fea89aa3c40377f516f461559fad0be29ddedaf3cb92190352567230"),
    ],
)
def test_what_both_sides_have_to_know_is_as_ever(value: bytes, digest: str) -> None:
    assert hashlib.sha256(value).hexdigest() == digest


@given(st.lists(drawn.messages, min_size=1, max_size=12), st.integers(1, 2**53 - 200))
def test_every_batch_survives_the_wire(messages: list[Message], first: int) -> None:
    packed = batch_of(*messages, first=first)
    data = batch.pack(packed)
    assert batch.unpack(KIOSK, data) == unpacked(packed)
    assert batch.header(data) == unpacked(packed).header


@pytest.mark.parametrize("count", [1, 20, 200])
def test_a_day_survives_the_wire(count: int) -> None:
    packed = batch_of(*day.diagnoses(count))
    assert batch.unpack(KIOSK, batch.pack(packed)) == unpacked(packed)


@pytest.mark.parametrize(("count", "most_bytes"), [(1, 75), (20, 45), (200, 39)])
def test_a_diagnosis_takes_few_bytes(count: int, most_bytes: int) -> None:
    sizes = [len(batch.pack(batch_of(*day.diagnoses(count, seed)))) for seed in range(5)]
    assert sum(sizes) / len(sizes) <= most_bytes * count


def test_an_alarm_takes_few_bytes() -> None:
    assert len(batch.pack(batch_of(ALARM))) <= 20


def test_what_no_compression_makes_smaller_stays_as_it_is() -> None:
    noise = THUMBNAIL.model_copy(update={"jpeg": random.Random(1).randbytes(12_000)})
    data = batch.pack(batch_of(noise))
    assert data[1] == batch.STORED
    assert len(data) < 12_000 + 50
    assert batch.unpack(KIOSK, data).others == [noise]


def test_a_further_photo_of_a_visit_costs_no_second_id() -> None:
    again = REPORT.model_copy(update={"diagnosis": "0" * 32})
    other = again.model_copy(update={"visit": "1" * 32})
    assert len(opened(batch.pack(batch_of(REPORT, again)))[1]) + 16 == len(
        opened(batch.pack(batch_of(REPORT, other)))[1]
    )


def test_whatever_kiosk_a_message_names_it_becomes_the_batch_s() -> None:
    data = batch.pack(batch_of(ALARM.model_copy(update={"kiosk": "another-1"})))
    assert batch.unpack(KIOSK, data).others == [ALARM]


@pytest.mark.parametrize("first", [1, 2**53 - 200])
def test_numbers_go_up_to_two_to_the_fifty_three(first: int) -> None:
    data = batch.pack(batch_of(ALARM, first=first))
    assert batch.header(data) == (BOOT, first, first)
    with pytest.raises(ValidationError):
        batch_of(ALARM, first=2**53 - 199)


# What does not fit.


def test_messages_that_are_too_much_for_a_batch_are_refused_by_name() -> None:
    draw = random.Random(2)
    pictures = [Thumbnail(kiosk=KIOSK, diagnosis=f"{n:032x}", jpeg=draw.randbytes(12_000)) for n in range(6)]
    with pytest.raises(batch.TooLarge, match=r"6 messages take 7\d{4} bytes"):
        batch.pack(batch_of(*pictures))
    assert len(batch.pack(batch_of(*pictures[:5]))) < batch.MOST_BYTES


def test_messages_that_compress_too_well_are_refused_by_name() -> None:
    pictures = [Thumbnail(kiosk=KIOSK, diagnosis=f"{n:032x}", jpeg=bytes(12_000)) for n in range(44)]
    with pytest.raises(batch.TooLarge, match="before compression"):
        batch.pack(batch_of(*pictures))
    assert len(batch.unpack(KIOSK, batch.pack(batch_of(*pictures[:43]))).others) == 43


def test_a_diagnosis_with_too_many_candidates_is_refused_by_name() -> None:
    many = (Candidate(label="rice/blast", permille=1),) * 9
    with pytest.raises(batch.TooLarge, match=f"{REPORT.diagnosis} has more than 8 candidates"):
        batch.pack(batch_of(REPORT.model_copy(update={"candidates": many})))


def test_diagnoses_with_too_many_words_are_refused_by_name() -> None:
    reports = [REPORT.model_copy(update={"model": f"model-{n}"}) for n in range(200)]
    with pytest.raises(batch.TooLarge, match="words of their own"):
        batch.pack(batch_of(*reports))
    assert batch.fill(KIOSK, BOOT, 1, reports, batch.MOST_BYTES)[1] == columns.MOST_WORDS - len(columns.KNOWN)


@given(st.lists(drawn.messages, max_size=8), st.integers(0, 2000))
def test_a_batch_is_filled_up_to_the_budget(messages: list[Message], budget_bytes: int) -> None:
    data, count = batch.fill(KIOSK, BOOT, 7, messages, budget_bytes)
    assert len(data) <= budget_bytes
    if count:
        assert data == batch.pack(batch_of(*messages[:count], first=7))
    else:
        assert data == b""
    if count < len(messages):
        assert len(batch.pack(batch_of(*messages[: count + 1], first=7))) > budget_bytes


def test_small_messages_before_a_large_one_go() -> None:
    messages: list[Message] = [
        *day.diagnoses(9),
        THUMBNAIL.model_copy(update={"jpeg": random.Random(3).randbytes(12_000)}),
    ]
    assert batch.fill(KIOSK, BOOT, 1, messages, 1000)[1] == 9


def test_two_hundred_go_at_most() -> None:
    assert batch.fill(KIOSK, BOOT, 1, [*day.diagnoses(250)], batch.MOST_BYTES)[1] == 200


def test_a_message_that_no_batch_holds_is_named_to_whoever_fills() -> None:
    many = REPORT.model_copy(update={"candidates": (Candidate(label="a", permille=1),) * 9})
    assert batch.fill(KIOSK, BOOT, 1, [ALARM, many], 5000)[1] == 1
    with pytest.raises(batch.TooLarge):
        batch.fill(KIOSK, BOOT, 1, [many, ALARM], 5000)


# What is refused as a whole.


@given(st.binary(max_size=300))
def test_any_bytes_are_a_batch_or_a_bad_message(data: bytes) -> None:
    with contextlib.suppress(batch.BadMessage):
        batch.unpack(KIOSK, data)


@given(st.binary(max_size=300))
def test_any_bytes_after_a_header_are_a_batch_or_a_bad_message(data: bytes) -> None:
    with contextlib.suppress(batch.BadMessage):
        batch.unpack(KIOSK, GOLDEN[:2] + BOOT + b"\x01\x01\x00" + data)


DAMAGED = batch.pack(batch_of(*day.diagnoses(20), HEALTH))
HEADER_BYTES = 2 + 8 + 1 + 1 + 2


@given(st.integers(0, len(DAMAGED) - 1), st.integers(0, 255))
def test_one_damaged_byte_gives_a_batch_or_a_bad_message(place: int, byte: int) -> None:
    data = bytearray(DAMAGED)
    data[place] = byte
    with contextlib.suppress(batch.BadMessage):
        batch.unpack(KIOSK, bytes(data))
    if place >= HEADER_BYTES:
        assert batch.header(bytes(data)) == (BOOT, 1, 21)


@pytest.mark.parametrize("length", [*range(0, len(DAMAGED), 3), len(DAMAGED) - 1])
def test_what_was_cut_off_is_a_bad_message(length: int) -> None:
    with pytest.raises(batch.BadMessage):
        batch.unpack(KIOSK, DAMAGED[:length])


def test_the_header_is_read_where_the_body_is_damaged() -> None:
    data = GOLDEN[:-40] + bytes(40)
    assert batch.header(data) == (BOOT, 300, 305)
    with pytest.raises(batch.BadMessage):
        batch.unpack(KIOSK, data)


@pytest.mark.parametrize("read", [batch.header, lambda data: batch.unpack(KIOSK, data)])
def test_a_newer_version_is_refused_by_name(read: Any) -> None:
    with pytest.raises(batch.UnknownVersion, match="version 2; this program reads version 1"):
        read(b"\x02" + GOLDEN[1:])


def test_a_newer_form_is_refused_by_name_and_its_header_is_read() -> None:
    data = b"\x01\x07" + GOLDEN[2:]
    assert batch.header(data) == (BOOT, 300, 305)
    with pytest.raises(batch.BadMessage, match="form 7 is none that this program reads"):
        batch.unpack(KIOSK, data)


@pytest.mark.parametrize(
    "numbers",
    [
        b"\x00\x01\x00",  # from number 0
        b"\xb9\xfe\xff\xff\xff\xff\xff\x0f\x01\x00",  # 200 messages from it on go beyond 2**53
        b"\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x00",  # more than eight bytes
        b"\x01\x00\x00",  # no message
        b"\x01\xc9\x00",  # 201 messages
        b"\x01\x01\x7f",  # more that is raw than there is
        b"\x01",
        b"\x81",
        b"",
    ],
)
def test_a_header_that_cannot_be_is_refused(numbers: bytes) -> None:
    with pytest.raises(batch.BadMessage):
        batch.header(b"\x01\x00" + BOOT + numbers)


def test_a_bomb_is_refused_while_it_is_unpacked() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    bomb = packer.compress(bytes(60_000_000)) + packer.flush()
    assert len(bomb) < batch.MOST_BYTES
    tracemalloc.start()
    try:
        with pytest.raises(batch.BadMessage, match="grows beyond"):
            batch.unpack(KIOSK, b"\x01\x01" + BOOT + b"\x01\x01\x00" + bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * batch.MOST_UNPACKED_BYTES
    finally:
        tracemalloc.stop()


def test_more_bytes_than_a_batch_has_are_refused() -> None:
    with pytest.raises(batch.BadMessage, match="more than 65536 bytes"):
        batch.header(b"\x01\x00" + BOOT + b"\x01\x01\x00" + bytes(batch.MOST_BYTES))


@pytest.mark.parametrize("told", [1, 3])
def test_as_many_messages_as_the_header_says(told: int) -> None:
    start, raw, sections = opened(batch.pack(batch_of(ALARM, REPORT)))
    with pytest.raises(batch.BadMessage, match=f"it has 2 messages; its header says {told}"):
        batch.unpack(KIOSK, closed(start[:-1] + bytes([told]), raw, sections))


@pytest.mark.parametrize("sections", [[], 1, None, {}, {1: 5}, {0: []}, {0: [[], [], b""]}])
def test_sections_that_cannot_be_are_refused(sections: object) -> None:
    with pytest.raises(batch.BadMessage):
        batch.unpack(KIOSK, closed(b"\x01\x00" + BOOT + b"\x01\x01", b"", sections))


def test_more_messages_than_a_batch_has_are_refused_before_they_are_read() -> None:
    with pytest.raises(batch.BadMessage, match="no list of at most 200"):
        batch.unpack(KIOSK, closed(b"\x01\x00" + BOOT + b"\x01\xc8", b"", {1: [[99, {}]] * 201}))


@pytest.mark.parametrize("damage", ["raw", "columns", "visit", "words"])
def test_columns_that_do_not_hold_together_are_refused(damage: str) -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, SECOND)))
    words, times, values = sections[0]
    if damage == "raw":
        raw = raw[:-1]
    elif damage == "columns":
        values = values[:-1]
    elif damage == "visit":
        values = bytes([values[0] | 8]) + values[1:]
    else:
        words = [*words, 5]
    with pytest.raises(batch.BadMessage):
        batch.unpack(KIOSK, closed(start, raw, {0: [words, times, values]}))


# What is set aside, while the rest is read.


def test_a_message_of_an_unknown_kind_is_set_aside_and_the_rest_read() -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM, ALARM)))
    sections[1][0] = [99, {1: "from the future"}]
    found = batch.unpack(KIOSK, closed(start, raw, sections))
    assert (found.diagnoses, found.others) == ([row(REPORT)], [ALARM])
    [aside] = found.unreadable
    assert aside.reason == "kind 99 is none that this program reads"
    assert cbor2.loads(aside.body) == [99, {1: "from the future"}]


@pytest.mark.parametrize("part", [None, 5, [], [4], [4, 5], ["4", {}], [[4], {}], [4, {3: 1}], [1, {}], {4: {}}])
def test_a_part_that_is_no_message_is_set_aside(part: object) -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM)))
    found = batch.unpack(KIOSK, closed(start, raw, {**sections, 1: [part]}))
    assert (found.diagnoses, found.others, len(found.unreadable)) == ([row(REPORT)], [], 1)


def test_a_diagnosis_has_to_stand_among_the_diagnoses() -> None:
    start, raw, sections = opened(batch.pack(batch_of(ALARM)))
    sections[1] = [codec.part(REPORT)]
    found = batch.unpack(KIOSK, closed(start, raw, sections))
    assert [aside.reason for aside in found.unreadable] == ["a diagnosis that is not among the diagnoses"]


def test_a_section_of_a_newer_contract_is_set_aside_and_the_rest_read() -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM, ALARM)))
    sections[1] = sections[1][:1]
    found = batch.unpack(KIOSK, closed(start, raw, {**sections, 7: ["new"]}))
    assert (found.diagnoses, found.others) == ([row(REPORT)], [ALARM])
    assert [aside.reason for aside in found.unreadable] == ["section 7 is none that this program reads"]


def test_what_a_newer_kiosk_adds_is_ignored() -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM)))
    words, times, values = sections[0]
    kind, fields = sections[1][0]
    newer = {0: [words, times, values + b"more", "more"], 1: [[kind, {**fields, 99: "more"}, "more"]]}
    assert batch.unpack(KIOSK, closed(start, raw + b"more", newer)) == unpacked(batch_of(REPORT, ALARM))


FAULTY: list[tuple[dict[str, Any], str]] = [
    ({"taken_at": -1}, "taken_at -1 is no time"),
    ({"taken_at": 2**40 + 1}, "taken_at 1099511627777 is no time"),
    ({"crop": "ri\x00ce"}, "a word"),
    ({"decision": "\n"}, "a word"),
    ({"model": "m" * 101}, "a word"),
    ({"language": "\u202e"}, "a word"),
    ({"candidates": (Candidate(label="\x7f", permille=1),)}, "a word"),
    ({"candidates": (Candidate.model_construct(label="rice/blast", permille=1001),)}, "1000 thousandths"),
]


@pytest.mark.parametrize(("fields", "reason"), FAULTY)
def test_a_diagnosis_with_a_wrong_field_is_set_aside_and_its_neighbours_read(
    fields: dict[str, Any], reason: str
) -> None:
    wrong = SECOND.model_copy(update=fields)
    found = batch.unpack(KIOSK, batch.pack(batch_of(REPORT, wrong, ALARM, REPORT)))
    assert (found.diagnoses, found.others) == ([row(REPORT), row(REPORT)], [ALARM])
    [aside] = found.unreadable
    assert reason in aside.reason
    assert cbor2.loads(aside.body)[0] == SECOND.diagnosis


def test_a_word_s_place_that_has_none_sets_the_diagnosis_aside() -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT)))
    words, times, values = sections[0]
    found = batch.unpack(KIOSK, closed(start, raw, {0: [words, times, values[:1] + b"\xff" + values[2:]]}))
    assert (found.diagnoses, len(found.unreadable)) == ([], 1)


@pytest.mark.parametrize("part", [["x" * 9000, {}], [4, {3: "x" * 9000}]])
def test_a_reason_is_short(part: list[object]) -> None:
    start, raw, sections = opened(batch.pack(batch_of(ALARM)))
    [aside] = batch.unpack(KIOSK, closed(start, raw, {**sections, 1: [part]})).unreadable
    assert len(aside.reason) < 300


def test_a_reason_quotes_no_value() -> None:
    start, raw, sections = opened(batch.pack(batch_of(ALARM)))
    sections[1][0][1][5] = "+919812345678"
    [aside] = batch.unpack(KIOSK, closed(start, raw, sections)).unreadable
    assert "what" in aside.reason
    assert "98123" not in aside.reason


@given(drawn.things, st.integers(0, 1))
def test_a_section_of_any_kind_gives_a_batch_or_a_bad_message(thing: object, section: int) -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM)))
    with contextlib.suppress(batch.BadMessage):
        batch.unpack(KIOSK, closed(start, raw, {**sections, section: thing}))


@given(st.lists(drawn.things, max_size=4), st.binary(max_size=60))
def test_columns_of_any_kind_give_a_batch_or_a_bad_message(things: list[object], columns_: bytes) -> None:
    start, raw, _ = opened(batch.pack(batch_of(REPORT)))
    for values in (things, [[], [things], columns_], [things, [0], columns_], [["a"], [0, 0], columns_]):
        with contextlib.suppress(batch.BadMessage):
            batch.unpack(KIOSK, closed(start, raw, {0: values}))


@given(drawn.things, st.dictionaries(st.integers(2, 21), drawn.things, max_size=3), st.integers(2, 6))
def test_a_message_of_any_kind_is_read_or_set_aside(thing: object, fields: dict[int, object], kind: int) -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM, ALARM)))
    sections[1] = [thing, [kind, {**sections[1][0][1], **fields}]]
    with contextlib.suppress(batch.BadMessage):  # a tag makes no CBOR of ours
        found = batch.unpack(KIOSK, closed(start, raw, sections))
        assert found.diagnoses == [row(REPORT)]
        assert len(found.others) + len(found.unreadable) == 2
        assert all(len(aside.reason) < 300 for aside in found.unreadable)


# Of a newer version, and read again.


@pytest.mark.parametrize("version", [2, batch.NEWEST])
def test_of_a_newer_version_the_numbers_are_read(version: int) -> None:
    assert batch.header_of_newer(bytes([version]) + GOLDEN[1:14] + b"anything") == (BOOT, 300, 305)


@pytest.mark.parametrize("data", [b"", b"\x00" + GOLDEN[1:], GOLDEN, b"\x20" + GOLDEN[1:], b"{" + GOLDEN[1:], b"\x02"])
def test_nothing_else_is_of_a_newer_version(data: bytes) -> None:
    with pytest.raises(batch.BadMessage):
        batch.header_of_newer(data)


def test_a_batch_is_told_from_what_was_set_aside_of_one() -> None:
    start, raw, sections = opened(batch.pack(batch_of(REPORT, ALARM)))
    sections = {**sections, 1: [[99, {}], [4, {}, "more"], "x"], 7: ["new"]}
    parts = batch.unpack(KIOSK, closed(start[:-1] + b"\x08", raw, sections)).unreadable
    assert [batch.is_whole(part.body) for part in parts] == [False, False, True, False]
    assert [batch.is_whole(body) for body in (GOLDEN, b"\x02" + GOLDEN[1:], b"", b"{}", b"\xff")] == [True] * 5


@pytest.mark.parametrize("message", [ALARM, HEALTH, LEDGER, THUMBNAIL])
def test_a_message_that_was_set_aside_can_be_read_again(message: Message) -> None:
    assert batch.unpack_part(KIOSK, cbor2.dumps(codec.part(message))).others == [message]
    found = batch.unpack_part(KIOSK, cbor2.dumps({1: [codec.part(message), [99, {}]], 7: []}))
    assert (found.others, len(found.unreadable)) == ([message], 2)


@pytest.mark.parametrize("report", [REPORT, SECOND])
def test_a_diagnosis_that_was_set_aside_can_be_read_again(report: DiagnosisReport) -> None:
    assert batch.unpack_part(KIOSK, cbor2.dumps(list(row(report)))).diagnoses == [row(report)]


NO_ROWS = [
    {"diagnosis": "x"},
    {"taken_at": "1"},
    {"taken_at": -1},
    {"crop": "ri\x00ce"},
    {"rehearsal": 1},
    {"candidates": [["rice/blast"]]},
    {"candidates": [["rice/blast", 1001]]},
    {"candidates": 5},
]


@pytest.mark.parametrize("wrong", NO_ROWS)
def test_a_diagnosis_that_was_set_aside_is_taken_for_nothing_it_is_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(batch.BadMessage):
        batch.unpack_part(KIOSK, cbor2.dumps(list({**row(REPORT)._asdict(), **wrong}.values())))


@given(drawn.things)
def test_anything_that_was_set_aside_is_read_or_a_bad_message(thing: object) -> None:
    with contextlib.suppress(batch.BadMessage):
        batch.unpack_part(KIOSK, cbor2.dumps(thing))
