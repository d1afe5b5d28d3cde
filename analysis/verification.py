"""The verdict on a unit's label, from the unit's activations on images that the label was not induced from.

Three criteria are reported side by side, because they answer different questions and do disagree (on the
published data set some gated units are barely above chance, and some units that rank their concept well miss
the gate):

- the **gate** of Dalal et al. (arXiv 2308.03999): at least 80 % of the target images activate the unit;
- the **test**: target images activate it more than other images do, by a Mann-Whitney U test (one-sided
  unless asked otherwise) whose p-value, adjusted by Holm over all units tested together, is below 0.05, with
  an AUC above one half: a unit that fires *less* for its label never passes;
- the **base rate**: how often the unit fires for anything. A unit that fires for 85 % of all images passes
  the gate for whatever label it is given, and its firing does not mean that label. The base rate is passed
  if at some level of activation (the threshold, or 20, 40 or 60 % of the unit's maximum) at least 80 % of the
  target images and less than 80 % of the other images are above it, and the two shares are not too close: the
  p of a one-sided Fisher's exact test, times the number of levels, is below 0.05 (`base_rate`). That p is
  not adjusted over the units: this criterion can only withdraw what Holm has granted, never grant it. With so few
  images that no outcome could pass (4 against 4: a complete separation has p = 4 / 70 = 0.057), nothing is withdrawn
  and nothing granted: the base rate is untestable, and so is a label that passed the rest.

======================  ======  ======  =========
verdict                 gate    test    base rate
======================  ======  ======  =========
confirmed               passed  passed  passed
unspecific              passed  passed  failed
untestable: base rate   passed  passed  untestable
gate only               passed  failed  either
test only               failed  passed  either
rejected                failed  failed  either
untestable: *reason*    --      --      --
======================  ======  ======  =========

A label is untestable, too, if not even a complete separation of its images had a p below 0.05 by the rank test asked
for: such a result says nothing about the unit.

Holm, not Benjamini-Hochberg, decides, since a verdict is a claim about one unit; ``p_bh`` is there for
those who report a layer as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Final, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..ontology.errors import DataError, UsageError
from .auc import IntervalMethod, auc_interval
from .base_rate import base_rate
from .statistics import (
    ERROR_MARGIN_LEVELS,
    PUBLISHED_TEST,
    ErrorMargin,
    RankTest,
    benjamini_hochberg,
    error_margins,
    holm,
    mann_whitney,
    percent_above,
    smallest_p,
)

#: Percentage of target images that must activate the unit (Dalal et al., arXiv 2308.03999).
GATE: Final = 80.0
#: Level of the rank test after Holm's adjustment, and of the test of the base rate.
ALPHA: Final = 0.05
#: Fewest images of a group for which a verdict is given: with two per group not even perfect separation comes
#: near 5 % (it is 1 of 6 arrangements), with three it does (1 of 20), by the normal approximation below it.
MIN_IMAGES: Final = 3

Scalar: TypeAlias = str | int | float | bool | None
JsonValue: TypeAlias = Scalar | list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """How a label is judged; the default is that of the tables of Dalal et al.

    Attributes
    ----------
    threshold
        An image activates the unit if its activation is strictly above this.
    relative
        Whether `threshold` is a share (0 to below 1) of the unit's maximum instead of an activation.
    gate
        Percentage (0 to 100) of target images that must activate the unit.
    test
        Variant of the rank test.
    interval
        Method of the AUC's interval, see `auc.auc_interval`.
    minimum
        Fewest images of either group for which a verdict is given.

    Raises
    ------
    UsageError
        A number makes no sense.
    """

    threshold: float = 0.0
    relative: bool = False
    gate: float = GATE
    test: RankTest = PUBLISHED_TEST
    interval: IntervalMethod = "delong"
    minimum: int = MIN_IMAGES

    def __post_init__(self) -> None:
        if not 0 <= self.gate <= 100:
            raise UsageError(f"the gate is {self.gate}", expected="a percentage from 0 to 100")
        if not math.isfinite(self.threshold):
            raise UsageError(f"the activation threshold is {self.threshold}", expected="a finite number")
        if self.relative and not 0 <= self.threshold < 1:
            raise UsageError(
                f"the activation threshold is {100 * self.threshold:g} % of the maximum",
                expected="a share from 0 to below 100 %",
            )
        if self.interval not in get_args(IntervalMethod):
            raise UsageError(f"there is no interval {self.interval!r}", expected=" or ".join(get_args(IntervalMethod)))
        if self.minimum < 1:
            raise UsageError(f"the fewest images are {self.minimum}", expected="at least 1")

    def settings(self) -> dict[str, Scalar]:
        """Every choice by its name, fit for JSON and for triples."""
        return {
            "threshold": self.threshold,
            "threshold_unit": "share of the maximum" if self.relative else "activation",
            "gate": self.gate,
            "alternative": self.test.alternative,
            "method": self.test.method,
            "tie_correction": self.test.tie_correction,
            "test": self.test.sentence,
            "auc_interval": self.interval,
            "base_rate": "one-sided Fisher's exact test, Bonferroni over the threshold, 20, 40 and 60 % of the maximum",
            "alpha": ALPHA,
            "adjustment": "Holm",
            "minimum_images": self.minimum,
        }


#: How the published tables judge, with the base rate besides.
PUBLISHED_CRITERIA: Final = Criteria()


@dataclass(frozen=True, slots=True)
class VerificationRow:
    """One unit, its label, and what images not used for induction say about it.

    Attributes
    ----------
    unit
        Index of the unit in its layer.
    label
        The concept or class expression that the target images show.
    target_images, non_target_images
        Numbers of images of the label's concept and of all others.
    target_percent, non_target_percent
        Percentages of each group (0 to 100) whose activation is above the threshold.
    target_mean, non_target_mean, target_median, non_target_median
        Of the activations of each group.
    u, z, p
        Mann-Whitney test; ``u`` and ``z`` are small where the label holds (see `statistics`).
    auc, auc_low, auc_high
        Probability that a target image activates the unit more than another image, with its 95 % interval.
    p_holm, p_bh
        ``p`` adjusted over all rows that were tested together.
    gate
        Whether ``target_percent`` reaches the gate; None without target images, and of a band of activations.
    verdict
        See the module's table.
    test
        Variant of the rank test that gave ``u``, ``z`` and ``p``, such as "one-sided asymptotic".
    interval
        How the interval of the AUC was found.
    threshold
        An image activates the unit if its activation is above this.
    gate_percent
        What ``target_percent`` must reach.
    p_base_rate, base_rate_cutoff
        Whether the unit is active for its label more often than for anything, see `base_rate.BaseRate`.
    base_rate
        Whether the base rate is passed, see the module's text; None where it is untestable.
    maximum
        The unit's maximum, which the error margins are shares of.
    error_margins
        How many images of each group activate the unit at rising shares of its maximum.

    What is undefined, for want of images or because nothing was tested, is None, never NaN.
    """

    unit: int
    label: str
    target_images: int
    non_target_images: int
    target_percent: float | None
    non_target_percent: float | None
    target_mean: float | None
    non_target_mean: float | None
    target_median: float | None
    non_target_median: float | None
    u: float | None
    z: float | None
    p: float | None
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    p_holm: float | None
    p_bh: float | None
    gate: bool | None
    verdict: str
    test: str | None
    interval: str | None
    threshold: float
    gate_percent: float
    p_base_rate: float | None
    base_rate_cutoff: float | None
    base_rate: bool | None
    maximum: float | None
    error_margins: tuple[ErrorMargin, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """Return the row as a mapping in the order of the attributes, fit for strict JSON."""
        return {**asdict(self), "error_margins": [asdict(margin) for margin in self.error_margins]}

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the columns of a table of rows; the error margins are spread over eight of them."""
        margins = [
            f"{group}_percent_above_{100 * level:g}"
            for level in ERROR_MARGIN_LEVELS
            for group in ("target", "non_target")
        ]
        return (*(f.name for f in fields(cls) if f.name != "error_margins"), *margins)

    def to_columns(self) -> dict[str, Scalar]:
        """Return the row as a mapping of the columns to single values, fit for a line of a table."""
        margins: list[Scalar] = []
        for margin in self.error_margins:
            margins += [margin.target_percent, margin.non_target_percent]
        spread = margins or [None] * (2 * len(ERROR_MARGIN_LEVELS))
        own = [getattr(self, f.name) for f in fields(self) if f.name != "error_margins"]
        return dict(zip(self.columns(), [*own, *spread], strict=True))


def _obstacle(values: npt.NDArray[np.float64], targets: int, criteria: Criteria) -> str | None:
    """Why these activations cannot be tested, or None if they can."""
    others, minimum = values.size - targets, criteria.minimum
    for count, kind in ((targets, "target"), (others, "non-target")):
        if count < minimum:
            return f"{count} {kind} image{'' if count == 1 else 's'}, at least {minimum} needed"
    if values.min() == values.max():
        return f"all {values.size} activations equal {values[0]:g}"
    if (smallest := smallest_p(targets, others, criteria.test)) >= ALPHA:
        return (
            f"{_groups(targets, others)} too few for the {criteria.test.name} test, even a complete separation has "
            f"p = {smallest:.2g}"
        )
    return None


def _groups(targets: int, others: int) -> str:
    return f"{targets} target and {others} non-target images are"


def verify_unit(
    activations: npt.ArrayLike,
    target_mask: npt.ArrayLike,
    *,
    unit: int,
    label: str,
    criteria: Criteria = PUBLISHED_CRITERIA,
    maximum: float | None = None,
) -> VerificationRow:
    """Compare a unit's activations on images of its label's concept with those on all other images.

    Parameters
    ----------
    activations
        Shape (images,), finite; one unit's activations on images that its label was not induced from.
    target_mask
        Shape (images,), boolean; True where the image shows the label's concept.
    unit, label
        Recorded in the row.
    criteria
        How to judge.
    maximum
        The unit's maximum; by default the highest of the activations given.

    Returns
    -------
    VerificationRow
        With ``p_holm`` and ``p_bh`` for this unit alone; rows of several units go through `adjust`.

    Raises
    ------
    DataError
        An activation or the maximum is NaN or infinite.
    UsageError
        The shapes do not fit, the mask is not boolean, or there are too many images for an exact test.

    Examples
    --------
    >>> row = verify_unit([3, 2, 4, 5, 6, 0, 0, 1, 0, 0], [True] * 5 + [False] * 5, unit=7, label="lamp")
    >>> row.verdict, row.gate, row.auc, row.non_target_percent
    ('confirmed', True, 1.0, 20.0)
    """
    values = np.asarray(activations, dtype=np.float64)
    mask = np.asarray(target_mask)
    if mask.dtype != np.bool_:
        raise UsageError(f"the target mask holds {mask.dtype}", where=f"unit {unit}", expected="booleans")
    if values.ndim != 1 or values.shape != mask.shape:
        raise UsageError(
            f"the activations have shape {values.shape} and the target mask {mask.shape}",
            where=f"unit {unit}",
            expected="one activation and one truth value per image",
        )
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(
            f"the activation of image {at} is {values[at]}",
            where=f"unit {unit}",
            expected="finite activations",
            hint="extract or import the activations again",
        )
    target, others = values[mask], values[~mask]
    top = float(values.max()) if maximum is None and values.size else maximum
    threshold = criteria.threshold * max(top or 0.0, 0.0) if criteria.relative else criteria.threshold
    target_percent = percent_above(target, threshold) if target.size else None
    non_target_percent = percent_above(others, threshold) if others.size else None
    obstacle = _obstacle(values, target.size, criteria)
    test = None if obstacle else mann_whitney(target, others, criteria.test)
    interval = None if obstacle else auc_interval(target, others, method=criteria.interval)
    rate = None
    if not obstacle and top is not None:
        rate = base_rate(target, others, threshold=threshold, maximum=top, gate=criteria.gate)
    row = VerificationRow(
        unit=unit,
        label=label,
        target_images=target.size,
        non_target_images=others.size,
        target_percent=target_percent,
        non_target_percent=non_target_percent,
        target_mean=float(target.mean()) if target.size else None,
        non_target_mean=float(others.mean()) if others.size else None,
        target_median=float(np.median(target)) if target.size else None,
        non_target_median=float(np.median(others)) if others.size else None,
        u=test.u if test else None,
        z=test.z if test else None,
        p=test.p if test else None,
        auc=interval.auc if interval else None,
        auc_low=interval.low if interval else None,
        auc_high=interval.high if interval else None,
        p_holm=None,
        p_bh=None,
        gate=None if target_percent is None else target_percent >= criteria.gate,
        verdict=f"untestable: {obstacle}" if obstacle else "",
        test=test.test.name if test else None,
        interval=(interval.method or None) if interval else None,
        threshold=threshold,
        gate_percent=criteria.gate,
        p_base_rate=rate.p if rate else None,
        base_rate_cutoff=rate.cutoff if rate else None,
        base_rate=rate.cutoff is not None and rate.p < ALPHA if rate and rate.smallest < ALPHA else None,
        maximum=top,
        error_margins=tuple(error_margins(target, others, maximum=top)) if target.size and others.size else (),
    )
    return adjust([row])[0]


def passes_test(row: VerificationRow) -> bool:
    """Whether a row that has been adjusted passes the rank test, in the direction of the label."""
    return row.p_holm is not None and row.auc is not None and row.p_holm < ALPHA and row.auc > 0.5


def _verdict(row: VerificationRow) -> str:
    if row.gate is None:  # a band of activations has none, see `band_verification`
        return "confirmed" if passes_test(row) else "rejected"
    if passes_test(row):
        if not row.gate:
            return "test only"
        if row.base_rate is None:
            return f"untestable: {_groups(row.target_images, row.non_target_images)} too few for the base rate"
        return "confirmed" if row.base_rate else "unspecific"
    return "gate only" if row.gate else "rejected"


def adjust(rows: Iterable[VerificationRow]) -> list[VerificationRow]:
    """Adjust the p-values of rows that are reported together, and give each its verdict.

    Rows without a p-value are no hypotheses: they stay as they are and do not count.

    Parameters
    ----------
    rows
        All rows of one table; adjusting them again, or a part of them, starts from their ``p``.

    Returns
    -------
    list of VerificationRow
        In the order given.
    """
    given = list(rows)
    p_values = [row.p for row in given if row.p is not None]
    adjusted = iter(zip(holm(p_values).tolist(), benjamini_hochberg(p_values).tolist(), strict=True))
    result = []
    for row in given:
        if row.p is not None:
            p_holm, p_bh = next(adjusted)
            row = replace(row, p_holm=p_holm, p_bh=p_bh)
            row = replace(row, verdict=_verdict(row))
        result.append(row)
    return result
