"""What the kiosk dares to say: a table of cases, and what must hold for every finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.diagnosis import Decision, Finding
from edge_daemon.errors import UnknownCrop
from edge_daemon.vision.decision import SHOWN, calibrate, decide, vote, warmth
from edge_daemon.vision.manifest import Rules

LABELS = ("rice/blast", "rice/brown_spot", "rice/healthy", "maize/rust", "maize/healthy", "tomato/late_blight")
RULES = Rules(temperature=1.0, answer=0.7, two_candidates=0.8, leaf=0.2, wrong_crop=0.9)


def finding(*probabilities: float, leaf: float = 0.9) -> Finding:
    return Finding(LABELS, probabilities, leaf, (0.0,), "m-1")


@pytest.mark.parametrize(
    ("probabilities", "leaf", "crop", "decision", "best"),
    [
        ((0.85, 0.05, 0.04, 0.03, 0.02, 0.01), 0.9, "rice", Decision.ANSWER, "rice/blast"),
        ((0.85, 0.05, 0.04, 0.03, 0.02, 0.01), 0.9, None, Decision.ANSWER, "rice/blast"),
        ((0.50, 0.40, 0.04, 0.03, 0.02, 0.01), 0.9, "rice", Decision.TWO_CANDIDATES, "rice/blast"),
        ((0.40, 0.30, 0.20, 0.05, 0.03, 0.02), 0.9, None, Decision.NOT_SURE, "rice/blast"),
        ((0.85, 0.05, 0.04, 0.03, 0.02, 0.01), 0.1, "rice", Decision.NOT_A_LEAF, "rice/blast"),
        ((0.85, 0.05, 0.04, 0.03, 0.02, 0.01), 0.1, None, Decision.NOT_A_LEAF, "rice/blast"),
        ((0.01, 0.01, 0.01, 0.02, 0.94, 0.01), 0.9, "rice", Decision.WRONG_CROP, "maize/healthy"),
        ((0.01, 0.01, 0.01, 0.02, 0.94, 0.01), 0.1, "rice", Decision.NOT_A_LEAF, "rice/blast"),
        ((0.20, 0.02, 0.01, 0.02, 0.74, 0.01), 0.9, "rice", Decision.ANSWER, "rice/blast"),
        ((0.20, 0.02, 0.01, 0.02, 0.74, 0.01), 0.9, None, Decision.ANSWER, "maize/healthy"),
        ((0.10, 0.02, 0.01, 0.02, 0.84, 0.01), 0.9, "tomato", Decision.ANSWER, "tomato/late_blight"),
    ],
)
def test_the_table(
    probabilities: tuple[float, ...], leaf: float, crop: str | None, decision: Decision, best: str
) -> None:
    verdict = decide([finding(*probabilities, leaf=leaf)], crop, RULES)
    assert (verdict.decision, verdict.candidates[0].label) == (decision, best)


def test_a_crop_that_the_model_does_not_know_is_named_with_those_it_knows() -> None:
    with pytest.raises(UnknownCrop, match=r"'banana'.*maize, rice, tomato"):
        decide([finding(1, 0, 0, 0, 0, 0)], "banana", RULES)


def test_a_higher_temperature_is_more_modest() -> None:
    assert calibrate([0.9, 0.1], 2.0)[0] == pytest.approx(0.75)
    assert calibrate([0.9, 0.1], 1.0)[0] == pytest.approx(0.9)


findings = st.lists(st.floats(1e-9, 1), min_size=6, max_size=6).map(lambda w: finding(*(x / sum(w) for x in w)))


@given(findings, st.sampled_from(["rice", "maize", "tomato", None]), st.floats(0.2, 5))
def test_whatever_is_found(found: Finding, crop: str | None, temperature: float) -> None:
    verdict = decide([found], crop, RULES.model_copy(update={"temperature": temperature}))
    shares = [candidate.probability for candidate in verdict.candidates]
    assert 1 <= len(shares) <= SHOWN
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.0 + 1e-6
    if crop and verdict.decision is not Decision.WRONG_CROP:
        assert {candidate.crop for candidate in verdict.candidates} == {crop}
    if verdict.decision is Decision.ANSWER:
        assert shares[0] >= RULES.answer


@given(findings)
def test_probabilities_of_one_crop_sum_to_one(found: Finding) -> None:
    verdict = decide([found], "rice", RULES.model_copy(update={"wrong_crop": 1.0}))
    if verdict.decision is not Decision.WRONG_CROP:
        assert sum(candidate.probability for candidate in verdict.candidates) == pytest.approx(1.0)


def test_leaves_of_one_visit_vote_by_their_geometric_mean() -> None:
    sure, unsure = finding(0.9, 0.1, 0, 0, 0, 0), finding(0.4, 0.6, 0, 0, 0, 0)
    assert decide([unsure], "rice", RULES).candidates[0].label == "rice/brown_spot"
    verdict = decide([sure, unsure], "rice", RULES)
    assert (verdict.candidates[0].label, verdict.voted) == ("rice/blast", 2)
    assert verdict.candidates[0].probability == pytest.approx(0.6 / (0.6 + 0.06**0.5), abs=1e-3)


def test_one_leaf_cannot_veto_what_the_others_say() -> None:
    others = [finding(0.9, 0.1, 0, 0, 0, 0)] * 4
    assert decide([*others, finding(0, 1, 0, 0, 0, 0)], "rice", RULES).candidates[0].label == "rice/blast"


def test_a_photo_that_is_no_leaf_says_so_and_does_not_vote() -> None:
    leaf, hand = finding(0.9, 0.1, 0, 0, 0, 0), finding(0, 1, 0, 0, 0, 0, leaf=0.1)
    assert decide([leaf, hand], "rice", RULES).decision is Decision.NOT_A_LEAF
    verdict = decide([hand, leaf], "rice", RULES)
    assert (verdict.decision, verdict.voted) == (Decision.ANSWER, 1)


@given(st.lists(findings, min_size=1, max_size=6))
def test_a_vote_is_a_distribution_whatever_the_order(found: list[Finding]) -> None:
    shares = vote([finding.probabilities for finding in found])
    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx(vote([finding.probabilities for finding in reversed(found)]))


@pytest.mark.parametrize(
    ("probabilities", "crop", "decision"),
    [
        ((0.55, 0.35, 0.05, 0.05, 0, 0), "rice", Decision.TWO_CANDIDATES),  # the third is below 0.1
        ((0.50, 0.30, 0.20, 0.00, 0, 0), "rice", Decision.NOT_SURE),
        ((0.40, 0.40, 0.08, 0.12, 0, 0), None, Decision.NOT_SURE),  # 0.12 is above the 0.05 of no crop
        ((0.00, 0.00, 0.00, 0.00, 0.6, 0.4), "maize", Decision.ANSWER),  # maize has one label here
    ],
)
def test_at_most_two_have_to_be_possible_for_the_named_crop(
    probabilities: tuple[float, ...], crop: str | None, decision: Decision
) -> None:
    rules = RULES.model_copy(update={"possible": {"rice": 0.1, "": 0.05}})
    assert decide([finding(*probabilities)], crop, rules).decision is decision


def test_warmth_shows_where_a_label_was_seen() -> None:
    places = tuple(tuple(float(place == label) for place in range(49)) for label in range(6))
    seen = replace(finding(1, 0, 0, 0, 0, 0), where=places)
    assert warmth(seen, "rice/brown_spot") == tuple(float(place == 1) for place in range(49))
    assert warmth(replace(seen, where=((2.0,) * 49,) * 6), "rice/blast") == (0.0,) * 49
    assert warmth(finding(1, 0, 0, 0, 0, 0), "rice/blast") == ()
