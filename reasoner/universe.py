"""Literals over the part of the examples that one literal leaves open, as the kernels read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import Scalar, inner, kernel
from .pool import INVERTED, LITERAL_LENGTH, NONE, ROW, Ground, Pool, offer
from .popcount import CHUNK, count_words
from .shape import CHAINS, EXTEND

# Rows of Universe.literal.
ID, ROW_OF, NEGATED, SIZE, TRUE, FALSE = 0, 1, 2, 3, 4, 5
RADIX = 11  # bits of a digit in the sorting of lists
# Rows of Scratch.items.
ITEM, ITEM_T, ITEM_F, ORDER, COUNTS, CAPS, SORTED, SORTED_T, SORTED_F, GAINS, BUCKETS = range(11)


class Universe(NamedTuple):
    """A search space of formulas ``G`` or, with an outer literal D, ``D & G`` or ``D | G``.

    Only the examples that D leaves open are in it (those in D for a conjunction, those outside for a
    disjunction): ``p`` positives and ``n`` negatives. Literals are numbered by ascending false positives;
    columns of ``literal`` are their numbers in the :class:`Ground`, rows of ``negative``, whether complemented,
    lengths, true and false positives. ``positive`` has a row for each, ``columns`` is its transpose. ``by_t``
    lists them by descending true positives. ``steps`` are the (fp, tp) that no other literal betters, rising.
    ``t0`` and ``f0`` count the examples that D settles as members.
    """

    positive: Words
    columns: Words
    negative: Words
    positive_mask: Words
    negative_mask: Words
    literal: NDArray[np.int32]
    by_t: NDArray[np.int32]
    steps: NDArray[np.int32]
    p: int
    n: int
    t0: int
    f0: int
    operator: int
    outer: int
    length: int
    shortest: int


class Scratch(NamedTuple):
    """Buffers of one thread: two rows over negatives and over positives, remainders, lists of literals.

    ``compact`` has the columns of the sorted list over the positives, as ``Universe.columns`` has all.
    """

    c: Words
    b: Words
    cp: Words
    bp: Words
    rest_c: NDArray[np.int64]
    rest_b: NDArray[np.int64]
    items: NDArray[np.int32]
    compact: Words


def make_scratch(ground: Ground) -> Scratch:
    """Allocate the buffers for problems of this size."""
    literals, p, n = len(ground.literal), ground.positive.shape[1], ground.negative.shape[1]
    chunks = (n + CHUNK - 1) // CHUNK + 1
    return Scratch(
        c=np.zeros(n, np.uint64),
        b=np.zeros(n, np.uint64),
        cp=np.zeros(p, np.uint64),
        bp=np.zeros(p, np.uint64),
        rest_c=np.zeros(chunks, np.int64),
        rest_b=np.zeros(chunks, np.int64),
        items=np.zeros((11, max(literals, ground.positives + 2, 1 << RADIX)), np.int32),
        compact=np.zeros((p, literals), np.uint64),
    )


@kernel
def _count(matrix: Words, mask: Words, out: NDArray[np.int64]) -> None:
    for i in range(matrix.shape[0]):
        for w in range(matrix.shape[1]):
            matrix[i, w] &= mask[w]
        out[i] = count_words(matrix[i])


def _masked(matrix: Words, mask: Words, whole: bool) -> tuple[Words, NDArray[np.int64]]:
    out = matrix if whole else matrix.copy()
    counts = np.empty(len(out), np.int64)
    _count(out, mask, counts)
    return out, counts


def make_universe(ground: Ground, operator: int = 0, outer: int = -1) -> Universe:
    """Make the universe of all examples, or of those that an outer literal leaves open."""
    positive_mask, negative_mask = ground.positive_mask, ground.negative_mask
    if operator:
        row = ground.literal[outer, ROW]
        inside = bool(ground.literal[outer, INVERTED]) != (operator == 1)
        positive, negative = ground.positive[row], ground.negative[row]
        positive_mask = positive_mask & (positive if inside else ~positive)
        negative_mask = negative_mask & (negative if inside else ~negative)
    p, n = int(count_words(positive_mask)), int(count_words(negative_mask))
    positives, t = _masked(ground.positive, positive_mask, not operator)
    negatives, f = _masked(ground.negative, negative_mask, not operator)
    row, inverted = ground.literal[:, ROW], ground.literal[:, INVERTED].astype(bool)
    t, f = t[row], f[row]
    t, f = np.where(inverted, p - t, t), np.where(inverted, n - f, f)
    order = np.lexsort((-t, f))
    row, inverted, t, f = row[order], inverted[order], t[order], f[order]
    flip = np.where(inverted, ~np.uint64(0), np.uint64(0))
    positive = (positives[row] ^ flip[:, None]) & positive_mask
    rises = np.flatnonzero(t > np.concatenate([[-1], np.maximum.accumulate(t)[:-1]]))
    return Universe(
        positive=positive,
        columns=np.ascontiguousarray(positive.T),
        negative=negatives,
        positive_mask=positive_mask,
        negative_mask=negative_mask,
        literal=np.ascontiguousarray(
            np.stack([order, row, inverted, ground.literal[order, LITERAL_LENGTH], t, f]).astype(np.int32)
        ),
        by_t=np.argsort(-t, kind="stable").astype(np.int32),
        steps=np.stack([f[rises], t[rises]]).astype(np.int32),
        p=p,
        n=n,
        t0=ground.positives - p if operator == 2 else 0,
        f0=ground.negatives - n if operator == 2 else 0,
        operator=operator,
        outer=outer,
        length=int(ground.literal[outer, LITERAL_LENGTH]) + 1 if operator else 0,
        shortest=int(ground.literal[:, LITERAL_LENGTH].min()),
    )


@inner
def narrow(out: Words, words: Words, matrix: Words, row: Scalar, inverted: Scalar, inside: bool) -> None:
    """Write the part of ``words`` inside (or outside) a literal to ``out``."""
    flip = np.uint64(0) if (inverted != 0) != inside else ~np.uint64(0)
    for w in range(out.shape[0]):
        out[w] = words[w] & (matrix[row, w] ^ flip)


@inner
def propose(
    ground: Ground, pool: Pool, u: Universe, shape: Scalar, a: Scalar, b: Scalar, c: Scalar, t: Scalar, f: Scalar
) -> None:
    """Offer a formula of the universe with its counts; with an outer literal only the largest are new."""
    literal = u.literal
    i, j = literal[ID, a], literal[ID, b]
    k = literal[ID, c] if c >= 0 else NONE
    d = NONE
    if u.operator:
        if CHAINS[shape, 0] < 3:
            return
        shape = EXTEND[shape, u.operator - 1]
        d = np.int32(u.outer)
    offer(ground, pool, shape, i, j, k, d, np.int64(t + u.t0), np.int64(f + u.f0))
