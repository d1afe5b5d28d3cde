"""AUROC of expressions against raw activations, and the exact search for the best.

AUROC(E) is the probability that a random member of E activates the unit more than a random image outside it, ties
counting half: the area under the ROC curve of the activation as a detector of E, or the Mann-Whitney U divided by
the number of pairs (Bykov et al. 2023, "Labeling Neural Representations with Inverse Recognition", NeurIPS,
section 3). All images count, not only those far above and far below some threshold.

With mid-ranks r_i, c_i = 2 r_i - (N + 1), s members and C the sum of their c_i it is 1/2 + C / (2 s (N - s)).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ontology.errors import UsageError
from .bitset import Words, unpack
from .formula import Formula
from .score import Score
from .solution import SearchProgress, SearchResult


def centred_ranks(activations: ArrayLike) -> NDArray[np.int64]:
    """Twice the mid-rank of each activation, less N + 1: integers that add up to 0.

    Parameters
    ----------
    activations
        Finite numbers, shape (images,).

    Raises
    ------
    UsageError
        A number is not finite, or there is none.

    Examples
    --------
    >>> centred_ranks([0.5, 3.0, 0.5, 1.0]).tolist()
    [-2, 3, -2, 1]
    """
    values = np.asarray(activations, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise UsageError("activations that cannot be ranked", expected="one finite number for each image")
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    before = np.cumsum(count) - count
    return np.asarray((2 * before + count - len(values))[group], np.int64)


def auroc(members: NDArray[np.bool_], weights: NDArray[np.int64]) -> float | None:
    """AUROC of a set of images; None if it holds none or all of them.

    Parameters
    ----------
    members
        Booleans, shape (images,).
    weights
        What :func:`centred_ranks` makes of the activations, shape (images,).

    Examples
    --------
    >>> auroc(np.array([True, True, False, False]), centred_ranks([4.0, 1.0, 2.0, 1.0]))
    0.625
    """
    inside = int(members.sum())
    product = inside * (len(members) - inside)
    if not product:
        return None
    return (int(weights[members].sum()) + product) / (2 * product)


def fewest(score: Score, images: int) -> int:
    """Fewest members, and fewest others, of an expression that a support of ``auroc@F`` asks for; at least 1."""
    return max(1, math.ceil(score.minimum_support * images - 1e-9))


def search_auroc(
    extents: Words,
    lengths: NDArray[np.int32],
    priorities: NDArray[np.int64],
    activations: NDArray[np.floating],
    *,
    images: NDArray[np.int64] | None = None,
    score: Score,
    max_atoms: int = 3,
    operators: Sequence[str] = ("and", "or", "not"),
    top: int = 10,
    strategy: str = "exact",
    width: int = 12,
    time_limit: float | None = None,
    work_limit: int | None = None,
    progress: SearchProgress | None = None,
) -> SearchResult:
    """Find the formulas whose members activate a unit more than the other images do.

    The hypotheses, what makes two of them distinct and the order of ties are those of
    :func:`neurontology.reasoner.search.search`, over all images, less what has too few members or too few others.

    Parameters
    ----------
    extents, lengths, priorities
        The atoms, as for :func:`~neurontology.reasoner.search.search`.
    activations
        The unit's activation on each image, shape (images,).
    images
        Bits of the extents that are these images; all by default.
    score
        AUROC with its minimum support.
    max_atoms, operators, top, strategy, width, time_limit, progress
        As for :func:`~neurontology.reasoner.search.search`.
    work_limit
        Words read after which the exact search returns the best so far.

    Returns
    -------
    Solutions with their numbers of members as ``tp`` and no ``fp``; none if no formula has the support.

    Raises
    ------
    UsageError
        The activations cannot be ranked, or there are not as many as images.

    Examples
    --------
    >>> from neurontology.reasoner.bitset import pack
    >>> from neurontology.reasoner.score import resolve
    >>> atoms = pack(np.array([[1, 1, 1, 0], [1, 1, 0, 1]], dtype=bool))
    >>> found = search_auroc(atoms, np.array([1, 1]), np.array([0, 1]), np.array([3.0, 4.0, 1.0, 2.0]),
    ...                      score=resolve("auroc@0.25"), top=1)
    >>> str(found.solutions[0].formula), found.solutions[0].score, found.proved_optimal
    ('1', 1.0, True)
    """
    started = time.perf_counter()
    chosen = np.arange(len(activations)) if images is None else np.asarray(images, np.int64)
    weights = centred_ranks(activations)
    if len(chosen) != len(weights):
        raise UsageError(f"{len(weights)} activations", expected=f"one for each of the {len(chosen)} images")
    from .ranked_search import RankedSearch  # compiles or loads the kernels

    found = RankedSearch(
        np.ascontiguousarray(extents, np.uint64),
        np.asarray(lengths, np.int32),
        np.asarray(priorities, np.int64),
        weights,
        chosen,
        score=score,
        least=fewest(score, len(chosen)),
        max_atoms=max_atoms,
        conjunction="and" in operators,
        disjunction="or" in operators,
        negation="not" in operators,
        top=top,
        progress=progress,
    )
    deadline = np.inf if time_limit is None else started + time_limit
    found.guess(width)
    proved = strategy == "exact" and found.prove(deadline, work_limit)
    elapsed = time.perf_counter() - started
    return SearchResult(found.solutions(), proved, found.upper_bound, found.work, elapsed)


def members_of(formula: Formula, extents: Words, n: int) -> NDArray[np.bool_]:
    """Individuals for which a formula holds.

    Parameters
    ----------
    formula
        Over the atoms whose extents are given.
    extents
        Packed extensions, shape (atoms, ceil(n / 64)).
    n
        Number of individuals.

    Returns
    -------
    Booleans, shape (n,).
    """
    if formula.kind == "literal":
        literal = next(formula.literals())
        inside = unpack(extents[literal.atom], n)
        return ~inside if literal.negated else inside
    join = np.logical_and if formula.kind == "and" else np.logical_or
    return np.asarray(join.reduce([members_of(child, extents, n) for child in formula.children]), np.bool_)
