"""Counts of all atoms for all units against numpy."""

import numpy as np
import pytest
from neurontology.ontology.errors import UsageError
from neurontology.reasoner.bitset import pack
from neurontology.reasoner.counts import BLOCK, count_blocks, counts


@pytest.mark.parametrize(
    ("atoms", "n", "units"), [(1, 1, 1), (5, 64, 3), (40, 65, 31), (30, 700, 33), (BLOCK + 3, 130, 70), (9, 9000, 5)]
)
def test_equals_a_matrix_product(atoms, n, units):
    rng = np.random.default_rng(atoms + n)
    # all densities, the empty and the full atom among them
    extents = rng.random((atoms, n)) < np.linspace(0, 1, atoms)[:, None]
    extents[-1] = True
    role = rng.random((units, n))
    positives, negatives = role < 0.3, role > 0.4
    tp, fp = counts(pack(extents), pack(positives), pack(negatives), n=n, threads=2)
    assert np.array_equal(tp, extents.astype(np.int64) @ positives.T)
    assert np.array_equal(fp, extents.astype(np.int64) @ negatives.T)


def test_blocks_come_in_order_and_cover_all():
    rng = np.random.default_rng(0)
    extents = pack(rng.random((2 * BLOCK + 1, 100)) < 0.2)
    masks = pack(rng.random((2, 100)) < 0.5)
    starts = [(b.start, len(b.tp)) for b in count_blocks(extents, masks, ~masks & pack(np.ones((1, 100)) > 0), n=100)]
    assert starts == [(0, BLOCK), (BLOCK, BLOCK), (2 * BLOCK, 1)]


def test_shapes_must_agree():
    one = np.zeros((1, 1), np.uint64)
    with pytest.raises(UsageError):
        counts(one, np.zeros((1, 2), np.uint64), np.zeros((1, 2), np.uint64), n=64)
