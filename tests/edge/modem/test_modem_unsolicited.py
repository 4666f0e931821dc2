"""What a modem says by itself, and what an operator says by USSD."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem import at, septets, unsolicited
from edge_daemon.modem.network_time import read_clock
from edge_daemon.modem.unsolicited import (
    Event,
    MemoryFull,
    Power,
    Restarted,
    Routed,
    SimGone,
    Stored,
    UssdSaid,
)


@pytest.mark.parametrize(
    ("line", "body", "event"),
    [
        ('+CMTI: "SM",3', "", Stored("message", "SM", 3)),
        ('+CMTI:"ME",255', "", Stored("message", "ME", 255)),
        ("+CMTI: SM,3", "", Stored("message", "SM", 3)),
        ('+CDSI: "SR",1', "", Stored("report", "SR", 1)),
        ("+CMT: ,24", "0791", Routed("0791")),
        ("+CDS: 25", "0791", Routed("0791")),
        ("+CMT: ,24", "", None),
        ('+CUSD: 0,"Balance Rs 12.50",15', "", UssdSaid(0, "Balance Rs 12.50")),
        ('+CUSD: 1,"1 Balance\n2 Data",15', "", UssdSaid(1, "1 Balance\n2 Data")),
        ('+CUSD: 0,"Balance Rs 12.50"', "", UssdSaid(0, "Balance Rs 12.50")),
        ('+CUSD: 0,"0930003A00200031",72', "", UssdSaid(0, "र: 1")),
        ("+CUSD: 4", "", UssdSaid(4, None)),
        ("RDY", "", Restarted("RDY")),
        ("+CPIN: NOT READY", "", SimGone()),
        ("+CPIN: READY", "", None),
        ("UNDER-VOLTAGE WARNNING", "", Power("UNDER-VOLTAGE WARNNING")),
        ("NORMAL POWER DOWN", "", Power("NORMAL POWER DOWN")),
        ("+SMS FULL", "", MemoryFull()),
        ("+CREG: 1", "", None),
        ("RING", "", None),
        ("+CMTI: nonsense", "", None),
    ],
)
def test_a_line_means(line: str, body: str, event: Event | None) -> None:
    assert unsolicited.read(at.Unsolicited(line, body), ("+SMS FULL",)) == event


@given(st.text(max_size=80), st.text(max_size=20))
def test_nothing_that_a_modem_says_is_an_error(line: str, body: str) -> None:
    for start in ("", "+CUSD: ", "+CMTI: ", "+CMT: ", '+CUSD: 0,"'):
        unsolicited.read(at.Unsolicited(start + line, body), ("FULL",))


@pytest.mark.parametrize("text", ["Your balance is Rs 104.20 valid till 31-12-2026", "Recharge now {50}"])
def test_packed_septets_in_hexadecimal_are_read(text: str) -> None:
    packed = septets.pack(septets.alphabet_of().write(text)).hex().upper()
    assert unsolicited.ussd_text(packed, 15) == text


@pytest.mark.parametrize("text", ["1234567890123456", "ABCDEF", "Rs 20", ""])
def test_what_only_looks_like_octets_is_left(text: str) -> None:
    assert unsolicited.ussd_text(text, 15) == text


@given(st.text(alphabet="अआइईउऊकखगघ 0123456789.", min_size=4, max_size=60))
def test_ucs2_is_read_whatever_the_scheme_says(text: str) -> None:
    assert unsolicited.ussd_text(text.encode("utf-16-be").hex().upper(), 0x48) == text


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ('"26/11/24,20:30:00+22"', datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ('"26/11/24,10:00:00-20"', datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("26/11/24,15:00:00+00", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ('"26/11/24,15:00:00"', None),
        ('"04/01/01,00:00:12+00"', None),
        ('"80/01/06,00:00:12+22"', None),
        ('"70/01/01,00:00:12+22"', None),
        ('"26/13/24,15:00:00+22"', None),
        ('"26/11/24,15:00:00+99"', None),
        ("", None),
    ],
)
def test_the_network_s_time(said: str, utc: datetime | None) -> None:
    assert read_clock(said) == utc
