"""The two forms of four literals that are not chains: (A & B) | (C & D) and (A | B) & (C | D)."""

from __future__ import annotations

from .compiled import inner
from .pool import WORK, Ground, Pool, offer
from .popcount import count_with
from .shape import PAIRS_AND, PAIRS_OR
from .universe import Universe


@inner
def _count_pair(u: Universe, a: int, b: int, union: bool) -> int:
    both = count_with(u.literal, a, u.literal[b])
    return u.t[a] + u.t[b] - both if union else both


@inner
def pairs(ground: Ground, pool: Pool, u: Universe, at: int, union: bool, stop: int) -> bool:
    """Pairs of unions (``union``) or of intersections, A being the first of the four by ascending fp."""
    a = u.by_f[at]
    size = len(u.by_f)
    shortest = ground.length[a] + 3 * u.shortest + 3
    strict = 1 if shortest > pool.state[2] else 0
    shape = PAIRS_AND if union else PAIRS_OR
    highest = u.t[u.by_t[0]]
    for i in range(at + 1, size):
        b = u.by_f[i]
        t_g = _count_pair(u, a, b, union)
        low_g = u.f[b] if union else max(0, u.f[a] + u.f[b] - u.n)
        pool.state[WORK] += 8
        if union:
            reach_g = t_g
            low = 0
        else:
            reach_g = min(u.p, t_g + highest)
            low = low_g
        if pool.limits[strict, reach_g] < low:
            continue
        for j in range(at + 1, size):
            c = u.by_f[j]
            for k in range(j + 1, size):
                d = u.by_f[k]
                low_h = u.f[d] if union else max(0, u.f[c] + u.f[d] - u.n)
                low = max(0, low_g + low_h - u.n) if union else max(low_g, low_h)
                pool.state[WORK] += 1
                if low > pool.limits[strict, reach_g]:
                    break  # by ascending fp it only grows
                t_h = _count_pair(u, c, d, union)
                reach = min(t_g, t_h) if union else min(u.p, t_g + t_h)
                pool.state[WORK] += 8
                if pool.limits[strict, reach] >= low:
                    offer(ground, pool, shape, a, b, c, d)
            if pool.state[WORK] > stop:
                return False
    return True
