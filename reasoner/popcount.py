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
from .compiled import Scalar, inner, shared

CHUNK = 64  # words between two looks at the limit
PADDING = 8  # words to whose multiple rows are padded, which the vectorised loops like


def padded(words: int) -> int:
    """Words of a row with its padding; long rows are whole chunks.

    Examples
    --------
    >>> padded(3), padded(22), padded(391)
    (3, 24, 448)
    """
    if words <= PADDING:
        return words
    step = PADDING if words <= CHUNK else CHUNK
    return -(-words // step) * step


def _popcount64(typing_context: object, word: object) -> tuple[object, Callable[..., Any]]:
    """Set bits of one 64-bit word, by the ``ctpop`` instruction."""

    def generate(context: object, builder: Any, signature: object, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount64: Any = intrinsic(_popcount64)


@shared
def count_words(words: Words) -> Scalar:
    """Set bits of a row."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(words[w])
    return np.int64(total)


@inner
def count_with(matrix: Words, i: Scalar, words: Words) -> Scalar:
    """Set bits of row ``i`` that are in ``words``."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(matrix[i, w] & words[w])
    return np.int64(total)


@inner
def count_columns(matrix: Words, words: Words, start: Scalar, stop: Scalar, out: NDArray[np.int32], to: Scalar) -> None:
    """Set ``out[to]`` and on to the set bits of columns ``start`` to ``stop`` that are in ``words``."""
    shift = to - start
    for i in range(start, stop):
        out[i + shift] = np.int32(popcount64(matrix[0, i] & words[0]))
    for w in range(1, words.shape[0]):
        word = words[w]
        for i in range(start, stop):
            out[i + shift] += np.int32(popcount64(matrix[w, i] & word))


@inner
def _count_span(matrix: Words, i: Scalar, words: Words, start: Scalar, count: Scalar) -> Scalar:
    total = np.uint64(0)
    for k in range(count):
        w = np.uint64(start + k)  # unsigned: an index that might be negative is not read as a vector
        total += popcount64(matrix[np.uint64(i), w] & words[w])
    return np.int64(total)


@inner
def remaining(words: Words, out: NDArray[np.int64]) -> None:
    """Set ``out[k]`` to the set bits of ``words`` from chunk ``k`` on."""
    size = words.shape[0]
    chunk = min(size, CHUNK)
    chunks = (size + CHUNK - 1) // CHUNK
    out[chunks] = 0
    for k in range(chunks - 1, -1, -1):
        total = np.uint64(0)
        for w in range(k * chunk, (k + 1) * chunk):
            total += popcount64(words[np.uint64(w)])
        out[k] = out[k + 1] + np.int64(total)


@inner
def _count_listed(columns: NDArray[np.int32], start: Scalar, stop: Scalar, words: Words) -> Scalar:
    total = np.uint64(0)
    for k in range(start, stop):
        column = np.uint64(columns[np.uint64(k)])
        total += (words[column >> np.uint64(6)] >> (column & np.uint64(63))) & np.uint64(1)
    return np.int64(total)


@inner
def count_signed(
    matrix: Words,
    spans: NDArray[np.int64],
    columns: NDArray[np.int32],
    i: Scalar,
    inverted: Scalar,
    words: Words,
    rest: NDArray[np.int64],
    limit: Scalar,
) -> Scalar:
    """Set bits of ``words`` in row ``i`` (or in its complement), or any number above ``limit`` if there are more.

    ``rest`` comes from :func:`remaining`; the count stops as soon as it must end above the limit. The set bits of
    a sparse row are listed in ``columns`` at its span; a span that starts at -1 marks a dense row.
    """
    total: Scalar = 0
    if spans[i, 0] >= 0:
        total = _count_listed(columns, spans[i, 0], spans[i, 1], words)
        return rest[0] - total if inverted else total
    size = words.shape[0]
    chunk: Scalar = min(size, CHUNK)
    start, k = 0, 0
    while start < size:
        x = _count_span(matrix, i, words, start, chunk)
        total += x + inverted * (rest[k] - rest[k + 1] - 2 * x)
        if total > limit:
            break
        start += chunk
        k += 1
    return total
