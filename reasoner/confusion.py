"""Confusion counts of an expression against positive and negative individuals, and the measures on them."""

from __future__ import annotations

from dataclasses import dataclass


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0


@dataclass(frozen=True)
class Confusion:
    """True and false positives, true and false negatives.

    Ratios with an empty denominator are 0, as ECII and Ontolearn define them.

    Examples
    --------
    >>> c = Confusion(tp=3, fp=1, tn=5, fn=1)
    >>> c.precision, c.recall, c.f1, c.accuracy, c.iou
    (0.75, 0.75, 0.75, 0.8, 0.6)
    """

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def accuracy(self) -> float:
        """(TP + TN) / all; ECII calls it coverage."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.tn + self.fn)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of recall and specificity."""
        return (self.recall + _ratio(self.tn, self.tn + self.fp)) / 2

    @property
    def iou(self) -> float:
        """Intersection over union of the extension and the positives, TP / (TP + FP + FN)."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)
