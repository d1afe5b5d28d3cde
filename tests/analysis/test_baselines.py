"""Baselines against their published definitions: hand-worked examples, brute force, and the published formulas."""

import itertools
import math

import numpy as np
import pytest
from neurontology.analysis.baselines import compex, invert
from neurontology.analysis.baselines.chains import Step, beam_search, members, text
from neurontology.analysis.baselines.clip_dissect import similarities, top_count
from neurontology.analysis.baselines.measures import judge, mean_over_units
from neurontology.analysis.baselines.methods import find_kind
from neurontology.analysis.baselines.netdissect import concept_ious
from neurontology.ontology.errors import UsageError
from neurontology.reasoner.auroc import centred_ranks

sklearn_metrics = pytest.importorskip("sklearn.metrics")


class TestMeasures:
    def test_the_worked_example_of_mean_activation_difference(self) -> None:
        # Control 0, 1, 2: mean 1, population deviation √(2/3). With the label 4, 2, 3: mean 3.
        worth = judge([4.0, 2.0, 3.0, 0.0, 1.0, 2.0], np.array([1, 1, 1, 0, 0, 0], bool))
        assert worth is not None and worth.mad is not None
        assert worth.mad == pytest.approx((3 - 1) / math.sqrt(2 / 3))
        # Pairs: 8 of 9 won, one tied.
        assert worth.auc == pytest.approx(8.5 / 9)

    @pytest.mark.parametrize("seed", range(5))
    def test_auc_is_that_of_scikit_learn(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        values, shown = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.3
        worth = judge(values, shown)
        assert worth is not None
        assert worth.auc == pytest.approx(sklearn_metrics.roc_auc_score(shown, values))

    def test_too_few_images_and_silent_controls(self) -> None:
        assert judge([1.0, 2.0, 3.0, 4.0, 5.0], np.array([1, 1, 0, 0, 0], bool)) is None
        assert judge([1.0, 2.0, 3.0, 4.0, 5.0], np.array([1, 1, 1, 0, 0], bool)) is None
        silent = judge([1.0, 2.0, 3.0, 0.0, 0.0, 0.0], np.array([1, 1, 1, 0, 0, 0], bool))
        assert silent is not None
        assert (silent.auc, silent.mad) == (1.0, None)

    def test_the_interval_over_units_is_near_that_of_the_normal_distribution(self) -> None:
        values = np.random.default_rng(1).normal(0.7, 0.1, 400)
        found = mean_over_units(values.tolist())
        assert found.low is not None and found.high is not None
        half = 1.96 * values.std() / math.sqrt(400)
        assert found.mean == pytest.approx(values.mean())
        assert found.low == pytest.approx(values.mean() - half, abs=half / 8)
        assert found.high == pytest.approx(values.mean() + half, abs=half / 8)
        assert mean_over_units([]).mean is None
        assert mean_over_units([0.4]).low is None


class TestChains:
    CONCEPTS = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 1]], bool)

    def test_members_and_words_go_from_left_to_right(self) -> None:
        chain = (Step("and", 0), Step("or", 1), Step("and", 2, negated=True))
        assert text(chain, "abc") == "((a or b) and not c)"
        assert members(chain, self.CONCEPTS).tolist() == [True, False, True, False, False, False]
        assert members((Step("or", 0, negated=True),), self.CONCEPTS).tolist() == [False, False, *[True] * 4]

    def test_a_wide_beam_finds_what_brute_force_finds(self) -> None:
        rng = np.random.default_rng(0)
        further = (("or", False), ("and", False), ("and", True))
        for _ in range(20):
            concepts, weights = rng.random((4, 30)) < 0.4, rng.normal(size=30)
            best = max(
                float(members(chain, concepts) @ weights)
                for length in (1, 2, 3)
                for concept in itertools.product(range(4), repeat=length)
                for joins in itertools.product(further, repeat=length - 1)
                for chain in [
                    (
                        Step("and", concept[0]),
                        *(Step(j[0], c, j[1]) for c, j in zip(concept[1:], joins, strict=True)),
                    )
                ]
            )
            found = beam_search(
                concepts, lambda held, w=weights: held @ w, first=(False,), further=further, size=10**6, length=3
            )
            assert found is not None
            assert found[1] == pytest.approx(best)
            assert members(found[0], concepts) @ weights == pytest.approx(best)

    def test_a_narrow_beam_keeps_one_chain_and_nothing_may_be_allowed(self) -> None:
        # The best single concept (a: 2) leads to nothing better; b or c (4) is out of reach of a beam of one.
        concepts = np.array([[1, 1, 0, 0, 0, 0, 1], [0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0]], bool)
        weights = np.array([1.0, 1, 2, -1.5, 1, 2, 0])

        def score(held):
            return held @ weights

        options = {"first": (False,), "further": (("or", False),), "length": 2}
        assert beam_search(concepts, score, size=1, **options) == ((Step("and", 0), Step("or", 1)), 3.5)
        assert beam_search(concepts[1:], score, size=5, **options) == ((Step("and", 0), Step("or", 1)), 3.5)
        assert beam_search(concepts, lambda held: np.full(len(held), -np.inf), size=3, **options) is None


class TestInvert:
    def test_auroc_is_that_of_scikit_learn_within_the_allowed_parts(self) -> None:
        rng = np.random.default_rng(3)
        activations, held = rng.integers(0, 9, 60).astype(float), rng.random((20, 60)) < rng.random((20, 1))
        found = invert.aurocs(held, centred_ranks(activations))
        part = held.mean(1)
        for members_, value, share in zip(held, found, part, strict=True):
            if invert.LEAST <= share <= invert.MOST:
                assert value == pytest.approx(sklearn_metrics.roc_auc_score(members_, activations))
            else:
                assert value == -np.inf
        assert (found == -np.inf).any() and (found > 0).any()

    def test_a_hand_worked_unit(self) -> None:
        # The unit fires for a without b. Half of the images are the most that a formula may hold for.
        concepts = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0]], bool)
        activations = np.array([9.0, 8, 1, 2, 3, 4, 0, 5])
        # Not b: 9, 8 and 5 are above each of 1, 2, 3, 4, and 0 above none: 12 of 16 pairs. a has 8 + 0 + 1 + 1 of 16.
        assert invert.explain(concepts, activations, 1) == ((Step("and", 1, negated=True),), 0.75)
        found = invert.explain(concepts, activations, 2)
        assert found is not None
        assert members(found[0], concepts).tolist() == [True, True, *[False] * 6]
        assert found[1] == 1.0


class TestClipDissect:
    SCORES = np.array(
        [[0.9, 0.1, 0.3], [0.8, 0.2, 0.3], [0.1, 0.7, 0.3], [0.2, 0.9, 0.4], [0.3, 0.3, 0.1], [0.5, 0.2, 0.6]]
    )
    UNITS = np.array([[5.0, 0.0], [4.0, 1.0], [0.0, 5.0], [1.0, 4.0], [2.0, 2.0], [3.0, 3.0]])

    def test_soft_wpmi_is_the_published_formula(self) -> None:
        k = top_count("soft-wpmi", 6)
        assert k == 5
        soft = np.exp(10 * self.SCORES) / np.exp(10 * self.SCORES).sum(1, keepdims=True)
        given = np.empty((2, 3))
        for unit, text_ in itertools.product(range(2), range(3)):
            best = sorted(range(6), key=lambda i: -self.UNITS[i, unit])[:k]
            given[unit, text_] = sum(
                math.log(1 + (0.998 - rank / k * (0.998 - 0.97)) * (soft[i, text_] - 1) + 1e-7)
                for rank, i in enumerate(best)
            )
        expected = given - np.log(np.exp(given).mean(0))
        assert similarities(self.SCORES, self.UNITS) == pytest.approx(expected)
        # Pointwise mutual information takes off what a text gets from every unit.
        assert similarities(self.SCORES, self.UNITS).argmax(1).tolist() == [0, 1]

    def test_wpmi_is_the_published_formula(self) -> None:
        soft = np.exp(2 * self.SCORES) / np.exp(2 * self.SCORES).sum(1, keepdims=True)
        order = np.argsort(-self.UNITS, axis=0, kind="stable")[:5]
        given = np.stack([np.log(soft[order[:, unit]] + 1e-7).sum(0) for unit in range(2)])
        expected = given - 0.6 * np.log(np.exp(given).mean(0))
        assert similarities(self.SCORES, self.UNITS, "wpmi") == pytest.approx(expected)

    def test_the_cosines_are_the_published_formulas(self) -> None:
        plain = (self.UNITS.T @ self.SCORES) / np.outer(
            np.linalg.norm(self.UNITS, axis=0), np.linalg.norm(self.SCORES, axis=0)
        )
        assert similarities(self.SCORES, self.UNITS, "cosine") == pytest.approx(plain)
        q, p = (self.UNITS - self.UNITS.mean(0)) ** 3, (self.SCORES - self.SCORES.mean(0)) ** 3
        cubed = (q.T @ p) / np.outer(np.linalg.norm(q, axis=0), np.linalg.norm(p, axis=0))
        assert similarities(self.SCORES, self.UNITS, "cosine-cubed") == pytest.approx(cubed)

    def test_rank_reorder_is_the_published_formula_with_the_expected_baseline(self) -> None:
        unit, scores = self.UNITS[:, :1], self.SCORES + np.arange(6)[:, None] / 1000
        top = np.argsort(-unit[:, 0])[:5]
        q = np.sort(unit[top, 0])[::-1]
        expected = []
        for column in scores.T:
            by_text = np.empty(5)
            by_text[np.argsort(-column[top], kind="stable")] = q
            error = (np.abs(by_text - q) ** 3).mean()
            random = np.mean([np.abs(np.array(order) - q) ** 3 for order in itertools.permutations(q)])
            expected.append(-error / random / math.sqrt(column[top].mean()))
        assert similarities(scores[:, :2], unit, "rank-reorder")[0] == pytest.approx(expected[:2])

    def test_unknown_similarity(self) -> None:
        with pytest.raises(UsageError, match="no similarity 'cosin'"):
            similarities(self.SCORES, self.UNITS, "cosin")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("netdissekt", "no method"),
        ("netdissect:x", "no variant 'x'"),
        ("clip-dissect:cos", "no similarity 'cos'"),
        ("engine:f2", "unknown score 'f2'"),
    ],
)
def test_unknown_methods(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_kind(name)


def dissection(kinds, area, masked, categories=(0, 0), masked_in=None):
    from neurontology.analysis.baselines.dissection import Dissection

    masked = np.asarray(masked, float)
    return Dissection(
        names=tuple("abcdef"[: len(kinds)]),
        categories=np.asarray(categories),
        kinds=np.asarray(kinds, bool),
        area=np.asarray(area, float),
        masked=masked,
        masked_in=np.repeat(masked.sum(1)[:, None], 3, axis=1) if masked_in is None else np.asarray(masked_in, float),
        present=(),
    )


class TestMasks:
    """Three kinds of pixels: a, b, neither. The unit's mask covers 6 of 10, 3 of 5 and 1 of 85 of them."""

    def test_iou_by_hand(self) -> None:
        pytest.importorskip("torch")
        one = dissection([[1, 0, 0], [0, 1, 0]], [10, 5, 85], [[6, 3, 1]])
        assert concept_ious(one).tolist() == [[6 / (10 + 10 - 6), 3 / (10 + 5 - 3)]]
        assert compex.explain(one, 0, 1) == ((Step("and", 0),), pytest.approx(6 / 14))
        # a or b: 9 of the unit's 10, 15 pixels.
        assert compex.explain(one, 0, 2) == ((Step("and", 0), Step("or", 1)), pytest.approx(9 / 16))

    def test_and_not(self) -> None:
        pytest.importorskip("torch")
        # Kinds: a alone, a and b, neither; the unit answers to a alone.
        one = dissection([[1, 1, 0], [0, 1, 0]], [10, 10, 80], [[9, 0, 1]])
        assert compex.explain(one, 0, 2) == ((Step("and", 0), Step("and", 1, negated=True)), pytest.approx(9 / 11))
        silent = dissection([[1, 1, 0], [0, 1, 0]], [10, 10, 80], [[0, 0, 0]])
        assert compex.explain(silent, 0, 2) is None
        assert concept_ious(silent).tolist() == [[0, 0]]

    def test_photographs_without_a_category_do_not_count_against_its_concepts(self) -> None:
        pytest.importorskip("torch")
        one = dissection([[1, 0, 0], [0, 1, 0]], [10, 5, 85], [[6, 3, 1]], (0, 1), [[10, 4, 0]])
        assert concept_ious(one)[0, 1] == pytest.approx(3 / (4 + 5 - 3))
