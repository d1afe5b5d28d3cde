"""Descriptions: the words that explain what excites a unit, tested against random patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from .dissect import SIMILARITIES, Floats, Pool, Similarity
from .scorers.scorer import Vectors

EXPLAINED = 0.9
"""A patch is explained by a text that it scores at least as high for as this share of random patches."""

FEWEST = 3
"""Fewest patches that a description is looked for in."""

CELLS = 1_000_000
"""Numbers of one array worked on at once."""


@dataclass(frozen=True)
class DescribeOptions:
    """How descriptions are sought.

    Attributes
    ----------
    similarity
        Name of the similarity function, see `dissect.SIMILARITIES`.
    top
        Patches of a unit.
    alpha
        Largest p of a description after the first.
    most
        Most descriptions of a unit.
    pool
        Number of random patches.
    draws
        How often as many random patches are drawn as the unit has.
    seed
        Of the random patches and draws.
    """

    similarity: str = "soft-wpmi"
    top: int = 20
    alpha: float = 0.05
    most: int = 5
    pool: int = 300
    draws: int = 999
    seed: int = 0

    def __post_init__(self) -> None:
        if self.similarity not in SIMILARITIES:
            raise UsageError(
                f"there is no similarity {self.similarity!r}", expected=f"one of {', '.join(SIMILARITIES)}"
            )
        if self.top < FEWEST or self.most < 1 or not 0 < self.alpha < 1 or self.draws < 1:
            raise UsageError(
                f"--top {self.top}, --descriptions {self.most}, --alpha {self.alpha:g} or --draws {self.draws} is out "
                "of range",
                expected=f"at least {FEWEST} patches, one description, one draw, and 0 < alpha < 1",
            )
        if self.pool < 5 * self.top:
            raise UsageError(
                f"{self.pool} random patches are too few to draw {self.top} from",
                expected=f"at least {5 * self.top}",
            )


@dataclass(frozen=True)
class Found:
    """A description of one unit.

    Attributes
    ----------
    text
        Which text, a position in the vocabulary.
    score
        The similarity over the patches that no earlier description explains.
    z
        The score's distance from the mean score of random draws of as many patches, in their deviations.
    p_single
        Share of random draws that score as high for this text: (1 + hits) / (1 + draws).
    p
        The same for the best of all texts: share of draws in which some text lies as many deviations above its mean
        (Westfall and Young 1993, maxT). It is corrected for the choice among the texts, not for the number of units,
        and from the second description on holds given the earlier ones.
    explained
        Which patches of the unit it explains that no earlier one does: positions, the most exciting first.
    """

    text: int
    score: float
    z: float
    p_single: float
    p: float
    explained: tuple[int, ...]


@dataclass(frozen=True)
class _Null:
    """What random draws of some number of patches give.

    Attributes
    ----------
    aggregates
        For some of the texts the aggregates of all draws, shape (draws, texts).
    prior, mean, deviation
        Shape (texts,): part common to all units; mean and deviation of the aggregates.
    largest
        Shape (draws,), ascending: how many deviations the furthest text of a draw lies above its mean.
    """

    aggregates: Callable[[slice | NDArray[np.int64]], Floats]
    prior: Floats
    mean: Floats
    deviation: Floats
    largest: Floats


class Describer:
    """Finds the descriptions of units among the texts of a vocabulary.

    The random patches are drawn without replacement for each of `draws` sets. Draws are the same for all units
    and so are their results, where the similarity function does not look at the activations. Of a large vocabulary
    only the vectors and the random patches' scores are held, in single precision; the rest is computed for a block of
    texts at a time.

    Parameters
    ----------
    texts
        Vectors of the texts, shape (texts, d).
    pool
        Vectors of random patches, shape (patches, d).
    options
        How to search.
    cells
        How many numbers to work on at once; what is found does not depend on it.
    """

    def __init__(self, texts: Vectors, pool: Vectors, options: DescribeOptions, *, cells: int = CELLS) -> None:
        self._texts = texts
        self._options = options
        self._cells = cells
        self._similarity: Similarity = SIMILARITIES[options.similarity]
        self._scores = pool @ texts.T
        blocks = list(self._blocks(len(pool)))
        self._log_sums = self._similarity.log_sums(self._scores[:, part] for part in blocks)
        self._pool = Pool.joined([Pool.of(self._random(part)) for part in blocks])
        self._threshold = np.concatenate([np.quantile(self._scores[:, part], EXPLAINED, axis=0) for part in blocks])
        generator = np.random.default_rng(options.seed)
        size = len(pool)
        self._draws = np.argsort(generator.random((options.draws, size)), axis=1)[:, : options.top].astype(np.int64)
        self._nulls: dict[bytes, _Null] = {}

    def describe(self, patches: Vectors, activations: Sequence[float] | NDArray[np.floating]) -> list[Found]:
        """Find the set of descriptions that explains a unit's patches.

        The first is the text with the highest score among those better than chance; if there is none, the text
        furthest from its mean is returned, with its p. Patches that it explains are set aside, and the next is
        sought for the rest, until too few remain, none is better than chance, or a description explains no patch.

        Parameters
        ----------
        patches
            Vectors of the unit's patches, the most exciting first: shape (patches, d).
        activations
            The unit's activations on them.
        """
        scores = patches @ self._texts.T
        log_sums = self._similarity.log_sums(scores[:, part] for part in self._blocks(len(patches)))
        values = np.asarray(activations, np.float64)
        clear = scores >= self._threshold
        remaining = np.arange(len(patches))
        found: list[Found] = []
        taken = np.zeros(len(self._texts), np.bool_)
        while len(remaining) >= FEWEST and len(found) < self._options.most and not taken.all():
            null = self._null(values[remaining])
            aggregate = self._aggregate(
                scores[remaining], None if log_sums is None else log_sums[remaining], values[remaining]
            )
            score = aggregate - null.prior
            z = (aggregate - null.mean) / null.deviation
            hits = self._options.draws - np.searchsorted(null.largest, z - 1e-12)
            p = (1 + hits) / (1 + self._options.draws)
            p[taken] = 2.0
            better = p <= self._options.alpha
            if not better.any() and found:
                break
            candidates = np.flatnonzero(better) if better.any() else np.flatnonzero(p < 2)
            ranking = score if better.any() else z
            best = int(candidates[np.argmax(ranking[candidates])])
            random = null.aggregates(np.asarray([best]))[:, 0]
            single = (1 + int((random >= aggregate[best] - 1e-12).sum())) / (1 + self._options.draws)
            explains = clear[remaining, best]
            if found and not explains.any():
                break
            found.append(
                Found(
                    best,
                    float(score[best]),
                    float(z[best]),
                    single,
                    float(p[best]),
                    tuple(int(one) for one in remaining[explains]),
                )
            )
            taken[best] = True
            if not better.any() or not explains.any():
                break
            remaining = remaining[~explains]
        return found

    def _blocks(self, numbers: int) -> Iterator[slice]:
        """Divide the texts so that so many numbers for each text are few enough to work on at once."""
        step = max(1, self._cells // numbers)
        for start in range(0, len(self._texts), step):
            yield slice(start, min(start + step, len(self._texts)))

    def _random(self, texts: slice | NDArray[np.int64]) -> Floats:
        """Scores of the random patches for some texts, prepared."""
        return self._similarity.prepare(self._scores[:, texts], self._log_sums)

    def _aggregate(self, scores: Vectors, log_sums: Floats | None, values: Floats) -> Floats:
        """Aggregates of a unit's patches: shape (texts,)."""
        found = np.empty(len(self._texts))
        for part in self._blocks(len(scores)):
            prepared = self._similarity.prepare(scores[:, part], log_sums)
            found[part] = self._similarity.aggregate(prepared, values, self._pool.of_texts(part))
        return found

    def _null(self, values: Floats) -> _Null:
        ignores = self._similarity.sharpness is not None
        key = len(values).to_bytes(8, "little") if ignores else values.tobytes()
        if key in self._nulls:
            return self._nulls[key]
        rows = self._draws[:, : len(values)]

        def aggregates(texts: slice | NDArray[np.int64]) -> Floats:
            return self._similarity.of_draws(self._random(texts), rows, values, self._pool.of_texts(texts))

        texts = len(self._texts)
        mean, deviation, prior = np.empty(texts), np.empty(texts), np.empty(texts)
        largest = np.full(len(rows), -np.inf)
        for part in self._blocks(max(self._similarity.cells(rows), self._pool.size)):
            block = aggregates(part)
            mean[part], prior[part] = block.mean(0), self._similarity.prior(block)
            spread = block.std(0)
            # A text that scores all random patches alike says nothing, however the unit's patches score.
            deviation[part] = np.where(spread > 1e-12, spread, np.inf)
            np.maximum(largest, ((block - mean[part]) / deviation[part]).max(1), out=largest)
        null = _Null(aggregates, prior, mean, deviation, np.sort(largest))
        if ignores:
            self._nulls[key] = null
        return null
