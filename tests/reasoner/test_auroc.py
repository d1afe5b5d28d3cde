"""AUROC and its exact search, against scikit-learn and against brute force written from the definition."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from formula_trees import TREES
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import UsageError
from neurontology.reasoner.auroc import auroc, centred_ranks, fewest, members_of, search_auroc
from neurontology.reasoner.bitset import mask, pack
from neurontology.reasoner.contexts import BEND, RANGES, _cut_sizes, make_scratch
from neurontology.reasoner.learning import InductionOptions
from neurontology.reasoner.ranked_search import RankedSearch
from neurontology.reasoner.ranking import PLANES, round_weights
from neurontology.reasoner.score import Score, resolve
from neurontology.reasoner.search import search as search_examples
from sklearn.metrics import balanced_accuracy_score, roc_auc_score


def exact_auroc(members: int, activations) -> Fraction:
    """P(member > other) + P(member = other) / 2, pair by pair."""
    n = len(activations)
    inside = [activations[i] for i in range(n) if members >> i & 1]
    outside = [activations[i] for i in range(n) if not members >> i & 1]
    twice = sum(2 * (a > b) + (a == b) for a in inside for b in outside)
    return Fraction(twice, 2 * len(inside) * len(outside))


def brute_force(rows, lengths, priorities, activations, least, max_atoms, operators, top):
    """(score, length, sorted literals, members) of the best formulas."""
    n = len(activations)
    whole = (1 << n) - 1
    literals = [((False, p), le, r) for r, le, p in zip(rows, lengths, priorities, strict=True)]
    if "not" in operators:
        literals += [((True, p), le + 1, whole & ~r) for r, le, p in zip(rows, lengths, priorities, strict=True)]
    literals.sort()
    best: dict[int, tuple] = {}
    for leaves in range(1, max_atoms + 1):
        for index, tree in enumerate(TREES[leaves]):
            needs = [set(), {"and"}, {"or"}, {"and", "or"}][min(index, 2) + 1 if leaves > 1 else 0]
            if not needs <= set(operators):
                continue
            arrange = itertools.combinations if index < 2 else itertools.permutations
            for chosen in arrange(literals, leaves):
                members = tree(*(c[2] for c in chosen))
                if not least <= members.bit_count() <= n - least:
                    continue
                key = (
                    sum(c[1] for c in chosen) + leaves - 1,
                    tuple(sorted(c[0] for c in chosen)),
                    (leaves, index),
                    tuple(c[0] for c in chosen),
                )
                if members not in best or key < best[members]:
                    best[members] = key
    ranked = sorted((-exact_auroc(members, activations), *key, members) for members, key in best.items())
    return [(-r[0], r[1], r[2], r[5]) for r in ranked[:top]]


def as_rows(rows, n):
    return np.array([[r >> i & 1 for i in range(n)] for r in rows], dtype=bool)


def search(rows, lengths, priorities, activations, least, **options):
    n = len(activations)
    score = Score("auroc", minimum_support=least / n)
    return search_auroc(
        pack(as_rows(rows, n)),
        np.array(lengths, np.int32),
        np.array(priorities, np.int64),
        np.array(activations, float),
        score=score,
        **{"width": 1, **options},  # a wide beam would cover for an exact search that misses answers
    )


def check(rows, lengths, priorities, activations, least, max_atoms, operators, top):
    expected = brute_force(rows, lengths, priorities, activations, least, max_atoms, operators, top)
    found = search(rows, lengths, priorities, activations, least, max_atoms=max_atoms, operators=operators, top=top)
    n = len(activations)
    extents = pack(as_rows(rows, n))
    got = []
    for s in found.solutions:
        inside = members_of(s.formula, extents, n)
        members = sum(1 << int(i) for i in np.flatnonzero(inside))
        key = tuple(sorted((leaf.negated, priorities[leaf.atom]) for leaf in s.formula.literals()))
        assert s.formula.length(lengths) == s.length
        got.append((s.score, s.length, key, members))
        for other in s.equivalent:
            assert (members_of(other, extents, n) == inside).all()
            assert other.length(lengths) == s.length
    assert got == [(float(e[0]), *e[1:]) for e in expected]
    assert found.proved_optimal
    assert found.upper_bound == (float(expected[0][0]) if expected else 0.0)


@st.composite
def problems(draw, atoms, images):
    n = draw(st.integers(4, images))
    count = draw(st.integers(1, atoms))
    rows = draw(st.lists(st.integers(0, (1 << n) - 1), min_size=count, max_size=count))
    lengths = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    priorities = draw(st.permutations(range(count)))
    activations = draw(st.lists(st.integers(0, draw(st.integers(0, 2 * n))), min_size=n, max_size=n))
    least = draw(st.integers(1, max(1, n // 3)))
    operators = draw(
        st.sampled_from(
            [("and", "or", "not"), ("and", "or"), ("and", "not"), ("or", "not"), ("and",), ("or",), ("not",), ()]
        )
    )
    return rows, lengths, list(priorities), activations, least, operators


@settings(max_examples=150, deadline=None)
@given(problems(5, 12), st.integers(1, 3), st.integers(1, 8))
def test_search_finds_what_brute_force_finds(problem, max_atoms, top):
    *given_, operators = problem
    check(*given_, max_atoms, operators, top)


@settings(max_examples=25, deadline=None)
@given(problems(3, 10), st.integers(1, 6))
def test_search_finds_what_brute_force_finds_with_four_atoms(problem, top):
    *given_, operators = problem
    check(*given_, 4, operators, top)


@pytest.mark.parametrize("seed", range(6))
def test_search_over_several_words_finds_what_brute_force_finds(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(65, 200))
    rows = [sum(1 << int(i) for i in np.flatnonzero(rng.random(n) < rng.uniform(0.05, 0.7))) for _ in range(7)]
    activations = np.round(rng.gamma(1.0, 3.0, n), int(rng.integers(0, 3))).tolist()
    check(rows, [1, 1, 2, 1, 3, 1, 2], list(range(7)), activations, int(n * 0.05) + 1, 3, ("and", "or", "not"), 5)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=60))
def test_auroc_is_that_of_scikit_learn(images):
    members = np.array([m for m, _ in images])
    activations = np.array([float(a) for _, a in images])
    found = auroc(members, centred_ranks(activations))
    if members.all() or not members.any():
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(members, activations), abs=1e-12)


@pytest.mark.parametrize("bad", [[1.0, float("nan")], [1.0, float("inf")], [], [[1.0, 2.0]]])
def test_activations_that_have_no_order_are_refused(bad):
    with pytest.raises(UsageError, match="cannot be ranked"):
        centred_ranks(bad)


def ranked(rows, activations, least):
    n = len(activations)
    return RankedSearch(
        pack(as_rows(rows, n)),
        np.ones(len(rows), np.int32),
        np.arange(len(rows)),
        centred_ranks(activations),
        np.arange(n),
        score=resolve("auroc"),
        least=least,
        max_atoms=1,
        conjunction=True,
        disjunction=True,
        negation=False,
        top=1,
    )


@settings(deadline=None)
@given(st.data())
def test_bound_of_a_context_is_the_best_set_in_it(data):
    n = data.draw(st.integers(3, 9))
    activations = sorted(data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)), reverse=True)
    least = data.draw(st.integers(1, n // 2))
    part = data.draw(st.lists(st.sampled_from(["settled", "open", "out"]), min_size=n, max_size=n))
    settled = sum(1 << i for i in range(n) if part[i] == "settled")
    free = [i for i in range(n) if part[i] == "open"]
    reachable = [
        exact_auroc(members, activations)
        for chosen in itertools.product([False, True], repeat=len(free))
        for members in [settled + sum(1 << i for i, c in zip(free, chosen, strict=True) if c)]
        if least <= members.bit_count() <= n - least
    ]
    weights = centred_ranks(activations)
    total = int(sum(weights[i] for i in range(n) if settled >> i & 1))
    bound = ranked([1], activations, least)._reach(mask(np.array(free, int), n), settled.bit_count(), total)
    assert bound == float(max(reachable, default=Fraction(0)))


@given(st.integers(2, 3000), st.data())
def test_ranges_of_sizes_are_a_partition_over_which_the_chord_is_close(n, data):
    low = data.draw(st.integers(1, n - 1))
    high = data.draw(st.integers(low - 1, n - 1))
    scratch = make_scratch(ranked([1], [1.0, 2.0, 3.0], 1)._rank)
    count = _cut_sizes.py_func(low, high, n, scratch)
    parts = list(zip(scratch.low[:count].tolist(), scratch.high[:count].tolist(), strict=True))
    assert [s for a, b in parts for s in range(a, b + 1)] == list(range(low, high + 1))
    for a, b in parts[: RANGES - 1]:
        chord = [a * b + (n - a - b) * s for s in (a, (a + b) // 2, b)]
        exact = [s * (n - s) for s in (a, (a + b) // 2, b)]
        assert all(0 <= e - c <= BEND * a * (n - a) for e, c in zip(exact, chord, strict=True))


@given(st.lists(st.integers(-5000, 5000), min_size=1, max_size=150))
def test_rounded_weights_are_never_too_small_and_close(weights):
    weights = sorted(weights, reverse=True)
    words = -(-len(weights) // 64)
    padded = np.zeros(64 * words, np.int64)
    padded[: len(weights)] = weights
    base, unit, planes = np.zeros(words, np.int64), np.zeros(words, np.int64), np.zeros((words, PLANES), np.uint64)
    round_weights(padded, len(weights), base, unit, planes)
    for place, weight in enumerate(weights):
        w, bit = divmod(place, 64)
        steps = sum((int(planes[w, b]) >> bit & 1) << b for b in range(PLANES))
        assert 0 <= base[w] + unit[w] * steps - weight < unit[w]


def noisy_problem(seed, n, count):
    rng = np.random.default_rng(seed)
    rows = [sum(1 << int(i) for i in np.flatnonzero(rng.random(n) < rng.uniform(0.1, 0.6))) for _ in range(count)]
    return rows, np.maximum(rng.normal(0, 1, n), 0).tolist()


def test_search_that_runs_out_of_work_gives_a_bound_above_the_optimum():
    better = 0
    for seed in range(8):
        rows, activations = noisy_problem(seed, 100, 20)
        problem = rows, [1] * 20, list(range(20)), activations, 8
        whole, part = search(*problem, top=1), search(*problem, top=1, work_limit=0)
        beam = search(*problem, top=1, strategy="beam")
        assert whole.proved_optimal
        for other in (part, beam):
            assert not other.proved_optimal
            assert other.solutions[0].score <= whole.solutions[0].score <= other.upper_bound
        better += part.solutions[0].score < whole.solutions[0].score
    assert better


def test_result_does_not_depend_on_how_often_the_work_is_interrupted(monkeypatch):
    rows, activations = noisy_problem(4, 100, 25)
    problem = rows, [1] * 25, list(range(25)), activations, 5
    whole = search(*problem, top=5, max_atoms=3)
    monkeypatch.setattr("neurontology.reasoner.ranked_search.BUDGET", 500)
    pieces = search(*problem, top=5, max_atoms=3)
    assert pieces.proved_optimal
    assert pieces.solutions == whole.solutions


def test_an_expression_for_too_few_images_is_no_answer():
    # The only image of the first atom has the highest activation; the second atom has the support.
    rows, activations = [0b1, 0b1110001], [9.0, 1, 2, 3, 4, 5, 6]
    found = search(rows, [1, 1], [0, 1], activations, 1, max_atoms=1, operators=(), top=1)
    assert found.solutions[0].score == 1.0
    found = search(rows, [1, 1], [0, 1], activations, 2, max_atoms=1, operators=(), top=9)
    assert [s.tp for s in found.solutions] == [4]
    assert not search(rows, [1, 1], [0, 1], [1.0] * 7, 4, max_atoms=1, operators=(), top=9).solutions[1:]
    nothing = search([0b1], [1], [0], activations, 2, max_atoms=3, top=9)
    assert (nothing.solutions, nothing.proved_optimal, nothing.upper_bound) == ((), True, 0.0)


@pytest.mark.parametrize("name", ["auroc", "auc", "roc_auc"])
def test_names_of_the_score(name):
    assert resolve(name) == Score("auroc")
    assert resolve(name).by_rank
    assert resolve(f"{name}@0.1").minimum_support == 0.1


@pytest.mark.parametrize("name", ["auroc@0", "auroc@0.6", "auroc@x", "auroc@nan", "f1@0.1"])
def test_impossible_supports_are_refused(name):
    with pytest.raises(UsageError):
        resolve(name)


@pytest.mark.parametrize(("share", "images", "least"), [(0.05, 300, 15), (0.07, 100, 7), (0.05, 10, 1), (0.05, 21, 2)])
def test_support_is_rounded_up(share, images, least):
    assert fewest(Score("auroc", minimum_support=share), images) == least


def test_between_positives_and_negatives_it_is_the_balanced_accuracy_of_the_activation():
    rng = np.random.default_rng(0)
    rows = [int(rng.integers(1, 1 << 30)) for _ in range(6)]
    positives, negatives = np.arange(3, 12), np.arange(14, 30)
    extents = pack(as_rows(rows, 30))
    found = search_examples(extents, [1] * 6, range(6), positives, negatives, n=30, score="auroc", top=5, max_atoms=2)
    assert found.proved_optimal
    examples = np.concatenate([positives, negatives])
    fires = np.isin(examples, positives)
    for s in found.solutions:
        inside = members_of(s.formula, extents, 30)
        assert (s.tp, s.fp) == (inside[positives].sum(), inside[negatives].sum())
        assert s.score == pytest.approx(balanced_accuracy_score(inside[examples], fires), abs=1e-12)


@pytest.mark.parametrize("rerank", ["f1", "auroc@0.1", "nothing"])
def test_only_auroc_ranks_again(rerank):
    with pytest.raises(UsageError):
        InductionOptions(rerank=rerank)
