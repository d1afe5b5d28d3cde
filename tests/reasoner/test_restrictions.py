"""Restrictions over packed extensions, against dense counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.reasoner.bitset import pack, unpack
from neurontology.reasoner.restrictions import restrict_to_counted, restrict_to_members
from scipy import sparse

FORMS = [("some", 0), ("only", 0), *((kind, number) for kind in ("min", "max") for number in (1, 2, 3))]


def holding(kind: str, number: int, counts: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    if kind == "only":
        return counts == degrees
    return counts <= number if kind == "max" else counts >= max(1, number)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(1, 140), st.integers(0, 5), st.floats(0, 0.3))
def test_members_and_counts_give_what_dense_matrices_give(seed, subjects, individuals, fillers, density):
    rng = np.random.default_rng(seed)
    links = rng.random((subjects, individuals)) < density
    members = rng.random((fillers, individuals)) < rng.random((fillers, 1))
    counts, degrees = links.astype(int) @ members.T, links.sum(1)
    by_members = restrict_to_members(sparse.csr_matrix(links), pack(members), FORMS)
    counted = sparse.csc_matrix(counts.astype(np.int32))
    by_counts = restrict_to_counted(counted, degrees.astype(np.int64), FORMS, complement=False)
    by_rest = restrict_to_counted(counted, degrees.astype(np.int64), FORMS, complement=True)
    rest = degrees[:, None] - counts
    for (bits, largest), expected in ((by_members, counts), (by_counts, counts), (by_rest, rest)):
        assert largest == expected.max(initial=0)
        assert bits.shape == (len(FORMS), fillers, (subjects + 63) // 64)
        for (kind, number), found in zip(FORMS, bits, strict=True):
            np.testing.assert_array_equal(unpack(found, subjects), holding(kind, number, expected, degrees[:, None]).T)
            assert (pack(unpack(found, subjects)) == found).all()


@pytest.mark.parametrize("form", FORMS)
def test_individuals_without_links(form):
    links = sparse.csr_matrix((65, 3), dtype=bool)
    bits, largest = restrict_to_members(links, pack(np.ones((2, 3), np.bool_)), [form])
    everybody = form[0] in ("only", "max")
    assert largest == 0 and (unpack(bits[0], 65) == everybody).all()
