"""Texts as long as messages are: hypothesis draws short ones unless it is told the length, and they are never cut."""

from __future__ import annotations

from hypothesis import strategies as st

MOST_LETTERS = 400


def texts(letters: st.SearchStrategy[str], most: int = MOST_LETTERS) -> st.SearchStrategy[str]:
    """Texts of these letters, of one up to `most` of them, long ones as often as short ones."""
    return st.integers(1, most).flatmap(lambda length: st.text(letters, min_size=length, max_size=length))
