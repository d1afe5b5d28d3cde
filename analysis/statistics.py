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
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import comb, ndtr

from ..ontology.errors import DataError, UsageError

FloatArray: TypeAlias = npt.NDArray[np.float64]
Alternative: TypeAlias = Literal["one-sided", "two-sided"]
Method: TypeAlias = Literal["asymptotic", "exact", "auto"]

#: Largest number of (target, non-target) pairs for which the exact distribution is enumerated: its cost grows
#: with the square of this number and stays below a second here.
EXACT_PAIRS: Final = 10_000

#: Shares of a unit's maximum at which error margins are taken.
ERROR_MARGIN_LEVELS: Final = (0.0, 0.2, 0.4, 0.6)


@dataclass(frozen=True, slots=True)
class RankTest:
    """Variant of the Mann-Whitney U test; the default is that of the tables of Dalal et al. (arXiv 2308.03999).

    No variant uses a continuity correction.

    Attributes
    ----------
    alternative
        "one-sided": the target is higher; "two-sided": it is higher or lower.
    method
        "asymptotic": normal approximation; "exact": the permutation distribution given the ties, for up to
        `EXACT_PAIRS` pairs of a target and a non-target image; "auto": exact up to there, asymptotic beyond.
    tie_correction
        Whether the variance of the normal approximation, hence z, is corrected for ties. An exact p needs no
        correction.

    Raises
    ------
    UsageError
        An unknown alternative or method.

    Examples
    --------
    >>> RankTest().name, RankTest("two-sided", "exact").name
    ('one-sided asymptotic', 'two-sided exact')
    """

    alternative: Alternative = "one-sided"
    method: Method = "asymptotic"
    tie_correction: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("alternative", self.alternative, get_args(Alternative)),
            ("method", self.method, get_args(Method)),
        ):
            if value not in known:
                raise UsageError(f"the rank test has no {what} {value!r}", expected=" or ".join(known))

    @property
    def name(self) -> str:
        """The variant in a few words, to stand beside a number."""
        ties = ", tie-corrected" if self.tie_correction and self.method != "exact" else ""
        return f"{self.alternative} {self.method}{ties}"

    @property
    def sentence(self) -> str:
        """The variant in full."""
        direction = "one-sided (target greater)" if self.alternative == "one-sided" else "two-sided"
        ties = "with the variance corrected for ties" if self.tie_correction else "without tie correction"
        normal = f"normal approximation {ties} and without continuity correction"
        exact = "exact permutation distribution given the ties"
        how = {
            "asymptotic": normal,
            "exact": exact,
            "auto": f"{exact} for up to {EXACT_PAIRS} pairs of a target and a non-target image, {normal} beyond",
        }[self.method]
        return f"Mann-Whitney U, {direction}, {how}"

    def for_pairs(self, pairs: int) -> RankTest:
        """The variant that is used for a number of pairs: "auto" made "exact" or "asymptotic".

        Raises
        ------
        UsageError
            "exact" was asked for, and there are too many pairs.
        """
        if self.method == "exact" and pairs > EXACT_PAIRS:
            raise UsageError(
                f"the exact test of {pairs} pairs of a target and a non-target image would take too long",
                expected=f"at most {EXACT_PAIRS} pairs",
                hint="use the method auto or asymptotic",
            )
        if self.method != "auto":
            return self
        return replace(self, method="exact" if pairs <= EXACT_PAIRS else "asymptotic")


#: The variant of the published tables.
PUBLISHED_TEST: Final = RankTest()


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
    test
        The variant that was used, never "auto".
    """

    u: float
    z: float
    p: float
    test: RankTest


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


def as_sample(values: npt.ArrayLike, name: str) -> FloatArray:
    """Values as float64, shape (n,), checked: one dimension, not empty, finite."""
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


def midranks(values: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
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


def mann_whitney(target: npt.ArrayLike, non_target: npt.ArrayLike, test: RankTest = PUBLISHED_TEST) -> MannWhitney:
    """Rank test of whether the target values are higher (Mann & Whitney 1947, Ann. Math. Statist. 18:50-60).

    ``z = (u − n₁n₂/2) / σ``. Without tie correction ``σ² = n₁n₂(N+1)/12``, ``N = n₁+n₂``: the variant of the
    tables published with Dalal et al. (arXiv 2308.03999). Ties make it conservative. With tie correction
    ``σ² = n₁n₂/12 · (N+1 − Σ(t³−t)/(N(N−1)))`` over the sizes ``t`` of the groups of ties. A one-sided p is
    ``Φ(z)``, a two-sided one twice the smaller tail, at most 1.

    Parameters
    ----------
    target, non_target
        Shapes (n₁,) and (n₂,), both not empty, finite.
    test
        The variant.

    Returns
    -------
    MannWhitney
        If all values are equal the tie-corrected variance is 0; then z is 0 and p is 1.

    Raises
    ------
    DataError
        A sample is empty or holds NaN or infinity.
    UsageError
        A sample is not one-dimensional, or there are too many pairs for the exact test.

    Examples
    --------
    >>> found = mann_whitney([3.0, 4.0, 5.0], [0.0, 1.0, 2.0], RankTest(method="exact"))
    >>> found.u, round(found.z, 4), found.p
    (0.0, -1.964, 0.05)
    """
    first, second = as_sample(target, "target"), as_sample(non_target, "non-target")
    n1, n2 = first.size, second.size
    total, pairs = n1 + n2, n1 * n2
    used = test.for_pairs(pairs)
    ranks, sizes = midranks(np.concatenate([first, second]))
    rank_sum = float(ranks[:n1].sum())
    u = pairs + n1 * (n1 + 1) / 2 - rank_sum

    spread = total + 1.0
    if used.tie_correction:
        if sizes.size == 1:
            return MannWhitney(u, 0.0, 1.0, used)
        ties = sizes.astype(np.float64)
        spread -= float((ties**3 - ties).sum()) / (total * (total - 1.0))
    z = float((u - pairs / 2) / np.sqrt(pairs * spread / 12))

    one_sided = used.alternative == "one-sided"
    if used.method == "exact":
        # The smaller sample is enumerated; the two rank sums add up to a constant, so its tails swap.
        if n1 <= n2:
            low, high = _exact_tails(sizes, n1, round(2 * rank_sum))
        else:
            high, low = _exact_tails(sizes, n2, total * (total + 1) - round(2 * rank_sum))
        p = high if one_sided else 2 * min(low, high)
    else:
        p = float(ndtr(z)) if one_sided else 2 * float(ndtr(-abs(z)))
    return MannWhitney(u, z, min(p, 1.0), used)


def smallest_p(target_images: int, non_target_images: int, test: RankTest = PUBLISHED_TEST) -> float:
    """Give the p-value of a complete separation without ties: with so many images none is smaller.

    One of the ``C(N, n₁)`` arrangements by the exact test, and ``z = −√(3·n₁n₂/(N+1))`` by the normal approximation.

    Parameters
    ----------
    target_images, non_target_images
        Numbers of images, at least 1 each.
    test
        The variant of :func:`mann_whitney`.

    Raises
    ------
    UsageError
        There are too many pairs for the exact test.

    Examples
    --------
    >>> smallest_p(3, 3, RankTest(method="exact")), round(smallest_p(2, 2), 3)
    (0.05, 0.061)
    """
    total, pairs = target_images + non_target_images, target_images * non_target_images
    used = test.for_pairs(pairs)
    exact = used.method == "exact"
    tail = float(1 / comb(total, target_images) if exact else ndtr(-((3 * pairs / (total + 1)) ** 0.5)))
    return tail if used.alternative == "one-sided" else min(1.0, 2 * tail)


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
    UsageError
        There is more than one dimension.

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
    UsageError
        There is more than one dimension.

    Examples
    --------
    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03]).tolist()]
    [0.03, 0.04, 0.04]
    """
    # The package takes a large part of a second to import.
    from scipy.stats import false_discovery_control

    p = _p_values(p_values)
    return np.asarray(false_discovery_control(p, method="bh"), np.float64) if p.size else p


def fishers_exact(target_active: int, targets: int, others_active: int, others: int) -> float:
    """One-sided p of Fisher's exact test that target images activate a unit more often than other images.

    Fisher 1922 (J. R. Stat. Soc. 85:87-94): the hypergeometric probability, given both totals, of at least
    as many activating images among the target.

    Parameters
    ----------
    target_active, targets
        Number of target images that activate the unit, and of all target images.
    others_active, others
        The same for the non-target images.

    Raises
    ------
    UsageError
        A number of activating images is negative or exceeds that of the images.

    Examples
    --------
    >>> round(fishers_exact(3, 4, 1, 4), 4)
    0.2429
    """
    from scipy.stats import fisher_exact

    for active, images in ((target_active, targets), (others_active, others)):
        if not 0 <= active <= images:
            raise UsageError(f"{active} of {images} images activate the unit", expected="a number from 0 to all")
    table = [[target_active, targets - target_active], [others_active, others - others_active]]
    return float(fisher_exact(table, alternative="greater").pvalue)


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
    sample = as_sample(values, "given")
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
    first, second = as_sample(target, "target"), as_sample(non_target, "non-target")
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
