"""Natural ranges against every way to cut the sorted values."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.bridge import natural_ranges as natural_ranges_module
from neurontology.bridge.natural_ranges import natural_ranges

values = st.lists(st.integers(0, 40).map(lambda v: v / 4), min_size=1, max_size=14)


def spread(group: list[float]) -> float:
    middle = sum(group) / len(group)
    return sum((v - middle) ** 2 for v in group)


def groups_of(each: list[float], cuts: tuple[float, ...]) -> list[list[float]]:
    ends = (-np.inf, *cuts, np.inf)
    return [[v for v in each if low <= v < high] for low, high in pairwise(ends)]


@settings(max_examples=300)
@given(values, st.integers(1, 5))
def test_no_other_cuts_have_a_smaller_sum_of_squares(each: list[float], k: int) -> None:
    cuts = natural_ranges(np.array(each), k)
    distinct = sorted(set(each))
    if len(distinct) < k:
        assert cuts is None
        return
    assert cuts is not None
    assert list(cuts) == sorted(cuts)
    best = min(sum(map(spread, groups_of(each, chosen))) for chosen in combinations(distinct[1:], k - 1))
    groups = groups_of(each, cuts)
    assert all(groups)
    assert sum(map(spread, groups)) == pytest.approx(best, abs=1e-9)
    # A cut lies halfway between the means, so that a new value belongs to the nearest one.
    means = [sum(group) / len(group) for group in groups]
    assert list(cuts) == pytest.approx([(a + b) / 2 for a, b in pairwise(means)])


@pytest.mark.parametrize("seed", range(5))
def test_halving_finds_what_trying_every_start_finds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    each = np.concatenate([rng.gamma(2, 1, 400), rng.integers(0, 9, 200), np.full(50, 6.0)])
    found = []
    for at_once in (1, 7, 32, 10_000):
        monkeypatch.setattr(natural_ranges_module, "AT_ONCE", at_once)
        found.append(natural_ranges(each, 5))
    assert found == [found[0]] * 4


def test_small_differences_of_large_values_are_seen() -> None:
    each = np.array([1e6, 1e6 + 1e-3, 1e6 + 0.5, 1e6 + 0.501])
    (cut,) = natural_ranges(each, 2) or ()
    assert ((each < cut) == [True, True, False, False]).all()


def test_many_values_are_cut_like_the_mixture_they_come_from() -> None:
    rng = np.random.default_rng(3)
    each = np.concatenate([rng.normal(centre, 0.3, 2000) for centre in (1, 4, 9)]).astype(np.float32)
    cuts = natural_ranges(each, 3)
    assert cuts == pytest.approx((2.5, 6.5), abs=0.05)
