"""What lies under the patches of units and under random ones, where photographs have masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ontology.kb import KB
from .bootstrap import bootstrap_mean
from .description_scene import Scene, Spot
from .descriptions import FEWEST, DescribeOptions
from .patch_contents import COVERING, PatchContents
from .receptive_field import Box

CLASSES_UNDER = 5
"""Classes named of what lies under a unit's patches, at most."""


@dataclass(frozen=True)
class UnderPatches:
    """How much of a unit's patches shows the class of a description, by the masks of ADE20K.

    Attributes
    ----------
    patches
        Number of the unit's patches that lie in photographs with masks.
    share, low, high
        Mean share of a patch's pixels that belong to an instance of the class, and its bootstrap interval, 95 %, over
        the patches.
    chance
        The same mean over the random patches.
    p
        (1 + draws of as many random patches with as large a mean) / (1 + draws).
    relations
        The same mean by where the class lies, seen from what annotators called the object: see
        `patch_contents.COVERING`. The share is of the first two, equal and above.
    """

    patches: int
    share: float
    low: float
    high: float
    chance: float
    p: float
    relations: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``describe --json`` prints."""
        return {**asdict(self), "relations": dict(self.relations)}


@dataclass(frozen=True)
class ClassUnder:
    """A class that annotators gave to what lies under a unit's patches.

    Attributes
    ----------
    iri, name
        The class.
    share, chance
        Mean share of the pixels of the unit's patches that belong to an object called so, and of random patches.
    """

    iri: str
    name: str
    share: float
    chance: float

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``describe --json`` prints."""
        return {"class": self.iri, "name": self.name, "share": self.share, "chance": self.chance}


class Beneath:
    """Says what lies under the patches of units and under random ones, where photographs have masks."""

    def __init__(self, kb: KB, contents: PatchContents, pool: Sequence[Spot], options: DescribeOptions) -> None:
        self._kb = kb
        self._contents = contents
        self._options = options
        self._pool = self._masked(pool)
        self._chance: dict[str, NDArray[np.float64]] = {}
        self._called = contents.classes(self._pool)[1].mean(0) if self._pool else None

    @classmethod
    def of(cls, scene: Scene, pool: Sequence[Spot], own: Sequence[Spot], options: DescribeOptions) -> Beneath | None:
        """Look at all patches; None where there are none, no annotations, or no masks."""
        parts = _parts([*own, *pool])
        if not parts or scene.kb is None or scene.contents is None:
            return None
        contents = PatchContents(scene.contents, scene.masked, scene.photographs.crop, scene.model.input_size, parts)
        return cls(scene.kb, contents, pool, options) if contents.masked(parts).any() else None

    def under(self, iri: str, spots: Sequence[Spot]) -> UnderPatches | None:
        """Measure how much of a unit's patches shows a class."""
        patches = self._masked(spots)
        if len(patches) < FEWEST or len(self._pool) < len(patches):
            return None
        if iri not in self._chance:
            self._chance[iri] = self._contents.covering(iri, self._pool)
        own = self._contents.covering(iri, patches)
        shown, random = own[:, :2].sum(1), self._chance[iri][:, :2].sum(1)
        low, high = bootstrap_mean(shown, seed=self._options.seed)
        drawn = random[self._order[:, : len(patches)]].mean(1)
        return UnderPatches(
            len(patches),
            float(shown.mean()),
            low,
            high,
            float(random.mean()),
            float((1 + (drawn >= shown.mean() - 1e-12).sum()) / (1 + len(drawn))),
            dict(zip(COVERING, own.mean(0).tolist(), strict=True)),
        )

    def classes(self, spots: Sequence[Spot]) -> tuple[ClassUnder, ...]:
        """Name the classes that fill a unit's patches more than random ones."""
        patches = self._masked(spots)
        if len(patches) < FEWEST or self._called is None:
            return ()
        iris, shares = self._contents.classes(patches)
        means = shares.mean(0)
        best = sorted(np.flatnonzero(means > self._called).tolist(), key=lambda one: (-means[one], iris[one]))
        return tuple(
            ClassUnder(iris[one], self._kb.names.label(iris[one]), float(means[one]), float(self._called[one]))
            for one in best[:CLASSES_UNDER]
        )

    def _masked(self, spots: Sequence[Spot]) -> list[tuple[int, Box]]:
        parts = _parts(spots)
        return [part for part, masked in zip(parts, self._contents.masked(parts).tolist(), strict=True) if masked]

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """Each draw's random patches in its order."""
        generator = np.random.default_rng(self._options.seed)
        return np.argsort(generator.random((self._options.draws, len(self._pool))), axis=1).astype(np.int64)


def _parts(spots: Sequence[Spot]) -> list[tuple[int, Box]]:
    return [(spot.row, spot.box) for spot in spots if spot.box is not None]
