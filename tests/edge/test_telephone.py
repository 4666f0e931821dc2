"""Numbers as people give them."""

from __future__ import annotations

import pytest

from edge_daemon.errors import BadTelephone
from edge_daemon.telephone import normalise


@pytest.mark.parametrize(
    "given",
    [
        "9812345678",
        "98123 45678",
        "098123-45678",
        "+91 98123 45678",
        "0091 9812345678",
        "९८१२३४५६७८",
        " (+91) 98123.45678 ",
    ],
)
def test_one_number_in_many_forms(given: str) -> None:
    assert normalise(given, "IN") == "+919812345678"


def test_a_neighbour_s_number_keeps_its_country() -> None:
    assert normalise("+880 1712-345678", "IN") == "+8801712345678"


@pytest.mark.parametrize(
    "given",
    ["", "98123", "farmer", "98123456789012345", "1234567890", "112", "1800-180-1551", "+91 11 2301 2345", "0" * 500],
)
def test_what_no_sms_reaches_is_refused_with_the_number_in_the_sentence(given: str) -> None:
    with pytest.raises(BadTelephone) as caught:
        normalise(given, "IN")
    assert repr(given) in str(caught.value)
