"""Population-count kernels on rows of packed words.

The counting loops are small stand-alone functions that take a matrix and a row number: inside a large
function, or on row slices, the compiler falls off its vectorised path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def popcount64(typing_context: object, word: object) -> tuple[object, Callable[..., Any]]:
    """Set bits of one 64-bit word, by the ``ctpop`` instruction."""

    def generate(context: object, builder: Any, signature: object, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def count_row(matrix: np.ndarray, i: int) -> int:
    """Set bits of row ``i``."""
    total = np.uint64(0)
    for w in range(matrix.shape[1]):
        total += popcount64(matrix[i, w])
    return np.int64(total)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def count_rows(matrix: np.ndarray, i: int, j: int) -> int:
    """Set bits of the intersection of rows ``i`` and ``j``."""
    total = np.uint64(0)
    for w in range(matrix.shape[1]):
        total += popcount64(matrix[i, w] & matrix[j, w])
    return np.int64(total)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def count_with(matrix: np.ndarray, i: int, words: np.ndarray) -> int:
    """Set bits of the intersection of row ``i`` and ``words``."""
    total = np.uint64(0)
    for w in range(words.shape[0]):
        total += popcount64(matrix[i, w] & words[w])
    return np.int64(total)
