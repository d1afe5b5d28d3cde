"""Positive and negative images of a unit: by shares of its maximum, quantiles, numbers, or a band of activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .example_rules import Rule, check_rule
from .natural_ranges import natural_ranges


@dataclass(frozen=True)
class ExampleSet:
    """Images that excite a unit and images that do not.

    Attributes
    ----------
    positives, negatives
        int64: positions in the activation vector, ascending.
    maximum
        Largest activation.
    status
        ``labelled`` when a label can be induced, else why not.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    maximum: float
    status: str

    @property
    def usable(self) -> bool:
        """Whether a label can be induced."""
        return self.status == "labelled"


def cuts(
    activations: NDArray[np.floating], *, positive: float = 0.8, negative: float = 0.2, rule: Rule = "maximum"
) -> tuple[float, float]:
    """Activations up to which an image is negative and from which it is positive; of a band, where it begins and ends.

    A band holds the activations from its lower end to below its upper one; the highest band has no end, so that a
    held-out image that excites the unit more than any other belongs to it. With fewer different activations above zero
    than ranges there are none; then both ends are infinite.

    Parameters
    ----------
    activations
        Shape (images,), not empty: the unit's activations on the images used for induction.
    positive, negative, rule
        As for :func:`example_set`.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([10.0, 9.0, 8.0, 5.0, 1.0, 0.0])
    >>> cuts(values)
    (2.0, 8.0)
    >>> cuts(values, positive=0.8, negative=0.4, rule="quantile")
    (5.0, 9.0)
    >>> cuts(values, positive=2, negative=3, rule="top")
    (5.0, 9.0)
    >>> cuts(values, positive=0.8, negative=0.5, rule="band")
    (5.0, 8.0)
    >>> cuts(values, positive=2, negative=2, rule="cluster")
    (6.0, inf)
    """
    # In float64: activations are stored as float32, and a threshold rounded to float32 would move images.
    values = np.asarray(activations, np.float64)
    if rule == "maximum":
        maximum = float(values.max())
        return negative * maximum, positive * maximum
    if rule == "band":
        maximum = float(values.max())
        return negative * maximum, positive * maximum if positive < 1 else float("inf")
    if rule == "cluster":
        inner = natural_ranges(values[values > 0], int(positive))
        if inner is None:
            return float("inf"), float("inf")
        ends = (0.0, *inner, float("inf"))
        return ends[int(negative) - 1], ends[int(negative)]
    if rule == "quantile":
        low, high = np.quantile(values, (negative, positive), method="inverted_cdf").tolist()
        return low, high
    ordered, last = np.sort(values), len(values) - 1
    return float(ordered[min(int(negative) - 1, last)]), float(ordered[max(last + 1 - int(positive), 0)])


def within(activations: NDArray[np.floating], low: float, high: float) -> NDArray[np.bool_]:
    """Whether activations lie in a band: above zero, from its lower end to below its upper one.

    Parameters
    ----------
    activations
        Shape (images,).
    low, high
        See :func:`cuts`.
    """
    values = np.asarray(activations, np.float64)
    return np.asarray((values > 0) & (values >= low) & (values < high))


def example_set(
    activations: NDArray[np.floating],
    *,
    positive: float = 0.8,
    negative: float = 0.2,
    min_positives: int = 3,
    rule: Rule = "maximum",
) -> ExampleSet:
    """Split images by a unit's activation (Dalal et al., arXiv 2308.03999, section 3).

    By the rule ``maximum``, positive are the images with at least `positive` times the unit's maximum, negative
    those with at most `negative` times; the rest is in neither set. A unit whose maximum is not above zero never
    fires. By ``quantile`` the cuts are quantiles of the activations (the lowest value that at least this share of
    the images does not exceed), by ``top`` the sets are the `positive` most and the `negative` least exciting
    images. Images that tie with the last one of a set belong to it, too, so that their order decides nothing;
    an image that does not excite the unit above zero is never positive by these two, and what reaches the
    positive cut is never negative.

    By ``band`` and ``cluster`` positive are the images whose activation lies in a band, negative all others, the more
    exciting and the silent ones alike (La Rosa, Gilpin and Capobianco 2023, "Towards a fuller understanding of neurons
    with Clustered Compositional Explanations", section 3, for pixels). The band goes from `negative` to below
    `positive` times the maximum, or is one of the ranges that exact k-means finds among the activations above zero. An
    image that does not excite the unit is in no band.

    Parameters
    ----------
    activations
        Shape (images,): the unit's reduced activation on each image.
    positive, negative
        Shares of the maximum or quantiles, ``0 <= negative < positive <= 1``, or numbers of images; for the rule
        ``cluster`` the number of ranges and which of them, see :class:`.example_rules.Thresholds`.
    min_positives
        With fewer positive images the unit is reported, not labelled.
    rule
        What `positive` and `negative` are.

    Raises
    ------
    ValueError
        The rule is unknown, or the numbers are not in order.

    Examples
    --------
    >>> import numpy as np
    >>> s = example_set(np.array([10.0, 9.0, 8.0, 5.0, 1.0, 0.0]))
    >>> s.positives.tolist(), s.negatives.tolist(), s.status
    ([0, 1, 2], [4, 5], 'labelled')
    """
    check_rule(rule, positive, negative)
    maximum = float(activations.max()) if len(activations) else 0.0
    if maximum <= 0:
        nothing = np.empty(0, np.int64)
        return ExampleSet(nothing, nothing, maximum, "never fires: its maximum is not above zero")
    values = activations.astype(np.float64)
    low, high = cuts(values, positive=positive, negative=negative, rule=rule)
    if rule in ("band", "cluster"):
        exciting = within(values, low, high)
        positives, negatives = np.flatnonzero(exciting), np.flatnonzero(~exciting)
    else:
        exciting = (values >= high) & (values > 0)
        positives, negatives = np.flatnonzero(exciting), np.flatnonzero((values <= low) & ~exciting)
    if low == np.inf:
        status = f"no ranges: fewer than {positive:g} different activations above zero"
    elif len(positives) < min_positives:
        status = f"too few positives: {len(positives)} of the {min_positives} needed"
    elif not len(negatives):
        status = "no negatives: every image activates it above the negative threshold"
        if rule in ("band", "cluster"):
            status = "no negatives: every image lies in the band"
    else:
        status = "labelled"
    return ExampleSet(positives, negatives, maximum, status)
