"""Where a text may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.modem.clusters import clusters


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("क्षत्रिय", ["क्ष", "त्रि", "य"]),
        ("क्\u200dष क्\u200cष", ["क्\u200dष", " ", "क्\u200cष"]),
        ("ज़मीन", ["ज़", "मी", "न"]),
        ("धब्बे हाँ।", ["ध", "ब्बे", " ", "हाँ", "।"]),
        ("স্ত্রী", ["স্ত্রী"]),
        ("ക്ഷ ൎക", ["ക്ഷ", " ", "ൎക"]),
        ("👩\u200d🌾👍🏽", ["👩\u200d🌾", "👍🏽"]),
        ("🇮🇳🇳🇵", ["🇮🇳", "🇳🇵"]),
        ("🏴\U000e0067\U000e0062\U000e007fa", ["🏴\U000e0067\U000e0062\U000e007f", "a"]),
        ("a\r\nb", ["a", "\r\n", "b"]),
        ("e\u0301te", ["e\u0301", "t", "e"]),
        ("\u0600۱۲ \u0601\n", ["\u0600۱", "۲", " ", "\u0601", "\n"]),
        ("\u1100\u1161\u11a8\u1100\u1161", ["\u1100\u1161\u11a8", "\u1100\u1161"]),
        ("가\u11a8각\u11a8가가", ["가\u11a8", "각\u11a8", "가", "가"]),
        ("น้ำ", ["น้ำ"]),
        ("", []),
    ],
)
def test_what_a_reader_sees_as_one_letter_is_one_cluster(text: str, pieces: list[str]) -> None:
    assert list(clusters(text)) == pieces


@given(st.text(st.one_of(st.characters(), st.sampled_from("कष्ि\u200d🇮🏽\r\n")), max_size=60))
def test_the_clusters_are_the_text(text: str) -> None:
    pieces = list(clusters(text))
    assert "".join(pieces) == text
    assert all(pieces)
