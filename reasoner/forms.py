"""The exact search: every form of formula is enumerated from its outer literal, with admissible bounds.

A task is a form and an outer literal. With ``lim(t)`` the highest fp that still matters at t true positives
(non-decreasing in t), and with all counts over the universe:

- CONJUNCTIONS, outer C: C & A and C & A & B, where A and B come after C by ascending fp. Each of them removes
  at most as many negatives as it lacks, so f(CAB) >= f(CA) + f(CB) - f(C) must be at most lim(t).
- OR_ANDS, outer C: (A | B) & C. Both f(CA) and f(CB) must be at most lim(min(t(C), t(CA) + t(CB))).
- DISJUNCTIONS, outer C: C | A and C | A | B, where A and B come after C by descending tp.
- AND_ORS, outer A: (A & B) | C, where B comes after A by ascending fp.
- UNION_PAIRS and PAIR_UNIONS: (A | B) & (C | D) and (A & B) | (C & D), in :mod:`.pairs`.

True positives are counted first (few words); false positives only while they can stay within the limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import inner, kernel
from .pairs import pairs
from .pool import NODES, NONE, WORK, WORST_LENGTH, Ground, Pool, bound
from .popcount import count_signed, count_with, remaining
from .shape import AND2, AND3, AND_OR, OR2, OR3, OR_AND
from .universe import Scratch, Universe, load, narrow, narrow_positive, propose

CONJUNCTIONS, OR_ANDS, DISJUNCTIONS, AND_ORS, UNION_PAIRS, PAIR_UNIONS = 0, 1, 2, 3, 4, 5
FORMS = 6


@inner
def lim(pool: Pool, u: Universe, t: int, length: int) -> int:
    """Highest fp that a formula of this length, or a longer one, may have at ``t`` true positives."""
    strict = 1 if length > pool.state[WORST_LENGTH] else 0
    return pool.limits[strict, t + u.t0] - u.f0


@inner
def _false(
    ground: Ground, u: Universe, i: int, words: Words, rest: NDArray[np.int64], limit: int, pool: Pool
) -> int:
    """Negatives of literal ``i`` within ``words``, or any number above the limit."""
    pool.state[WORK] += words.shape[0] + 8
    pool.state[NODES] += 1
    return count_signed(u.negative, ground.row[i], ground.inverted[i], words, rest, limit)


@inner
def _ascending(s: Scratch, count: int) -> None:
    """Order the collected items by ascending ``item_f`` (Shell sort: short lists, little to compile)."""
    order, key = s.order, s.item_f
    for i in range(count):
        order[i] = i
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            x = order[i]
            j = i
            while j >= gap and (key[order[j - gap]], order[j - gap]) > (key[x], x):
                order[j] = order[j - gap]
                j -= gap
            order[j] = x
        gap //= 3


@inner
def conjunctions(
    ground: Ground, pool: Pool, u: Universe, s: Scratch, at: int, triples: bool, stop: int
) -> bool:
    """C & A and C & A & B for C at position ``at`` by ascending fp; False if the work exceeded ``stop``."""
    outer = u.by_f[at]
    t_c, f_c = u.t[outer], u.f[outer]
    base = u.length + ground.length[outer]
    load(s.c, ground, u, outer)
    remaining(s.c, s.rest_c)
    narrow_positive(s.cp, u.positive_mask, u, outer, True)
    shortest = base + u.shortest + 1
    best, count = 0, 0
    for k in range(at + 1, len(u.by_f)):
        a = u.by_f[k]
        lacks = u.n - u.f[a]
        partner = max(best, lacks) if triples else 0
        if f_c - lacks > lim(pool, u, t_c, shortest) + partner:
            break
        t = count_with(u.literal, a, s.cp)
        limit = lim(pool, u, t, shortest)
        pool.state[WORK] += 8
        if limit < 0 or f_c - lacks > limit + partner:
            continue
        f = _false(ground, u, a, s.c, s.rest_c, limit + partner, pool)
        if f > limit + partner:
            continue
        best = max(best, f_c - f)
        if f <= lim(pool, u, t, base + ground.length[a] + 1):
            propose(ground, pool, u, AND2, outer, a, NONE)
        s.item[count], s.item_t[count], s.item_f[count] = a, t, f
        count += 1
        if pool.state[WORK] > stop:
            return False
    if not triples:
        return True
    kept = 0
    for i in range(count):
        if s.item_f[i] <= lim(pool, u, s.item_t[i], shortest + u.shortest + 1) + best:
            s.item[kept], s.item_t[kept], s.item_f[kept] = s.item[i], s.item_t[i], s.item_f[i]
            kept += 1
    order = s.order
    _ascending(s, kept)
    for x in range(kept):
        i = order[x]
        a, t_a, f_a = s.item[i], s.item_t[i], s.item_f[i]
        with_a = base + ground.length[a] + 2
        loaded = False
        for y in range(x + 1, kept):
            j = order[y]
            b, t_b = s.item[j], s.item_t[j]
            low = f_a + s.item_f[j] - f_c
            if low > lim(pool, u, t_a, with_a + u.shortest):
                break
            length = with_a + ground.length[b]
            pool.state[WORK] += 1
            if low > lim(pool, u, min(t_a, t_b), length):
                continue
            if not loaded:
                narrow_positive(s.bp, s.cp, u, a, True)
                narrow(s.b, s.c, ground, u, a, True)
                remaining(s.b, s.rest_b)
                loaded = True
            t = count_with(u.literal, b, s.bp)
            limit = lim(pool, u, t, length)
            pool.state[WORK] += 8
            if limit < max(low, 0):
                continue
            if _false(ground, u, b, s.b, s.rest_b, limit, pool) <= limit:
                propose(ground, pool, u, AND3, outer, a, b)
            if pool.state[WORK] > stop:
                return False
    return True


@inner
def _descending(s: Scratch, count: int, highest: int) -> None:
    """Order the collected items by descending count ``item_t`` (a stable counting sort)."""
    start = np.zeros(highest + 2, np.int32)
    for i in range(count):
        start[highest - s.item_t[i] + 1] += 1
    for v in range(highest + 1):
        start[v + 1] += start[v]
    for i in range(count):
        v = highest - s.item_t[i]
        s.order[start[v]] = i
        start[v] += 1


@inner
def or_ands(ground: Ground, pool: Pool, u: Universe, s: Scratch, at: int, stop: int) -> bool:
    """(A | B) & C for C at position ``at`` by ascending fp; False if the work exceeded ``stop``."""
    outer = u.by_f[at]
    t_c, f_c = u.t[outer], u.f[outer]
    base = u.length + ground.length[outer]
    shortest = base + 2 * u.shortest + 2
    removed = u.n - f_c
    narrow_positive(s.cp, u.positive_mask, u, outer, True)
    count, highest = 0, 0
    for k in range(len(u.by_f)):
        a = u.by_f[k]
        if u.f[a] - removed > lim(pool, u, t_c, shortest):
            break
        if a == outer:
            continue
        t = count_with(u.literal, a, s.cp)
        highest = max(highest, t)
        s.item[count], s.item_t[count] = a, t
        count += 1
    pool.state[WORK] += 8 * count
    _descending(s, count, highest)
    load(s.c, ground, u, outer)
    remaining(s.c, s.rest_c)
    best, kept = -1, 0
    items = s.order  # overwritten from the front by what is kept
    for x in range(count):
        i = s.order[x]
        a, t = s.item[i], s.item_t[i]
        limit = lim(pool, u, min(t_c, t + (best if best >= 0 else t)), shortest)
        if limit < 0:
            break
        if u.f[a] - removed > limit:
            continue
        f = _false(ground, u, a, s.c, s.rest_c, limit, pool)
        if f <= limit:
            best = max(best, t)
            s.item_f[i] = f
            items[kept] = i
            kept += 1
        if pool.state[WORK] > stop:
            return False
    for x in range(kept):
        i = items[x]
        a, t_a, f_a = s.item[i], s.item_t[i], s.item_f[i]
        with_a = base + ground.length[a] + 2
        loaded = False
        for y in range(x + 1, kept):
            j = items[y]
            b, f_b = s.item[j], s.item_f[j]
            limit = lim(pool, u, min(t_c, t_a + s.item_t[j]), with_a + u.shortest)
            pool.state[WORK] += 1
            if limit < f_a:
                break
            if f_b > limit:
                continue
            if not loaded:
                narrow_positive(s.bp, s.cp, u, a, False)
            t = t_a + count_with(u.literal, b, s.bp)
            limit = lim(pool, u, t, with_a + ground.length[b])
            if not loaded and limit >= max(f_a, f_b):
                narrow(s.b, s.c, ground, u, a, False)
                remaining(s.b, s.rest_b)
                loaded = True
            pool.state[WORK] += 8
            if limit < max(f_a, f_b):
                continue
            if _false(ground, u, b, s.b, s.rest_b, limit - f_a, pool) <= limit - f_a:
                propose(ground, pool, u, OR_AND, a, b, outer)
            if pool.state[WORK] > stop:
                return False
    return True


@inner
def disjunctions(
    ground: Ground, pool: Pool, u: Universe, s: Scratch, at: int, triples: bool, stop: int
) -> bool:
    """C | A and C | A | B for C at position ``at`` by descending tp; False if the work exceeded ``stop``."""
    outer = u.by_t[at]
    t_c, f_c = u.t[outer], u.f[outer]
    base = u.length + ground.length[outer]
    shortest = base + u.shortest + 1
    narrow_positive(s.cp, u.positive_mask, u, outer, False)
    narrow(s.c, u.negative_mask, ground, u, outer, False)
    remaining(s.c, s.rest_c)
    best, count = 0, 0
    for k in range(at + 1, len(u.by_t)):
        a = u.by_t[k]
        partner = max(best, u.t[a]) if triples else 0
        if lim(pool, u, min(u.p, t_c + u.t[a] + partner), shortest) < f_c:
            break
        gain = count_with(u.literal, a, s.cp)
        limit = lim(pool, u, min(u.p, t_c + gain + partner), shortest)
        pool.state[WORK] += 8
        if limit < max(f_c, u.f[a]):
            continue
        f = f_c + _false(ground, u, a, s.c, s.rest_c, limit - f_c, pool)
        if f > limit:
            continue
        best = max(best, gain)
        if f <= lim(pool, u, t_c + gain, base + ground.length[a] + 1):
            propose(ground, pool, u, OR2, outer, a, NONE)
        s.item[count], s.item_t[count], s.item_f[count] = a, gain, f
        count += 1
        if pool.state[WORK] > stop:
            return False
    if not triples:
        return True
    _descending(s, count, best)
    for x in range(count):
        i = s.order[x]
        a, gain_a, f_a = s.item[i], s.item_t[i], s.item_f[i]
        with_a = base + ground.length[a] + 2
        loaded = False
        for y in range(x + 1, count):
            j = s.order[y]
            b, f_b = s.item[j], s.item_f[j]
            limit = lim(pool, u, min(u.p, t_c + gain_a + s.item_t[j]), with_a + u.shortest)
            pool.state[WORK] += 1
            if limit < f_a:
                break
            if f_b > limit:
                continue
            if not loaded:
                narrow_positive(s.bp, s.cp, u, a, False)
                narrow(s.b, s.c, ground, u, a, False)
                remaining(s.b, s.rest_b)
                loaded = True
            t = t_c + gain_a + count_with(u.literal, b, s.bp)
            limit = lim(pool, u, t, with_a + ground.length[b])
            pool.state[WORK] += 8
            if limit < max(f_a, f_b):
                continue
            if _false(ground, u, b, s.b, s.rest_b, limit - f_a, pool) <= limit - f_a:
                propose(ground, pool, u, OR3, outer, a, b)
            if pool.state[WORK] > stop:
                return False
    return True


@inner
def and_ors(ground: Ground, pool: Pool, u: Universe, s: Scratch, at: int, stop: int) -> bool:
    """(A & B) | C for A at position ``at`` by ascending fp; False if the work exceeded ``stop``."""
    a = u.by_f[at]
    t_a, f_a = u.t[a], u.f[a]
    base = u.length + ground.length[a] + 2
    shortest = base + 2 * u.shortest
    load(s.c, ground, u, a)
    remaining(s.c, s.rest_c)
    narrow_positive(s.cp, u.positive_mask, u, a, True)
    highest, pure = 0, 0
    for k in range(len(u.by_t)):
        c = u.by_t[k]
        if u.f[c] <= lim(pool, u, u.p, shortest):
            highest = max(highest, u.t[c])
            s.item[pure] = c
            pure += 1
    for k in range(at + 1, len(u.by_f)):
        b = u.by_f[k]
        low = max(0, f_a + u.f[b] - u.n)
        if low > lim(pool, u, min(u.p, t_a + highest), shortest):
            break
        t_g = count_with(u.literal, b, s.cp)
        limit = lim(pool, u, min(u.p, t_g + highest), shortest)
        pool.state[WORK] += 8
        if limit < low:
            continue
        f_g = _false(ground, u, b, s.c, s.rest_c, limit, pool)
        if f_g > limit:
            continue
        with_b = base + ground.length[b]
        loaded = False
        for x in range(pure):
            c = s.item[x]
            limit = lim(pool, u, min(u.p, t_g + u.t[c]), with_b + u.shortest)
            pool.state[WORK] += 1
            if limit < f_g:
                break
            if u.f[c] > limit:
                continue
            if not loaded:
                _outside(s, ground, u, b)
                loaded = True
            t = t_g + count_with(u.literal, c, s.bp)
            limit = lim(pool, u, t, with_b + ground.length[c])
            pool.state[WORK] += 8
            if limit < max(f_g, u.f[c]):
                continue
            if _false(ground, u, c, s.b, s.rest_b, limit - f_g, pool) <= limit - f_g:
                propose(ground, pool, u, AND_OR, a, b, c)
            if pool.state[WORK] > stop:
                return False
    return True


@inner
def _outside(s: Scratch, ground: Ground, u: Universe, b: int) -> None:
    """Write what is not in A & B to ``s.b`` and ``s.bp``; A is in ``s.c`` and ``s.cp``."""
    narrow(s.b, s.c, ground, u, b, True)
    for w in range(s.b.shape[0]):
        s.b[w] = u.negative_mask[w] & ~s.b[w]
    for w in range(s.bp.shape[0]):
        s.bp[w] = u.positive_mask[w] & ~(s.cp[w] & u.literal[b, w])
    remaining(s.b, s.rest_b)


@kernel
def run(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    form: NDArray[np.int8],
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: int,
    triples: bool,
    budget: int,
    node_stop: int,
) -> int:
    """Work through tasks in order of falling bounds, from ``start`` until about ``budget`` words are done.

    Returns the next task; the number of tasks when the rest cannot matter; ``-1 - task`` when that task alone
    exceeded the budget (it has to be run again with a larger one).
    """
    stop = pool.state[WORK] + budget
    for k in range(start, len(form)):
        if bounds[k] < pool.threshold[0]:
            return len(form)
        pool.state[WORK] += 4 * u.negative.shape[1]
        if form[k] == CONJUNCTIONS:
            done = conjunctions(ground, pool, u, s, at[k], triples, stop)
        elif form[k] == OR_ANDS:
            done = or_ands(ground, pool, u, s, at[k], stop)
        elif form[k] == DISJUNCTIONS:
            done = disjunctions(ground, pool, u, s, at[k], triples, stop)
        elif form[k] == AND_ORS:
            done = and_ors(ground, pool, u, s, at[k], stop)
        else:
            done = pairs(ground, pool, u, at[k], form[k] == UNION_PAIRS, stop)
        if not done:
            return k if k > start else -1 - k
        if pool.state[WORK] > stop or pool.state[NODES] >= node_stop:
            return k + 1
    return len(form)


@kernel
def task_bounds(ground: Ground, u: Universe, triples: bool, out: NDArray[np.float64]) -> None:
    """Bound of every form (rows) at every position (columns) of its order of literals.

    The steps (f, t) of the best one and best two literals with at most f false positives bound what the two
    other literals of a mixed form can add.
    """
    score, recall, p, n = ground.score, ground.minimum_recall, ground.positives, ground.negatives
    size = len(u.by_f)
    step_f = np.zeros(2 * u.p + 3, np.int64)
    step_one = np.zeros(2 * u.p + 3, np.int64)
    step_two = np.zeros(2 * u.p + 3, np.int64)
    steps, one, two = 0, -1, 0
    for k in range(size):
        t = u.t[u.by_f[k]]
        if t > one:
            one, two = t, max(one, 0)
        elif t > two:
            two = t
        else:
            continue
        step_f[steps], step_one[steps], step_two[steps] = u.f[u.by_f[k]], one, one + two
        steps += 1
    for k in range(size):
        c = u.by_f[k]
        t, f = u.t[c], u.f[c]
        removers = 3 if triples else 2
        low = max(0, removers * f - (removers - 1) * u.n)
        out[CONJUNCTIONS, k] = bound(score, recall, t + u.t0, low + u.f0, p, n)
        best_or, best_and = -np.inf, -np.inf
        if triples:
            for x in range(steps):
                low = max(0, step_f[x] - (u.n - f))
                best_or = max(best_or, bound(score, recall, min(t, step_two[x]) + u.t0, low + u.f0, p, n))
                low = max(step_f[x], 2 * f - u.n)
                best_and = max(
                    best_and, bound(score, recall, min(u.p, t + step_one[x]) + u.t0, low + u.f0, p, n)
                )
        out[OR_ANDS, k] = best_or
        out[AND_ORS, k] = best_and
        c = u.by_t[k]
        out[UNION_PAIRS, k] = bound(score, recall, u.p + u.t0, u.f0, p, n)
        low = max(0, 2 * f - u.n)
        out[PAIR_UNIONS, k] = bound(score, recall, min(u.p, t + u.t[u.by_t[0]]) + u.t0, low + u.f0, p, n)
        reach = min(u.p, (3 if triples else 2) * u.t[c])
        out[DISJUNCTIONS, k] = bound(score, recall, reach + u.t0, u.f[c] + u.f0, p, n)
