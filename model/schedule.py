"""What is shown how often while a network is tuned, and how fast it learns when. Free of torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.dataset import Sample


def chances(samples: Sequence[Sample], field: float = 1.0) -> npt.NDArray[np.float64]:
    """How often each is shown: one of a class and source with n photographs, in proportion to n ** -0.5.

    field: how many times as often if it is from the field.
    """
    counts = Counter((sample.label, sample.source) for sample in samples)
    weights = np.array([counts[sample.label, sample.source] ** -0.5 for sample in samples])
    weights[[sample.setting == "field" for sample in samples]] *= field
    return np.asarray(weights / weights.sum())


def kinds_alike(samples: Sequence[Sample]) -> npt.NDArray[np.float64]:
    """How often each is shown, so that every kind is shown as often as another."""
    counts = Counter(sample.label for sample in samples)
    weights = np.array([1 / counts[sample.label] for sample in samples])
    return np.asarray(weights / weights.sum())


def pace_at(done: int, rough: int, total: int) -> float:
    """The share of the top rate: a cosine to nothing after `rough` steps, then another (Loshchilov and Hutter 2017)."""
    begun, ends = (0, min(rough, total)) if done < rough else (rough, total)
    into = done - begun
    return min(1.0, (into + 1) / 100) * 0.5 * (1 + math.cos(math.pi * into / (ends - begun)))
