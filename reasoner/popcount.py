"""Population-count kernels on rows of packed words.

The counting loops are small stand-alone functions that take a matrix and a row number: inside a large
function, or on row slices, the compiler falls off its vectorised path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from .bitset import Words
from .compiled import inner, kernel

CHUNK = 32  # words between two looks at the limit
PADDING = 8  # words to whose multiple rows are padded, which the vectorised loops like


def padded(words: int) -> int:
    """Words of a row with its padding; long rows are whole chunks.

    Examples
    --------
    >>> padded(3), padded(22), padded(391)
    (3, 24, 416)
    """
    if words <= PADDING:
        return words
    step = PADDING if words <= CHUNK else CHUNK
    return -(-words // step) * step


@intrinsic  # type: ignore[untyped-decorator]
def popcount64(typing_context: object, word: object) -> tuple[object, Callable[..., Any]]:
    """Set bits of one 64-bit word, by the ``ctpop`` instruction."""

    def generate(context: object, builder: Any, signature: object, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@kernel
def count_words(words: Words) -> int:
    """Set bits of a row."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(words[w])
    return np.int64(total)


@inner
def count_with(matrix: Words, i: int, words: Words) -> int:
    """Set bits of row ``i`` that are in ``words``."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(matrix[i, w] & words[w])
    return np.int64(total)


@inner
def count_columns(matrix: Words, words: Words, start: int, stop: int, out: NDArray[np.int32]) -> None:
    """Set ``out[i]`` to the set bits of column ``i`` that are in ``words``, for columns start to stop."""
    for i in range(start, stop):
        out[i] = np.int32(popcount64(matrix[0, i] & words[0]))
    for w in range(1, words.shape[0]):
        word = words[w]
        for i in range(start, stop):
            out[i] += np.int32(popcount64(matrix[w, i] & word))


@inner
def _count_chunk(matrix: Words, i: int, words: Words, start: int) -> int:
    total = np.uint64(0)
    for w in range(start, start + CHUNK):
        total += popcount64(matrix[i, w] & words[w])
    return np.int64(total)


@inner
def remaining(words: Words, out: NDArray[np.int64]) -> None:
    """Set ``out[k]`` to the set bits of ``words`` from chunk ``k`` on, or ``out[0]`` to all for short rows."""
    size = words.shape[0]
    if size <= CHUNK:
        out[0] = count_words(words)
        return
    chunks = size // CHUNK
    out[chunks] = 0
    for k in range(chunks - 1, -1, -1):
        total = np.uint64(0)
        for w in range(k * CHUNK, (k + 1) * CHUNK):
            total += popcount64(words[w])
        out[k] = out[k + 1] + np.int64(total)


@inner
def count_signed(
    matrix: Words, i: int, inverted: int, words: Words, rest: NDArray[np.int64], limit: int
) -> int:
    """Set bits of ``words`` in row ``i`` (or in its complement), or any number above ``limit`` if there are more.

    ``rest`` comes from :func:`remaining`; the count stops as soon as it must end above the limit.
    """
    size = words.shape[0]
    if size <= CHUNK:
        x = count_with(matrix, i, words)
        return rest[0] - x if inverted else x
    total = np.int64(0)
    k = np.int64(0)
    while k * CHUNK < size:
        x = _count_chunk(matrix, i, words, k * CHUNK)
        total += rest[k] - rest[k + 1] - x if inverted else x
        k += 1
        if total > limit:
            break
    return total
