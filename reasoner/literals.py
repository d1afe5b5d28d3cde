"""The literals of one problem: atoms and complements, one for each distinct extension on the examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bitset import Words, mask, word_count
from .compiled import kernel
from .pool import Ground, hash_words
from .score import Score


@dataclass(frozen=True)
class Literals:
    """Representatives in order of preference, and what each stands for.

    ``members[i]`` lists (atom, negated) of every literal with the extension of representative ``i`` and its
    length, the representative first.
    """

    ground: Ground
    members: tuple[tuple[tuple[int, bool], ...], ...]


@kernel
def _gather(extents: Words, columns: NDArray[np.int64], out: Words) -> None:
    for i in range(extents.shape[0]):
        for k in range(columns.shape[0]):
            column = columns[k]
            bit = (extents[i, column >> 6] >> np.uint64(column & 63)) & np.uint64(1)
            out[i, k >> 6] |= bit << np.uint64(k & 63)


@kernel
def _select(extents: Words, words: NDArray[np.int64], keep: Words, out: Words) -> None:
    for i in range(extents.shape[0]):
        for k in range(words.shape[0]):
            out[i, k] = extents[i, words[k]] & keep[k]


@kernel
def _hash_rows(
    positive: Words, negative: Words, positive_mask: Words, negative_mask: Words, out: NDArray[np.uint64]
) -> None:
    """128-bit hashes of every row (``out[:, :2]``) and of its complement (``out[:, 2:]``)."""
    for i in range(positive.shape[0]):
        p, n = positive[i], negative[i]
        for k in range(2):
            if k == 1:
                p, n = positive_mask & ~p, negative_mask & ~n
            for h in range(2):
                a = hash_words(p, np.uint64(11 + h))
                out[i, 2 * k + h] = a + np.uint64(3) * hash_words(n, np.uint64(21 + h))


def restrict(extents: Words, columns: NDArray[np.int64], n: int) -> tuple[Words, Words]:
    """Rows over some columns only, and the mask of the columns in use.

    Few columns are gathered bit by bit; many keep their words, the others masked out.

    Returns
    -------
    Rows, shape (atoms, w), and mask, shape (w,); at least one word.
    """
    if len(columns) * 2 >= n:
        keep = mask(columns, n)
        words = np.flatnonzero(keep)
        out = np.empty((len(extents), len(words)), np.uint64)
        _select(extents, words, keep[words], out)
        return out, keep[words]
    out = np.zeros((len(extents), word_count(len(columns))), np.uint64)
    _gather(extents, columns, out)
    return out, mask(np.arange(len(columns)), len(columns))


def prepare(
    extents: Words,
    lengths: NDArray[np.int32],
    priorities: NDArray[np.int64],
    positives: NDArray[np.int64],
    negatives: NDArray[np.int64],
    n: int,
    score: Score,
    negation: bool,
) -> Literals:
    """Restrict atoms to the examples and keep the best literal of each distinct extension there.

    The best is the shortest, then positive before negated, then of the smallest priority: replacing a literal
    of a formula by it leaves the extension and never worsens the formula's place.
    """
    positive, positive_mask = restrict(extents, positives, n)
    negative, negative_mask = restrict(extents, negatives, n)
    atoms = len(extents)
    hashes = np.empty((atoms, 4), np.uint64)
    _hash_rows(positive, negative, positive_mask, negative_mask, hashes)
    rank = np.empty(atoms, np.int64)
    rank[np.argsort(priorities, kind="stable")] = np.arange(atoms)
    kinds = 2 if negation else 1
    atom = np.tile(np.arange(atoms), kinds)
    negated = np.repeat(np.arange(kinds, dtype=bool), atoms)
    length = lengths.astype(np.int64)[atom] + negated
    key = rank[atom] + negated * atoms
    first = np.concatenate([hashes[:, 0], hashes[:, 2]][:kinds])
    second = np.concatenate([hashes[:, 1], hashes[:, 3]][:kinds])
    order = np.lexsort((key, length, second, first))
    fresh = np.ones(len(order), bool)
    fresh[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    group = np.cumsum(fresh) - 1
    chosen = order[fresh]
    by_key = np.argsort(key[chosen])
    place = np.empty(len(chosen), np.int64)
    place[by_key] = np.arange(len(chosen))
    members: list[list[tuple[int, bool]]] = [[] for _ in chosen]
    for i, g in zip(order.tolist(), group.tolist(), strict=True):
        if length[i] == length[chosen[g]]:
            members[place[g]].append((int(atom[i]), bool(negated[i])))
    chosen = chosen[by_key]
    used, row = np.unique(atom[chosen], return_inverse=True)
    ground = Ground(
        positive=np.ascontiguousarray(positive[used]),
        negative=np.ascontiguousarray(negative[used]),
        positive_mask=positive_mask,
        negative_mask=negative_mask,
        row=row.astype(np.int32),
        inverted=negated[chosen],
        length=length[chosen].astype(np.int32),
        positives=len(positives),
        negatives=len(negatives),
        score=score.code,
        minimum_recall=score.minimum_recall,
    )
    return Literals(ground, tuple(tuple(m) for m in members))
