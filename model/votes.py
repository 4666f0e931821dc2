"""What it brings to photograph several leaves: groups are drawn, the kiosk's own vote decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from edge_daemon.vision.decision import of_crop, vote

SIZES = (1, 2, 3, 6)
DRAWS = 3000
SEED = 7


class Photograph(Protocol):
    """Its true label, and the calibrated probability of each of the model's labels."""

    @property
    def label(self) -> str: ...
    @property
    def shares(self) -> tuple[float, ...]: ...


def votes(known: Sequence[Photograph], labels: Sequence[str]) -> dict[str, float | None]:
    """The share of drawn groups whose vote names the true disease, crop given, by the number of leaves in a group.

    A group is of one class, as leaves of one field are; they are of different plants, and their faults differ more than
    those of one visit will. Classes with fewer photographs than the largest group has leaves have no part in it.
    """
    by_label: dict[str, list[Photograph]] = {}
    for photograph in known:
        by_label.setdefault(photograph.label, []).append(photograph)
    enough = {label: own for label, own in by_label.items() if len(own) >= max(SIZES)}
    if not enough:
        return {str(size): None for size in SIZES}
    names = list(enough)
    weights = np.array([len(enough[name]) for name in names], np.float64)
    chance = np.random.default_rng(SEED)
    drawn = chance.choice(len(names), DRAWS, p=weights / weights.sum())
    groups = [chance.permutation(len(enough[names[place]]))[: max(SIZES)] for place in drawn]
    told: dict[str, float | None] = {}
    for size in SIZES:
        right = [
            _named(labels, [enough[names[place]][row] for row in rows[:size]]) == names[place]
            for place, rows in zip(drawn, groups, strict=True)
        ]
        told[str(size)] = sum(right) / DRAWS
    return told


def _named(labels: Sequence[str], group: Sequence[Photograph]) -> str:
    shares = vote([photograph.shares for photograph in group])
    return of_crop(labels, shares, group[0].label.partition("/")[0])[0].label
