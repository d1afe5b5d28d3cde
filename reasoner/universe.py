"""Literals over the part of the examples that one literal leaves open, as the kernels read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import inner, kernel
from .pool import NONE, Ground, Pool, offer
from .popcount import CHUNK, count_words
from .shape import CHAINS, EXTEND


class Universe(NamedTuple):
    """A search space of formulas ``G`` or, with an outer literal D, ``D & G`` or ``D | G``.

    Only the examples that D leaves open are in it (those in D for a conjunction, those outside for a
    disjunction): ``p`` positives and ``n`` negatives, of which literal ``i`` has ``t[i]`` and ``f[i]``.
    ``t0`` and ``f0`` count the examples that D settles as members. ``by_f`` lists the literals by ascending
    ``f``, ``by_t`` by descending ``t``.
    """

    literal: Words
    negative: Words
    positive_mask: Words
    negative_mask: Words
    t: NDArray[np.int32]
    f: NDArray[np.int32]
    by_f: NDArray[np.int32]
    by_t: NDArray[np.int32]
    p: int
    n: int
    t0: int
    f0: int
    operator: int
    outer: int
    length: int
    shortest: int


class Scratch(NamedTuple):
    """Buffers of one thread."""

    c: Words
    b: Words
    cp: Words
    bp: Words
    rest_c: NDArray[np.int64]
    rest_b: NDArray[np.int64]
    item: NDArray[np.int32]
    item_t: NDArray[np.int32]
    item_f: NDArray[np.int32]
    order: NDArray[np.int32]


def make_scratch(ground: Ground) -> Scratch:
    """Allocate the buffers for problems of this size."""
    literals, p, n = len(ground.row), ground.positive.shape[1], ground.negative.shape[1]
    chunks = (n + CHUNK - 1) // CHUNK + 1
    return Scratch(
        *(np.zeros(words, np.uint64) for words in (n, n, p, p)),
        *(np.zeros(chunks, np.int64) for _ in range(2)),
        *(np.zeros(literals, np.int32) for _ in range(4)),
    )


@kernel
def _restrict(
    ground: Ground,
    positive_mask: Words,
    negative_mask: Words,
    literal: Words,
    negative: Words,
    t: NDArray[np.int32],
    f: NDArray[np.int32],
) -> None:
    for i in range(negative.shape[0]):
        for w in range(negative.shape[1]):
            negative[i, w] = ground.negative[i, w] & negative_mask[w]
    n = count_words(negative_mask)
    for i in range(literal.shape[0]):
        flip = ~np.uint64(0) if ground.inverted[i] else np.uint64(0)
        for w in range(literal.shape[1]):
            literal[i, w] = (ground.positive[ground.row[i], w] ^ flip) & positive_mask[w]
        t[i] = count_words(literal[i])
        inside = count_words(negative[ground.row[i]])
        f[i] = n - inside if ground.inverted[i] else inside


def make_universe(ground: Ground, operator: int = 0, outer: int = -1) -> Universe:
    """Make the universe of all examples, or of those that an outer literal leaves open."""
    positive_mask, negative_mask = ground.positive_mask, ground.negative_mask
    if operator:
        row = ground.row[outer]
        inside = bool(ground.inverted[outer]) != (operator == 1)
        positive, negative = ground.positive[row], ground.negative[row]
        positive_mask = positive_mask & (positive if inside else ~positive)
        negative_mask = negative_mask & (negative if inside else ~negative)
    literals = len(ground.row)
    literal = np.empty((literals, ground.positive.shape[1]), np.uint64)
    negatives = np.empty_like(ground.negative)
    t, f = np.empty(literals, np.int32), np.empty(literals, np.int32)
    _restrict(ground, positive_mask, negative_mask, literal, negatives, t, f)
    p, n = int(count_words(positive_mask)), int(count_words(negative_mask))
    return Universe(
        literal=literal,
        negative=negatives,
        positive_mask=positive_mask,
        negative_mask=negative_mask,
        t=t,
        f=f,
        by_f=np.lexsort((-t, f)).astype(np.int32),
        by_t=np.lexsort((f, -t)).astype(np.int32),
        p=p,
        n=n,
        t0=ground.positives - p if operator == 2 else 0,
        f0=ground.negatives - n if operator == 2 else 0,
        operator=operator,
        outer=outer,
        length=int(ground.length[outer]) + 1 if operator else 0,
        shortest=int(ground.length.min()),
    )


@inner
def load(out: Words, ground: Ground, u: Universe, i: int) -> None:
    """Write the negatives of literal ``i`` to ``out``."""
    flip = ~np.uint64(0) if ground.inverted[i] else np.uint64(0)
    row = ground.row[i]
    for w in range(out.shape[0]):
        out[w] = (u.negative[row, w] ^ flip) & u.negative_mask[w]


@inner
def narrow(out: Words, words: Words, ground: Ground, u: Universe, i: int, inside: bool) -> None:
    """Write the part of ``words`` inside (or outside) literal ``i`` to ``out``, over negatives."""
    flip = np.uint64(0) if ground.inverted[i] != inside else ~np.uint64(0)
    row = ground.row[i]
    for w in range(out.shape[0]):
        out[w] = words[w] & (u.negative[row, w] ^ flip)


@inner
def narrow_positive(out: Words, words: Words, u: Universe, i: int, inside: bool) -> None:
    """Write the part of ``words`` inside (or outside) literal ``i`` to ``out``, over positives."""
    flip = np.uint64(0) if inside else ~np.uint64(0)
    for w in range(out.shape[0]):
        out[w] = words[w] & (u.literal[i, w] ^ flip)


@inner
def propose(ground: Ground, pool: Pool, u: Universe, shape: int, a: int, b: int, c: int) -> None:
    """Offer a formula of the universe; with an outer literal only the largest are new."""
    if u.operator == 0:
        offer(ground, pool, shape, a, b, c, NONE)
    elif CHAINS[shape, 0] == 3:
        offer(ground, pool, EXTEND[shape, u.operator - 1], a, b, c, np.int32(u.outer))

