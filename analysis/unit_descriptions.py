"""Descriptions of units and layers with all that is known of them, and the record that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from ..bridge.activations import Activations
from .bootstrap import bootstrap_mean
from .descriptions import DescribeOptions, Found
from .under_patches import ClassUnder, UnderPatches
from .vocabularies import Concept


@dataclass(frozen=True)
class Description:
    """A description with all that is known of it.

    Attributes
    ----------
    concept
        Text, class and kind.
    found
        Score and p-values.
    images
        Ids of the images whose patches it explains.
    auc
        Probability that the text scores a held-out image of those that excite the unit most higher than another one;
        None without enough held-out images.
    shown, chance
        Share of the unit's top images that show the class by their annotations, and of all images; None without a
        class or annotations.
    annotated_auc, annotated_p
        AUC, and p of a one-sided Mann-Whitney test (tie-corrected): held-out images that show the class by their
        annotations excite the unit more than others; None without enough of them.
    under
        How much of the unit's patches shows the class; None without a class, annotations or enough masks.
    """

    concept: Concept
    found: Found
    images: tuple[str, ...]
    auc: float | None
    shown: float | None
    chance: float | None
    annotated_auc: float | None
    annotated_p: float | None
    under: UnderPatches | None

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``describe --json`` prints."""
        return {
            "text": self.concept.text,
            "class": self.concept.iri,
            "score": self.found.score,
            "p": self.found.p,
            "p_single": self.found.p_single,
            "z": self.found.z,
            "group": self.concept.group,
            "explained": len(self.found.explained),
            "images": list(self.images),
            "auc": self.auc,
            "shown": self.shown,
            "chance": self.chance,
            "annotated_auc": self.annotated_auc,
            "annotated_p": self.annotated_p,
            "under_patches": None if self.under is None else self.under.to_json(),
        }


@dataclass(frozen=True)
class UnitDescription:
    """What was found for one unit.

    Attributes
    ----------
    unit
        Index in the layer.
    patches
        Number of its patches.
    status
        ``described``; ``no better than chance`` where the only description's p is above alpha; or why there is none.
    p_bh
        p of the first description, adjusted by Benjamini and Hochberg over the units described together.
    descriptions
        The set, in the order found.
    under
        The classes that fill most of its patches beyond chance, by the masks, the largest share first; empty without.
    """

    unit: int
    patches: int
    status: str
    p_bh: float | None
    descriptions: tuple[Description, ...]
    under: tuple[ClassUnder, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``describe --json`` prints."""
        return {
            "unit": self.unit,
            "patches": self.patches,
            "status": self.status,
            "p_bh": self.p_bh,
            "descriptions": [one.to_json() for one in self.descriptions],
            "under_patches": [one.to_json() for one in self.under],
        }


@dataclass(frozen=True)
class LayerDescriptions:
    """What was found for a layer.

    Attributes
    ----------
    activations
        The activations.
    vocabulary, scorer
        Names of the vocabulary and the scorer.
    words
        Number of texts in the vocabulary.
    options
        How was searched.
    units
        The units.
    depth
        Mean depth in the hierarchy of the classes of descriptions better than chance, 1 being a root; None without
        classes.
    """

    activations: Activations
    vocabulary: str
    words: int
    scorer: str
    options: DescribeOptions
    units: tuple[UnitDescription, ...]
    depth: float | None

    def summary(self) -> dict[str, Any]:
        """Say in a few numbers what kind of words describe the layer."""
        described = [unit for unit in self.units if unit.status == "described"]
        held = [one for unit in described for one in unit.descriptions if one.found.p <= self.options.alpha]
        under = [one.under for one in held if one.under is not None]
        excess = [one.share - one.chance for one in under]
        low, high = bootstrap_mean(np.asarray(excess), seed=self.options.seed) if excess else (None, None)
        groups: dict[str, int] = {}
        for one in held:
            if one.concept.group is not None:
                groups[one.concept.group] = groups.get(one.concept.group, 0) + 1
        return {
            "layer": self.activations.meta.layer,
            "units": len(self.units),
            "described": len(described),
            "described_bh": sum(unit.p_bh is not None and unit.p_bh <= self.options.alpha for unit in self.units),
            "descriptions": len(held),
            "texts": len({one.concept.text for one in held}),
            "auc": _mean(one.auc for one in held),
            "annotated_auc": _mean(one.annotated_auc for one in held),
            "shown": _mean(one.shown for one in held),
            "chance": _mean(one.chance for one in held),
            "patch_share": _mean(one.share for one in under),
            "patch_chance": _mean(one.chance for one in under),
            "patch_excess": _mean(excess),
            "patch_excess_low": low,
            "patch_excess_high": high,
            "patch_better": sum(one.p <= self.options.alpha for one in under) if under else None,
            "patch_measured": len(under),
            "depth": self.depth,
            "groups": dict(sorted(groups.items(), key=lambda item: (-item[1], item[0]))),
        }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def describe_record(layers: Sequence[LayerDescriptions]) -> dict[str, Any]:
    """Record that ``describe --json`` prints."""
    first = layers[0]
    several = len(layers) > 1
    return {
        "model": first.activations.meta.model,
        "layer": None if several else first.activations.meta.layer,
        "scorer": first.scorer,
        "vocabulary": first.vocabulary,
        "words": first.words,
        "similarity": first.options.similarity,
        "top": first.options.top,
        "alpha": first.options.alpha,
        "random_patches": first.options.pool,
        "draws": first.options.draws,
        "seed": first.options.seed,
        "layers": [layer.summary() for layer in layers],
        "units": [
            {**({"layer": layer.activations.meta.layer} if several else {}), **unit.to_json()}
            for layer in layers
            for unit in layer.units
        ],
    }
