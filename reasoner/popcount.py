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

from .bitset import Words
from .compiled import inner, kernel

CHUNK = 64  # words between two looks at the limit


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
def count_outside(matrix: Words, i: int, words: Words) -> int:
    """Set bits of row ``i`` that are not in ``words``."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(matrix[i, w] & ~words[w])
    return np.int64(total)


@inner
def _count_span(matrix: Words, i: int, words: Words, start: int, stop: int) -> int:
    total = np.uint64(0)
    for w in range(start, stop):
        total += popcount64(matrix[i, w] & words[w])
    return np.int64(total)


@inner
def remaining(words: Words, out: np.ndarray) -> None:
    """Set ``out[k]`` to the set bits of ``words`` from chunk ``k`` on."""
    size = words.shape[0]
    chunks = (size + CHUNK - 1) // CHUNK
    out[chunks] = 0
    for k in range(chunks - 1, -1, -1):
        total = np.uint64(0)
        for w in range(k * CHUNK, min((k + 1) * CHUNK, size)):
            total += popcount64(words[w])
        out[k] = out[k + 1] + np.int64(total)


@inner
def count_signed(matrix: Words, i: int, inverted: bool, words: Words, rest: np.ndarray, limit: int) -> int:
    """Set bits of ``words`` in row ``i`` (or in its complement), or any number above ``limit`` if there are more.

    ``rest`` comes from :func:`remaining`; the count stops as soon as it must end above the limit.
    """
    size = words.shape[0]
    total = np.int64(0)
    k = 0
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        x = _count_span(matrix, i, words, start, stop)
        if inverted:
            x = rest[k] - rest[k + 1] - x
        total += x
        k += 1
        if total > limit:
            return total
    return total
