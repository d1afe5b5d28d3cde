"""Exact search by AUROC: pairs of literals in the contexts that further literals make.

A formula of two to four leaves is a pair of literals, joined by AND or OR, in a context: nothing, ``C &`` or
``C |``, two of them nested, or another pair. A context settles some images as members and leaves others open.
Of the pairs in it those are counted that its bounds do not exclude.

Bounds. Let t = 2 * threshold - 1. A set S reaches the threshold iff C(S) >= t s (N - s). Where lo <= s <= hi,
s (N - s) >= lo hi + (N - lo - hi) s, so that a sum decides what cannot reach it: with v_i = c_i - t (N - lo - hi),
the v of the members must add up to t lo hi at least (for t < 0 the tangent in the middle takes the place of the
chord). Such a sum has a positive part p, which rises with the set, and a negative part n. Within the open images E
of a context, p(A & B) <= min(p(A), p(B)) and n(A & B) >= n(A) + n(B) - n(E); p(A | B) <= p(A) + p(B) and
n(A | B) >= max(n(A), n(B)). The sizes allowed are cut into a few ranges, each with bounds of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import Scalar, inner, kernel
from .pool import LITERAL_LENGTH, WORK, Pool
from .popcount import count_words, popcount64
from .ranked_pool import may_enter, offer_ranked
from .ranking import PLANES, Ranking, add_word, reach, round_weights, total_of
from .shape import AND, AND2, AND3, AND_OR, OR, OR2, OR3, OR_AND, PAIRS_AND, PAIRS_OR

RANGES = 12  # ranges of sizes, at most
BEND = 0.05  # share of s (N - s) by which a chord may be off; finer ranges exclude more pairs, but count some again
BUCKETS = 512  # of the sorting of literals
BLOCK = 512  # pairs counted at a time
FRACTION = 20  # bits behind the point of the threshold
MARGIN = 1e-3  # bounds are sums of at most a few million terms of integers, off by much less
FAR = np.int64(1) << np.int64(62)
NOBODY = np.int64(-1)  # no literal
NO_BITS, ALL_BITS = np.uint64(0), ~np.uint64(0)
# Kinds of tasks.
PAIRS, ONE, TWO, PAIR = 0, 1, 2, 3
# Columns of a task.
KIND, LITERAL, OPERATOR, FREE = 0, 1, 2, 3
# Slots of Scratch.state.
TASK, INNER, DONE = 0, 1, 2
# CHAIN[op1 - 1, op2 - 1, op3 - 1]: shape of ((a op1 b) op2 c) op3 d.
CHAIN = np.array([[[8, 13], [14, 11]], [[10, 15], [12, 9]]], dtype=np.int32)


class Scratch(NamedTuple):
    """Buffers of one search, for L literals and W words."""

    open: Words  # (3, W): open places of a context of up to three levels
    size: NDArray[np.int64]  # (L,): members among the open places
    total: NDArray[np.int64]  # (L,): their rounded total weight
    gain: NDArray[np.float64]  # (RANGES, L): upper bounds of p
    loss: NDArray[np.float64]  # (RANGES, L): lower bounds of n
    wanted: NDArray[np.int64]  # (L,): bits of the ranges for which a literal may do
    chosen: NDArray[np.int32]  # (L,)
    inner: NDArray[np.int32]  # (L,)
    packed: Words  # (W, L): chosen literals over the open places only
    hashes: Words  # (L,)
    table: NDArray[np.int32]  # (power of two >= 2 L,)
    order: NDArray[np.int32]  # (L,)
    number: NDArray[np.int32]  # (L,): literals of the sorted columns
    columns: Words  # (W, L): sorted columns
    key: NDArray[np.float64]  # (2, L): unsorted and sorted
    cap: NDArray[np.float64]  # (2, L)
    bucket: NDArray[np.int64]  # (BUCKETS + 1,)
    weight: NDArray[np.int64]  # (64 W,): weights of the open places
    base: NDArray[np.int64]  # (W,)
    unit: NDArray[np.int64]  # (W,)
    planes: Words  # (W, PLANES)
    moves: Words  # (PLANES,)
    low: NDArray[np.int64]  # (RANGES,): smallest size of a range
    high: NDArray[np.int64]  # (RANGES,)
    mark: NDArray[np.int64]  # (2, RANGES): places of positive v, among all and among the open ones
    slope: NDArray[np.float64]  # (RANGES,)
    need: NDArray[np.float64]  # (RANGES,): what the v of the open members must add up to
    gain_all: NDArray[np.float64]  # (RANGES,): p of all open places
    loss_all: NDArray[np.float64]  # (RANGES,)
    pair_size: NDArray[np.int64]  # (BLOCK,)
    pair_total: NDArray[np.int64]  # (BLOCK,)
    word: Words  # (W,): one pair
    state: NDArray[np.int64]  # (3,): task, place inside it, whether it was done


def make_scratch(rank: Ranking) -> Scratch:
    """Allocate the buffers for one search."""
    words, literals = rank.columns.shape
    table = 16
    while table < 2 * literals:
        table *= 2
    return Scratch(
        open=np.zeros((3, words), np.uint64),
        size=np.zeros(literals, np.int64),
        total=np.zeros(literals, np.int64),
        gain=np.zeros((RANGES, literals)),
        loss=np.zeros((RANGES, literals)),
        wanted=np.zeros(literals, np.int64),
        chosen=np.zeros(literals, np.int32),
        inner=np.zeros(literals, np.int32),
        packed=np.zeros((words, literals), np.uint64),
        hashes=np.zeros(literals, np.uint64),
        table=np.zeros(table, np.int32),
        order=np.zeros(literals, np.int32),
        number=np.zeros(literals, np.int32),
        columns=np.zeros((words, literals), np.uint64),
        key=np.zeros((2, literals)),
        cap=np.zeros((2, literals)),
        bucket=np.zeros(BUCKETS + 1, np.int64),
        weight=np.zeros(64 * words, np.int64),
        base=np.zeros(words, np.int64),
        unit=np.zeros(words, np.int64),
        planes=np.zeros((words, PLANES), np.uint64),
        moves=np.zeros(PLANES, np.uint64),
        low=np.zeros(RANGES, np.int64),
        high=np.zeros(RANGES, np.int64),
        mark=np.zeros((2, RANGES), np.int64),
        slope=np.zeros(RANGES),
        need=np.zeros(RANGES),
        gain_all=np.zeros(RANGES),
        loss_all=np.zeros(RANGES),
        pair_size=np.zeros(BLOCK, np.int64),
        pair_total=np.zeros(BLOCK, np.int64),
        word=np.zeros(words, np.uint64),
        state=np.zeros(3, np.int64),
    )


@inner
def _threshold(pool: Pool) -> Scalar:
    """2 * threshold - 1; below any score while the pool is not full."""
    return 2.0 * pool.threshold[0] - 1.0 if pool.threshold[0] >= 0.0 else -2.0


@inner
def _cut_sizes(low: Scalar, high: Scalar, n: Scalar, s: Scratch) -> Scalar:
    """Cut the sizes from ``low`` to ``high`` into ranges over each of which s (N - s) is nearly straight."""
    count: Scalar = 0
    while low <= high:
        stop = high
        if count < RANGES - 1:
            # The chord is off by (hi - lo)^2 / 4 at most.
            allowed = BEND * low * (n - low)
            stop = min(high, low + np.int64(2.0 * np.sqrt(allowed)))
        s.low[count], s.high[count] = low, stop
        count += 1
        low = stop + 1
    return count


@inner
def _open_weights(rank: Ranking, inside: Words, s: Scratch) -> Scalar:
    """Write the weights of the open places to ``s.weight``; returns their number."""
    count: Scalar = 0
    for w in range(inside.shape[0]):
        word = inside[w]
        while word:
            low = word & (~word + np.uint64(1))
            s.weight[count] = rank.weight[64 * w + np.int64(popcount64(low - np.uint64(1)))]
            count += 1
            word ^= low
    return count


@inner
def _set_ranges(
    rank: Ranking, s: Scratch, ranges: Scalar, t: Scalar, size: Scalar, total: Scalar, open_: Scalar
) -> None:
    """Derive from the threshold what the bounds of every range need."""
    for j in range(ranges):
        low, high = float(s.low[j]), float(s.high[j])
        slope = t * (rank.n - low - high)
        straight = low * high if t >= 0.0 else (low + high) * (low + high) / 4.0
        s.slope[j] = slope
        s.need[j] = t * straight + slope * size - total
        at, stop = 0, rank.n
        while at < stop:
            middle = (at + stop) >> 1
            if rank.weight[middle] > slope:
                at = middle + 1
            else:
                stop = middle
        s.mark[0, j] = at
        s.gain_all[j] = 0.0
        s.loss_all[j] = 0.0
        for k in range(open_):
            v = s.weight[k] - slope
            if v > 0.0:
                s.gain_all[j] += v
            else:
                s.loss_all[j] -= v


@inner
def _mark(
    s: Scratch, j: Scalar, columns: Words, w: Scalar, mask: Scalar, base: Scalar, unit: Scalar, planes: Words
) -> None:
    """Note p of all literals, whose last part is in a masked word."""
    slope = s.slope[j]
    p0, p1, p2 = planes[w, 0] & mask, planes[w, 1] & mask, planes[w, 2] & mask
    p3, p4, p5 = planes[w, 3] & mask, planes[w, 4] & mask, planes[w, 5] & mask
    for i in range(columns.shape[1]):
        x = columns[w, i]
        members = np.int64(popcount64(x & mask))
        steps = popcount64(x & p0) + (popcount64(x & p1) << np.uint64(1)) + (popcount64(x & p2) << np.uint64(2))
        steps += (popcount64(x & p3) << np.uint64(3)) + (popcount64(x & p4) << np.uint64(4))
        steps += popcount64(x & p5) << np.uint64(5)
        upper = s.total[i] + base * members + unit * np.int64(steps)
        s.gain[j, i] = upper - slope * (s.size[i] + members)


@inner
def _tally(rank: Ranking, s: Scratch, inside: Words, ranges: Scalar) -> None:
    """Members of all literals among the open places, and bounds of their p and n in every range."""
    literals = rank.columns.shape[1]
    for i in range(literals):
        s.size[i] = 0
        s.total[i] = 0
    for w in range(rank.columns.shape[0]):
        for j in range(ranges):
            if s.mark[0, j] >> 6 == w:
                part = (np.uint64(1) << np.uint64(s.mark[0, j] & 63)) - np.uint64(1)
                _mark(s, j, rank.columns, w, inside[w] & part, rank.base[w], rank.unit[w], rank.planes)
        if inside[w]:
            base, unit = rank.base[w], rank.unit[w]
            add_word(rank.columns, w, 0, literals, NO_BITS, inside[w], base, unit, rank.planes, s.size, s.total)
    for j in range(ranges):
        slope = s.slope[j]
        if s.mark[0, j] >> 6 >= rank.columns.shape[0]:
            for i in range(literals):
                s.gain[j, i] = s.total[i] - slope * s.size[i]
        for i in range(literals):
            s.loss[j, i] = max(0.0, s.gain[j, i] - (s.total[i] - slope * s.size[i]))


@inner
def _choose(
    rank: Ranking, s: Scratch, ranges: Scalar, operator: Scalar, restriction: Scalar, size: Scalar, open_: Scalar
) -> Scalar:
    """List the literals that may be in a pair, and the ranges for which; returns how many there are.

    ``restriction`` is the place in the order of size beyond which (AND) or before which (OR) they must be.
    """
    count: Scalar = 0
    for i in range(rank.columns.shape[1]):
        members = s.size[i]
        if members == 0 or members == open_:
            continue
        if operator == AND:
            if rank.place[i] <= restriction:
                continue
        elif rank.place[i] >= restriction:
            continue
        wanted: Scalar = 0
        for j in range(ranges):
            if operator == AND:
                fits = s.gain[j, i] >= s.need[j] - MARGIN and size + members >= s.low[j]
            else:
                fits = s.gain_all[j] - s.loss[j, i] >= s.need[j] - MARGIN and size + members <= s.high[j]
            if fits:
                wanted |= 1 << j
        if wanted:
            s.wanted[i] = wanted
            s.chosen[count] = i
            count += 1
    return count


@inner
def _pack(rank: Ranking, s: Scratch, inside: Words, count: Scalar, open_: Scalar) -> None:
    """Write the chosen literals over the open places, close together, to ``s.packed``.

    Bits are moved by the compress of Warren (Hacker's Delight, 2nd edition, section 7-4).
    """
    words = (open_ + 63) >> 6
    for w in range(words):
        for k in range(count):
            s.packed[w, k] = np.uint64(0)
    at: Scalar = 0
    for w in range(inside.shape[0]):
        mask = inside[w]
        if not mask:
            continue
        m = mask
        mk = ~m << np.uint64(1)
        for b in range(6):
            mp = mk ^ (mk << np.uint64(1))
            mp ^= mp << np.uint64(2)
            mp ^= mp << np.uint64(4)
            mp ^= mp << np.uint64(8)
            mp ^= mp << np.uint64(16)
            mp ^= mp << np.uint64(32)
            mv = mp & m
            s.moves[b] = mv
            m = (m ^ mv) | (mv >> np.uint64(1 << b))
            mk &= ~mp
        bits = np.int64(popcount64(mask))
        to, shift = at >> 6, np.uint64(at & 63)
        v0, v1, v2, v3, v4, v5 = s.moves[0], s.moves[1], s.moves[2], s.moves[3], s.moves[4], s.moves[5]
        spills = (at & 63) + bits > 64
        for k in range(count):
            x = rank.columns[w, s.chosen[k]] & mask
            y = x & v0
            x = (x ^ y) | (y >> np.uint64(1))
            y = x & v1
            x = (x ^ y) | (y >> np.uint64(2))
            y = x & v2
            x = (x ^ y) | (y >> np.uint64(4))
            y = x & v3
            x = (x ^ y) | (y >> np.uint64(8))
            y = x & v4
            x = (x ^ y) | (y >> np.uint64(16))
            y = x & v5
            x = (x ^ y) | (y >> np.uint64(32))
            s.packed[to, k] |= x << shift
            if spills:
                s.packed[to + 1, k] |= x >> (np.uint64(64) - shift)
        at += bits


@inner
def _distinct(rank: Ranking, s: Scratch, count: Scalar, words: Scalar) -> Scalar:
    """Keep one of the chosen literals that agree on all open places: the shortest, then the first.

    Returns how many there are; ``s.order`` lists their places among the chosen.
    """
    for k in range(count):
        s.hashes[k] = np.uint64(0)
    for w in range(words):
        for k in range(count):
            x = (s.packed[w, k] + s.hashes[k]) * np.uint64(0xD6E8FEB86659FD93)
            s.hashes[k] = x ^ (x >> np.uint64(32))
    size = 16
    while size < 2 * count:
        size *= 2
    for x in range(size):
        s.table[x] = -1
    distinct: Scalar = 0
    last = size - 1
    for k in range(count):
        at = np.int64((s.hashes[k] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)) & last
        while True:
            place = s.table[at]
            if place < 0:
                s.table[at] = distinct
                s.order[distinct] = k
                distinct += 1
                break
            other = s.order[place]
            same = s.hashes[other] == s.hashes[k]
            if same:
                for w in range(words):
                    same = same and s.packed[w, other] == s.packed[w, k]
            if same:
                lengths = rank.ground.literal
                if lengths[s.chosen[k], LITERAL_LENGTH] < lengths[s.chosen[other], LITERAL_LENGTH]:
                    s.order[place] = k
                break
            at = (at + 1) & last
    return distinct


@inner
def _sort(s: Scratch, count: Scalar, words: Scalar) -> Scalar:
    """Sort the listed columns by key, roughly; returns the inverse of the width of a bucket."""
    low, high = s.key[0, 0], s.key[0, 0]
    for k in range(1, count):
        low = min(low, s.key[0, k])
        high = max(high, s.key[0, k])
    per = (BUCKETS - 1) / (high - low) if high > low else 0.0
    for b in range(BUCKETS + 1):
        s.bucket[b] = 0
    for k in range(count):
        s.bucket[np.int64((s.key[0, k] - low) * per) + 1] += 1
    for b in range(BUCKETS):
        s.bucket[b + 1] += s.bucket[b]
    for k in range(count):
        at = np.int64((s.key[0, k] - low) * per)
        to = s.bucket[at]
        s.bucket[at] = to + 1
        s.key[1, to] = s.key[0, k]
        s.cap[1, to] = s.cap[0, k]
        s.number[to] = s.chosen[s.inner[k]]
        for w in range(words):
            s.columns[w, to] = s.packed[w, s.inner[k]]
    # Every start has moved to the end of its bucket.
    return per


@inner
def _best_of(s: Scratch, count: Scalar, size: Scalar, total: Scalar, n: Scalar, least: Scalar, t: Scalar) -> Scalar:
    """Highest excess of a block's pairs over the threshold ``t``, a number of :data:`FRACTION` bits."""
    best = -FAR
    for i in range(count):
        members = size + s.pair_size[i]
        excess = ((total + s.pair_total[i]) << np.int64(FRACTION)) - t * members * (n - members)
        fits = least <= members and members <= n - least
        best = max(best, excess if fits else -FAR)
    return best


@inner
def _shape(operator: Scalar, second: Scalar, third: Scalar) -> Scalar:
    """Shape of ((a operator b) second c) third d; the last two may be 0."""
    if second == 0:
        return AND2 if operator == AND else OR2
    if third == 0:
        if operator == AND:
            return AND3 if second == AND else AND_OR
        return OR_AND if second == AND else OR3
    return CHAIN[operator - 1, second - 1, third - 1]


@inner
def _pairs(
    rank: Ranking,
    pool: Pool,
    s: Scratch,
    level: Scalar,
    size: Scalar,
    total: Scalar,
    operator: Scalar,
    restriction: Scalar,
    length: Scalar,
    shape: Scalar,
    c: Scalar,
    d: Scalar,
    tallied: Scalar,
    stop: Scalar,
) -> Scalar:
    """Offer the pairs of one operator in a context; returns whether it was done before the work ran out.

    Parameters
    ----------
    level
        Row of ``s.open`` with the open places.
    size, total
        Number and total weight of the settled members.
    operator
        What joins the pair.
    restriction
        As for :func:`_choose`.
    length
        Of the context, with its connectives.
    shape, c, d
        Shape of the formulas, and their leaves that are not in the pair.
    tallied
        Number of ranges if the last call was for the same context, else 0.
    stop
        Work at which to stop.

    Returns
    -------
    Number of ranges, or -1 when the work ran out.
    """
    n, least, inside = rank.n, rank.least, s.open[level]
    ranges = tallied
    open_: Scalar = 0
    if not tallied:
        open_ = _open_weights(rank, inside, s)
        ranges = _cut_sizes(max(least, size), min(n - least, size + open_), n, s)
        if ranges == 0:
            return 0
        _set_ranges(rank, s, ranges, _threshold(pool), size, total, open_)
        _tally(rank, s, inside, ranges)
        words = (open_ + 63) >> 6
        round_weights(s.weight, open_, s.base, s.unit, s.planes)
        pool.state[WORK] += rank.columns.shape[0] * rank.columns.shape[1]
    else:
        for w in range(inside.shape[0]):
            open_ += np.int64(popcount64(inside[w]))
    words = (open_ + 63) >> 6
    count = _choose(rank, s, ranges, operator, restriction, size, open_)
    if count < 2:
        return ranges
    _pack(rank, s, inside, count, open_)
    distinct = _distinct(rank, s, count, words)
    pool.state[WORK] += 4 * words * count
    shortest = length + 2 * rank.shortest + 1
    for j in range(ranges):
        gain, loss, need = s.gain_all[j], s.loss_all[j], s.need[j]
        room = loss - need if operator == AND else 2 * gain - loss - need
        listed: Scalar = 0
        for k in range(distinct):
            i = s.chosen[s.order[k]]
            if not (s.wanted[i] >> j) & 1:
                continue
            s.inner[listed] = s.order[k]
            s.key[0, listed] = s.loss[j, i] if operator == AND else gain - s.gain[j, i]
            s.cap[0, listed] = s.gain[j, i] if operator == AND else loss - s.loss[j, i]
            listed += 1
        if listed < 2:
            continue
        # Only literals that leave room for the smallest key of another.
        smallest = min(s.key[0, 0], s.key[0, 1])
        for k in range(listed):
            smallest = min(smallest, s.key[0, k])
        kept: Scalar = 0
        for k in range(listed):
            if s.key[0, k] + smallest <= room + s.cap[0, k] + MARGIN:
                s.inner[kept] = s.inner[k]
                s.key[0, kept] = s.key[0, k]
                s.cap[0, kept] = s.cap[0, k]
                kept += 1
        if kept < 2:
            continue
        per = _sort(s, kept, words)
        pool.state[WORK] += kept * (words + 4)
        start_key = s.key[0, 0]
        for k in range(kept):
            start_key = min(start_key, s.key[0, k])
        for a in range(kept - 1):
            limit = room + s.cap[1, a] - s.key[1, a] + MARGIN
            if limit < start_key:
                continue
            last = min((limit - start_key) * per, float(BUCKETS - 1))
            end = s.bucket[np.int64(last)]
            if end <= a + 1:
                continue
            t = np.int64(np.floor(_threshold(pool) * (1 << FRACTION))) - 1
            for start in range(a + 1, end, BLOCK):
                block = min(BLOCK, end - start)
                for i in range(block):
                    s.pair_size[i] = 0
                    s.pair_total[i] = 0
                for w in range(words):
                    joined, mask = NO_BITS, s.columns[w, a]
                    if operator == OR:
                        joined, mask = mask, ALL_BITS
                    base, unit = s.base[w], s.unit[w]
                    add_word(s.columns, w, start, block, joined, mask, base, unit, s.planes, s.pair_size, s.pair_total)
                pool.state[WORK] += words * block
                if _best_of(s, block, size, total, n, least, t) < 0:
                    continue
                for i in range(block):
                    members = size + s.pair_size[i]
                    if members < least or members > n - least:
                        continue
                    excess = ((total + s.pair_total[i]) << np.int64(FRACTION)) - t * members * (n - members)
                    if excess < 0:
                        continue
                    for w in range(words):
                        if operator == AND:
                            s.word[w] = s.columns[w, a] & s.columns[w, start + i]
                        else:
                            s.word[w] = s.columns[w, a] | s.columns[w, start + i]
                    exact = total
                    for w in range(words):
                        word = s.word[w]
                        while word:
                            low = word & (~word + np.uint64(1))
                            exact += s.weight[64 * w + np.int64(popcount64(low - np.uint64(1)))]
                            word ^= low
                    pool.state[WORK] += members
                    offer_ranked(rank, pool, shape, s.number[a], s.number[start + i], c, d, members, exact)
            if pool.state[WORK] > stop:
                return -1
            if not may_enter(pool, 1.0, shortest):
                return ranges
    return ranges


@inner
def _both(
    rank: Ranking,
    pool: Pool,
    s: Scratch,
    level: Scalar,
    size: Scalar,
    total: Scalar,
    free: Scalar,
    second: Scalar,
    c: Scalar,
    third: Scalar,
    d: Scalar,
    length: Scalar,
    stop: Scalar,
) -> Scalar:
    """Offer the pairs of both operators, as far as ``free`` (bits 1: AND, 2: OR) allows; whether it was done."""
    tallied: Scalar = 0
    for operator in range(1, 3):
        if not (free >> (operator - 1)) & 1:
            continue
        restriction: Scalar = NOBODY if operator == AND else FAR
        if operator == second:
            restriction = rank.place[c]
        tallied = _pairs(
            rank,
            pool,
            s,
            level,
            size,
            total,
            operator,
            restriction,
            length,
            _shape(operator, second, third),
            c,
            d,
            tallied,
            stop,
        )
        if tallied < 0:
            return False
    return True


@inner
def _open(rank: Ranking, s: Scratch, level: Scalar, literal: Scalar, operator: Scalar) -> Scalar:
    """Join a literal to a context: write what it leaves open to the next level; returns how many of it it settles."""
    settled = np.int64(0)
    for w in range(rank.columns.shape[0]):
        x = rank.columns[w, literal]
        if operator == AND:
            s.open[level + 1, w] = s.open[level, w] & x
        else:
            s.open[level + 1, w] = s.open[level, w] & ~x
            s.word[w] = s.open[level, w] & x
            settled += np.int64(popcount64(s.word[w]))
    return settled


@kernel
def work_through(
    rank: Ranking,
    pool: Pool,
    s: Scratch,
    tasks: NDArray[np.int64],
    bounds: NDArray[np.float64],
    stop: Scalar,
) -> None:
    """Go through tasks from ``s.state`` on until the work is done, or has run out.

    Parameters
    ----------
    tasks
        Kind, literal, operator and free operators of each, by falling bounds, shape (tasks, 4). PAIRS: the pairs
        without a context. ONE: the context of the literal, joined by the operator. TWO: all contexts inside that
        of the literal. PAIR: all contexts of a pair of the literal and a later one, which the operator joins;
        the other pair is joined by it, too, and both by the other operator.
    bounds
        No formula of a task scores more, shape (tasks,).
    stop
        Work at which to stop.
    """
    literal = rank.ground.literal
    literals = rank.columns.shape[1]
    for w in range(rank.columns.shape[0]):
        s.open[0, w] = rank.valid[w]
    s.state[DONE] = 0
    while s.state[TASK] < tasks.shape[0]:
        at = s.state[TASK]
        kind, d, operator, free = tasks[at, KIND], tasks[at, LITERAL], tasks[at, OPERATOR], tasks[at, FREE]
        if pool.state[WORK] > stop:
            return
        if kind == PAIRS:
            if not _both(rank, pool, s, 0, 0, 0, free, 0, NOBODY, 0, NOBODY, 0, stop):
                return
        elif kind == ONE:
            length = literal[d, LITERAL_LENGTH] + 1
            if may_enter(pool, bounds[at], length + 2 * rank.shortest + 1):
                size = _open(rank, s, 0, d, operator)
                total = total_of(rank.weight, s.word) if operator == OR else 0
                if not _both(rank, pool, s, 1, size, total, free, operator, d, 0, NOBODY, length, stop):
                    return
        elif kind == TWO:
            if may_enter(pool, bounds[at], literal[d, LITERAL_LENGTH] + 3 * rank.shortest + 3):
                size = _open(rank, s, 0, d, operator)
                total = total_of(rank.weight, s.word) if operator == OR else 0
                open_ = count_words(s.open[1])
                while s.state[INNER] < 2 * literals:
                    c, second = s.state[INNER] >> 1, (s.state[INNER] & 1) + 1
                    if (free >> (second - 1)) & 1 and not _settled_order(rank, c, d, second, operator):
                        length = literal[c, LITERAL_LENGTH] + literal[d, LITERAL_LENGTH] + 2
                        more = _open(rank, s, 1, c, second)
                        left = count_words(s.open[2])
                        added = total_of(rank.weight, s.word) if second == OR else 0
                        pool.state[WORK] += 4 * rank.columns.shape[0]
                        if left > 0 and left < open_:
                            best = reach(rank, s.open[2], size + more, total + added)
                            if may_enter(pool, best, length + 2 * rank.shortest + 1):
                                done = _both(
                                    rank,
                                    pool,
                                    s,
                                    2,
                                    size + more,
                                    total + added,
                                    free,
                                    second,
                                    c,
                                    operator,
                                    d,
                                    length,
                                    stop,
                                )
                                if not done:
                                    return
                    s.state[INNER] += 1
                    if pool.state[WORK] > stop:
                        break
                if s.state[INNER] < 2 * literals:
                    return
        else:
            while s.state[INNER] < literals - 1 - d:
                c = d + 1 + s.state[INNER]
                length = literal[c, LITERAL_LENGTH] + literal[d, LITERAL_LENGTH] + 2
                size = _open_pair(rank, s, d, c, operator)
                total = total_of(rank.weight, s.word) if operator == AND else 0
                pool.state[WORK] += 4 * rank.columns.shape[0]
                if may_enter(pool, reach(rank, s.open[1], size, total), length + 2 * rank.shortest + 1):
                    restriction: Scalar = NOBODY if operator == AND else FAR
                    shape = PAIRS_OR if operator == AND else PAIRS_AND
                    done = _pairs(rank, pool, s, 1, size, total, operator, restriction, length, shape, d, c, 0, stop)
                    if done < 0:
                        return
                s.state[INNER] += 1
                if pool.state[WORK] > stop:
                    break
            if s.state[INNER] < literals - 1 - d:
                return
        s.state[TASK] += 1
        s.state[INNER] = 0
    s.state[DONE] = 1


@inner
def _settled_order(rank: Ranking, c: Scalar, d: Scalar, second: Scalar, operator: Scalar) -> Scalar:
    """Whether the same context comes with the two literals exchanged."""
    if c == d:
        return True
    if second != operator:
        return False
    return rank.place[c] < rank.place[d] if operator == AND else rank.place[c] > rank.place[d]


@inner
def _open_pair(rank: Ranking, s: Scratch, a: Scalar, b: Scalar, operator: Scalar) -> Scalar:
    """Open the context ``(a | b) &`` or ``(a & b) |``; returns how many places it settles."""
    settled = np.int64(0)
    for w in range(rank.columns.shape[0]):
        if operator == OR:
            s.open[1, w] = rank.columns[w, a] | rank.columns[w, b]
        else:
            s.word[w] = rank.columns[w, a] & rank.columns[w, b]
            s.open[1, w] = rank.valid[w] & ~s.word[w]
            settled += np.int64(popcount64(s.word[w]))
    return settled
