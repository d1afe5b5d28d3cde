"""True and false positives of all atoms for all units at once.

The masks of all units are turned round: one row of bits for each individual, one bit for each unit and side.
The counts of an atom are then the column sums of its individuals' rows (a positional population count), taken
in bit planes by carry-save adders (Muła, Kurz and Lemire 2018, "Faster population counts using AVX2
instructions", section 3, applied to columns). An atom of more than half of the individuals is counted by its
complement.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from .bitset import Words, mask, pack, popcount, unpack
from .compiled import Scalar, inner, kernel
from .popcount import popcount64

BLOCK = 1024  # atoms counted by one thread at a time


@dataclass(frozen=True)
class CountBlock:
    """Counts of atoms ``start`` to ``start + len(tp)``: int32 arrays, shape (atoms, units)."""

    start: int
    tp: NDArray[np.int32]
    fp: NDArray[np.int32]


@inner
def _members(extents: Words, i: Scalar, flip: Scalar, valid: Words, out: NDArray[np.int64]) -> Scalar:
    """Write the set bits of row ``i`` (or of its complement) to ``out``; returns their number."""
    count = 0
    for w in range(extents.shape[1]):
        word = (extents[i, w] ^ flip) & valid[w]
        while word:
            low = word & (~word + np.uint64(1))
            out[count] = 64 * w + np.int64(popcount64(low - np.uint64(1)))
            count += 1
            word ^= low
    return count


@inner
def _add_rows(rows: Words, member: NDArray[np.int64], at: Scalar, planes: Words, carry: Words) -> None:
    """Add eight rows to the planes of 1, 2 and 4; what carries to 8 is written to ``carry``."""
    a, b, c, d = member[at], member[at + 1], member[at + 2], member[at + 3]
    e, f, g, h = member[at + 4], member[at + 5], member[at + 6], member[at + 7]
    for w in range(rows.shape[1]):
        ones, twos, fours = planes[0, w], planes[1, w], planes[2, w]
        x, y = rows[a, w], rows[b, w]
        two_a = (ones & x) | ((ones ^ x) & y)
        ones = ones ^ x ^ y
        x, y = rows[c, w], rows[d, w]
        two_b = (ones & x) | ((ones ^ x) & y)
        ones = ones ^ x ^ y
        four_a = (twos & two_a) | ((twos ^ two_a) & two_b)
        twos = twos ^ two_a ^ two_b
        x, y = rows[e, w], rows[f, w]
        two_a = (ones & x) | ((ones ^ x) & y)
        ones = ones ^ x ^ y
        x, y = rows[g, w], rows[h, w]
        two_b = (ones & x) | ((ones ^ x) & y)
        ones = ones ^ x ^ y
        four_b = (twos & two_a) | ((twos ^ two_a) & two_b)
        twos = twos ^ two_a ^ two_b
        carry[w] = (fours & four_a) | ((fours ^ four_a) & four_b)
        planes[0, w], planes[1, w], planes[2, w] = ones, twos, fours ^ four_a ^ four_b


@inner
def _add_carry(planes: Words, start: Scalar, stop: Scalar, carry: Words) -> None:
    """Add a row to plane ``start``, and what carries to the planes up to ``stop``."""
    for plane in range(start, stop):
        for w in range(carry.shape[0]):
            before, c = planes[plane, w], carry[w]
            planes[plane, w] = before ^ c
            carry[w] = before & c


@inner
def _spread(planes: Words, used: Scalar, out: NDArray[np.int32], i: Scalar) -> None:
    """Write the counts that the planes hold to row ``i``."""
    for k in range(out.shape[1]):
        out[i, k] = 0
    for plane in range(used):
        for w in range(planes.shape[1]):
            word = planes[plane, w]
            for b in range(64):
                out[i, 64 * w + b] += np.int32((word >> np.uint64(b)) & np.uint64(1)) << np.int32(plane)


@kernel
def _count_atoms(
    extents: Words,
    sizes: NDArray[np.int64],
    rows: Words,
    valid: Words,
    totals: NDArray[np.int32],
    n: Scalar,
    member: NDArray[np.int64],
    planes: Words,
    carry: Words,
    out: NDArray[np.int32],
) -> None:
    for i in range(extents.shape[0]):
        flipped = 2 * sizes[i] > n
        count = _members(extents, i, ~np.uint64(0) if flipped else np.uint64(0), valid, member)
        while count % 8:
            member[count] = n  # a row without bits
            count += 1
        for plane in range(planes.shape[0]):
            for w in range(planes.shape[1]):
                planes[plane, w] = 0
        used = 3
        for at in range(0, count, 8):
            _add_rows(rows, member, at, planes, carry)
            while (at + 8) >> used:
                used += 1
            _add_carry(planes, 3, used, carry)
        _spread(planes, used, out, i)
        if flipped:
            for k in range(out.shape[1]):
                out[i, k] = totals[k] - out[i, k]


def _turned(positive_masks: Words, negative_masks: Words, n: int) -> Words:
    """Rows of bits for each individual, and one without: columns are units, positives then negatives."""
    units = len(positive_masks)
    rows = np.zeros((n + 1, -(-2 * units // 64)), np.uint64)
    step = 8192 // 64 * 64
    for start in range(0, n, step):
        part = slice(start // 64, (start + step) // 64)
        size = min(step, n - start)
        bits = np.vstack([unpack(masks[:, part], size) for masks in (positive_masks, negative_masks)])
        rows[start : start + size] = pack(np.ascontiguousarray(bits.T))
    return rows


def count_blocks(
    extents: Words, positive_masks: Words, negative_masks: Words, *, n: int, threads: int | None = None
) -> Iterator[CountBlock]:
    """Count the positives and negatives of every unit in every atom, block by block in order.

    Parameters
    ----------
    extents
        Packed extensions, shape (atoms, w), bits beyond ``n`` zero.
    positive_masks, negative_masks
        Packed example sets, each of shape (units, w).
    n
        Number of individuals.
    threads
        Threads to use, by default as many as there are processors.

    Raises
    ------
    UsageError
        The shapes do not agree.
    """
    words = (n + 63) // 64
    if positive_masks.shape != negative_masks.shape or {extents.shape[1], positive_masks.shape[1]} != {words}:
        raise UsageError(
            f"extents of shape {extents.shape}, masks of shapes {positive_masks.shape} and {negative_masks.shape}",
            expected=f"{words} words in each row and as many positive as negative masks",
        )
    units = len(positive_masks)
    rows = _turned(positive_masks, negative_masks, n)
    totals = np.zeros(64 * rows.shape[1], np.int32)
    totals[:units], totals[units : 2 * units] = popcount(positive_masks), popcount(negative_masks)
    valid = mask(np.arange(n), n)

    def block(start: int) -> CountBlock:
        part = np.ascontiguousarray(extents[start : start + BLOCK])
        out = np.empty((len(part), len(totals)), np.int32)
        member, carry = np.empty(n + 8, np.int64), np.empty(rows.shape[1], np.uint64)
        planes = np.empty((n.bit_length() + 4, rows.shape[1]), np.uint64)
        _count_atoms(part, popcount(part), rows, valid, totals, n, member, planes, carry, out)
        return CountBlock(start, out[:, :units], out[:, units : 2 * units])

    workers = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as executor:
        waiting = []
        for start in range(0, len(extents), BLOCK):
            waiting.append(executor.submit(block, start))
            if len(waiting) > workers:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def counts(
    extents: Words, positive_masks: Words, negative_masks: Words, *, n: int, threads: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return all counts at once: true and false positives, each of shape (atoms, units).

    Parameters are those of :func:`count_blocks`, which needs less memory.

    Examples
    --------
    >>> atoms = pack(np.array([[1, 1, 0, 0], [1, 0, 1, 1]], dtype=bool))
    >>> tp, fp = counts(atoms, pack(np.array([[1, 1, 0, 0]]) > 0), pack(np.array([[0, 0, 1, 0]]) > 0), n=4)
    >>> tp.tolist(), fp.tolist()
    ([[2], [1]], [[0], [1]])
    """
    tp = np.empty((len(extents), len(positive_masks)), np.int32)
    fp = np.empty_like(tp)
    for block in count_blocks(extents, positive_masks, negative_masks, n=n, threads=threads):
        tp[block.start : block.start + len(block.tp)] = block.tp
        fp[block.start : block.start + len(block.fp)] = block.fp
    return tp, fp
