"""Bounds of tasks: no formula of a task scores more than its bound, and the bound is met where it can be."""

import itertools

import numpy as np
import pytest
from neurontology.reasoner.bitset import pack
from neurontology.reasoner.forms import (
    AND_ORS,
    CONJUNCTIONS,
    DISJUNCTIONS,
    FORMS,
    OR_ANDS,
    PAIR_UNIONS,
    UNION_PAIRS,
    reach_steps,
    task_bounds,
)
from neurontology.reasoner.literals import prepare
from neurontology.reasoner.score import NAMES, resolve
from neurontology.reasoner.universe import FALSE, GAINS, ID, TRUE, make_scratch, make_universe


def example(seed, count=6):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 40))
    rows = rng.random((count, n)) < rng.uniform(0.2, 0.95, (count, 1))
    role = rng.random(n) < 0.4
    role[:2] = True, False
    positives, negatives = np.flatnonzero(role), np.flatnonzero(~role)
    return rows, positives, negatives, n


@pytest.mark.parametrize("patience", [0, 10**6])
@pytest.mark.parametrize("operator", [0, 1, 2])
@pytest.mark.parametrize("seed", range(12))
def test_no_formula_exceeds_the_bound_of_its_task(seed, operator, patience):
    rows, positives, negatives, n = example(seed)
    score = resolve(NAMES[seed % len(NAMES)])
    count = len(rows)
    arrays = np.ones(count, np.int32), np.arange(count)
    literals = prepare(pack(rows), *arrays, positives, negatives, n, score, True)
    ground = literals.ground
    outer = 0
    universe = make_universe(ground, operator, outer if operator else -1)
    size = len(universe.by_t)
    steps = np.empty((3, 2 * universe.p + 3), np.int32)
    steps = steps[:, : reach_steps(universe, make_scratch(ground).items[GAINS], patience, steps)]
    bounds = np.empty((FORMS, size))
    task_bounds(ground, universe, True, np.ascontiguousarray(steps), bounds)

    # literals over all examples, in the order of the universe
    order = np.concatenate([positives, negatives])
    members = [literals.members(i)[0] for i in universe.literal[ID]]
    extent = [rows[atom][order] != negated for atom, negated in members]
    p = len(positives)
    d = np.zeros(len(order), bool)
    if operator:
        d = extent[universe.literal[ID].tolist().index(outer)]

    def value(formula):
        whole = formula & d if operator == 1 else formula | d
        return float(score.value(int(whole[:p].sum()), int(whole[p:].sum()), p, len(negatives)))

    place = {int(i): k for k, i in enumerate(universe.by_t)}
    e = extent
    for a, b, c in itertools.permutations(range(size), 3):
        if a < b < c:
            assert value(e[a] & e[b] & e[c]) <= bounds[CONJUNCTIONS, a]
            first = min(place[a], place[b], place[c])
            assert value(e[a] | e[b] | e[c]) <= bounds[DISJUNCTIONS, first]
        if a < b:
            assert value(e[a] & e[b]) <= bounds[CONJUNCTIONS, a]
            assert value(e[a] | e[b]) <= bounds[DISJUNCTIONS, min(place[a], place[b])]
            assert value((e[a] | e[b]) & e[c]) <= bounds[OR_ANDS, c]
            assert value((e[a] & e[b]) | e[c]) <= bounds[AND_ORS, a]
    rng = np.random.default_rng(seed)
    for _ in range(300):
        a, b, c, f = (int(i) for i in rng.choice(size, 4, replace=False))
        first = min(a, b, c, f)
        assert value((e[a] & e[b]) | (e[c] & e[f])) <= bounds[PAIR_UNIONS, first]
        assert value((e[a] | e[b]) & (e[c] | e[f])) <= bounds[UNION_PAIRS, first]


@pytest.mark.parametrize("seed", range(8))
def test_steps_are_the_most_true_positives_of_one_and_of_two(seed):
    rows, positives, negatives, n = example(seed)
    count = len(rows)
    arrays = np.ones(count, np.int32), np.arange(count)
    ground = prepare(pack(rows), *arrays, positives, negatives, n, resolve("f1"), False).ground
    universe = make_universe(ground)
    steps = np.empty((3, 2 * universe.p + 3), np.int32)
    steps = steps[:, : reach_steps(universe, make_scratch(ground).items[GAINS], 10**6, steps)]
    bits = [sum(int(word) << (64 * w) for w, word in enumerate(row)) for row in universe.positive]
    for k in range(len(universe.by_t)):
        within = np.flatnonzero(steps[0] <= universe.literal[FALSE, k])[-1]
        near = [i for i in range(len(bits)) if universe.literal[FALSE, i] <= universe.literal[FALSE, k]]
        assert steps[1, within] == max(universe.literal[TRUE, i] for i in near)
        if len(near) > 1:
            pairs = itertools.combinations(near, 2)
            assert steps[2, within] == max((bits[i] | bits[j]).bit_count() for i, j in pairs)
