"""The distinct rows of a sparse matrix: individuals of one kind have the same set of types."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def distinct_sets(rows: sparse.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the distinct sets of columns that rows have.

    Parameters
    ----------
    rows
        Boolean CSR without explicit zeros, shape (n, m); its indices are brought into order.

    Returns
    -------
    A row of each set, shape (k,), and the number of each row's set, shape (n,).

    Examples
    --------
    >>> rows = sparse.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0]], dtype=bool))
    >>> first, number = distinct_sets(rows)
    >>> (number[first] == np.arange(len(first))).all(), number[0] == number[2], len(first)
    (np.True_, np.True_, 3)
    """
    rows.sort_indices()
    sizes = np.diff(rows.indptr)
    first, number = [np.empty(0, np.int64)], np.empty(rows.shape[0], np.int64)
    found = 0
    for size in np.unique(sizes).tolist():
        alike = np.flatnonzero(sizes == size)
        columns = rows.indices[rows.indptr[alike][:, None] + np.arange(size)]
        _, at, inverse = np.unique(_as_values(columns), return_index=True, return_inverse=True)
        first.append(alike[at])
        number[alike] = found + inverse
        found += len(at)
    return np.concatenate(first), number


def _as_values(rows: NDArray[np.integer]) -> NDArray[np.generic]:
    """Rows as one value each, equal for equal rows: their bytes."""
    if not rows.shape[1]:
        return np.zeros(len(rows), np.uint8)
    return np.ascontiguousarray(rows).view(f"V{rows.itemsize * rows.shape[1]}")[:, 0]
