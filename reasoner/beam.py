"""Beam search: the best formulas of each size, extended by one literal at a time."""

from __future__ import annotations

import numba
import numpy as np

from .forms import lim
from .pool import COUNT, WORK, Ground, Pool, evaluate, make_pool, offer
from .popcount import count_signed, count_with, count_words, remaining
from .shape import AND, EXTEND, LITERAL, OR
from .universe import Scratch, Universe


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _singles(ground: Ground, pool: Pool, beam: Pool, u: Universe) -> None:
    for i in range(len(u.t)):
        if u.f[i] <= max(lim(pool, u, u.t[i], 0), lim(beam, u, u.t[i], 0)):
            offer(ground, pool, LITERAL, i, -1, -1, -1)
            offer(ground, beam, LITERAL, i, -1, -1, -1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _extend(
    ground: Ground, pool: Pool, beam: Pool, u: Universe, s: Scratch, shape: int, leaves: np.ndarray, operator: int
) -> None:
    """Offer every extension of one formula by one literal to the pool and to the next beam."""
    inside = operator == AND
    p, n, other_p, other_n = pool.words
    evaluate(ground, shape, leaves, True, s.cp, other_p)
    evaluate(ground, shape, leaves, False, s.c, other_n)
    t0, f0 = 0, 0
    if not inside:
        t0, f0 = count_words(s.cp), count_words(s.c)
        for w in range(s.cp.shape[0]):
            s.cp[w] = u.positive_mask[w] & ~s.cp[w]
        for w in range(s.c.shape[0]):
            s.c[w] = u.negative_mask[w] & ~s.c[w]
    remaining(s.c, s.rest_c)
    size = s.rest_c[0]
    joined = EXTEND[shape, operator - 1]
    used = 0
    while used < 4 and leaves[used] >= 0:
        used += 1
    for i in range(len(u.t)):
        t = t0 + count_with(u.literal, i, s.cp)
        limit = max(lim(pool, u, t, 0), lim(beam, u, t, 0))
        pool.state[WORK] += 8
        if f0 + max(0, u.f[i] + size - u.n) > limit:
            continue
        pool.state[WORK] += s.c.shape[0]
        f = f0 + count_signed(u.negative, ground.row[i], ground.inverted[i], s.c, s.rest_c, limit - f0)
        if f > limit:
            continue
        a, b, c, d = leaves[0], leaves[1], leaves[2], leaves[3]
        if used == 1:
            b = i
        elif used == 2:
            c = i
        else:
            d = i
        if f <= lim(pool, u, t, 0):
            offer(ground, pool, joined, a, b, c, d)
        if f <= lim(beam, u, t, 0):
            offer(ground, beam, joined, a, b, c, d)


def beam_search(
    ground: Ground,
    pool: Pool,
    u: Universe,
    s: Scratch,
    *,
    width: int,
    max_atoms: int,
    conjunction: bool,
    disjunction: bool,
) -> None:
    """Offer all literals, then extensions of the ``width`` best formulas of each size, to the pool."""
    beam = make_pool(ground, width)
    _singles(ground, pool, beam, u)
    for _ in range(1, max_atoms):
        following = make_pool(ground, width)
        for i in range(beam.state[COUNT]):
            for operator, allowed in ((AND, conjunction), (OR, disjunction)):
                if allowed:
                    _extend(ground, pool, following, u, s, beam.shape[i], beam.leaves[i].copy(), operator)
        beam = following
