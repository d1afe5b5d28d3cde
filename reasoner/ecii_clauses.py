"""ECII V2's Horn clauses: ∃R.(A1 ⊓ … ⊓ An ⊓ ¬(B1 ⊔ … ⊔ Bm)), made from the types of the examples.

The three first stages of ECII V2 (``CandidateSolutionFinderV2``) over one property R, or over none:

====  =============================================================================================
S1    ∃R.A for every positive type A
S2    ∃R.(A ⊓ ¬B), B a strict sub-class of A among the negative types
S3    ∃R.(A1 ⊓ … ⊓ An ⊓ ¬(B1 ⊔ … ⊔ Bm)), the Ai positive types, none above another, the Bi strict
      sub-classes of some Ai among the negative types, none above another; without any such Bi, the
      conjunction alone, and only then
====  =============================================================================================
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.hierarchy import Hierarchy
from .ecii_types import Reached, TypeCounts
from .problem import EciiSettings

CHUNK = 4096
"""Combinations that are evaluated at once."""

Combinations = NDArray[np.int64]
"""int64, shape (combinations, width): numbers of types, filled up with -1."""


@dataclass(frozen=True)
class Batch:
    """Horn clauses with one positive part.

    Attributes
    ----------
    positive
        Columns of the conjoined classes, in the membership.
    negative
        Columns of the negated classes of each clause, filled up with -1.
    extents
        bool, shape (clauses, n): which examples they hold for.
    """

    positive: tuple[int, ...]
    negative: Combinations
    extents: NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """What the settings say of the clauses of one problem.

    Attributes
    ----------
    positive_sizes
        Sizes of the conjunctions of S3: 2, and 3 to K4 - 1 (ECII's loop stops before K4).
    negative_sizes
        Sizes of the negated disjunctions: 1 to K1.
    positive_minimum, negative_minimum
        Occurrences that a type of S3, and a negated one of S2 and S3, has at least. A third of the positive
        and half of the negative examples cap them, rounded down.

    Examples
    --------
    >>> Limits.of(EciiSettings(concept_limit_in_pos_expr=4, pos_type_min_cover_indivs_size=9), 10, 10)
    Limits(positive_sizes=(2, 3), negative_sizes=(1, 2), positive_minimum=3, negative_minimum=1)
    """

    positive_sizes: tuple[int, ...]
    negative_sizes: tuple[int, ...]
    positive_minimum: int
    negative_minimum: int

    @classmethod
    def of(cls, settings: EciiSettings, positives: int, negatives: int) -> Limits:
        """Limits of a problem with these numbers of examples."""
        k4 = settings.concept_limit_in_pos_expr
        return cls(
            positive_sizes=(2, *range(3, k4)) if k4 >= 2 else (),
            negative_sizes=tuple(range(1, max(settings.concept_limit_in_neg_expr, 1) + 1)),
            positive_minimum=min(settings.pos_type_min_cover_indivs_size, positives // 3),
            negative_minimum=min(settings.neg_type_min_cover_indivs_size, negatives // 2),
        )


class Clauses:
    """Makes the Horn clauses over one property and finds the examples that they hold for.

    Parameters
    ----------
    reached
        The examples with what they reach over the property.
    examples
        Number of examples, n.
    counts
        Types to combine.
    membership
        Boolean CSR, shape (individuals, classes).
    absence
        Boolean CSR of the same shape: the individual is known not to be an instance of the class. None for
        the closed world, in which that is whatever is not in `membership`.
    below
        Strict sub-class relation among the columns of the membership, see :func:`strictly_below`.
    limits
        What the settings allow.
    """

    def __init__(
        self,
        reached: Reached,
        examples: int,
        counts: TypeCounts,
        membership: sparse.csr_matrix,
        absence: sparse.csr_matrix | None,
        below: sparse.csr_matrix,
        limits: Limits,
    ) -> None:
        self._owners = reached.owners
        self._examples = examples
        self._limits = limits
        self._columns = np.asarray(sorted(counts.positive.keys() | counts.negative.keys()), np.int64)
        here = membership[reached.individuals]
        self._member = _dense(here, self._columns)
        self._absent = ~self._member if absence is None else _dense(absence[reached.individuals], self._columns)
        self._below = below[self._columns][:, self._columns].toarray()
        self._positive = np.flatnonzero([int(c) in counts.positive for c in self._columns])
        self._combined = np.asarray(
            [t for t in self._positive if counts.positive[int(self._columns[t])] >= limits.positive_minimum],
            np.int64,
        )
        # Zero occurrences are none, whatever the minimum.
        self._negatable = np.asarray(
            [counts.negative.get(int(c), 0) >= max(limits.negative_minimum, 1) for c in self._columns],
            np.bool_,
        )

    def single(self, deadline: float | None = None) -> Iterator[Batch]:
        """Stage S1."""
        nothing = np.full((1, 1), -1, np.int64)
        for t in self._positive:
            if over(deadline):
                return
            yield self._batch((int(t),), nothing)

    def single_without(self, deadline: float | None = None) -> Iterator[Batch]:
        """Stage S2."""
        for t in self._positive:
            if over(deadline):
                return
            negatives = np.flatnonzero(self._below[t] & self._negatable)
            if len(negatives):
                yield self._batch((int(t),), negatives[:, None])

    def several_without(self, deadline: float | None = None) -> Iterator[Batch]:
        """Stage S3."""
        for positive in self._conjunctions():
            if over(deadline):
                return
            negatives = np.flatnonzero(self._below[list(positive)].any(axis=0) & self._negatable)
            # A conjunction of one is there only where there is no second type; S1 and S2 have had the rest.
            sizes = self._limits.negative_sizes[0 if len(positive) > 1 else 1 :]
            if not len(negatives):
                if len(positive) > 1:
                    yield self._batch(positive, np.full((1, 1), -1, np.int64))
                continue
            for size in sizes:
                for chunk in self._independent(negatives, size):
                    if over(deadline):
                        return
                    yield self._batch(positive, chunk)

    def _conjunctions(self) -> Iterator[tuple[int, ...]]:
        """Positive parts of S3; if there are fewer types than a size, all of them together (once)."""
        available = len(self._combined)
        for size in dict.fromkeys(min(size, available) for size in self._limits.positive_sizes):
            if size:
                for chunk in self._independent(self._combined, size):
                    yield from map(tuple, chunk.tolist())

    def _independent(self, types: NDArray[np.int64], size: int) -> Iterator[Combinations]:
        """Combinations of types none of which is a strict sub-class of another, some at a time."""
        combinations = itertools.combinations(types.tolist(), size)
        while block := list(itertools.islice(combinations, CHUNK)):
            chunk = np.asarray(block, np.int64)
            related = np.zeros(len(chunk), np.bool_)
            for i, j in itertools.permutations(range(size), 2):
                related |= self._below[chunk[:, i], chunk[:, j]]
            if not related.all():
                yield chunk[~related]

    def _batch(self, positive: tuple[int, ...], negative: Combinations) -> Batch:
        return Batch(
            positive=tuple(int(self._columns[t]) for t in positive),
            negative=np.where(negative >= 0, self._columns[negative], -1),
            extents=self._extents(positive, negative),
        )

    def _extents(self, positive: tuple[int, ...], negative: Combinations) -> NDArray[np.bool_]:
        """An example belongs to ∃R.h if one of its fillers belongs to h."""
        extents = np.zeros((len(negative), self._examples), np.bool_)
        candidates = np.flatnonzero(np.logical_and.reduce(self._member[list(positive)]))
        if not len(candidates):
            return extents
        owners = self._owners[candidates]
        starts = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
        fits = np.ones((len(negative), len(candidates)), np.bool_)
        for column in negative.T:
            given = column >= 0
            fits[given] &= self._absent[np.ix_(column[given], candidates)]
        extents[:, owners[starts]] = np.logical_or.reduceat(fits, starts, axis=1)
        return extents


def strictly_below(hierarchy: Hierarchy, classes: NDArray[np.integer]) -> sparse.csr_matrix:
    """Relation among classes: the column's class is below the row's and not equivalent to it.

    Parameters
    ----------
    hierarchy
        Sub-class links; classes on a cycle are equivalent.
    classes
        int, shape (m,), ascending.

    Returns
    -------
    scipy.sparse.csr_matrix
        bool, shape (m, m).

    Examples
    --------
    >>> import numpy as np
    >>> h = Hierarchy(4, [0, 1, 2], [1, 2, 1])
    >>> strictly_below(h, np.arange(4)).toarray().astype(int).tolist()
    [[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    """
    above, columns = hierarchy.ancestor_matrix(np.asarray(classes, np.int32))
    above = above[:, np.searchsorted(columns, classes)].astype(np.bool_)
    below = above.T.tocsr()
    return below > above.tocsr()


def _dense(matrix: sparse.csr_matrix, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Chosen columns as rows, shape (columns, rows)."""
    return np.ascontiguousarray(matrix[:, columns].toarray().T.astype(np.bool_))


def over(deadline: float | None) -> bool:
    """Whether a time on the clock of :func:`time.perf_counter` has passed; None never passes."""
    return deadline is not None and time.perf_counter() > deadline
