"""Concept induction: from positive and negative individuals to ranked class expressions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError, near_matches
from ..ontology.expression import And, ClassExpression, Not, Or
from .atoms import AtomTable
from .auroc import auroc, centred_ranks, members_of
from .confusion import Confusion
from .counting import UnitCounts
from .permutation import PermutationTest, permutation_test
from .score import AUROC, resolve
from .search import MAX_ATOMS, OPERATORS, STRATEGIES, Formula, search
from .solution import SearchProgress, Solution

if TYPE_CHECKING:
    from .shared_atoms import SharedAtoms

MAX_EQUIVALENTS = 50
"""Expressions of equal extension that are listed with a solution, at most."""

_VARIANTS = 1 + 4 * MAX_EQUIVALENTS


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
        ``exact`` proves its answer, ``beam`` is cheaper and proves nothing, ``ripple`` mends the errors of small
        expressions, to any size (see :mod:`neurontology.reasoner.ripple`), and ``ecii`` searches the language
        of ECII V2 with its scores (see :mod:`neurontology.reasoner.ecii`), for which of the other options only
        `score`, `top` and `time_limit` count.
    time_limit
        Seconds after which an exact search gives its best answers and an upper bound; None for no limit. What comes
        before, forming the atoms and choosing their depth, is limited by counts only, lest it depend on the machine.
    permutations
        Most permutations of the examples with which the best score is compared, see
        :mod:`neurontology.reasoner.permutation`; 0 for none.
    seed
        Seed of the permutations.
    rerank
        ``auroc`` to put the solutions in the order of their AUROC against raw activations; None leaves the score's.

    Raises
    ------
    UsageError
        Nothing can satisfy a value: fewer than one atom or solution, no time, an unknown operator or strategy,
        permutations in ECII mode, or a negative number of them or seed.
    """

    score: str = "f1"
    max_atoms: int = 3
    operators: tuple[str, ...] = ("and", "or", "not")
    top: int = 10
    strategy: str = "exact"
    time_limit: float | None = None
    permutations: int = 0
    seed: int = 0
    rerank: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_atoms <= MAX_ATOMS:
            raise UsageError(f"max_atoms {self.max_atoms}", expected=f"a number from 1 to {MAX_ATOMS}")
        if self.top < 1:
            raise UsageError(f"top {self.top}", expected="a number of at least 1")
        if self.time_limit is not None and not self.time_limit > 0:
            raise UsageError(f"time limit {self.time_limit:g}", expected="more than 0 seconds, or none")
        for what, values, known in (
            ("operator", self.operators, OPERATORS),
            ("strategy", (self.strategy,), (*STRATEGIES, "ecii")),
        ):
            for value in values:
                if value not in known:
                    raise UsageError(
                        f"there is no {what} {value!r}",
                        expected=f"{'some' if what == 'operator' else 'one'} of {', '.join(known)}",
                        hint=near_matches(value, known),
                    )
        if self.permutations < 0 or self.seed < 0:
            raise UsageError(
                f"permutations {self.permutations}, seed {self.seed}", expected="numbers that are not negative"
            )
        if self.permutations and self.strategy in ("ecii", "ripple"):
            raise UsageError(
                f"the strategy {self.strategy} has no permutation test",
                expected="permutations with the strategy exact or beam",
                hint="leave --permutations out, or choose another --strategy",
            )
        if self.rerank is not None and (not resolve(self.rerank).by_rank or "@" in self.rerank):
            raise UsageError(f"solutions cannot be ranked again by {self.rerank!r}", expected=AUROC)


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
    score
        Value of the score that was asked for.
    auroc
        Its AUROC, if there are activations or the score asks for it; None without them, and for an expression that
        holds for all or for none.
    """

    rank: int
    expression: ClassExpression
    length: int
    confusion: Confusion
    equivalent: tuple[ClassExpression, ...]
    score: float
    auroc: float | None = None


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
    chance
        Permutation test of the best score; None if none was asked for.
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
    chance: PermutationTest | None = None


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
    both = set(positives.tolist()).intersection(negatives.tolist())
    if both:
        raise UsageError(f"{len(both)} examples are both positive and negative")


def induce(
    atoms: AtomTable,
    positives: NDArray[np.integer],
    negatives: NDArray[np.integer],
    options: InductionOptions | None = None,
    *,
    alternatives: Sequence[AtomTable] = (),
    stream: int = 0,
    activations: NDArray[np.floating] | None = None,
    shared: SharedAtoms | None = None,
    counts: UnitCounts | None = None,
    progress: SearchProgress | None = None,
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
    alternatives
        Other atoms that the search would have used if they had served these examples better; a permutation may
        use them, too.
    stream
        Number that tells the permutations of this problem from those of others with the same seed.
    activations
        Raw activation on each of the atoms' individuals, shape (n,), by which AUROC is taken. Without them the
        score AUROC takes positives to have 1, negatives 0, and others not to be there.
    shared, counts, progress
        As for :func:`~neurontology.reasoner.search.search`.

    Raises
    ------
    UsageError
        A side has no examples, an individual is on both sides, or an option has no such value.
    """
    options = options or InductionOptions()
    check_examples(positives, negatives)
    if options.rerank is not None and activations is None:
        raise UsageError("solutions cannot be ranked again by AUROC", expected="activations of the individuals")
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
        activations=activations,
        shared=shared,
        counts=counts,
        progress=progress,
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
                score=s.score,
                auroc=area,
            )
            for rank, (s, area) in enumerate(_ordered(found.solutions, atoms, options, activations), 1)
        ),
        depth=atoms.depth,
        truncated=atoms.truncated,
        chance=permutation_test(
            (atoms, *alternatives),
            positives,
            negatives,
            found.solutions[0].score,
            score=options.score,
            max_atoms=options.max_atoms,
            operators=options.operators,
            strategy=options.strategy,
            permutations=options.permutations,
            seed=(options.seed, stream),
            time_limit=options.time_limit,
            activations=activations,
        )
        if options.permutations and found.solutions
        else None,
    )


def _ordered(
    solutions: Iterable[Solution],
    atoms: AtomTable,
    options: InductionOptions,
    activations: NDArray[np.floating] | None,
) -> list[tuple[Solution, float | None]]:
    """Solutions with their AUROC, in its order if that is asked for; equal ones, and those without, stay in order."""
    if activations is not None:
        weights, n = centred_ranks(activations), len(atoms.rows)
        judged = [(s, auroc(members_of(s.formula, atoms.extents, n), weights)) for s in solutions]
    elif resolve(options.score).by_rank:
        judged = [(s, s.score) for s in solutions]
    else:
        judged = [(s, None) for s in solutions]
    if options.rerank is None:
        return judged
    return sorted(judged, key=lambda pair: -1.0 if pair[1] is None else pair[1], reverse=True)


def _expression(formula: Formula, atoms: AtomTable) -> ClassExpression:
    return next(_variants(formula, atoms))


def _equivalents(formulas: Iterable[Formula], atoms: AtomTable) -> tuple[ClassExpression, ...]:
    """Every formula with every choice among the expressions of its atoms, the representative left out."""
    variants = itertools.chain.from_iterable(_variants(f, atoms) for f in formulas)
    distinct = dict.fromkeys(itertools.islice(variants, 1, _VARIANTS))
    return tuple(itertools.islice(distinct, MAX_EQUIVALENTS))


def _variants(formula: Formula, atoms: AtomTable) -> Iterator[ClassExpression]:
    """Class expressions of a formula, that of the atoms' representatives first."""
    if formula.kind == "literal":
        literal = next(formula.literals())
        for expression in (atoms.expressions[literal.atom], *atoms.equivalents[literal.atom]):
            yield Not(expression) if literal.negated else expression
    else:
        kind = And if formula.kind == "and" else Or
        # No more of each operand than are ever taken of the whole, or large formulas would have millions.
        choices = (tuple(itertools.islice(_variants(o, atoms), _VARIANTS)) for o in formula.children)
        for operands in itertools.product(*choices):
            yield kind(operands)
