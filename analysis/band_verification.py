"""The verdict on the label of a band of activations: how often images of the label and others lie in the band.

What is tested is a yes or no, whether an image's activation lies in the band, on images that the label was not
induced from. Of such values the exact Mann-Whitney test is Fisher's exact test, so that is what ``p`` comes from,
one-sided; the AUC is the mean of the share of target images in the band and the share of others outside it. There is
no gate: what shows the concept of a middle band may well excite the unit more or less than that. The percentages are
those *in the band*, and ``non_target_percent`` is the error margin of Dalal et al. 2024 (arXiv 2405.09580): other
images that would be taken for the label by their activation. A label is ``confirmed`` when p, after Holm's adjustment,
is below 0.05, else ``rejected``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bridge.example_sets import within
from .auc import auc_interval
from .statistics import RankTest, fishers_exact, smallest_p
from .verification import ALPHA, PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, verify_unit


def verify_band(
    activations: npt.NDArray[np.floating],
    target: npt.NDArray[np.bool_],
    *,
    unit: int,
    label: str,
    low: float,
    high: float,
    criteria: Criteria = PUBLISHED_CRITERIA,
    maximum: float | None = None,
) -> VerificationRow:
    """Compare how often images of a label and others lie in a band of a unit's activations.

    Parameters
    ----------
    activations
        Shape (images,), finite; the unit's activations on images that its label was not induced from.
    target
        Shape (images,); True where the image shows the label's concept.
    unit, label, maximum
        As for :func:`.verification.verify_unit`.
    low, high
        Where the band begins, and before which activation it ends.
    criteria
        The fewest images of either group, and the method of the AUC's interval; gate and rank test are not used.

    Returns
    -------
    VerificationRow
        With percentages, ``p``, AUC and interval of lying in the band, ``threshold`` where it begins, and neither gate,
        ``u``, ``z`` nor base rate. Means, medians and error margins are those of the activations.

    Examples
    --------
    >>> import numpy as np
    >>> values, shown = np.array([3.0, 4, 3, 4, 9, 0, 9, 8, 1, 3]), np.arange(10) < 5
    >>> row = verify_band(values, shown, unit=0, label="lamp", low=2.0, high=5.0)
    >>> row.target_percent, row.non_target_percent, row.auc, round(row.p, 4), row.verdict
    (80.0, 20.0, 0.8, 0.1032, 'rejected')
    """
    row = verify_unit(activations, target, unit=unit, label=label, criteria=criteria, maximum=maximum)
    inside = within(activations, low, high)
    shown, others = inside[target], inside[~target]
    row = replace(
        row,
        target_percent=100 * float(shown.mean()) if shown.size else None,
        non_target_percent=100 * float(others.mean()) if others.size else None,
        u=None,
        z=None,
        gate=None,
        threshold=low,
        p_base_rate=None,
        base_rate_cutoff=None,
        base_rate=None,
    )
    if row.p is None:
        return row
    # The test asked of the criteria may reach below 0.05 with images for which Fisher's cannot.
    smallest = smallest_p(shown.size, others.size, RankTest(method="auto"))
    if smallest >= ALPHA:
        why = f"{shown.size} target and {others.size} non-target images are too few for Fisher's exact test, even a"
        why += f" complete separation has p = {smallest:.2g}"
        return replace(
            row, p=None, test=None, auc=None, auc_low=None, auc_high=None, interval=None, verdict=f"untestable: {why}"
        )
    interval = auc_interval(shown.astype(np.float64), others.astype(np.float64), method=criteria.interval)
    row = replace(
        row,
        p=fishers_exact(int(shown.sum()), shown.size, int(others.sum()), others.size),
        test="one-sided Fisher's exact",
        auc=interval.auc,
        auc_low=interval.low,
        auc_high=interval.high,
        interval=interval.method or None,
    )
    return adjust([row])[0]


def band_settings(criteria: Criteria) -> dict[str, Any]:
    """How bands are judged, by name, in place of what :meth:`.Criteria.settings` says of units."""
    return {
        "test": "one-sided Fisher's exact test of lying in the band of activations",
        "auc_interval": criteria.interval,
        "alpha": criteria.settings()["alpha"],
        "adjustment": "Holm",
        "minimum_images": criteria.minimum,
    }
