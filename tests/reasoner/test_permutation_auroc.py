"""Permutation tests of AUROC: against a search of each permutation, on pure noise, on a planted rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.expression import Named
from neurontology.reasoner.atoms import AtomTable
from neurontology.reasoner.auroc import search_auroc
from neurontology.reasoner.bitset import pack
from neurontology.reasoner.learning import InductionOptions, induce
from neurontology.reasoner.permutation import permutation_test
from neurontology.reasoner.score import resolve

ALL = ("and", "or", "not")


def table(bits: np.ndarray) -> AtomTable:
    m, n = bits.shape
    return AtomTable(
        rows=np.arange(n),
        expressions=tuple(Named(f"http://example.org/A{i}") for i in range(m)),
        equivalents=((),) * m,
        extents=pack(bits),
        lengths=np.ones(m, np.int32),
        priorities=np.arange(m),
    )


def best(one: AtomTable, column: np.ndarray, images: np.ndarray, score: str, **options: object) -> float:
    found = search_auroc(
        one.extents, one.lengths, one.priorities, column, images=images, score=resolve(score), top=3, **options
    )
    return found.solutions[0].score if found.solutions else -math.inf


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.integers(1, 4),
    st.sampled_from([ALL, ("and", "or"), ("and",), ("or", "not"), ()]),
    st.sampled_from(["exact", "beam"]),
    st.sampled_from(["auroc@0.01", "auroc@0.2"]),
    st.booleans(),
)
def test_a_draw_is_a_hit_if_and_only_if_its_search_reaches_the_score(
    seed, count, atoms, operators, strategy, score, raw
):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 90))
    one = table(rng.random((count, n)) < rng.uniform(0.1, 0.9))
    roles = rng.choice(3, n, p=[0.3, 0.5, 0.2])
    roles[:2] = 0, 1
    positives, negatives = np.flatnonzero(roles == 0), np.flatnonzero(roles == 1)
    column = rng.integers(0, 12, n).astype(np.float64)  # with ties
    images = np.arange(n) if raw else np.flatnonzero(roles < 2)
    values = column if raw else (roles[images] == 0).astype(float)
    generator = np.random.default_rng([4, 1])
    options = {"max_atoms": atoms, "operators": operators, "strategy": strategy}
    bests = [best(one, generator.permutation(values), images, score, **options) for _ in range(5)]
    for threshold in {max(bests), bests[0], math.nextafter(bests[0], 2.0), math.nextafter(max(bests), 2.0)} - {
        -math.inf,
        math.nextafter(-math.inf, 2.0),
    }:
        found = permutation_test(
            [one],
            positives,
            negatives,
            threshold,
            score=score,
            permutations=5,
            seed=[4, 1],
            activations=column if raw else None,
            **options,
        )
        assert (found.hits, found.undecided) == (sum(b >= threshold for b in bests), 0)


def test_p_is_uniform_on_noise():
    """A p of at most a has a probability of at most a, and not much less."""
    rng = np.random.default_rng(5)
    p_values, units = [], 150
    for unit in range(units):
        one = table(rng.random((12, 80)) < rng.uniform(0.15, 0.6, (12, 1)))
        column = rng.gamma(2.0, size=80)
        positives, negatives = np.flatnonzero(column > 3), np.flatnonzero(column < 1)
        options = InductionOptions(score="auroc@0.1", max_atoms=2, top=1, permutations=39)
        chance = induce(one, positives, negatives, options, stream=unit, activations=column).chance
        assert chance is not None
        assert chance.undecided == 0
        p_values.append(chance.p)
    for level in (0.1, 0.25, 0.5, 0.75):
        share = np.mean(np.asarray(p_values) <= level)
        assert abs(share - level) < 4 * math.sqrt(level * (1 - level) / units) + 0.03


@pytest.mark.parametrize("strategy", ["exact", "beam"])
def test_a_planted_rule_is_more_than_chance(strategy):
    rng = np.random.default_rng(6)
    bits = rng.random((15, 100)) < 0.4
    column = rng.random(100) + 0.8 * (bits[3] & ~bits[7])
    positives, negatives = np.flatnonzero(column > 1.2), np.flatnonzero(column < 0.5)
    options = InductionOptions(score="auroc", permutations=49, strategy=strategy)
    found = induce(table(bits), positives, negatives, options, activations=column)
    assert found.chance is not None
    assert found.chance.p == pytest.approx(1 / 50)
    again = induce(table(bits), positives, negatives, options, activations=column)
    assert again.chance == found.chance


def test_without_activations_the_examples_are_permuted():
    rng = np.random.default_rng(7)
    bits = rng.random((8, 60)) < 0.4
    options = InductionOptions(score="auroc", permutations=19)
    rule = induce(table(bits), np.flatnonzero(bits[2]), np.flatnonzero(~bits[2]), options)
    assert rule.chance is not None
    assert rule.chance.p == pytest.approx(1 / 20)


def test_no_answer_no_test():
    bits = np.zeros((1, 20), bool)
    bits[0, 0] = True
    options = InductionOptions(score="auroc@0.5", permutations=9)
    found = induce(table(bits), np.arange(3), np.arange(10, 20), options, activations=np.arange(20.0))
    assert (found.solutions, found.chance) == ((), None)
