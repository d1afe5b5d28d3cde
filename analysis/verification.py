"""The verdict on a unit's label, from the unit's activations on images that the label was not induced from.

Two criteria are reported side by side, because they answer different questions and do disagree (on the
published data set some gated units are barely above chance, and some units that rank their concept well miss
the gate):

- the **gate** of Dalal et al. (arXiv 2308.03999): at least 80 % of the target images activate the unit;
- the **test**: target images activate it more than other images do, by a one-sided Mann-Whitney U test whose
  p-value, adjusted by Holm over all units tested together, is below 0.05. Being one-sided it carries the
  direction: a unit that fires *less* for its label is never significant.

======================  ======  ======
verdict                 gate    test
======================  ======  ======
confirmed               passed  passed
gate only               passed  failed
test only               failed  passed
rejected                failed  failed
untestable: *reason*    --      --
======================  ======  ======

Holm, not Benjamini-Hochberg, decides, since a verdict is a claim about one unit; ``p_bh`` is there for
those who report a layer as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from ..ontology.errors import DataError, UsageError
from .statistics import Variant, auc_interval, benjamini_hochberg, holm, mann_whitney, percent_above

#: Percentage of target images that must activate the unit (Dalal et al., arXiv 2308.03999).
GATE: Final = 80.0
#: Level of the test after Holm's adjustment.
ALPHA: Final = 0.05
#: Fewest images of a group for which a verdict is given: with two per group not even perfect separation comes
#: near 5 % (it is 1 of 6 arrangements), with three it does (1 of 20).
MIN_IMAGES: Final = 3

JsonValue: TypeAlias = str | int | float | bool | None


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
        One-sided Mann-Whitney test; ``u`` and ``z`` are small where the label holds (see `statistics`).
    auc, auc_low, auc_high
        Probability that a target image activates the unit more than another image, with its 95 % interval.
    p_holm, p_bh
        ``p`` adjusted over all rows that were tested together.
    gate
        Whether ``target_percent`` reaches the gate.
    verdict
        See the module's table.

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

    def to_json(self) -> dict[str, JsonValue]:
        """Return the row as a mapping in the order of the attributes, fit for strict JSON."""
        return asdict(self)


def _obstacle(values: npt.NDArray[np.float64], targets: int, minimum: int) -> str | None:
    """Why these activations cannot be tested, or None if they can."""
    others = values.size - targets
    for count, kind in ((targets, "target"), (others, "non-target")):
        if count < minimum:
            return f"{count} {kind} image{'' if count == 1 else 's'}, at least {minimum} needed"
    if values.min() == values.max():
        return f"all {values.size} activations equal {values[0]:g}"
    return None


def verify_unit(
    activations: npt.ArrayLike,
    target_mask: npt.ArrayLike,
    *,
    unit: int,
    label: str,
    threshold: float = 0.0,
    gate: float = GATE,
    variant: Variant = "asymptotic",
    minimum: int = MIN_IMAGES,
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
    threshold
        An image activates the unit if its activation is strictly above this.
    gate
        Percentage (0 to 100) of target images that must activate the unit.
    variant
        Variant of the rank test, see `statistics.VARIANTS`.
    minimum
        Fewest images of either group for which a verdict is given.

    Returns
    -------
    VerificationRow
        With ``p_holm`` and ``p_bh`` for this unit alone; rows of several units go through `adjust`.

    Raises
    ------
    DataError
        An activation is NaN or infinite.
    UsageError
        The shapes do not fit, the mask is not boolean, or the gate, threshold or minimum makes no sense.

    Examples
    --------
    >>> row = verify_unit([3, 2, 4, 5, 0, 0, 1, 0], [True] * 4 + [False] * 4, unit=7, label="lamp")
    >>> row.verdict, row.gate, row.auc, row.non_target_percent
    ('confirmed', True, 1.0, 25.0)
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
    if not 0 <= gate <= 100:
        raise UsageError(f"the gate is {gate}", expected="a percentage from 0 to 100")
    if not math.isfinite(threshold):
        raise UsageError(f"the activation threshold is {threshold}", expected="a finite number")
    if minimum < 1:
        raise UsageError(f"the fewest images are {minimum}", expected="at least 1")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(
            f"the activation of image {at} is {values[at]}",
            where=f"unit {unit}",
            expected="finite activations",
            hint="extract or import the activations again",
        )
    target, others = values[mask], values[~mask]
    target_percent = percent_above(target, threshold) if target.size else None
    obstacle = _obstacle(values, target.size, minimum)
    test = None if obstacle else mann_whitney(target, others, variant=variant)
    interval = None if obstacle else auc_interval(target, others)
    row = VerificationRow(
        unit=unit,
        label=label,
        target_images=target.size,
        non_target_images=others.size,
        target_percent=target_percent,
        non_target_percent=percent_above(others, threshold) if others.size else None,
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
        gate=None if target_percent is None else target_percent >= gate,
        verdict=f"untestable: {obstacle}" if obstacle else "",
    )
    return adjust([row])[0]


def _verdict(row: VerificationRow, p_holm: float) -> str:
    if p_holm < ALPHA:
        return "confirmed" if row.gate else "test only"
    return "gate only" if row.gate else "rejected"


def adjust(rows: Iterable[VerificationRow]) -> list[VerificationRow]:
    """Adjust the p-values of rows that are reported together, and give each its verdict.

    Untestable rows are no hypotheses: they stay as they are and do not count.

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
            row = replace(row, p_holm=p_holm, p_bh=p_bh, verdict=_verdict(row, p_holm))
        result.append(row)
    return result
