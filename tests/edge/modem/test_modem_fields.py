"""Addresses and timestamps as they stand in a PDU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import fields
from edge_daemon.modem.fields import BadPdu, Octets


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("0C91198921436587", "+919812345678"),
        ("0A818921436587", "9812345678"),
        ("0B811032547698F0", "01234567890"),  # odd
        ("098110325476F8", "012345678"),
        ("09811032547698", "012345678"),  # no filler where one should be
        ("0C818921436587FF", "9812345678"),  # the length counts the fillers
        ("04A12143", "1234"),  # national
        ("04B12143", "1234"),  # network specific
        ("04C12143", "1234"),  # subscriber
        ("04E12143", "1234"),  # abbreviated
        ("04F12143", "1234"),  # reserved
        ("04112143", "+1234"),  # the high bit is 1 in the standard; what it says counts
        ("09E1BADCBE5AF1", "*#abc#*51"),
        ("0081", ""),
        ("0091", ""),  # a withheld sender: a plus alone would be no number
        ("0191FF", ""),
        ("0DD0F334FC1CA69701", "sipgate"),
        ("14D04937BD2C7797E9D3E614", "InternetSMS"),
        ("04D01100", "_@"),
        ("0ED04162CB189436A5", "AD-FARMR"),
        ("00D0", ""),
    ],
)
def test_addresses(field: str, number: str) -> None:
    octets = Octets.from_hex(field)
    assert fields.read_address(octets) == number
    assert octets.left == 0


@pytest.mark.parametrize("field", ["0C91198921F36587", "04F12F43"])
def test_a_filler_among_digits_is_named(field: str) -> None:
    with pytest.raises(BadPdu, match="filler F"):
        fields.read_address(Octets.from_hex(field))


@pytest.mark.parametrize(
    ("field", "smsc"),
    [
        ("00", None),
        ("0191", None),
        ("0291FF", None),
        ("0297F1", "+1"),
        ("07911326040000F0", "+31624000000"),
        ("04A12143F5", "12345"),
    ],
)
def test_service_centres(field: str, smsc: str | None) -> None:
    assert fields.read_smsc(Octets.from_hex(field)) == smsc


@given(st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True))
def test_an_address_comes_back(number: str) -> None:
    assert fields.read_address(Octets(fields.write_address(number))) == number
    assert fields.read_smsc(Octets(fields.write_smsc(number))) == number


@pytest.mark.parametrize(
    ("field", "time"),
    [
        ("62401121353522", "2026-04-11T12:53:53+05:30"),
        ("62401121353500", "2026-04-11T12:53:53+00:00"),
        ("6240112135358A", "2026-04-11T12:53:53-07:00"),
        ("6240112135350A", "2026-04-11T12:53:53-05:00"),
        ("62401121353512", "2026-04-11T12:53:53+05:15"),
        ("6240112135359F", "2026-04-11T12:53:53-19:45"),
        ("89212221401400", "1998-12-22T12:04:41+00:00"),
        ("09101000000000", "1990-01-01T00:00:00+00:00"),
        ("98101000000000", "2089-01-01T00:00:00+00:00"),
        ("0240927080" + "0000", "2020-04-29T07:08:00+00:00"),
        ("624011213535A0", "2026-04-11T12:53:53+02:30"),  # other readers agree on it
        ("6240112135A522", "2026-04-11T12:53:50+05:30"),  # no digit: 0 (9.2.3.11)
        ("62F01121353522", None),  # so month 0
        ("62401100003522", "2026-04-11T00:00:53+05:30"),
        ("00000000000000", None),
        ("FFFFFFFFFFFFFF", None),
        ("62310121353522", None),
        ("32209221353522", None),  # 29 February 2023
        ("62401142353522", None),
    ],
)
def test_timestamps(field: str, time: str | None) -> None:
    read = fields.read_time(Octets.from_hex(field), "it")
    assert (read and read.isoformat()) == time


@given(st.binary(min_size=7, max_size=7))
def test_any_timestamp_is_read(field: bytes) -> None:
    fields.read_time(Octets(field), "it")
