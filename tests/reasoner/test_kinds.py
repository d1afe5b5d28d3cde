"""Distinct rows of a sparse matrix, against Python's sets."""

import numpy as np
import pytest
from neurontology.reasoner.kinds import distinct_sets
from scipy import sparse


@pytest.mark.parametrize("seed", range(30))
def test_rows_of_one_set_have_one_number(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, spread = int(rng.integers(1, 60)), int(rng.integers(1, 300)), int(rng.integers(1, 6))
    rows = rng.integers(0, n, n * int(rng.choice([0, 1, 3])))
    columns = m - 1 - rng.integers(0, min(m, spread), len(rows))
    matrix = sparse.csr_matrix((np.ones(len(rows), np.bool_), (rows, columns)), shape=(n, m))
    sets = [frozenset(columns[rows == row].tolist()) for row in range(n)]
    first, number = distinct_sets(matrix)
    assert len(first) == len(set(sets)) == len(np.unique(number))
    assert [sets[first[k]] for k in number] == sets
