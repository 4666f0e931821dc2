"""PDUs as lines of JSON, as `krishi-kiosk pdu` reads and writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import pdu, pdu_lines, userdata

VECTORS = [
    json.loads(line) for line in Path(__file__).with_name("pdu_vectors.jsonl").read_text(encoding="utf-8").splitlines()
]
SUBMITS = [vector for vector in VECTORS if vector["kind"] == "submit"]


def line(**values: Any) -> bytes:
    return json.dumps(values).encode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["pdu"][:40])
def test_decodes_what_others_agree_on(vector: dict[str, Any]) -> None:
    said = pdu_lines.decode(line(kind=vector["kind"], pdu=vector["pdu"]))
    assert {key: said.get(key) for key in vector["expected"]} == vector["expected"]
    assert pdu_lines.decode(line(pdu=vector["pdu"])) == said


def test_decodes_as_the_hexadecimal_may_be_written() -> None:
    said = pdu_lines.decode(line(pdu="0011000A8118922143650000AD05E8329BFD06"))
    assert said["text"] == "hello"
    assert pdu_lines.decode(line(pdu="  00 11 000a8118922143650000ad 05e8329bfd06 \r\n")) == said


def test_the_kind_of_a_reserved_type() -> None:
    assert pdu_lines.decode(line(pdu="000704812143000062401121353522" + "00"))["kind"] == "deliver"


@pytest.mark.parametrize("vector", SUBMITS, ids=lambda vector: vector["pdu"][:40])
def test_encodes_what_others_would_read(vector: dict[str, Any]) -> None:
    keys = ["number", "text", "smsc", "coding"]
    asked = {key: vector["expected"][key] for key in keys if key in vector["expected"]}
    (hexadecimal,) = pdu_lines.encode(line(**asked))
    said = pdu_lines.decode(line(kind="submit", pdu=hexadecimal))
    assert {key: said.get(key) for key in asked} == asked
    if not {"concat", "dcs", "udh"} & vector["expected"].keys():  # one part, in the coding that we would choose
        assert without_choices(hexadecimal) == without_choices(vector["pdu"])


def without_choices(hexadecimal: str) -> tuple[str | None, str, userdata.UserData]:
    """What is no choice of the sender's. TP-MR, TP-VP, TP-SRR, TP-RD are, and a national type of number or none."""
    said = pdu.parse_submit(hexadecimal)
    return said.smsc, said.number, said.data


def test_a_message_in_parts() -> None:
    parts = pdu_lines.encode(line(number="+919812345678", text="धान " * 20, reference=300))
    said = [pdu_lines.decode(line(kind="submit", pdu=part)) for part in parts]
    assert [part["concat"] for part in said] == [{"reference": 300, "total": 2, "part": part} for part in (1, 2)]
    assert "".join(part["text"] for part in said) == "धान " * 20


def test_national_tables_are_asked_for() -> None:
    def codings(**more: Any) -> list[tuple[str, int | None]]:
        parts = pdu_lines.encode(line(number="+919812345678", text="धान " * 30, **more))
        said = [pdu_lines.decode(line(kind="submit", pdu=part)) for part in parts]
        return [(part["coding"], part.get("locking_shift")) for part in said]

    assert codings() == [("Unicode", None)] * 2
    assert codings(languages=["hi"]) == codings(coding="Default") == [("Default", 6)]
    assert codings(coding="Unicode", languages=["hi"]) == [("Unicode", None)] * 2


@pytest.mark.parametrize(
    ("given_line", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"7" * 5000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", '"pdu" is missing'),
        (line(kind=7, pdu="00"), '"kind" is missing or not a string'),
        (line(pdu="0"), "hexadecimal"),
        (line(pdu="00"), "ends inside the first octet"),
        (line(kind="deliver"), '"pdu" is missing'),
        (line(kind="deliver", pdu=7), '"pdu" is missing or not a string'),
        (line(kind="nonsense", pdu="00"), '"kind" is one of deliver, submit, status_report'),
        (line(kind="deliver", pdu=""), "ends inside the service centre's length"),
        (line(kind="deliver", pdu="٠٠"), "hexadecimal"),
        (line(kind="deliver", pdu="\ud83d"), "hexadecimal"),
    ],
)
def test_what_cannot_be_decoded_is_named(given_line: bytes, words: str) -> None:
    said = pdu_lines.decode(given_line)
    assert said.keys() == {"error"}
    assert words in said["error"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, '"number" is missing'),
        ({"number": "+919812345678"}, '"text" is missing'),
        ({"number": "+919812345678", "text": ""}, "empty"),
        ({"number": "+919812345678", "text": "a\ud83d"}, "half a surrogate pair"),
        ({"number": "+919812345678", "text": "a" * 50_000}, "SMS parts, and 10 is the most"),
        ({"number": "+919812345678", "text": "धान " * 12_500}, "SMS parts, and 10 is the most"),
        ({"number": "nobody", "text": "a"}, "telephone number"),
        ({"number": "1234", "text": "a", "smsc": "x"}, "service centre"),
        ({"number": "1234", "text": "a", "smsc": 7}, '"smsc" is missing or not a string'),
        ({"number": "1234", "text": "a", "coding": "8bit"}, '"coding" is'),
        ({"number": "1234", "text": "🌾", "coding": "Default"}, "GSM-7 lacks the letter '🌾'"),
        ({"number": "1234", "text": "धान", "coding": "Default", "languages": []}, "GSM-7 lacks the letter 'ध'"),
        ({"number": "1234", "text": "a", "languages": "hi"}, '"languages" is'),
        ({"number": "1234", "text": "a", "languages": ["xx"]}, '"languages" is'),
        ({"number": "1234", "text": "a", "languages": [["hi"]]}, '"languages" is'),
        ({"number": "1234", "text": "a", "reference": 65536}, '"reference" is'),
        ({"number": "1234", "text": "a", "reference": True}, '"reference" is'),
        ({"number": "1234", "text": "a", "reference": "1"}, '"reference" is'),
    ],
)
def test_what_cannot_be_encoded_is_named(asked: dict[str, Any], words: str) -> None:
    said = pdu_lines.encode(line(**asked))
    assert isinstance(said, dict)
    assert words in said["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
KEYS = st.sampled_from(["kind", "pdu", "number", "text", "smsc", "coding", "languages", "reference"])


@given(st.dictionaries(KEYS, JSON | st.sampled_from(["deliver", "submit", "1234", "hi"])))
def test_any_object_gives_a_line(given_object: dict[str, Any]) -> None:
    for said in (pdu_lines.decode(line(**given_object)), pdu_lines.encode(line(**given_object))):
        json.dumps(said, ensure_ascii=False).encode("utf-8")
