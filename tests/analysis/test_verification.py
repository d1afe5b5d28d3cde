"""Verdicts: the four outcomes, what cannot be tested, and the adjustment over a table."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from neurontology.analysis.verification import VerificationRow, adjust, verify_unit
from neurontology.ontology.errors import DataError, UsageError
from scipy.stats import mannwhitneyu

KEYS = [
    "unit",
    "label",
    "target_images",
    "non_target_images",
    "target_percent",
    "non_target_percent",
    "target_mean",
    "non_target_mean",
    "target_median",
    "non_target_median",
    "u",
    "z",
    "p",
    "auc",
    "auc_low",
    "auc_high",
    "p_holm",
    "p_bh",
    "gate",
    "verdict",
]


def verify(target, others, **options):
    values = np.array([*target, *others], dtype=np.float32)
    mask = np.arange(values.size) < len(target)
    return verify_unit(values, mask, unit=4, label="lamp", **options)


def test_a_row_worked_by_hand():
    row = verify([4, 3, 0, 5, 6], [0, 0, 1, 2, 0, 7])
    assert row.to_json() == {
        "unit": 4,
        "label": "lamp",
        "target_images": 5,
        "non_target_images": 6,
        "target_percent": 80.0,
        "non_target_percent": 50.0,
        "target_mean": 3.6,
        "non_target_mean": pytest.approx(10 / 6),
        "target_median": 4.0,
        "non_target_median": 0.5,
        # Non-target wins: 7 over all five, 1 and 2 over the one 0, three ties with it.
        "u": 5 + 2 + 1.5,
        "z": pytest.approx((8.5 - 15) / math.sqrt(30 * 12 / 12)),
        "p": pytest.approx(0.11767, abs=1e-5),
        "auc": pytest.approx(21.5 / 30),
        "auc_low": row.auc_low,
        "auc_high": row.auc_high,
        "p_holm": row.p,
        "p_bh": row.p,
        "gate": True,
        "verdict": "gate only",
    }
    assert row.auc_low < row.auc < row.auc_high


def test_json_has_the_agreed_keys_in_order_and_only_plain_values():
    for row in (verify([1, 2, 3], [0, 0, 1]), verify([], [0, 1])):
        assert list(row.to_json()) == KEYS
        text = json.dumps(row.to_json(), allow_nan=False)
        assert VerificationRow(**json.loads(text)) == row


@pytest.mark.parametrize(
    ("target", "others", "verdict"),
    [
        ([9, 9, 8, 7, 6], [0, 0, 0, 0, 1, 2], "confirmed"),
        ([3, 2, 1, 4, 0], [3, 2, 1, 4, 5, 6], "gate only"),
        ([9, 9, 9, 0, 0, 8, 7, 6], [0] * 20, "test only"),
        ([0, 0, 0, 1, 2], [9, 9, 8, 7, 6, 5], "rejected"),
    ],
)
def test_gate_and_test_make_the_verdict(target, others, verdict):
    assert verify(target, others).verdict == verdict


def test_gate_is_inclusive_and_the_threshold_strict():
    others = [0, 0, 1]
    assert verify([1, 1, 1, 1, 0], others).gate is True
    assert verify([1, 1, 1, 0, 0], others).gate is False
    assert verify([1, 1, 1, 1, 0], others, gate=80.1).gate is False
    assert verify([1, 1, 1, 1, 0], others, threshold=1.0).target_percent == 0
    assert verify([1, 1, 1, 1, 0], others, threshold=0.99).target_percent == 80
    assert verify([1, 1, 1, 1, 0], others, threshold=1.0).non_target_percent == 0


def test_firing_less_for_the_label_is_not_confirmed():
    row = verify(np.linspace(1, 2, 30), np.linspace(3, 4, 300))
    assert row.gate
    assert row.p > 0.999
    assert row.verdict == "gate only"
    assert row.auc == 0


@pytest.mark.parametrize(
    ("target", "others", "reason"),
    [
        ([], [1, 2, 3], "0 target images, at least 3 needed"),
        ([5], [1, 2, 3], "1 target image, at least 3 needed"),
        ([5, 6, 7], [1, 2], "2 non-target images, at least 3 needed"),
        ([5, 6, 7], [], "0 non-target images, at least 3 needed"),
        ([2, 2, 2], [2, 2, 2, 2], "all 7 activations equal 2"),
        ([0, 0, 0], [0, 0, 0, 0], "all 7 activations equal 0"),
    ],
)
def test_untestable_units_say_why(target, others, reason):
    row = verify(target, others)
    assert row.verdict == f"untestable: {reason}"
    assert {row.u, row.z, row.p, row.auc, row.auc_low, row.auc_high, row.p_holm, row.p_bh} == {None}
    assert (row.target_percent is None) == (not target) == (row.gate is None) == (row.target_median is None)
    assert (row.non_target_percent is None) == (not others) == (row.non_target_mean is None)


def test_minimum_is_an_option():
    assert verify([5, 6], [1, 2], minimum=2).p is not None
    assert verify([5, 6, 7], [1, 2, 3], minimum=4).p is None


@pytest.mark.parametrize("variant", ["tie-corrected", "exact"])
def test_variant_reaches_the_test(variant):
    target, others = [4, 3, 0, 5, 6], [0, 0, 1, 2, 0, 7, 0]
    assert verify(target, others, variant=variant).p != verify(target, others).p


def test_adjusting_a_table_skips_what_was_not_tested():
    rows = [replace(verify([1, 2, 3], [0, 0, 1]), unit=unit, p=p) for unit, p in enumerate([0.02, 0.01, 0.03])]
    rows.insert(1, verify([], [1, 2, 3]))
    adjusted = adjust(rows)
    assert [row.p_holm for row in adjusted] == pytest.approx([0.04, None, 0.03, 0.04])
    assert [row.p_bh for row in adjusted] == pytest.approx([0.03, None, 0.03, 0.03])
    assert [row.unit for row in adjusted] == [0, 4, 1, 2]
    assert [row.verdict for row in adjusted] == ["confirmed", rows[1].verdict, "confirmed", "confirmed"]
    assert adjust(adjusted) == adjusted
    assert adjust([]) == []


def test_holm_decides_not_benjamini_hochberg():
    first, second = adjust(replace(verify([1, 2, 3], [0, 0, 1]), p=p) for p in (0.03, 0.04))
    assert (first.p_holm, second.p_holm) == pytest.approx((0.06, 0.06))
    assert (first.p_bh, second.p_bh) == pytest.approx((0.04, 0.04))
    assert first.verdict == second.verdict == "gate only"


def test_many_units_raise_the_bar():
    row = verify([9, 9, 8, 7], [0, 0, 0, 1, 2])
    assert row.verdict == "confirmed"
    crowd = adjust([row, *(replace(row, unit=unit, p=0.5) for unit in range(20))])
    assert crowd[0].verdict == "gate only"
    assert crowd[0].p == row.p


def test_noise_is_rarely_confirmed_in_a_layer():
    rng = np.random.default_rng(11)
    mask = np.arange(150) < 25
    confirmed = 0
    for _ in range(40):
        layer = rng.exponential(size=(150, 30))
        rows = adjust(verify_unit(layer[:, u], mask, unit=u, label="x") for u in range(30))
        confirmed += any(row.verdict == "confirmed" for row in rows)
    # Holm keeps the chance of any false confirmation in a layer at 5 %: 2 of 40 expected.
    assert confirmed <= 6


def test_float32_activations_are_not_rounded():
    rng = np.random.default_rng(12)
    values = np.maximum(rng.normal(size=200), 0).astype(np.float32)
    mask = rng.random(200) < 0.2
    row = verify_unit(values, mask, unit=0, label="x", variant="tie-corrected")
    expected = mannwhitneyu(values[mask], values[~mask], alternative="greater", use_continuity=False)
    assert row.p == pytest.approx(expected.pvalue)
    assert row.target_mean == pytest.approx(values[mask].astype(float).mean(), rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_activations_that_are_not_finite_are_refused(bad):
    with pytest.raises(DataError, match="unit 4: the activation of image 2 is"):
        verify([1, 2, bad], [0, 1, 2])


def test_calls_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="booleans"):
        verify_unit([1, 2, 3], [0, 1, 1], unit=0, label="x")
    with pytest.raises(UsageError, match="shape"):
        verify_unit([1, 2, 3], [True, False], unit=0, label="x")
    for options in ({"gate": 101}, {"gate": math.nan}, {"threshold": math.nan}, {"minimum": 0}):
        with pytest.raises(UsageError):
            verify([1, 2, 3], [0, 1, 2], **options)
