"""Example sets against the definition, image by image."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neurontology.bridge.example_rules import Rule
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


def cut_by(activations: list[float], share: float) -> float:
    """Lowest value that at least a share of the images does not exceed."""
    return min(v for v in activations if sum(w <= v for w in activations) >= share * len(activations))


@given(values, st.sampled_from([(0.9, 0.5), (0.75, 0.25), (0.5, 0.0)]))
def test_quantiles_follow_the_definition(activations: np.ndarray, shares: tuple[float, float]) -> None:
    found = example_set(activations, positive=shares[0], negative=shares[1], min_positives=1, rule="quantile")
    each = activations.tolist()
    if max(each) > 0:
        high, low = (cut_by(each, share) for share in shares)
        positives = [i for i, v in enumerate(each) if v >= high and v > 0]
        assert found.positives.tolist() == positives
        assert found.negatives.tolist() == [i for i, v in enumerate(each) if v <= low and i not in positives]


@given(values, st.integers(1, 8), st.integers(1, 8))
def test_numbers_of_images_keep_ties_together(activations: np.ndarray, most: int, least: int) -> None:
    found = example_set(activations, positive=most, negative=least, min_positives=1, rule="top")
    each = activations.tolist()
    if max(each) > 0:
        # An image is among the n most exciting if fewer than n excite the unit more.
        positives = [i for i, v in enumerate(each) if v > 0 and sum(w > v for w in each) < most]
        assert found.positives.tolist() == positives
        negatives = [i for i, v in enumerate(each) if sum(w < v for w in each) < least and i not in positives]
        assert found.negatives.tolist() == negatives
    # The order of the images decides nothing.
    back = example_set(activations[::-1].copy(), positive=most, negative=least, min_positives=1, rule="top")
    assert sorted(len(each) - 1 - back.positives) == found.positives.tolist()


@pytest.mark.parametrize(("positive", "negative", "rule"), [(0, 5, "top"), (2.5, 5, "top"), (0.5, 0.6, "quantile")])
def test_numbers_that_define_nothing_are_refused(positive: float, negative: float, rule: Rule) -> None:
    with pytest.raises(ValueError, match="need "):
        example_set(np.array([1.0]), positive=positive, negative=negative, rule=rule)
    with pytest.raises(ValueError, match="no rule 'most'"):
        example_set(np.array([1.0]), rule="most")


@given(values, st.sampled_from([(0.4, 0.2), (1.0, 0.8), (0.25, 0.0)]))
def test_bands_follow_the_definition(activations: np.ndarray, ends: tuple[float, float]) -> None:
    found = example_set(activations, positive=ends[0], negative=ends[1], min_positives=1, rule="band")
    each, top = activations.tolist(), float(max(activations.tolist()))
    if top <= 0:
        assert found.status.startswith("never fires")
        return
    inside = [v > 0 and v >= ends[1] * top and (v < ends[0] * top or ends[0] == 1) for v in each]
    assert found.positives.tolist() == [i for i, yes in enumerate(inside) if yes]
    assert found.negatives.tolist() == [i for i, yes in enumerate(inside) if not yes]
    assert found.usable == (any(inside) and not all(inside))


@given(values, st.integers(2, 4))
def test_ranges_of_a_unit_are_disjoint_and_hold_every_image_that_excites_it(activations: np.ndarray, k: int) -> None:
    each = activations.tolist()
    found = [
        example_set(activations, positive=k, negative=which, min_positives=1, rule="cluster")
        for which in range(1, k + 1)
    ]
    exciting = [i for i, v in enumerate(each) if v > 0]
    if len({each[i] for i in exciting}) < k:
        assert all(f.status.startswith(("no ranges", "never fires")) for f in found)
        return
    assert sorted(i for f in found for i in f.positives.tolist()) == exciting
    for lower, upper in pairwise(found):
        assert max((each[i] for i in lower.positives), default=-9) < min((each[i] for i in upper.positives), default=9)
    assert all(len(f.positives) + len(f.negatives) == len(each) for f in found)


def test_neighbouring_bands_share_no_image() -> None:
    activations = np.array([10.0, 4, 3, 2, 1, 0, -1])
    bands = [(0.2, 0.0), (0.4, 0.2), (1.0, 0.4)]
    found = [example_set(activations, positive=p, negative=n, min_positives=1, rule="band") for p, n in bands]
    assert [f.positives.tolist() for f in found] == [[4], [2, 3], [0, 1]]


def test_a_band_that_holds_every_image_has_no_negatives() -> None:
    found = example_set(np.array([5.0, 5, 5, 4.5]), positive=1.0, negative=0.8, rule="band")
    assert found.status == "no negatives: every image lies in the band"
