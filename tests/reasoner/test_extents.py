"""Packed extensions against dense matrix products."""

import numpy as np
import pytest
from neurontology.ontology.hierarchy import Hierarchy
from neurontology.reasoner import extents
from neurontology.reasoner.bitset import unpack
from neurontology.reasoner.distinct import DistinctRows
from neurontology.reasoner.extents import class_extents
from neurontology.reasoner.named_classes import NamedClasses, count_below
from scipy import sparse


@pytest.mark.parametrize("seed", range(20))
def test_extents_are_products_of_matrices(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 150, 2)
    kinds = rng.random((rng.integers(1, n + 1), m)) < rng.choice([0.02, 0.3])
    kind = rng.integers(0, len(kinds), n)
    membership = kinds[kind]
    links = rng.random((n, n)) < 0.05
    rows = rng.permutation(n)[: rng.integers(1, n + 1)]
    columns = np.flatnonzero(rng.random(m) < 0.8)
    monkeypatch.setattr(extents, "_BLOCK", int(rng.choice([1, 7, 1 << 25])))
    for dense, steps in ((membership, None), (links.astype(int) @ membership > 0, sparse.csr_matrix(links))):
        expected = dense[np.ix_(rows, columns)].T
        found = np.zeros_like(expected)
        for at, bits in class_extents(sparse.csr_matrix(kinds), kind, columns, rows, steps):
            assert bits.any(axis=1).all()
            found[at] = unpack(bits, len(rows))
        assert (found == expected).all()


@pytest.mark.parametrize("limit", [5, 40, 10_000])
def test_distinct_rows_are_numbered_as_they_come(limit: int) -> None:
    rng = np.random.default_rng(limit)
    held, expected = DistinctRows(2, limit), dict[bytes, int]()
    for _ in range(40):
        rows = rng.integers(0, 12, (rng.integers(0, 60), 2)).astype(np.uint64)
        before = [expected.get(row.tobytes(), -1) for row in rows]
        assert held.find(rows).tolist() == before
        for row in rows:
            if len(expected) < limit:
                expected.setdefault(row.tobytes(), len(expected))
        assert held.add(rows).tolist() == [expected.get(row.tobytes(), -1) for row in rows]
    assert len(held) == len(expected)
    assert b"".join(expected) == held.rows.tobytes()


@pytest.mark.parametrize("seed", range(10))
def test_classes_below_are_counted_as_the_hierarchy_finds_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    child, parent = rng.integers(0, size, (2, int(rng.integers(0, 3 * size))))  # cycles included
    hierarchy = Hierarchy(size, child, parent)
    classes = rng.permutation(size)[: rng.integers(0, size + 1)]
    expected = [len(hierarchy.descendants(int(c))) for c in classes]
    assert count_below(hierarchy, classes).tolist() == expected


def test_classes_that_no_expression_names() -> None:
    iris = ("a#X", "b#WN_X", "c#null", "d#WN_Y", "e#WN_WN_X")
    named = NamedClasses(iris, np.ones(5, np.int64))
    usable = {frozenset(ignored): named.usable(ignored).tolist() for ignored in ((), ("a#X",), ("b#WN_X",))}
    # WN_X goes because of X, WN_WN_X because of WN_X, even where that goes itself; never because of an ignored one.
    assert usable == {frozenset(): [0, 3], frozenset({"a#X"}): [1, 3], frozenset({"b#WN_X"}): [0, 3, 4]}
