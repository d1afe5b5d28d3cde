"""The set of descriptions of a unit, on vectors whose answer is known."""

import tracemalloc

import numpy as np
import pytest
from neurontology.analysis.descriptions import DescribeOptions, Describer
from neurontology.analysis.dissect import SIMILARITIES
from neurontology.ontology.errors import UsageError

TEXTS = 30


def world(seed: int = 0, pool: int = 200) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Texts are axes; a picture shows each of them a little, at random."""
    rng = np.random.default_rng(seed)
    return np.eye(TEXTS, dtype=np.float32), rng.normal(0.2, 0.05, (pool, TEXTS)).astype(np.float32), rng


def pictures(rng: np.random.Generator, *shown: int | None) -> np.ndarray:
    found = rng.normal(0.2, 0.05, (len(shown), TEXTS))
    for row, text in enumerate(shown):
        if text is not None:
            found[row, text] += 0.5
    return found.astype(np.float32)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_the_common_content_is_found_whatever_the_similarity(similarity: str) -> None:
    texts, pool, rng = world()
    describer = Describer(texts, pool, DescribeOptions(similarity, top=10, pool=200))
    # Activations fall with the score, so that rank-reorder sees an order.
    patches = pictures(rng, *[7] * 10)
    patches[:, 7] = np.linspace(0.9, 0.5, 10)
    best = describer.describe(patches, np.linspace(9, 5, 10))[0]
    assert (best.text, best.p <= 0.01, best.p_single <= best.p) == (7, True, True)
    assert best.explained == tuple(range(10))


def test_a_unit_with_two_kinds_of_patches_has_two_descriptions() -> None:
    texts, pool, rng = world()
    describer = Describer(texts, pool, DescribeOptions(top=12, pool=200))
    found = describer.describe(pictures(rng, *[3] * 7, *[11] * 5), np.linspace(9, 5, 12))
    assert [one.text for one in found[:2]] == [3, 11]
    assert set(range(7)) <= set(found[0].explained)
    assert set(found[1].explained) <= set(range(7, 12))
    assert all(one.p <= 0.05 for one in found)
    explained = [patch for one in found for patch in one.explained]
    assert len(explained) == len(set(explained))


def test_noise_is_described_with_a_p_that_says_so() -> None:
    """Of many units of noise about a twentieth may be better than chance; the others get one description."""
    texts, pool, rng = world(pool=400)
    describer = Describer(texts, pool, DescribeOptions(top=10, pool=400, draws=499))
    found = [describer.describe(pictures(rng, *[None] * 10), np.ones(10)) for _ in range(200)]
    hits = sum(one[0].p <= 0.05 for one in found)
    assert 1 <= hits <= 30
    assert all(len(one) == 1 for one in found if one[0].p > 0.05)


@pytest.mark.parametrize("similarity", sorted(SIMILARITIES))
def test_the_vocabulary_may_be_divided_as_one_likes(similarity: str) -> None:
    """A text at a time, a few, or all at once."""
    texts, pool, rng = world()
    options = DescribeOptions(similarity, top=9, pool=200, draws=99)
    patches, values = pictures(rng, *[3] * 5, *[11] * 4), np.linspace(9, 1, 9)
    whole, *divided = (
        Describer(texts, pool, options, cells=cells).describe(patches, values) for cells in (10**9, 1, 800, 2_000)
    )
    assert len(whole) > 1 or similarity == "rank-reorder"
    for found in divided:
        for one, other in zip(found, whole, strict=True):
            assert (one.text, one.p, one.p_single, one.explained) == (
                other.text,
                other.p,
                other.p_single,
                other.explained,
            )
            assert (one.score, one.z) == pytest.approx((other.score, other.z), rel=1e-9)


def test_memory_of_a_large_vocabulary_is_that_of_its_single_precision_scores() -> None:
    """No array of draws or patches by all texts in double precision, and none of both."""
    rng = np.random.default_rng(1)
    texts, pool, patches = (rng.normal(size=(rows, 8)).astype(np.float32) for rows in (30_000, 300, 20))
    tracemalloc.start()
    Describer(texts, pool, DescribeOptions(draws=49), cells=100_000).describe(patches, np.linspace(2, 1, 20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * 300 * 30_000 * 4


def test_p_is_the_share_of_draws_with_as_extreme_a_text() -> None:
    """Against draws made again one by one, with the similarity called on each alone."""
    texts, pool, rng = world()
    options = DescribeOptions("cosine", top=5, pool=200, draws=99)
    patches = pictures(rng, 4, 4, None, None, None)
    values = np.linspace(5, 1, 5)
    found = Describer(texts, pool, options).describe(patches, values)[0]
    drawn = np.argsort(np.random.default_rng(0).random((99, 200)), axis=1)[:, :5]
    norm = np.linalg.norm(pool.astype(np.float64), axis=0)

    def cosine(scores: np.ndarray) -> np.ndarray:
        return values @ scores / np.linalg.norm(values) / norm

    random = np.stack([cosine(pool[one].astype(np.float64)) for one in drawn])
    own = cosine(patches.astype(np.float64))
    z = (own - random.mean(0)) / random.std(0)
    largest = ((random - random.mean(0)) / random.std(0)).max(1)
    assert found.text == 4
    assert found.z == pytest.approx(z[4], rel=1e-6)
    assert found.p == pytest.approx((1 + (largest >= z[4]).sum()) / 100)
    assert found.p_single == pytest.approx((1 + (random[:, 4] >= own[4]).sum()) / 100)


def test_a_text_that_scores_everything_alike_is_no_description() -> None:
    texts, pool, rng = world()
    pool[:, 0] = 0.9
    patches = pictures(rng, *[5] * 8)
    patches[:, 0] = 0.95
    assert Describer(texts, pool, DescribeOptions("cosine", top=8, pool=200)).describe(patches, np.ones(8))[0].text == 5


def test_the_same_seed_gives_the_same() -> None:
    texts, pool, rng = world()
    patches = pictures(rng, *[2] * 4, *[None] * 4)
    first, second = (
        Describer(texts, pool, DescribeOptions(top=8, pool=200, seed=3)).describe(patches, np.ones(8)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    "wrong", [{"similarity": "clip"}, {"top": 2}, {"most": 0}, {"alpha": 1.0}, {"draws": 0}, {"top": 80, "pool": 300}]
)
def test_options_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        DescribeOptions(**wrong)
