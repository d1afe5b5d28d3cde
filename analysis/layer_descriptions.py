"""Descriptions of a layer's units: patches, vocabulary and scorer brought together, and how well the words hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..bridge.images import ImageSet
from ..bridge.labelling import JoinedImages, join_images
from ..bridge.models import load_model
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .auc import auc_interval
from .bootstrap import bootstrap_mean
from .descriptions import FEWEST, DescribeOptions, Describer, Found
from .image_contents import ImageContents
from .patch_contents import COVERING, MaskedPhotograph, PatchContents, masked_photograph
from .patches import Photographs, find_patches
from .receptive_field import Box
from .scorers.catalog import Training, load_scorer
from .scorers.embedding_cache import BLOCK
from .scorers.eszsl import AnnotatedPictures
from .scorers.matrix import MatrixScorer
from .scorers.scorer import Picture, Scorer, Vectors
from .statistics import RankTest, benjamini_hochberg, mann_whitney
from .top_images import chosen_units, top_images
from .vocabularies import Concept, Vocabulary, own_vocabulary, read_vocabulary

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..bridge.loaded_model import LoadedModel

Progress = Callable[[int, int], None]
"""Called with the numbers of things done and of all."""

TOP_SHARE = 0.1
"""Share of the held-out images that count as exciting a unit, for the AUC of a description."""

FEWEST_HELD_OUT = 3
"""Fewest held-out images on either side of an AUC."""

CLASSES_UNDER = 5
"""Classes named of what lies under a unit's patches, at most."""


@dataclass(frozen=True)
class Spot:
    """A patch: an image and a part of it.

    Attributes
    ----------
    row
        Row of the image in the activations.
    box
        The part, in pixels of the network's input; None for the whole image.
    """

    row: int
    box: Box | None


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
    scene = [_Scene(activations, kb, dataset, images) for activations in layers]
    for one in scene:
        chosen_units(one.activations, units)
        one.require(asked.top)
    loaded = load_scorer(scorer, lambda: scene[0].training()) if isinstance(scorer, str) else scorer
    if vocabulary is not None:
        words = read_vocabulary(vocabulary, kb, about=scene[0].about())
    elif isinstance(loaded, MatrixScorer):
        words = own_vocabulary(loaded.name, loaded.vocabulary, kb)
    elif kb is not None:
        words = read_vocabulary("kb", kb)
    else:
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


class _Scene:
    """Activations with their photographs and annotations."""

    def __init__(self, activations: Activations, kb: KB | None, dataset: str | None, images: Path | None) -> None:
        self.activations = activations
        self.kb = kb
        self._dataset = dataset
        self._images = images
        self.induction = activations.rows("induction")
        self.held_out = activations.rows("holdout")

    def require(self, top: int) -> None:
        """Raise `UsageError` if there are fewer images than top ones."""
        if len(self.induction) < top:
            raise UsageError(
                f"{len(self.induction)} images that are not held out are fewer than the {top} top ones asked for",
                where=self.activations.path,
                hint=f"ask for fewer with --top, at most {len(self.induction)}",
            )

    @cached_property
    def half(self) -> Activations:
        """The activations of the induction half alone."""
        kept = self.induction
        return replace(
            self.activations,
            values=self.activations.values[kept],
            images=tuple(self.activations.images[int(row)] for row in kept),
        )

    @cached_property
    def image_set(self) -> ImageSet:
        """The photographs' files."""
        meta = self.activations.meta
        if meta.weights_sha256 is None:
            raise DataError(
                "the network of imported activations is not known",
                where=self.activations.path,
                expected="activations made by `neurontology activations`",
                hint="use --scorer matrix:FILE, which needs no patches",
            )
        root = self._images or (None if meta.image_root is None else Path(meta.image_root))
        if root is None:
            raise UsageError("it is not known where the images are", where=self.activations.path, expected="--images")
        return ImageSet.find(root, skip_bad=bool(meta.skipped))

    @cached_property
    def photographs(self) -> Photographs:
        """The photographs of all images."""
        return Photographs(self.activations, self.image_set, self.model)

    @cached_property
    def model(self) -> LoadedModel:
        """The network."""
        return load_model(self.activations.meta.model)

    def masked(self, row: int) -> MaskedPhotograph | None:
        """The photograph of a row, if it has masks beside it."""
        image = self.activations.images[row]
        return masked_photograph(self._paths[image.id], image.id)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {record.id: record.path for record in self.image_set}

    @cached_property
    def contents(self) -> ImageContents | None:
        """What the images show; None where no data set of the knowledge base has them."""
        joined = self._joined()
        return None if joined is None else ImageContents(joined)

    def _joined(self) -> JoinedImages | None:
        if self.kb is None:
            return None
        ids = {image.id for image in self.activations.images}
        if self._dataset is None and not _has_individuals(self.kb, ids):
            return None
        return join_images(self.kb, self.activations, self._dataset)

    def training(self) -> Training:
        """Annotated images of the induction half."""
        contents = self.contents
        if contents is None or self.kb is None:
            raise UsageError(
                "the scorer is fitted on annotated images and there are none",
                where="--scorer eszsl",
                expected="--kb KB with a data set that has the images",
            )
        iris, shows = contents.told()
        kept = np.isin(contents.rows, self.induction)
        rows = contents.rows[kept]
        names = tuple(self.kb.names.label(iri) for iri in iris)
        pictures = tuple(self._picture(Spot(int(row), None)) for row in rows)
        return Training(pictures, AnnotatedPictures(names, shows[kept]))

    def about(self) -> dict[str, Any]:
        """What a command that thinks of words is told."""
        meta = self.activations.meta
        return {
            "request": "Name the things, parts, materials, textures, colours and scenes that the units of this layer "
            "of a neural network may look for in the images. One short phrase a line, nothing else.",
            "model": meta.model,
            "layer": meta.layer,
            "image_classes": sorted({image.label for image in self.activations.images if image.label}),
        }

    def vectors(self, scorer: Scorer, spots: Sequence[Spot], progress: Progress | None) -> Vectors:
        """Vectors of patches; each distinct one is looked at once, in the order of the images."""
        order = sorted(set(spots), key=lambda spot: (spot.row, spot.box is None, _edges(spot.box)))
        position = {spot: at for at, spot in enumerate(order)}
        found = scorer.pictures(self._watched(order, progress))
        return found[[position[spot] for spot in spots]]

    def _watched(self, spots: Sequence[Spot], progress: Progress | None) -> Iterator[Picture]:
        for done, spot in enumerate(spots, 1):
            yield self._picture(spot)
            if progress is not None:
                progress(done, len(spots))

    def _picture(self, spot: Spot) -> Picture:
        return Picture(self.activations.images[spot.row].id, partial(self._pixels, spot))

    def _pixels(self, spot: Spot) -> Image:
        photograph = self._open(spot.row)
        return photograph if spot.box is None else self.photographs.crop(photograph, spot.box)

    @cached_property
    def _open(self) -> Callable[[int], Image]:
        return lru_cache(maxsize=2)(self.photographs.open)


def _has_individuals(kb: KB, ids: set[str]) -> bool:
    from ..ontology.names import local_name

    return any(local_name(iri) in ids for iri in kb.index.individuals)


def _edges(box: Box | None) -> tuple[int, int, int, int]:
    return (0, 0, 0, 0) if box is None else (box.left, box.top, box.right, box.bottom)


def _describe(
    scene: _Scene,
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
    beneath = _Beneath.of(scene, pool, flat, options)
    judge = _Judge(scene, words, texts, held_out, beneath)
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
    scene: _Scene, top: int, units: NDArray[np.int64], progress: Progress | None
) -> tuple[list[list[Spot]], list[NDArray[np.float32]]]:
    """Cut the patches of each unit out of the induction half."""
    half = scene.half
    photographs = Photographs(half, scene.image_set, scene.model)
    found = find_patches(scene.model, half, photographs, top=top, units=units.tolist(), progress=progress)
    own, values = [], []
    for unit in units.tolist():
        patches = found.of(unit)
        own.append([Spot(int(scene.induction[patch.row]), patch.box) for patch in patches])
        values.append(np.asarray([patch.value for patch in patches], np.float32))
    return own, values


def _whole_images(
    scene: _Scene, top: int, units: NDArray[np.int64]
) -> tuple[list[list[Spot]], list[NDArray[np.float32]]]:
    best = top_images(scene.half, top, units=units.tolist())
    own = [[Spot(int(scene.induction[row]), None) for row in rows if row >= 0] for rows in best.rows.tolist()]
    values = [row[: len(spots)] for row, spots in zip(best.values, own, strict=True)]
    return own, values


def _random_patches(scene: _Scene, own: Sequence[Sequence[Spot]], options: DescribeOptions) -> list[Spot]:
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


def _random_images(scene: _Scene, options: DescribeOptions) -> list[Spot]:
    generator = np.random.default_rng(options.seed)
    rows = generator.permutation(scene.induction)[: options.pool]
    if len(rows) < 2 * options.top:
        raise UsageError(
            f"{len(rows)} images that are not held out are too few to draw {options.top} of them at random",
            where=scene.activations.path,
            hint=f"ask for fewer with --top, at most {len(rows) // 2}",
        )
    return [Spot(int(row), None) for row in rows]


class _Beneath:
    """Says what lies under the patches of units and under random ones, where photographs have masks."""

    def __init__(self, kb: KB, contents: PatchContents, pool: Sequence[Spot], options: DescribeOptions) -> None:
        self._kb = kb
        self._contents = contents
        self._options = options
        self._pool = self._masked(pool)
        self._chance: dict[str, NDArray[np.float64]] = {}
        self._called = contents.classes(self._pool)[1].mean(0) if self._pool else None

    @classmethod
    def of(cls, scene: _Scene, pool: Sequence[Spot], own: Sequence[Spot], options: DescribeOptions) -> _Beneath | None:
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


class _Judge:
    """Says how well a description holds on held-out images and by annotations."""

    def __init__(
        self, scene: _Scene, words: Vocabulary, texts: Vectors, held_out: Vectors, beneath: _Beneath | None
    ) -> None:
        self._scene = scene
        self._words = words
        self._texts = texts
        self._held_out = held_out
        self._beneath = beneath
        self._shows: dict[str, NDArray[np.bool_]] = {}

    def description(self, unit: int, found: Found, spots: Sequence[Spot]) -> Description:
        images = self._scene.activations.images
        concept = self._words.concepts[found.text]
        shown, chance, auc, p = self._annotated(unit, concept, {spot.row for spot in spots})
        return Description(
            concept,
            found,
            tuple(images[spots[one].row].id for one in found.explained),
            self._auc(unit, found.text),
            shown,
            chance,
            auc,
            p,
            None if self._beneath is None or concept.iri is None else self._beneath.under(concept.iri, spots),
        )

    def _auc(self, unit: int, text: int) -> float | None:
        rows = self._scene.held_out
        values = np.asarray(self._scene.activations.values[rows, unit])
        wanted = max(FEWEST_HELD_OUT, int(np.ceil(TOP_SHARE * len(rows))))
        if len(rows) < wanted + FEWEST_HELD_OUT:
            return None
        exciting = values >= np.sort(values)[-wanted]
        if len(rows) - exciting.sum() < FEWEST_HELD_OUT:
            return None
        scores = self._held_out @ self._texts[text]
        return auc_interval(scores[exciting], scores[~exciting]).auc

    def _annotated(
        self, unit: int, concept: Concept, top: set[int]
    ) -> tuple[float | None, float | None, float | None, float | None]:
        contents = self._scene.contents
        if contents is None or concept.iri is None:
            return None, None, None, None
        if concept.iri not in self._shows:
            self._shows[concept.iri] = contents.shows(concept.iri)
        shows = self._shows[concept.iri]
        own = np.isin(contents.rows, list(top))
        half = np.isin(contents.rows, self._scene.induction)
        shown = float(shows[own].mean()) if own.any() else None
        chance = float(shows[half].mean()) if half.any() else None
        rows, target = contents.rows[~half], shows[~half]
        if min(target.sum(), (~target).sum()) < FEWEST_HELD_OUT:
            return shown, chance, None, None
        values = np.asarray(self._scene.activations.values[rows, unit])
        test = mann_whitney(values[target], values[~target], RankTest(tie_correction=True))
        return shown, chance, auc_interval(values[target], values[~target]).auc, test.p


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
