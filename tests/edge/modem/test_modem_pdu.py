"""SMS TPDUs, against PDUs on which other projects agree (pdu_vectors.jsonl), and against themselves."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet, pdu, septets, userdata
from tests.edge.modem.texts import texts

FARMER = "+919812345678"
VECTORS = [
    json.loads(line) for line in Path(__file__).with_name("pdu_vectors.jsonl").read_text(encoding="utf-8").splitlines()
]
SUBMITS = [vector for vector in VECTORS if vector["kind"] == "submit"]
PARSE: dict[str, Callable[[str], pdu.Deliver | pdu.Submit | pdu.StatusReport]] = {
    "deliver": pdu.parse_deliver,
    "submit": pdu.parse_submit,
    "status_report": pdu.parse_status_report,
}
TEXTS = texts(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("abc @{€\nकि्ष😀")), most=280)
LANGUAGES = sorted(alphabet.languages())


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def read(parts: tuple[pdu.SubmitPdu, ...]) -> list[pdu.Submit]:
    return [pdu.parse_submit(part.hex) for part in parts]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["pdu"][:40])
def test_reads_what_others_wrote(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    said = PARSE[vector["kind"]](vector["pdu"])
    assert (said.number, said.smsc) == (expected["number"], expected.get("smsc"))
    if isinstance(said, pdu.StatusReport):
        assert (said.reference, said.status) == (expected["reference"], expected["status"])
        assert said.time == datetime.fromisoformat(expected["time"])
        assert said.discharge == datetime.fromisoformat(expected["discharge"])
        return
    concat = said.data.concat
    assert expected.get("concat") == (
        {"reference": concat.reference, "total": concat.parts, "part": concat.part} if concat else None
    )
    assert said.text == expected.get("text", "")
    assert "data" not in expected or said.data.units.hex().upper() == expected["data"]
    if isinstance(said, pdu.Deliver) and "time" in expected:
        assert said.time is not None
        assert said.time.isoformat() == expected["time"]


@pytest.mark.parametrize("vector", SUBMITS, ids=lambda vector: vector["pdu"][:40])
def test_writes_the_user_data_that_others_wrote(vector: dict[str, Any]) -> None:
    part = pdu.parse_submit(vector["pdu"])
    data = part.data
    (coding,) = (
        coding
        for coding in alphabet.codings(LANGUAGES)
        if (coding.name, coding.locking, coding.single) == (data.coding, data.locking, data.single)
    )
    written = userdata.write_user_data(vector["expected"]["text"], coding, data.concat)
    assert vector["pdu"].endswith(written.hex().upper())


def test_a_whole_pdu() -> None:
    """Service centre 00, 11: relative validity; AD: 173, which is seven days; "hello" as in 3GPP TS 23.038."""
    (part,) = pdu.submit(FARMER, "hello", 7)
    assert part.hex == "00" + "11000C91198921436587" + "0000AD" + "05E8329BFD06"
    assert part.tpdu_octets == 19


@pytest.mark.parametrize(("report", "text", "first"), [(False, "a", 0x11), (True, "a", 0x31), (True, "a" * 161, 0x71)])
def test_the_first_octet(report: bool, text: str, first: int) -> None:
    assert {bytes.fromhex(part.hex)[1] for part in pdu.submit(FARMER, text, 0, report=report)} == {first}


@given(
    TEXTS,
    st.integers(0, 65535),
    st.from_regex(r"\+?[0-9]{3,20}", fullmatch=True),
    st.lists(st.sampled_from(LANGUAGES), max_size=2),
)
def test_what_is_written_is_read(text: str, reference: int, number: str, shift: list[str]) -> None:
    parts = read(pdu.submit(number, text, reference, shift=shift))
    assert {part.number for part in parts} == {number}
    joined = pdu.join([part.data for part in parts])
    assert joined == text or (shift and nfc(joined) == nfc(text))
    assert "".join(part.text for part in parts) == joined
    is_wide = reference > 255
    expected = [userdata.Concat(reference, len(parts), place, is_wide) for place in range(1, len(parts) + 1)]
    assert [part.data.concat for part in parts] == (expected if len(parts) > 1 else [None])


ANY_SCRIPT = st.sampled_from("abc{€ıক্ষিতুழ்ಠ。" + "".join(map(chr, range(0x900, 0x980))))


@given(
    TEXTS | texts(ANY_SCRIPT, most=800) | texts(st.sampled_from("a{€"), most=800),
    st.integers(0, 65535),
    st.sampled_from(["GSM-7", "UCS-2", None]),
    st.lists(st.sampled_from(LANGUAGES), max_size=3, unique=True),
    st.booleans(),
)
def test_any_choice_is_read_as_it_was_meant_or_refused(
    text: str, reference: int, coding: alphabet.TextCoding | None, shift: list[str], flash: bool
) -> None:
    try:
        parts = read(pdu.submit(FARMER, text, reference, coding=coding, shift=shift, flash=flash))
    except Refused as why:
        if re.search(r"GSM-7 lacks the letter|10 is the most", str(why)) is None:
            raise
        return
    assert nfc(pdu.join([part.data for part in parts])) == nfc(text)
    for part in parts:
        assert coding in {None, part.data.coding}
        assert userdata.read_scheme(part.dcs) == userdata.Scheme(part.data.coding, 0 if flash else None)
        assert part.data.coding != "UCS-2" or part.data.units.decode("utf-16-be") == part.text  # no half pair
        assert part.data.coding != "GSM-7" or part.data.units[-1] != septets.ESCAPE


@given(TEXTS)
def test_no_part_is_longer_than_the_network_takes(text: str) -> None:
    """The user data is 140 octets at most (3GPP TS 23.040, 9.2.3.24), after 14 others for a number of 12 digits."""
    assert all(part.tpdu_octets <= 1 + 1 + 8 + 3 + 1 + 140 for part in pdu.submit(FARMER, text, 1))


def test_a_repeat_is_the_same() -> None:
    assert pdu.submit(FARMER, "धान " * 40, 9) == pdu.submit(FARMER, "धान " * 40, 9)


def test_a_surrogate_pair_that_a_stranger_cut_comes_together() -> None:
    units = "😀".encode("utf-16-be")
    halves = [userdata.UserData("UCS-2", units[:2]), userdata.UserData("UCS-2", units[2:])]
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


def test_the_service_centre_s_number_too() -> None:
    with pytest.raises(Refused, match="service centre's number is not"):
        pdu.submit(FARMER, "hello", 0, smsc="nonsense")


def test_class_0_is_shown_at_once() -> None:
    (short,) = read(pdu.submit(FARMER, "hello", 7, flash=True))
    (hindi,) = read(pdu.submit(FARMER, "धान", 7, flash=True))
    assert [userdata.read_scheme(part.dcs) for part in (short, hindi)] == [
        userdata.Scheme("GSM-7", 0),
        userdata.Scheme("UCS-2", 0),
    ]
    assert (short.text, hindi.text) == ("hello", "धान")


def test_validity_is_written() -> None:
    (part,) = read(pdu.submit(FARMER, "hello", 7, validity=timedelta(hours=6)))
    assert part.validity == timedelta(hours=6)


def test_a_reference_above_255_takes_two_octets() -> None:
    parts = read(pdu.submit(FARMER, "a" * 161, 300))
    assert [part.data.concat for part in parts] == [userdata.Concat(300, 2, part, is_wide=True) for part in (1, 2)]
    assert [part.data.header.hex() for part in parts] == ["060804012c0201", "060804012c0202"]
    with pytest.raises(ValueError, match="reference 65536"):
        pdu.submit(FARMER, "a", 65536)


def test_national_tables_are_named_in_each_part() -> None:
    parts = read(pdu.submit(FARMER, "धान में रोग है। " * 12, 9, shift=["hi"]))
    assert [part.data.header.hex() for part in parts] == ["0b00030902" + f"{n:02}" + "250106240106" for n in (1, 2)]
    assert pdu.join([part.data for part in parts]) == "धान में रोग है। " * 12


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
        (GOOD.replace("1989", "19F9"), "filler F"),
        ("0051000C911989214365870000AD0105", "header is longer"),
        ("0051000C911989214365870000AD05E8329BFD06", "header is longer"),
    ],
)
def test_a_malformed_pdu_is_named(text: str, words: str) -> None:
    with pytest.raises(pdu.BadPdu, match=words):
        pdu.parse_submit(text)


DELIVER = "07911326040000F0040C9119892143658700006240112135352205E8329BFD06"
REPORT = "07911326040000F006070C91198921436587624011213535226240112135452200"
INDIA = timezone(timedelta(hours=5, minutes=30))


def test_a_whole_deliver() -> None:
    said = pdu.parse_deliver(DELIVER)
    assert (said.number, said.text, said.smsc) == (FARMER, "hello", "+31624000000")
    assert said.time == datetime(2026, 4, 11, 12, 53, 53, tzinfo=INDIA)


def test_a_whole_status_report() -> None:
    said = pdu.parse_status_report(REPORT)
    assert (said.number, said.reference, said.status, said.smsc) == (FARMER, 7, 0, "+31624000000")
    assert (said.time, said.discharge) == (
        datetime(2026, 4, 11, 12, 53, 53, tzinfo=INDIA),
        datetime(2026, 4, 11, 12, 53, 54, tzinfo=INDIA),
    )
    assert (said.pid, said.dcs, said.data) == (None, None, None)


@pytest.mark.parametrize(
    ("rest", "pid", "dcs", "text"),
    [
        ("", None, None, None),
        ("00", None, None, None),
        ("FFFFFF", None, None, None),  # a SIM's padding
        ("0141", 0x41, None, None),
        ("020841", None, 8, None),
        ("07000805", None, None, None),  # the user data is cut off: the report is read without
        ("0700080400410042", 0, 8, "AB"),
        ("0405E8329BFD06", None, None, "hello"),
        ("850005E8329BFD06", None, None, None),  # goes on in another octet, and says that a TP-PID comes
        ("840005E8329BFD06", None, None, "hello"),
        ("80", None, None, None),
    ],
)
def test_what_may_follow_a_status(rest: str, pid: int | None, dcs: int | None, text: str | None) -> None:
    said = pdu.parse_status_report(REPORT + rest)
    assert (said.reference, said.status) == (7, 0)
    assert (said.pid, said.dcs, said.data and pdu.join([said.data])) == (pid, dcs, text)


@pytest.mark.parametrize(("first", "parse"), [("07", pdu.parse_deliver), ("04", pdu.parse_deliver)])
def test_a_reserved_type_is_read_as_a_deliver(first: str, parse: Callable[[str], pdu.Deliver]) -> None:
    """3GPP TS 23.040, 9.2.3.1."""
    assert parse("00" + first + DELIVER[18:]).text == "hello"


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (pdu.parse_deliver, REPORT, "no SMS-DELIVER"),
        (pdu.parse_deliver, GOOD, "no SMS-DELIVER"),
        (pdu.parse_status_report, DELIVER, "no SMS-STATUS-REPORT"),
        (pdu.parse_status_report, REPORT[:-2], "ends inside the status"),
        (pdu.parse_deliver, DELIVER[:-2], "ends inside the user data"),
        (pdu.parse_deliver, DELIVER.replace("05E8", "A1E8"), "141 octets"),
    ],
)
def test_what_is_none_is_named(parse: Callable[[str], object], text: str, words: str) -> None:
    with pytest.raises(pdu.BadPdu, match=words):
        parse(text)


def test_a_sim_s_padding_is_no_part_of_it() -> None:
    assert pdu.parse_deliver(DELIVER + "FF" * 9).text == "hello"


@pytest.mark.parametrize("kind", PARSE)
@given(octets=st.binary(max_size=200))
def test_garbage_is_read_or_named(kind: str, octets: bytes) -> None:
    read_or_named(kind, octets)


@given(st.sampled_from(VECTORS), st.data())
def test_a_damaged_pdu_is_read_or_named(vector: dict[str, Any], data: st.DataObject) -> None:
    octets = bytearray.fromhex(vector["pdu"])
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read_or_named(vector["kind"], bytes(octets[: data.draw(st.integers(0, len(octets)))]))


def read_or_named(kind: str, octets: bytes) -> None:
    """Any other exception than BadPdu is a failure; a text is one that UTF-8 can carry."""
    try:
        said = PARSE[kind](octets.hex())
    except pdu.BadPdu:
        return
    if not isinstance(said, pdu.StatusReport):
        said.text.encode("utf-8")


def test_every_truncation_is_named() -> None:
    for vector in VECTORS:
        if vector["kind"] != "status_report":  # a report may end after its status
            for end in range(0, len(vector["pdu"]), 2):
                with pytest.raises(pdu.BadPdu):
                    PARSE[vector["kind"]](vector["pdu"][:end])


@pytest.mark.parametrize("behind", ["00", "FFFF", "0102030405"])
def test_octets_behind_a_message_take_nothing_from_its_words(behind: str) -> None:
    assert pdu.parse_deliver(DELIVER + behind) == pdu.parse_deliver(DELIVER)
