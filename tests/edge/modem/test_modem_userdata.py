"""User data: what a TP-DCS says, and what a header says."""

from __future__ import annotations

import pytest

from edge_daemon.modem import alphabet
from edge_daemon.modem.fields import BadPdu, Octets
from edge_daemon.modem.userdata import (
    Concat,
    Ports,
    Scheme,
    UserData,
    join,
    read_scheme,
    read_user_data,
    write_user_data,
)


@pytest.mark.parametrize(
    ("dcs", "scheme"),
    [
        (0x00, Scheme("GSM-7")),
        (0x01, Scheme("GSM-7")),  # class bits without bit 4 mean nothing
        (0x10, Scheme("GSM-7", 0)),
        (0x11, Scheme("GSM-7", 1)),
        (0x04, Scheme("8-bit")),
        (0x17, Scheme("8-bit", 3)),
        (0x08, Scheme("UCS-2")),
        (0x18, Scheme("UCS-2", 0)),
        (0x0C, Scheme("GSM-7")),  # reserved alphabet
        (0x20, Scheme("8-bit", compressed=True)),
        (0x38, Scheme("8-bit", 0, compressed=True)),
        (0x48, Scheme("UCS-2")),  # marked for automatic deletion
        (0x52, Scheme("GSM-7", 2)),
        (0x80, Scheme("GSM-7")),  # reserved groups
        (0xBF, Scheme("GSM-7")),
        (0xC8, Scheme("GSM-7")),  # message waiting
        (0xD8, Scheme("GSM-7")),
        (0xE8, Scheme("UCS-2")),
        (0xF0, Scheme("GSM-7", 0)),
        (0xF6, Scheme("8-bit", 2)),
        (0xFD, Scheme("8-bit", 1)),  # bit 3 is reserved
    ],
)
def test_data_coding_schemes(dcs: int, scheme: Scheme) -> None:
    """3GPP TS 23.038, 4."""
    assert read_scheme(dcs) == scheme


def test_every_data_coding_scheme_means_something() -> None:
    assert {read_scheme(dcs).coding for dcs in range(256)} == {"GSM-7", "UCS-2", "8-bit"}


def read(header: str, dcs: int = 0x08, body: bytes = "AB".encode("utf-16-be")) -> UserData:
    octets = bytes.fromhex(header) + body
    return read_user_data(Octets(bytes([len(octets)]) + octets), dcs, has_header=True)


@pytest.mark.parametrize(
    ("header", "concat"),
    [
        ("0500034C0201", Concat(0x4C, 2, 1)),
        ("060804012C0303", Concat(300, 3, 3, is_wide=True)),
        ("0B05040B8423F000034C0201", Concat(0x4C, 2, 1)),  # ports, then parts
        ("0A00034C020100034D0201", Concat(0x4D, 2, 1)),  # the last of two counts
        ("0B00034C0201080401000202", Concat(256, 2, 2, is_wide=True)),
        ("0500034C0200", None),  # no part 0
        ("0500034C0203", None),  # no part 3 of 2
        ("0500034C0000", None),
        ("0A00034C020100034D0200", Concat(0x4C, 2, 1)),  # the last is to be ignored
        ("0400024C02", None),  # an element of another length
        ("0600034C020100", None),  # it does not end where the header does: all is ignored
        ("0500044C0201", None),
        ("00", None),
        ("0370010A", None),
        ("080000034C02017000"[:18], None),
    ],
)
def test_parts_in_a_header(header: str, concat: Concat | None) -> None:
    data = read(header)
    assert data.concat == concat
    assert (join([data]), data.header.hex().upper()) == ("AB", header)


@pytest.mark.parametrize(
    ("header", "locking", "single"),
    [
        ("03240106", 0, 6),
        ("03250106", 6, 0),
        ("06250106240106", 6, 6),
        ("0624010125010B", 11, 1),
        ("06240101240106", 0, 6),
        ("0325010E", 0, 0),  # reserved
        ("06250106250100", 6, 0),
        ("0425020606", 0, 0),
        ("0B000307020125010624010D", 6, 13),
    ],
)
def test_national_tables_in_a_header(header: str, locking: int, single: int) -> None:
    data = read(header)
    assert (data.locking, data.single) == (locking, single)


def test_ports_in_a_header() -> None:
    assert read("0605040B8423F0", 0x04, b"\x01\x06").ports == Ports(2948, 9200)
    assert read("0404027B7C", 0xF5, b"\x01\x06").ports == Ports(0x7B, 0x7C)
    data = read("0605040B8423F0", 0x04, b"\x01\x06")
    assert (data.coding, data.units, join([data])) == ("8-bit", b"\x01\x06", "")


@pytest.mark.parametrize("concat", [None, Concat(7, 2, 1), Concat(300, 2, 1, is_wide=True)])
@pytest.mark.parametrize("coding", list(alphabet.codings(["hi", "es"])))
def test_fill_bits_are_those_that_are_read(concat: Concat | None, coding: alphabet.Coding) -> None:
    written = write_user_data("123 abc", coding, concat)
    data = read_user_data(Octets(written), coding.dcs, has_header=bool(concat or coding.locking or coding.single))
    assert join([data]) == "123 abc"
    assert (data.concat, data.locking, data.single) == (concat, coding.locking, coding.single)


def test_parts_of_unlike_codings_are_joined() -> None:
    parts = [UserData("GSM-7", b"a\x1b"), UserData("GSM-7", b"\x65b"), UserData("UCS-2", b"\x09\x05")]
    parts += [UserData("GSM-7", b"\x03", locking=6), UserData("8-bit", b"\xff")]
    assert join(parts) == "a€bअअ"


def test_a_ucs2_unit_that_a_stranger_cut_comes_together() -> None:
    """A sender that fills 133 octets beside a wide reference parts a unit, which 9.2.3.24.8 forbids."""
    octets = "धान".encode("utf-16-be")
    parts = [read(f"060804012C020{place}", body=body) for place, body in ((1, octets[:3]), (2, octets[3:]))]
    assert join(parts) == "धान"
    assert join(parts[:1]) == "ध\ufffd"


@pytest.mark.parametrize(
    ("octets", "dcs", "words"),
    [
        ("", 0, "ends inside the user data length"),
        ("03C3", 0, "ends inside the user data"),
        ("A1" + "00" * 141, 0, "141 octets, and 140"),
        ("8D" + "00" * 141, 4, "141 octets, and 140"),
        ("00", 0, "header is longer"),
        ("0605000301", 4, "ends inside the user data"),
        ("0405000302", 4, "header is longer"),
        ("04050003", 0, "ends inside"),
        ("0605000302010100", 0, "header is longer"),
    ],
)
def test_user_data_that_cannot_be_is_named(octets: str, dcs: int, words: str) -> None:
    with pytest.raises(BadPdu, match=words):
        read_user_data(Octets.from_hex(octets), dcs, has_header=dcs != 8)
