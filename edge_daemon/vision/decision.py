"""What the kiosk dares to say of the findings of a visit. Pure; the numbers are the model's own Rules.

In this order: is it a leaf of a crop that the model knows? Does it fit the crop that the farmer named? Is one disease
likely enough? Are at most two possible? Else the kiosk is not sure, and says so. Several leaves of one visit vote.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_daemon.diagnosis import Candidate, Decision, Finding
from edge_daemon.errors import UnknownCrop
from edge_daemon.vision.manifest import Rules

SHOWN = 5
LEAST = 0.01
"""In a vote, a leaf's probability of a label is taken for at least this share of the most that any leaf gave it: one
leaf must not veto what all others say."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its candidates, best first; masked to the crop where one was named. voted: how many leaves."""

    decision: Decision
    candidates: tuple[Candidate, ...]
    voted: int = 1


def decide(findings: Sequence[Finding], crop: str | None, rules: Rules) -> Verdict:
    """Decide on a visit's findings, the newest last. crop: as the farmer named it, None for "don't know".

    The newest has to be a leaf; then all that are leaves vote. Raises UnknownCrop.
    """
    newest = findings[-1]
    leaves = [finding for finding in findings if finding.leaf >= rules.leaf]
    if newest.leaf < rules.leaf:
        return Verdict(Decision.NOT_A_LEAF, _within(newest.labels, _calibrated([newest], rules), crop)[:SHOWN])
    probabilities = _calibrated(leaves, rules)
    candidates = _within(newest.labels, probabilities, crop)
    if crop is not None:
        everything = ranked(newest.labels, probabilities)
        if _another_crop(everything, crop) >= rules.wrong_crop:
            return Verdict(Decision.WRONG_CROP, everything[:SHOWN], len(leaves))
    return Verdict(_sure_of(candidates, crop, rules), candidates[:SHOWN], len(leaves))


def vote(leaves: Sequence[Sequence[float]]) -> list[float]:
    """The geometric mean of several leaves' probabilities, made to sum to 1 again; of one leaf, its own."""
    if len(leaves) == 1:
        return list(leaves[0])
    means = [_geometric_mean(of_label) for of_label in zip(*leaves, strict=True)]
    total = math.fsum(means)
    return [value / total for value in means]


def _geometric_mean(shares: Sequence[float]) -> float:
    least = max(LEAST * max(shares), TINY)
    return math.exp(math.fsum(math.log(max(share, least)) for share in shares) / len(shares))


def warmth(finding: Finding, label: str) -> tuple[float, ...]:
    """Which of 7 x 7 places speak most for a label, 0 to 1, row by row; empty if the model does not tell.

    A class activation map (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization").
    """
    if not finding.where:
        return ()
    places = finding.where[finding.labels.index(label)]
    least, most = min(places), max(places)
    return tuple(round((place - least) / (most - least), 3) if most > least else 0.0 for place in places)


def _calibrated(leaves: Sequence[Finding], rules: Rules) -> list[float]:
    return vote([calibrate(finding.probabilities, rules.temperature) for finding in leaves])


def _within(labels: Sequence[str], probabilities: Sequence[float], crop: str | None) -> tuple[Candidate, ...]:
    return ranked(labels, probabilities) if crop is None else of_crop(labels, probabilities, crop)


def calibrate(probabilities: Sequence[float], temperature: float) -> list[float]:
    """Probabilities at another temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""
    raised = [probability ** (1 / temperature) for probability in probabilities]
    total = sum(raised)
    return [value / total for value in raised]


def ranked(labels: Sequence[str], probabilities: Sequence[float]) -> tuple[Candidate, ...]:
    """Every label with its probability, best first."""
    best_first = sorted(zip(labels, probabilities, strict=True), key=lambda pair: -pair[1])
    return tuple(Candidate(label, min(1.0, probability)) for label, probability in best_first)


def of_crop(labels: Sequence[str], probabilities: Sequence[float], crop: str) -> tuple[Candidate, ...]:
    """The labels of one crop, best first, their probabilities made to sum to 1. Raises UnknownCrop."""
    ours = [(label, p) for label, p in zip(labels, probabilities, strict=True) if label.startswith(f"{crop}/")]
    if not ours:
        known = sorted({label.partition("/")[0] for label in labels})
        raise UnknownCrop(f"The model does not know the crop {crop!r}. It knows: {', '.join(known)}.")
    total = sum(p for _, p in ours)
    shares = [p / total if total > 0 else 1 / len(ours) for _, p in ours]
    return ranked([label for label, _ in ours], shares)


def _another_crop(everything: Sequence[Candidate], crop: str) -> float:
    """The probability of the likeliest other crop, all its diseases together."""
    shares: dict[str, float] = {}
    for candidate in everything:
        shares[candidate.crop] = shares.get(candidate.crop, 0.0) + candidate.probability
    return max((share for other, share in shares.items() if other != crop), default=0.0)


def _sure_of(candidates: Sequence[Candidate], crop: str | None, rules: Rules) -> Decision:
    first = candidates[0].probability
    if first >= rules.answer:
        return Decision.ANSWER
    if len(candidates) > 1 and _at_most_two_possible(candidates, rules.possible.get(crop or ""), rules):
        return Decision.TWO_CANDIDATES
    return Decision.NOT_SURE


def _at_most_two_possible(candidates: Sequence[Candidate], least: float | None, rules: Rules) -> bool:
    """Whether two hold nearly all, and no third is still possible for this crop."""
    if candidates[0].probability + candidates[1].probability < rules.two_candidates:
        return False
    return least is None or len(candidates) == 2 or candidates[2].probability < least
