"""AUC and its intervals: pairs counted, placement values by brute force, published figures, coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.analysis.auc import auc_interval
from neurontology.ontology.errors import DataError, UsageError
from scipy.special import logit
from scipy.stats import mannwhitneyu, norm

tied = st.lists(st.integers(0, 4), min_size=2, max_size=7)


def pairs_won(x, y):
    return sum((a > b) + 0.5 * (a == b) for a in x for b in y)


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


# 43 patients of DeLong, DeLong & Clarke-Pearson (1988), those without missing values, as the SAS/STAT user's guide has
# them: albumin, total protein, K-G score (there taken from 10), whether surgery was of use.
PATIENTS = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
    3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
    4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
    4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
    2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1"""


# AUC and DeLong's interval on the scale of the AUC, by `roc_auc_score` of the package confidenceinterval 1.0.5, in
# single precision.
@pytest.mark.parametrize(
    ("column", "sign", "auc", "low", "high"),
    [
        (0, 1, 0.73655903, 0.5548814525, 0.9182366142),
        (1, 1, 0.6478493, 0.4517600686, 0.8439385742),
        (2, -1, 0.72580636, 0.5242797069, 0.9273330041),
    ],
)
def test_the_variance_is_that_of_another_implementation_on_delongs_own_data(column, sign, auc, low, high):
    table = np.array(PATIENTS.split(), float).reshape(-1, 4)
    useful, score = table[:, 3] == 1, sign * table[:, column]
    assert (len(table), useful.sum()) == (43, 31)
    interval = auc_interval(score[useful], score[~useful])
    assert interval.auc == pytest.approx(auc, abs=1e-6)
    # The same standard error, before it is taken to the logit scale.
    se = (logit(interval.high) - logit(interval.low)) / 2 / norm.ppf(0.975) * interval.auc * (1 - interval.auc)
    assert se == pytest.approx((high - low) / 2 / norm.ppf(0.975), abs=1e-6)
    assert se**2 == pytest.approx(brute_delong_variance(score[useful], score[~useful]))


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


def test_bootstrap_interval_is_that_of_a_plain_loop():
    rng = np.random.default_rng(9)
    x, y = np.maximum(rng.normal(size=30) + 0.7, 0), np.maximum(rng.normal(size=90), 0)
    interval = auc_interval(x, y, method="bootstrap")
    chosen = np.random.default_rng(1234)
    aucs = [pairs_won(chosen.choice(x, x.size), chosen.choice(y, y.size)) / (x.size * y.size) for _ in range(600)]
    low, high = np.quantile(aucs, [0.025, 0.975])
    assert interval.low == pytest.approx(low, abs=0.02)
    assert interval.high == pytest.approx(high, abs=0.02)
    assert interval.auc == auc_interval(x, y).auc
    assert interval.method == "bootstrap 95 %, 2000 resamples"


def test_bootstrap_interval_is_the_same_every_time_and_narrows_with_the_level():
    x, y = [1, 3, 4, 4, 6, 7], [0, 1, 2, 4, 5, 2, 3]
    first = auc_interval(x, y, method="bootstrap")
    assert first == auc_interval(x, y, method="bootstrap")
    narrower = auc_interval(x, y, method="bootstrap", level=0.8)
    assert first.low < narrower.low < narrower.auc < narrower.high < first.high


def test_separated_groups_have_no_bootstrap_of_width_zero():
    interval = auc_interval([5, 6, 7], [1, 2, 3], method="bootstrap")
    assert (interval.low, interval.method) == (pytest.approx(0.025 ** (1 / 3)), "Clopper-Pearson 95 %")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(DataError, match=r"non-target sample holds .* at position 1"):
        auc_interval([1.0, 2.0], [1.0, bad])
    with pytest.raises(DataError, match="the target sample is empty"):
        auc_interval([], [1.0])


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="confidence level"):
        auc_interval([1], [2], level=95)
    with pytest.raises(UsageError, match="confidence level"):
        auc_interval([1], [2], level=1.0)
    with pytest.raises(UsageError, match="delong or bootstrap"):
        auc_interval([1], [2], method="jackknife")
