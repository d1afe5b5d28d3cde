"""Pairs and triples by co-activation: what is pruned is never missed."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.analysis.coactivation import coactive_pairs, coactive_triples, excited
from neurontology.ontology.errors import UsageError


def exhaustive(images, size, count, min_support):
    """All groups, one after the other, from sets of images."""
    of_unit = [set(np.flatnonzero(column).tolist()) for column in images.T]
    found = []
    for members in combinations(range(len(of_unit)), size):
        sets = [of_unit[unit] for unit in members]
        support, either = len(set.intersection(*sets)), len(set.union(*sets))
        if support >= min_support:
            found.append((-support / either, members, support, either))
    return [(members, support, either) for _, members, support, either in sorted(found)[:count]]


def listed(search):
    return [(g.group.members, g.support, g.either) for g in search.groups]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    units=st.integers(0, 14),
    density=st.floats(0.05, 0.9),
    count=st.integers(1, 20),
    min_support=st.integers(1, 5),
    block=st.integers(1, 6),
)
def test_pruned_search_finds_what_an_exhaustive_one_finds(seed, units, density, count, min_support, block):
    rng = np.random.default_rng(seed)
    # Units of very different sizes, so that bounds on sizes do prune.
    images = rng.random((30, units)) < density * rng.random(units) ** 2
    pairs = coactive_pairs(images, count=count, min_support=min_support, block=block)
    assert listed(pairs) == exhaustive(images, 2, count, min_support)
    triples = coactive_triples(images, count=count, min_support=min_support, block=block)
    assert listed(triples) == exhaustive(images, 3, count, min_support)
    assert pairs.counted <= pairs.possible == units * (units - 1) // 2
    assert triples.counted <= triples.possible


def test_a_planted_pair_and_triple_among_many_units_are_found_with_few_counted():
    rng = np.random.default_rng(3)
    images = np.zeros((400, 600), bool)
    for unit in range(600):
        images[rng.choice(400, rng.integers(1, 40), replace=False), unit] = True
    planted = rng.choice(400, 12, replace=False)
    for unit in (17, 301, 555):
        images[:, unit] = False
        images[planted, unit] = True
    pairs = coactive_pairs(images, count=3, block=32)
    assert listed(pairs) == [((17, 301), 12, 12), ((17, 555), 12, 12), ((301, 555), 12, 12)]
    assert pairs.counted < pairs.possible / 4
    triples = coactive_triples(images, count=1)
    assert listed(triples) == [((17, 301, 555), 12, 12)]
    assert triples.counted < 1000 < triples.possible


def test_excited_from_the_share_on_and_never_at_zero():
    shares = np.array([[0.8, 0.0], [0.79, 0.0], [-1.0, 0.0]])
    assert excited(shares, 0.8).tolist() == [[True, False], [False, False], [False, False]]
    assert not excited(shares[1:2], 0.8).any()


def test_numbers_below_one_are_refused():
    images = np.ones((3, 2), bool)
    for search in (coactive_pairs, coactive_triples):
        for wrong in ({"count": 0}, {"count": 1, "min_support": 0}):
            with pytest.raises(UsageError, match="at least 1"):
                search(images, **wrong)


def test_overlap_is_a_share():
    images = np.array([[1, 1], [1, 1], [1, 0], [0, 1], [1, 0]], bool)
    (pair,) = coactive_pairs(images, count=1, min_support=2).groups
    assert (pair.support, pair.either, pair.overlap) == (2, 5, 0.4)
