"""Beam search: the best formulas of each size, extended by one literal at a time."""

from __future__ import annotations

from .compiled import kernel
from .forms import lim
from .pool import COUNT, NONE, WORK, Ground, Pool, evaluate, make_pool, offer
from .popcount import count_signed, count_with, count_words, remaining
from .shape import AND, EXTEND, LITERAL, OR
from .universe import Scratch, Universe


@kernel
def _singles(ground: Ground, pool: Pool, beam: Pool, u: Universe) -> None:
    for i in u.by_f:
        if u.f[i] <= max(lim(pool, u, u.t[i], 0), lim(beam, u, u.t[i], 0)):
            offer(ground, pool, LITERAL, i, NONE, NONE, NONE)
            offer(ground, beam, LITERAL, i, NONE, NONE, NONE)


@kernel
def _extend(
    ground: Ground, pool: Pool, beam: Pool, u: Universe, s: Scratch, before: Pool, entry: int, operator: int
) -> None:
    """Offer every extension of one formula by one literal to the pool and to the next beam."""
    inside = operator == AND
    _, _, other_p, other_n = pool.words
    shape, leaves = before.shape[entry], before.leaves
    evaluate(ground, ground.positive, ground.positive_mask, shape, leaves, entry, s.cp, other_p)
    evaluate(ground, ground.negative, ground.negative_mask, shape, leaves, entry, s.c, other_n)
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
    while used < 4 and leaves[entry, used] >= 0:
        used += 1
    for i in u.by_f:
        t = t0 + count_with(u.literal, i, s.cp)
        limit = max(lim(pool, u, t, 0), lim(beam, u, t, 0))
        pool.state[WORK] += 8
        if f0 + max(0, u.f[i] + size - u.n) > limit:
            continue
        pool.state[WORK] += s.c.shape[0]
        f = f0 + count_signed(u.negative, ground.row[i], ground.inverted[i], s.c, s.rest_c, limit - f0)
        if f > limit:
            continue
        a, b, c, d = leaves[entry, 0], leaves[entry, 1], leaves[entry, 2], leaves[entry, 3]
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
                    _extend(ground, pool, following, u, s, beam, i, operator)
        beam = following
