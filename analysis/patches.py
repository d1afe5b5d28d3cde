"""Patches: the parts of photographs that excite a layer's units, cut by receptive field and activation map."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..bridge.activations import Activations
from ..bridge.hooks import watch
from ..bridge.images import BROKEN_IMAGE, BadImage, ImageSet, bad_images_error, describe, load_rgb, pillow
from ..bridge.loaded_model import LoadedModel, SquareTransform
from ..ontology.errors import DataError, UsageError
from .receptive_field import Box, ReceptiveField, probe_receptive_field, spatial_maps
from .top_images import TopImages, top_images, unit_moments

if TYPE_CHECKING:
    from PIL.Image import Image

FEATURES = 64
"""Length of a patch's feature vector, at most."""

_BATCH = 8


@dataclass(frozen=True)
class Patch:
    """One patch.

    Attributes
    ----------
    unit
        The unit that it excites.
    row
        Row of the image in the activations.
    value
        The unit's largest value on its map, at `cell`.
    cell
        Row and column of that value.
    box
        The patch in pixels of the network's input.
    """

    unit: int
    row: int
    value: float
    cell: tuple[int, int]
    box: Box


@dataclass(frozen=True)
class UnitPatches:
    """The patches that excite units most, the most exciting image first.

    Attributes
    ----------
    layer
        The layer.
    field
        How its maps lie over the input.
    top
        The images that the patches are in.
    cells
        int16, shape (units, top, 2): row and column of the maximum on the unit's map; -1 without an image.
    boxes
        int16, shape (units, top, 4): left, top, right, bottom in pixels of the input; -1 without an image.
    values
        float32, shape (units, top): the maxima; NaN without an image.
    features
        float32, shape (units, top, d): what the layer's units see in the patch, the mean over its cells of each unit's
        values in deviations, projected at random to at most `FEATURES` numbers (Johnson and Lindenstrauss 1984), which
        keeps distances, and scaled to length 1; zeros without an image.
    """

    layer: str
    field: ReceptiveField
    top: TopImages
    cells: NDArray[np.int16]
    boxes: NDArray[np.int16]
    values: NDArray[np.float32]
    features: NDArray[np.float32]

    def of(self, unit: int) -> tuple[Patch, ...]:
        """Patches of a unit.

        Raises
        ------
        UsageError
            If the unit is not among these.
        """
        found = np.flatnonzero(self.top.units == unit)
        if not len(found):
            raise UsageError(f"there are no patches of unit {unit}", where=self.layer)
        at = int(found[0])
        return tuple(
            Patch(
                unit,
                int(row),
                float(self.values[at, rank]),
                (int(self.cells[at, rank, 0]), int(self.cells[at, rank, 1])),
                Box(*(int(edge) for edge in self.boxes[at, rank])),
            )
            for rank, row in enumerate(self.top.rows[at])
            if row >= 0
        )


class Photographs:
    """The photographs behind activations, checked against their digests, and crops of them.

    Parameters
    ----------
    activations
        The activations.
    images
        Where the photographs are.
    model
        The network, whose transform says how a photograph becomes its input.

    Raises
    ------
    DataError
        If photographs are missing or are not those that the activations were made from.
    """

    def __init__(self, activations: Activations, images: ImageSet, model: LoadedModel) -> None:
        found = {record.id: record for record in images}
        missing = [image.id for image in activations.images if image.id not in found]
        if missing:
            raise DataError(
                f"{len(missing)} of {len(activations.images)} images are missing, e.g. {', '.join(missing[:3])}",
                where=images.root,
                expected=f"the images of {activations.path}",
            )
        changed = [image.id for image in activations.images if image.sha256 and found[image.id].sha256 != image.sha256]
        if changed:
            raise DataError(
                f"{len(changed)} images are not those of the activations, e.g. {', '.join(changed[:3])}",
                where=images.root,
                expected=f"the contents recorded in {activations.path}",
                hint="make the activations again",
            )
        self._records = [found[image.id] for image in activations.images]
        self._root = images.root
        self._model = model
        self._ramps = lru_cache(maxsize=64)(self._source)

    def open(self, row: int) -> Image:
        """Decode the photograph of a row, at least as large as the network needs it.

        Raises
        ------
        DataError
            If it cannot be decoded.
        """
        record = self._records[row]
        try:
            return load_rgb(record.path, self._model.decode_size)
        except BROKEN_IMAGE as problem:
            raise bad_images_error([BadImage(record.relative, describe(problem))], self._root) from problem

    def crop(self, photograph: Image, box: Box) -> Image:
        """Cut the part of a photograph that the network sees in a box of its input."""
        across, down = self._ramps(photograph.size)
        left, right = across[box.left], across[box.right]
        top, bottom = down[box.top], down[box.bottom]
        low_x, high_x, low_y, high_y = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
        x, y = int(np.floor(low_x + 1e-6)), int(np.floor(low_y + 1e-6))
        return photograph.crop((x, y, max(x + 1, int(np.ceil(high_x - 1e-6))), max(y + 1, int(np.ceil(high_y - 1e-6)))))

    def _source(self, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where each pixel edge of the input lies in photographs of a size (width, height), along either axis."""
        height, width = self._model.input_size
        if isinstance(self._model.transform, SquareTransform):
            return np.linspace(0, size[0], width + 1), np.linspace(0, size[1], height + 1)
        across, down = (self._follow(size, axis) for axis in (0, 1))
        return across, down

    def _follow(self, size: tuple[int, int], axis: int) -> NDArray[np.float64]:
        """Send a picture whose grey level is the position along an axis through an unknown transform."""
        ramp = np.broadcast_to(
            (np.arange(size[0])[None, :] + 0.5) / size[0]
            if axis == 0
            else (np.arange(size[1])[:, None] + 0.5) / size[1],
            (size[1], size[0]),
        )
        outputs = []
        for levels in (np.zeros_like(ramp), ramp, np.ones_like(ramp)):
            grey = pillow().fromarray(np.round(levels * 255).astype(np.uint8)).convert("RGB")
            outputs.append(self._model.transform(grey)[0].double().numpy())
        black, seen, white = outputs
        # The transform maps grey levels linearly, whatever its mean and deviation are.
        levels = (seen - black) / (white - black)
        line = levels.mean(0 if axis == 0 else 1) * size[axis]
        middle = (line[1:] + line[:-1]) / 2
        edges = np.concatenate([[2 * line[0] - middle[0]], middle, [2 * line[-1] - middle[-1]]])
        return np.asarray(np.clip(edges, 0, size[axis]), np.float64)


def check_model(activations: Activations, model: LoadedModel) -> None:
    """Raise `DataError` unless the activations are of this model's weights."""
    expected = activations.meta.weights_sha256
    if expected is None or expected != model.weights_sha256:
        raise DataError(
            f"the activations are of {activations.meta.model} with other weights, or of unknown ones",
            where=activations.path,
            expected=f"the weights {model.weights_sha256[:16]} of {model.name}",
            hint="make the activations with `neurontology activations`",
        )


def find_patches(
    model: LoadedModel,
    activations: Activations,
    photographs: Photographs,
    *,
    top: int = 100,
    units: Sequence[int] | None = None,
    among: NDArray[np.int64] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> UnitPatches:
    """Find the patches that excite units most.

    The network runs once over the images that are among some unit's top ones. A patch is the effective receptive field
    of the cell where the unit's map is largest, widened to the pixels under the cells around it whose values
    are in the upper half between the map's minimum and maximum. Memory depends on units × top, not on the number
    of images.

    Parameters
    ----------
    model, activations, photographs
        The network, its activations and their photographs; the layer is that of the activations.
    top
        Patches a unit.
    units
        Which units; all by default.
    among
        Rows of the images that patches are cut from; all by default.
    progress
        Called with the numbers of images done and of all.

    Raises
    ------
    UsageError
        If there are fewer images than `top`, no such unit, or the layer has no spatial maps.
    DataError
        If the activations are of other weights, or a photograph cannot be decoded.
    """
    check_model(activations, model)
    layer = activations.meta.layer
    field = probe_receptive_field(model, layer)
    best = top_images(activations, top, units=units, among=among)
    wanted: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for at, rank in np.argwhere(best.rows >= 0):
        wanted[int(best.rows[at, rank])].append((int(at), int(rank)))
    projection = _projection(activations.units)
    shape = best.rows.shape
    cells = np.full((*shape, 2), -1, np.int16)
    boxes = np.full((*shape, 4), -1, np.int16)
    values = np.full(shape, np.nan, np.float32)
    features = np.zeros((*shape, activations.units if projection is None else projection.shape[0]), np.float32)
    scale = torch.from_numpy(1 / unit_moments(activations, among)[1]).float()
    for row, maps in layer_maps(model, layer, photographs, sorted(wanted), progress):
        seen = maps * scale[:, None, None]
        if projection is not None:
            seen = torch.einsum("dc,chw->dhw", projection, seen)
        plain, vectors = maps.numpy(), seen.numpy()
        for at, rank in wanted[row]:
            unit_map = plain[best.units[at]]
            cell = (int(unit_map.argmax()) // unit_map.shape[1], int(unit_map.argmax()) % unit_map.shape[1])
            box = field.around(cell, active_region(unit_map, cell))
            cells[at, rank] = cell
            boxes[at, rank] = (box.left, box.top, box.right, box.bottom)
            values[at, rank] = unit_map[cell]
            (r0, c0), (r1, c1) = field.cells(box)
            vector = vectors[:, r0 : r1 + 1, c0 : c1 + 1].mean((1, 2))
            features[at, rank] = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return UnitPatches(layer, field, best, cells, boxes, values, features)


def active_region(unit_map: NDArray[np.floating], cell: tuple[int, int]) -> tuple[int, int, int, int]:
    """Bound the cells connected with a maximum whose values are in the upper half of the map's range.

    Returns
    -------
    tuple of int
        First row, first column, last row, last column.

    Examples
    --------
    >>> active_region(np.array([[0.0, 3, 4], [0, 0, 0], [3, 0, 1]]), (0, 2))
    (0, 1, 0, 2)
    """
    low, high = float(unit_map.min()), float(unit_map.max())
    if low == high:
        return (*cell, *cell)
    labels, _ = ndimage.label(unit_map >= (low + high) / 2)
    rows, columns = ndimage.find_objects((labels == labels[cell]).astype(np.int8))[0]
    return rows.start, columns.start, rows.stop - 1, columns.stop - 1


def _projection(units: int) -> Tensor | None:
    """Gaussian projection of unit vectors to `FEATURES` numbers; None where they are no more already."""
    if units <= FEATURES:
        return None
    drawn: Tensor = torch.randn((FEATURES, units), generator=torch.Generator().manual_seed(0))
    return drawn / math.sqrt(FEATURES)


def layer_maps(
    model: LoadedModel,
    layer: str,
    photographs: Photographs,
    rows: Sequence[int],
    progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[int, Tensor]]:
    """Run the network over photographs and give the layer's maps of each: units × height × width."""
    device = next((one.device for one in model.module.parameters()), torch.device("cpu"))
    latest: list[Tensor] = []

    def receive(_: str, tensor: Tensor | None, axis: int) -> None:
        latest[:] = [spatial_maps(tensor, axis, layer).float().clone()]

    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        inputs = torch.stack([model.transform(photographs.open(row)) for row in batch]).to(device)
        # Hooks and inference mode are entered anew for each batch, since the consumer runs between them.
        with watch(model, [layer], receive), torch.inference_mode():
            model.run(inputs)
            maps = latest.pop().cpu()
        yield from zip(batch, maps.clone().unbind(0), strict=True)
        if progress is not None:
            progress(start + len(batch), len(rows))
