"""Literals over images in order of falling activation, as the kernels of the AUROC search read them.

With mid-ranks r (1 for the lowest activation) and N images, image i weighs c_i = 2 r_i - (N + 1). For a set S of
s images with total weight C the Mann-Whitney statistic gives AUROC(S) = 1/2 + C / (2 s (N - s)): two integers
decide everything. A row of 64 places is counted with few population counts: the weights in it are a base, plus
a unit times a number of 6 bits, rounded up, so that what is counted is never less than the total.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words
from .compiled import Scalar, inner, kernel, shared
from .pool import Ground
from .popcount import popcount64

PLANES = 6
STEPS = (1 << PLANES) - 1


class Ranking(NamedTuple):
    """All literals of one problem.

    Attributes
    ----------
    ground
        The literals as the pool knows them; its positives are the places, its negatives nobody.
    columns
        Word w of the extension of every literal in row w, shape (words, literals). Bit k of word w is the image
        at place 64 w + k.
    valid
        Which bits are in use, shape (words,).
    weight
        Weights of the places, falling, shape (64 words,).
    size
        Members of every literal, shape (literals,).
    place
        Place of every literal in the order of size, shape (literals,).
    base, unit, planes
        Rounded weights, shapes (words,), (words,), (words, 6), see :func:`round_weights`.
    n
        Number of images.
    least
        Fewest members and fewest others.
    shortest
        Length of the shortest literal.
    """

    ground: Ground
    columns: Words
    valid: Words
    weight: NDArray[np.int64]
    size: NDArray[np.int64]
    place: NDArray[np.int64]
    base: NDArray[np.int64]
    unit: NDArray[np.int64]
    planes: Words
    n: int
    least: int
    shortest: int


@shared
def round_weights(
    weight: NDArray[np.int64], count: Scalar, base: NDArray[np.int64], unit: NDArray[np.int64], planes: Words
) -> None:
    """Write for each word base, unit and planes so that base + unit * (plane bits) is at least the weight.

    Parameters
    ----------
    weight
        Weights of the places, of which the first ``count`` are in use.
    base, unit, planes
        Results, shapes (words,), (words,), (words, 6).
    """
    words = (count + 63) >> 6
    for w in range(words):
        stop = min(64, count - 64 * w)
        low, high = weight[64 * w], weight[64 * w]
        for k in range(1, stop):
            low = min(low, weight[64 * w + k])
            high = max(high, weight[64 * w + k])
        base[w] = low
        unit[w] = max(1, (high - low + STEPS - 1) // STEPS)
        for b in range(PLANES):
            planes[w, b] = np.uint64(0)
        for k in range(stop):
            steps = (weight[64 * w + k] - low + unit[w] - 1) // unit[w]
            for b in range(PLANES):
                planes[w, b] |= np.uint64((steps >> b) & 1) << np.uint64(k)


@inner
def total_of(weight: NDArray[np.int64], words: Words) -> Scalar:
    """Total weight of the members of a set."""
    total: Scalar = 0
    for w in range(words.shape[0]):
        word = words[w]
        while word:
            low = word & (~word + np.uint64(1))
            total += weight[64 * w + np.int64(popcount64(low - np.uint64(1)))]
            word ^= low
    return total


@kernel
def exact_totals(
    columns: Words,
    weight: NDArray[np.int64],
    inside: Words,
    size: NDArray[np.int64],
    total: NDArray[np.int64],
) -> None:
    """Number and total weight of the members that every literal has among some places.

    Parameters
    ----------
    columns
        Literals, shape (words, literals).
    weight
        Weights of the places.
    inside
        The places that count, shape (words,).
    size, total
        Results, shape (literals,).
    """
    literals = columns.shape[1]
    for i in range(literals):
        size[i] = 0
        total[i] = 0
    for w in range(columns.shape[0]):
        mask = inside[w]
        if not mask:
            continue
        low, high = weight[64 * w], weight[64 * w]
        for k in range(64):
            if (mask >> np.uint64(k)) & np.uint64(1):
                low = min(low, weight[64 * w + k])
                high = max(high, weight[64 * w + k])
        _add_counts(columns, w, mask, np.int64(1), size)
        if low != 0:
            _add_counts(columns, w, mask, low, total)
        b: Scalar = 0
        while (high - low) >> b:
            plane = np.uint64(0)
            for k in range(64):
                if (mask >> np.uint64(k)) & np.uint64(1):
                    plane |= np.uint64(((weight[64 * w + k] - low) >> b) & 1) << np.uint64(k)
            _add_counts(columns, w, plane, np.int64(1) << b, total)
            b += 1


@inner
def _add_counts(columns: Words, w: Scalar, mask: Scalar, factor: Scalar, out: NDArray[np.int64]) -> None:
    for i in range(columns.shape[1]):
        out[i] += factor * np.int64(popcount64(columns[w, i] & mask))


@inner
def add_word(
    columns: Words,
    w: Scalar,
    start: Scalar,
    count: Scalar,
    joined: Scalar,
    mask: Scalar,
    base: Scalar,
    unit: Scalar,
    planes: Words,
    size: NDArray[np.int64],
    total: NDArray[np.int64],
) -> None:
    """Add word ``w`` of ``count`` columns from ``start`` on, each united with ``joined``, as far as ``mask`` goes.

    What is added are the members in that word and their rounded weights.
    """
    p0, p1, p2 = planes[w, 0] & mask, planes[w, 1] & mask, planes[w, 2] & mask
    p3, p4, p5 = planes[w, 3] & mask, planes[w, 4] & mask, planes[w, 5] & mask
    for i in range(count):
        x = columns[w, i + start] | joined
        members = np.int64(popcount64(x & mask))
        steps = popcount64(x & p0) + (popcount64(x & p1) << np.uint64(1)) + (popcount64(x & p2) << np.uint64(2))
        steps += (popcount64(x & p3) << np.uint64(3)) + (popcount64(x & p4) << np.uint64(4))
        steps += popcount64(x & p5) << np.uint64(5)
        size[i] += members
        total[i] += base * members + unit * np.int64(steps)


@inner
def score_of(total: Scalar, size: Scalar, n: Scalar) -> Scalar:
    """AUROC of a set of ``size`` images with this total weight, correctly rounded up to n = 10^7."""
    product = size * (n - size)
    return (total + product) / (2 * product)


@shared
def reach(rank: Ranking, inside: Words, size: Scalar, total: Scalar) -> Scalar:
    """Highest AUROC of the sets that hold a settled part and any of the places ``inside``; -1 if none is big enough.

    For each number of members the highest activations are best: the highest of their running totals.

    Parameters
    ----------
    inside
        The open places, shape (words,).
    size, total
        Number and total weight of the settled members.
    """
    best = -1.0
    if rank.least <= size <= rank.n - rank.least:
        best = score_of(total, size, rank.n)
    for w in range(inside.shape[0]):
        word = inside[w]
        while word:
            low = word & (~word + np.uint64(1))
            size += 1
            total += rank.weight[64 * w + np.int64(popcount64(low - np.uint64(1)))]
            word ^= low
            if rank.least <= size <= rank.n - rank.least:
                best = max(best, score_of(total, size, rank.n))
    return best
