"""Wording of a report: numbers as a reader expects them, and the reasons of a verdict as sentences."""

from __future__ import annotations

from typing import Any, Final

from .verification import ALPHA, MIN_IMAGES, VerificationRow, passes_test

_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_GROUPS: Final = str.maketrans(",", "\u202f")

#: What each verdict means, in the order of a report's tables. The last two are the report's own: the others
#: are those of `verification`.
VERDICTS: Final = {
    "confirmed": "gate, test and base rate passed",
    "unspecific": "gate and test passed, but the unit fires for almost anything",
    "gate only": "enough target images activate the unit, but not more than other images do",
    "test only": "target images activate the unit more than others, but too few of them do",
    "rejected": "gate and test failed",
    "untestable": "too few held-out images for a test or the base rate, or all activations equal",
    "unverified": "labelled, but no image was held out",
    "unlabelled": "no label, for the reason given with the unit",
}


#: Where the class of a facet or a description lies, seen from the classes of the label.
RELATION_WORDS: Final = {
    "equal": "same class as in the label",
    "under": "a kind of what the label says",
    "above": "more general than the label",
    "sibling": "sibling of a class in the label",
    "unrelated": "not related to the label",
}


def count(number: int) -> str:
    r"""Write a whole number in groups of three digits.

    Examples
    --------
    >>> count(1280).replace("\u202f", " ")
    '1 280'
    """
    return f"{number:,}".translate(_GROUPS)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    r"""Write a number with its noun.

    Examples
    --------
    >>> counted(1, "image"), counted(3, "image")
    ('1\xa0image', '3\xa0images')
    """
    return f"{count(number)}\u00a0{noun if number == 1 else plural or noun + 's'}"


def setting(value: object) -> str:
    """Write a setting of a run; units as on the command line.

    Examples
    --------
    >>> setting([0, 1, 2, 5, 7, 8]), setting(("and", "or")), setting(None), setting(0.8)
    ('0-2,5,7,8', 'and, or', '–', '0.8')
    """
    if value is None:
        return "\N{EN DASH}"
    if not isinstance(value, list | tuple):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if not value or not all(isinstance(one, int) for one in value):
        return ", ".join(map(str, value)) or "none"
    runs: list[list[int]] = []
    for number in value:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def decimal(number: float, digits: int = 3) -> str:
    """Write a number with a fixed number of decimals and a real minus sign.

    Examples
    --------
    >>> decimal(-5.2109, 2), decimal(-0.0001, 2)
    ('−5.21', '0.00')
    """
    text = f"{number:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def short(number: float) -> str:
    """Write an activation with three significant digits.

    Examples
    --------
    >>> short(6.0), short(0.01234), short(-12345.0)
    ('6', '0.0123', '−12300')
    """
    rounded = float(f"{number:.3g}")
    text = f"{rounded:.0f}" if 100 <= abs(rounded) < 1e7 else f"{rounded:g}"
    return text.replace("-", "−")


def percent(number: float) -> str:
    r"""Write a percentage given as 0 to 100.

    Examples
    --------
    >>> percent(93.0625), percent(100.0)
    ('93.1\xa0%', '100\xa0%')
    """
    return f"{f'{number:.1f}'.removesuffix('.0')}\u00a0%"


def score_name(score: str) -> str:
    """Write the name of a score as people do.

    Examples
    --------
    >>> score_name("f1"), score_name("balanced_accuracy")
    ('F1', 'balanced accuracy')
    """
    names = {"f1": "F1", "iou": "IoU", "mcc": "MCC", "wracc": "WRAcc"}
    return names.get(score, score.replace("_", " "))


def probability(p: float) -> str:
    r"""Write a p-value: three decimals where they say something, a power of ten below.

    Examples
    --------
    >>> probability(0.0421), probability(9.43e-8), probability(0.0)
    ('0.042', '9.4\xa0×\xa010⁻⁸', 'below\xa010⁻³⁰⁰')
    """
    if p >= 0.001:
        return "1" if p == 1 else f"{p:.3f}"
    if p < 1e-300:
        return f"below\u00a010{'-300'.translate(_SUPERSCRIPTS)}"
    mantissa, _, exponent = f"{p:.1e}".partition("e")
    return f"{mantissa}\u00a0×\u00a010{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def verdict_kind(record: dict[str, Any], row: VerificationRow | None) -> str:
    """Give the key of `VERDICTS` for a unit, from its record in the run and its row of the verification."""
    if not record["solutions"]:
        return "unlabelled"
    return row.verdict.partition(":")[0] if row else "unverified"


def why_unlabelled(record: dict[str, Any]) -> str:
    """Say why a unit has no label."""
    reason = str(record["status"])
    return "the search found no expression" if reason == "labelled" else reason


def chance_sentence(record: dict[str, Any]) -> str:
    r"""Say how a label's score compares with what the same search reaches on permuted examples.

    Empty where that was not tested.

    Examples
    --------
    >>> tested = {"permutation_p": 1 / 101, "permutations": 100, "permutation_hits": 0, "permutations_undecided": 0}
    >>> chance_sentence(tested).replace("\xa0", " ")
    'Better than chance: p = 0.010, none of 100 permutations of the examples scores as well.'
    """
    p = record.get("permutation_p")
    if p is None:
        return ""
    hits, drawn, undecided = record["permutation_hits"], record["permutations"], record["permutations_undecided"]
    judgement = "Better than chance" if p <= ALPHA else "No better than chance"
    permutations = f"{counted(drawn, 'permutation')} of the examples"
    scoring = f"{count(hits) if hits else 'none'} of {permutations} {'score' if hits > 1 else 'scores'} as well"
    limit = f", {count(undecided)} of them undecided" if undecided else ""
    return f"{judgement}: p\u00a0=\u00a0{probability(p)}, {scoring}{limit}."


def verdict_reasons(row: VerificationRow, *, threshold: float, tested: int) -> list[str]:
    """Say in sentences what led to a verdict.

    Parameters
    ----------
    row
        The unit's verification.
    threshold
        An image activates the unit above this.
    tested
        Number of labels tested together.
    """
    if row.gate is None and row.p is not None and row.p_holm is not None:
        return _band_sentences(row, tested)
    sentences = [_gate_sentence(row, threshold)]
    if row.p is None or row.u is None or row.z is None or row.p_holm is None:
        obstacle = row.verdict.partition(": ")[2]
        return [*sentences, f"Not tested: {obstacle.replace('needed', 'are needed')}."]
    passed = passes_test(row)
    direction = "" if passed or row.p_holm >= ALPHA else ", but the unit is lower for the label"
    sentences.append(
        f"Test {'passed' if passed else 'failed'}: U = {short(row.u)} of {count(_pairs(row))} pairs, "
        f"z = {decimal(row.z, 2)}, p\u00a0=\u00a0{probability(row.p)}; Holm over {counted(tested, 'label')}: "
        f"p\u00a0=\u00a0{probability(row.p_holm)}, {_side(row.p_holm)} {ALPHA:g}{direction} ({row.test})."
    )
    if row.auc is not None:
        interval = (
            f" (95\u00a0% interval {decimal(row.auc_low, 2)} to {decimal(row.auc_high, 2)})"
            if row.auc_low is not None and row.auc_high is not None
            else " (no interval: the groups are too small or fully apart)"
        )
        sentences.append(f"AUC {decimal(row.auc, 3)}{interval}.")
    return [*sentences, _base_rate_sentence(row), _margin_sentence(row)]


def _band_sentences(row: VerificationRow, tested: int) -> list[str]:
    """Say how often the label's images and others lie in the band of activations that was labelled."""
    return [
        f"{percent(row.target_percent or 0)} of {counted(row.target_images, 'target image')} lie in the band, which "
        f"begins at {short(row.threshold)}, against {percent(row.non_target_percent or 0)} of "
        f"{counted(row.non_target_images, 'other')}.",
        f"Test {'passed' if passes_test(row) else 'failed'}: p\u00a0=\u00a0{probability(row.p or 0)}; Holm over "
        f"{counted(tested, 'label')}: p\u00a0=\u00a0{probability(row.p_holm or 0)}, {_side(row.p_holm or 0)} "
        f"{ALPHA:g} ({row.test}).",
        _margin_sentence(row),
    ]


def _base_rate_sentence(row: VerificationRow) -> str:
    """Say whether the unit is active for its label more often than for anything."""
    if row.p_base_rate is None:
        return ""
    if row.base_rate is None:
        return (
            f"Base rate untestable: if all {counted(row.target_images, 'target image')} and none of the "
            f"{counted(row.non_target_images, 'other')} were above a level, Fisher's exact test over the levels would "
            f"still not be below {ALPHA:g}. More images are needed."
        )
    p = f"Fisher's exact test over the levels p\u00a0=\u00a0{probability(row.p_base_rate)}"
    if row.base_rate_cutoff is None:
        return (
            f"Base rate failed: no level (the threshold, 20, 40, 60\u00a0% of the maximum) is reached by "
            f"{row.gate_percent:g}\u00a0% of the target images and by fewer of the others."
        )
    where = f"above {short(row.base_rate_cutoff)} the target images pass the gate and the others do not; {p}"
    return f"Base rate {'passed' if row.base_rate else 'failed'}: {where}, {_side(row.p_base_rate)} {ALPHA:g}."


def _side(p: float) -> str:
    return "below" if p < ALPHA else "not below"


def _margin_sentence(row: VerificationRow) -> str:
    """Say how often the unit fires for its label and for others at rising shares of its maximum."""
    if not row.error_margins:
        return ""
    shares = ", ".join(
        f"{percent(margin.target_percent)} and {percent(margin.non_target_percent)} above {100 * margin.level:g}\u00a0%"
        for margin in row.error_margins
    )
    return f"Of target and other images activate the unit, by share of its maximum: {shares}."


def _pairs(row: VerificationRow) -> int:
    return row.target_images * row.non_target_images


def _gate_sentence(row: VerificationRow, threshold: float) -> str:
    if row.target_percent is None:
        return "No held-out image is an instance of the label."
    others = (
        ""
        if row.non_target_percent is None
        else f", against {percent(row.non_target_percent)} of {counted(row.non_target_images, 'other')}"
    )
    activating = round(row.target_percent * row.target_images / 100)
    # With fewer images than a verdict needs, passing or failing the gate would say nothing.
    too_few = row.target_images < MIN_IMAGES or row.gate is None
    heading = "Gate" if too_few else f"Gate {'passed' if row.gate else 'failed'}"
    return (
        f"{heading}: {count(activating)} of {counted(row.target_images, 'target image')} "
        f"({percent(row.target_percent)}) activate the unit above {short(threshold)}{others}. "
        f"{row.gate_percent:g}\u00a0% of the target images are needed."
    )
