"""Activations with their photographs and annotations, as descriptions need them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bridge.activations import Activations
from ..bridge.images import ImageSet
from ..bridge.labelling import JoinedImages, join_images
from ..bridge.models import load_model
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .image_contents import ImageContents
from .patch_contents import MaskedPhotograph, masked_photograph
from .patches import Photographs
from .receptive_field import Box
from .scorers.catalog import Training
from .scorers.eszsl import AnnotatedPictures
from .scorers.scorer import Picture, Scorer, Vectors

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..bridge.loaded_model import LoadedModel

Progress = Callable[[int, int], None]
"""Called with the numbers of things done and of all."""


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


class Scene:
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
    from ..ontology.iris import ids_by_local_name
    from ..ontology.names import local_name

    wanted = ids_by_local_name(ids)
    return any(local_name(iri) in wanted for iri in kb.index.individuals)


def _edges(box: Box | None) -> tuple[int, int, int, int]:
    return (0, 0, 0, 0) if box is None else (box.left, box.top, box.right, box.bottom)
