"""The whole of the facet analysis of one layer: measures, facets, labels, triples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bridge.activations import Activations
from ..ontology.errors import DataError
from ..ontology.kb import KB
from ..reasoner.learning import InductionOptions
from .layer_facets import LayerMeasures, find_facets, layer_record, measure_layer
from .selectivity import ALPHA
from .verification import PUBLISHED_CRITERIA

if TYPE_CHECKING:
    from .patches import Photographs, UnitPatches

Progress = Callable[[int, int], None]
"""Called with the numbers of things done and of all."""


@dataclass(frozen=True)
class FacetSettings:
    """What is asked of a facet analysis.

    Attributes
    ----------
    top
        Number of top images of a unit.
    alpha
        Level of the p-values within the layer.
    units
        Units whose facets and pictures are wanted; all by default. The measures are of the whole layer.
    dataset
        Data set whose individuals the images are.
    negative
        Share of a unit's maximum up to which an image is a negative example of its facets.
    options
        How labels are searched.
    seed
        Seed of the samples that decide how many facets there are.
    """

    top: int = 100
    alpha: float = ALPHA
    units: tuple[int, ...] | None = None
    dataset: str | None = None
    negative: float = 0.2
    options: InductionOptions | None = None
    seed: int = 0


@dataclass(frozen=True)
class LayerAnalysis:
    """What was found for a layer.

    Attributes
    ----------
    record
        Its record, as ``facets --json`` prints it.
    measures
        The measures with their matrices.
    patches, photographs
        The patches of the units asked for, and what cuts them out; None without photographs.
    """

    record: dict[str, Any]
    measures: LayerMeasures
    patches: UnitPatches | None
    photographs: Photographs | None


def analyse_layer(
    activations: Activations,
    settings: FacetSettings,
    *,
    kb: KB | None = None,
    images: Path | None = None,
    progress: Progress | None = None,
) -> LayerAnalysis:
    """Measure a layer; with photographs or a knowledge base find facets, and label them with the latter.

    Parameters
    ----------
    activations
        The activations of the layer.
    settings
        What is asked.
    kb
        Knowledge base with the annotations of the images, opened for writing: selectivity and facets are recorded
        as triples.
    images
        Folder with the photographs, for patches; the network of the activations is loaded by its name and run.
    progress
        Called while the network runs, while facets are divided, and while they are labelled.

    Raises
    ------
    UsageError
        If there are fewer images than top images, an option is out of range, or patches are asked of a layer without
        spatial maps.
    DataError
        If images have no class, or the photographs or weights are not those of the activations.
    """
    measures = measure_layer(activations, top=settings.top, alpha=settings.alpha)
    patches = photographs = None
    if images is not None:
        photographs, patches = _patches(activations, images, settings, progress)
    if images is None and kb is None:
        return LayerAnalysis(layer_record(measures, activations), measures, None, None)
    facets = find_facets(
        activations, measures.best, units=settings.units, patches=patches, seed=settings.seed, progress=progress
    )
    labels = []
    if kb is not None:
        from .facet_labels import label_facets

        labels = label_facets(
            kb,
            activations,
            facets,
            dataset=settings.dataset,
            negative=settings.negative,
            options=settings.options,
            progress=progress,
        )
    record = layer_record(measures, activations, facets, labels, "images" if patches is None else "patches")
    if kb is not None:
        from .facet_recording import record_facets

        record_facets(kb, activations, record, PUBLISHED_CRITERIA.settings())
    return LayerAnalysis(record, measures, patches, photographs)


def _patches(
    activations: Activations, images: Path, settings: FacetSettings, progress: Progress | None
) -> tuple[Photographs, UnitPatches]:
    from ..bridge.images import ImageSet
    from ..bridge.models import load_model
    from .patches import Photographs, find_patches

    if activations.meta.weights_sha256 is None:
        raise DataError(
            "the network of imported activations is not known",
            where=activations.path,
            expected="activations made by `neurontology activations`",
            hint="leave out --images",
        )
    model = load_model(activations.meta.model)
    found = ImageSet.find(images, skip_bad=bool(activations.meta.skipped))
    photographs = Photographs(activations, found, model)
    return photographs, find_patches(
        model, activations, photographs, top=settings.top, units=_listed(settings.units), progress=progress
    )


def _listed(units: Sequence[int] | None) -> Sequence[int] | None:
    return None if units is None else list(units)


def facets_record(layers: Sequence[LayerAnalysis]) -> dict[str, Any]:
    """Record of one layer as it is; of several layers their records under ``layers``."""
    if len(layers) == 1:
        return layers[0].record
    return {"top": layers[0].record["top"], "layers": [layer.record for layer in layers]}
