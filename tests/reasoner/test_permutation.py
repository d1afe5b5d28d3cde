"""Permutation tests of the search: against naive loops, on pure noise, on planted effects."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.expression import Named
from neurontology.reasoner.atoms import AtomTable
from neurontology.reasoner.bitset import pack
from neurontology.reasoner.deepening import tables_by_depth
from neurontology.reasoner.learning import InductionOptions, induce
from neurontology.reasoner.permutation import PermutationTest, hits_enough, permutation_test
from neurontology.reasoner.problem import make_problem
from neurontology.reasoner.search import search
from neurontology.reasoner.solve import pose, solve

SCORES = ("f1", "accuracy", "balanced_accuracy", "iou", "precision@0.3", "wracc", "mcc")
SEARCH = {"score": "f1", "max_atoms": 2, "operators": ("and", "or", "not"), "strategy": "exact"}
OPERATOR_SETS = [("and", "or", "not"), ("and", "or"), ("and",), ("or", "not"), ()]


def table(bits, lengths=None, depth=1):
    """Atoms with these extensions, shape (atoms, individuals)."""
    count, n = bits.shape
    return AtomTable(
        rows=np.arange(n),
        expressions=tuple(Named(f"http://example.org/{depth}/{i}") for i in range(count)),
        equivalents=((),) * count,
        extents=pack(bits),
        lengths=np.ones(count, np.int32) if lengths is None else np.asarray(lengths, np.int32),
        priorities=np.arange(count),
        depth=depth,
    )


def draws(positives, negatives, count, seed):
    """The permuted examples, as documented: numpy's default generator chooses the positives among all examples."""
    examples = np.sort(np.concatenate([positives, negatives]))
    generator = np.random.default_rng(seed)
    for _ in range(count):
        inside = generator.choice(len(examples), len(positives), replace=False)
        yield examples[inside], np.delete(examples, inside)


def best_score(atoms, positives, negatives, **options):
    n = len(atoms.rows)
    found = search(atoms.extents, atoms.lengths, atoms.priorities, positives, negatives, n=n, top=1, **options)
    return found.solutions[0].score


def naive(atoms, positives, negatives, best, count, seed, **options):
    """Drawn, hits and p by searching every permutation to its end, one stopping rule written twice."""
    hits = drawn = 0
    for inside, outside in draws(positives, negatives, count, seed):
        drawn += 1
        hits += any(best_score(one, inside, outside, **options) >= best for one in atoms)
        if hits == max(10, count // 10):
            return drawn, hits, hits / drawn
    return drawn, hits, (hits + 1) / (count + 1)


@st.composite
def problems(draw):
    n = draw(st.sampled_from([6, 12, 40, 90]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = rng.random((draw(st.integers(1, 9)), n)) < rng.uniform(0.05, 0.95)
    roles = rng.choice(3, n, p=[0.3, 0.5, 0.2])
    roles[:2] = 0, 1
    lengths = rng.integers(1, 4, len(bits))
    return table(bits, lengths), np.flatnonzero(roles == 0), np.flatnonzero(roles == 1)


@settings(max_examples=100, deadline=None)
@given(
    problems(),
    st.sampled_from(SCORES),
    st.integers(1, 4),
    st.sampled_from(OPERATOR_SETS),
    st.sampled_from(["exact", "beam"]),
)
def test_a_permutation_is_a_hit_if_and_only_if_its_search_reaches_the_score(problem, score, atoms, operators, strategy):
    one, positives, negatives = problem
    options = {"score": score, "max_atoms": atoms, "operators": operators, "strategy": strategy}
    bests = [best_score(one, *drawn, **options) for drawn in draws(positives, negatives, 6, [4, 1])]
    for threshold in {max(bests), bests[0], math.nextafter(bests[0], math.inf), math.nextafter(max(bests), math.inf)}:
        found = permutation_test([one], positives, negatives, threshold, permutations=6, seed=[4, 1], **options)
        assert found.hits == sum(b >= threshold for b in bests)
        assert (found.drawn, found.undecided) == (6, 0)


@pytest.mark.parametrize("strategy", ["exact", "beam"])
@pytest.mark.parametrize("seed", range(6))
def test_equals_a_naive_loop_on_hierarchies(seed, strategy):
    rng = np.random.default_rng(seed)
    below = rng.random((40, 400)) < 0.06
    above = np.stack([below[rng.choice(40, 4)].any(axis=0) for _ in range(40)])
    one = table(np.unique(np.vstack([below, above]), axis=0))
    # from no effect to a clear one
    member = (below[3] & (rng.random(400) < 0.2 * seed)) | (rng.random(400) < 0.04)
    positives, negatives = np.flatnonzero(member), np.flatnonzero(~member & (rng.random(400) < 0.9))
    options = {"score": "f1", "max_atoms": 3, "operators": ("and", "or", "not"), "strategy": strategy}
    best = best_score(one, positives, negatives, **options)
    found = permutation_test([one], positives, negatives, best, permutations=39, seed=[seed], **options)
    drawn, hits, p = naive([one], positives, negatives, best, 39, [seed], **options)
    assert (found.drawn, found.hits, found.p) == (drawn, hits, p)


def test_a_search_that_chose_among_tables_is_compared_with_all_of_them():
    rng = np.random.default_rng(8)
    few, many = table(rng.random((3, 60)) < 0.4, depth=1), table(rng.random((30, 60)) < 0.4, depth=2)
    positives, negatives = np.arange(12), np.arange(12, 60)
    options = SEARCH
    best = best_score(few, positives, negatives, **options)
    alone = permutation_test([few], positives, negatives, best, permutations=50, seed=[0], **options)
    both = permutation_test([few, many], positives, negatives, best, permutations=50, seed=[0], **options)
    assert (both.drawn, both.hits, both.p) == naive([few, many], positives, negatives, best, 50, [0], **options)
    assert both.p > alone.p
    through = induce(
        few,
        positives,
        negatives,
        InductionOptions(max_atoms=2, permutations=50, seed=3),
        alternatives=[many],
        stream=4,
    )
    assert through.chance == permutation_test(
        [few, many], positives, negatives, best, permutations=50, seed=[3, 4], **options
    )


def noise_p(units, permutations):
    """p-values of units whose positives are a random subset."""
    rng = np.random.default_rng(2)
    options = {**SEARCH, "score": "mcc"}
    for unit in range(units):
        one = table(rng.random((20, 150)) < rng.uniform(0.1, 0.6, (20, 1)))
        order = rng.permutation(150)
        positives, negatives = np.sort(order[:47]), np.sort(order[47:])
        best = best_score(one, positives, negatives, **options)
        yield permutation_test([one], positives, negatives, best, permutations=permutations, seed=[0, unit], **options)


def test_p_is_uniform_where_there_is_no_effect():
    units, permutations = 400, 39
    p = np.array([found.p for found in noise_p(units, permutations)])
    # What it can be: (1 + hits) / 40 with fewer than ten hits, else 10 / draws.
    support = np.unique([*((1 + h) / 40 for h in range(10)), *(10 / drawn for drawn in range(10, 40))])
    assert np.isin(p, support).all()
    share = np.array([(p <= a).mean() for a in support])
    # Kolmogorov-Smirnov at the points of the support, critical value of a level of 1 %; ties can only lower the share.
    assert np.abs(share - support).max() < 1.63 / math.sqrt(units)
    # One-sided (Massart): P(share - a > d for some a) <= exp(-2 n d²), here 1 %.
    assert (share - support).max() < math.sqrt(math.log(100) / (2 * units))


def test_p_is_never_too_small_where_scores_tie_often():
    rng = np.random.default_rng(4)
    options = {"score": "f1", "max_atoms": 2, "operators": ("and", "or"), "strategy": "exact"}
    found = []
    for unit in range(300):
        one = table(rng.random((5, 30)) < 0.3)
        order = rng.permutation(30)
        best = best_score(one, order[:3], order[3:], **options)
        tested = permutation_test([one], order[:3], order[3:], best, permutations=19, seed=[1, unit], **options)
        found.append(tested.p)
    for a in (0.05, 0.1, 0.2, 0.5):
        assert np.mean(np.array(found) <= a) <= a + math.sqrt(math.log(100) / 600)


@pytest.mark.parametrize("strategy", ["exact", "beam"])
def test_a_planted_unit_has_the_smallest_p(strategy):
    rng = np.random.default_rng(5)
    bits = rng.random((200, 500)) < 0.1
    member = (bits[3] & ~bits[7]) | (rng.random(500) < 0.005)
    options = InductionOptions(permutations=200, strategy=strategy, seed=1)
    found = induce(table(bits), np.flatnonzero(member), np.flatnonzero(~member), options).chance
    assert found == PermutationTest(asked=200, drawn=200, hits=0, undecided=0)
    assert found.p == 1 / 201


def test_what_cannot_be_decided_counts_against_the_label():
    rng = np.random.default_rng(6)
    bits = rng.random((60, 300)) < 0.2
    positives, negatives = np.arange(30), np.arange(30, 300)
    found = permutation_test(
        [table(bits)],
        positives,
        negatives,
        0.99,  # no permutation reaches it, but nobody had the time to find that out
        score="balanced_accuracy",
        max_atoms=4,
        operators=("and", "or", "not"),
        strategy="exact",
        permutations=40,
        seed=[0],
        time_limit=0.0,
    )
    assert (found.drawn, found.hits, found.undecided, found.p) == (10, 10, 10, 1.0)


def test_the_work_of_a_decision_is_limited(monkeypatch):
    from neurontology.reasoner import permutation

    rng = np.random.default_rng(6)
    one = table(rng.random((400, 300)) < 0.5)
    call = {
        "score": "f1", "max_atoms": 3, "operators": ("and", "or", "not"), "strategy": "exact",
        "permutations": 20, "seed": [0],
    }  # fmt: skip
    examples = np.arange(30), np.arange(30, 300)
    decided = permutation_test([one], *examples, 0.45, **call)
    monkeypatch.setattr(permutation, "WORK_LIMIT", 100_000)
    limited = [permutation_test([one], *examples, 0.45, **call) for _ in range(2)]
    assert decided.undecided == 0 and decided.hits < 10
    assert 0 < limited[0].undecided <= limited[0].hits == 10
    assert limited[0] == limited[1]


def test_without_permutations_there_is_no_test():
    found = induce(table(np.eye(4, dtype=bool)), np.array([0]), np.array([1, 2]), InductionOptions())
    assert found.chance is None


def test_more_permutations_continue_the_same_draws():
    rng = np.random.default_rng(7)
    one = table(rng.random((30, 100)) < 0.3)
    positives, negatives = np.arange(15), np.arange(15, 100)
    best = np.median([best_score(one, *drawn, **SEARCH) for drawn in draws(positives, negatives, 20, [2])])
    hits = [
        permutation_test([one], positives, negatives, best, permutations=count, seed=[2], **SEARCH).hits
        for count in (5, 10, 15)
    ]
    assert hits[0] < hits[2]
    assert all(a <= b <= a + 5 for a, b in itertools.pairwise(hits))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"permutations": -1}, "not negative"),
        ({"seed": -1}, "not negative"),
        ({"permutations": 10, "strategy": "ecii"}, "the strategy ecii has no permutation test"),
    ],
)
def test_options_that_make_no_test_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        InductionOptions(**options)


def test_the_stopping_rule_keeps_small_p_values_exact():
    assert [hits_enough(n) for n in (1, 99, 100, 109, 110, 1000)] == [10, 10, 10, 10, 11, 100]
    assert PermutationTest(100, 100, 4, 0).p == 5 / 101
    assert PermutationTest(100, 100, 10, 0).p == 0.1
    assert PermutationTest(3, 3, 3, 0).p == 1.0


def test_a_search_that_finds_its_depth_is_compared_with_every_depth(tmp_path):
    rng = np.random.default_rng(11)
    people = [f"p{i}" for i in range(40)]
    lines = ["@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += [":knows a owl:ObjectProperty . :Tall a owl:Class . :Wise a owl:Class ."]
    for i, person in enumerate(people):
        lines.append(f":{person} a {':Tall' if rng.random() < 0.5 else ':Wise'} .")
        lines += [f":{person} :knows :p{j} ." for j in rng.choice(40, 2) if j != i]
    (tmp_path / "o.ttl").write_text("\n".join(lines))
    kb = read_owl([tmp_path / "o.ttl"])
    examples = [f"http://example.org/{person}" for person in people]
    problem = make_problem("p", examples[:8], examples[8:], origin=tmp_path / "p.json")
    found = solve(kb, problem, InductionOptions(max_atoms=1, permutations=30, seed=5))
    assert found.chance is not None
    posed = pose(kb, problem)
    rows = np.unique(np.concatenate([posed.positives, posed.negatives]))
    tables = list(tables_by_depth(posed.interpretation, rows))
    assert len(tables) > 1
    sides = np.searchsorted(rows, posed.positives), np.searchsorted(rows, posed.negatives)
    best = found.solutions[0].confusion.f1
    expected = naive(tables, *sides, best, 30, [5, 0], **{**SEARCH, "max_atoms": 1})
    assert (found.chance.drawn, found.chance.hits, found.chance.p) == expected
    assert found.chance.hits > 0
