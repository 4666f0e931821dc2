"""The rules by which a text becomes the parts of an SMS."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet, national
from edge_daemon.modem.clusters import clusters
from tests.edge.modem.texts import texts

WITHOUT_SURROGATES = st.characters(exclude_categories=["Cs"])
INDIC = st.sampled_from("कखतरयीािुे्ँंः़\u200d\u200cநல்లోবা।0 ,.")
NATIONAL = st.sampled_from(
    sorted(
        {
            letter
            for tables in national.by_identifier().values()
            for letter in (*tables.locking.values(), *tables.single.values())
        }
    )
)
TEXTS = texts(st.one_of(WITHOUT_SURROGATES, INDIC, st.sampled_from("abc{}€\r\n")), most=280)


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


@pytest.mark.parametrize(
    ("text", "shift", "coding", "tables", "parts"),
    [
        ("धान " * 38 + "धान", ["hi"], "GSM-7", (6, 0), [155]),
        ("धान " * 37 + "धा।", ["hi"], "GSM-7", (6, 6), [151]),  # danda is two septets
        ("धान " * 38 + "धान।", ["hi"], "GSM-7", (6, 6), [146, 10]),
        ("अ" * 156, ["hi"], "GSM-7", (6, 0), [149, 7]),
        ("अ" * 70, ["hi"], "UCS-2", (0, 0), [70]),  # as few parts, and every handset shows it
        ("धान " * 38, [], "UCS-2", (0, 0), [67, 67, 18]),
        ("धान " * 38, ["xx", "ta"], "UCS-2", (0, 0), [67, 67, 18]),
        ("ı" * 155, ["hi", "tr"], "GSM-7", (1, 0), [155]),
        ("a" * 150 + "Á", ["es"], "GSM-7", (0, 2), [151]),
        ("न" * 150 + "\u200d", ["hi"], "UCS-2", (0, 0), [67, 67, 17]),
        ("ज़" * 50, ["hi"], "GSM-7", (6, 0), [100]),
    ],
)
def test_national_tables_where_they_are_asked_for(
    text: str, shift: list[str], coding: str, tables: tuple[int, int], parts: list[int]
) -> None:
    cut = alphabet.split(text, shift=shift)
    assert (cut.coding.name, (cut.coding.locking, cut.coding.single)) == (coding, tables)
    assert [len(part) for part in cut.texts] == parts


def test_one_coding_may_be_asked_for() -> None:
    assert alphabet.split("abc", coding="UCS-2").coding is alphabet.UCS2
    assert alphabet.split("धान", coding="GSM-7", shift=["hi"]).coding.locking == 6
    with pytest.raises(Refused, match=r"GSM-7 lacks the letter 'ध' \(U\+0927\)"):
        alphabet.split("a धान", coding="GSM-7")
    with pytest.raises(Refused, match=r"lacks the letter '₹'"):
        alphabet.split("धान ₹", coding="GSM-7", shift=["hi"])


def test_a_wide_reference_takes_room() -> None:
    def lengths(text: str) -> list[int]:
        return [len(part) for part in alphabet.split(text, concat_octets=alphabet.WIDE_CONCAT_OCTETS).texts]

    assert lengths("a" * 160) == [160]
    assert lengths("a" * 161) == [152, 9]
    assert lengths("क" * 71) == [66, 5]


def test_no_language_is_left_out() -> None:
    assert alphabet.languages() == set(re.findall("..", "hibntateknmlgupaorurtrespt"))


@given(TEXTS, st.sets(st.sampled_from(sorted(alphabet.languages())), max_size=2))
def test_parts_are_the_text_and_each_fits(text: str, shift: set[str]) -> None:
    cut = alphabet.split(text, shift=sorted(shift))
    assert "".join(cut.texts) == text
    room = cut.coding.capacity(0 if len(cut.texts) == 1 else alphabet.CONCAT_OCTETS)
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
    assert cuts <= ends or largest > cut.coding.capacity(alphabet.CONCAT_OCTETS)


def pieces(text: str, coding: alphabet.Coding, room: int) -> list[int]:
    """The units of each piece that may not be parted: a cluster, or a character of one that no part can hold."""
    taken = []
    for cluster in clusters(text):
        units = [coding.units(character) or 0 for character in cluster]
        taken += [sum(units)] if sum(units) <= room else units
    return taken


def fewest_parts(text: str, coding: alphabet.Coding, concat_octets: int) -> int:
    """By trying every cut, where the splitter fills one part after the other."""
    if sum(coding.units(character) or 0 for character in text) <= coding.capacity():
        return 1
    room = coding.capacity(concat_octets)
    units = pieces(text, coding, room)
    needed = [0]
    for end in range(1, len(units) + 1):
        filled, best = 0, end
        for start in range(end - 1, -1, -1):
            filled += units[start]
            if filled > room:
                break
            best = min(best, needed[start] + 1)
        needed.append(best)
    return needed[-1]


@settings(deadline=None)
@given(
    texts(st.one_of(NATIONAL, INDIC, st.sampled_from("abc{}€\r\n😀👍🏽👨\u200d👩")), most=800),
    st.sets(st.sampled_from(sorted(alphabet.languages())), max_size=3),
    st.sampled_from(["GSM-7", "UCS-2", None]),
    st.sampled_from([alphabet.CONCAT_OCTETS, alphabet.WIDE_CONCAT_OCTETS]),
)
def test_no_allowed_coding_needs_fewer_parts(
    text: str, shift: set[str], coding: alphabet.TextCoding | None, concat_octets: int
) -> None:
    allowed = [one for one in alphabet.codings(sorted(shift)) if coding in {None, one.name}]
    able = [one for one in allowed if all(one.units(character) is not None for character in text)]
    fewest = min((fewest_parts(text, one, concat_octets) for one in able), default=0)
    if not 1 <= fewest <= alphabet.MAX_PARTS:
        with pytest.raises(Refused, match="10 is the most" if able else "lacks the letter"):
            alphabet.split(text, shift=sorted(shift), coding=coding, concat_octets=concat_octets)
        return
    cut = alphabet.split(text, shift=sorted(shift), coding=coding, concat_octets=concat_octets)
    assert len(cut.texts) == fewest
    assert "".join(cut.texts) == text
    ends = {0}
    for piece in pieces(text, cut.coding, cut.coding.capacity(concat_octets)):
        ends.add(max(ends) + piece)
    units = [sum(cut.coding.units(character) or 0 for character in part) for part in cut.texts]
    assert {sum(units[:count]) for count in range(1, len(units))} <= ends
