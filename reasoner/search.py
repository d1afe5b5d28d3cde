"""Concept induction as search: the best and/or/not formulas over given atoms, with proof.

Hypotheses are all and/or trees with up to ``max_atoms`` leaves, each leaf an atom or its complement; they are
ranked by score (descending), description length (ascending) and preference of their literals (positive before
negated, then by the atoms' priorities; compared in sorted order), and merged when they agree on all examples.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ontology.errors import UsageError, near_matches
from .auroc import members_of, search_auroc
from .bitset import Words, pack
from .counting import UnitCounts
from .formula import Formula, Literal
from .ripple import Examples, ripple
from .score import AUROC, Score, resolve
from .solution import SearchProgress, SearchResult, Solution

if TYPE_CHECKING:
    from .shared_atoms import SharedAtoms

__all__ = ["Formula", "Literal", "SearchResult", "Solution", "search"]

OPERATORS = ("and", "or", "not")
STRATEGIES = ("exact", "beam", "ripple")
MAX_ATOMS = 4
BEAM_WIDTH = 12
RIPPLE_NODES = 2_000_000
"""Work of each search for an exception or an alternative, in units of `node_limit`."""


def _examples(ids: ArrayLike, n: int, what: str) -> NDArray[np.int64]:
    given = np.asarray(ids, dtype=np.int64)
    if not len(given):
        raise UsageError(f"no {what} examples", expected="at least one")
    if given.min() < 0 or given.max() >= n:
        raise UsageError(f"{what} examples outside the individuals", expected=f"numbers from 0 to {n - 1}")
    chosen = np.zeros(n, np.bool_)
    chosen[given] = True
    return np.flatnonzero(chosen)


def _checked(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise UsageError(f"unknown {name} {value!r}", hint=near_matches(value, known))
    return value


@lru_cache
def load_kernels(*, by_rank: bool, four_atoms: bool) -> None:
    """Compile the kernels of a search, or load what was kept of them, by problems that go through all of them.

    Parameters
    ----------
    by_rank
        Whether the search is one by AUROC.
    four_atoms
        Whether it is to combine as many.
    """
    rng = np.random.default_rng(0)
    rows, n = rng.random((8, 100)) < 0.4, 100
    positives, negatives = np.arange(20), np.arange(20, n)
    extents, sizes = pack(rows), np.ones(len(rows), np.int32)
    given = extents, sizes, np.arange(len(rows)), positives, negatives
    atoms = MAX_ATOMS if four_atoms else MAX_ATOMS - 1
    if by_rank:
        from .auroc import centred_ranks
        from .ranked_search import RankedSearch

        search(*given, n=n, score=AUROC, max_atoms=atoms, activations=rng.random(n))
        weights = centred_ranks(rng.random(n))
        ranked = RankedSearch(
            *given[:3],
            weights,
            np.arange(n),
            score=resolve(AUROC),
            least=1,
            max_atoms=1,
            conjunction=True,
            disjunction=True,
            negation=True,
            top=1,
        )
        ranked.reaches(2.0, np.inf, 1, exact=False, width=1)
        return
    from .induction import Induction
    from .literals import prepare
    from .shared_atoms import share_atoms

    counts = UnitCounts(rows[:, :20].sum(1, np.int32), rows[:, 20:].sum(1, np.int32))
    search(*given, n=n, max_atoms=atoms)
    search(*given, n=n, max_atoms=1, shared=share_atoms(*given[:3]), counts=counts)
    literals = prepare(*given, n, resolve("f1"), True)
    permuted = Induction(literals, max_atoms=1, conjunction=True, disjunction=True, top=1, width=1)
    permuted.reaches(2.0, np.inf, 1, exact=False)


def search(
    extents: Words,
    lengths: ArrayLike,
    priorities: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    n: int,
    score: str | Score = "f1",
    max_atoms: int = 3,
    operators: Sequence[str] = OPERATORS,
    top: int = 10,
    strategy: str = "exact",
    width: int = BEAM_WIDTH,
    time_limit: float | None = None,
    node_limit: int | None = None,
    activations: ArrayLike | None = None,
    shared: SharedAtoms | None = None,
    counts: UnitCounts | None = None,
    progress: SearchProgress | None = None,
) -> SearchResult:
    """Find the best formulas that tell the positives from the negatives.

    Parameters
    ----------
    extents
        Packed extensions of the atoms, shape (atoms, ceil(n / 64)), bits beyond ``n`` zero.
    lengths
        Description lengths of the atoms, each at least 1. A complement costs 1 more, each binary connective 1.
    priorities
        Distinct numbers, smaller preferred; they break the last ties.
    positives, negatives
        Individuals, disjoint and non-empty. All others do not count.
    n
        Number of individuals.
    score
        A name that :func:`~neurontology.reasoner.score.resolve` knows, or a score.
    max_atoms
        Most literal occurrences in a formula, 1 to 4.
    operators
        Some of "and", "or", "not"; "not" stands before atoms only.
    top
        How many solutions to return.
    strategy
        "exact" proves its answer unless a limit stops it; "beam" extends the ``width`` best formulas of each
        size by one literal and proves nothing; "ripple" mends formulas of up to `max_atoms` literals by others, to any
        size, see :mod:`.ripple`, and knows no more than an upper bound.
    width
        Formulas kept by the beam, which also starts the exact search.
    time_limit, node_limit
        Seconds, and counts of false positives, after which the exact search returns the best so far. Either
        is looked at between pieces of work of some milliseconds. By AUROC, words read count.
    activations
        For AUROC only: the activation on each individual, all of which count then, shape (n,). Without them it
        is 1 on the positives and 0 on the negatives, and no others count.
    shared
        What :func:`~neurontology.reasoner.shared_atoms.share_atoms` makes of the same atoms, to save time where many
        problems are solved over them. AUROC has no use for it, nor for the counts.
    counts
        The atoms' true and false positives, if they are known. They are taken on trust.
    progress
        Called every few hundredths of a second of the exact search.

    Raises
    ------
    UsageError
        An argument is outside what is described above.

    Examples
    --------
    >>> from neurontology.reasoner.bitset import pack
    >>> atoms = pack(np.array([[1, 1, 1, 0], [1, 1, 0, 1], [0, 1, 0, 0]], dtype=bool))
    >>> found = search(atoms, [1, 1, 1], [0, 1, 2], [0, 1], [2, 3], n=4, top=1)
    >>> str(found.solutions[0].formula), found.solutions[0].score, found.proved_optimal
    ('(0 & 1)', 1.0, True)
    """
    measure = resolve(score) if isinstance(score, str) else score
    if time_limit is not None:  # which is for the search, not for the compiler
        load_kernels(by_rank=measure.by_rank, four_atoms=max_atoms > 3)
    started = time.perf_counter()
    extents = np.ascontiguousarray(extents, dtype=np.uint64)
    length_array = np.asarray(lengths, dtype=np.int32)
    priority_array = np.asarray(priorities, dtype=np.int64)
    if extents.ndim != 2 or extents.shape[1] != (n + 63) // 64 or not len(extents):
        raise UsageError(
            f"extents of shape {extents.shape}", expected=f"(atoms, {(n + 63) // 64}) with at least one atom"
        )
    if length_array.shape != (len(extents),) or length_array.min() < 1:
        raise UsageError("lengths of the atoms", expected="one number of at least 1 for each atom")
    if priority_array.shape != (len(extents),) or (np.diff(np.sort(priority_array)) == 0).any():
        raise UsageError("priorities of the atoms", expected="one distinct number for each atom")
    if not 1 <= max_atoms <= MAX_ATOMS:
        raise UsageError(f"max_atoms {max_atoms}", expected=f"a number from 1 to {MAX_ATOMS}")
    if top < 1 or width < 1:
        raise UsageError(f"top {top}, width {width}", expected="numbers of at least 1")
    allowed = {_checked("operator", operator, OPERATORS) for operator in operators}
    _checked("strategy", strategy, STRATEGIES)
    inside, outside = _examples(positives, n, "positive"), _examples(negatives, n, "negative")
    if not set(inside.tolist()).isdisjoint(outside.tolist()):
        raise UsageError("an individual is both a positive and a negative example", expected="disjoint sets")
    if counts is not None:
        for side, among, name in ((counts.tp, inside, "true"), (counts.fp, outside, "false")):
            if side.shape != (len(extents),) or side.min() < 0 or side.max() > len(among):
                raise UsageError(
                    f"counts of {name} positives", expected=f"numbers from 0 to {len(among)}, one for each atom"
                )
    if shared is not None and len(shared.rows) != len(extents):
        raise UsageError(f"{len(shared.rows)} shared atoms", expected=f"the same {len(extents)} atoms")
    if strategy == "ripple" and measure.by_rank:
        raise UsageError(
            "the ripple search counts examples", expected="a score of counts, such as f1", hint="or --strategy exact"
        )

    if measure.by_rank:
        if activations is None:
            members = np.concatenate([inside, outside])
            values = np.repeat([1.0, 0.0], [len(inside), len(outside)])
        else:
            members, values = np.arange(n), np.asarray(activations, np.float64)
        found = search_auroc(
            extents,
            length_array,
            priority_array,
            values,
            images=members,
            score=measure,
            max_atoms=max_atoms,
            operators=tuple(allowed),
            top=top,
            strategy=strategy,
            width=width,
            time_limit=time_limit,
            work_limit=node_limit,
            progress=progress,
        )
        counted = (members_of(s.formula, extents, n) for s in found.solutions)
        return replace(
            found,
            solutions=tuple(
                replace(s, tp=int(covered[inside].sum()), fp=int(covered[outside].sum()))
                for s, covered in zip(found.solutions, counted, strict=True)
            ),
        )
    if strategy == "ripple":
        deadline = np.inf if time_limit is None else started + time_limit

        def exact(of: NDArray[np.int64], against: NDArray[np.int64], by: Score, many: int) -> tuple[Solution, ...]:
            return search(
                extents,
                length_array,
                priority_array,
                of,
                against,
                n=n,
                score=by,
                max_atoms=max_atoms,
                operators=operators,
                top=many,
                time_limit=None if time_limit is None else max(deadline - time.perf_counter(), 1e-3),
                node_limit=RIPPLE_NODES if node_limit is None else min(node_limit, RIPPLE_NODES),
                shared=shared,
            ).solutions

        return ripple(
            Examples(extents, length_array.tolist(), inside, outside, n, measure),
            exact,
            operators=tuple(allowed),
            top=top,
            started=started,
            deadline=deadline,
        )
    from .induction import Induction  # compiles or loads the kernels
    from .literals import prepare

    induction = Induction(
        prepare(
            extents,
            length_array,
            priority_array,
            inside,
            outside,
            n,
            measure,
            "not" in allowed,
            shared=shared,
            counts=counts,
        ),
        max_atoms=max_atoms,
        conjunction="and" in allowed,
        disjunction="or" in allowed,
        top=top,
        width=width,
        progress=progress,
    )
    deadline = np.inf if time_limit is None else started + time_limit
    induction.guess()
    proved = strategy == "exact" and induction.prove(deadline, node_limit)
    elapsed = time.perf_counter() - started
    return SearchResult(induction.solutions(), proved, induction.upper_bound, induction.nodes, elapsed)
