"""The k best formulas by AUROC: the pool of the other searches, with another score and nothing but places."""

from __future__ import annotations

from .compiled import Scalar, inner, kernel
from .pool import (
    AIMED,
    COUNT,
    FP,
    LENGTH,
    TP,
    UNBOUNDED,
    WORK,
    WORST,
    WORST_LENGTH,
    Pool,
    canonical,
    evaluate,
    hash_words,
    hold_place,
    precedes,
    take_offer,
    write_offer,
)
from .ranking import Ranking, score_of

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
    hold_place(pool, threshold)
    _renew(pool)


@inner
def offer_ranked(
    rank: Ranking, pool: Pool, shape: Scalar, a: Scalar, b: Scalar, c: Scalar, d: Scalar, size: Scalar, total: Scalar
) -> None:
    """Keep a formula of so many members and of this total weight if it is among the best.

    Its members are enough, and not too many.
    """
    state, new = pool.state, pool.score.shape[0] - 1
    score = score_of(total, size, rank.n)
    if score < pool.threshold[0]:
        return
    ground = rank.ground
    used = write_offer(ground, pool, shape, a, b, c, d)
    pool.score[new] = score
    pool.entry[new, TP] = size
    pool.entry[new, FP] = 0
    full = state[COUNT] == new
    if full and score == pool.threshold[0] and pool.entry[new, LENGTH] > state[WORST_LENGTH]:
        return
    canonical(pool.entry, new)
    if full and not precedes(pool.score, pool.entry, new, state[WORST]):
        return
    words = pool.positive_words
    evaluate(ground.positive, ground.positive_mask, ground.literal, pool.entry, new, words)
    state[WORK] += 2 * used * words.shape[1]
    for k in range(2):
        pool.hashes[new, k] = hash_words(words[0], k)
    if take_offer(pool):
        _renew(pool)


@inner
def may_enter(pool: Pool, bound: Scalar, length: Scalar) -> Scalar:
    """Whether a formula of at most this score and at least this length may be among the best."""
    if pool.state[WORST_LENGTH] < UNBOUNDED and length > pool.state[WORST_LENGTH]:
        return bound > pool.threshold[0]
    return bound >= pool.threshold[0]
