"""Whether the best of millions of expressions is better than chance: permutation tests of a search.

The null hypothesis says that the positive examples are a random subset, of their number, of all examples. The
statistic is the best score that the search finds, so the p-value is corrected for the selection of the best of
all expressions. A permutation need not be searched to the end: it is enough to decide whether some expression
reaches the score in question, and a branch-and-bound search with a fixed threshold decides that quickly.

Drawing stops early when the p-value is large (Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika
78, 1991): after a number of hits that is fixed beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .atoms import AtomTable
from .auroc import centred_ranks, fewest
from .score import resolve
from .search import BEAM_WIDTH

LEAST_HITS = 10
"""Hits after which drawing stops, at least; a tenth of the permutations asked for if that is more."""

WORK_LIMIT = 2_000_000_000
"""Words that the decision of one permutation may read, some seconds: a limit that a slow machine does not change."""


@dataclass(frozen=True)
class PermutationTest:
    """Outcome of a permutation test.

    Attributes
    ----------
    asked
        Most permutations to draw.
    drawn
        Permutations drawn; fewer than asked where drawing stopped early.
    hits
        Permutations with an expression that scores at least as well, the undecided ones among them.
    undecided
        Permutations that reached a limit before they were decided. They count as hits, which can make the
        p-value larger, never smaller.
    """

    asked: int
    drawn: int
    hits: int
    undecided: int

    @property
    def p(self) -> float:
        """The p-value, from 1 / (1 + asked) to 1.

        (1 + hits) / (1 + drawn), or hits / drawn where drawing stopped with the last hit. Under the null
        hypothesis it is at most a with a probability of at most a (Besag and Clifford 1991, section 2).

        Examples
        --------
        >>> PermutationTest(asked=99, drawn=99, hits=0, undecided=0).p
        0.01
        >>> PermutationTest(asked=99, drawn=20, hits=10, undecided=0).p
        0.5
        """
        if self.hits >= hits_enough(self.asked):
            return self.hits / self.drawn
        return (1 + self.hits) / (1 + self.drawn)


def hits_enough(permutations: int) -> int:
    """Hits after which drawing stops: with 100 permutations or more, the p-value is then 0.1 or above.

    Examples
    --------
    >>> hits_enough(99), hits_enough(1000)
    (10, 100)
    """
    return max(LEAST_HITS, permutations // 10)


def permutation_test(
    tables: Sequence[AtomTable],
    positives: NDArray[np.integer],
    negatives: NDArray[np.integer],
    best: float,
    *,
    score: str,
    max_atoms: int,
    operators: Sequence[str],
    strategy: str,
    permutations: int,
    seed: Sequence[int],
    time_limit: float | None = None,
    activations: NDArray[np.floating] | None = None,
) -> PermutationTest:
    """Test whether a search's best score is more than chance.

    Parameters
    ----------
    tables
        The atoms of the search. Several tables over the same individuals stand for a search that chose between
        them by the examples: then a permutation that reaches the score over any of them is a hit.
    positives, negatives
        Bit positions in the atoms' extents, disjoint and not empty.
    best
        The best score that was found.
    score, max_atoms, operators
        As in the search.
    strategy
        ``exact`` or ``beam``. A beam's score is compared with what the same beam finds on permuted examples.
    permutations
        Most permutations to draw, at least 1.
    seed
        Numbers from which the permutations derive, with numpy's default generator.
    time_limit
        Seconds for the decision of one permutation, besides :data:`WORK_LIMIT`.
    activations
        For AUROC: the raw activation on each of the atoms' individuals, which are permuted over all of them. Without
        them positives have 1 and negatives 0, as in the search.

    Returns
    -------
    The outcome, which depends on nothing but the arguments, unless `time_limit` is given.
    """
    examples = np.sort(np.concatenate([positives, negatives])).astype(np.int64)
    ranks = _ranks(examples, positives, activations) if resolve(score).by_rank else None
    if ranks is None:
        searches: list[_PermutedSearch] | list[_PermutedRanking] = [
            _PermutedSearch(table, examples, score, max_atoms, operators, strategy) for table in tables
        ]
    else:
        images, values = ranks
        searches = [_PermutedRanking(table, images, score, max_atoms, operators, strategy) for table in tables]
    generator = np.random.default_rng(list(seed))
    enough = hits_enough(permutations)
    drawn = hits = undecided = 0
    while drawn < permutations and hits < enough:
        if ranks is None:
            draw: NDArray[Any] = np.zeros(len(examples), np.bool_)
            draw[generator.choice(len(examples), len(positives), replace=False)] = True
        else:
            draw = generator.permutation(values)
        deadline = np.inf if time_limit is None else time.perf_counter() + time_limit
        found: bool | None = False
        for search in searches:
            reached = search.reaches(best, draw, deadline)
            if reached:
                found = True
                break
            found = None if reached is None else found
        drawn += 1
        hits += found is not False
        undecided += found is None
    return PermutationTest(permutations, drawn, hits, undecided)


def _ranks(
    examples: NDArray[np.int64], positives: NDArray[np.integer], activations: NDArray[np.floating] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Individuals that AUROC is about, and their activations."""
    if activations is None:
        return examples, np.isin(examples, positives).astype(np.float64)
    return np.arange(len(activations)), np.asarray(activations, np.float64)


class _PermutedRanking:
    """Searches by AUROC over the same atoms and images, which differ in which image has which activation."""

    def __init__(
        self,
        atoms: AtomTable,
        images: NDArray[np.int64],
        score: str,
        max_atoms: int,
        operators: Sequence[str],
        strategy: str,
    ) -> None:
        self._atoms = atoms
        self._images = images
        self._score = resolve(score)
        self._max_atoms = max_atoms
        self._operators = operators
        self._exact = strategy == "exact"

    def reaches(self, threshold: float, activations: NDArray[np.float64], deadline: float) -> bool | None:
        """Decide whether the search would find this AUROC for these activations; None if it stops before that."""
        from .ranked_search import RankedSearch  # compiles or loads the kernels

        search = RankedSearch(
            self._atoms.extents,
            self._atoms.lengths,
            self._atoms.priorities,
            centred_ranks(activations),
            self._images,
            score=self._score,
            least=fewest(self._score, len(self._images)),
            max_atoms=self._max_atoms,
            conjunction="and" in self._operators,
            disjunction="or" in self._operators,
            negation="not" in self._operators,
            top=1,
        )
        width = 1 if self._exact else BEAM_WIDTH
        return search.reaches(threshold, deadline, WORK_LIMIT, exact=self._exact, width=width)


class _PermutedSearch:
    """Searches over the same atoms and examples, which differ in which of the examples are positive.

    The literals are made once: which atoms differ on the examples, and which represents those that do not, is
    the same whichever of the examples are positive.
    """

    def __init__(
        self,
        atoms: AtomTable,
        examples: NDArray[np.int64],
        score: str,
        max_atoms: int,
        operators: Sequence[str],
        strategy: str,
    ) -> None:
        from .literals import prepare  # compiles or loads the kernels

        self._examples = examples
        self._literals = prepare(
            atoms.extents,
            atoms.lengths,
            atoms.priorities,
            examples,
            np.zeros(0, np.int64),
            len(atoms.rows),
            resolve(score),
            "not" in operators,
        )
        # Rows of the ground are in the order of the atoms that represent others.
        self._extents = np.ascontiguousarray(atoms.extents[np.unique(self._literals.atom[self._literals.start])])
        self._n = len(atoms.rows)
        self._max_atoms = max_atoms
        self._operators = operators
        self._exact = strategy == "exact"

    def reaches(self, threshold: float, inside: NDArray[np.bool_], deadline: float) -> bool | None:
        """Decide whether the search would find this score with these positives; None if it stops before that."""
        from .induction import Induction
        from .literals import restrict

        positives, negatives = self._examples[inside], self._examples[~inside]
        positive, positive_mask = restrict(self._extents, positives, self._n)
        negative, negative_mask = restrict(self._extents, negatives, self._n)
        ground = self._literals.ground._replace(
            positive=positive,
            negative=negative,
            positive_mask=positive_mask,
            negative_mask=negative_mask,
            positives=len(positives),
            negatives=len(negatives),
        )
        induction = Induction(
            replace(self._literals, ground=ground, counts=None),
            max_atoms=self._max_atoms,
            conjunction="and" in self._operators,
            disjunction="or" in self._operators,
            top=1,
            # The answer of an exact search does not depend on the beam it starts with; a narrow one is soon done.
            width=1 if self._exact else BEAM_WIDTH,
        )
        return induction.reaches(threshold, deadline, WORK_LIMIT, exact=self._exact)
