"""Statistics against scipy, brute force over pairs, subsets and arrangements, and worked examples."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.analysis.statistics import (
    EXACT_PAIRS,
    VARIANTS,
    auc_interval,
    benjamini_hochberg,
    error_margins,
    holm,
    mann_whitney,
    percent_above,
)
from neurontology.ontology.errors import DataError, UsageError
from scipy.special import logit
from scipy.stats import false_discovery_control, mannwhitneyu, norm

tied = st.lists(st.integers(0, 4), min_size=2, max_size=7)
p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=7)


def pairs_won(x, y):
    return sum((a > b) + 0.5 * (a == b) for a in x for b in y)


def permutation_p(x, y):
    """P(target wins at least as many pairs) over every split of the pooled values."""
    pool = list(x) + list(y)
    observed = pairs_won(x, y)
    hits = 0
    for chosen in combinations(range(len(pool)), len(x)):
        first = [pool[i] for i in chosen]
        second = [pool[i] for i in range(len(pool)) if i not in chosen]
        hits += pairs_won(first, second) >= observed
    return hits / comb(len(pool), len(x))


@given(tied, tied)
def test_u_counts_the_pairs_that_the_non_target_wins(x, y):
    for variant in VARIANTS:
        assert mann_whitney(x, y, variant=variant).u == pairs_won(y, x)


@given(tied, tied)
def test_paper_variant_ignores_ties(x, y):
    test = mann_whitney(x, y)
    n, m = len(x), len(y)
    expected = (pairs_won(y, x) - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5
    assert test.z == pytest.approx(expected)
    assert test.p == pytest.approx(norm.cdf(expected))
    assert mann_whitney(x, y, alternative="two-sided").p == pytest.approx(2 * norm.sf(abs(expected)))


@given(tied, tied)
def test_tie_corrected_variant_is_scipys(x, y):
    if len({*x, *y}) == 1:
        return
    for alternative in ("greater", "two-sided"):
        expected = mannwhitneyu(x, y, alternative=alternative, use_continuity=False, method="asymptotic")
        got = mann_whitney(x, y, variant="tie-corrected", alternative=alternative)
        assert got.p == pytest.approx(expected.pvalue)


@given(st.permutations(range(11)), st.integers(2, 9))
def test_exact_variant_without_ties_is_scipys(values, n):
    x, y = values[:n], values[n:]
    for alternative in ("greater", "two-sided"):
        expected = mannwhitneyu(x, y, alternative=alternative, method="exact").pvalue
        assert mann_whitney(x, y, variant="exact", alternative=alternative).p == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(tied, tied)
def test_exact_variant_with_ties_enumerates_all_arrangements(x, y):
    x, y = x[:5], y[:6]
    assert mann_whitney(x, y, variant="exact").p == pytest.approx(permutation_p(x, y))


def test_exact_variant_on_uneven_groups():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=6) + 1, rng.normal(size=900)
    expected = mannwhitneyu(x, y, alternative="greater", method="exact").pvalue
    assert mann_whitney(x, y, variant="exact").p == pytest.approx(expected, rel=1e-9)
    flipped = mannwhitneyu(y, x, alternative="greater", method="exact").pvalue
    assert mann_whitney(y, x, variant="exact").p == pytest.approx(flipped, rel=1e-9)


def test_exact_variant_is_approximated_above_its_limit():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=2), rng.normal(size=EXACT_PAIRS // 2)
    assert mann_whitney(x, y, variant="exact").p != mann_whitney(x, y, variant="tie-corrected").p
    y = np.append(y, 0.5)
    assert mann_whitney(x, y, variant="exact") == mann_whitney(x, y, variant="tie-corrected")


def test_z_of_the_exact_variant_is_tie_corrected():
    x, y = [3, 1, 1, 0], [0, 0, 1, 2, 0]
    exact, corrected, plain = (mann_whitney(x, y, variant=v) for v in ("exact", "tie-corrected", "asymptotic"))
    assert exact.z == corrected.z
    assert abs(exact.z) > abs(plain.z)


def test_z_is_negative_and_p_small_where_the_target_is_higher():
    high, low = np.arange(10.0) + 20, np.arange(12.0)
    for variant in VARIANTS:
        test = mann_whitney(high, low, variant=variant)
        assert test.u == 0
        assert test.z < -3
        assert test.p < 0.001
        opposite = mann_whitney(low, high, variant=variant)
        assert opposite.u == 120
        assert opposite.z == -test.z
        assert opposite.p > 0.999


def test_all_values_equal():
    assert mann_whitney([1, 1, 1], [1, 1], variant="asymptotic").p == 0.5
    for variant in ("tie-corrected", "exact"):
        test = mann_whitney([1, 1, 1], [1, 1], variant=variant)
        assert (test.u, test.z, test.p) == (3, 0, 1)


@given(tied, tied)
def test_auc_is_the_share_of_pairs_won(x, y):
    assert auc_interval(x, y).auc == pytest.approx(pairs_won(x, y) / (len(x) * len(y)))


def brute_delong_variance(x, y):
    psi = np.array([[(a > b) + 0.5 * (a == b) for b in y] for a in x])
    auc = psi.mean()
    of_x = sum((row.mean() - auc) ** 2 for row in psi) / (len(x) - 1)
    of_y = sum((column.mean() - auc) ** 2 for column in psi.T) / (len(y) - 1)
    return of_x / len(x) + of_y / len(y)


@given(tied, tied, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_is_delongs_by_placement_values(x, y, level):
    interval = auc_interval(x, y, level=level)
    if min(x) > max(y) or max(x) < min(y) or len({*x, *y}) == 1:
        return
    centre, se = logit(interval.auc), brute_delong_variance(x, y) ** 0.5
    half = norm.ppf((1 + level) / 2) * se / (interval.auc * (1 - interval.auc))
    assert logit(interval.low) == pytest.approx(centre - half, abs=1e-6)
    assert logit(interval.high) == pytest.approx(centre + half, abs=1e-6)
    assert 0 <= interval.low <= interval.auc <= interval.high <= 1


def test_interval_agrees_with_a_bootstrap():
    rng = np.random.default_rng(7)
    x, y = np.maximum(rng.normal(size=60) + 0.8, 0), np.maximum(rng.normal(size=200), 0)
    resampled = [
        mannwhitneyu(rng.choice(x, x.size), rng.choice(y, y.size)).statistic / (x.size * y.size) for _ in range(1500)
    ]
    interval = auc_interval(x, y)
    low, high = np.quantile(resampled, [0.025, 0.975])
    assert interval.low == pytest.approx(low, abs=0.015)
    assert interval.high == pytest.approx(high, abs=0.015)


def test_interval_covers_the_truth():
    rng = np.random.default_rng(8)
    truth = norm.cdf(0.7 / 2**0.5)
    intervals = [auc_interval(rng.normal(size=25) + 0.7, rng.normal(size=200)) for _ in range(800)]
    covered = sum(interval.low <= truth <= interval.high for interval in intervals) / 800
    assert 0.92 < covered < 0.98


@pytest.mark.parametrize(("n", "m"), [(3, 50), (50, 3), (20, 20)])
def test_separated_groups_get_the_exact_binomial_bound(n, m):
    above, below = np.arange(n) + 100.0, np.arange(m) * 1.0
    interval = auc_interval(above, below)
    assert (interval.auc, interval.high) == (1, 1)
    # At the bound, k agreements of k independent pairs still have probability 2.5 %.
    assert interval.low ** min(n, m) == pytest.approx(0.025)
    mirrored = auc_interval(below, above)
    assert (mirrored.auc, mirrored.low) == (0, 0)
    assert mirrored.high == pytest.approx(1 - interval.low)


def test_interval_is_undefined_for_one_image_or_equal_values():
    single = auc_interval([3.0], [1.0, 2.0, 4.0])
    assert (single.auc, single.low, single.high) == (pytest.approx(2 / 3), None, None)
    assert auc_interval([3.0, 1.0], [1.0]).low is None
    equal = auc_interval([2.0, 2.0], [2.0, 2.0])
    assert (equal.auc, equal.low, equal.high) == (0.5, None, None)


def test_holm_worked_by_hand():
    # 5·.01 = .05, 4·.02 = .08, 3·.03 = .09, then 2·.04 = .08 and 1·.05 are raised to .09.
    p = np.array([0.03, 0.01, 0.05, 0.02, 0.04])
    assert holm(p) == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([]).size == 0


@given(p_lists)
def test_holm_is_the_closure_of_bonferroni(p):
    everything = range(len(p))
    for i, adjusted in enumerate(holm(p)):
        families = [f for k in range(1, len(p) + 1) for f in combinations(everything, k) if i in f]
        assert adjusted == pytest.approx(max(min(1, len(f) * min(p[j] for j in f)) for f in families))


def test_benjamini_hochberg_worked_by_hand():
    # 4·.01/1 = .04; 4·.04/2 = .08 is lowered to 4·.045/3 = .06; 4·.5/4 = .5.
    assert benjamini_hochberg([0.04, 0.5, 0.01, 0.045]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert benjamini_hochberg([]).size == 0


@given(p_lists)
def test_benjamini_hochberg_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p, method="bh"))


@given(p_lists)
def test_adjusted_values_are_ordered(p):
    assert (np.array(p) <= benjamini_hochberg(p) + 1e-15).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-12).all()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
@pytest.mark.parametrize("p", [[0.1, float("nan")], [-0.1], [1.1]])
def test_adjusting_refuses_what_is_no_p_value(adjust, p):
    with pytest.raises(DataError, match="between 0 and 1"):
        adjust(p)


def test_percent_above_is_strict():
    assert percent_above([0, 0, 1, 2], 0) == 50
    assert percent_above([0, 0, 1, 2], 1) == 25


def test_error_margins_by_hand():
    margins = error_margins([10, 6, 4, 2, 0], [8, 1, 0, 0])
    assert [m.cutoff for m in margins] == [0, 2, 4, 6]
    assert [m.target_percent for m in margins] == [80, 60, 40, 20]
    assert [m.non_target_percent for m in margins] == [50, 25, 25, 25]


def test_error_margins_take_the_maximum_of_either_group_or_the_one_given():
    assert error_margins([1.0], [10.0], levels=[0.2])[0].target_percent == 0
    assert error_margins([1.0], [2.0], maximum=20, levels=[0.2])[0].cutoff == 4


def test_error_margins_of_a_unit_that_never_fires():
    for margin in error_margins([-3.0, -1.0], [-2.0, -1.5]):
        assert (margin.target_percent, margin.non_target_percent) == (0, 0)


@pytest.mark.parametrize("function", [mann_whitney, auc_interval, error_margins])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused(function, bad):
    with pytest.raises(DataError, match=r"non-target sample holds .* at position 1"):
        function([1.0, 2.0], [1.0, bad])
    with pytest.raises(DataError, match="the target sample is empty"):
        function([], [1.0])
    with pytest.raises(UsageError, match="2 dimensions"):
        function([[1.0]], [1.0])


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="no test variant 'normal'"):
        mann_whitney([1], [2], variant="normal")
    with pytest.raises(UsageError, match="no alternative 'less'"):
        mann_whitney([1], [2], alternative="less")
    with pytest.raises(UsageError, match="confidence level"):
        auc_interval([1], [2], level=95)
    with pytest.raises(UsageError, match="error-margin level"):
        error_margins([1], [2], levels=[20])
    with pytest.raises(DataError, match="maximum is nan"):
        error_margins([1], [2], maximum=float("nan"))
