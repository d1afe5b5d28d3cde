"""Statistics against scipy, brute force over pairs, subsets and arrangements, and worked examples."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.analysis.statistics import (
    EXACT_PAIRS,
    RankTest,
    benjamini_hochberg,
    error_margins,
    fishers_exact,
    holm,
    mann_whitney,
    percent_above,
    smallest_p,
)
from neurontology.ontology.errors import DataError, UsageError
from scipy.stats import false_discovery_control, mannwhitneyu, norm

PLAIN, CORRECTED, EXACT = RankTest(), RankTest(tie_correction=True), RankTest(method="exact")
VARIANTS = (PLAIN, CORRECTED, EXACT, RankTest("two-sided", "auto", True))
SIDES = {"one-sided": "greater", "two-sided": "two-sided"}

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
        assert mann_whitney(x, y, variant).u == pairs_won(y, x)


@given(tied, tied)
def test_paper_variant_ignores_ties(x, y):
    test = mann_whitney(x, y)
    n, m = len(x), len(y)
    expected = (pairs_won(y, x) - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5
    assert test.z == pytest.approx(expected)
    assert test.p == pytest.approx(norm.cdf(expected))
    assert mann_whitney(x, y, RankTest("two-sided")).p == pytest.approx(2 * norm.sf(abs(expected)))


@given(tied, tied)
def test_tie_corrected_variant_is_scipys(x, y):
    if len({*x, *y}) == 1:
        return
    for ours, alternative in SIDES.items():
        expected = mannwhitneyu(x, y, alternative=alternative, use_continuity=False, method="asymptotic")
        got = mann_whitney(x, y, RankTest(ours, tie_correction=True))
        assert got.p == pytest.approx(expected.pvalue)


@given(st.permutations(range(11)), st.integers(2, 9))
def test_exact_variant_without_ties_is_scipys(values, n):
    x, y = values[:n], values[n:]
    for ours, alternative in SIDES.items():
        expected = mannwhitneyu(x, y, alternative=alternative, method="exact").pvalue
        assert mann_whitney(x, y, RankTest(ours, "exact")).p == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(tied, tied)
def test_exact_variant_with_ties_enumerates_all_arrangements(x, y):
    x, y = x[:5], y[:6]
    assert mann_whitney(x, y, EXACT).p == pytest.approx(permutation_p(x, y))


def test_exact_variant_on_uneven_groups():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=6) + 1, rng.normal(size=900)
    expected = mannwhitneyu(x, y, alternative="greater", method="exact").pvalue
    assert mann_whitney(x, y, EXACT).p == pytest.approx(expected, rel=1e-9)
    flipped = mannwhitneyu(y, x, alternative="greater", method="exact").pvalue
    assert mann_whitney(y, x, EXACT).p == pytest.approx(flipped, rel=1e-9)


def test_auto_is_exact_up_to_a_limit_and_exact_refuses_more():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=2), rng.normal(size=EXACT_PAIRS // 2)
    auto = RankTest(method="auto", tie_correction=True)
    assert mann_whitney(x, y, auto).p == mann_whitney(x, y, EXACT).p != mann_whitney(x, y, CORRECTED).p
    assert mann_whitney(x, y, auto).test.name == "one-sided exact"
    y = np.append(y, 0.5)
    assert mann_whitney(x, y, auto) == mann_whitney(x, y, CORRECTED)
    assert mann_whitney(x, y, auto).test.name == "one-sided asymptotic, tie-corrected"
    with pytest.raises(UsageError, match=f"at most {EXACT_PAIRS} pairs"):
        mann_whitney(x, y, EXACT)


def test_z_of_the_exact_variant_is_tie_corrected_on_request():
    x, y = [3, 1, 1, 0], [0, 0, 1, 2, 0]
    exact, both, corrected, plain = (
        mann_whitney(x, y, v) for v in (EXACT, RankTest(method="exact", tie_correction=True), CORRECTED, PLAIN)
    )
    assert (exact.z, both.z) == (plain.z, corrected.z)
    assert abs(corrected.z) > abs(plain.z)
    assert exact.p == both.p


def test_two_sided_p_is_twice_the_smaller_tail_whatever_the_direction():
    x, y = [5, 6, 7, 9, 9], [0, 1, 6, 3]
    for method in ("asymptotic", "exact"):
        up, down = (mann_whitney(a, b, RankTest("two-sided", method)).p for a, b in ((x, y), (y, x)))
        assert up == pytest.approx(down)
        assert up == pytest.approx(2 * mann_whitney(x, y, RankTest(method=method)).p)


def test_every_variant_says_what_it_is():
    names = {RankTest(a, m, t).name for a in SIDES for m in ("asymptotic", "exact", "auto") for t in (False, True)}
    sentences = {RankTest(a, m, t).sentence for a in SIDES for m in ("asymptotic", "auto") for t in (False, True)}
    # An exact p is the same with and without tie correction.
    assert (len(names), len(sentences)) == (10, 8)
    assert "without tie correction" in PLAIN.sentence


def test_z_is_negative_and_p_small_where_the_target_is_higher():
    high, low = np.arange(10.0) + 20, np.arange(12.0)
    for variant in (PLAIN, CORRECTED, EXACT):
        test = mann_whitney(high, low, variant)
        assert test.u == 0
        assert test.z < -3
        assert test.p < 0.001
        opposite = mann_whitney(low, high, variant)
        assert opposite.u == 120
        assert opposite.z == -test.z
        assert opposite.p > 0.999


def test_all_values_equal():
    assert mann_whitney([1, 1, 1], [1, 1]).p == 0.5
    for variant in (CORRECTED, EXACT):
        test = mann_whitney([1, 1, 1], [1, 1], variant)
        assert (test.u, test.z, test.p) == (3, 0, 1)


@pytest.mark.parametrize("test", [*VARIANTS, RankTest("two-sided", "exact"), RankTest("two-sided")])
def test_the_smallest_p_is_that_of_a_complete_separation_and_no_arrangement_has_a_smaller(test):
    for n, m in ((1, 1), (1, 30), (2, 2), (3, 3), (3, 4), (4, 3), (9, 12)):
        separated = mann_whitney(np.arange(n) + 100.0, np.arange(m), test).p
        assert smallest_p(n, m, test) == pytest.approx(separated)
    places = set(range(7))
    of_all = (mann_whitney([*chosen], [*places - {*chosen}], test).p for chosen in combinations(places, 3))
    assert min(of_all) == pytest.approx(smallest_p(3, 4, test))


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


@pytest.mark.parametrize("function", [mann_whitney, error_margins])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_refused(function, bad):
    with pytest.raises(DataError, match=r"non-target sample holds .* at position 1"):
        function([1.0, 2.0], [1.0, bad])
    with pytest.raises(DataError, match="the target sample is empty"):
        function([], [1.0])
    with pytest.raises(UsageError, match="2 dimensions"):
        function([[1.0]], [1.0])


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="no method 'normal'"):
        RankTest(method="normal")
    with pytest.raises(UsageError, match="no alternative 'less'"):
        RankTest("less")
    with pytest.raises(UsageError, match="error-margin level"):
        error_margins([1], [2], levels=[20])
    with pytest.raises(UsageError, match="error-margin level"):
        error_margins([1], [2], levels=[1.0])
    with pytest.raises(DataError, match="maximum is nan"):
        error_margins([1], [2], maximum=float("nan"))


@given(st.integers(0, 6), st.integers(1, 6), st.integers(0, 6), st.integers(1, 6))
def test_fishers_exact_counts_the_ways_to_choose_the_active_images(active, targets, others_active, others):
    active, others_active = min(active, targets), min(others_active, others)
    firing, images = active + others_active, targets + others
    ways = sum(comb(targets, k) * comb(others, firing - k) for k in range(active, min(targets, firing) + 1))
    assert fishers_exact(active, targets, others_active, others) == pytest.approx(ways / comb(images, firing))


def test_fishers_exact_of_the_lady_tasting_tea():
    assert fishers_exact(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert fishers_exact(3, 4, 1, 4) == pytest.approx(17 / 70)
    with pytest.raises(UsageError, match="5 of 4 images"):
        fishers_exact(5, 4, 0, 4)
