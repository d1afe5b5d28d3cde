"""The base rate: how often a unit fires for anything, and whether its firing tells the label from that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .statistics import ERROR_MARGIN_LEVELS, as_sample, fishers_exact


@dataclass(frozen=True, slots=True)
class BaseRate:
    """Whether there is a level of activation that tells the label's images from others.

    Attributes
    ----------
    p
        The smallest p of Fisher's exact test among the levels that qualify, times the number of levels, at
        most 1. Where none qualifies, the same of the threshold alone.
    cutoff
        The level that this is the p of, as an activation; None where none qualifies.
    smallest
        The p if all target images exceeded a level and no other image did: with so many images none is smaller.
    """

    p: float
    cutoff: float | None
    smallest: float


def base_rate(
    target: npt.ArrayLike, non_target: npt.ArrayLike, *, threshold: float, maximum: float, gate: float
) -> BaseRate:
    """Look for a level of activation that passes the gate for target images and not for others.

    A unit that fires for 85 % of all images passes the gate of 80 % for whatever label it is given. So the
    gate says something about the label at those levels only at which the non-target images fail it. The
    levels are the threshold and the error-margin levels of Dalal et al. 2024 (arXiv 2405.09580), 20, 40 and
    60 % of the unit's maximum: a unit that is never quite silent may still be loud for its label alone. A
    level qualifies if at least `gate` percent of the target images exceed it and less than `gate` percent of
    the non-target images do; the one-sided Fisher's exact test at that level says whether the two shares are
    too close for the number of images. Its p is multiplied by the number of levels (Bonferroni). With few images
    even the clearest outcome has a p that decides nothing, which `smallest` tells: 4 / 70 for 4 against 4.

    Parameters
    ----------
    target, non_target
        Activations, shapes (n₁,) and (n₂,), both not empty, finite.
    threshold
        The activation above which the unit is said to be activated.
    maximum
        The unit's maximum.
    gate
        Percentage, 0 to 100.

    Examples
    --------
    A unit that fires for everything, and loudly for its label:

    >>> base_rate([7, 8, 9, 9, 10], [1, 1, 2, 1, 2], threshold=0, maximum=10, gate=80).cutoff
    2.0

    One that fires a little more often for its label:

    >>> base_rate([3, 8, 9, 1, 6] * 4, [8, 3, 9, 3, 5] * 4, threshold=0, maximum=10, gate=80).cutoff is None
    True
    """
    first, second = as_sample(target, "target"), as_sample(non_target, "non-target")
    cutoffs = [threshold]
    if maximum > 0:
        cutoffs += [float(level * maximum) for level in ERROR_MARGIN_LEVELS if level > 0]
    cutoffs = list(dict.fromkeys(cutoffs))
    counts = [(int(np.count_nonzero(first > cutoff)), int(np.count_nonzero(second > cutoff))) for cutoff in cutoffs]

    def adjusted(active: int, others: int) -> float:
        return min(1.0, len(cutoffs) * fishers_exact(active, first.size, others, second.size))

    passing = [
        (adjusted(active, others), cutoff)
        for cutoff, (active, others) in zip(cutoffs, counts, strict=True)
        # As products, so that 4 of 5 images are 80 % exactly.
        if 100 * active >= gate * first.size and 100 * others < gate * second.size
    ]
    p, cutoff = min(passing) if passing else (adjusted(*counts[0]), None)
    return BaseRate(p, cutoff, adjusted(first.size, 0))
