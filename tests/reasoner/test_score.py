"""Scores by hand, against scikit-learn, and their bounds by exhaustion."""

import itertools

import numpy as np
import pytest
from neurontology.ontology.errors import UsageError
from neurontology.reasoner import pool
from neurontology.reasoner.score import NAMES, Score, resolve
from sklearn import metrics

ORACLES = {
    "f1": lambda y, z: metrics.f1_score(y, z, zero_division=0.0),
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "iou": lambda y, z: metrics.jaccard_score(y, z, zero_division=0.0),
    "precision": lambda y, z: metrics.precision_score(y, z, zero_division=0.0),
    "mcc": metrics.matthews_corrcoef,
}


@pytest.mark.parametrize("name", ORACLES)
def test_equals_scikit_learn(name):
    p, n = 5, 7
    score = Score(name, minimum_recall=0.0)
    for tp, fp in itertools.product(range(p + 1), range(n + 1)):
        truth = [1] * p + [0] * n
        predicted = [1] * tp + [0] * (p - tp) + [1] * fp + [0] * (n - fp)
        assert float(score.value(tp, fp, p, n)) == pytest.approx(ORACLES[name](truth, predicted), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # tp 3, fp 1 of 4 positives and 10 negatives
        ("f1", 6 / 8),
        ("accuracy", 12 / 14),
        ("balanced_accuracy", (3 / 4 + 9 / 10) / 2),
        ("iou", 3 / 5),
        ("precision", 3 / 4),
        ("wracc", 4 / 14 * (3 / 4 - 4 / 14)),
        ("mcc", (3 * 9 - 1 * 1) / (4 * 4 * 10 * 10) ** 0.5),
    ],
)
def test_hand_worked(name, expected):
    assert float(resolve(name).value(3, 1, 4, 10)) == pytest.approx(expected, abs=1e-12)


def test_precision_needs_its_recall():
    score = resolve("precision@0.75")
    assert float(score.value(2, 0, 4, 10)) == 0.0
    assert float(score.value(3, 0, 4, 10)) == 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("p", "n"), [(1, 1), (1, 9), (6, 5), (9, 2)])
def test_bound_is_the_best_within_reach_or_more(name, p, n):
    score = resolve(name)
    t, f = np.meshgrid(np.arange(p + 1), np.arange(n + 1), indexing="ij")
    value, bound = score.value(t, f, p, n), score.bound(t, f, p, n)
    for tp, fp in itertools.product(range(p + 1), range(n + 1)):
        within = value[: tp + 1, fp:].max()
        assert bound[tp, fp] >= within
        if name != "mcc" or tp * n >= fp * p:
            assert bound[tp, fp] == value[tp, fp] == within


@pytest.mark.parametrize("name", NAMES)
def test_kernels_compute_the_same_bits(name):
    score = resolve(name)
    rng = np.random.default_rng(0)
    for p, n in [(1, 1), (7, 9), (3, 1000), (180, 23180), (12345, 54321)]:
        for tp, fp in zip(rng.integers(0, p + 1, 60).tolist(), rng.integers(0, n + 1, 60).tolist(), strict=True):
            value = pool.value(score.code, score.minimum_recall, tp, fp, p, n)
            assert value == float(score.value(tp, fp, p, n))
            assert pool.bound(score.code, score.minimum_recall, tp, fp, p, n) == float(score.bound(tp, fp, p, n))


def test_mathematically_equal_scores_are_equal_floats():
    # 2tp/(tp+fp+p) = 1/3 in both; balanced accuracy 7/10 in both
    assert resolve("f1").value(1, 1, 4, 9) == resolve("f1").value(2, 6, 4, 9)
    score = resolve("balanced_accuracy")
    assert score.value(1, 1, 2, 10) == score.value(2, 6, 2, 10)


def test_names():
    assert resolve("coverage") == resolve("accuracy")
    for bad in ("f2", "precision@2", "precision@x", "f1@0.5"):
        with pytest.raises(UsageError):
            resolve(bad)
