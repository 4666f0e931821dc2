"""How right, and how honest. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 15


def expected_calibration_error(confidences: npt.NDArray[Any], right: npt.NDArray[np.bool_]) -> float:
    """Mean gap between confidence and accuracy over BINS bins of equal width (Naeini et al. 2015; Guo et al. 2017)."""
    bins = np.minimum((np.asarray(confidences) * BINS).astype(int), BINS - 1)
    gap = 0.0
    for number in np.unique(bins):
        chosen = bins == number
        gap += float(chosen.mean() * abs(np.asarray(confidences)[chosen].mean() - np.asarray(right)[chosen].mean()))
    return gap
