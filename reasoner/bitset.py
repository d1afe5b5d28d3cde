"""Packed bit sets: rows of ``uint64`` words in little-endian bit order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


def word_count(n: int) -> int:
    """Words needed for ``n`` bits.

    Examples
    --------
    >>> word_count(64), word_count(65)
    (1, 2)
    """
    return (n + 63) // 64


def pack(rows: NDArray[np.bool_]) -> Words:
    """Pack boolean rows into words; bit ``i`` of word ``w`` is column ``64 * w + i``.

    Parameters
    ----------
    rows
        Booleans, shape (..., n).

    Returns
    -------
    Words, shape (..., ceil(n / 64)); the bits beyond ``n`` are zero.

    Examples
    --------
    >>> pack(np.array([[True, False, True]])).tolist()
    [[5]]
    """
    n = rows.shape[-1]
    octets = np.packbits(rows, axis=-1, bitorder="little")
    padded = np.zeros((*rows.shape[:-1], word_count(n) * 8), dtype=np.uint8)
    padded[..., : octets.shape[-1]] = octets
    return padded.view("<u8").astype(np.uint64, copy=False)


def unpack(words: Words, n: int) -> NDArray[np.bool_]:
    """Inverse of :func:`pack`: booleans of shape (..., n).

    Examples
    --------
    >>> unpack(np.array([[5]], dtype=np.uint64), 3).astype(int).tolist()
    [[1, 0, 1]]
    """
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=n, bitorder="little").view(np.bool_)


def mask(members: NDArray[np.integer], n: int) -> Words:
    """Words, shape (ceil(n / 64),), whose set bits are the given indices.

    Examples
    --------
    >>> mask(np.array([0, 64]), 65).tolist()
    [1, 1]
    """
    chosen = np.zeros(n, dtype=bool)
    chosen[members] = True
    return pack(chosen)


def popcount(words: Words) -> NDArray[np.int64]:
    """Set bits in each row: shape (...,) for words of shape (..., w).

    Examples
    --------
    >>> popcount(np.array([[5, 1]], dtype=np.uint64)).tolist()
    [3]
    """
    return np.asarray(np.bitwise_count(words).sum(axis=-1, dtype=np.int64))
