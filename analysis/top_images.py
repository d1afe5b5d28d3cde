"""The images that excite each unit of a layer most, found in one pass whatever the number of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..ontology.errors import UsageError

_BLOCK = 1 << 20
"""Activations looked at in one step."""


@dataclass(frozen=True)
class TopImages:
    """The most exciting images of units, the most exciting one first.

    Attributes
    ----------
    top
        How many images were asked for.
    units
        int64, shape (units,): which units.
    rows
        int64, shape (units, top): rows of the activations; -1 where a unit has fewer images that excite it.
        Of equal images the earlier one comes first.
    values
        float32, shape (units, top): the activations; minus infinity where there is no image.
    """

    top: int
    units: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: NDArray[np.float32]


def chosen_units(activations: Activations, units: Sequence[int] | None) -> NDArray[np.int64]:
    """Units to work on, all by default.

    Raises
    ------
    UsageError
        If there is no such unit.
    """
    if units is None:
        return np.arange(activations.units, dtype=np.int64)
    activations.check_units(units)
    return np.asarray(units, np.int64)


def top_images(
    activations: Activations,
    top: int = 100,
    *,
    units: Sequence[int] | None = None,
    among: NDArray[np.int64] | None = None,
) -> TopImages:
    """Find the `top` images of each unit, among all images or those of some rows.

    In a layer without negative values an image at zero does not excite the unit and is left out, else a unit that
    fires on few images would be filled up with images in the order of the file. The activations are read in
    blocks of rows; memory depends on units × top, not on the number of images.

    Raises
    ------
    UsageError
        If there are fewer images than `top`, or there is no such unit.
    """
    chosen = chosen_units(activations, units)
    count = len(activations.images) if among is None else len(among)
    if top < 1:
        raise UsageError(f"the number of top images is {top}", expected="1 or more")
    if top > count:
        raise UsageError(
            f"{count} images are fewer than the {top} top images asked for",
            where=activations.path,
            hint=f"ask for fewer with --top, at most {count}",
        )
    rows = np.full((top, len(chosen)), -1, np.int64)
    values = np.full((top, len(chosen)), -np.inf, np.float32)
    for part, block in _blocks(activations, among):
        block = block[:, chosen]
        if not activations.meta.signed:
            block[block <= 0] = -np.inf
        candidates = np.concatenate([values, block])
        names = np.concatenate([rows, np.broadcast_to(part[:, None], block.shape)])
        order = np.argsort(-candidates, axis=0, kind="stable")[:top]
        values = np.take_along_axis(candidates, order, axis=0)
        rows = np.take_along_axis(names, order, axis=0)
    rows[np.isneginf(values)] = -1
    return TopImages(top, chosen, np.ascontiguousarray(rows.T), np.ascontiguousarray(values.T))


def unit_moments(
    activations: Activations, among: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each unit over all images or those of some rows, read in blocks; 1 where nothing changes.

    Returns
    -------
    float64, shape (units,), twice
    """
    count = len(activations.images) if among is None else len(among)
    mean = np.zeros(activations.units)
    squares = np.zeros(activations.units)
    for _, block in _blocks(activations, among):
        mean += block.sum(0, dtype=np.float64) / count
    for _, block in _blocks(activations, among):
        squares += ((block - mean) ** 2).sum(0) / count
    deviation = np.sqrt(squares)
    return mean, np.where(deviation > 0, deviation, 1.0)


def _blocks(
    activations: Activations, among: NDArray[np.int64] | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Rows and their activations, a block at a time."""
    step = max(1, _BLOCK // max(1, activations.units))
    for start in range(0, len(activations.images) if among is None else len(among), step):
        if among is None:
            block = np.asarray(activations.values[start : start + step])
            yield np.arange(start, start + len(block), dtype=np.int64), block
        else:
            part = among[start : start + step]
            yield part, np.asarray(activations.values[part])
