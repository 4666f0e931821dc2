"""GSM 7-bit alphabets: the default one and those of the national language tables."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import national
from edge_daemon.modem.septets import ESCAPE, alphabet_of, pack, unpack
from tests.edge.modem.texts import SAMPLES

IDENTIFIERS = st.integers(0, 14)


@given(st.binary(max_size=160).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_packing_keeps_septets(septets: bytes, fill_bits: int) -> None:
    packed = pack(septets, fill_bits)
    assert len(packed) == (len(septets) * 7 + fill_bits + 7) // 8
    assert unpack(packed, len(septets), fill_bits) == septets


def test_packing_is_the_standard_s() -> None:
    """The example that every handset agrees on: "hellohello" in nine octets."""
    assert pack(alphabet_of().write("hellohello")).hex() == "e8329bfd4697d9ec37"


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        (b"\x1b\x65", "€"),
        (b"\x1b\x41", "A"),
        (b"\x1b\x1b", " "),
        (b"\x1b\x1ba", " a"),
        (b"a\x1b", "a "),
        (b"\x00\x7f", "@à"),
        (b"\x1b\x0a\x1b\x0d", "\f\r"),
        (b"\x09\x0b", "ÇØ"),
    ],
)
def test_reading_the_default_alphabet(septets: bytes, text: str) -> None:
    assert alphabet_of().read(septets) == text


@pytest.mark.parametrize(
    ("locking", "single", "septets", "text"),
    [
        ("hi", None, b"\x00\x1b\x28\x1b\x41", "ँ{भ"),  # the extension's brace; no 41 in it, so the locking table's
        ("hi", "hi", b"\x12\x1b\x41\x1b\x19\x1b\x00", "ऒA।@"),
        (None, "hi", b"A\x1b\x19", "A।"),
        ("tr", "hi", b"\x07\x1b\x19", "ı।"),
        (None, "es", b"\x1b\x41\x1b\x4f", "ÁÓ"),
        ("es", None, b"A\x0b", "AØ"),  # no such table: the default
        ("kn", None, b"\x24\x3d", "ಡಪ"),
        ("bn", None, b"\x0c\x1b\x1b\x5c", "   "),  # 0C and 5C hold nothing
        ("te", "te", b"\x1b\x65", "€"),
        ("ur", "ur", b"\x00\x1b\x3f", "ا۔"),
    ],
)
def test_reading_national_tables(locking: str | None, single: str | None, septets: bytes, text: str) -> None:
    of = national.by_language()
    alphabet = alphabet_of(of[locking].identifier if locking else 0, of[single].identifier if single else 0)
    assert alphabet.read(septets) == text


@pytest.mark.parametrize("identifier", [0, *national.by_identifier()])
def test_every_letter_of_a_table_comes_back(identifier: int) -> None:
    alphabet = alphabet_of(identifier, identifier)
    for code in range(128):
        for septets in (bytes([code]), bytes([ESCAPE, code])):
            letter = alphabet.read(septets)
            written = alphabet.septets(letter)
            assert written is None or alphabet.read(written) == letter
            assert written is not None or septets in {b"\x1b", bytes([ESCAPE, 0x65])} or letter == " "


def test_the_tables_have_the_letters_of_their_language() -> None:
    """Vowels, consonants and signs of each script that the kiosk's languages use every day."""
    assert SAMPLES.keys() == national.by_language().keys()
    for language, text in SAMPLES.items():
        identifier = national.by_language()[language].identifier
        alphabet = alphabet_of(identifier, identifier)
        assert [letter for letter in text if alphabet.septets(letter) is None] == [], language
        assert alphabet.read(alphabet.write(text)) == text


def test_what_unicode_holds_equal_is_written() -> None:
    """U+095B is a letter of the single shift table; with the locking table alone it is two."""
    hindi = national.by_language()["hi"].identifier
    assert alphabet_of(hindi, hindi).read(alphabet_of(hindi, hindi).write("\u095b")) == "\u095b"
    assert alphabet_of(hindi, 0).read(alphabet_of(hindi, 0).write("\u095b")) == "\u091c\u093c"
    assert alphabet_of().septets("\u2126") is None  # the default alphabet is taken by the letter


def test_what_handsets_disagree_on_is_read_and_not_written() -> None:
    telugu = national.by_language()["te"].identifier
    assert alphabet_of(telugu, telugu).septets("€") is None
    assert alphabet_of(telugu, 0).septets("€") == b"\x1b\x65"  # there by the default extension


def test_joiners_and_foreign_letters_are_in_no_table() -> None:
    for identifier in national.by_identifier():
        assert [alphabet_of(identifier, identifier).septets(letter) for letter in "\u200c\u200d₹😀"] == [None] * 4
    with pytest.raises(KeyError):
        alphabet_of(6, 6).write("धान\u200d")


@given(IDENTIFIERS, IDENTIFIERS, st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])), st.data())
def test_what_is_written_is_read(locking: int, single: int, text: str, data: st.DataObject) -> None:
    alphabet = alphabet_of(locking, single)
    letters = [alphabet.read(bytes([code])) for code in range(128)] + [
        alphabet.read(bytes([ESCAPE, code])) for code in range(128)
    ]
    text += data.draw(st.text(st.sampled_from(letters)))
    known = "".join(letter for letter in text if alphabet.septets(letter) is not None)
    read = alphabet.read(alphabet.write(known))
    assert unicodedata.normalize("NFC", read) == unicodedata.normalize("NFC", known)


@given(IDENTIFIERS, IDENTIFIERS, st.binary(max_size=60).map(lambda octets: bytes(octet & 0x7F for octet in octets)))
def test_any_septets_are_read(locking: int, single: int, septets: bytes) -> None:
    assert len(alphabet_of(locking, single).read(septets)) <= len(septets)
