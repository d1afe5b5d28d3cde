"""Scores of a binary classifier on labelled examples, and their admissible bounds.

Every score is a function of (tp, fp) for fixed numbers of positives P and negatives N. The bound of a pair
(tp, fp) is at least the score of every (tp', fp') with tp' <= tp and fp' >= fp, which is what refining an
expression can reach. Counts are exact integers and every score but MCC is one correctly rounded division of
two of them: mathematically equal scores are equal floats, and unequal ones stay apart (up to 10^7 examples).
MCC has a square root and is rounded to 12 decimals; scores that agree to that are ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ontology.errors import UsageError, near_matches

NAMES = ("f1", "accuracy", "balanced_accuracy", "iou", "precision", "wracc", "mcc")
ALIASES = {"coverage": "accuracy", "jaccard": "iou", "balanced": "balanced_accuracy"}
DEFAULT_MINIMUM_RECALL = 0.5


@dataclass(frozen=True)
class Score:
    """One score; :func:`resolve` makes it from its name.

    Parameters
    ----------
    name
        One of :data:`NAMES`.
    minimum_recall
        For precision only: below this recall it is 0 (a single true positive would otherwise be perfect).
    """

    name: str
    minimum_recall: float = DEFAULT_MINIMUM_RECALL

    @property
    def code(self) -> int:
        """Position in :data:`NAMES`, the number by which the kernels know the score."""
        return NAMES.index(self.name)

    def value(self, tp: ArrayLike, fp: ArrayLike, positives: int, negatives: int) -> NDArray[np.float64]:
        """Score of counts, element by element.

        With P positives and N negatives: F1 = 2tp/(tp+fp+P); accuracy = (tp+N-fp)/(P+N); balanced accuracy =
        (tp/P + (N-fp)/N)/2; IoU = tp/(P+fp); precision = tp/(tp+fp); WRAcc = (tp N - fp P)/(P+N)^2 (Lavrac et
        al. 1999); MCC = (tp N - fp P)/sqrt(P N (tp+fp) (P+N-tp-fp)) (Matthews 1975). Empty denominators give 0.

        Parameters
        ----------
        tp, fp
            True and false positives, integers of any shapes that broadcast.
        positives, negatives
            Numbers of positive and negative examples, each at least 1.

        Examples
        --------
        >>> float(resolve("f1").value(3, 1, 4, 10))
        0.75
        """
        t = np.asarray(tp, dtype=np.int64)
        f = np.asarray(fp, dtype=np.int64)
        p, n = positives, negatives
        if self.name == "f1":
            return np.asarray(2 * t / (t + f + p))
        if self.name == "accuracy":
            return np.asarray((t + n - f) / (p + n))
        if self.name == "balanced_accuracy":
            return np.asarray((t * n + (n - f) * p) / (2 * p * n))
        if self.name == "iou":
            return np.asarray(t / (p + f))
        if self.name == "precision":
            enough = (t > 0) & (t >= self.minimum_recall * p)
            return np.where(enough, t / np.maximum(t + f, 1), 0.0)
        if self.name == "wracc":
            return np.asarray((t * n - f * p) / ((p + n) * (p + n)))
        margin = (t + f) * (p + n - t - f)
        raw = (t * n - f * p) / (np.sqrt(float(p * n)) * np.sqrt(np.maximum(margin, 1).astype(np.float64)))
        return np.where(margin > 0, np.rint(raw * 1e12) / 1e12, 0.0)

    def bound(self, tp: ArrayLike, fp: ArrayLike, positives: int, negatives: int) -> NDArray[np.float64]:
        """Highest score of any (tp', fp') with tp' <= tp and fp' >= fp; arguments as for :meth:`value`.

        All scores rise with tp and fall with fp, MCC only where it is not negative (tp/P >= fp/N: with x the
        predicted share its derivatives have the signs of 2x(1-x) - (x - fp/N)(1-2x) and of its mirror image,
        which are not negative there). Below that its bound is 0, which predicting nothing reaches.

        Examples
        --------
        >>> float(resolve("mcc").bound(0, 5, 4, 10))
        0.0
        """
        value = self.value(tp, fp, positives, negatives)
        return np.maximum(value, 0.0) if self.name == "mcc" else value


def resolve(name: str) -> Score:
    """Find a score by its name or alias; ``precision@R`` sets the minimum recall R.

    Raises
    ------
    UsageError
        The name is unknown or R is not a number in [0, 1].

    Examples
    --------
    >>> resolve("coverage").name, resolve("precision@0.8").minimum_recall
    ('accuracy', 0.8)
    """
    plain, _, recall = name.partition("@")
    plain = ALIASES.get(plain, plain)
    if plain not in NAMES or (recall and plain != "precision"):
        raise UsageError(f"unknown score {name!r}", hint=near_matches(plain, [*NAMES, *ALIASES]))
    if not recall:
        return Score(plain)
    try:
        minimum = float(recall)
    except ValueError:
        minimum = -1.0
    if not 0.0 <= minimum <= 1.0:
        raise UsageError(f"minimum recall {recall!r} of a score", expected="a number from 0 to 1")
    return Score(plain, minimum)
