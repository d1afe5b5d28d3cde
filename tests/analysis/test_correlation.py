"""Correlated pairs, triples and clusters: against NumPy, SciPy and an enumeration."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.analysis.correlation import (
    correlated_clusters,
    correlated_pairs,
    correlated_triples,
    correlations,
)
from neurontology.ontology.errors import UsageError
from scipy.cluster.hierarchy import average, cophenet, fcluster
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr


def layer(seed, units=12, images=40):
    """Units that share hidden causes, some of them silent, as single precision."""
    rng = np.random.default_rng(seed)
    causes = rng.normal(size=(images, 4)) @ rng.normal(size=(4, units))
    values = np.maximum(causes + rng.normal(size=(images, units)), 0)
    values[:, rng.random(units) < 0.1] = 0.0
    return values.astype(np.float32)


def listed(search):
    return [g.group.members for g in search.groups]


@pytest.mark.parametrize("batch", [1, 64, 1 << 22])
def test_correlations_are_pearsons_for_every_size_of_block(batch):
    values = layer(1)
    values[:, 3] = 7.0  # the same everywhere, though not silent
    values[:, 4] += 3e4  # a mean that a single pass would lose the digits to
    rows, units = np.arange(5, 40), np.array([0, 1, 3, 4, 9])
    r = correlations(values, rows, units, batch=batch)
    for i, j in combinations(range(5), 2):
        if units[i] == 3 or units[j] == 3:
            assert np.isnan(r[i, j])
        else:
            x, y = values[rows][:, units[[i, j]]].T.astype(float)
            assert r[i, j] == pytest.approx(pearsonr(x, y).statistic, abs=1e-11)
    assert np.array_equal(r, r.T, equal_nan=True)


def test_blocks_of_a_memory_mapped_layer_are_read_for_all_units(tmp_path):
    values = layer(2, units=300, images=200)
    np.save(tmp_path / "values.npy", values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    rows = np.flatnonzero(np.random.default_rng(0).random(200) < 0.5)
    r = correlations(mapped, rows, np.arange(300), batch=3000)
    varied = np.flatnonzero(values[rows].std(axis=0) > 0)
    expected = np.corrcoef(values[rows][:, varied].astype(float), rowvar=False)
    np.testing.assert_allclose(r[np.ix_(varied, varied)], expected, atol=1e-11)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(0, 11), count=st.integers(1, 30), step=st.sampled_from([0, 2]))
def test_pairs_and_triples_are_the_best_of_all(seed, units, count, step):
    r = correlations(layer(seed, units), np.arange(40), np.arange(units))
    if step:  # many equal correlations
        r = np.round(r * step) / step
    for search, size in ((correlated_pairs, 2), (correlated_triples, 3)):
        every = [
            (-min(r[a, b] for a, b in combinations(members, 2)), members)
            for members in combinations(range(units), size)
            if all(r[a, b] > 0 for a, b in combinations(members, 2))
        ]
        found = search(r, count=count)
        assert [(-g.correlation, g.group.members) for g in found.groups] == sorted(every)[:count]
        assert found.possible == len(list(combinations(range(units), size)))
        assert found.counted <= found.possible


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(2, 14), largest=st.integers(2, 7))
def test_clusters_are_the_largest_subtrees_of_scipys_average_linkage(seed, units, largest):
    values = layer(seed, units)
    values = values[:, values.std(axis=0) > 0].astype(float)
    units = values.shape[1]
    if units < 2:
        return
    found = correlated_clusters(correlations(values, np.arange(40), np.arange(units)), count=99, largest=largest)
    # Every subtree is a flat cluster at some height: cut at all heights, and keep what is in no larger one.
    tree = average(pdist(values.T, "correlation"))
    subtrees = set()
    for height in tree[:, 2]:
        flat = fcluster(tree, height + 1e-9, "distance")
        subtrees |= {tuple(np.flatnonzero(flat == name).tolist()) for name in set(flat)}
    apart = np.zeros((units, units))
    apart[np.triu_indices(units, 1)] = cophenet(tree)
    of = {s: 1 - max(apart[a, b] for a, b in combinations(s, 2)) for s in subtrees if len(s) > 1}
    allowed = {s for s in of if len(s) <= largest and of[s] > 1e-9}
    maximal = {s for s in allowed if not any(set(s) < set(other) for other in allowed)}
    assert set(listed(found)) == maximal
    for group in found.groups:
        assert group.correlation == pytest.approx(of[group.group.members], abs=1e-9)
    values_of = [g.correlation for g in found.groups]
    assert values_of == sorted(values_of, reverse=True)
    assert found.possible == len(maximal)


def test_planted_groups_among_two_thousand_units_come_first():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(150, 2048)).astype(np.float32)
    cause = rng.normal(size=150)
    for unit in (17, 900, 2001):
        values[:, unit] = cause + 0.1 * rng.normal(size=150)
    r = correlations(values, np.arange(150), np.arange(2048))
    assert set(listed(correlated_pairs(r, count=3))) == {(17, 900), (17, 2001), (900, 2001)}
    triples = correlated_triples(r, count=1)
    assert listed(triples) == [(17, 900, 2001)]
    # One triple of 1 429 559 296 is put together, from three pairs.
    assert triples.counted == 1
    assert listed(correlated_clusters(r, count=1, largest=3)) == [(17, 900, 2001)]


def test_nothing_correlates():
    r = correlations(np.zeros((5, 3)), np.arange(5), np.arange(3))
    for search in (
        correlated_pairs(r, count=2),
        correlated_triples(r, count=2),
        correlated_clusters(r, count=2, largest=3),
    ):
        assert search.groups == ()
        assert search.counted == 0
    # Units that oppose each other are no group.
    opposed = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, -1.0]])
    r = correlations(opposed, np.arange(3), np.arange(2))
    assert correlated_pairs(r, count=1).groups == correlated_clusters(r, count=1, largest=2).groups == ()


def test_numbers_that_are_too_small_are_refused():
    r = np.eye(3)
    for search in (
        correlated_pairs,
        correlated_triples,
        lambda r, count: correlated_clusters(r, count=count, largest=2),
    ):
        with pytest.raises(UsageError, match="at least 1"):
            search(r, count=0)
    with pytest.raises(UsageError, match="2 units or more"):
        correlated_clusters(r, count=1, largest=1)
