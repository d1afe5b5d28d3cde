"""The literals of one problem: atoms and complements, one for each distinct extension on the examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitset import Words, mask, word_count
from .compiled import kernel
from .counting import UnitCounts
from .distinct import DistinctRows
from .extents import gather
from .pool import Ground
from .popcount import padded, popcount64
from .score import Score
from .shared_atoms import LiteralOrder, SharedAtoms, literal_order
from .universe import count_inside

MOST_COPIED = 1 << 28
"""Bytes of the rows over a problem's negatives that are copied to be read faster, at most."""


@dataclass(frozen=True)
class Literals:
    """Representatives in order of preference, and what each stands for.

    ``atom`` and ``negated`` list all literals, grouped by extension; group ``i`` has the places ``start[i]`` to
    ``stop[i]`` and belongs to representative ``i``, which comes first. Only literals as long as the
    representative are in its group. ``counts`` and ``lists`` are those of the ground's rows that
    :func:`~neurontology.reasoner.universe.make_universe` takes.
    """

    ground: Ground
    atom: NDArray[np.int64]
    negated: NDArray[np.bool_]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    counts: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    lists: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None

    def members(self, i: int) -> list[tuple[int, bool]]:
        """Return (atom, negated) of the literals that have the extension and length of representative ``i``."""
        span = slice(self.start[i], self.stop[i])
        return list(zip(self.atom[span].tolist(), self.negated[span].tolist(), strict=True))


@kernel
def _select(extents: Words, words: NDArray[np.int64], keep: Words, out: Words) -> None:
    for i in range(extents.shape[0]):
        for k in range(words.shape[0]):
            out[i, k] = extents[i, words[k]] & keep[k]


@kernel
def _gather_counted(extents: Words, columns: NDArray[np.int64], counts: NDArray[np.int64], out: Words) -> None:
    """As :func:`gather`, of rows of which it is known how many of the bits they have."""
    for i in range(extents.shape[0]):
        missing = counts[i]
        for k in range(columns.shape[0]):
            if missing == 0:
                break
            column = columns[k]
            bit = (extents[i, column >> 6] >> np.uint64(column & 63)) & np.uint64(1)
            out[i, k >> 6] |= bit << np.uint64(k & 63)
            missing -= np.int64(bit)


@kernel
def _hash_rows(rows: Words, mask: Words, weights: Words, chosen: NDArray[np.int64], out: Words) -> None:
    """Add the weights of the bits of chosen rows, as far as they are in the mask, to their rows of ``out``."""
    for c in range(chosen.shape[0]):
        i = chosen[c]
        first, second = np.uint64(0), np.uint64(0)
        for w in range(mask.shape[0]):
            word = rows[i, w] & mask[w]
            while word:
                low = word & (~word + np.uint64(1))
                bit = 64 * w + np.int64(popcount64(low - np.uint64(1)))
                first += weights[bit, 0]
                second += weights[bit, 1]
                word ^= low
        out[i, 0] += first
        out[i, 1] += second


@lru_cache(maxsize=4)
def _bit_weights(words: int) -> tuple[Words, Words]:
    """Two random numbers for each bit of a row, on either side, by which sets are hashed (Zobrist 1970)."""
    numbers = np.random.default_rng(0).integers(0, 1 << 64, (2, 64 * words, 2), np.uint64, endpoint=False)
    return numbers[0], numbers[1]


def restrict(
    extents: Words, columns: NDArray[np.int64], n: int, counts: NDArray[np.int64] | None = None
) -> tuple[Words, Words]:
    """Rows over some columns only, and the mask of the columns in use.

    Few columns are gathered bit by bit, for which it helps to know how many of them each row has; many keep
    their words, the others masked out.

    Returns
    -------
    Rows, shape (atoms, w), and mask, shape (w,); at least one word.
    """
    if len(columns) * 2 >= n:
        keep = mask(columns, n)
        words = np.flatnonzero(keep)
        out = np.zeros((len(extents), padded(len(words))), np.uint64)
        used = np.zeros(out.shape[1], np.uint64)
        used[: len(words)] = keep[words]
        _select(extents, words, used, out)
        return out, used
    out = np.zeros((len(extents), padded(word_count(len(columns)))), np.uint64)
    if counts is None:
        gather(extents, columns, out)
    else:
        _gather_counted(extents, columns, counts, out)
    return out, mask(np.arange(len(columns)), 64 * out.shape[1])


class _Side(NamedTuple):
    """Rows over the examples of one side and how many of these each has; ``shared`` rows have other bits, too."""

    rows: Words
    mask: Words
    counts: NDArray[np.int64]
    size: int
    shared: bool


def _side(
    extents: Words,
    columns: NDArray[np.int64],
    n: int,
    shared: SharedAtoms | None,
    counts: NDArray[np.int64] | None,
    most_copied: float = np.inf,
) -> _Side:
    """Make a side; the shared rows serve as they are where a copy would save little or take too much memory."""
    rows, used, whole = None, mask(columns, n), False
    most = 2 * len(columns) >= n and 4 * np.count_nonzero(used) >= 3 * len(used)
    if shared is not None and (most or len(extents) * len(columns) / 8 > most_copied):
        rows, whole = shared.rows, True
        used = np.concatenate([used, np.zeros(rows.shape[1] - len(used), np.uint64)])
    else:
        rows, used = restrict(extents, columns, n, counts)
    if counts is None:
        counts = np.empty(len(rows), np.int64)
        count_inside(rows, used, counts)
    return _Side(rows, used, counts, len(columns), whole)


def _groups(order: LiteralOrder, positive: _Side, negative: _Side) -> NDArray[np.int32]:
    """Numbers of the literals' extensions on the examples, in the order in which they come.

    Only literals of equal counts need hashing.
    """
    p, n = positive.size, negative.size
    atom, negated = order.atom, order.negated
    t, f = positive.counts[atom], negative.counts[atom]
    pair = np.where(negated, (p - t) * (n + 1) + n - f, t * (n + 1) + f)
    by_pair = np.argsort(pair)
    equal = np.diff(pair[by_pair]) == 0
    alike = np.zeros(len(pair), np.bool_)
    alike[by_pair[1:][equal]] = alike[by_pair[:-1][equal]] = True
    chosen = np.zeros(len(positive.rows), np.bool_)
    chosen[atom[alike]] = True
    hashes = np.zeros((len(positive.rows), 2), np.uint64)
    total = np.zeros((1, 2), np.uint64)
    weights = _bit_weights(1 << (max(len(positive.mask), len(negative.mask)) - 1).bit_length())
    for side, numbers in zip((positive, negative), weights, strict=True):
        _hash_rows(side.rows, side.mask, numbers, np.flatnonzero(chosen), hashes)
        _hash_rows(side.mask[None], side.mask, numbers, np.zeros(1, np.int64), total)
    keys = np.empty((len(pair), 3), np.uint64)
    keys[:, 0] = pair
    keys[:, 1:] = np.where(negated[:, None], total - hashes[atom], hashes[atom])
    return DistinctRows(3).add(keys)


def prepare(
    extents: Words,
    lengths: NDArray[np.int32],
    priorities: NDArray[np.int64],
    positives: NDArray[np.int64],
    negatives: NDArray[np.int64],
    n: int,
    score: Score,
    negation: bool,
    *,
    shared: SharedAtoms | None = None,
    counts: UnitCounts | None = None,
) -> Literals:
    """Restrict atoms to the examples and keep the best literal of each distinct extension there.

    The best is the shortest, then positive before negated, then of the smallest priority: replacing a literal
    of a formula by it leaves the extension and never worsens the formula's place.

    What other problems share with this one, and the atoms' counts of true and false positives, may be given if
    they are known.
    """
    known = (None, None) if counts is None else (counts.tp.astype(np.int64), counts.fp.astype(np.int64))
    order = literal_order(lengths, priorities, negation) if shared is None else shared.orders[negation]
    positive = _side(extents, positives, n, shared, known[0])
    negative = _side(extents, negatives, n, shared, known[1], MOST_COPIED)
    group = _groups(order, positive, negative)
    fresh = np.diff(np.maximum.accumulate(group), prepend=-1) > 0
    by_key = np.argsort(order.key[fresh])
    place = np.empty(len(by_key), np.int64)
    place[by_key] = np.arange(len(by_key))
    chosen = np.flatnonzero(fresh)[by_key]
    same = np.flatnonzero(order.length == order.length[fresh][group])
    at = place[group[same]]
    kept = same[np.argsort(at, kind="stable")]
    ends = np.cumsum(np.bincount(at))
    row, rows, lists = order.atom[chosen], (positive.rows, negative.rows), None
    found = positive.counts, negative.counts
    if not positive.shared and not negative.shared:
        used, row = np.unique(row, return_inverse=True)
        rows = positive.rows[used], negative.rows[used]
        found = positive.counts[used], negative.counts[used]
    elif shared is not None and negative.shared:
        lists = shared.spans, shared.listed
    ground = Ground(
        positive=rows[0],
        negative=rows[1],
        positive_mask=positive.mask,
        negative_mask=negative.mask,
        literal=np.column_stack([row, order.negated[chosen], order.length[chosen]]).astype(np.int32),
        positives=len(positives),
        negatives=len(negatives),
        score=score.code,
        minimum_recall=score.minimum_recall,
    )
    starts = np.concatenate([[0], ends[:-1]])
    return Literals(ground, order.atom[kept], order.negated[kept], starts, ends, found, lists)
