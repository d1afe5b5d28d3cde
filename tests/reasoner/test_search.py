"""The search against brute force that is written from its definition."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from formula_trees import TREES
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import UsageError
from neurontology.reasoner.bitset import pack
from neurontology.reasoner.formula import Formula, Literal
from neurontology.reasoner.search import search

SCORES = ("f1", "accuracy", "balanced_accuracy", "iou", "precision", "wracc", "mcc")


def exact_score(name, tp, fp, p, n):
    """A number that orders confusion counts as the score does, exactly where it is rational."""
    if name == "f1":
        return Fraction(2 * tp, 2 * tp + fp + (p - tp))
    if name == "accuracy":
        return Fraction(tp + (n - fp), p + n)
    if name == "balanced_accuracy":
        return (Fraction(tp, p) + Fraction(n - fp, n)) / 2
    if name == "iou":
        return Fraction(tp, p + fp)
    if name == "precision":
        return Fraction(tp, tp + fp) if tp and 2 * tp >= p else Fraction(0)
    if name == "wracc":
        total = p + n
        covered = Fraction(tp + fp, total)
        return covered * (Fraction(tp, tp + fp) - Fraction(p, total)) if tp + fp else Fraction(0)
    square = Fraction((tp + fp) * p * n * (n - fp + p - tp))
    if not square:
        return 0.0
    numerator = tp * (n - fp) - fp * (p - tp)
    return round(math.copysign(math.sqrt(Fraction(numerator**2) / square), numerator), 11)


def usable(tree_index, leaves, operators):
    """Which connectives a tree needs."""
    if leaves == 1:
        return True
    needs = {"and"} if tree_index == 0 else {"or"} if tree_index == 1 else {"and", "or"}
    return needs <= set(operators)


def brute_force(rows, lengths, priorities, positives, negatives, score, max_atoms, operators, top):
    p, n = len(positives), len(negatives)
    pos = sum(1 << i for i in positives)
    neg = sum(1 << i for i in negatives)
    whole = pos | neg
    literals = [((False, pr), le, r & whole) for r, le, pr in zip(rows, lengths, priorities, strict=True)]
    if "not" in operators:
        literals += [((True, pr), le + 1, whole & ~r) for r, le, pr in zip(rows, lengths, priorities, strict=True)]
    literals.sort()
    best = {}
    for leaves in range(1, max_atoms + 1):
        for index, tree in enumerate(TREES[leaves]):
            if not usable(index, leaves, operators):
                continue
            # symmetric trees need each combination once; all others every arrangement
            arrange = itertools.combinations if index < 2 else itertools.permutations
            for chosen in arrange(literals, leaves):
                extension = tree(*(c[2] for c in chosen))
                key = (
                    sum(c[1] for c in chosen) + leaves - 1,
                    tuple(sorted(c[0] for c in chosen)),
                    (leaves, index),
                    tuple(c[0] for c in chosen),
                )
                if extension not in best or key < best[extension]:
                    best[extension] = key
    ranked = []
    for extension, key in best.items():
        tp, fp = (extension & pos).bit_count(), (extension & neg).bit_count()
        ranked.append((-exact_score(score, tp, fp, p, n), *key, extension, tp, fp))
    ranked.sort(key=lambda r: r[:5])
    return [(-r[0], r[1], r[2], r[5], r[6], r[7]) for r in ranked[:top]]


def extension_of(formula: Formula, rows, whole):
    if formula.kind == "literal":
        leaf = formula.operands[0]
        assert isinstance(leaf, Literal)
        return whole & (~rows[leaf.atom] if leaf.negated else rows[leaf.atom])
    parts = [extension_of(c, rows, whole) for c in formula.children]
    result = parts[0]
    for part in parts[1:]:
        result = result & part if formula.kind == "and" else result | part
    return result


def run(rows, n, lengths, priorities, positives, negatives, **options):
    bits = np.array([[(r >> i) & 1 for i in range(n)] for r in rows], dtype=bool)
    return search(pack(bits), lengths, priorities, positives, negatives, n=n, **options)


def check(rows, n, lengths, priorities, positives, negatives, score, max_atoms, operators, top):
    expected = brute_force(rows, lengths, priorities, positives, negatives, score, max_atoms, operators, top)
    result = run(
        rows,
        n,
        lengths,
        priorities,
        positives,
        negatives,
        score=score,
        max_atoms=max_atoms,
        operators=operators,
        top=top,
        width=1,  # a wide beam finds most answers, which would cover for an exact search that misses them
    )
    whole = sum(1 << i for i in [*positives, *negatives])
    found = []
    for s in result.solutions:
        extension = extension_of(s.formula, rows, whole)
        assert s.formula.length(lengths) == s.length
        assert len(list(s.formula.literals())) <= max_atoms
        for other in s.equivalent:
            assert extension_of(other, rows, whole) == extension
            assert other.length(lengths) == s.length
            assert other != s.formula
        assert len(set(s.equivalent)) == len(s.equivalent)
        leaves = tuple(sorted((leaf.negated, priorities[leaf.atom]) for leaf in s.formula.literals()))
        found.append((s.length, leaves, extension, s.tp, s.fp))
    assert found == [e[1:] for e in expected]
    for s, e in zip(result.solutions, expected, strict=True):
        assert s.score == pytest.approx(float(e[0]), abs=1e-11)
    assert result.proved_optimal
    assert result.upper_bound == result.solutions[0].score


@st.composite
def problems(draw, atoms, individuals=14):
    n = draw(st.integers(2, individuals))
    count = draw(st.integers(1, min(atoms, 2**n)))
    rows = draw(st.lists(st.integers(0, 2**n - 1), min_size=count, max_size=count, unique=True))
    lengths = draw(st.lists(st.integers(1, 3), min_size=len(rows), max_size=len(rows)))
    priorities = draw(st.permutations(range(len(rows))))
    roles = draw(st.lists(st.sampled_from("+-0"), min_size=n, max_size=n))
    roles[0], roles[1] = "+", "-"
    positives = [i for i, r in enumerate(roles) if r == "+"]
    negatives = [i for i, r in enumerate(roles) if r == "-"]
    return rows, n, lengths, priorities, positives, negatives


OPERATOR_SETS = [
    ("and", "or", "not"),
    ("and", "or"),
    ("and", "not"),
    ("or", "not"),
    ("and",),
    ("or",),
    ("not",),
    (),
]


@settings(max_examples=120, deadline=None)
@given(
    problems(6),
    st.sampled_from(SCORES),
    st.integers(1, 3),
    st.sampled_from(OPERATOR_SETS),
    st.integers(1, 10),
)
def test_equals_brute_force_up_to_three_atoms(problem, score, max_atoms, operators, top):
    check(*problem, score, max_atoms, operators, top)


@settings(max_examples=40, deadline=None)
@given(problems(3, individuals=10), st.sampled_from(SCORES), st.sampled_from(OPERATOR_SETS), st.integers(1, 10))
def test_equals_brute_force_with_four_atoms(problem, score, operators, top):
    check(*problem, score, 4, operators, top)


def dag_problem(seed, atoms, n, planted=True):
    """Ancestor-closed extents: the atoms above an object contain it."""
    rng = np.random.default_rng(seed)
    objects = max(2, atoms // 2)
    extents = [int(sum(1 << i for i in range(n) if rng.random() < 0.3)) for _ in range(objects)]
    while len(extents) < atoms:
        kids = rng.choice(len(extents), int(rng.integers(1, 4)))
        union = 0
        for k in kids:
            union |= extents[k]
        extents.append(union)
    rows = list(dict.fromkeys(extents))
    lengths = rng.integers(1, 4, len(rows)).tolist()
    priorities = rng.permutation(len(rows)).tolist()
    if planted:
        a, b, c = rng.choice(len(rows), 3)
        target = (rows[a] & rows[b]) | rows[c]
        member = [bool(target >> i & 1) != (rng.random() < 0.1) for i in range(n)]
    else:
        member = (rng.random(n) < 0.3).tolist()
    member[0], member[1] = True, False
    used = rng.random(n) < 0.8
    used[:2] = True
    positives = [i for i in range(n) if used[i] and member[i]]
    negatives = [i for i in range(n) if used[i] and not member[i]]
    return rows, n, lengths, priorities, positives, negatives


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(4))
def test_equals_brute_force_on_closed_hierarchies(score, seed):
    operators = OPERATOR_SETS[seed % 2 * 1]
    check(*dag_problem(seed, 9, 150, planted=seed != 3), score, 3, operators, 1 + 3 * seed)


def block_problem(seed, n=120):
    """Positives in three parts that share no atom, behind atoms that remove false positives: unions must be found."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 8, n)  # 0 to 2: positives by part; others negatives
    kind[:4] = range(4)
    parts = [(kind == k) | ((rng.random(n) < 0.3) & (kind == 3 + k)) for k in range(3)]
    pairs = [parts[0] | parts[1], parts[1] | parts[2]]
    fences = [(kind < 3) | (rng.random(n) < 0.4) for _ in range(3)]
    noise = [rng.random(n) < 0.5]
    rows = [sum(1 << i for i in range(n) if row[i]) for row in [*parts, *pairs[: seed % 3], *fences, *noise]]
    count = len(rows)
    lengths = rng.integers(1, 3, count).tolist()
    positives = [i for i in range(n) if kind[i] < (3 if seed % 2 else 2)]
    negatives = [i for i in range(n) if kind[i] >= 3]
    return rows, n, lengths, rng.permutation(count).tolist(), positives, negatives


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("seed", range(12))
def test_equals_brute_force_where_unions_matter(score, seed):
    check(*block_problem(seed), score, 3, OPERATOR_SETS[seed % 4 == 3], [1, 2, 5][seed % 3])


def test_equals_brute_force_among_perfect_ties():
    """Few individuals and atoms of one length: many three-atom formulas are perfect, and priority alone decides."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(5, 9))
        rows = list({int(x) for x in rng.integers(1, 2**n - 1, 7)})
        cut = int(rng.integers(1, n))
        problem = rows, n, [1] * len(rows), rng.permutation(len(rows)).tolist(), list(range(cut)), list(range(cut, n))
        check(*problem, "f1", 3, ("and", "or"), int(rng.integers(1, 3)))


@pytest.mark.parametrize("tree", range(10))
@pytest.mark.parametrize("seed", range(4))
def test_equals_brute_force_where_four_atoms_are_planted(tree, seed):
    rng = np.random.default_rng(100 * tree + seed)
    n = 200
    rows = [sum(1 << i for i in range(n) if rng.random() < density) for density in rng.uniform(0.3, 0.7, 6)]
    target = TREES[4][tree](*rows[:4])
    noise = [0.0, 0.03][seed % 2]
    member = [bool(target >> i & 1) != (rng.random() < noise) for i in range(n)]
    positives, negatives = ([i for i in range(n) if member[i] == side] for side in (True, False))
    problem = rows, n, [1] * 6, rng.permutation(6).tolist(), positives, negatives
    check(*problem, ["f1", "mcc"][seed // 2], 4, ("and", "or"), 1 + seed)


@pytest.mark.parametrize("seed", range(600))
def test_equals_brute_force_on_random_problems(seed):
    """Small problems of every kind, tie-laden ones among them."""
    draw = random.Random(seed)
    max_atoms = draw.choice([2, 3, 3, 3, 4])
    atoms = draw.randint(2, {2: 16, 3: 6, 4: 3}[max_atoms])
    n = draw.choice([6, 12, 30, 70, 150, 300])
    if draw.random() < 0.5:
        problem = dag_problem(seed, atoms, n, planted=draw.random() < 0.7)
    else:
        density = draw.choice([0.1, 0.3, 0.5, 0.9])
        rows = list({sum(1 << i for i in range(n) if draw.random() < density) for _ in range(atoms)})
        lengths = [draw.randint(1, 3) for _ in rows] if draw.random() < 0.5 else [2] * len(rows)
        roles = ["+", "-", *(draw.choice("+---0") for _ in range(n - 2))]
        positives = [i for i in range(n) if roles[i] == "+"]
        negatives = [i for i in range(n) if roles[i] == "-"]
        problem = rows, n, lengths, draw.sample(range(len(rows)), len(rows)), positives, negatives
    operators = draw.choice(OPERATOR_SETS[:5]) if draw.random() < 0.4 else OPERATOR_SETS[0]
    check(*problem, draw.choice(SCORES), max_atoms, operators, draw.choice([1, 1, 2, 3, 5, 10, 40]))


@pytest.mark.parametrize("top", [1, 2, 5, 10])
def test_many_ties(top):
    # one positive: a perfect score is common, and everything after it ties
    rng = np.random.default_rng(top)
    rows = list({int(x) for x in rng.integers(0, 2**12, 9)})
    check(
        rows,
        12,
        [1] * len(rows),
        list(range(len(rows))),
        [3],
        [0, 1, 2, 4, 5, 6, 7],
        "f1",
        3,
        OPERATOR_SETS[0],
        top,
    )


def best_of(problem, score="f1", max_atoms=3):
    return brute_force(*problem[:1], *problem[2:], score, max_atoms, OPERATOR_SETS[0], 1)[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("node_limit", [0, 1, 50, 500])
def test_interrupted_search_bounds_the_optimum(seed, node_limit):
    problem = dag_problem(seed, 9, 150, planted=seed % 2 == 0)
    rows, n, lengths, priorities, positives, negatives = problem
    result = run(rows, n, lengths, priorities, positives, negatives, node_limit=node_limit, width=1, top=3)
    optimum = float(best_of(problem)[0])
    # Records are JSON, which numpy's truth values and numbers are not.
    assert (type(result.proved_optimal), type(result.upper_bound)) == (bool, float)
    assert result.upper_bound >= optimum - 1e-12
    assert result.upper_bound >= result.solutions[0].score
    assert result.solutions[0].score <= optimum + 1e-12
    if result.proved_optimal:
        assert result.solutions[0].score == pytest.approx(optimum, abs=1e-12)


def large_problem(seed, atoms=300, n=3000):
    rng = np.random.default_rng(seed)
    extents = rng.random((atoms, n)) < rng.uniform(0.01, 0.4, (atoms, 1))
    member = (extents[0] & extents[1]) | extents[2]
    member ^= rng.random(n) < 0.02
    return pack(extents), np.flatnonzero(member), np.flatnonzero(~member)


def test_time_limit_gives_the_best_so_far_with_a_bound():
    extents, positives, negatives = large_problem(0)
    unit = {"lengths": [1] * 300, "priorities": range(300), "positives": positives, "negatives": negatives}
    unit["priorities"] = list(range(300))
    full = search(extents, **unit, n=3000)
    cut = search(extents, **unit, n=3000, time_limit=0.0)
    assert full.proved_optimal
    assert not cut.proved_optimal
    assert cut.solutions
    assert cut.upper_bound >= full.solutions[0].score >= cut.solutions[0].score
    assert str(full.solutions[0].formula) == "(2 | (0 & 1))"


@pytest.mark.parametrize(("score", "max_atoms"), [("f1", 3), ("f1", 4), ("auroc", 3)])
def test_progress_tells_of_ever_better_answers_and_ever_lower_bounds(score, max_atoms):
    extents, positives, negatives = large_problem(0, atoms=14, n=300)
    told = []
    problem = extents, [1] * 14, list(range(14)), positives, negatives
    limits = {"n": 300, "score": score, "max_atoms": max_atoms, "width": 1}
    found = search(*problem, **limits, progress=lambda *state: told.append(state))
    assert found.proved_optimal
    assert replace(found, elapsed=0) == replace(search(*problem, **limits), elapsed=0)
    best, bound = (list(numbers) for numbers in zip(*told, strict=True))
    assert best == sorted(best) and bound == sorted(bound, reverse=True)
    assert best[-1] <= found.solutions[0].score <= bound[-1] < 1


def test_same_input_same_answer_also_in_threads():
    from concurrent.futures import ThreadPoolExecutor

    problems = [large_problem(seed) for seed in (1, 2)]

    def solve(problem):
        extents, positives, negatives = problem
        found = search(extents, [1] * 300, list(range(300)), positives, negatives, n=3000)
        return found.solutions, found.nodes, found.proved_optimal

    alone = [solve(p) for p in problems]
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(solve, problems * 3))
    assert together == alone * 3


def test_order_of_examples_and_atoms_does_not_matter():
    rows, n, lengths, priorities, positives, negatives = dag_problem(5, 9, 150)
    options = {"score": "balanced_accuracy", "top": 8}
    first = run(rows, n, lengths, priorities, positives, negatives, **options)
    turned = run(rows[::-1], n, lengths[::-1], priorities[::-1], positives[::-1], negatives[::-1], **options)
    back = [str(s.formula) for s in first.solutions]

    def renumber(formula):
        if formula.kind == "literal":
            leaf = formula.operands[0]
            return Formula.of(len(rows) - 1 - leaf.atom, leaf.negated)
        join = Formula.conjunction if formula.kind == "and" else Formula.disjunction
        return join(*(renumber(c) for c in formula.children))

    assert [str(renumber(s.formula)) for s in turned.solutions] == back


def test_individuals_without_a_role_do_not_count():
    rows, n, lengths, priorities, positives, negatives = dag_problem(6, 9, 150)
    used = set(positives) | set(negatives)
    noise = [r ^ sum(1 << i for i in range(n) if i not in used and (i + k) % 3) for k, r in enumerate(rows)]
    first = run(rows, n, lengths, priorities, positives, negatives, top=5)
    second = run(noise, n, lengths, priorities, positives, negatives, top=5)
    assert first.solutions == second.solutions


def test_literals_of_equal_extension_are_listed_as_equivalent():
    # atoms 0 and 1 differ only outside the examples; 2 is the complement of 0 there
    result = run([0b00011, 0b10011, 0b01100], 5, [1, 1, 1], [1, 0, 2], [0, 1], [2, 3], top=1)
    best = result.solutions[0]
    assert str(best.formula) == "1"
    assert [str(f) for f in best.equivalent] == ["0"]


@pytest.mark.parametrize("max_atoms", [1, 2, 3, 4])
def test_beam_answers_are_formulas_with_their_true_counts(max_atoms):
    rows, n, lengths, priorities, positives, negatives = dag_problem(7, 12, 150)
    result = run(
        rows, n, lengths, priorities, positives, negatives, strategy="beam", max_atoms=max_atoms, width=5, top=4
    )
    exact = run(rows, n, lengths, priorities, positives, negatives, max_atoms=min(max_atoms, 3), top=1)
    assert not result.proved_optimal
    assert result.upper_bound >= exact.solutions[0].score
    pos, neg = sum(1 << i for i in positives), sum(1 << i for i in negatives)
    for s in result.solutions:
        extension = extension_of(s.formula, rows, pos | neg)
        assert ((extension & pos).bit_count(), (extension & neg).bit_count()) == (s.tp, s.fp)
    if max_atoms < 4:
        assert result.solutions[0].score <= exact.solutions[0].score


@pytest.mark.parametrize(
    "change",
    [
        {"positives": []},
        {"negatives": []},
        {"positives": [0, 2]},
        {"positives": [99]},
        {"negatives": [-1]},
        {"lengths": [0, 1]},
        {"lengths": [1]},
        {"priorities": [1, 1]},
        {"n": 65},
        {"max_atoms": 0},
        {"max_atoms": 5},
        {"operators": ("xor",)},
        {"strategy": "luck"},
        {"score": "f2"},
        {"top": 0},
        {"width": 0},
        {"extents": np.zeros((0, 1), np.uint64)},
    ],
)
def test_wrong_calls_are_refused(change):
    call = {
        "extents": pack(np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool)),
        "lengths": [1, 1],
        "priorities": [0, 1],
        "positives": [0, 1],
        "negatives": [2, 3],
        "n": 4,
    }
    search(**call, top=1)
    with pytest.raises(UsageError):
        search(**{**call, **change})


def test_formulas_are_kept_in_one_form():
    a, b, c = (Formula.of(i) for i in range(3))
    nested = Formula.conjunction(c, Formula.conjunction(b, a))
    assert nested == Formula.conjunction(a, b, c)
    assert hash(nested) == hash(Formula.conjunction(a, b, c))
    assert str(Formula.disjunction(Formula.conjunction(b, a), c)) == "(2 | (0 & 1))"
    assert Formula.disjunction(a, Formula.of(1, negated=True)).length([2, 3, 1]) == 7


def test_oracle_has_all_read_once_trees():
    # and/or trees with alternating levels over unlabelled leaves: 1, 2, 4, 10
    assert [len(TREES[k]) for k in (1, 2, 3, 4)] == [1, 2, 4, 10]


def test_a_formula_less_than_perfect_outlives_a_perfect_one_of_the_pool():
    """Only the fifth place has fewer than all positives and is longer than the perfect formula."""
    rows = [49, 9, 20, 32, 61]
    check(rows, 6, [3, 1, 2, 2, 3], [1, 2, 3, 4, 0], [0, 2, 3, 4, 5], [1], "wracc", 3, OPERATOR_SETS[0], 5)


def test_a_union_behind_a_weak_fence_is_found_where_the_beam_goes_astray():
    """0 and 1 share the positives and have ten false ones, which 2 takes away; 3 looks better than 0 at first."""
    members = [
        [*range(10), *range(20, 25)],
        [*range(10, 20), *range(25, 30)],
        [*range(20), *range(30, 60)],
        [*range(15), 30],
    ]
    rows = [sum(1 << i for i in m) for m in members]
    problem = rows, 60, [1] * 4, list(range(4)), list(range(20)), list(range(20, 60))
    options = {"operators": ("and", "or"), "top": 1, "width": 1}
    beam = run(*problem, strategy="beam", **options)
    exact = run(*problem, **options)
    assert str(beam.solutions[0].formula) == "(2 & (1 | 3))"
    assert str(exact.solutions[0].formula) == "(2 & (0 | 1))"
    assert exact.solutions[0].score == 1.0
