"""ECII V2's hypotheses: Horn clauses, their combinations within a property and over properties, ranked.

After the stages of :mod:`.ecii_clauses` come the last two of ``CandidateSolutionFinderV2``:

====  =============================================================================================
S4    2 to K2 of the best K5 + 1 clauses, over one property, intersected: a candidate class
S5    one of the best K6 + 1 candidate classes for each of 2 to K3 properties, intersected
====  =============================================================================================

A hypothesis is kept only if its score is above 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.expression import And, ClassExpression, Named, Not, Or, Role, Some
from .confusion import Confusion
from .ecii_clauses import Clauses, Combinations, Limits, over, strictly_below
from .ecii_score import ecii_score
from .ecii_types import Reached, TypeCounts
from .interpretation import Interpretation
from .problem import EciiSettings

CandidateClass: TypeAlias = tuple[int, ...]
"""Numbers of the clauses, all over one property."""

Packed: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Clause:
    """One Horn clause.

    Attributes
    ----------
    prop
        IRI of the object property, or None.
    positive, negative
        Columns of the conjoined and of the negated classes.
    """

    prop: str | None
    positive: tuple[int, ...]
    negative: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of classes, ECII's length."""
        return len(self.positive) + len(self.negative)


@dataclass
class _Table:
    """Rows of hypotheses, in the order in which they are made."""

    extents: list[Packed] = field(default_factory=list)
    tp: list[NDArray[np.int64]] = field(default_factory=list)
    fp: list[NDArray[np.int64]] = field(default_factory=list)
    sizes: list[NDArray[np.int64]] = field(default_factory=list)


class EciiHypotheses:
    """All hypotheses that ECII V2 makes for a problem, best first.

    Parameters
    ----------
    interpretation
        The closed-world model.
    positive
        bool, shape (n,): which examples are positive.
    types
        What the examples reach over each property, "none" first, with the types to combine.
    settings
        ECII's settings.
    score
        One of :data:`.ecii_score.NAMES`.
    absence
        Boolean CSR, shape (individuals, classes): the individual is known not to be an instance. By default
        whatever is not known to be one.
    deadline
        Time on the clock of :func:`time.perf_counter` after which no further hypotheses are made.

    Attributes
    ----------
    tp, fp
        int64, shape (hypotheses,): positive and negative examples that each hypothesis holds for.
    scores
        float64, shape (hypotheses,): descending.
    sizes
        int64, shape (hypotheses,): numbers of classes; among equal scores descending, or ascending if the
        settings say so.
    extents
        uint8, shape (hypotheses, ceil(n / 8)): examples that each holds for, packed.
    complete
        Whether the deadline left the time to make them all.
    """

    def __init__(
        self,
        interpretation: Interpretation,
        positive: NDArray[np.bool_],
        types: Sequence[tuple[Reached, TypeCounts]],
        settings: EciiSettings,
        score: str,
        *,
        absence: sparse.csr_matrix | None = None,
        deadline: float | None = None,
    ) -> None:
        self._interpretation = interpretation
        self._positive = positive
        self._settings = settings
        self._score = score
        self._deadline = deadline
        self._below = strictly_below(interpretation.index.hierarchy, interpretation.classes)
        self._clauses: list[tuple[str | None, tuple[int, ...], Combinations]] = []
        self._combinations: list[tuple[CandidateClass, ...]] = []
        self._table = _Table()
        self._make_clauses(types, absence)
        self._starts = np.cumsum([0, *(len(negatives) for _, _, negatives in self._clauses)])
        self._combine_clauses()
        self._combine_classes([reached.prop for reached, _ in types])
        self.complete = not over(deadline)
        self._rank()

    def __len__(self) -> int:
        return len(self.scores)

    # -- making -----------------------------------------------------------------------------------------

    def _make_clauses(self, types: Sequence[tuple[Reached, TypeCounts]], absence: sparse.csr_matrix | None) -> None:
        positives = int(self._positive.sum())
        limits = Limits.of(self._settings, positives, len(self._positive) - positives)
        makers = [
            (
                reached.prop,
                Clauses(
                    reached,
                    len(self._positive),
                    counts,
                    self._interpretation.membership,
                    absence,
                    self._below,
                    limits,
                ),
            )
            for reached, counts in types
        ]
        for stage in (Clauses.single, Clauses.single_without, Clauses.several_without):
            for prop, maker in makers:
                for batch in stage(maker, self._deadline):
                    sizes = len(batch.positive) + (batch.negative >= 0).sum(axis=1)
                    kept = self._keep(batch.extents, sizes)
                    if len(kept):
                        self._clauses.append((prop, batch.positive, batch.negative[kept]))

    def _keep(self, extents: NDArray[np.bool_], sizes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Add those rows to the table that score above 0, and tell which."""
        tp = extents[:, self._positive].sum(axis=1)
        fp = extents[:, ~self._positive].sum(axis=1)
        kept = np.flatnonzero(self._value(tp, fp) > 0)
        if len(kept):
            self._table.extents.append(np.packbits(extents[kept], axis=1))
            self._table.tp.append(tp[kept])
            self._table.fp.append(fp[kept])
            self._table.sizes.append(np.asarray(sizes, np.int64)[kept])
        return kept

    def _value(self, tp: NDArray[np.integer], fp: NDArray[np.integer]) -> NDArray[np.float64]:
        positives = int(self._positive.sum())
        return ecii_score(self._score, tp, fp, positives, len(self._positive) - positives)

    def _counts(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Scores and sizes of the hypotheses so far."""
        if not self._table.tp:
            return np.empty(0), np.empty(0, np.int64)
        tp, fp = np.concatenate(self._table.tp), np.concatenate(self._table.fp)
        return self._value(tp, fp), np.concatenate(self._table.sizes)

    def _best(self, size: int) -> list[int]:
        """The first `size` hypotheses by score, then shortness, then the order of making."""
        scores, sizes = self._counts()
        best: list[int] = np.lexsort((sizes, -scores))[:size].tolist()
        return best

    def _combine_clauses(self) -> None:
        """Stage S4."""
        chosen: dict[str | None, list[int]] = {}
        for row in sorted(self._best(self._settings.horn_clauses_list_max_size + 1)):
            chosen.setdefault(self.clause(row).prop, []).append(row)
        extents = self._unpacked(row for rows in chosen.values() for row in rows)
        for rows in chosen.values():
            for size in range(2, min(self._settings.horn_clause_limit, len(rows)) + 1):
                for combination in itertools.combinations(rows, size):
                    if over(self._deadline):
                        return
                    if self._independent(combination):
                        self._add((combination,), _all(extents, combination))

    def _independent(self, combination: CandidateClass) -> bool:
        """Whether no clause is a named class strictly below another clause of the combination.

        ECII asks its reasoner for the named sub-classes of a clause; without disjointness axioms, only a
        clause without negation has any.
        """
        clauses = [self.clause(row) for row in combination]
        for upper, lower in itertools.permutations(clauses, 2):
            if (
                lower.size == 1
                and not upper.negative
                and all(self._below[above, lower.positive[0]] for above in upper.positive)
            ):
                return False
        return True

    def _combine_classes(self, properties: list[str | None]) -> None:
        """Stage S5."""
        chosen: dict[str | None, list[int]] = {prop: [] for prop in properties}
        for row in sorted(self._best(self._settings.candidate_classes_list_max_size + 1)):
            chosen[self.clause(self._classes(row)[0][0]).prop].append(row)
        extents = self._unpacked(row for rows in chosen.values() for row in rows)
        for size in range(2, min(self._settings.obj_props_combination_limit, len(properties)) + 1):
            # A property without a chosen class drops out; what is left of a combination was made before.
            for combination in itertools.combinations([p for p in properties if chosen[p]], size):
                for rows in itertools.product(*(chosen[prop] for prop in combination)):
                    if over(self._deadline):
                        return
                    self._add(tuple(self._classes(row)[0] for row in rows), _all(extents, rows))

    def _unpacked(self, rows: Iterable[int]) -> dict[int, NDArray[np.bool_]]:
        """Extents of some rows, bool, shape (n,) each."""
        wanted = np.asarray(sorted(rows), np.int64)
        if not len(wanted):
            return {}
        packed = np.concatenate(self._table.extents)[wanted]
        extents = np.unpackbits(packed, axis=1, count=len(self._positive)).astype(np.bool_)
        return dict(zip(wanted.tolist(), extents, strict=True))

    def _add(self, classes: tuple[CandidateClass, ...], extent: NDArray[np.bool_]) -> None:
        size = sum(self.clause(row).size for candidate in classes for row in candidate)
        if len(self._keep(extent[None, :], np.asarray([size]))):
            self._combinations.append(classes)

    def _rank(self) -> None:
        scores, sizes = self._counts()
        order = np.lexsort((sizes if self._settings.ascending_of_string_length else -sizes, -scores))
        self._rows = order
        self.scores = scores[order]
        self.sizes = sizes[order]
        width = -(-len(self._positive) // 8)
        empty = np.empty(0, np.int64)
        self.tp = np.concatenate([*self._table.tp, empty])[order]
        self.fp = np.concatenate([*self._table.fp, empty])[order]
        self.extents: Packed = np.concatenate([*self._table.extents, np.empty((0, width), np.uint8)])[order]

    # -- reading ----------------------------------------------------------------------------------------

    def clause(self, row: int) -> Clause:
        """Horn clause that was made as number `row`."""
        block = int(np.searchsorted(self._starts, row, side="right")) - 1
        prop, positive, negatives = self._clauses[block]
        negative = negatives[row - self._starts[block]]
        return Clause(prop, positive, tuple(int(t) for t in negative if t >= 0))

    def candidate_classes(self, position: int) -> tuple[tuple[Clause, ...], ...]:
        """Candidate classes of the hypothesis at a position in the ranking, each with its clauses."""
        classes = self._classes(int(self._rows[position]))
        return tuple(tuple(self.clause(row) for row in candidate) for candidate in classes)

    def _classes(self, row: int) -> tuple[CandidateClass, ...]:
        made = int(self._starts[-1])
        return ((row,),) if row < made else self._combinations[row - made]

    def expression(self, position: int) -> ClassExpression:
        """The hypothesis at a position in the ranking, as the expression whose score it has.

        Every clause over a property is an existential restriction of its own: ECII scores
        ∃R.h1 ⊓ ∃R.h2 and writes ∃R.(h1 ⊓ h2).
        """
        operands: dict[ClassExpression, None] = {}
        for candidate in self.candidate_classes(position):
            for clause in candidate:
                parts = list(self._concepts(clause))
                if clause.prop is None:
                    operands |= dict.fromkeys(parts)
                else:
                    operands[Some(Role(clause.prop), _intersection(parts))] = None
        return _intersection(list(operands))

    def confusion(self, position: int) -> Confusion:
        """Counts of the hypothesis at a position in the ranking."""
        positives = int(self._positive.sum())
        tp, fp = int(self.tp[position]), int(self.fp[position])
        return Confusion(tp=tp, fp=fp, tn=len(self._positive) - positives - fp, fn=positives - tp)

    def _concepts(self, clause: Clause) -> Iterator[ClassExpression]:
        yield from map(self._named, clause.positive)
        negative = [self._named(t) for t in clause.negative]
        if negative:
            yield Not(negative[0] if len(negative) == 1 else Or(tuple(negative)))

    def _named(self, column: int) -> Named:
        return Named(self._interpretation.index.classes[int(self._interpretation.classes[column])])


def _all(extents: Mapping[int, NDArray[np.bool_]], rows: Iterable[int]) -> NDArray[np.bool_]:
    """Intersection of the extents of some rows."""
    found: NDArray[np.bool_] = np.logical_and.reduce([extents[row] for row in rows])
    return found


def _intersection(operands: list[ClassExpression]) -> ClassExpression:
    return operands[0] if len(operands) == 1 else And(tuple(operands))
