"""The two forms of four literals that are not chains: (A & B) | (C & D) and (A | B) & (C | D)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import Scalar, inner, kernel
from .pool import NODES, WORK, Ground, Pool, lim, offer
from .popcount import count_with
from .shape import PAIRS_AND, PAIRS_OR
from .universe import FALSE, ID, SIZE, TRUE, Scratch, Universe

UNKNOWN = np.int64(-1)  # counts that offer() takes itself


@inner
def _count_pair(u: Universe, a: Scalar, b: Scalar, union: bool) -> Scalar:
    both = count_with(u.positive, a, u.positive[b])
    return u.literal[TRUE, a] + u.literal[TRUE, b] - both if union else both


@inner
def _pairs(
    ground: Ground,
    pool: Pool,
    u: Universe,
    at: NDArray[np.int32],
    bounds: NDArray[np.float64],
    start: Scalar,
    budget: Scalar,
    node_stop: Scalar,
    union: bool,
) -> Scalar:
    limits, state, literal = pool.limits, pool.state, u.literal
    stop = state[WORK] + budget
    size = literal.shape[1]
    shape = PAIRS_AND if union else PAIRS_OR
    highest = literal[TRUE, u.by_t[0]]
    for task in range(start, len(at)):
        if bounds[task] < pool.threshold[0]:
            return len(at)
        if state[WORK] > stop or state[NODES] >= node_stop:
            return task
        a = at[task]
        shortest = literal[SIZE, a] + 3 * u.shortest + 3
        for b in range(a + 1, size):
            t_g = _count_pair(u, a, b, union)
            # at the least: a union has the fp of its larger part, an intersection what cannot be avoided
            low_g = literal[FALSE, b] if union else max(0, literal[FALSE, a] + literal[FALSE, b] - u.n)
            reach_g = t_g if union else min(u.p, t_g + highest)
            state[WORK] += 8
            if lim(limits, state, reach_g, shortest) < (0 if union else low_g):
                continue
            for c in range(a + 1, size):
                for d in range(c + 1, size):
                    if union:
                        low = max(0, low_g + literal[FALSE, d] - u.n)
                    else:
                        low = max(low_g, literal[FALSE, c] + literal[FALSE, d] - u.n)
                    state[WORK] += 1
                    if low > lim(limits, state, reach_g, shortest):
                        break  # by ascending fp it only grows
                    t_h = _count_pair(u, c, d, union)
                    reach = min(t_g, t_h) if union else min(u.p, t_g + t_h)
                    state[WORK] += 4
                    if lim(limits, state, reach, shortest) >= low:
                        i, j, k, m = literal[ID, a], literal[ID, b], literal[ID, c], literal[ID, d]
                        state[NODES] += 1
                        offer(ground, pool, shape, i, j, k, m, UNKNOWN, UNKNOWN)
                if state[WORK] > stop:
                    return -1 - task
    return len(at)


@kernel
def union_pairs(
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
    """Tasks of (A | B) & (C | D), A being the first of the four by ascending fp."""
    return _pairs(ground, pool, u, at, bounds, start, budget, node_stop, True)


@kernel
def pair_unions(
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
    """Tasks of (A & B) | (C & D), A being the first of the four by ascending fp."""
    return _pairs(ground, pool, u, at, bounds, start, budget, node_stop, False)
