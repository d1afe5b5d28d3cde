"""Packed extensions of named classes, and of existential restrictions to them, over some individuals.

The work grows with the assertions about these individuals, not with individuals times classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .bitset import Words, word_count
from .compiled import kernel

_BLOCK = 1 << 25
"""Words of the largest block."""


@kernel
def gather(extents: Words, columns: NDArray[np.int64], out: Words) -> None:
    """Set bit k of every row of ``out``, all zero before, to bit ``columns[k]`` of the row of ``extents``."""
    for i in range(extents.shape[0]):
        for k in range(columns.shape[0]):
            column = columns[k]
            bit = (extents[i, column >> 6] >> np.uint64(column & 63)) & np.uint64(1)
            out[i, k >> 6] |= bit << np.uint64(k & 63)


@kernel
def _mark(
    links: NDArray[np.integer],
    linked: NDArray[np.integer],
    kind: NDArray[np.int64],
    starts: NDArray[np.integer],
    classes: NDArray[np.integer],
    rows: NDArray[np.int64],
    seen: NDArray[np.uint8],
) -> None:
    """Mark the classes of what the rows' individuals are linked to; of themselves if ``links`` is empty."""
    own = links.shape[0] == 0
    for i in range(rows.shape[0]):
        row = rows[i]
        first, last = (row, row + 1) if own else (np.int64(links[row]), np.int64(links[row + 1]))
        for k in range(first, last):
            its = kind[k if own else np.int64(linked[k])]
            for j in range(starts[its], starts[its + 1]):
                seen[classes[j]] = 1


@kernel
def _fill(
    links: NDArray[np.integer],
    linked: NDArray[np.integer],
    kind: NDArray[np.int64],
    starts: NDArray[np.integer],
    classes: NDArray[np.integer],
    rows: NDArray[np.int64],
    place: NDArray[np.int32],
    out: Words,
) -> None:
    """Set the bits of the rows in the extensions of the classes that have a place."""
    own = links.shape[0] == 0
    for i in range(rows.shape[0]):
        word, bit = i >> 6, np.uint64(1) << np.uint64(i & 63)
        row = rows[i]
        first, last = (row, row + 1) if own else (np.int64(links[row]), np.int64(links[row + 1]))
        for k in range(first, last):
            its = kind[k if own else np.int64(linked[k])]
            for j in range(starts[its], starts[its + 1]):
                at = place[classes[j]]
                if at >= 0:
                    out[at, word] |= bit


_NONE = np.empty(0, np.int32)


def class_extents(
    kinds: sparse.csr_matrix,
    kind: NDArray[np.int64],
    columns: NDArray[np.int64],
    rows: NDArray[np.int64],
    links: sparse.csr_matrix | None = None,
) -> Iterator[tuple[NDArray[np.int64], Words]]:
    """Non-empty extensions over some individuals, in blocks.

    Parameters
    ----------
    kinds, kind
        Who is in which class: boolean CSR, shape (kinds, classes), and the individuals' kinds, shape (individuals,).
    columns
        The classes in question.
    rows
        The individuals; bit i is ``rows[i]``.
    links
        Boolean CSR, shape (individuals, individuals): then the extension of class A is that of ∃R.A.

    Yields
    ------
    Places in `columns`, shape (k,), and their extensions, shape (k, words).

    Examples
    --------
    >>> kinds = sparse.csr_matrix(np.array([[1, 0, 1], [0, 0, 1]], dtype=bool))
    >>> found = class_extents(kinds, np.array([1, 0, 1]), np.arange(3), np.arange(3))
    >>> [(at.tolist(), bits.tolist()) for at, bits in found]
    [([0, 2], [[2], [7]])]
    """
    starts, linked = (_NONE, _NONE) if links is None else (links.indptr, links.indices)
    seen = np.zeros(kinds.shape[1], np.uint8)
    _mark(starts, linked, kind, kinds.indptr, kinds.indices, rows, seen)
    kept = np.flatnonzero(seen[columns])
    words = word_count(len(rows))
    block = max(1, _BLOCK // words)
    for start in range(0, len(kept), block):
        part = kept[start : start + block]
        place = np.full(kinds.shape[1], -1, np.int32)
        place[columns[part]] = np.arange(len(part))
        out = np.zeros((len(part), words), np.uint64)
        _fill(starts, linked, kind, kinds.indptr, kinds.indices, rows, place, out)
        yield part, out
