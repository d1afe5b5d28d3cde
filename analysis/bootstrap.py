"""Bootstrap: how far a mean may be off, by drawing from what was measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Share of the draws inside an interval."""


def bootstrap_mean(values: NDArray[np.float64], *, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval, 95 %, of a mean (Efron and Tibshirani 1993, chapter 13).

    Parameters
    ----------
    values
        float64, shape (n,), n at least 1.
    resamples, seed
        How many samples are drawn with replacement, and the seed.

    Examples
    --------
    >>> bootstrap_mean(np.full(7, 0.5))
    (0.5, 0.5)
    """
    drawn = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
