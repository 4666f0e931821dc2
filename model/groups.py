"""Look-alikes: photographs of one class that are often the same plant. They stay together when a part is held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

SEED = 20261123
HELD_OUT = 0.12
"""The share of each class that a network never learns from, so that its limits can be found there."""
LOOK_ALIKE = 0.90
"""Cosine of two frozen embeddings of one class from which on photographs stay together. Stricter than near-duplicates
(0.97), where the top-1 out of fold, 84.9 % in the field, flatters: here it was 81.1 %."""


def groups_of(embeddings: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """A group number for each photograph; look-alikes of a class share one."""
    groups = np.zeros(len(labels), np.int64)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        _, components = connected_components(unit[rows] @ unit[rows].T >= LOOK_ALIKE, directed=False)
        groups[rows] = groups.max() + 1 + components
    return groups


def held_out(
    groups: npt.NDArray[np.int64], labels: npt.NDArray[Any], share: float, generator: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which photographs to keep from learning: of each class whole groups, drawn until they are `share` of it.

    A group that is larger than a third of its class is always learned from.
    """
    out = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        names, sizes = np.unique(groups[rows], return_counts=True)
        small = names[sizes <= max(1, len(rows) // 3)]
        taken = 0
        for name in generator.permutation(small):
            if taken >= share * len(rows):
                break
            chosen = rows[groups[rows] == name]
            out[chosen] = True
            taken += len(chosen)
    return out
