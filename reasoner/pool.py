"""The k best formulas found so far, one for each distinct extension, as arrays that kernels update.

A formula is a shape number with up to four literal numbers. Literals are numbered by preference, so that the
sorted literal numbers of a formula are its tie-breaking key. The order of formulas is: score descending,
length ascending, sorted literals, shape, literals in place.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .popcount import count_words
from .score import Score
from .shape import CHAINS, PAIRS_AND

EQUIVALENTS = 8
COUNT, WORST, WORST_LENGTH, NODES, WORK = 0, 1, 2, 3, 4
UNBOUNDED = 1 << 30


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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bound(score: int, recall: float, t: int, f: int, p: int, n: int) -> float:
    """:meth:`Score.bound <neurontology.reasoner.score.Score.bound>` of one pair of counts, bit for bit."""
    v = value(score, recall, t, f, p, n)
    return max(v, 0.0) if score == 6 else v


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _load(out: Words, matrix: Words, row: int, inverted: bool, mask: Words) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    for w in range(out.shape[0]):
        out[w] = (matrix[row, w] ^ flip) & mask[w]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join(out: Words, matrix: Words, row: int, inverted: bool, mask: Words, operator: int) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    if operator == 1:
        for w in range(out.shape[0]):
            out[w] &= matrix[row, w] ^ flip
    else:
        for w in range(out.shape[0]):
            out[w] |= (matrix[row, w] ^ flip) & mask[w]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _merge(out: Words, other: Words, operator: int) -> None:
    if operator == 1:
        for w in range(out.shape[0]):
            out[w] &= other[w]
    else:
        for w in range(out.shape[0]):
            out[w] |= other[w]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def evaluate(
    ground: Ground, shape: int, leaves: NDArray[np.int32], positive: bool, out: Words, other: Words
) -> None:
    """Write the extension of a formula over the positives or over the negatives to ``out``."""
    matrix = ground.positive if positive else ground.negative
    mask = ground.positive_mask if positive else ground.negative_mask
    row, inverted = ground.row, ground.inverted
    a = leaves[0]
    _load(out, matrix, row[a], inverted[a], mask)
    if shape >= PAIRS_AND:
        b, c, d = leaves[1], leaves[2], leaves[3]
        _join(out, matrix, row[b], inverted[b], mask, CHAINS[shape, 1])
        _load(other, matrix, row[c], inverted[c], mask)
        _join(other, matrix, row[d], inverted[d], mask, CHAINS[shape, 1])
        _merge(out, other, CHAINS[shape, 2])
    else:
        for k in range(1, CHAINS[shape, 0]):
            b = leaves[k]
            _join(out, matrix, row[b], inverted[b], mask, CHAINS[shape, k])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def hash_words(words: Words, seed: np.uint64) -> np.uint64:
    """64 well-mixed bits of a row; two seeds make 128, at which equal hashes are taken as equal rows."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        x = words[w] ^ (np.uint64(w + 1) * np.uint64(0x9E3779B97F4A7C15) + seed)
        x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        x = (x ^ (x >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        total += x ^ (x >> np.uint64(32))
    return total


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sort(values: NDArray[np.int32], start: int, stop: int) -> None:
    for i in range(start + 1, stop):
        x = values[i]
        j = i - 1
        while j >= start and values[j] > x:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = x


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def canonical(shape: int, leaves: NDArray[np.int32]) -> None:
    """Put interchangeable leaves in ascending order, in place."""
    count = CHAINS[shape, 0]
    if shape >= PAIRS_AND:
        _sort(leaves, 0, 2)
        _sort(leaves, 2, 4)
        if leaves[2] < leaves[0] or (leaves[2] == leaves[0] and leaves[3] < leaves[1]):
            for k in range(2):
                leaves[k], leaves[k + 2] = leaves[k + 2], leaves[k]
        return
    start = 0
    for k in range(2, count + 1):
        if k == count or CHAINS[shape, k] != CHAINS[shape, k - 1]:
            _sort(leaves, start, k)
            start = k


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _compare(a: NDArray[np.int32], b: NDArray[np.int32]) -> int:
    for k in range(4):
        if a[k] != b[k]:
            return -1 if a[k] < b[k] else 1
    return 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _precedes(pool: Pool, i: int, j: int) -> bool:
    """Whether entry ``i`` ranks before entry ``j``."""
    if pool.score[i] != pool.score[j]:
        return pool.score[i] > pool.score[j]
    if pool.length[i] != pool.length[j]:
        return pool.length[i] < pool.length[j]
    order = _compare(pool.key[i], pool.key[j])
    if order == 0:
        order = pool.shape[i] - pool.shape[j]
    if order == 0:
        order = _compare(pool.leaves[i], pool.leaves[j])
    return order < 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _copy(pool: Pool, source: int, target: int) -> None:
    pool.score[target] = pool.score[source]
    pool.length[target] = pool.length[source]
    pool.shape[target] = pool.shape[source]
    pool.leaves[target] = pool.leaves[source]
    pool.key[target] = pool.key[source]
    pool.hashes[target] = pool.hashes[source]
    pool.counts[target] = pool.counts[source]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _remember(pool: Pool, i: int, source: int) -> None:
    """Note the formula in slot ``source`` as equivalent to entry ``i``."""
    count = pool.same_count[i]
    for k in range(count):
        if (
            pool.same_shape[i, k] == pool.shape[source]
            and _compare(pool.same_leaves[i, k], pool.leaves[source]) == 0
        ):
            return
    if count < EQUIVALENTS:
        pool.same_shape[i, count] = pool.shape[source]
        pool.same_leaves[i, count] = pool.leaves[source]
        pool.same_count[i] = count + 1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def offer(ground: Ground, pool: Pool, shape: int, a: int, b: int, c: int, d: int) -> None:
    """Evaluate a formula exactly and keep it if it is among the best; unused leaves are -1."""
    size = pool.score.shape[0] - 1
    new = size
    leaves, key = pool.leaves[new], pool.key[new]
    leaves[0], leaves[1], leaves[2], leaves[3] = a, b, c, d
    used = CHAINS[shape, 0]
    canonical(shape, leaves)
    length = used - 1
    for k in range(4):
        key[k] = leaves[k] if k < used else -1
        if k < used:
            length += ground.length[leaves[k]]
    _sort(key, 0, used)
    p, n, other_p, other_n = pool.words
    evaluate(ground, shape, leaves, True, p, other_p)
    evaluate(ground, shape, leaves, False, n, other_n)
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
            if pool.shape[i] == shape and _compare(pool.leaves[i], leaves) == 0:
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
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
