"""Verdicts: the four outcomes, what cannot be tested, and the adjustment over a table."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from neurontology.analysis.report_wording import verdict_reasons
from neurontology.analysis.statistics import ErrorMargin, RankTest
from neurontology.analysis.verification import Criteria, VerificationRow, adjust, verify_unit
from neurontology.ontology.errors import DataError, UsageError
from scipy.stats import mannwhitneyu, norm

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
    "test",
    "interval",
    "threshold",
    "gate_percent",
    "p_base_rate",
    "base_rate_cutoff",
    "base_rate",
    "maximum",
    "error_margins",
]


def verify(target, others, *, maximum=None, **options):
    values = np.array([*target, *others], dtype=np.float32)
    mask = np.arange(values.size) < len(target)
    return verify_unit(values, mask, unit=4, label="lamp", criteria=Criteria(**options), maximum=maximum)


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
        "test": "one-sided asymptotic",
        "interval": "DeLong 95 %",
        "threshold": 0.0,
        "gate_percent": 80.0,
        # 4 of 5 against 1 of 6 above 2.8: 4 levels times (C(5,4) C(6,1) + C(5,5) C(6,0)) / C(11,5).
        "p_base_rate": pytest.approx(4 * (5 * 6 + 1) / 462),
        "base_rate_cutoff": pytest.approx(2.8),
        "base_rate": False,
        "maximum": 7.0,
        # Above 0, 1.4, 2.8, 4.2.
        "error_margins": [
            {"level": 0.0, "cutoff": 0.0, "target_percent": 80.0, "non_target_percent": 50.0},
            {"level": 0.2, "cutoff": pytest.approx(1.4), "target_percent": 80.0, "non_target_percent": 100 * 2 / 6},
            {"level": 0.4, "cutoff": pytest.approx(2.8), "target_percent": 80.0, "non_target_percent": 100 * 1 / 6},
            {"level": 0.6, "cutoff": pytest.approx(4.2), "target_percent": 40.0, "non_target_percent": 100 * 1 / 6},
        ],
    }
    assert row.auc_low < row.auc < row.auc_high


def test_json_has_the_agreed_keys_in_order_and_only_plain_values():
    for row in (verify([1, 2, 3], [0, 0, 1]), verify([], [0, 1])):
        assert list(row.to_json()) == KEYS
        text = json.dumps(row.to_json(), allow_nan=False)
        record = json.loads(text)
        margins = tuple(ErrorMargin(**margin) for margin in record.pop("error_margins"))
        assert VerificationRow(**record, error_margins=margins) == row


@pytest.mark.parametrize(
    ("target", "others", "verdict"),
    [
        ([9, 9, 8, 7, 6], [0, 0, 0, 0, 1, 2], "confirmed"),
        ([3, 2, 1, 4, 0], [3, 2, 1, 4, 5, 6], "gate only"),
        ([9, 9, 9, 0, 0, 8, 7, 6], [0] * 20, "test only"),
        ([10, 3, 3, 1, 1] * 20, [9, 3, 1, 1, 1, 0] * 40, "unspecific"),
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
    assert verify([5, 6], [1, 2, 3], minimum=2).p is not None
    assert verify([5, 6, 7], [1, 2, 3], minimum=4).p is None


@pytest.mark.parametrize(
    ("test", "name"),
    [
        (RankTest(tie_correction=True), "one-sided asymptotic, tie-corrected"),
        (RankTest(method="exact"), "one-sided exact"),
        (RankTest(method="auto"), "one-sided exact"),
        (RankTest("two-sided"), "two-sided asymptotic"),
    ],
)
def test_variant_reaches_the_test_and_stands_beside_it(test, name):
    target, others = [4, 3, 0, 5, 6], [0, 0, 1, 2, 0, 7, 0]
    row = verify(target, others, test=test)
    assert row.p != verify(target, others).p
    assert row.test == name


def test_a_two_sided_test_confirms_in_the_direction_of_the_label_only():
    high, low = np.linspace(3, 4, 30), np.linspace(0, 2, 30)
    assert verify(high, low, test=RankTest("two-sided")).verdict == "confirmed"
    row = verify(low + 0.1, high, test=RankTest("two-sided"))
    assert row.p_holm < 1e-6
    assert row.gate
    assert row.verdict == "gate only"


def test_a_unit_that_fires_for_almost_everything_does_not_mean_its_label():
    rng = np.random.default_rng(21)
    loudness = rng.exponential(size=300)
    others = np.where(np.arange(200) < 170, loudness[100:], 0)
    row = verify(loudness[:100] + 0.2, others)
    assert (row.target_percent, row.non_target_percent) == (100, 85)
    assert row.gate
    assert row.p_holm < 0.05
    assert row.base_rate is False
    assert row.verdict == "unspecific"


def test_a_unit_that_is_never_silent_may_be_loud_for_its_label_alone():
    row = verify([7, 8, 9, 9, 10, 8], [1, 2, 1, 3, 2, 1, 2])
    assert (row.non_target_percent, row.base_rate, row.verdict) == (100, True, "confirmed")
    assert row.base_rate_cutoff == pytest.approx(4)
    # Four levels were looked at: 4 / C(13, 6).
    assert row.p_base_rate == pytest.approx(4 / math.comb(13, 6))


def test_a_base_rate_that_so_few_images_cannot_show_is_untestable_and_not_failed():
    row = verify([5, 5, 5, 5], [0, 0, 0, 0])
    assert (row.p_base_rate, row.base_rate) == (pytest.approx(4 / 70), None)
    assert row.verdict == "untestable: 4 target and 4 non-target images are too few for the base rate"
    # It was tested by ranks, and counts as a hypothesis.
    assert (row.p, row.p_holm, row.auc) == (pytest.approx(norm.cdf(-((16 / 3) ** 0.5))), row.p, 1.0)
    assert "More images are needed." in " ".join(verdict_reasons(row, threshold=0.0, tested=1))
    # A unit that fires for all of so few images is not called unspecific either.
    assert verify([5, 6, 7, 8], [1, 2, 3, 4]).verdict.startswith("untestable")
    assert verify([5, 5, 5, 5, 5], [0, 0, 0, 0]).verdict == "confirmed"
    # One level, because the maximum is not above zero: 1 / 20 for 3 against 3, 1 / 35 for 3 against 4.
    assert verify([-1, -1, -1], [-5, -5, -5], threshold=-3.0, maximum=-1.0).base_rate is None
    assert verify([-1, -1, -1], [-5, -5, -5, -5], threshold=-3.0, maximum=-1.0).verdict == "confirmed"


def test_what_the_gate_or_the_test_decides_needs_no_base_rate():
    assert verify([5, 0, 0, 5], [0, 0, 0, 0]).verdict == "rejected"
    assert verify([4, 4, 5, 5], [4, 4, 5, 5.5]).verdict == "gate only"


@pytest.mark.parametrize(("targets", "others"), [(3, 3), (3, 4), (4, 4), (3, 5), (4, 5), (3, 6), (5, 5), (9, 3)])
def test_the_base_rate_is_untestable_where_no_outcome_of_the_gate_could_pass(targets, others):
    """All outcomes at one level, each with its p by counting."""
    least = min(
        sum(
            math.comb(targets, i) * math.comb(others, active + rest - i)
            for i in range(active, min(targets, active + rest) + 1)
        )
        / math.comb(targets + others, active + rest)
        for active in range(targets + 1)
        for rest in range(others + 1)
    )
    row = verify(np.arange(targets) + 100.0, np.arange(others) / 100)
    assert (row.base_rate is None) == (4 * least >= 0.05)
    assert row.verdict == ("confirmed" if 4 * least < 0.05 else row.verdict)


@pytest.mark.parametrize(
    ("test", "needed"),
    [(RankTest(method="exact"), 4), (RankTest("two-sided", "exact"), 5), (RankTest(), 3), (RankTest("two-sided"), 3)],
)
def test_a_rank_test_that_so_few_images_cannot_pass_is_not_made(test, needed):
    for others in range(3, 8):
        row = verify([9, 8, 7], np.arange(others), test=test)
        assert (row.p is not None) == (others >= needed)
        if row.p is None:
            assert row.verdict.startswith(f"untestable: 3 target and {others} non-target images are too few for the")
            assert (row.p_holm, row.auc) == (None, None)
            assert "even a complete separation has p = " in row.verdict
            assert "Not tested: 3 target and" in verdict_reasons(row, threshold=0.0, tested=0)[1]
        else:
            assert row.p < 0.05


def test_the_base_rate_uses_the_gate_that_was_asked_for():
    target, others = [5, 4, 4, 4, 4, 0, 0] * 4, [0, 4, 0, 0, 0] * 8
    assert verify(target, others).verdict == "test only"
    assert verify(target, others, gate=70).verdict == "confirmed"
    assert verify(target, others, gate=15).verdict == "unspecific"


def test_threshold_may_be_a_share_of_the_maximum():
    target, others = [1, 3, 5], [0, 2, 4]
    assert verify(target, others, threshold=0.5, relative=True, maximum=8.0).target_percent == pytest.approx(100 / 3)
    assert verify(target, others, threshold=0.5, relative=True).threshold == 2.5
    assert verify([-3, -1, -2], [-5, -4, -6], threshold=0.5, relative=True).threshold == 0


def test_error_margins_are_shares_of_the_maximum_that_is_given():
    row = verify([4, 6, 8], [1, 3, 5], maximum=10.0)
    assert [m.cutoff for m in row.error_margins] == [0, 2, 4, 6]
    assert [m.target_percent for m in row.error_margins] == pytest.approx([100, 100, 200 / 3, 100 / 3])
    assert [m.non_target_percent for m in row.error_margins] == pytest.approx([100, 200 / 3, 100 / 3, 0])


def test_columns_spread_the_error_margins():
    row = verify([4, 6, 8], [1, 3, 5], maximum=10.0)
    columns = row.to_columns()
    assert tuple(columns) == VerificationRow.columns()
    assert columns["target_percent_above_40"] == pytest.approx(200 / 3)
    assert columns["non_target_percent_above_60"] == 0
    assert all(isinstance(value, str | int | float | None) for value in columns.values())
    assert tuple(verify([], [1, 2]).to_columns()) == VerificationRow.columns()


def test_interval_is_an_option():
    row = verify([4, 3, 0, 5, 6], [0, 0, 1, 2, 0, 7, 0], interval="bootstrap")
    assert row.interval == "bootstrap 95 %, 2000 resamples"
    assert row.auc_low != verify([4, 3, 0, 5, 6], [0, 0, 1, 2, 0, 7, 0]).auc_low


def test_settings_name_every_choice():
    settings = Criteria(threshold=0.2, relative=True, test=RankTest("two-sided", "auto", True)).settings()
    assert settings["threshold_unit"] == "share of the maximum"
    assert (settings["alternative"], settings["method"], settings["tie_correction"]) == ("two-sided", "auto", True)
    assert json.dumps(settings)


def test_adjusting_a_table_skips_what_was_not_tested():
    rows = [
        replace(verify([4, 4, 5, 5, 6], [0, 0, 1, 1, 0]), unit=unit, p=p) for unit, p in enumerate([0.02, 0.01, 0.03])
    ]
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
    row = verify_unit(values, mask, unit=0, label="x", criteria=Criteria(test=RankTest(tie_correction=True)))
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
    for options in (
        {"gate": 101},
        {"gate": math.nan},
        {"threshold": math.nan},
        {"threshold": 20, "relative": True},
        {"minimum": 0},
        {"interval": "jackknife"},
    ):
        with pytest.raises(UsageError):
            verify([1, 2, 3], [0, 1, 2], **options)
