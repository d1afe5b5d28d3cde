"""Descriptions of a layer's units: patches, vocabulary and scorer brought together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .description_judge import Judge
from .description_scene import Progress, Scene, Spot
from .descriptions import FEWEST, DescribeOptions, Describer, Found
from .patches import find_patches
from .receptive_field import Box
from .scorers.catalog import load_scorer
from .scorers.embedding_cache import BLOCK
from .scorers.matrix import MatrixScorer
from .scorers.scorer import Scorer, Vectors
from .statistics import benjamini_hochberg
from .top_images import chosen_units, top_images
from .under_patches import Beneath
from .unit_descriptions import LayerDescriptions, UnitDescription
from .vocabularies import Vocabulary, own_vocabulary, read_vocabulary


def describe_layers(
    layers: Sequence[Activations],
    *,
    scorer: str | Scorer = "conse",
    vocabulary: str | None = None,
    kb: KB | None = None,
    dataset: str | None = None,
    images: Path | None = None,
    units: Sequence[int] | None = None,
    options: DescribeOptions | None = None,
    progress: Progress | None = None,
) -> list[LayerDescriptions]:
    """Describe the units of layers by the words of a vocabulary.

    Patches are cut from the induction half of the images; the held-out half says how well the words hold.

    Parameters
    ----------
    layers
        Activations, in the order in which they are to be compared.
    scorer, vocabulary
        A scorer, or its name: see :func:`.catalog.load_scorer` and :func:`.vocabularies.read_vocabulary`. Without a
        vocabulary that of the scorer's file is taken, or all classes of the knowledge base.
    kb, dataset
        Knowledge base that has the classes, and its data set with the images.
    images
        Where the photographs are; by default where they were when the activations were made.
    units
        Which units; all by default.
    options
        How to search.
    progress
        Called while networks run.

    Raises
    ------
    UsageError
        If something asked for does not exist, the vocabulary is empty, a layer has no spatial maps, or there are
        fewer images than top ones.
    DataError
        If photographs, weights or annotations are broken or not those of the activations.
    MissingDependencyError
        If a scorer's package is not installed.
    """
    asked = options or DescribeOptions()
    for activations in layers[1:]:
        if activations.images != layers[0].images or activations.meta.model != layers[0].meta.model:
            raise UsageError(
                "the layers are not of one model on the same images with the same held-out half",
                where=f"{layers[0].path}, {activations.path}",
            )
    scene = [Scene(activations, kb, dataset, images) for activations in layers]
    for one in scene:
        chosen_units(one.activations, units)
        one.require(asked.top)
    # Words come first, since loading a network takes longer than finding that a file is empty.
    words = None if vocabulary is None else read_vocabulary(vocabulary, kb, about=scene[0].about())
    loaded = load_scorer(scorer, lambda: scene[0].training()) if isinstance(scorer, str) else scorer
    if words is None and isinstance(loaded, MatrixScorer):
        words = own_vocabulary(loaded.name, loaded.vocabulary, kb)
    elif words is None and kb is not None:
        words = read_vocabulary("kb", kb)
    elif words is None:
        raise UsageError("the words are not given", expected="--vocabulary FILE, kb:CATEGORY … or --kb KB")
    texts = _text_vectors(loaded, words.texts, progress)
    return [_describe(one, loaded, words, texts, units, asked, progress) for one in scene]


def _text_vectors(scorer: Scorer, texts: Sequence[str], progress: Progress | None) -> Vectors:
    """Vectors of a vocabulary, a block at a time so that one sees how far it is."""
    parts = []
    for start in range(0, len(texts), BLOCK):
        parts.append(scorer.texts(texts[start : start + BLOCK]))
        if progress is not None:
            progress(min(start + BLOCK, len(texts)), len(texts))
    return np.concatenate(parts)


def _describe(
    scene: Scene,
    scorer: Scorer,
    words: Vocabulary,
    texts: Vectors,
    units: Sequence[int] | None,
    options: DescribeOptions,
    progress: Progress | None,
) -> LayerDescriptions:
    chosen = chosen_units(scene.activations, units)
    if scorer.sees_parts:
        own, values = _patches(scene, options.top, chosen, progress)
        pool = _random_patches(scene, own, options)
    else:
        own, values = _whole_images(scene, options.top, chosen)
        pool = _random_images(scene, options)
    flat = [spot for spots in own for spot in spots]
    vectors = scene.vectors(scorer, [*flat, *pool], progress)
    describer = Describer(texts, vectors[len(flat) :], options)
    held_out = scene.vectors(scorer, [Spot(int(row), None) for row in scene.held_out], progress)
    beneath = Beneath.of(scene, pool, flat, options)
    judge = Judge(scene, words, texts, held_out, beneath)
    found, start = [], 0
    for unit, spots, activations in zip(chosen.tolist(), own, values, strict=True):
        block = vectors[start : start + len(spots)]
        start += len(spots)
        sought = describer.describe(block, activations) if len(spots) >= FEWEST else []
        found.append(
            UnitDescription(
                unit,
                len(spots),
                _status(sought, len(spots), options.alpha),
                None,
                tuple(judge.description(unit, one, spots) for one in sought),
                () if beneath is None else beneath.classes(spots),
            )
        )
    tested = [at for at, unit in enumerate(found) if unit.descriptions]
    adjusted = benjamini_hochberg([found[at].descriptions[0].found.p for at in tested])
    for at, p in zip(tested, adjusted.tolist(), strict=True):
        found[at] = replace(found[at], p_bh=p)
    return LayerDescriptions(
        scene.activations,
        words.name,
        len(words.concepts),
        scorer.name,
        options,
        tuple(found),
        _depth(scene.kb, found, options.alpha),
    )


def _status(found: Sequence[Found], patches: int, alpha: float) -> str:
    if patches < FEWEST:
        return f"{patches} images excite the unit, fewer than {FEWEST}"
    return "described" if found[0].p <= alpha else "no better than chance"


def _depth(kb: KB | None, units: Sequence[UnitDescription], alpha: float) -> float | None:
    """Mean level of the classes of descriptions better than chance."""
    if kb is None:
        return None
    iris = [one.concept.iri for unit in units for one in unit.descriptions if one.found.p <= alpha]
    numbers = [number for iri in iris if iri is not None and (number := kb.index.classes.id(iri)) is not None]
    return float(kb.index.hierarchy.levels[numbers].mean()) if numbers else None


def _patches(
    scene: Scene, top: int, units: NDArray[np.int64], progress: Progress | None
) -> tuple[list[list[Spot]], list[NDArray[np.float32]]]:
    """Cut the patches of each unit out of the induction half."""
    photographs = scene.photographs
    found = find_patches(
        scene.model,
        scene.activations,
        photographs,
        top=top,
        units=units.tolist(),
        among=scene.induction,
        progress=progress,
    )
    own, values = [], []
    for unit in units.tolist():
        patches = found.of(unit)
        own.append([Spot(patch.row, patch.box) for patch in patches])
        values.append(np.asarray([patch.value for patch in patches], np.float32))
    return own, values


def _whole_images(
    scene: Scene, top: int, units: NDArray[np.int64]
) -> tuple[list[list[Spot]], list[NDArray[np.float32]]]:
    best = top_images(scene.activations, top, units=units.tolist(), among=scene.induction)
    own = [[Spot(row, None) for row in rows if row >= 0] for rows in best.rows.tolist()]
    values = [row[: len(spots)] for row, spots in zip(best.values, own, strict=True)]
    return own, values


def _random_patches(scene: Scene, own: Sequence[Sequence[Spot]], options: DescribeOptions) -> list[Spot]:
    """Draw patches of the sizes of the units' own, anywhere in any image of the induction half."""
    boxes = [spot.box for spots in own for spot in spots if spot.box is not None]
    if not boxes:
        raise DataError("no image excites any of the units", where=scene.activations.path)
    generator = np.random.default_rng(options.seed)
    height, width = scene.model.input_size
    drawn = []
    for _ in range(options.pool):
        box = boxes[int(generator.integers(len(boxes)))]
        left = int(generator.integers(width - box.width + 1))
        top = int(generator.integers(height - box.height + 1))
        row = int(scene.induction[generator.integers(len(scene.induction))])
        drawn.append(Spot(row, Box(left, top, left + box.width, top + box.height)))
    return drawn


def _random_images(scene: Scene, options: DescribeOptions) -> list[Spot]:
    generator = np.random.default_rng(options.seed)
    rows = generator.permutation(scene.induction)[: options.pool]
    if len(rows) < 2 * options.top:
        raise UsageError(
            f"{len(rows)} images that are not held out are too few to draw {options.top} of them at random",
            where=scene.activations.path,
            hint=f"ask for fewer with --top, at most {len(rows) // 2}",
        )
    return [Spot(int(row), None) for row in rows]
