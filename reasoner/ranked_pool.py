"""The k best formulas by AUROC: the pool of the other searches, with another score and nothing but places."""

from __future__ import annotations

from .compiled import Scalar, inner, kernel
from .pool import (
    AIMED,
    COUNT,
    FP,
    LEAF,
    LENGTH,
    LITERAL_LENGTH,
    SAME,
    SHAPE,
    TP,
    UNBOUNDED,
    WORK,
    WORST,
    WORST_LENGTH,
    Pool,
    canonical,
    compare,
    evaluate,
    hash_words,
    precedes,
    remember,
    store,
)
from .ranking import Ranking, score_of
from .shape import CHAINS

OUT_OF_REACH = 2.0  # above any AUROC


@inner
def _renew(pool: Pool) -> None:
    """Find the worst entry of a full pool again."""
    size = pool.score.shape[0] - 1
    if pool.state[COUNT] < size:
        return
    worst = 0
    for i in range(size):
        if precedes(pool.score, pool.entry, worst, i):
            worst = i
    pool.state[WORST] = worst
    pool.state[WORST_LENGTH] = pool.entry[worst, LENGTH]
    pool.threshold[0] = pool.score[worst]
    if pool.state[AIMED] and pool.entry[0, LENGTH] < UNBOUNDED:
        pool.threshold[0] = OUT_OF_REACH


@kernel
def aim_ranked(pool: Pool, threshold: Scalar) -> None:
    """Make an empty pool for one formula wait for the first with at least this score, after which it takes none.

    As :func:`~neurontology.reasoner.pool.aim`.
    """
    pool.score[0] = threshold
    pool.entry[0, LENGTH] = UNBOUNDED
    pool.entry[0, TP] = -1
    pool.state[COUNT] = 1
    pool.state[AIMED] = 1
    _renew(pool)


@inner
def offer_ranked(
    rank: Ranking, pool: Pool, shape: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar, size: Scalar, total: Scalar
) -> None:
    """Keep a formula of so many members and of this total weight if it is among the best.

    Its members are enough, and not too many.
    """
    new = pool.score.shape[0] - 1
    entry, score, state = pool.entry, pool.score, pool.state
    score[new] = score_of(total, size, rank.n)
    if score[new] < pool.threshold[0]:
        return
    ground = rank.ground
    entry[new, SHAPE] = shape
    entry[new, LEAF], entry[new, LEAF + 1], entry[new, LEAF + 2], entry[new, LEAF + 3] = a, b, c, d
    used = CHAINS[shape, 0]
    length = used - 1
    for k in range(used):
        length += ground.literal[entry[new, LEAF + k], LITERAL_LENGTH]
    entry[new, LENGTH] = length
    entry[new, TP] = size
    entry[new, FP] = 0
    count = state[COUNT]
    if count == new and score[new] == pool.threshold[0] and length > state[WORST_LENGTH]:
        return
    canonical(entry, new)
    if count == new and not precedes(score, entry, new, state[WORST]):
        return
    words = pool.positive_words
    evaluate(ground.positive, ground.positive_mask, ground.literal, entry, new, words)
    state[WORK] += 2 * used * words.shape[1]
    for k in range(2):
        pool.hashes[new, k] = hash_words(words[0], k)
    for i in range(count):
        if pool.hashes[i, 0] == pool.hashes[new, 0] and pool.hashes[i, 1] == pool.hashes[new, 1]:
            if entry[i, SHAPE] == shape and compare(entry, i, new, LEAF) == 0:
                return
            if precedes(score, entry, new, i):
                if entry[i, LENGTH] == length:
                    remember(pool, i, i)
                else:
                    entry[i, SAME] = 0
                store(pool, i)
                _renew(pool)
            elif entry[i, LENGTH] == length:
                remember(pool, i, new)
            return
    if count < new:
        i = count
        state[COUNT] = count + 1
    else:
        i = state[WORST]
    store(pool, i)
    entry[i, SAME] = 0
    _renew(pool)


@inner
def may_enter(pool: Pool, bound: Scalar, length: Scalar) -> Scalar:
    """Whether a formula of at most this score and at least this length may be among the best."""
    if pool.state[WORST_LENGTH] < UNBOUNDED and length > pool.state[WORST_LENGTH]:
        return bound > pool.threshold[0]
    return bound >= pool.threshold[0]
