"""CLIP-Dissect's similarity functions, against examples worked by hand and the paper's own formulas written out."""

import math

import numpy as np
import pytest
import torch
from neurontology.analysis.dissect import SIMILARITIES, Pool, cosine, cosine_cubed, rank_reorder, soft_wpmi, wpmi


def pool(rows: int = 40, texts: int = 3, seed: int = 0) -> tuple[np.ndarray, Pool]:
    scores = np.random.default_rng(seed).normal(0.3, 0.1, (rows, texts))
    return scores, Pool.of(scores)


def test_wpmi_is_the_sum_of_log_probabilities() -> None:
    scores = np.array([[0.5, 0.1], [0.25, 0.2]])
    found = wpmi(scores, np.array([2.0, 1.0]), pool(texts=2)[1])
    np.testing.assert_allclose(found, [math.log(0.125), math.log(0.02)], atol=2e-6)


def test_soft_wpmi_by_hand() -> None:
    # Two patches: p(x in B) is .998 for the first and .998 - (.998 - .97)/2 = .984 for the second.
    found = soft_wpmi(np.array([[0.5], [0.25]]), np.array([2.0, 1.0]), pool(texts=1)[1])
    assert found.item() == pytest.approx(math.log(1 - 0.998 * 0.5) + math.log(1 - 0.984 * 0.75), abs=1e-6)


def test_the_softmax_is_over_the_texts() -> None:
    found = SIMILARITIES["soft-wpmi"].prepare(np.array([[0.1, 0.3]]))
    assert found[0, 1] == pytest.approx(1 / (1 + math.exp(10 * (0.1 - 0.3))))
    assert found.sum() == pytest.approx(1)


def test_the_prior_is_the_log_of_the_mean_probability_of_random_draws() -> None:
    draws = np.log(np.array([[0.1, 0.5], [0.3, 0.5]]))
    np.testing.assert_allclose(SIMILARITIES["soft-wpmi"].prior(draws), np.log([0.2, 0.5]))
    np.testing.assert_allclose(SIMILARITIES["wpmi"].prior(draws), 0.6 * np.log([0.2, 0.5]))
    assert not SIMILARITIES["cosine"].prior(draws).any()


def test_soft_wpmi_is_that_of_the_papers_program() -> None:
    """The statements of soft_wpmi in CLIP-Dissect's similarity.py, for one unit whose top images these patches are."""
    rng = np.random.default_rng(3)
    clip, top_k = rng.normal(0.25, 0.05, (12, 7)), 12
    feats = torch.softmax(10 * torch.tensor(clip), dim=1)
    inside = 0.998 - (torch.arange(0, top_k) / top_k * (0.998 - 0.97)).unsqueeze(1)
    expected = torch.sum(torch.log(1 + inside * (feats - 1) + 1e-7), dim=0).numpy()
    similarity = SIMILARITIES["soft-wpmi"]
    found = similarity.aggregate(similarity.prepare(clip), np.arange(12, 0, -1.0), pool()[1])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rank_reorder_is_zero_in_the_right_order_and_minus_the_ratio_otherwise() -> None:
    values = np.array([3.0, 2.0, 1.0])
    scores = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    found = rank_reorder(scores, values, pool(texts=2)[1])
    # Reversed: errors 2, 0, 2, cubed 16 in all, 16/3 in the mean. Random: of nine pairs four differ by 1 and two by 2.
    random = (4 * 1 + 2 * 8) / 9
    np.testing.assert_allclose(found, [0, -(16 / 3) / random / math.sqrt(0.5)])


def test_rank_reorder_survives_equal_activations_and_negative_scores() -> None:
    found = rank_reorder(np.array([[-0.2], [-0.1]]), np.array([1.0, 1.0]), pool(texts=1)[1])
    assert np.isfinite(found).all()


def test_cosine_is_that_of_activations_with_zeros_for_random_patches() -> None:
    random, summed = pool()
    own, values = np.random.default_rng(1).normal(0.4, 0.1, (5, 3)), np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    activations = np.concatenate([values, np.zeros(len(random))])
    together = np.concatenate([own, random])
    expected = activations @ together / np.linalg.norm(activations) / np.linalg.norm(random, axis=0)
    np.testing.assert_allclose(cosine(own, values, summed), expected)


def test_cubed_cosine_is_that_of_cubed_deviations() -> None:
    random, summed = pool()
    own, values = np.random.default_rng(1).normal(0.4, 0.1, (5, 3)), np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    activations = np.concatenate([values, np.zeros(len(random))])
    first = (activations - activations.mean()) ** 3
    second = (np.concatenate([own, random]) - random.mean(0)) ** 3
    cubed = (random - random.mean(0)) ** 3
    expected = first @ second / np.linalg.norm(first) / np.linalg.norm(cubed, axis=0)
    np.testing.assert_allclose(cosine_cubed(own, values, summed), expected)


@pytest.mark.parametrize("name", SIMILARITIES)
def test_stacked_draws_are_those_one_by_one(name: str) -> None:
    _, summed = pool(texts=4)
    draws = np.random.default_rng(2).normal(0.3, 0.1, (6, 5, 4))
    similarity, values = SIMILARITIES[name], np.array([5.0, 4.0, 2.0, 2.0, 1.0])
    prepared = np.stack([similarity.prepare(one) for one in draws])
    together = similarity.aggregate(prepared, values, summed)
    alone = np.stack([similarity.aggregate(one, values, summed) for one in prepared])
    np.testing.assert_allclose(together, alone)


@pytest.mark.parametrize("name", sorted(SIMILARITIES))
def test_draws_are_aggregated_as_their_patches_are(name: str) -> None:
    """Rank by rank or patch by patch, the sums are the same."""
    rng = np.random.default_rng(4)
    similarity = SIMILARITIES[name]
    scores = similarity.prepare(rng.uniform(0.1, 1, (30, 9)))
    draws = np.stack([rng.permutation(30)[:7] for _ in range(11)])
    values, summed = np.sort(rng.random(7))[::-1], Pool.of(scores)
    found = similarity.of_draws(scores, draws, values, summed)
    expected = np.stack([similarity.aggregate(scores[draw], values, summed) for draw in draws])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
