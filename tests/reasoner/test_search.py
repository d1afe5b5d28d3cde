"""The search against brute force that is written from its definition."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest
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


# Trees by number of leaves, in the documented order of ties: (code, function of leaf extensions).
TREES = {
    1: [lambda a: a],
    2: [lambda a, b: a & b, lambda a, b: a | b],
    3: [
        lambda a, b, c: a & b & c,
        lambda a, b, c: a | b | c,
        lambda a, b, c: (a | b) & c,
        lambda a, b, c: (a & b) | c,
    ],
    4: [
        lambda a, b, c, d: a & b & c & d,
        lambda a, b, c, d: a | b | c | d,
        lambda a, b, c, d: (a | b) & c & d,
        lambda a, b, c, d: (a & b) | c | d,
        lambda a, b, c, d: (a | b | c) & d,
        lambda a, b, c, d: (a & b & c) | d,
        lambda a, b, c, d: ((a & b) | c) & d,
        lambda a, b, c, d: ((a | b) & c) | d,
        lambda a, b, c, d: (a | b) & (c | d),
        lambda a, b, c, d: (a & b) | (c & d),
    ],
}


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
    literals = [((False, pr), le, r & whole) for r, le, pr in zip(rows, lengths, priorities)]
    if "not" in operators:
        literals += [((True, pr), le + 1, whole & ~r) for r, le, pr in zip(rows, lengths, priorities)]
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
    return [(-r[0], r[1], r[5], r[6], r[7]) for r in ranked[:top]]


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
        found.append((s.length, extension, s.tp, s.fp))
    assert found == [e[1:] for e in expected]
    for s, e in zip(result.solutions, expected):
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
@given(
    problems(3, individuals=10), st.sampled_from(SCORES), st.sampled_from(OPERATOR_SETS), st.integers(1, 10)
)
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
