"""Validity periods in their three formats."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem.fields import BadPdu, Octets
from edge_daemon.modem.validity import RELATIVE, Validity, read_validity, relative

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("octet", "validity"),
    [
        (0, 5 * MINUTE),
        (143, 12 * HOUR),
        (144, 12 * HOUR + 30 * MINUTE),
        (167, DAY),
        (168, 2 * DAY),
        (173, 7 * DAY),
        (196, 30 * DAY),
        (197, 35 * DAY),
        (255, 63 * 7 * DAY),
    ],
)
def test_the_relative_format(octet: int, validity: timedelta) -> None:
    assert read_validity(Octets(bytes([octet])), RELATIVE) == validity
    assert relative(validity) == octet


@given(st.timedeltas(timedelta(seconds=1), timedelta(weeks=63)))
def test_what_is_written_is_no_shorter(validity: timedelta) -> None:
    octet = relative(validity)
    written = read_validity(Octets(bytes([octet])), RELATIVE)
    assert isinstance(written, timedelta)
    assert validity <= written <= max(validity * 2, 5 * MINUTE)


@pytest.mark.parametrize("validity", [timedelta(0), -DAY, timedelta(weeks=63, seconds=1)])
def test_what_the_format_lacks_is_named(validity: timedelta) -> None:
    with pytest.raises(ValueError, match="5 minutes to 63 weeks"):
        relative(validity)


@pytest.mark.parametrize(
    ("form", "field", "validity"),
    [
        (0b00, "", None),
        (0b11, "11100320038548", datetime(2011, 1, 30, 2, 30, 58, tzinfo=timezone(-HOUR))),
        (0b11, "00000000000000", None),
        (0b01, "00000000000000", None),
        (0b01, "01AD0000000000", 7 * DAY),
        (0b01, "410B0000000000", HOUR),  # single shot
        (0b01, "022D0000000000", timedelta(seconds=45)),
        (0b01, "02000000000000", None),  # reserved
        (0b01, "03215143000000", timedelta(hours=12, minutes=15, seconds=34)),
        (0b01, "04000000000000", None),
        (0b01, "81AD0000000000", None),
    ],
)
def test_the_other_formats(form: int, field: str, validity: Validity | None) -> None:
    octets = Octets.from_hex(field)
    assert read_validity(octets, form) == validity
    assert octets.left == 0


@pytest.mark.parametrize(("form", "field"), [(0b10, ""), (0b01, "01AD"), (0b11, "111003200385")])
def test_a_period_that_is_cut_off_is_named(form: int, field: str) -> None:
    with pytest.raises(BadPdu, match="ends inside the validity period"):
        read_validity(Octets.from_hex(field), form)
