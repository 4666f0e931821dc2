"""The contract's bytes: golden files, round trips, and what is refused by name."""

from __future__ import annotations

import contextlib
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.wire import codec
from edge_daemon.wire.messages import Candidate, DiagnosisReport, LedgerReport

GOLDEN = Path(__file__).parent / "v1"
REPORT = DiagnosisReport(
    diagnosis="00112233445566778899aabbccddeeff",
    visit="ffeeddccbbaa99887766554433221100",
    kiosk="koraput-7",
    taken_at=1_795_432_100,
    clock="synced",
    crop="rice",
    decision="answer",
    candidates=(Candidate(label="rice/blast", permille=851), Candidate(label="rice/brown_spot", permille=102)),
    model="leaf-1",
    language="hi",
    rehearsal=False,
)


def test_the_golden_report_is_encoded_and_decoded_as_ever() -> None:
    golden = bytes.fromhex((GOLDEN / "diagnosis.hex").read_text())
    assert codec.encode(REPORT) == golden
    assert codec.decode(golden) == REPORT


def test_a_report_is_small() -> None:
    assert len(codec.encode(REPORT)) < len(REPORT.model_dump_json()) / 2


reports = st.builds(
    DiagnosisReport,
    diagnosis=st.uuids().map(lambda u: u.hex),
    visit=st.uuids().map(lambda u: u.hex),
    kiosk=st.text(),
    taken_at=st.integers(0, 2**40),
    clock=st.sampled_from(["synced", "unsure"]),
    crop=st.none() | st.text(),
    decision=st.text(),
    candidates=st.lists(st.builds(Candidate, label=st.text(), permille=st.integers(0, 1000)), max_size=5).map(tuple),
    model=st.text(),
    language=st.text(),
    rehearsal=st.booleans(),
)


@given(reports)
def test_every_report_survives_the_wire(report: DiagnosisReport) -> None:
    assert codec.decode(codec.encode(report)) == report


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report_or_a_bad_message(data: bytes) -> None:
    with contextlib.suppress(codec.BadMessage):
        assert isinstance(codec.decode(data), DiagnosisReport | LedgerReport)


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(codec.UnknownVersion, match="version 2; this program reads version 1"):
        codec.decode(cbor2.dumps({0: 2, 1: 1}))


def test_a_field_that_is_not_known_is_ignored() -> None:
    message = cbor2.loads(codec.encode(REPORT))
    assert codec.decode(cbor2.dumps({**message, 99: "from the future"})) == REPORT


@pytest.mark.parametrize("field", range(2, 13))
def test_a_missing_field_is_named(field: int) -> None:
    message = dict(cbor2.loads(codec.encode(REPORT)))
    del message[field]
    with pytest.raises(codec.BadMessage, match="missing"):
        codec.decode(cbor2.dumps(message))
