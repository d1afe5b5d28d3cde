"""How many classes are below each of some, against going down from each; cycles and more than one word of bits."""

import numpy as np
import pytest
from neurontology.ontology.hierarchy import Hierarchy
from neurontology.reasoner.named_classes import count_below


@pytest.mark.parametrize("acyclic", [True, False])
@pytest.mark.parametrize("size", [1, 5, 64, 150])
def test_classes_below_each_class(size: int, acyclic: bool) -> None:
    rng = np.random.default_rng(size)
    for links in (0, size // 2, size, 3 * size):
        child, parent = rng.integers(0, size, (2, links))
        if acyclic:
            child, parent = np.maximum(child, parent), np.minimum(child, parent)
        hierarchy = Hierarchy(size, child, parent)
        for chosen in (rng.permutation(size), rng.permutation(size)[: size // 3]):
            expected = [len(hierarchy.descendants(int(c))) for c in chosen]
            assert count_below(hierarchy, chosen.astype(np.int64)).tolist() == expected
