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
from .compiled import Scalar, inner, kernel, shared
from .popcount import count_words
from .shape import CHAINS, PAIRS_AND

EQUIVALENTS = 8
UNBOUNDED = 1 << 30
NONE = np.int32(-1)  # typed, lest the kernels be compiled once more for a wider integer
# Slots of Pool.state: entries, the worst entry, its length, the length of the entry that makes no mistake
# (UNBOUNDED without one), counts of false positives, words read, how often the limits have changed, and whether
# any formula that enters ends the search.
COUNT, WORST, WORST_LENGTH, PERFECT_LENGTH, NODES, WORK, VERSION, AIMED = 0, 1, 2, 3, 4, 5, 6, 7
# Columns of Pool.entry.
LENGTH, SHAPE, LEAF, KEY, TP, FP, SAME, WIDTH = 0, 1, 2, 6, 10, 11, 12, 13
# Columns of Ground.literal.
ROW, INVERTED, LITERAL_LENGTH = 0, 1, 2


class Ground(NamedTuple):
    """Literals over the examples of one problem, as the kernels read them.

    ``positive`` and ``negative`` hold one packed row for each distinct atom over the positives and over the
    negatives, the masks the columns in use. Literal ``i`` is row ``literal[i, ROW]``, complemented where
    ``literal[i, INVERTED]``, and ``literal[i, LITERAL_LENGTH]`` long.
    """

    positive: Words
    negative: Words
    positive_mask: Words
    negative_mask: Words
    literal: NDArray[np.int32]
    positives: int
    negatives: int
    score: int
    minimum_recall: float


class Pool(NamedTuple):
    """The k best. The last slot of every array holds the formula on offer.

    ``limits[0, t]`` is the highest fp with which t true positives still reach the score of the worst entry,
    ``limits[1, t]`` the same for a higher score, which a formula longer than the worst needs; ``limits[2]`` serves
    formulas that are also longer than the perfect one, and allows nothing when only perfection would do. They
    are -1 where no fp will do, and the number of negatives while the pool is not full.
    """

    score: NDArray[np.float64]
    entry: NDArray[np.int32]
    same: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    limits: NDArray[np.int32]
    threshold: NDArray[np.float64]
    state: NDArray[np.int64]
    positive_words: Words
    negative_words: Words


def make_pool(ground: Ground, size: int) -> Pool:
    """Make an empty pool for ``size`` formulas."""
    pool = Pool(
        score=np.zeros(size + 1),
        entry=np.zeros((size + 1, WIDTH), np.int32),
        same=np.zeros((size + 1, EQUIVALENTS, 5), np.int32),
        hashes=np.zeros((size + 1, 2), np.uint64),
        limits=np.full((3, ground.positives + 1), ground.negatives, np.int32),
        threshold=np.full(1, -np.inf),
        state=np.zeros(8, np.int64),
        positive_words=np.zeros((2, ground.positive.shape[1]), np.uint64),
        negative_words=np.zeros((2, ground.negative.shape[1]), np.uint64),
    )
    pool.state[WORST_LENGTH] = pool.state[PERFECT_LENGTH] = UNBOUNDED
    return pool


@inner
def row_of(state: NDArray[np.int64], length: Scalar) -> Scalar:
    """Row of the limits that holds for formulas of this length or longer."""
    if length <= state[WORST_LENGTH]:
        return 0
    return 1 if length <= state[PERFECT_LENGTH] else 2


@inner
def lim(limits: NDArray[np.int32], state: NDArray[np.int64], t: Scalar, length: Scalar) -> Scalar:
    """Highest fp that a formula of this length, or a longer one, may have at ``t`` true positives."""
    return limits[row_of(state, length), t]


@shared
def value(score: Scalar, recall: Scalar, t: Scalar, f: Scalar, p: Scalar, n: Scalar) -> Scalar:
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


@shared
def bound(score: Scalar, recall: Scalar, t: Scalar, f: Scalar, p: Scalar, n: Scalar) -> Scalar:
    """:meth:`Score.bound <neurontology.reasoner.score.Score.bound>` of one pair of counts, bit for bit."""
    v = value(score, recall, t, f, p, n)
    return max(v, 0.0) if score == 6 else v


@inner
def _set_limits(ground: Ground, pool: Pool) -> None:
    """Lower the limits to a threshold that has risen: looked for downwards from the old ones, by doubling steps."""
    p, n = ground.positives, ground.negatives
    threshold, limits = pool.threshold[0], pool.limits
    for strict in range(2):
        for t in range(p + 1):
            high = limits[strict, t] if strict == 0 else limits[0, t]
            low, step = high, 1
            while low >= 0:
                b = bound(ground.score, ground.minimum_recall, t, low, p, n)
                if b > threshold or (strict == 0 and b == threshold):
                    break
                high = low - 1
                low -= step
                step *= 2
            low = max(low, -1)
            while low < high:
                middle = (low + high + 1) >> 1
                b = bound(ground.score, ground.minimum_recall, t, middle, p, n)
                if b > threshold or (strict == 0 and b == threshold):
                    low = middle
                else:
                    high = middle - 1
            limits[strict, t] = low
    for t in range(p + 1):
        limits[2, t] = limits[1, t]
    if limits[2, p] == 0 and limits[2, p - 1] < 0:  # or the limit would fall as t rises
        limits[2, p] = -1


@inner
def _load(out: Words, at: Scalar, matrix: Words, row: Scalar, inverted: Scalar, mask: Words) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    for w in range(out.shape[1]):
        out[at, w] = (matrix[row, w] ^ flip) & mask[w]


@inner
def _join(out: Words, at: Scalar, matrix: Words, row: Scalar, inverted: Scalar, mask: Words, operator: Scalar) -> None:
    flip = ~np.uint64(0) if inverted else np.uint64(0)
    if operator == 1:
        for w in range(out.shape[1]):
            out[at, w] &= matrix[row, w] ^ flip
    else:
        for w in range(out.shape[1]):
            out[at, w] |= (matrix[row, w] ^ flip) & mask[w]


@inner
def evaluate(
    matrix: Words, mask: Words, literal: NDArray[np.int32], entry: NDArray[np.int32], i: Scalar, out: Words
) -> None:
    """Write the extension of entry ``i`` over one side of the examples to ``out[0]``."""
    shape = entry[i, SHAPE]
    a = entry[i, LEAF]
    _load(out, np.int64(0), matrix, literal[a, ROW], literal[a, INVERTED], mask)
    if shape >= PAIRS_AND:
        b, c, d = entry[i, LEAF + 1], entry[i, LEAF + 2], entry[i, LEAF + 3]
        _join(out, np.int64(0), matrix, literal[b, ROW], literal[b, INVERTED], mask, CHAINS[shape, 1])
        _load(out, np.int64(1), matrix, literal[c, ROW], literal[c, INVERTED], mask)
        _join(out, np.int64(1), matrix, literal[d, ROW], literal[d, INVERTED], mask, CHAINS[shape, 1])
        for w in range(out.shape[1]):
            if shape == PAIRS_AND:
                out[0, w] &= out[1, w]
            else:
                out[0, w] |= out[1, w]
        return
    for k in range(1, CHAINS[shape, 0]):
        b = entry[i, LEAF + k]
        _join(out, np.int64(0), matrix, literal[b, ROW], literal[b, INVERTED], mask, CHAINS[shape, k])


@inner
def hash_words(words: Words, seed: Scalar) -> Scalar:
    """64 well-mixed bits of a row; two seeds make 128, at which equal hashes are taken as equal rows."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        x = words[w] ^ (np.uint64(w + 1) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed))
        x = (x ^ (x >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        x = (x ^ (x >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        total += x ^ (x >> np.uint64(32))
    return total


@inner
def _sort(rows: NDArray[np.int32], at: Scalar, start: Scalar, stop: Scalar) -> None:
    for i in range(start + 1, stop):
        x = rows[at, i]
        j = i - 1
        while j >= start and rows[at, j] > x:
            rows[at, j + 1] = rows[at, j]
            j -= 1
        rows[at, j + 1] = x


@inner
def canonical(entry: NDArray[np.int32], i: Scalar) -> None:
    """Put interchangeable leaves of one entry in ascending order, and derive its key."""
    shape = entry[i, SHAPE]
    count = CHAINS[shape, 0]
    if shape >= PAIRS_AND:
        _sort(entry, i, LEAF, LEAF + 2)
        _sort(entry, i, LEAF + 2, LEAF + 4)
        first, second = entry[i, LEAF], entry[i, LEAF + 2]
        if second < first or (second == first and entry[i, LEAF + 3] < entry[i, LEAF + 1]):
            for k in range(LEAF, LEAF + 2):
                entry[i, k], entry[i, k + 2] = entry[i, k + 2], entry[i, k]
    else:
        start = 0
        for k in range(2, count + 1):
            if k == count or CHAINS[shape, k] != CHAINS[shape, k - 1]:
                _sort(entry, i, LEAF + start, LEAF + k)
                start = k
    for k in range(4):
        entry[i, KEY + k] = entry[i, LEAF + k] if k < count else -1
    _sort(entry, i, KEY, KEY + count)


@inner
def compare(entry: NDArray[np.int32], i: Scalar, j: Scalar, start: Scalar) -> Scalar:
    """Negative, 0 or positive as the four columns from ``start`` of entry ``i`` precede those of entry ``j``."""
    for k in range(start, start + 4):
        if entry[i, k] != entry[j, k]:
            return -1 if entry[i, k] < entry[j, k] else 1
    return 0


@inner
def precedes(score: NDArray[np.float64], entry: NDArray[np.int32], i: Scalar, j: Scalar) -> Scalar:
    """Whether entry ``i`` ranks before entry ``j``."""
    if score[i] != score[j]:
        return score[i] > score[j]
    if entry[i, LENGTH] != entry[j, LENGTH]:
        return entry[i, LENGTH] < entry[j, LENGTH]
    order = compare(entry, i, j, KEY)
    if order == 0:
        order = entry[i, SHAPE] - entry[j, SHAPE]
    if order == 0:
        order = compare(entry, i, j, LEAF)
    return order < 0


@inner
def _renew(ground: Ground, pool: Pool) -> None:
    """Find the worst entry and the perfect one again, and derive the limits from them."""
    size = pool.score.shape[0] - 1
    if pool.state[COUNT] < size:
        return
    if pool.state[AIMED] and pool.entry[0, LENGTH] < UNBOUNDED:
        pool.threshold[0] = np.inf
        for row in range(pool.limits.shape[0]):
            for t in range(pool.limits.shape[1]):
                pool.limits[row, t] = -1
        pool.state[VERSION] += 1
        return
    worst = 0
    perfect = UNBOUNDED
    for i in range(size):
        if precedes(pool.score, pool.entry, worst, i):
            worst = i
        if pool.entry[i, TP] == ground.positives and pool.entry[i, FP] == 0:
            perfect = pool.entry[i, LENGTH]
    first = pool.state[WORST_LENGTH] == UNBOUNDED
    pool.state[WORST] = worst
    pool.state[WORST_LENGTH] = pool.entry[worst, LENGTH]
    pool.state[PERFECT_LENGTH] = perfect
    pool.state[VERSION] += 1
    if first or pool.score[worst] != pool.threshold[0]:
        pool.threshold[0] = pool.score[worst]
        _set_limits(ground, pool)


@inner
def _remember(pool: Pool, i: Scalar, source: Scalar) -> None:
    """Note the formula in slot ``source`` as equivalent to entry ``i``."""
    count = pool.entry[i, SAME]
    for k in range(count):
        known = True
        for m in range(5):
            known = known and pool.same[i, k, m] == pool.entry[source, SHAPE + m]
        if known:
            return
    if count < EQUIVALENTS:
        for m in range(5):
            pool.same[i, count, m] = pool.entry[source, SHAPE + m]
        pool.entry[i, SAME] = count + 1


@inner
def _store(pool: Pool, i: Scalar) -> None:
    """Copy the formula on offer to entry ``i``, whose equivalents stay."""
    new = pool.score.shape[0] - 1
    pool.score[i] = pool.score[new]
    for k in range(SAME):
        pool.entry[i, k] = pool.entry[new, k]
    for k in range(2):
        pool.hashes[i, k] = pool.hashes[new, k]


@inner
def write_offer(ground: Ground, pool: Pool, shape: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar) -> Scalar:
    """Write shape, leaves and length of a formula to the last slot; returns the number of its leaves."""
    entry, new = pool.entry, pool.score.shape[0] - 1
    entry[new, SHAPE] = shape
    entry[new, LEAF], entry[new, LEAF + 1], entry[new, LEAF + 2], entry[new, LEAF + 3] = a, b, c, d
    used = CHAINS[shape, 0]
    length = used - 1
    for k in range(used):
        length += ground.literal[entry[new, LEAF + k], LITERAL_LENGTH]
    entry[new, LENGTH] = length
    return used


@inner
def take_offer(pool: Pool) -> Scalar:
    """Put the formula on offer, with its key, counts, score and hashes, in its place; whether the entries changed.

    It stands with the entry of equal extension, if there is one; else it is added, or takes the place of the worst.
    """
    entry, state, new = pool.entry, pool.state, pool.score.shape[0] - 1
    length = entry[new, LENGTH]
    for i in range(state[COUNT]):
        if (
            pool.hashes[i, 0] == pool.hashes[new, 0]
            and pool.hashes[i, 1] == pool.hashes[new, 1]
            and entry[i, TP] == entry[new, TP]
            and entry[i, FP] == entry[new, FP]
        ):
            if entry[i, SHAPE] == entry[new, SHAPE] and compare(entry, i, new, LEAF) == 0:
                return False
            if precedes(pool.score, entry, new, i):
                if entry[i, LENGTH] == length:
                    _remember(pool, i, i)
                else:
                    entry[i, SAME] = 0
                _store(pool, i)
                return True
            if entry[i, LENGTH] == length:
                _remember(pool, i, new)
            return False
    i = state[WORST]
    if state[COUNT] < new:
        i = state[COUNT]
        state[COUNT] += 1
    _store(pool, i)
    entry[i, SAME] = 0
    return True


@inner
def offer(
    ground: Ground, pool: Pool, shape: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar, tp: Scalar, fp: Scalar
) -> None:
    """Keep a formula if it is among the best.

    Unused leaves are :data:`NONE`; ``fp`` may be -1, then both counts are taken here.
    """
    state, new = pool.state, pool.score.shape[0] - 1
    used = write_offer(ground, pool, shape, a, b, c, d)
    canonical(pool.entry, new)
    p, n = pool.positive_words, pool.negative_words
    if fp < 0:
        evaluate(ground.positive, ground.positive_mask, ground.literal, pool.entry, new, p)
        evaluate(ground.negative, ground.negative_mask, ground.literal, pool.entry, new, n)
        tp, fp = count_words(p[0]), count_words(n[0])
        state[WORK] += used * (p.shape[1] + n.shape[1])
    pool.entry[new, TP] = tp
    pool.entry[new, FP] = fp
    pool.score[new] = value(ground.score, ground.minimum_recall, tp, fp, ground.positives, ground.negatives)
    if state[COUNT] == new and not precedes(pool.score, pool.entry, new, state[WORST]):
        return
    evaluate(ground.positive, ground.positive_mask, ground.literal, pool.entry, new, p)
    evaluate(ground.negative, ground.negative_mask, ground.literal, pool.entry, new, n)
    state[WORK] += 2 * used * (p.shape[1] + n.shape[1])
    for k in range(2):
        pool.hashes[new, k] = hash_words(p[0], 2 * k) + np.uint64(3) * hash_words(n[0], 2 * k + 1)
    if take_offer(pool):
        _renew(ground, pool)


@inner
def hold_place(pool: Pool, threshold: Scalar) -> None:
    """Write the entry of :func:`aim`."""
    pool.score[0] = threshold
    pool.entry[0, LENGTH] = UNBOUNDED
    pool.entry[0, TP] = -1
    pool.state[COUNT] = 1
    pool.state[AIMED] = 1


@kernel
def aim(ground: Ground, pool: Pool, threshold: Scalar) -> None:
    """Make an empty pool for one formula wait for the first with at least this score, after which it takes none.

    The place is held by an entry of that score which is longer than any formula, so every formula that reaches
    the score precedes it. The threshold is infinite once one has come.
    """
    hold_place(pool, threshold)
    _renew(ground, pool)


@kernel
def rank(score: NDArray[np.float64], entry: NDArray[np.int32], order: NDArray[np.int64]) -> None:
    """Sort entries of a pool from best to worst."""
    for i in range(1, order.shape[0]):
        x = order[i]
        j = i - 1
        while j >= 0 and precedes(score, entry, x, order[j]):
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = x
