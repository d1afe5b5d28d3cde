"""Example sets against the definition, image by image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.bridge.example_sets import example_set

values = st.lists(st.floats(-4, 4, width=32).map(lambda v: round(v, 3)), min_size=1, max_size=30).map(
    lambda v: np.array(v, np.float32)
)


@given(values)
def test_both_sides_follow_the_definition(activations: np.ndarray) -> None:
    found = example_set(activations, positive=0.8, negative=0.2, min_positives=1)
    top = float(max(activations.tolist()))
    if top <= 0:
        assert found.status.startswith("never fires")
        assert not len(found.positives)
        return
    assert found.positives.tolist() == [i for i, v in enumerate(activations.tolist()) if v >= 0.8 * top]
    assert found.negatives.tolist() == [i for i, v in enumerate(activations.tolist()) if v <= 0.2 * top]
    assert found.usable == bool(len(found.negatives))


@pytest.mark.parametrize(
    ("activations", "status"),
    [
        ([0, 0, 0, 0], "never fires"),
        ([-1, -2, -3], "never fires"),
        ([], "never fires"),
        ([5, 5, 5, 5], "no negatives"),
        ([5, 5, 0, 0], "too few positives: 2 of the 3 needed"),
        ([5, 4, 4, 1], "labelled"),
    ],
)
def test_units_that_cannot_be_labelled_say_why(activations: list[float], status: str) -> None:
    assert example_set(np.array(activations, float)).status.startswith(status)


@pytest.mark.parametrize(("positive", "negative"), [(0.2, 0.8), (0.5, 0.5), (1.1, 0.2), (0.8, -0.1)])
def test_shares_out_of_order_are_refused(positive: float, negative: float) -> None:
    with pytest.raises(ValueError, match="need 0 <= negative"):
        example_set(np.array([1.0]), positive=positive, negative=negative)
