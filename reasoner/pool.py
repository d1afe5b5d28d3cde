"""The k best formulas found so far, one for each distinct extension, as arrays that kernels update.

A formula is a shape number with up to four literal numbers. Literals are numbered by preference, so that the
sorted literal numbers of a formula are its tie-breaking key. The order of formulas is: score descending,
length ascending, sorted literals, shape, literals in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import inner, kernel
from .popcount import count_words
from .shape import CHAINS, PAIRS_AND

EQUIVALENTS = 8
COUNT, WORST, WORST_LENGTH, NODES, WORK = 0, 1, 2, 3, 4
UNBOUNDED = 1 << 30
NONE = np.int32(-1)  # typed, lest the kernels be compiled once more for a wider integer


class Ground(NamedTuple):
    """Literals over the examples of one problem, as the kernels read them.

    ``positive`` and ``negative`` hold one packed row for each distinct atom over the positives and over the
    negatives, ``positive_mask`` and ``negative_mask`` the columns in use. Literal ``i`` is row ``row[i]``,
    complemented where ``inverted[i]``, and ``length[i]`` long.
    """

    positive: Words
    negative: Words
    positive_mask: Words
    negative_mask: Words
    row: NDArray[np.int32]
    inverted: NDArray[np.bool_]
    length: NDArray[np.int32]
    positives: int
    negatives: int
    score: int
    minimum_recall: float


class Pool(NamedTuple):
    """The k best; ``limits[0, t]`` is the highest fp with which t true positives still reach the worst of them.

    ``limits[1]`` is the same for scoring strictly better than the worst, which a formula longer than the worst
    must. Both are -1 where no fp will do, and the number of negatives while the pool is not full.
    """

    score: NDArray[np.float64]
    length: NDArray[np.int32]
    shape: NDArray[np.int32]
    leaves: NDArray[np.int32]
    key: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int32]
    same_shape: NDArray[np.int32]
    same_leaves: NDArray[np.int32]
    same_count: NDArray[np.int32]
    limits: NDArray[np.int32]
    threshold: NDArray[np.float64]
    state: NDArray[np.int64]
    words: tuple[Words, Words, Words, Words]


def make_pool(ground: Ground, size: int) -> Pool:
    """Make an empty pool for ``size`` formulas."""
    p, n = ground.positive.shape[1], ground.negative.shape[1]
    slots = size + 1  # the last one holds the formula on offer
    pool = Pool(
        score=np.zeros(slots),
        length=np.zeros(slots, np.int32),
        shape=np.zeros(slots, np.int32),
        leaves=np.zeros((slots, 4), np.int32),
        key=np.zeros((slots, 4), np.int32),
        hashes=np.zeros((slots, 2), np.uint64),
        counts=np.zeros((slots, 2), np.int32),
        same_shape=np.zeros((slots, EQUIVALENTS), np.int32),
        same_leaves=np.zeros((slots, EQUIVALENTS, 4), np.int32),
        same_count=np.zeros(slots, np.int32),
        limits=np.full((2, ground.positives + 1), ground.negatives, np.int32),
        threshold=np.full(1, -np.inf),
        state=np.zeros(5, np.int64),
        words=(np.zeros(p, np.uint64), np.zeros(n, np.uint64), np.zeros(p, np.uint64), np.zeros(n, np.uint64)),
    )
    pool.state[WORST_LENGTH] = UNBOUNDED
    return pool


@kernel
def value(score: int, recall: float, t: int, f: int, p: int, n: int) -> float:
    """:meth:`Score.value <neurontology.reasoner.score.Score.value>` of one pair of counts, bit for bit."""
    if score == 0:
        return 2 * t / (t + f + p)
    if score == 1:
        return (t + n - f) / (p + n)
    if score == 2:
        return (t * n + (n - f) * p) / (2 * p * n)
    if score == 3:
        return t / (p + f)
    if score == 4:
        return t / (t + f) if t > 0 and t >= recall * p else 0.0
    if score == 5:
        return (t * n - f * p) / ((p + n) * (p + n))
    margin = (t + f) * (p + n - t - f)
    if margin <= 0:
        return 0.0
    raw = (t * n - f * p) / (np.sqrt(float(p * n)) * np.sqrt(float(margin)))
    return np.rint(raw * 1e12) / 1e12


@kernel
def bound(score: int, recall: float, t: int, f: int, p: int, n: int) -> float:
    """:meth:`Score.bound <neurontology.reasoner.score.Score.bound>` of one pair of counts, bit for bit."""
    v = value(score, recall, t, f, p, n)
    return max(v, 0.0) if score == 6 else v


@inner
def _set_limits(ground: Ground, pool: Pool, threshold: float) -> None:
    p, n = ground.positives, ground.negatives
    for strict in range(2):
        limit = -1
        for t in range(p + 1):
            low, high = limit, n  # the limit never falls as t rises
            while low < high:
                middle = (low + high + 1) >> 1
                b = bound(ground.score, ground.minimum_recall, t, middle, p, n)
                if b > threshold or (strict == 0 and b == threshold):
                    low = middle
                else:
                    high = middle - 1
            limit = low
            pool.limits[strict, t] = limit


@inner
def _load(out: Words, matrix: Words, row: int, inverted: bool, mask: Words) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    for w in range(out.shape[0]):
        out[w] = (matrix[row, w] ^ flip) & mask[w]


@inner
def _join(out: Words, matrix: Words, row: int, inverted: bool, mask: Words, operator: int) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    if operator == 1:
        for w in range(out.shape[0]):
            out[w] &= matrix[row, w] ^ flip
    else:
        for w in range(out.shape[0]):
            out[w] |= (matrix[row, w] ^ flip) & mask[w]


@inner
def _merge(out: Words, other: Words, operator: int) -> None:
    if operator == 1:
        for w in range(out.shape[0]):
            out[w] &= other[w]
    else:
        for w in range(out.shape[0]):
            out[w] |= other[w]


@inner
def evaluate(
    ground: Ground,
    matrix: Words,
    mask: Words,
    shape: int,
    leaves: NDArray[np.int32],
    at: int,
    out: Words,
    other: Words,
) -> None:
    """Write the extension of the formula in row ``at`` of ``leaves`` over one side of the examples to ``out``."""
    row, inverted = ground.row, ground.inverted
    a = leaves[at, 0]
    _load(out, matrix, row[a], inverted[a], mask)
    if shape >= PAIRS_AND:
        b, c, d = leaves[at, 1], leaves[at, 2], leaves[at, 3]
        _join(out, matrix, row[b], inverted[b], mask, CHAINS[shape, 1])
        _load(other, matrix, row[c], inverted[c], mask)
        _join(other, matrix, row[d], inverted[d], mask, CHAINS[shape, 1])
        _merge(out, other, CHAINS[shape, 2])
    else:
        for k in range(1, CHAINS[shape, 0]):
            b = leaves[at, k]
            _join(out, matrix, row[b], inverted[b], mask, CHAINS[shape, k])


@inner
def hash_words(words: Words, seed: np.uint64) -> np.uint64:
    """64 well-mixed bits of a row; two seeds make 128, at which equal hashes are taken as equal rows."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        x = words[w] ^ (np.uint64(w + 1) * np.uint64(0x9E3779B97F4A7C15) + seed)
        x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        x = (x ^ (x >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        total += x ^ (x >> np.uint64(32))
    return total


@inner
def _sort(rows: NDArray[np.int32], at: int, start: int, stop: int) -> None:
    for i in range(start + 1, stop):
        x = rows[at, i]
        j = i - 1
        while j >= start and rows[at, j] > x:
            rows[at, j + 1] = rows[at, j]
            j -= 1
        rows[at, j + 1] = x


@inner
def _canonical(shape: int, rows: NDArray[np.int32], at: int) -> None:
    """Put interchangeable leaves of one row in ascending order, in place."""
    count = CHAINS[shape, 0]
    if shape >= PAIRS_AND:
        _sort(rows, at, 0, 2)
        _sort(rows, at, 2, 4)
        if (rows[at, 2], rows[at, 3]) < (rows[at, 0], rows[at, 1]):
            for k in range(2):
                rows[at, k], rows[at, k + 2] = rows[at, k + 2], rows[at, k]
        return
    start = 0
    for k in range(2, count + 1):
        if k == count or CHAINS[shape, k] != CHAINS[shape, k - 1]:
            _sort(rows, at, start, k)
            start = k


@inner
def _compare(rows: NDArray[np.int32], i: int, j: int) -> int:
    for k in range(4):
        if rows[i, k] != rows[j, k]:
            return -1 if rows[i, k] < rows[j, k] else 1
    return 0


@inner
def _precedes(pool: Pool, i: int, j: int) -> bool:
    """Whether entry ``i`` ranks before entry ``j``."""
    if pool.score[i] != pool.score[j]:
        return pool.score[i] > pool.score[j]
    if pool.length[i] != pool.length[j]:
        return pool.length[i] < pool.length[j]
    order = _compare(pool.key, i, j)
    if order == 0:
        order = pool.shape[i] - pool.shape[j]
    if order == 0:
        order = _compare(pool.leaves, i, j)
    return order < 0


@inner
def _copy(pool: Pool, source: int, target: int) -> None:
    pool.score[target] = pool.score[source]
    pool.length[target] = pool.length[source]
    pool.shape[target] = pool.shape[source]
    for k in range(4):
        pool.leaves[target, k] = pool.leaves[source, k]
        pool.key[target, k] = pool.key[source, k]
    for k in range(2):
        pool.hashes[target, k] = pool.hashes[source, k]
        pool.counts[target, k] = pool.counts[source, k]


@inner
def _renew(ground: Ground, pool: Pool) -> None:
    """Find the worst entry again and derive the limits from it."""
    size = pool.score.shape[0] - 1
    if pool.state[COUNT] < size:
        return
    worst = 0
    for i in range(1, size):
        if _precedes(pool, worst, i):
            worst = i
    pool.state[WORST] = worst
    first = pool.state[WORST_LENGTH] == UNBOUNDED
    pool.state[WORST_LENGTH] = pool.length[worst]
    if first or pool.score[worst] != pool.threshold[0]:
        pool.threshold[0] = pool.score[worst]
        _set_limits(ground, pool, pool.score[worst])


@inner
def _remember(pool: Pool, i: int, source: int) -> None:
    """Note the formula in slot ``source`` as equivalent to entry ``i``."""
    count = pool.same_count[i]
    for k in range(count):
        known = pool.same_shape[i, k] == pool.shape[source]
        for m in range(4):
            known = known and pool.same_leaves[i, k, m] == pool.leaves[source, m]
        if known:
            return
    if count < EQUIVALENTS:
        pool.same_shape[i, count] = pool.shape[source]
        for m in range(4):
            pool.same_leaves[i, count, m] = pool.leaves[source, m]
        pool.same_count[i] = count + 1


@inner
def offer(ground: Ground, pool: Pool, shape: int, a: int, b: int, c: int, d: int) -> None:
    """Evaluate a formula exactly and keep it if it is among the best; unused leaves are :data:`NONE`."""
    size = pool.score.shape[0] - 1
    new = size
    pool.leaves[new, 0], pool.leaves[new, 1], pool.leaves[new, 2], pool.leaves[new, 3] = a, b, c, d
    used = CHAINS[shape, 0]
    _canonical(shape, pool.leaves, new)
    length = used - 1
    for k in range(4):
        leaf = pool.leaves[new, k]
        pool.key[new, k] = leaf if k < used else -1
        if k < used:
            length += ground.length[leaf]
    _sort(pool.key, new, 0, used)
    p, n, other_p, other_n = pool.words
    evaluate(ground, ground.positive, ground.positive_mask, shape, pool.leaves, new, p, other_p)
    evaluate(ground, ground.negative, ground.negative_mask, shape, pool.leaves, new, n, other_n)
    pool.state[WORK] += used * (p.shape[0] + n.shape[0])
    tp, fp = count_words(p), count_words(n)
    pool.score[new] = value(ground.score, ground.minimum_recall, tp, fp, ground.positives, ground.negatives)
    pool.length[new] = length
    pool.shape[new] = shape
    pool.counts[new, 0] = tp
    pool.counts[new, 1] = fp
    count = pool.state[COUNT]
    if count == size and not _precedes(pool, new, pool.state[WORST]):
        return
    pool.hashes[new, 0] = hash_words(p, np.uint64(1)) + np.uint64(3) * hash_words(n, np.uint64(2))
    pool.hashes[new, 1] = hash_words(p, np.uint64(5)) + np.uint64(7) * hash_words(n, np.uint64(6))
    for i in range(count):
        if (
            pool.hashes[i, 0] == pool.hashes[new, 0]
            and pool.hashes[i, 1] == pool.hashes[new, 1]
            and pool.counts[i, 0] == tp
            and pool.counts[i, 1] == fp
        ):
            if pool.shape[i] == shape and _compare(pool.leaves, i, new) == 0:
                return
            if _precedes(pool, new, i):
                if pool.length[i] == length:
                    _remember(pool, i, i)
                else:
                    pool.same_count[i] = 0
                _copy(pool, new, i)
                _renew(ground, pool)
            elif pool.length[i] == length:
                _remember(pool, i, new)
            return
    if count < size:
        i = count
        pool.state[COUNT] = count + 1
    else:
        i = pool.state[WORST]
    _copy(pool, new, i)
    pool.same_count[i] = 0
    _renew(ground, pool)


@kernel
def ranking(pool: Pool) -> NDArray[np.int64]:
    """Entries from best to worst."""
    count = pool.state[COUNT]
    order = np.arange(count)
    for i in range(1, count):
        x = order[i]
        j = i - 1
        while j >= 0 and _precedes(pool, x, order[j]):
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = x
    return order
