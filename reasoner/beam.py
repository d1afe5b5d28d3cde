"""Beam search: the best formulas of each size, extended by one literal at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import kernel
from .pool import COUNT, LEAF, NODES, NONE, SHAPE, WORK, Ground, Pool, evaluate, lim, make_pool, offer
from .popcount import count_columns, count_signed, count_words, remaining
from .shape import AND, CHAINS, EXTEND, LITERAL, OR
from .universe import COUNTS, FALSE, ID, NEGATED, ROW_OF, TRUE, Scratch, Universe


@kernel
def _extend(
    ground: Ground,
    pool: Pool,
    beam: Pool,
    u: Universe,
    s: Scratch,
    before: NDArray[np.int32],
    entry: int,
    operator: int,
) -> None:
    """Offer every extension of a formula by one literal to the pool and to the next beam.

    The formula is entry ``entry`` of ``before``; without an operator it is the literals themselves.
    """
    literal, state = u.literal, pool.state
    size = literal.shape[1]
    if operator == 0:
        for i in range(size):
            t, f = literal[TRUE, i], literal[FALSE, i]
            for k in range(2):
                target = pool if k == 0 else beam
                if f <= lim(target.limits, target.state, t, 0):
                    offer(ground, target, LITERAL, literal[ID, i], NONE, NONE, NONE, np.int64(t), np.int64(f))
        return
    evaluate(ground.positive, ground.positive_mask, ground.literal, before, entry, pool.positive_words)
    evaluate(ground.negative, ground.negative_mask, ground.literal, before, entry, pool.negative_words)
    flip = np.uint64(0) if operator == AND else ~np.uint64(0)
    t0, f0 = 0, 0
    if operator == OR:
        t0, f0 = count_words(pool.positive_words[0]), count_words(pool.negative_words[0])
    for w in range(s.cp.shape[0]):
        s.cp[w] = u.positive_mask[w] & (pool.positive_words[0, w] ^ flip)
    for w in range(s.c.shape[0]):
        s.c[w] = u.negative_mask[w] & (pool.negative_words[0, w] ^ flip)
    remaining(s.c, s.rest_c)
    room = s.rest_c[0]
    shape = before[entry, SHAPE]
    joined = EXTEND[shape, operator - 1]
    used = CHAINS[shape, 0]
    a, b, c, d = before[entry, LEAF], before[entry, LEAF + 1], before[entry, LEAF + 2], NONE
    count_columns(u.columns, s.cp, 0, size, s.items[COUNTS])
    state[WORK] += size
    for i in range(size):
        t = t0 + s.items[COUNTS, i]
        limit = max(lim(pool.limits, state, t, 0), lim(beam.limits, beam.state, t, 0))
        if f0 + max(0, literal[FALSE, i] + room - u.n) > limit:
            continue
        f = f0 + count_signed(u.negative, literal[ROW_OF, i], literal[NEGATED, i], s.c, s.rest_c, limit - f0)
        state[WORK] += s.c.shape[0]
        state[NODES] += 1
        if f > limit:
            continue
        if used == 1:
            b = literal[ID, i]
        elif used == 2:
            c = literal[ID, i]
        else:
            d = literal[ID, i]
        for k in range(2):
            target = pool if k == 0 else beam
            if f <= lim(target.limits, target.state, t, 0):
                offer(ground, target, joined, a, b, c, d, np.int64(t), np.int64(f))


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
    _extend(ground, pool, beam, u, s, beam.entry, 0, 0)
    for _ in range(1, max_atoms):
        following = make_pool(ground, width)
        for i in range(beam.state[COUNT]):
            for operator, allowed in ((AND, conjunction), (OR, disjunction)):
                if allowed:
                    _extend(ground, pool, following, u, s, beam.entry, i, operator)
        beam = following
