"""The rules by which a text becomes the parts of an SMS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet
from edge_daemon.modem.clusters import clusters

WITHOUT_SURROGATES = st.characters(exclude_categories=["Cs"])
INDIC = st.sampled_from("कखतरयीािुे्ँंः़\u200d\u200cநல்లోবা।0 ,.")
TEXTS = st.text(st.one_of(WITHOUT_SURROGATES, INDIC, st.sampled_from("abc{}€\r\n")), min_size=1, max_size=400)


@pytest.mark.parametrize(
    ("text", "coding", "parts"),
    [
        ("a" * 160, "GSM-7", [160]),
        ("a" * 161, "GSM-7", [153, 8]),
        ("€" * 80, "GSM-7", [80]),
        ("€" * 81, "GSM-7", [76, 5]),
        ("a" * 152 + "€" + "a" * 10, "GSM-7", [152, 11]),
        ("क" * 70, "UCS-2", [70]),
        ("क" * 71, "UCS-2", [67, 4]),
        ("😀" * 35, "UCS-2", [35]),
        ("😀" * 36, "UCS-2", [33, 3]),
        ("a" * 69 + "ł", "UCS-2", [70]),
        ("a" * 70 + "ł", "UCS-2", [67, 4]),
    ],
)
def test_capacity_and_coding(text: str, coding: str, parts: list[int]) -> None:
    cut = alphabet.split(text)
    assert (cut.coding.name, [len(part) for part in cut.texts]) == (coding, parts)
    assert alphabet.count_parts(text) == len(parts)


def test_a_syllable_moves_to_the_next_part_whole() -> None:
    text = "क" * 65 + "स्त्री" + "क" * 10
    assert alphabet.split(text).texts == ("क" * 65, "स्त्री" + "क" * 10)


def test_a_cluster_larger_than_a_part_is_cut_between_characters() -> None:
    text = "क" + "\u0301" * 100
    assert [len(part) for part in alphabet.split(text).texts] == [67, 34]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("dry \ud83d leaf", "Character 5 (U+D83D)"),
        ("a" * (153 * 10 + 1), "11 SMS parts, and 10 is the most"),
    ],
)
def test_what_no_sms_can_carry_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused) as why:
        alphabet.split(text)
    assert words in str(why.value)


def test_the_most_parts_are_taken() -> None:
    assert alphabet.count_parts("a" * 153 * alphabet.MAX_PARTS) == alphabet.MAX_PARTS


@given(TEXTS)
def test_parts_are_the_text_and_each_fits(text: str) -> None:
    cut = alphabet.split(text[:600])
    assert "".join(cut.texts) == text
    room = cut.coding.capacity(0 if len(cut.texts) == 1 else alphabet.CONCAT_HEADER_OCTETS)
    assert all(sum(cut.coding.units(c) or 0 for c in part) <= room for part in cut.texts)


@given(TEXTS)
def test_parts_end_where_clusters_end(text: str) -> None:
    pieces = list(clusters(text))
    ends = {sum(map(len, pieces[: count + 1])) for count in range(len(pieces))}
    cut = alphabet.split(text)
    place, cuts = 0, set()
    for part in cut.texts:
        place += len(part)
        cuts.add(place)
    largest = max(sum(cut.coding.units(c) or 0 for c in cluster) for cluster in pieces)
    assert cuts <= ends or largest > cut.coding.capacity(alphabet.CONCAT_HEADER_OCTETS)


@given(st.binary(max_size=160).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_packing_keeps_septets(septets: bytes, fill_bits: int) -> None:
    packed = alphabet.pack(septets, fill_bits)
    assert len(packed) == (len(septets) * 7 + fill_bits + 7) // 8
    assert alphabet.unpack(packed, len(septets), fill_bits) == septets


def test_packing_is_the_standard_s() -> None:
    """The example that every handset agrees on: "hellohello" in nine octets."""
    assert alphabet.pack(alphabet.gsm7_septets("hellohello")).hex() == "e8329bfd4697d9ec37"


@pytest.mark.parametrize(
    ("septets", "text"),
    [(b"\x1b\x65", "€"), (b"\x1b\x41", "A"), (b"\x1b\x1b", " "), (b"a\x1b", "a "), (b"\x00\x7f", "@à")],
)
def test_reading_septets(septets: bytes, text: str) -> None:
    assert alphabet.gsm7_text(septets) == text
