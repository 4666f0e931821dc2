"""What the kiosk dares to say of a finding. Pure; the numbers are the model's own Rules.

In this order: is it a leaf of a crop that the model knows? Does it fit the crop that the farmer named? Is one disease
likely enough? Are two together? Else the kiosk is not sure, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_daemon.diagnosis import Candidate, Decision, Finding
from edge_daemon.errors import UnknownCrop
from edge_daemon.vision.manifest import Rules

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its candidates, best first; masked to the crop where one was named."""

    decision: Decision
    candidates: tuple[Candidate, ...]


def decide(finding: Finding, crop: str | None, rules: Rules) -> Verdict:
    """Decide. crop: as the farmer named it, None for "don't know". Raises UnknownCrop."""
    calibrated = calibrate(finding.probabilities, rules.temperature)
    everything = ranked(finding.labels, calibrated)
    if crop is None:
        return _verdict(finding, everything, rules)
    candidates = of_crop(finding.labels, calibrated, crop)
    if finding.leaf >= rules.leaf and _another_crop(everything, crop) >= rules.wrong_crop:
        return Verdict(Decision.WRONG_CROP, everything[:SHOWN])
    return _verdict(finding, candidates, rules)


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


def _verdict(finding: Finding, candidates: tuple[Candidate, ...], rules: Rules) -> Verdict:
    shown = candidates[:SHOWN]
    if finding.leaf < rules.leaf:
        return Verdict(Decision.NOT_A_LEAF, shown)
    if shown[0].probability >= rules.answer:
        return Verdict(Decision.ANSWER, shown)
    if len(shown) > 1 and shown[0].probability + shown[1].probability >= rules.two_candidates:
        return Verdict(Decision.TWO_CANDIDATES, shown)
    return Verdict(Decision.NOT_SURE, shown)
