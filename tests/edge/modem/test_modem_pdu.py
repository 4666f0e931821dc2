"""SMS-SUBMIT, against PDUs on which other projects agree, and against itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet, fields, pdu

FARMER = "+919812345678"
VECTORS = [
    json.loads(line)
    for line in Path(__file__).with_name("submit_vectors.jsonl").read_text(encoding="utf-8").splitlines()
]
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("abc @{€\nकि्ष😀")), min_size=1, max_size=500
)


def read(parts: tuple[pdu.SubmitPdu, ...]) -> list[pdu.Submit]:
    return [pdu.parse_submit(part.hex) for part in parts]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["pdu"][:24])
def test_reads_what_others_wrote(vector: dict[str, Any]) -> None:
    part = pdu.parse_submit(vector["pdu"])
    concat = part.data.concat and [part.data.concat.reference, part.data.concat.parts, part.data.concat.part]
    assert (part.number, part.text, part.smsc) == (vector["number"], vector["text"], vector["smsc"])
    assert concat == vector["concat"]
    assert vector["report"] in {None, part.report_wanted}  # None: the others do not say


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["pdu"][:24])
def test_writes_the_user_data_that_others_wrote(vector: dict[str, Any]) -> None:
    part = pdu.parse_submit(vector["pdu"])
    coding = {"GSM-7": alphabet.GSM7, "UCS-2": alphabet.UCS2}[part.data.coding]
    written = fields.write_user_data(vector["text"], coding, part.data.concat)
    assert vector["pdu"].endswith(written.hex().upper())


def test_a_whole_pdu() -> None:
    """Service centre 00, 11: relative validity; AD: 173, which is seven days; "hello" as in 3GPP TS 23.038."""
    (part,) = pdu.submit(FARMER, "hello", 7)
    assert part.hex == "00" + "11000C91198921436587" + "0000AD" + "05E8329BFD06"
    assert part.tpdu_octets == 19


@pytest.mark.parametrize(("report", "text", "first"), [(False, "a", 0x11), (True, "a", 0x31), (True, "a" * 161, 0x71)])
def test_the_first_octet(report: bool, text: str, first: int) -> None:
    assert {bytes.fromhex(part.hex)[1] for part in pdu.submit(FARMER, text, 0, report=report)} == {first}


@given(TEXTS, st.integers(0, 255), st.from_regex(r"\+?[0-9]{3,20}", fullmatch=True))
def test_what_is_written_is_read(text: str, reference: int, number: str) -> None:
    parts = read(pdu.submit(number, text, reference))
    assert {part.number for part in parts} == {number}
    assert pdu.join([part.data for part in parts]) == text
    expected = [fields.Concat(reference, len(parts), place) for place in range(1, len(parts) + 1)]
    assert [part.data.concat for part in parts] == (expected if len(parts) > 1 else [None])


@given(TEXTS)
def test_no_part_is_longer_than_the_network_takes(text: str) -> None:
    """The user data is 140 octets at most (3GPP TS 23.040, 9.2.3.24), after 14 others for a number of 12 digits."""
    assert all(part.tpdu_octets <= 1 + 1 + 8 + 3 + 1 + 140 for part in pdu.submit(FARMER, text, 1))


def test_a_repeat_is_the_same() -> None:
    assert pdu.submit(FARMER, "धान " * 40, 9) == pdu.submit(FARMER, "धान " * 40, 9)


def test_a_surrogate_pair_that_a_stranger_cut_comes_together() -> None:
    units = "😀".encode("utf-16-be")
    halves = [fields.UserData("UCS-2", units[:2]), fields.UserData("UCS-2", units[2:])]
    assert pdu.join(halves) == "😀"
    assert pdu.join(halves[:1]) == "\ufffd"


def test_the_smsc_is_written_where_it_is_named() -> None:
    (part,) = pdu.submit(FARMER, "hello", 7, smsc="+41761234567")
    assert part.hex.startswith("07911467214365F711")
    assert (part.tpdu_octets, pdu.parse_submit(part.hex).smsc) == (19, "+41761234567")


@pytest.mark.parametrize("number", ["", "+", "12", "+91 98123", "+9198123456789012345678", "abc", "+91٣٣٣٣"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(Refused, match="telephone number is not 3 to 20 digits"):
        pdu.submit(number, "hello", 0)


def test_validity_is_whole_days_that_the_standard_has() -> None:
    with pytest.raises(ValueError, match="1 days"):
        pdu.submit(FARMER, "hello", 0, validity_days=1)


GOOD = "0011000C911989214365870000AD05E8329BFD06"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends inside"),
        ("0", "hexadecimal"),
        ("zz", "hexadecimal"),
        (GOOD[:-2], "ends inside the user data"),
        (GOOD + "00", "1 octets follow"),
        (GOOD[:-2] + "0", "hexadecimal"),
        (GOOD.replace("0011", "0010", 1), "no SMS-SUBMIT"),
        (GOOD.replace("0000AD", "0004AD"), "8-bit data"),
        (GOOD.replace("0000AD", "0020AD"), "compressed"),
        (GOOD.replace("0000AD", "0080AD"), "reserved"),
        (GOOD.replace("1989", "19F9"), "filler F"),
        ("0011000C911989214365870008AD03004100", "odd number"),
        ("0051000C911989214365870000AD0105", "header is longer"),
        ("0051000C911989214365870000AD05E8329BFD06", "header is longer"),
        ("0051000C911989214365870000AD080300020141E1", "ends inside"),
        ("0051000C911989214365870000AD0803240106C3E1F1", "national language table"),
        ("0051000C911989214365870008AD050400020101", "Information element 00 has 2 octets"),
    ],
)
def test_a_malformed_pdu_is_named(text: str, words: str) -> None:
    with pytest.raises(pdu.BadPdu, match=words):
        pdu.parse_submit(text)


@given(st.binary(max_size=200))
def test_garbage_is_read_or_named(octets: bytes) -> None:
    try:
        part = pdu.parse_submit(octets.hex())
    except pdu.BadPdu:
        return
    assert part.tpdu_octets < len(octets)


@given(st.integers(0, len(GOOD) // 2 - 1), st.integers(0, 255))
def test_one_wrong_octet_is_read_or_named(place: int, octet: int) -> None:
    octets = bytearray.fromhex(GOOD)
    octets[place] = octet
    try:
        part = pdu.parse_submit(octets.hex())
    except pdu.BadPdu:
        return
    assert isinstance(part.text, str)
