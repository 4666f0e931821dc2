"""Registered texts: what fits, what does not, and what stands in the slots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.aggregator.templates import SLOT, choose, fit
from edge_daemon.config import Template

HINDI = "किसान संदेश: {#var#} की फसल में {#var#} हुआ? उत्तर 1 हाँ, 2 नहीं"


@pytest.mark.parametrize(
    ("template", "text", "values"),
    [
        ("Did it help? {#var#}", "Did it help? Reply 1 or 2", ("Reply 1 or 2",)),
        ("{#var#} is better", "Rice is better", ("Rice",)),
        (HINDI, "किसान संदेश: धान की फसल में सुधार हुआ? उत्तर 1 हाँ, 2 नहीं", ("धान", "सुधार")),
        ("All fixed.", "All fixed.", ()),
        ("All fixed.", "All fixed!", None),
        ("x {#var#}.", "x " + "a" * 30 + ".", ("a" * 30,)),
        ("x {#var#}.", "x " + "a" * 31 + ".", None),
        ("x {#var#}{#var#}.", "x " + "a" * 31 + ".", ("a", "a" * 30)),
        ("x {#var#}.", "x .", None),
        ("x {#var#}. y", "x a. b. y", ("a. b",)),
        ("x {#var#}.", "y a.", None),
        ("", "", ()),
    ],
)
def test_a_text_and_a_template(template: str, text: str, values: tuple[str, ...] | None) -> None:
    assert fit(template, text) == values


def test_the_first_template_that_fits_is_taken() -> None:
    templates = [Template(id="1", text="no"), Template(id="2", text="a {#var#}"), Template(id="3", text="{#var#}")]
    assert choose(templates, "a b") == (templates[1], ("b",))
    assert choose(templates, "c") == (templates[2], ("c",))
    assert choose(templates, "c" * 31) is None


def test_slots_side_by_side_take_no_time_that_grows_with_their_ways() -> None:
    assert fit(SLOT * 40 + "!", "a" * 1000) is None


PIECES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"), max_size=8)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"), min_size=1, max_size=30)


@given(PIECES, st.lists(st.tuples(VALUES, PIECES), max_size=5))
def test_a_filled_template_fits_and_gives_the_same_text_back(begin: str, rest: list[tuple[str, str]]) -> None:
    template = begin + "".join(SLOT + piece for _, piece in rest)
    text = begin + "".join(value + piece for value, piece in rest)
    values = fit(template, text)
    assert values is not None
    again = template
    for value in values:
        assert 1 <= len(value) <= 30
        again = again.replace(SLOT, value, 1)
    assert again == text
