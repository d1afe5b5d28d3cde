"""Masks of ADE20K: what each pixel of a photograph shows.

``X_seg.png`` and ``X_parts_N.png`` lie beside ``X.jpg`` (Zhou et al., CVPR 2017): class = R // 10 · 256 + G, and the
rank of B among the values of B in the picture is the instance's number in ``X_atr.txt``. Names are taken from there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ...bridge.images import BROKEN_IMAGE, describe, pillow
from ...kb_build.ade20k import read_atr
from ...ontology.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

#: Height and width to which masks are reduced, those of Broden (Bau et al., CVPR 2017).
SIZE: Final = 112

NOTHING: Final = -1

#: What tells the name of a part from that of a whole object.
PART: Final = " (part)"

_PARTS = re.compile(r"_parts_(\d+)$")


@dataclass(frozen=True)
class Masks:
    """What one photograph shows and where.

    Attributes
    ----------
    layers
        int32, shape (layers, SIZE, SIZE): names' numbers, `NOTHING` where nothing is named. The whole objects, then the
        parts of each level.
    names
        Names that the numbers stand for.
    scene
        What the whole photograph is; None if that is not known.
    """

    layers: NDArray[np.int32]
    names: tuple[str, ...]
    scene: str | None


def has_masks(photograph: Path) -> bool:
    """Whether a photograph has masks and the list of its instances beside it."""
    return _beside(photograph, "_seg.png").is_file() and _beside(photograph, "_atr.txt").is_file()


def read_masks(photograph: Path, root: Path, crop: Callable[[Image], Image]) -> Masks:
    """Read the masks of a photograph, reduced to SIZE × SIZE by taking the nearest pixel.

    A class of a picture is named as most of its pixels are by their instances: the first of the instance's names.

    Parameters
    ----------
    photograph
        The photograph.
    root
        Folder below which the folders name the scenes.
    crop
        Cuts from a picture of its size the part that the network sees.

    Raises
    ------
    DataError
        A mask or the list of instances is broken.
    """
    annotation = read_atr(_beside(photograph, "_atr.txt"), root)
    named: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for one in annotation.objects:
        named[one.part_level].setdefault(int(one.id.partition("_")[0]), one.names[0])
    numbers: dict[str, int] = {}
    layers = []
    for level, file in _files(photograph):
        classes, instances = _decode(file)
        names = _names(classes, instances, named[level])
        lookup = np.full(int(classes.max()) + 1, NOTHING, np.int32)
        for code, name in names.items():
            lookup[code] = numbers.setdefault(name if level == 0 else name + PART, len(numbers))
        small = crop(pillow().fromarray(lookup[classes])).resize((SIZE, SIZE), pillow().Resampling.NEAREST)
        layers.append(np.asarray(small, np.int32))
    return Masks(np.stack(layers), tuple(numbers), annotation.scene)


def read_instances(photograph: Path) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Read which instance each pixel of a photograph belongs to, 0 for none, by part level; whole objects are level 0.

    Raises
    ------
    DataError
        A mask is broken.
    """
    for level, file in _files(photograph):
        yield level, _decode(file)[1]


def _files(photograph: Path) -> Iterator[tuple[int, Path]]:
    """Part level and file of each mask, whole objects first."""
    yield 0, _beside(photograph, "_seg.png")
    found = ((_PARTS.search(file.stem), file) for file in photograph.parent.glob(f"{photograph.stem}_parts_*.png"))
    yield from sorted((int(match[1]), file) for match, file in found if match)


def _decode(file: Path) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Class and instance of each pixel, 0 for nothing."""
    try:
        with pillow().open(file) as picture:
            if picture.mode not in ("RGB", "RGBA"):
                raise DataError(f"holds pixels of mode {picture.mode}", where=file, expected="red, green and blue")
            pixels = np.asarray(picture)
    except BROKEN_IMAGE as problem:
        raise DataError(f"cannot be decoded ({describe(problem)})", where=file, expected="an intact PNG") from problem
    present = np.bincount(pixels[..., 2].ravel(), minlength=256) > 0
    present[0] = True
    numbers = (np.cumsum(present) - 1).astype(np.int32)
    classes = pixels[..., 0].astype(np.int32) // 10 * 256 + pixels[..., 1]
    return classes, numbers[pixels[..., 2]]


def _names(classes: NDArray[np.int32], instances: NDArray[np.int32], named: dict[int, str]) -> dict[int, str]:
    """Name of each class by the instances that most of its pixels belong to."""
    pairs, counts = np.unique(classes.ravel().astype(np.int64) << 16 | instances.ravel(), return_counts=True)
    votes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        name = named.get(pair & 0xFFFF)
        if pair >> 16 and name is not None:
            votes[pair >> 16][name] += count
    return {code: min(found.items(), key=lambda item: (-item[1], item[0]))[0] for code, found in votes.items()}


def _beside(photograph: Path, ending: str) -> Path:
    return photograph.with_name(photograph.stem + ending)
