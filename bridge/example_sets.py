"""Positive and negative images of a unit, by thresholds relative to its maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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


def example_set(
    activations: NDArray[np.floating],
    *,
    positive: float = 0.8,
    negative: float = 0.2,
    min_positives: int = 3,
) -> ExampleSet:
    """Split images by a unit's activation (Dalal et al., arXiv 2308.03999, section 3).

    Positive are the images with at least `positive` times the unit's maximum, negative those with at most
    `negative` times; the rest is in neither set. A unit whose maximum is not above zero never fires.

    Parameters
    ----------
    activations
        Shape (images,): the unit's reduced activation on each image.
    positive, negative
        Shares of the maximum, ``0 <= negative < positive <= 1``.
    min_positives
        With fewer positive images the unit is reported, not labelled.

    Raises
    ------
    ValueError
        The shares are not in order.

    Examples
    --------
    >>> import numpy as np
    >>> s = example_set(np.array([10.0, 9.0, 8.0, 5.0, 1.0, 0.0]))
    >>> s.positives.tolist(), s.negatives.tolist(), s.status
    ([0, 1, 2], [4, 5], 'labelled')
    """
    if not 0 <= negative < positive <= 1:
        raise ValueError(f"need 0 <= negative < positive <= 1, not negative={negative}, positive={positive}")
    maximum = float(activations.max()) if len(activations) else 0.0
    if maximum <= 0:
        nothing = np.empty(0, np.int64)
        return ExampleSet(nothing, nothing, maximum, "never fires: its maximum is not above zero")
    # In float64: activations are stored as float32, and a threshold rounded to float32 would move images.
    values = activations.astype(np.float64)
    positives = np.flatnonzero(values >= positive * maximum)
    negatives = np.flatnonzero(values <= negative * maximum)
    if len(positives) < min_positives:
        status = f"too few positives: {len(positives)} of the {min_positives} needed"
    elif not len(negatives):
        status = "no negatives: every image activates it above the negative threshold"
    else:
        status = "labelled"
    return ExampleSet(positives, negatives, maximum, status)
