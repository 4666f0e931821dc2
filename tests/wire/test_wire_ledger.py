"""The ledger report's bytes: a golden file, round trips, its size, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_daemon.wire import codec, ledger
from edge_daemon.wire.messages import LATEST, MOST_ROWS, LedgerReport, LedgerRow

GOLDEN = Path(__file__).parent / "v1"
AT = 1_795_432_100
DAY = 24 * 3600
ADVICE = LedgerRow(
    kind="advice",
    row=1207,
    farmer="0123456789abcdef",
    diagnosis="00112233445566778899aabbccddeeff",
    label="rice/blast",
    language="hi",
    template="answer",
    control=False,
    state="delivered",
    begun_at=AT - 5 * DAY,
    sent_at=AT - 5 * DAY + 40,
    ended_at=AT - 5 * DAY + 55,
    parts=2,
    options=0,
    right=0,
    answer=None,
    late=False,
)
RECALL = ADVICE.model_copy(
    update={
        "kind": "recall_3",
        "row": 311,
        "template": "ask_recall",
        "state": "answered",
        "sent_at": AT - 2 * DAY,
        "ended_at": AT - DAY,
        "options": 3,
        "right": 2,
        "answer": 2,
        "late": True,
    }
)
CANCELLED = RECALL.model_copy(
    update={
        "kind": "recall_14",
        "row": 312,
        "farmer": "",
        "language": "",
        "template": "",
        "control": None,
        "state": "cancelled",
        "sent_at": None,
        "ended_at": None,
        "parts": 0,
        "options": 0,
        "right": 0,
        "answer": None,
        "late": False,
    }
)
REPORT = LedgerReport(kiosk="koraput-7", at=AT, rows=(ADVICE, RECALL, CANCELLED))


def changed(**fields: object) -> dict[str, Any]:
    return {**ADVICE.model_dump(), **fields}


def message(report: LedgerReport = REPORT) -> dict[int, Any]:
    return dict(cbor2.loads(codec.encode(report)))


def test_the_golden_report_is_encoded_and_decoded_as_ever() -> None:
    golden = bytes.fromhex((GOLDEN / "ledger.hex").read_text())
    assert codec.encode(REPORT) == golden
    assert codec.decode(golden) == REPORT


@pytest.mark.parametrize("row", [ADVICE, RECALL])
def test_a_row_of_a_full_report_takes_64_bytes_at_most(row: LedgerRow) -> None:
    rows = tuple(
        row.model_copy(
            update={
                "row": 4000 + n,
                "farmer": f"{n:016x}",
                "diagnosis": f"{n:032x}",
                "label": f"rice/{'abcdefgh'[n % 8] * 12}",
                "language": ("hi", "bn", "kn", "ta")[n % 4],
            }
        )
        for n in range(MOST_ROWS)
    )
    assert len(codec.encode(REPORT.model_copy(update={"rows": rows}))) <= 64 * MOST_ROWS


words = st.from_regex(r"\A[a-z_]{0,40}\Z")
moments = st.integers(0, LATEST)
small = st.integers(0, 255)
rows = st.builds(
    LedgerRow,
    kind=st.sampled_from(["advice", "help", "reason", "recall_3", "recall_14", "recall_90", "visit"]),
    row=st.integers(1, 2**53),
    farmer=st.just("") | st.from_regex(r"\A[0-9a-f]{16}\Z"),
    diagnosis=st.uuids().map(lambda u: u.hex),
    label=st.just("") | st.from_regex(r"\A[a-z_]{1,40}/[a-z_]{1,40}\Z"),
    language=words,
    template=words,
    control=st.none() | st.booleans(),
    state=words,
    begun_at=moments,
    sent_at=st.none() | moments,
    ended_at=st.none() | moments,
    parts=small,
    options=small,
    right=small,
    answer=st.none() | small,
    late=st.booleans(),
)
reports = st.builds(
    LedgerReport,
    kiosk=st.from_regex(r"\A[a-z0-9][a-z0-9-]{1,30}[a-z0-9]\Z"),
    at=moments,
    rows=st.lists(rows, min_size=1, max_size=MOST_ROWS).map(tuple),
)


@given(reports)
def test_every_report_survives_the_wire(report: LedgerReport) -> None:
    assert codec.decode(codec.encode(report)) == report


@given(st.integers(0, len(codec.encode(REPORT)) - 1), st.integers(0, 255))
def test_one_damaged_byte_gives_a_report_or_a_bad_message(place: int, byte: int) -> None:
    data = bytearray(codec.encode(REPORT))
    data[place] = byte
    with contextlib.suppress(codec.BadMessage):
        codec.decode(bytes(data))


@pytest.mark.parametrize("length", range(len(codec.encode(REPORT))))
def test_what_was_cut_off_is_a_bad_message(length: int) -> None:
    with pytest.raises(codec.BadMessage):
        codec.decode(codec.encode(REPORT)[:length])


things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.integers(0, 9), inner, max_size=5),
    max_leaves=40,
)


@given(st.sampled_from([2, 3, 4, 5]), things)
def test_a_field_of_any_kind_gives_a_report_or_a_bad_message(field: int, thing: object) -> None:
    with contextlib.suppress(codec.BadMessage):
        codec.decode(cbor2.dumps({**message(), field: thing}))


@given(st.integers(0, len(ledger.FIELDS) - 1), things)
def test_a_row_s_field_of_any_kind_gives_a_report_or_a_bad_message(field: int, thing: object) -> None:
    fields = message()
    fields[5][1][field] = thing
    with contextlib.suppress(codec.BadMessage):
        codec.decode(cbor2.dumps(fields))


@pytest.mark.parametrize("field", [2, 3, 4, 5])
def test_a_missing_field_is_named(field: int) -> None:
    fields = message()
    del fields[field]
    with pytest.raises(codec.BadMessage, match=f"field {field} is missing"):
        codec.decode(cbor2.dumps(fields))


def test_what_a_newer_kiosk_adds_is_ignored() -> None:
    fields = message()
    fields[5] = [[*row, "from the future"] for row in fields[5]]
    assert codec.decode(cbor2.dumps({**fields, 99: "from the future"})) == REPORT


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(codec.UnknownVersion, match="version 2; this program reads version 1"):
        codec.decode(cbor2.dumps({**message(), 0: 2}))


@pytest.mark.parametrize("kind", [0, 99, "ledger", None, [2], True])
def test_another_kind_is_refused_by_name(kind: object) -> None:
    with pytest.raises(codec.BadMessage, match="is none that this program reads"):
        codec.decode(cbor2.dumps({**message(), 1: kind}))


def test_a_report_has_forty_rows_at_most() -> None:
    too_many = (ADVICE,) * (MOST_ROWS + 1)
    with pytest.raises(ValidationError):
        LedgerReport(kiosk="koraput-7", at=AT, rows=too_many)
    fields = message()
    fields[5] = [fields[5][0]] * (MOST_ROWS + 1)
    with pytest.raises(codec.BadMessage, match="at most 40"):
        codec.decode(cbor2.dumps(fields))


@pytest.mark.parametrize("place", [-1, 999, True, 1.0, None])
def test_a_word_that_the_message_does_not_have_is_refused(place: object) -> None:
    fields = message()
    fields[5][0][ledger.FIELDS.index("label")] = place
    with pytest.raises(codec.BadMessage, match="no word of the message"):
        codec.decode(cbor2.dumps(fields))


@pytest.mark.parametrize("number", ["+919812345678", "919812345678", "9812345678", "8919214365870", "98123 45678"])
@pytest.mark.parametrize("field", ["kind", "farmer", "diagnosis", "label", "language", "template", "state"])
def test_no_number_fits_into_a_row_s_words_or_ids(field: str, number: str) -> None:
    with pytest.raises(ValidationError):
        LedgerRow.model_validate(changed(**{field: number}))


@pytest.mark.parametrize("field", ["parts", "options", "right", "answer"])
def test_nor_into_its_small_figures(field: str) -> None:
    with pytest.raises(ValidationError):
        LedgerRow.model_validate(changed(**{field: 919812345678}))
