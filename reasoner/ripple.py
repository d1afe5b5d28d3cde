"""Ripple search: answers of any size, made by mending the errors of smaller ones.

Four atoms can be too few. As in ripple-down rules (Compton and Jansen, A Philosophical Basis for Knowledge Acquisition,
1990), an answer then gets exceptions and alternatives: each is the answer of an exact search over the examples at
stake, the covered ones for an exception (F ⊓ G), those not covered for an alternative (F ⊔ G). The best answers of each
round go on. Nothing is proved about what is found, but the bound of :func:`ceiling` holds for formulas of any size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bitset import Words, unpack
from .formula import Formula
from .score import Score
from .solution import SearchResult, Solution

Bools = NDArray[np.bool_]
Exact = Callable[[NDArray[np.int64], NDArray[np.int64], Score, int], Sequence[Solution]]
"""Exact search of small formulas: for positives against negatives, by a score, for so many solutions."""

MENDS = 3
"""Answers of each search for an exception or an alternative that are tried."""

WIDTH = 4
"""Formulas that go on after a round."""

ROUNDS = 40
CHUNK = 4_096


class Examples:
    """Examples of a search.

    Parameters
    ----------
    extents
        Packed extensions of the atoms, shape (atoms, ceil(n / 64)).
    lengths
        Lengths of the atoms.
    positives, negatives
        Individuals, disjoint, sorted.
    n
        Number of individuals.
    score
        The score, a function of counts.
    """

    def __init__(
        self,
        extents: Words,
        lengths: Sequence[int],
        positives: NDArray[np.int64],
        negatives: NDArray[np.int64],
        n: int,
        score: Score,
    ) -> None:
        self.extents, self.lengths, self.n, self.score = extents, lengths, n, score
        self.positives, self.negatives = positives, negatives
        self.members = np.concatenate([positives, negatives])
        self._holds: dict[int, Bools] = {}

    def holds(self, formula: Formula) -> Bools:
        """Examples for which a formula holds, positive ones first: shape (examples,)."""
        if formula.kind == "literal":
            literal = next(formula.literals())
            if literal.atom not in self._holds:
                self._holds[literal.atom] = unpack(self.extents[literal.atom], self.n)[self.members]
            atom = self._holds[literal.atom]
            return ~atom if literal.negated else atom
        join = np.logical_and if formula.kind == "and" else np.logical_or
        return np.asarray(join.reduce([self.holds(child) for child in formula.children]), np.bool_)

    def answer(self, formula: Formula) -> Answer:
        """What a formula does on the examples."""
        held, p = self.holds(formula), len(self.positives)
        t, f = int(held[:p].sum()), int(held[p:].sum())
        score = float(self.score.value(t, f, p, len(self.negatives)))
        return Answer(formula, held, t, f, score, formula.length(self.lengths))


@dataclass(frozen=True)
class Answer:
    """A formula, the examples that it holds for, how many are positive and negative, its score and its length."""

    formula: Formula
    held: Bools
    tp: int
    fp: int
    score: float
    length: int

    @property
    def order(self) -> tuple[float, int, str]:
        """Sorts the best first: the highest score, then the shortest."""
        return -self.score, self.length, str(self.formula)


def ripple(
    examples: Examples, exact: Exact, *, operators: Collection[str], top: int, started: float, deadline: float
) -> SearchResult:
    """Find formulas of any size, by rounds of exceptions and alternatives.

    Parameters
    ----------
    examples
        The examples.
    exact
        Search for small formulas.
    operators
        "and" allows exceptions, "or" alternatives.
    top
        How many solutions to return.
    started, deadline
        On the clock of :func:`time.perf_counter`; what is found until the deadline is answered.
    """
    limit = ceiling(examples)
    small = exact(examples.positives, examples.negatives, examples.score, max(top, WIDTH))
    met = _distinct(examples.answer(s.formula) for s in small)
    living = sorted(met.values(), key=lambda answer: answer.order)[:WIDTH]
    for _ in range(ROUNDS):
        best = min(met.values(), key=lambda answer: answer.order)
        if best.score >= limit or not living or time.perf_counter() >= deadline:
            break
        mended = _distinct(
            other for answer in living for other in _mended(answer, examples, exact, operators, deadline)
        )
        new = {key: other for key, other in mended.items() if key not in met}
        met |= new
        # A round that betters nothing ends the search: the next one would start from the same errors.
        if all(other.score <= best.score for other in new.values()):
            break
        living = sorted(new.values(), key=lambda answer: answer.order)[:WIDTH]
    found = sorted(met.values(), key=lambda answer: answer.order)[:top]
    return SearchResult(
        tuple(Solution(a.formula, a.score, a.tp, a.fp, a.length, ()) for a in found),
        proved_optimal=False,
        upper_bound=limit,
        nodes=0,
        elapsed=time.perf_counter() - started,
    )


def _distinct(answers: Iterable[Answer]) -> dict[bytes, Answer]:
    """The shortest answer of each extension."""
    shortest: dict[bytes, Answer] = {}
    for answer in answers:
        known = shortest.get(answer.held.tobytes())
        if known is None or answer.order < known.order:
            shortest[answer.held.tobytes()] = answer
    return shortest


def _mended(
    answer: Answer, examples: Examples, exact: Exact, operators: Collection[str], deadline: float
) -> Iterator[Answer]:
    """An answer with exceptions to what it covers wrongly, and with alternatives for what it misses."""
    p = len(examples.positives)
    for operator, join, stake in (
        ("and", Formula.conjunction, answer.held),
        ("or", Formula.disjunction, ~answer.held),
    ):
        if operator not in operators:
            continue
        positives, negatives = examples.positives[stake[:p]], examples.negatives[stake[p:]]
        if len(positives) and len(negatives) and time.perf_counter() < deadline:
            # By accuracy, since each example mended, and each one spoilt, counts for the whole.
            for other in exact(positives, negatives, Score("accuracy"), MENDS):
                yield simplified(join(answer.formula, other.formula), examples)


def simplified(formula: Formula, examples: Examples) -> Answer:
    """Drop what makes no difference on the examples: the longest parts first, until every part matters.

    Examples
    --------
    >>> from neurontology.reasoner.bitset import pack
    >>> from neurontology.reasoner.score import resolve
    >>> atoms = pack(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 0, 0]], dtype=bool))
    >>> examples = Examples(atoms, [1, 1, 1], np.array([0, 1]), np.array([2, 3]), 4, resolve("f1"))
    >>> both = Formula.conjunction(Formula.of(0), Formula.of(1))
    >>> str(simplified(Formula.disjunction(both, Formula.of(2)), examples).formula)
    '0'
    """
    everywhere = np.ones(len(examples.members), np.bool_)
    while idle := list(_idle(formula, everywhere, examples)):
        formula = _without(formula, max(idle)[1])
    return examples.answer(formula)


def _idle(formula: Formula, care: Bools, examples: Examples) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Length and place of each part that can be dropped, if the formula matters only where ``care`` is set."""
    parts = [examples.holds(child) for child in formula.children]
    for k, child in enumerate(formula.children):
        others = parts[:k] + parts[k + 1 :]
        # A part of a conjunction matters where the other parts hold, a part of a disjunction where none does.
        if formula.kind == "and":
            needed = care & np.logical_and.reduce(others)
            idle = not (needed & ~parts[k]).any()
        else:
            needed = care & ~np.logical_or.reduce(others)
            idle = not (needed & parts[k]).any()
        if idle:
            yield child.length(examples.lengths), (k,)
        for length, place in _idle(child, needed, examples):
            yield length, (k, *place)


def _without(formula: Formula, place: tuple[int, ...]) -> Formula:
    children, (k, *inner) = formula.children, place
    kept = [_without(children[k], tuple(inner))] if inner else []
    join = Formula.conjunction if formula.kind == "and" else Formula.disjunction
    return join(*children[:k], *kept, *children[k + 1 :])


def ceiling(examples: Examples) -> float:
    """Upper bound of the score of every formula over the atoms, of whatever size.

    Examples for which the same atoms hold are covered together or not at all. If they could be covered in part, the
    fewest false positives for a number of true positives would be those of the groups with the smallest ratio of
    negatives to positives (the fractional knapsack), so that no formula has fewer.
    """
    p, n = len(examples.positives), len(examples.negatives)
    group = np.zeros(p + n, np.int64)
    for start in range(0, len(examples.extents), CHUNK):
        bits = unpack(examples.extents[start : start + CHUNK], examples.n)[:, examples.members]
        before = group.astype(">i8").view(np.uint8).reshape(len(group), 8)
        key = np.column_stack([before, np.packbits(bits, axis=0).T])
        group = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1)
    t = np.bincount(group[:p], minlength=int(group.max()) + 1)
    f = np.bincount(group[p:], minlength=len(t))
    t, f = t[t > 0], f[t > 0]
    order = np.argsort(f / t, kind="stable")
    best, done, wrong = float(examples.score.bound(0, 0, p, n)), 0, 0
    for count, errors in zip(t[order].tolist(), f[order].tolist(), strict=True):
        true = np.arange(done, done + count + 1)
        false = wrong - (-(true - done) * errors) // count
        best = max(best, float(examples.score.bound(true, false, p, n).max()))
        done, wrong = done + count, wrong + errors
    return best
