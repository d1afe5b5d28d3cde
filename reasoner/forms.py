"""The exact search: every form of formula is enumerated from its outer literal, with admissible bounds.

A task is a form and an outer literal. With ``lim(t)`` the highest fp that still matters at t true positives
(non-decreasing in t), and with all counts over the universe:

- conjunctions, outer C: C & A and C & A & B, where A and B come after C by ascending fp. Each of them removes
  at most as many negatives as it lacks, so f(CAB) >= f(CA) + f(CB) - f(C) must be at most lim(t).
- or_ands, outer C: (A | B) & C. Both f(CA) and f(CB) must be at most lim(min(t(C), t(CA) + t(CB))).
- disjunctions, outer C: C | A and C | A | B, where A and B come after C by descending tp.
- and_ors, outer A: (A & B) | C, where B comes after A by ascending fp.

True positives are counted first (few words); false positives only while they can stay within the limit.

Every kernel works through the tasks ``at[start:]``, which stand in order of falling ``bounds``, until about
``budget`` words are read. It returns the next task, the number of tasks when the rest cannot matter, or
``-1 - task`` when a task was broken off and has to be run again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import Scalar, inner, kernel
from .pool import NODES, NONE, VERSION, WORK, Ground, Pool, bound, lim, row_of
from .popcount import count_columns, count_signed, count_with, popcount64, remaining
from .shape import AND2, AND3, AND_OR, OR2, OR3, OR_AND
from .universe import (
    BUCKETS,
    CAPS,
    COUNTS,
    FALSE,
    GAINS,
    ITEM,
    ITEM_F,
    ITEM_T,
    NEGATED,
    ORDER,
    RADIX,
    ROW_OF,
    SIZE,
    SORTED,
    SORTED_F,
    SORTED_T,
    TRUE,
    Scratch,
    Universe,
    narrow,
    propose,
    rung_end,
    rung_of,
)

CONJUNCTIONS, OR_ANDS, DISJUNCTIONS, AND_ORS, UNION_PAIRS, PAIR_UNIONS = 0, 1, 2, 3, 4, 5
FORMS = 6
BLOCK = 512  # columns counted at a time
FEW = 40  # items sorted by insertion


@inner
def _by_fp(items: NDArray[np.int32], count: Scalar, highest: Scalar) -> None:
    """Order the collected items by ascending fp, none above ``highest``: stable, digit by digit."""
    order, key, bucket, room = items[ORDER], items[ITEM_F], items[BUCKETS], items[GAINS]
    for i in range(count):
        order[i] = i
    if count <= FEW:
        for i in range(1, count):
            j = i - 1
            while j >= 0 and key[order[j]] > key[i]:
                order[j + 1] = order[j]
                j -= 1
            order[j + 1] = i
        return
    shift = 0
    while highest >> shift > 0:
        for v in range(1 << RADIX):
            bucket[v] = 0
        for i in range(count):
            bucket[(key[i] >> shift) & ((1 << RADIX) - 1)] += 1
        before = 0
        for v in range(1 << RADIX):
            before, bucket[v] = before + bucket[v], before
        for i in range(count):
            v = (key[order[i]] >> shift) & ((1 << RADIX) - 1)
            room[bucket[v]] = order[i]
            bucket[v] += 1
        for i in range(count):
            order[i] = room[i]
        shift += RADIX


@inner
def _by_tp(items: NDArray[np.int32], count: Scalar, highest: Scalar) -> None:
    """Order the collected items by descending tp (a stable counting sort)."""
    key, order, start = items[ITEM_T], items[ORDER], items[BUCKETS]
    for v in range(highest + 2):
        start[v] = 0
    for i in range(count):
        start[highest - key[i] + 1] += 1
    for v in range(highest + 1):
        start[v + 1] += start[v]
    for i in range(count):
        v = highest - key[i]
        order[start[v]] = i
        start[v] += 1


@inner
def _arrange(items: NDArray[np.int32], count: Scalar, columns: Words, compact: Words) -> None:
    """Write the items in their order, and their positives, where a scan reads them one after the other."""
    for x in range(count):
        i = items[ORDER, x]
        for field in range(3):
            items[SORTED + field, x] = items[ITEM + field, i]
        for w in range(compact.shape[0]):
            compact[w, x] = columns[w, items[ITEM, i]]


@inner
def _with_tp(items: NDArray[np.int32], start: Scalar, stop: Scalar, least: Scalar) -> Scalar:
    """End of the sorted items (by descending tp) from ``start`` on that have at least so many."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if items[SORTED_T, middle] >= least:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _with_fp(items: NDArray[np.int32], start: Scalar, stop: Scalar, most: Scalar) -> Scalar:
    """End of the sorted items (by ascending fp) from ``start`` on that have at most so many."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if items[SORTED_F, middle] <= most:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _up_to(literal: NDArray[np.int32], limit: Scalar) -> Scalar:
    """Number of literals with at most ``limit`` false positives."""
    low, high = 0, literal.shape[1]
    while low < high:
        middle = (low + high) >> 1
        if literal[FALSE, middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _least(limits: NDArray[np.int32], state: NDArray[np.int64], f: Scalar, length: Scalar, high: Scalar) -> Scalar:
    """Fewest true positives at which ``f`` false positives are within the limit; ``high + 1`` if none up to high."""
    low, high = 0, high + 1
    while low < high:
        middle = (low + high) >> 1
        if lim(limits, state, middle, length) >= f:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def conjunctions(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: Scalar,
    triples: bool,
    budget: Scalar,
    node_stop: Scalar,
) -> Scalar:
    """Tasks of C & A and C & A & B; C is given by its place by ascending fp."""
    limits, state, literal, negative, items = pool.limits, pool.state, u.literal, u.negative, s.items
    stop = state[WORK] + budget
    width, t0, f0 = negative.shape[1] + 8, u.t0, u.f0
    for task in range(start, len(at)):
        if bounds[task] < pool.threshold[0]:
            return len(at)
        if state[WORK] > stop or state[NODES] >= node_stop:
            return task
        outer = at[task]
        t_c, f_c = literal[TRUE, outer], literal[FALSE, outer]
        base = u.length + literal[SIZE, outer]
        shortest = base + u.shortest + 1
        narrow(s.c, u.negative_mask, negative, literal[ROW_OF, outer], literal[NEGATED, outer], True)
        remaining(s.c, s.rest_c)
        narrow(s.cp, u.positive_mask, u.positive, outer, 0, True)
        state[WORK] += 4 * width
        enough = _least(limits, state, f0, shortest, t_c + t0) - t0
        if enough > t_c:
            continue
        rung = rung_of(enough)
        end = u.rungs[rung + 1]
        begin = rung_end(u.ladder, u.rungs[rung], end, outer + 1)
        best, count, block, counted = 0, 0, begin, begin
        for k in range(begin, end):
            a = u.ladder[k]
            lacks = u.n - literal[FALSE, a]
            partner = max(best, lacks) if triples else 0
            if f_c - lacks > lim(limits, state, t_c + t0, shortest) - f0 + partner:
                break
            if k == counted:
                block, counted = k, min(k + BLOCK, end)
                count_columns(u.ladder_columns, s.cp, block, counted, items[COUNTS], 0)
                state[WORK] += counted - block
                if state[WORK] > stop:
                    return -1 - task
            t = items[COUNTS, k - block]
            limit = lim(limits, state, t + t0, shortest) - f0
            if limit < 0 or f_c - lacks > limit + partner:
                continue
            f = count_signed(
                negative, u.spans, u.listed, literal[ROW_OF, a], literal[NEGATED, a], s.c, s.rest_c, limit + partner
            )
            state[WORK] += width
            state[NODES] += 1
            if f > limit + partner:
                continue
            best = max(best, f_c - f)
            if f <= lim(limits, state, t + t0, base + literal[SIZE, a] + 1) - f0:
                propose(ground, pool, u, AND2, outer, a, NONE, t, f)
            items[ITEM, count], items[ITEM_T, count], items[ITEM_F, count] = a, t, f
            count += 1
        if not triples:
            continue
        kept = 0
        for i in range(count):
            limit = lim(limits, state, items[ITEM_T, i] + t0, shortest + u.shortest + 1) - f0
            if limit >= 0 and items[ITEM_F, i] <= limit + best:
                for field in range(3):
                    items[field, kept] = items[field, i]
                kept += 1
        _by_fp(items, kept, f_c)
        _arrange(items, kept, u.columns, s.compact)
        for x in range(kept):
            a, t_a, f_a = items[SORTED, x], items[SORTED_T, x], items[SORTED_F, x]
            with_a = base + literal[SIZE, a] + 2
            most = lim(limits, state, t_a + t0, with_a + u.shortest) - f0
            end = _with_fp(items, x + 1, kept, most + f_c - f_a)
            if most < 0 or end == x + 1:
                continue
            narrow(s.bp, s.cp, u.positive, a, 0, True)
            count_columns(s.compact, s.bp, x + 1, end, items[GAINS], x + 1)
            state[WORK] += end - x
            loaded = False
            for y in range(x + 1, end):
                t = items[GAINS, y]
                least = max(0, f_a + items[SORTED_F, y] - f_c)
                if limits[row_of(state, with_a + u.shortest), t + t0] - f0 < least:
                    continue
                b = items[SORTED, y]
                limit = lim(limits, state, t + t0, with_a + literal[SIZE, b]) - f0
                if limit < least:
                    continue
                if not loaded:
                    narrow(s.b, s.c, negative, literal[ROW_OF, a], literal[NEGATED, a], True)
                    remaining(s.b, s.rest_b)
                    loaded = True
                f = count_signed(
                    negative, u.spans, u.listed, literal[ROW_OF, b], literal[NEGATED, b], s.b, s.rest_b, limit
                )
                state[WORK] += width
                state[NODES] += 1
                if f <= limit:
                    propose(ground, pool, u, AND3, outer, a, b, t, f)
            if state[WORK] > stop:
                return -1 - task
    return len(at)


@kernel
def or_ands(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: Scalar,
    triples: bool,
    budget: Scalar,
    node_stop: Scalar,
) -> Scalar:
    """Tasks of (A | B) & C; C is given by its place by ascending fp."""
    limits, state, literal, negative, items = pool.limits, pool.state, u.literal, u.negative, s.items
    stop = state[WORK] + budget
    width, t0, f0 = negative.shape[1] + 8, u.t0, u.f0
    for task in range(start, len(at)):
        if bounds[task] < pool.threshold[0]:
            return len(at)
        if state[WORK] > stop or state[NODES] >= node_stop:
            return task
        outer = at[task]
        t_c, f_c = literal[TRUE, outer], literal[FALSE, outer]
        base = u.length + literal[SIZE, outer]
        shortest = base + 2 * u.shortest + 2
        removed = u.n - f_c
        narrow(s.cp, u.positive_mask, u.positive, outer, 0, True)
        near = _up_to(literal, lim(limits, state, t_c + t0, shortest) - f0 + removed)
        if near == 0:
            continue
        enough = _least(limits, state, f0, shortest, t_c + t0) - t0
        if enough > t_c:
            continue
        rung = rung_of(enough - min(t_c, u.top[near - 1]))
        begin = u.rungs[rung]
        found = rung_end(u.ladder, begin, u.rungs[rung + 1], near) - begin
        count_columns(u.ladder_columns, s.cp, begin, begin + found, items[COUNTS], 0)
        state[WORK] += found + 4 * width
        highest = 0
        for k in range(found):
            highest = max(highest, items[COUNTS, k])
        for t in range(highest + 1):  # the most fp of a part with t in C, whatever its partner
            items[CAPS, t] = lim(limits, state, min(t_c, t + highest) + t0, shortest) - f0
            items[CAPS, t] = items[CAPS, t] + removed if items[CAPS, t] >= 0 else -1
        count = 0
        for k in range(found):
            a, t = u.ladder[begin + k], items[COUNTS, k]
            if literal[FALSE, a] <= items[CAPS, t] and a != outer:
                items[ITEM, count], items[ITEM_T, count] = a, t
                count += 1
        _by_tp(items, count, highest)
        narrow(s.c, u.negative_mask, negative, literal[ROW_OF, outer], literal[NEGATED, outer], True)
        remaining(s.c, s.rest_c)
        # Items come by falling t. One can join an earlier one if it brings what that needs (least), or a later
        # one if twice its own t would do.
        best, least, kept = -1, u.p + 1, 0
        for x in range(count):
            i = items[ORDER, x]
            a, t = items[ITEM, i], items[ITEM_T, i]
            reach = t + best if t >= least else 2 * t
            limit = lim(limits, state, min(t_c, reach) + t0, shortest) - f0
            if limit < 0:
                break
            if literal[FALSE, a] - removed > limit:
                continue
            f = count_signed(negative, u.spans, u.listed, literal[ROW_OF, a], literal[NEGATED, a], s.c, s.rest_c, limit)
            state[WORK] += width
            state[NODES] += 1
            if f <= limit:
                best = max(best, t)
                least = min(least, _least(limits, state, f + f0, shortest, t_c + t0) - t0 - t)
                items[ITEM_F, i] = f
                items[ORDER, kept] = i
                kept += 1
            if state[WORK] > stop:
                return -1 - task
        _arrange(items, kept, u.columns, s.compact)
        for x in range(kept):
            a, t_a, f_a = items[SORTED, x], items[SORTED_T, x], items[SORTED_F, x]
            with_a = base + literal[SIZE, a] + 2
            least = _least(limits, state, f_a + f0, with_a + u.shortest, t_c + t0) - t0
            if least > t_c:
                continue
            end = _with_tp(items, x + 1, kept, least - t_a)
            if end == x + 1:
                continue
            narrow(s.bp, s.cp, u.positive, a, 0, False)
            count_columns(s.compact, s.bp, x + 1, end, items[GAINS], x + 1)
            state[WORK] += end - x
            loaded = False
            for y in range(x + 1, end):
                t = t_a + items[GAINS, y]
                most = max(f_a, items[SORTED_F, y])
                if limits[row_of(state, with_a + u.shortest), t + t0] - f0 < most:
                    continue
                b = items[SORTED, y]
                limit = lim(limits, state, t + t0, with_a + literal[SIZE, b]) - f0
                if limit < most:
                    continue
                if not loaded:
                    narrow(s.b, s.c, negative, literal[ROW_OF, a], literal[NEGATED, a], False)
                    remaining(s.b, s.rest_b)
                    loaded = True
                f = f_a + count_signed(
                    negative, u.spans, u.listed, literal[ROW_OF, b], literal[NEGATED, b], s.b, s.rest_b, limit - f_a
                )
                state[WORK] += width
                state[NODES] += 1
                if f <= limit:
                    propose(ground, pool, u, OR_AND, a, b, outer, t, f)
            if state[WORK] > stop:
                return -1 - task
    return len(at)


@kernel
def disjunctions(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: Scalar,
    triples: bool,
    budget: Scalar,
    node_stop: Scalar,
) -> Scalar:
    """Tasks of C | A and C | A | B; C is given by its place by descending tp."""
    limits, state, literal, negative, items = pool.limits, pool.state, u.literal, u.negative, s.items
    stop = state[WORK] + budget
    width, t0, f0 = negative.shape[1] + 8, u.t0, u.f0
    for task in range(start, len(at)):
        if bounds[task] < pool.threshold[0]:
            return len(at)
        if state[WORK] > stop or state[NODES] >= node_stop:
            return task
        outer = u.by_t[at[task]]
        t_c, f_c = literal[TRUE, outer], literal[FALSE, outer]
        base = u.length + literal[SIZE, outer]
        shortest = base + u.shortest + 1
        narrow(s.cp, u.positive_mask, u.positive, outer, 0, False)
        narrow(s.c, u.negative_mask, negative, literal[ROW_OF, outer], literal[NEGATED, outer], False)
        remaining(s.c, s.rest_c)
        state[WORK] += 4 * width
        best, count = 0, 0
        for place in range(at[task] + 1, len(u.by_t)):
            a = u.by_t[place]
            partner = max(best, literal[TRUE, a]) if triples else 0
            if lim(limits, state, min(u.p, t_c + literal[TRUE, a] + partner) + t0, shortest) - f0 < f_c:
                break
            gain = count_with(u.positive, a, s.cp)
            limit = lim(limits, state, min(u.p, t_c + gain + partner) + t0, shortest) - f0
            state[WORK] += 4
            if limit < max(f_c, literal[FALSE, a]):
                continue
            f = f_c + count_signed(
                negative, u.spans, u.listed, literal[ROW_OF, a], literal[NEGATED, a], s.c, s.rest_c, limit - f_c
            )
            state[WORK] += width
            state[NODES] += 1
            if f > limit:
                continue
            best = max(best, gain)
            if f <= lim(limits, state, t_c + gain + t0, base + literal[SIZE, a] + 1) - f0:
                propose(ground, pool, u, OR2, outer, a, NONE, t_c + gain, f)
            items[ITEM, count], items[ITEM_T, count], items[ITEM_F, count] = a, gain, f
            count += 1
            if state[WORK] > stop:
                return -1 - task
        if not triples:
            continue
        _by_tp(items, count, best)
        _arrange(items, count, u.columns, s.compact)
        for x in range(count):
            a, f_a = items[SORTED, x], items[SORTED_F, x]
            t_a = t_c + items[SORTED_T, x]
            with_a = base + literal[SIZE, a] + 2
            least = _least(limits, state, f_a + f0, with_a + u.shortest, u.p + t0) - t0
            if least > u.p:
                continue
            end = _with_tp(items, x + 1, count, least - t_a)
            if end == x + 1:
                continue
            narrow(s.bp, s.cp, u.positive, a, 0, False)
            count_columns(s.compact, s.bp, x + 1, end, items[GAINS], x + 1)
            state[WORK] += end - x
            loaded = False
            for y in range(x + 1, end):
                t = t_a + items[GAINS, y]
                most = max(f_a, items[SORTED_F, y])
                if limits[row_of(state, with_a + u.shortest), t + t0] - f0 < most:
                    continue
                b = items[SORTED, y]
                limit = lim(limits, state, t + t0, with_a + literal[SIZE, b]) - f0
                if limit < most:
                    continue
                if not loaded:
                    narrow(s.b, s.c, negative, literal[ROW_OF, a], literal[NEGATED, a], False)
                    remaining(s.b, s.rest_b)
                    loaded = True
                f = f_a + count_signed(
                    negative, u.spans, u.listed, literal[ROW_OF, b], literal[NEGATED, b], s.b, s.rest_b, limit - f_a
                )
                state[WORK] += width
                state[NODES] += 1
                if f <= limit:
                    propose(ground, pool, u, OR3, outer, a, b, t, f)
            if state[WORK] > stop:
                return -1 - task
    return len(at)


@inner
def _caps(u: Universe, limits: NDArray[np.int32], state: NDArray[np.int64], length: Scalar, caps: Words) -> None:
    """Set ``caps[t]`` to the highest fp of a formula with t true positives that one more literal can rescue."""
    for t in range(u.p + 1):
        caps[t] = -1
        for k in range(u.steps.shape[1] - 1, -1, -1):
            limit = lim(limits, state, min(u.p, t + u.steps[1, k]) + u.t0, length) - u.f0
            if limit >= u.steps[0, k]:
                caps[t] = limit
                break


@kernel
def and_ors(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: Scalar,
    triples: bool,
    budget: Scalar,
    node_stop: Scalar,
) -> Scalar:
    """Tasks of (A & B) | C; A is given by its place by ascending fp."""
    limits, state, literal, negative, items = pool.limits, pool.state, u.literal, u.negative, s.items
    stop = state[WORK] + budget
    size, width, t0, f0 = literal.shape[1], negative.shape[1] + 8, u.t0, u.f0
    version, pure = np.int64(-1), 0
    for task in range(start, len(at)):
        if bounds[task] < pool.threshold[0]:
            return len(at)
        if state[WORK] > stop or state[NODES] >= node_stop:
            return task
        if version != state[VERSION]:
            version = state[VERSION]
            shortest = u.length + 3 * u.shortest + 2
            _caps(u, limits, state, shortest, items[CAPS])
            pure = 0
            for k in range(size):
                c = u.by_t[k]
                if literal[FALSE, c] <= lim(limits, state, u.p + t0, shortest) - f0:
                    items[ORDER, pure] = pure
                    items[ITEM, pure], items[ITEM_T, pure] = c, literal[TRUE, c]
                    items[ITEM_F, pure] = literal[FALSE, c]
                    pure += 1
            _arrange(items, pure, u.columns, s.compact)
        a = at[task]
        t_a, f_a = literal[TRUE, a], literal[FALSE, a]
        base = u.length + literal[SIZE, a] + 2
        narrow(s.c, u.negative_mask, negative, literal[ROW_OF, a], literal[NEGATED, a], True)
        remaining(s.c, s.rest_c)
        narrow(s.cp, u.positive_mask, u.positive, a, 0, True)
        near = _up_to(literal, items[CAPS, t_a] + u.n - f_a)
        enough = 0
        while enough <= t_a and items[CAPS, enough] < 0:
            enough += 1
        if enough > t_a:
            continue
        rung = rung_of(enough)
        end = rung_end(u.ladder, u.rungs[rung], u.rungs[rung + 1], near)
        begin = rung_end(u.ladder, u.rungs[rung], end, a + 1)
        count_columns(u.ladder_columns, s.cp, begin, end, items[COUNTS], 0)
        state[WORK] += end - begin + 4 * width
        for k in range(begin, end):
            b = u.ladder[k]
            t_g = items[COUNTS, k - begin]
            limit = items[CAPS, t_g]
            if limit < max(0, f_a + literal[FALSE, b] - u.n):
                continue
            f_g = count_signed(
                negative, u.spans, u.listed, literal[ROW_OF, b], literal[NEGATED, b], s.c, s.rest_c, limit
            )
            state[WORK] += width
            state[NODES] += 1
            if state[WORK] > stop:
                return -1 - task
            if f_g > limit:
                continue
            with_b = base + literal[SIZE, b]
            least = _least(limits, state, f_g + f0, with_b + u.shortest, u.p + t0) - t0
            end = _with_tp(items, 0, pure, least - t_g) if least <= u.p else 0
            if end == 0:
                continue
            for w in range(s.bp.shape[0]):
                s.bp[w] = u.positive_mask[w] & ~(s.cp[w] & u.positive[b, w])
            count_columns(s.compact, s.bp, 0, end, items[GAINS], 0)
            state[WORK] += end
            loaded = False
            for y in range(end):
                t = t_g + items[GAINS, y]
                most = max(f_g, items[SORTED_F, y])
                if limits[row_of(state, with_b + u.shortest), t + t0] - f0 < most:
                    continue
                c = items[SORTED, y]
                limit = lim(limits, state, t + t0, with_b + literal[SIZE, c]) - f0
                if limit < most:
                    continue
                if not loaded:
                    narrow(s.b, s.c, negative, literal[ROW_OF, b], literal[NEGATED, b], True)
                    for w in range(s.b.shape[0]):
                        s.b[w] = u.negative_mask[w] & ~s.b[w]
                    remaining(s.b, s.rest_b)
                    loaded = True
                f = f_g + count_signed(
                    negative, u.spans, u.listed, literal[ROW_OF, c], literal[NEGATED, c], s.b, s.rest_b, limit - f_g
                )
                state[WORK] += width
                state[NODES] += 1
                if f <= limit:
                    propose(ground, pool, u, AND_OR, a, b, c, t, f)
                if state[WORK] > stop:
                    return -1 - task
    return len(at)


@kernel
def reach_steps(u: Universe, gains: NDArray[np.int32], patience: Scalar, steps: NDArray[np.int32]) -> Scalar:
    """True positives that one literal, and a union of two, can have with at most so many false positives.

    Parameters
    ----------
    gains
        Room for one number for each literal.
    patience
        Columns to look at in finding unions exactly; after that sums of two counts bound them.
    steps
        Result: columns (fp, most tp of one, most tp of two), each better than the one before; room for
        ``2 p + 3``.

    Returns
    -------
    The number of steps.
    """
    last, one, two, work = 0, -1, 0, 0
    for k in range(u.literal.shape[1]):
        t = u.literal[TRUE, k]
        both = min(u.p, t + max(one, 0))
        if both > two and k > 0 and work < patience:
            flip = ~np.uint64(0)
            for i in range(k):
                gains[i] = 0
            for w in range(u.columns.shape[0]):
                word = u.columns[w, k] ^ flip
                for i in range(k):
                    gains[i] += np.int32(popcount64(u.columns[w, i] & word))
            best = 0
            for i in range(k):
                best = max(best, gains[i])
            both = t + best
            work += k
        if t <= one and both <= two:
            continue
        one, two = max(one, t), max(two, both)
        steps[0, last], steps[1, last], steps[2, last] = u.literal[FALSE, k], one, two
        last += 1
    return last


@kernel
def task_bounds(
    ground: Ground,
    u: Universe,
    triples: bool,
    steps: NDArray[np.int32],
    out: NDArray[np.float64],
) -> None:
    """Bound of every form (rows) at every place (columns) of its order of literals.

    ``steps`` come from :func:`reach_steps`.
    """
    literal, p, n, t0, f0 = u.literal, u.p, u.n, u.t0, u.f0
    score, recall, all_p, all_n = ground.score, ground.minimum_recall, ground.positives, ground.negatives
    for c in range(literal.shape[1]):
        t, f = literal[TRUE, c], literal[FALSE, c]
        removers = 3 if triples else 2
        low = max(0, removers * f - (removers - 1) * n)
        out[CONJUNCTIONS, c] = bound(score, recall, t + t0, low + f0, all_p, all_n)
        best_or, best_and = -np.inf, -np.inf
        if triples:
            for x in range(steps.shape[1]):
                low = max(0, steps[0, x] - (n - f))
                b = bound(score, recall, min(t, steps[2, x]) + t0, low + f0, all_p, all_n)
                best_or = max(best_or, b)
                low = max(steps[0, x], 2 * f - n)
                b = bound(score, recall, min(p, t + steps[1, x]) + t0, low + f0, all_p, all_n)
                best_and = max(best_and, b)
        out[OR_ANDS, c] = best_or
        out[AND_ORS, c] = best_and
        out[UNION_PAIRS, c] = bound(score, recall, p + t0, f0, all_p, all_n)
        low = max(0, 2 * f - n)
        reach = min(p, t + literal[TRUE, u.by_t[0]])
        out[PAIR_UNIONS, c] = bound(score, recall, reach + t0, low + f0, all_p, all_n)
        first = u.by_t[c]
        reach = min(p, (3 if triples else 2) * literal[TRUE, first])
        out[DISJUNCTIONS, c] = bound(score, recall, reach + t0, literal[FALSE, first] + f0, all_p, all_n)
