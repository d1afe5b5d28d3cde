"""ECII's scores: F-measure, precision, recall, coverage and their hybrid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError, near_matches

NAMES = ("f1", "precision", "recall", "accuracy", "hybrid")
"""Scores by our names; see :func:`ecii_score_name` for ECII's."""

_ECII_NAMES = {"f_measure": "f1", "f1_measure": "f1", "fmeasure": "f1", "coverage": "accuracy"}
_BY_REASONER = "_by_reasoner"


def ecii_score_name(name: str) -> str:
    """Our name of a score in ECII's spelling or ours.

    The ``…_by_reasoner`` scores are the plain ones here, where every score is that of the model.

    Raises
    ------
    UsageError
        ECII has no such score.

    Examples
    --------
    >>> [ecii_score_name(n) for n in ("f_measure", "coverage_by_reasoner", "HYBRID", "f1")]
    ['f1', 'accuracy', 'hybrid', 'f1']
    """
    plain = name.lower().removesuffix(_BY_REASONER)
    plain = _ECII_NAMES.get(plain, plain)
    if plain not in NAMES:
        raise UsageError(
            f"ECII has no score {name!r}",
            expected="f_measure, precision, recall, coverage or hybrid",
            hint=near_matches(plain, [*NAMES, *_ECII_NAMES]),
        )
    return plain


def highest(name: str) -> float:
    """Highest value that a score can take: 3 for hybrid, which is a sum of three shares, else 1."""
    return 3.0 if name == "hybrid" else 1.0


def ecii_score(
    name: str, tp: NDArray[np.integer], fp: NDArray[np.integer], positives: int, negatives: int
) -> NDArray[np.float64]:
    """Score of counts, element by element.

    precision = TP/(TP+FP), recall = TP/P, f1 = 2TP/(TP+FP+P), accuracy (ECII: coverage) = (TP+N-FP)/(P+N),
    hybrid = precision + recall + accuracy (md-k-sarker/ecii, ``Score`` and ``Heuristics``). Empty
    denominators give 0.

    Parameters
    ----------
    name
        One of :data:`NAMES`.
    tp, fp
        True and false positives.
    positives, negatives
        Numbers of examples, P and N.

    Examples
    --------
    >>> import numpy as np
    >>> tp, fp = np.array([3, 0]), np.array([1, 0])
    >>> ecii_score("hybrid", tp, fp, 4, 4).tolist(), ecii_score("f1", tp, fp, 4, 4).tolist()
    ([2.25, 0.5], [0.75, 0.0])
    """
    t, f = np.asarray(tp, np.int64), np.asarray(fp, np.int64)
    if name == "f1":
        return np.asarray(2 * t / (t + f + positives))
    precision = np.where(t > 0, t / np.maximum(t + f, 1), 0.0)
    recall = t / positives
    coverage = (t + negatives - f) / (positives + negatives)
    return {
        "precision": precision,
        "recall": recall,
        "accuracy": coverage,
        "hybrid": precision + recall + coverage,
    }[name]
