"""Measures of selectivity, against rows worked by hand, other formulas and other libraries."""

import math
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from neurontology.analysis.cooccurrence import cooccurrence
from neurontology.analysis.layer_facets import measure_layer
from neurontology.analysis.selectivity import gini, layer_selectivity, spectral_flatness
from neurontology.analysis.similarity import unit_similarity
from neurontology.analysis.top_images import top_images, unit_moments
from neurontology.bridge.activation_files import ActivationWriter
from neurontology.bridge.activations import Activations
from neurontology.ontology.errors import DataError, UsageError
from scipy import stats
from scipy.spatial.distance import pdist, squareform

ROWS = hnp.arrays(np.int64, st.integers(2, 12), elements=st.integers(0, 100))


def write(folder: Path, values: np.ndarray, classes: list[str | None], name: str = "acts", holdout: float = 0.5):
    """Write an activation directory with images i0, i1, … of the given classes."""
    rows = [(f"i{index}", f"i{index}.png", "", label) for index, label in enumerate(classes)]
    with ActivationWriter(folder / name) as writer:
        writer.append(np.asarray(values, np.float32), rows, "test")
        writer.publish(
            model="test", layer="layer", reduce="max", request_sha256="", seed=0, holdout=holdout, software={}
        )
    return Activations.open(folder / name)


def test_gini_of_rows_worked_by_hand():
    # Ascending 1, 3: 1 - 2 (1/4 · 1.5/2 + 3/4 · 0.5/2) = 1 - 2 · 0.375.
    assert gini([3, 1]) == pytest.approx(0.25)
    # Ascending 0, 0, 2, 6: 1 - 2 (2/8 · 1.5/4 + 6/8 · 0.5/4) = 1 - 2 · 0.1875.
    assert gini([6, 0, 2, 0]) == pytest.approx(0.625)
    assert gini([0, 0]) is None


@given(ROWS)
def test_gini_is_half_the_relative_mean_difference(row):
    """The definition by pairs: the sum of |a - b| over all ordered pairs, divided by 2 n Σ."""
    if row.sum() == 0:
        assert gini(row) is None
        return
    pairs = np.abs(row[:, None] - row[None, :]).sum()
    assert gini(row) == pytest.approx(pairs / (2 * len(row) * row.sum()), abs=1e-12)


def test_flatness_of_rows_worked_by_hand():
    # Half the classes alike: log2(2) / log2(4) = 1/2, so flatness is √2 - 1.
    assert spectral_flatness([7, 7, 0, 0]) == pytest.approx(math.sqrt(2) - 1, abs=1e-5)
    # 3/4, 1/4: entropy 2 - 3/4 log2 3 bits over log2 2.
    assert spectral_flatness([3, 1]) == pytest.approx(2 ** (2 - 0.75 * math.log2(3)) - 1, abs=1e-6)
    assert spectral_flatness([5, 5, 5]) == pytest.approx(1)
    assert spectral_flatness([0, 0, 0]) == -1
    # 1e-7 is added to each of 1, 0: -(p log2 p + q log2 q) of q = 1e-7 / (1 + 2e-7).
    q = 1e-7 / (1 + 2e-7)
    expected = 2 ** -(q * math.log2(q) + (1 - q) * math.log2(1 - q)) - 1
    assert spectral_flatness([1, 0]) == pytest.approx(expected, rel=1e-9)


@given(ROWS)
def test_flatness_is_scipys_entropy(row):
    if row.any():
        bits = stats.entropy(row + 1e-7, base=len(row))
        assert math.log2(spectral_flatness(row) + 1) == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("row", [[1], [[1, 2]], [1, -1], [1, math.nan]])
def test_rows_without_a_measure_are_refused(row):
    for measure in (gini, spectral_flatness):
        with pytest.raises(UsageError, match="no measure"):
            measure(row)


def test_degree_and_p_value_within_the_layer():
    counts = [[8, 1, 1], [4, 4, 2], [9, 1, 0], [5, 3, 2], [0, 0, 0]]
    layer = layer_selectivity(range(5), counts)
    ratios = np.array([spectral_flatness(row) / gini(row) for row in counts[:4]])
    assert ratios.min() > 0.1  # or the scaling would not show
    assert [unit.ratio for unit in layer.units[:4]] == pytest.approx(ratios.tolist())
    mean, deviation = ratios.mean(), ratios.std()
    assert (layer.mean, layer.deviation) == pytest.approx((mean, deviation))
    assert [u.p for u in layer.units[:4]] == pytest.approx(stats.norm.sf((ratios - mean) / deviation).tolist())
    scaled = (ratios - ratios.min()) / (ratios.max() - ratios.min())
    assert [u.multifacetedness for u in layer.units[:4]] == pytest.approx(scaled.tolist())
    silent = layer.units[4]
    assert (silent.gini, silent.flatness, silent.ratio, silent.multifacetedness, silent.p, silent.faceted) == (
        None, -1.0, None, None, None, None,
    )  # fmt: skip


def test_units_far_from_the_layer_are_multi_or_single_faceted():
    counts = [[60, 30, 10]] * 18 + [[34, 33, 33], [36, 32, 32]] + [[60, 30, 10]] * 20
    layer = layer_selectivity(range(40), counts)
    assert [u.unit for u in layer.units if u.faceted == "multi"] == [18]
    narrow = layer_selectivity(range(40), [[50, 30, 20]] * 39 + [[100, 0, 0]])
    assert [u.unit for u in narrow.units if u.faceted == "single"] == [39]


def test_a_perfectly_even_unit_is_the_most_multi_faceted():
    layer = layer_selectivity([3, 4, 5], [[2, 2, 2], [4, 1, 1], [5, 1, 0]])
    even = layer.units[0]
    assert (even.unit, even.ratio, even.multifacetedness, even.p, even.faceted) == (3, None, 1.0, 0.0, "multi")


def test_units_that_are_all_alike_are_told_apart_by_nothing():
    layer = layer_selectivity([0, 1], [[3, 1], [1, 3]])
    assert [(u.multifacetedness, u.p, u.faceted) for u in layer.units] == [(1.0, None, None)] * 2
    assert (layer.mean, layer.deviation) == (None, None)


@pytest.mark.parametrize("counts", [[1, 2, 3], [[1, 2], [2, 1], [3, 0]]])
def test_counts_must_fit_the_units(counts):
    with pytest.raises(UsageError, match="a row of counts a unit"):
        layer_selectivity([0, 1] if isinstance(counts[0], list) else [0, 1, 2], counts)


@pytest.mark.parametrize("alpha", [0, 0.5, -1])
def test_the_level_is_checked(alpha):
    with pytest.raises(UsageError, match="level"):
        layer_selectivity([0], [[1, 2]], alpha=alpha)


def test_similarity_is_numpys_and_scipys():
    counts = np.random.default_rng(0).integers(0, 20, (7, 5)).astype(float)
    counts[3] = 0
    found = unit_similarity(range(7), counts)
    kept = np.delete(counts, 3, 0)
    assert found.units.tolist() == [0, 1, 2, 4, 5, 6]
    np.testing.assert_allclose(found.pearson, np.corrcoef(kept), atol=1e-12)
    np.testing.assert_allclose(found.euclidean, squareform(pdist(kept)), atol=1e-6)
    upper = np.triu_indices(6, 1)
    assert found.mean_pearson == pytest.approx(np.corrcoef(kept)[upper].mean())
    assert found.mean_euclidean == pytest.approx(pdist(kept).mean())


def test_a_row_of_equal_counts_correlates_with_nothing():
    found = unit_similarity([0, 1, 2], [[2, 2, 2], [1, 0, 5], [0, 3, 1]])
    assert np.isnan(found.pearson[0]).all()
    assert found.mean_pearson == pytest.approx(np.corrcoef([1, 0, 5], [0, 3, 1])[0, 1])
    assert unit_similarity([0], [[1, 2]]).mean_pearson is None


def test_top_images_and_their_classes(tmp_path):
    """Against a plain sort of each column, over values without ties, in a layer with negative ones."""
    rng = np.random.default_rng(1)
    values = rng.permuted(np.arange(60 * 7).reshape(60, 7) / 10 - 15, axis=0)
    classes = [f"c{k}" for k in rng.integers(0, 4, 60)]
    acts = write(tmp_path, values, classes)
    best = top_images(acts, 20)
    table = cooccurrence(acts, 20)
    assert table.classes == ("c0", "c1", "c2", "c3")
    for unit in range(7):
        order = np.argsort(-values[:, unit])[:20]
        assert best.rows[unit].tolist() == order.tolist()
        counted = Counter(classes[row] for row in order)
        assert table.counts[unit].tolist() == [counted[name] for name in table.classes]
    some = top_images(acts, 20, units=[5, 2])
    assert some.rows.tolist() == best.rows[[5, 2]].tolist()
    mean, deviation = unit_moments(acts)
    np.testing.assert_allclose(mean, values.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, values.std(0), rtol=1e-6)


@pytest.mark.parametrize("block", [1 << 20, 13])
def test_top_images_among_some_rows(tmp_path, monkeypatch, block):
    """As if the other images were not there, but rows keep their numbers."""
    monkeypatch.setattr("neurontology.analysis.top_images._BLOCK", block)
    rng = np.random.default_rng(3)
    values = rng.permuted(np.arange(40 * 5).reshape(40, 5) / 10 - 9, axis=0)
    among = np.sort(rng.permutation(40)[:23])
    acts = write(tmp_path, values, ["a", "b"] * 20)
    best = top_images(acts, 9, units=[4, 1], among=among)
    for at, unit in enumerate([4, 1]):
        order = among[np.argsort(-values[among, unit])[:9]]
        assert best.rows[at].tolist() == order.tolist()
        np.testing.assert_allclose(best.values[at], values[order, unit], rtol=1e-6)
    mean, deviation = unit_moments(acts, among)
    np.testing.assert_allclose(mean, values[among].mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, values[among].std(0), rtol=1e-6)
    with pytest.raises(UsageError, match="23 images are fewer than the 24 top images"):
        top_images(acts, 24, among=among)


def test_memory_does_not_grow_with_the_images(tmp_path, monkeypatch):
    """Of four times as many images, half of them looked at, no more is held at once."""
    monkeypatch.setattr("neurontology.analysis.top_images._BLOCK", 1 << 14)
    largest = []
    for count in (2_000, 8_000):
        values = np.random.default_rng(4).normal(size=(count, 64))
        (tmp_path / str(count)).mkdir()
        acts = write(tmp_path / str(count), values, ["a", "b"] * (count // 2))
        among = np.arange(0, count, 2)
        tracemalloc.start()
        top_images(acts, 20, among=among)
        unit_moments(acts, among)
        largest.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert largest[1] < 1.1 * largest[0]


def test_blocks_do_not_show(tmp_path, monkeypatch):
    values = np.random.default_rng(2).integers(-3, 4, (50, 6)).astype(float)
    acts = write(tmp_path, values, ["a", "b"] * 25)
    whole = top_images(acts, 12), cooccurrence(acts, 12)
    for module in ("top_images", "cooccurrence"):
        monkeypatch.setattr(f"neurontology.analysis.{module}._BLOCK", 13)
    parts = top_images(acts, 12), cooccurrence(acts, 12)
    assert whole[0].rows.tolist() == parts[0].rows.tolist()
    np.testing.assert_allclose(whole[1].counts, parts[1].counts)


def test_images_that_tie_share_the_last_places(tmp_path):
    """One place of two is certain (a); b, b and c tie for the other, whatever their order."""
    values, classes = np.array([[9.0], [5], [5], [5], [1]]), ["a", "b", "b", "c", "c"]
    assert cooccurrence(write(tmp_path, values, classes), 2).counts[0].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    mirrored = write(tmp_path, values[::-1], classes[::-1], "mirrored")
    assert cooccurrence(mirrored, 2).counts[0].tolist() == pytest.approx([1, 2 / 3, 1 / 3])


def test_a_unit_is_not_filled_up_with_images_that_do_not_excite_it(tmp_path):
    values = np.array([[2.0, 0, 4], [1, 0, 4], [0, 0, 4], [0, 0, 4]])
    acts = write(tmp_path, values, ["a", "b", "b", "b"])
    table, best = cooccurrence(acts, 3), top_images(acts, 3)
    assert table.counts.tolist() == [[1, 1], [0, 0], [0, 0]]  # fires twice; never; always alike
    assert best.rows[0].tolist() == [0, 1, -1]
    assert measure_layer(acts, top=3).selectivity.units[1].flatness == -1
    signed = write(tmp_path, values - 1, ["a", "b", "b", "b"], "signed")
    assert cooccurrence(signed, 3).counts[0].tolist() == [1, 2]


def test_the_measures_by_chance(tmp_path):
    """Two of a, a, b: the pairs aa, ab, ab are equally likely, so the row is (2, 0) once in three times."""
    acts = write(tmp_path, np.random.default_rng(3).random((3, 2)), ["a", "a", "b"])
    measures = measure_layer(acts, top=2)
    assert measures.chance_gini == pytest.approx((0.5 + 0 + 0) / 3, abs=0.03)
    assert measures.chance_flatness == pytest.approx((0 + 1 + 1) / 3, abs=0.05)
    assert measure_layer(acts, top=2).chance_gini == measures.chance_gini
    # All images are everybody's top ones: no draw differs.
    assert measure_layer(acts, top=3).chance_gini == pytest.approx(gini([2, 1]))


def test_broken_input_is_refused(tmp_path):
    values = np.random.default_rng(4).random((6, 2))
    with pytest.raises(UsageError, match=r"6 images are fewer than the 100 top images.*--top"):
        cooccurrence(write(tmp_path, values, ["a", "b"] * 3), 100)
    with pytest.raises(DataError, match=r"2 of 6 images have no class, e.g. i1, i4"):
        cooccurrence(write(tmp_path, values, ["a", None, "b", "b", None, "a"], "some"), 3)
    with pytest.raises(DataError, match="all images are of one class, 'a'"):
        cooccurrence(write(tmp_path, values, ["a"] * 6, "one"), 3)
    with pytest.raises(UsageError, match="there is no unit 2"):
        top_images(write(tmp_path, values, ["a", "b"] * 3, "units"), 3, units=[0, 2])
