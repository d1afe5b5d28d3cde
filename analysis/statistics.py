"""The statistics behind a verdict: whether images of the label concept activate a unit more than others.

All functions are pure. Sample 1 is always the *target* (images of the label concept), sample 2 the
*non-target*.

Sign convention: ``u`` counts the pairs in which the **non-target** image is higher (ties count one half),
i.e. ``U₁ = n₁n₂ + n₁(n₁+1)/2 − R₁`` with ``R₁`` the rank sum of the target; ``z`` is that ``u`` standardised.
Both are *small* (``z`` negative) where the label holds, as in the tables published with Dalal et al. (arXiv
2308.03999). ``scipy.stats.mannwhitneyu(non_target, target)`` returns the same ``u``, and ``1 − u/(n₁n₂)`` is
the AUC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import comb, expit, logit, ndtr, ndtri

from ..ontology.errors import DataError, UsageError

FloatArray: TypeAlias = npt.NDArray[np.float64]
Variant: TypeAlias = Literal["asymptotic", "tie-corrected", "exact"]
Alternative: TypeAlias = Literal["greater", "two-sided"]

#: Largest number of (target, non-target) pairs for which the exact distribution is enumerated: its cost grows
#: with the square of this number and stays below a second here.
EXACT_PAIRS: Final = 10_000

#: What each variant of the rank test is, as a sentence that a report can print beside the numbers.
VARIANTS: Final[dict[Variant, str]] = {
    "asymptotic": "Mann-Whitney U, one-sided (target greater), normal approximation without tie or "
    "continuity correction",
    "tie-corrected": "Mann-Whitney U, one-sided (target greater), normal approximation with the variance "
    "corrected for ties, no continuity correction",
    "exact": "Mann-Whitney U, one-sided (target greater), exact permutation distribution given the ties for "
    f"up to {EXACT_PAIRS} pairs of a target and a non-target image, tie-corrected normal approximation "
    "beyond; z is tie-corrected",
}

#: Shares of a unit's maximum at which error margins are taken.
ERROR_MARGIN_LEVELS: Final = (0.0, 0.2, 0.4, 0.6)


@dataclass(frozen=True, slots=True)
class MannWhitney:
    """Result of a Mann-Whitney U test.

    Attributes
    ----------
    u
        Pairs in which the non-target value is higher, ties counted one half; from 0 to ``n₁n₂``.
    z
        ``u`` less its mean, over its standard deviation; negative where the target is higher.
    p
        Probability, if both samples come from one distribution, of a ``u`` as extreme as this.
    """

    u: float
    z: float
    p: float


@dataclass(frozen=True, slots=True)
class AucInterval:
    """Area under the ROC curve with its confidence interval; the bounds are None where they are undefined."""

    auc: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ErrorMargin:
    """Share of images above a cut-off.

    Attributes
    ----------
    level
        The cut-off as a share of the maximum, 0 to 1.
    cutoff
        The cut-off as an activation.
    target_percent, non_target_percent
        Percentage (0 to 100) of the images of each group whose activation is strictly above the cut-off.
    """

    level: float
    cutoff: float
    target_percent: float
    non_target_percent: float


def _sample(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise UsageError(f"the {name} sample has {array.ndim} dimensions", expected="one value per image")
    if array.size == 0:
        raise DataError(f"the {name} sample is empty", expected="at least one value")
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(
            f"the {name} sample holds {array[at]} at position {at}",
            expected="finite numbers",
            hint="a test on the rest would hide the fault; look at how this value was computed",
        )
    return array


def _midranks(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Ranks from 1, ties sharing their mean rank, and the sizes of the groups of ties in ascending order."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return (last - (sizes - 1) / 2.0)[group], sizes.astype(np.int64)


def _exact_tails(sizes: npt.NDArray[np.int64], drawn: int, doubled_rank_sum: int) -> tuple[float, float]:
    """P(R ≤ r) and P(R ≥ r) of the rank sum R of ``drawn`` values drawn without replacement, given the ties.

    The shift algorithm of Streitberg & Röhmel (1986, Statist. Software Newsletter 12:10-17) on doubled
    midranks, which are integers, with one step per group of ties instead of one per value.
    """
    doubled = 2 * np.cumsum(sizes) - (sizes - 1)
    # ways[k, s]: in how many ways k of the values seen so far have doubled ranks that sum to s.
    ways = np.zeros((drawn + 1, int(np.sort(np.repeat(doubled, sizes))[::-1][:drawn].sum()) + 1))
    ways[0, 0] = 1.0
    width = ways.shape[1]
    for rank, size in zip(doubled.tolist(), sizes.tolist(), strict=True):
        # From the largest k down, so that a row is read before this group adds to it.
        for k in range(drawn, 0, -1):
            for taken in range(1, min(size, k) + 1):
                shift = taken * rank
                if shift < width:
                    ways[k, shift:] += comb(size, taken) * ways[k - taken, : width - shift]
    counts = ways[drawn]
    total = counts.sum()
    return (
        float(counts[: doubled_rank_sum + 1].sum() / total),
        float(counts[doubled_rank_sum:].sum() / total),
    )


def mann_whitney(
    target: npt.ArrayLike,
    non_target: npt.ArrayLike,
    *,
    variant: Variant = "asymptotic",
    alternative: Alternative = "greater",
) -> MannWhitney:
    """Rank test of whether the target values are higher (Mann & Whitney 1947, Ann. Math. Statist. 18:50-60).

    ``z = (u − n₁n₂/2) / σ``. Without tie correction ``σ² = n₁n₂(N+1)/12``, ``N = n₁+n₂``: the variant of the
    tables published with Dalal et al. (arXiv 2308.03999). Ties make it conservative. With tie correction
    ``σ² = n₁n₂/12 · (N+1 − Σ(t³−t)/(N(N−1)))`` over the sizes ``t`` of the groups of ties. No variant uses a
    continuity correction.

    Parameters
    ----------
    target, non_target
        Shapes (n₁,) and (n₂,), both not empty, finite.
    variant
        See `VARIANTS`.
    alternative
        "greater": the target is higher, ``p = Φ(z)``; "two-sided": twice the smaller tail, at most 1.

    Returns
    -------
    MannWhitney
        If all values are equal the tie-corrected variance is 0; then z is 0 and p is 1.

    Raises
    ------
    DataError
        A sample is empty or holds NaN or infinity.
    UsageError
        An unknown variant or alternative, or a sample that is not one-dimensional.

    Examples
    --------
    >>> test = mann_whitney([3.0, 4.0, 5.0], [0.0, 1.0, 2.0], variant="exact")
    >>> test.u, round(test.z, 4), test.p
    (0.0, -1.964, 0.05)
    """
    if variant not in VARIANTS:
        raise UsageError(f"there is no test variant {variant!r}", expected=" or ".join(VARIANTS))
    if alternative not in get_args(Alternative):
        raise UsageError(f"there is no alternative {alternative!r}", expected="greater or two-sided")
    first, second = _sample(target, "target"), _sample(non_target, "non-target")
    n1, n2 = first.size, second.size
    total, pairs = n1 + n2, n1 * n2
    ranks, sizes = _midranks(np.concatenate([first, second]))
    rank_sum = float(ranks[:n1].sum())
    u = pairs + n1 * (n1 + 1) / 2 - rank_sum

    spread = total + 1.0
    if variant != "asymptotic":
        ties = sizes.astype(np.float64)
        spread -= float((ties**3 - ties).sum()) / (total * (total - 1.0))
    if sizes.size == 1 and variant != "asymptotic":
        return MannWhitney(u, 0.0, 1.0)
    z = float((u - pairs / 2) / np.sqrt(pairs * spread / 12))

    if variant == "exact" and pairs <= EXACT_PAIRS:
        # The smaller sample is enumerated; the two rank sums add up to a constant, so its tails swap.
        if n1 <= n2:
            low, high = _exact_tails(sizes, n1, round(2 * rank_sum))
        else:
            high, low = _exact_tails(sizes, n2, total * (total + 1) - round(2 * rank_sum))
        p = high if alternative == "greater" else 2 * min(low, high)
    else:
        p = float(ndtr(z)) if alternative == "greater" else 2 * float(ndtr(-abs(z)))
    return MannWhitney(u, z, min(p, 1.0))


def auc_interval(target: npt.ArrayLike, non_target: npt.ArrayLike, *, level: float = 0.95) -> AucInterval:
    """Probability that a target value exceeds a non-target value (ties one half), with DeLong's interval.

    The variance is that of DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44:837-845) for one curve: the
    sample variances of the placement values of both groups, each over its group's size. Placements come from
    midranks in O(N log N) (Sun & Xu 2014, IEEE Signal Process. Lett. 21:1389-1393). The interval is
    symmetric on the logit scale, so it lies within 0 and 1.

    If the groups do not overlap, AUC is 0 or 1 and that variance is 0, which says nothing about precision.
    Then ``k = min(n₁, n₂)`` disjoint pairs, which are independent trials with success probability AUC, all
    agreed, and the open side is the bound of Clopper & Pearson (1934, Biometrika 26:404-413) for k of k,
    ``((1−level)/2)^(1/k)``, which is conservative.

    Known limit: with few images, AUC near 0 or 1, or a group whose values are nearly all tied (a unit that is
    silent on all target images), the normal approximation is optimistic and the interval too narrow.

    Parameters
    ----------
    target, non_target
        Shapes (n₁,) and (n₂,), both not empty, finite.
    level
        Confidence level between 0 and 1.

    Returns
    -------
    AucInterval
        The bounds are None if a group has fewer than two values or if all values are equal.

    Raises
    ------
    DataError
        A sample is empty or holds NaN or infinity.
    UsageError
        A level that is not between 0 and 1.

    Examples
    --------
    >>> auc_interval([2.0, 3.0], [0.0, 1.0])
    AucInterval(auc=1.0, low=0.15811388300841903, high=1.0)
    """
    if not 0 < level < 1:
        raise UsageError(f"the confidence level is {level}", expected="a number between 0 and 1")
    first, second = _sample(target, "target"), _sample(non_target, "non-target")
    n1, n2 = first.size, second.size
    ranks, sizes = _midranks(np.concatenate([first, second]))
    # A placement value is the share of the other group that a value is on the right side of, ties one half.
    of_target = (ranks[:n1] - _midranks(first)[0]) / n2
    of_non_target = 1.0 - (ranks[n1:] - _midranks(second)[0]) / n1
    auc = float(of_target.mean())
    if n1 < 2 or n2 < 2 or sizes.size == 1:
        return AucInterval(auc, None, None)
    separated = ((1 - level) / 2) ** (1 / min(n1, n2))
    if first.min() > second.max():
        return AucInterval(1.0, separated, 1.0)
    if first.max() < second.min():
        return AucInterval(0.0, 0.0, 1 - separated)
    variance = of_target.var(ddof=1) / n1 + of_non_target.var(ddof=1) / n2
    half = ndtri((1 + level) / 2) * np.sqrt(variance) / (auc * (1 - auc))
    return AucInterval(auc, float(expit(logit(auc) - half)), float(expit(logit(auc) + half)))


def _p_values(p_values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(p_values, dtype=np.float64)
    if array.ndim != 1:
        raise UsageError(f"the p-values have {array.ndim} dimensions", expected="one p-value per hypothesis")
    if not ((array >= 0) & (array <= 1)).all():
        raise DataError("a p-value is not between 0 and 1", hint="leave out hypotheses that were not tested")
    return array


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values for the family-wise error rate (Holm 1979, Scand. J. Statist. 6:65-70).

    The i-th smallest of m becomes the largest of ``(m−j+1)·p₍ⱼ₎``, ``j ≤ i``, at most 1. Valid under any
    dependence of the tests.

    Parameters
    ----------
    p_values
        Shape (m,), between 0 and 1; may be empty.

    Returns
    -------
    ndarray of shape (m,)
        Adjusted p-values in the order given.

    Raises
    ------
    DataError
        A value is not between 0 and 1, or is NaN.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03]).tolist()]
    [0.03, 0.06, 0.06]
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(np.arange(p.size, 0, -1) * p[order]), 1.0)
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """Adjust p-values for the false discovery rate (Benjamini & Hochberg 1995, JRSS B 57:289-300).

    The i-th smallest of m becomes the smallest of ``m·p₍ⱼ₎/j``, ``j ≥ i``. Valid for independent or
    positively dependent tests.

    Parameters
    ----------
    p_values
        Shape (m,), between 0 and 1; may be empty.

    Returns
    -------
    ndarray of shape (m,)
        Adjusted p-values in the order given.

    Raises
    ------
    DataError
        A value is not between 0 and 1, or is NaN.

    Examples
    --------
    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03]).tolist()]
    [0.03, 0.04, 0.04]
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    scaled = p.size * p[order] / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return adjusted


def percent_above(values: npt.ArrayLike, cutoff: float) -> float:
    """Percentage (0 to 100) of the values that are strictly above a cut-off.

    Raises
    ------
    DataError
        There are no values, or one of them is NaN or infinite.

    Examples
    --------
    >>> percent_above([0.0, 0.5, 1.0, 2.0, 3.0], 0.0)
    80.0
    """
    sample = _sample(values, "given")
    return 100 * int(np.count_nonzero(sample > cutoff)) / sample.size


def error_margins(
    target: npt.ArrayLike,
    non_target: npt.ArrayLike,
    *,
    maximum: float | None = None,
    levels: Sequence[float] = ERROR_MARGIN_LEVELS,
) -> list[ErrorMargin]:
    """How often a unit fires for its label and how often for anything else, at rising cut-offs.

    Dalal et al. 2024 (arXiv 2405.09580): shares of the target and of the non-target images with an activation
    above 0, 20, 40 and 60 % of the unit's maximum. A target share near the non-target share says that the
    unit's firing tells little about the label, however high the target share is.

    Parameters
    ----------
    target, non_target
        Activations, shapes (n₁,) and (n₂,), both not empty, finite.
    maximum
        The unit's maximum; by default the highest of the activations given.
    levels
        Cut-offs as shares of the maximum, each from 0 to below 1.

    Returns
    -------
    list of ErrorMargin
        One per level. A unit whose maximum is not positive is above none of them.

    Raises
    ------
    DataError
        A sample is empty or holds NaN or infinity, or the maximum does.
    UsageError
        A level outside 0 to 1.

    Examples
    --------
    >>> [margin.target_percent for margin in error_margins([1.0, 3.0, 10.0], [0.0, 2.0])]
    [100.0, 66.66666666666667, 33.333333333333336, 33.333333333333336]
    """
    first, second = _sample(target, "target"), _sample(non_target, "non-target")
    top = max(first.max(), second.max()) if maximum is None else maximum
    if not np.isfinite(top):
        raise DataError(f"the unit's maximum is {top}", expected="a finite number")
    for level in levels:
        if not 0 <= level < 1:
            raise UsageError(f"the error-margin level is {level}", expected="a share from 0 to below 1")
    cutoffs = [float(level * top) for level in levels]
    return [
        ErrorMargin(float(level), cutoff, percent_above(first, cutoff), percent_above(second, cutoff))
        for level, cutoff in zip(levels, cutoffs, strict=True)
    ]
