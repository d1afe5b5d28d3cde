"""CLIP-Dissect's similarity functions, on the patches of one unit (Oikarinen and Weng, ICLR 2023).

The paper compares a unit's activations on images with each text's scores on the same images. Here the images are the
patches that excite the unit, with its activations, and a pool of random patches, on which the unit counts as silent.
Everything that the paper takes over the other units of the layer (the p(d) of WPMI) or over all images (norms and means
of the cosines) is taken over the pool, so that what is found for a unit does not depend on which others are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]

_LEAST_PROBABILITY = 1e-7
_P_START, _P_END = 0.998, 0.97
_LEAST_NORM = 1e-3


@dataclass(frozen=True)
class Pool:
    """Random patches, summed up for each text.

    Attributes
    ----------
    size
        Number of patches.
    mean, norm, cubed_sum, cubed_norm
        float64, shape (texts,): mean and Euclidean norm of the scores; sum and norm of their cubed deviations from
        the mean.
    """

    size: int
    mean: Floats
    norm: Floats
    cubed_sum: Floats
    cubed_norm: Floats

    @classmethod
    def of(cls, scores: Floats) -> Pool:
        """Sum up scores, shape (patches, texts)."""
        mean = scores.mean(0)
        cubed = (scores - mean) ** 3
        return cls(len(scores), mean, np.linalg.norm(scores, axis=0), cubed.sum(0), np.linalg.norm(cubed, axis=0))

    @classmethod
    def joined(cls, parts: Sequence[Pool]) -> Pool:
        """Put together the sums of the same patches for one block of texts after the other."""
        return cls(
            parts[0].size,
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.norm for part in parts]),
            np.concatenate([part.cubed_sum for part in parts]),
            np.concatenate([part.cubed_norm for part in parts]),
        )

    def of_texts(self, texts: slice | NDArray[np.int64]) -> Pool:
        """Return the sums for some of the texts."""
        return Pool(self.size, self.mean[texts], self.norm[texts], self.cubed_sum[texts], self.cubed_norm[texts])


class Aggregate(Protocol):
    """From scores, shape (..., patches, texts), and activations, shape (patches,), to one number a text."""

    def __call__(self, scores: Floats, activations: Floats, pool: Pool) -> Floats:
        """Return float64, shape (..., texts)."""
        ...


class Term(Protocol):
    """What a patch adds to an aggregate that is a sum: from scores of any shape, by the patch's rank among `count`."""

    def __call__(self, scores: Floats, rank: int, count: int) -> Floats:
        """Return float64 of the same shape."""
        ...


@dataclass(frozen=True)
class Similarity:
    """A similarity function.

    Attributes
    ----------
    aggregate
        What is computed of a unit's patches, the most exciting first.
    sharpness
        Scores are turned into probabilities over the texts by a softmax of this times the score; None if they are
        taken as they are.
    weight
        λ of WPMI: how much of the logarithm of the mean of exp(aggregate) over random draws is taken off; None if
        the function is no log-probability.
    term
        What `aggregate` is the sum of, over the ranks; None if it is no such sum.
    """

    aggregate: Aggregate
    sharpness: float | None = None
    weight: float | None = None
    term: Term | None = None

    def of_draws(self, scores: Floats, draws: NDArray[np.int64], activations: Floats, pool: Pool) -> Floats:
        """Aggregates of draws of patches.

        A sum is taken rank by rank, so that a term is computed once for each patch of the pool and rank, not for each
        draw.

        Parameters
        ----------
        scores
            Of the pool, prepared: shape (patches, texts).
        draws
            Which patches each draw has, in the order of their ranks: shape (draws, count).
        activations, pool
            As in `aggregate`.

        Returns
        -------
        float64, shape (draws, texts)
        """
        if self.term is None:
            return self.aggregate(scores[draws], activations, pool)
        count = draws.shape[1]
        total = np.zeros((len(draws), scores.shape[1]))
        for rank in range(count):
            total += self.term(scores, rank, count)[draws[:, rank]]
        return total

    def cells(self, draws: NDArray[np.int64]) -> int:
        """Numbers that `of_draws` holds at once for each text."""
        return int(draws.size if self.term is None else len(draws))

    def log_sums(self, blocks: Iterable[NDArray[np.floating]]) -> Floats | None:
        """Logarithms of what the softmax divides by, from scores given a block of texts at a time.

        Parameters
        ----------
        blocks
            Scores, shape (patches, texts of the block).

        Returns
        -------
        float64, shape (patches,), or None if the scores are taken as they are
        """
        sharpness = self.sharpness
        if sharpness is None:
            return None
        sums = (logsumexp(sharpness * np.asarray(block, np.float64), axis=-1) for block in blocks)
        return np.asarray(reduce(np.logaddexp, sums), np.float64)

    def prepare(self, scores: NDArray[np.floating], log_sums: Floats | None = None) -> Floats:
        """Bring scores, shape (patches, texts), to what `aggregate` wants.

        Parameters
        ----------
        scores
            Of all texts, or of some of them.
        log_sums
            What `log_sums` gives for all texts, shape (patches,); by default taken of `scores`.
        """
        plain = np.asarray(scores, np.float64)
        if self.sharpness is None:
            return plain
        sums = self.log_sums([plain]) if log_sums is None else log_sums
        assert sums is not None
        return np.asarray(np.exp(self.sharpness * plain - sums[:, None]), np.float64)

    def prior(self, aggregates: Floats) -> Floats:
        """Part that is common to all units, from the aggregates of random draws, shape (draws, texts)."""
        if self.weight is None:
            return np.zeros(aggregates.shape[1])
        return np.asarray(self.weight * (logsumexp(aggregates, axis=0) - np.log(len(aggregates))), np.float64)


def soft_wpmi(scores: Floats, activations: Floats, pool: Pool) -> Floats:
    """Sum of log(1 + p(x ∈ B)·(p(t | x) - 1) + 1e-7), p(x ∈ B) falling from .998 to .97 with the rank (eq. 5).

    Examples
    --------
    >>> pool = Pool.of(np.zeros((1, 1)))
    >>> round(soft_wpmi(np.array([[0.5], [0.5]]), np.array([2.0, 1.0]), pool).item(), 6)
    -1.368423
    """
    count = scores.shape[-2]
    inside = _P_START - np.arange(count) / count * (_P_START - _P_END)
    return np.asarray(np.log(1 + inside[:, None] * (scores - 1) + _LEAST_PROBABILITY).sum(-2), np.float64)


def _soft_wpmi_term(scores: Floats, rank: int, count: int) -> Floats:
    inside = _P_START - rank / count * (_P_START - _P_END)
    return np.asarray(np.log(1 + inside * (scores - 1) + _LEAST_PROBABILITY), np.float64)


def wpmi(scores: Floats, activations: Floats, pool: Pool) -> Floats:
    """Sum of log(p(t | x) + 1e-7) (eq. 4)."""
    return np.asarray(np.log(scores + _LEAST_PROBABILITY).sum(-2), np.float64)


def _wpmi_term(scores: Floats, rank: int, count: int) -> Floats:
    return np.asarray(np.log(scores + _LEAST_PROBABILITY), np.float64)


def rank_reorder(scores: Floats, activations: Floats, pool: Pool) -> Floats:
    """Minus the cubed error of activations put in the order of the scores, over that of a random order (eq. 6).

    It is divided by the square root of the mean score, which has to be positive: smaller means count as 0.001. The
    error of a random order is the expectation, where the paper's program draws five.
    """
    order = np.argsort(np.argsort(scores, axis=-2, kind="stable"), axis=-2, kind="stable")
    error = (np.abs(activations[:, None] - np.sort(activations)[order]) ** 3).mean(-2)
    random = (np.abs(activations[:, None] - activations[None, :]) ** 3).mean()
    return np.asarray(-error / max(float(random), 1e-12) / np.sqrt(np.maximum(scores.mean(-2), 1e-3)), np.float64)


def cosine(scores: Floats, activations: Floats, pool: Pool) -> Floats:
    """Cosine between activations and scores over the unit's patches and the pool (eq. 2), norms of the pool."""
    length = float(np.linalg.norm(activations))
    together = np.einsum("...it,i->...t", scores, activations)
    return np.asarray(together / max(length, _LEAST_NORM) / np.maximum(pool.norm, _LEAST_NORM), np.float64)


def cosine_cubed(scores: Floats, activations: Floats, pool: Pool) -> Floats:
    """Cosine between cubed deviations of activations and scores from their means (eq. 3), the pool's for scores."""
    mean = activations.sum() / (len(activations) + pool.size)
    own, silent = (activations - mean) ** 3, (-mean) ** 3
    length = float(np.sqrt((own**2).sum() + pool.size * silent**2))
    together = np.einsum("...it,i->...t", (scores - pool.mean) ** 3, own) + silent * pool.cubed_sum
    return np.asarray(together / max(length, _LEAST_NORM) / np.maximum(pool.cubed_norm, _LEAST_NORM**3), np.float64)


SIMILARITIES: Mapping[str, Similarity] = MappingProxyType(
    {
        "soft-wpmi": Similarity(soft_wpmi, sharpness=10, weight=1, term=_soft_wpmi_term),
        "wpmi": Similarity(wpmi, sharpness=2, weight=0.6, term=_wpmi_term),
        "rank-reorder": Similarity(rank_reorder),
        "cosine": Similarity(cosine),
        "cosine-cubed": Similarity(cosine_cubed),
    }
)
"""Similarity functions by name, with the settings of the paper's program."""
