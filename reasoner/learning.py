"""Concept induction: from positive and negative individuals to ranked class expressions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from ..ontology.expression import And, ClassExpression, Not, Or
from .atoms import AtomTable
from .confusion import Confusion
from .search import Formula, search

MAX_EQUIVALENTS = 50
"""Expressions of equal extension that are listed with a solution, at most."""


@dataclass(frozen=True)
class InductionOptions:
    """How to search.

    Attributes
    ----------
    score
        Name of the score to maximise, see :mod:`neurontology.reasoner.score`.
    max_atoms
        Largest number of atoms in an expression.
    operators
        Which of ``and``, ``or``, ``not`` may combine atoms.
    top
        Number of solutions.
    strategy
        ``exact`` or ``beam``.
    time_limit
        Seconds after which an exact search gives its best answers and an upper bound; None for no limit.
    """

    score: str = "f1"
    max_atoms: int = 3
    operators: tuple[str, ...] = ("and", "or", "not")
    top: int = 10
    strategy: str = "exact"
    time_limit: float | None = None


@dataclass(frozen=True)
class RankedExpression:
    """One solution.

    Attributes
    ----------
    rank
        1 for the best.
    expression
        The shortest of the expressions with this extension on the examples.
    length
        Its length, as OWL learners count it.
    confusion
        Its counts on the examples.
    equivalent
        Other expressions with the same extension on the examples.
    """

    rank: int
    expression: ClassExpression
    length: int
    confusion: Confusion
    equivalent: tuple[ClassExpression, ...]


@dataclass(frozen=True)
class Induction:
    """Result of one induction.

    Attributes
    ----------
    options
        What was asked.
    positives, negatives
        Numbers of examples.
    atoms
        Number of distinct atoms.
    elapsed_seconds
        Duration of the search.
    proved_optimal
        Whether no expression of the language ranks above the solutions given.
    upper_bound
        No expression of the language scores higher than this.
    solutions
        Best first; they differ in their extension on the examples.
    depth
        Most restrictions nested in one another in the language of the atoms.
    truncated
        Which atoms were left out because of a limit, or None.
    """

    options: InductionOptions
    positives: int
    negatives: int
    atoms: int
    elapsed_seconds: float
    proved_optimal: bool
    upper_bound: float
    solutions: tuple[RankedExpression, ...]
    depth: int = 1
    truncated: str | None = None


def check_examples(positives: NDArray[np.integer], negatives: NDArray[np.integer]) -> None:
    """Refuse examples that make no problem.

    Raises
    ------
    UsageError
        A side has no examples, or an individual is on both sides.
    """
    for side, name in ((positives, "positive"), (negatives, "negative")):
        if not len(side):
            raise UsageError(f"there are no {name} examples", expected="at least one on either side")
    both = np.intersect1d(positives, negatives)
    if len(both):
        raise UsageError(f"{len(both)} examples are both positive and negative")


def induce(
    atoms: AtomTable,
    positives: NDArray[np.integer],
    negatives: NDArray[np.integer],
    options: InductionOptions | None = None,
) -> Induction:
    """Search the best class expressions over the atoms.

    Parameters
    ----------
    atoms
        The atoms, with their extensions over the example individuals.
    positives, negatives
        Bit positions in the atoms' extents, disjoint.
    options
        How to search.

    Raises
    ------
    UsageError
        A side has no examples, an individual is on both sides, or an option has no such value.
    """
    options = options or InductionOptions()
    check_examples(positives, negatives)
    found = search(
        atoms.extents,
        atoms.lengths,
        atoms.priorities,
        np.asarray(positives, np.int64),
        np.asarray(negatives, np.int64),
        n=len(atoms.rows),
        score=options.score,
        max_atoms=options.max_atoms,
        operators=options.operators,
        top=options.top,
        strategy=options.strategy,
        time_limit=options.time_limit,
    )
    p, n = len(positives), len(negatives)
    return Induction(
        options=options,
        positives=p,
        negatives=n,
        atoms=len(atoms),
        elapsed_seconds=found.elapsed,
        proved_optimal=found.proved_optimal,
        upper_bound=found.upper_bound,
        solutions=tuple(
            RankedExpression(
                rank=rank,
                expression=_expression(s.formula, atoms),
                length=s.length,
                confusion=Confusion(tp=s.tp, fp=s.fp, tn=n - s.fp, fn=p - s.tp),
                equivalent=_equivalents((s.formula, *s.equivalent), atoms),
            )
            for rank, s in enumerate(found.solutions, 1)
        ),
        depth=atoms.depth,
        truncated=atoms.truncated,
    )


def _expression(formula: Formula, atoms: AtomTable) -> ClassExpression:
    return next(_variants(formula, atoms))


def _equivalents(formulas: Iterable[Formula], atoms: AtomTable) -> tuple[ClassExpression, ...]:
    """Every formula with every choice among the expressions of its atoms, the representative left out."""
    variants = itertools.chain.from_iterable(_variants(f, atoms) for f in formulas)
    distinct = dict.fromkeys(itertools.islice(variants, 1, 1 + 4 * MAX_EQUIVALENTS))
    return tuple(itertools.islice(distinct, MAX_EQUIVALENTS))


def _variants(formula: Formula, atoms: AtomTable) -> Iterator[ClassExpression]:
    """Class expressions of a formula, that of the atoms' representatives first."""
    if formula.kind == "literal":
        literal = next(formula.literals())
        for expression in (atoms.expressions[literal.atom], *atoms.equivalents[literal.atom]):
            yield Not(expression) if literal.negated else expression
    else:
        kind = And if formula.kind == "and" else Or
        for operands in itertools.product(*(tuple(_variants(o, atoms)) for o in formula.children)):
            yield kind(operands)
