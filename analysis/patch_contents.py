"""What lies under patches: the annotated objects that their pixels belong to, by the masks beside the photographs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..bridge.images import pillow
from .baselines.segmentation import has_masks, read_instances
from .image_contents import ImageContents
from .receptive_field import Box

if TYPE_CHECKING:
    from PIL.Image import Image

COVERING = ("equal", "above", "under")
"""Where a class lies seen from that of the object that a pixel belongs to; the nearest first."""

_NOBODY = -1


@dataclass(frozen=True)
class MaskedPhotograph:
    """A photograph with masks beside it.

    Attributes
    ----------
    path, id
        The file, and the image's id.
    """

    path: Path
    id: str


class PatchContents:
    """Objects under patches of photographs that have masks.

    A pixel may belong to several objects, a thing and its part. The pixels of a patch are grouped by the set of
    objects that they belong to, so that memory depends on the number of patches and objects, not of pixels.

    Parameters
    ----------
    contents
        What the images show.
    photographs
        For each row of the activations its photograph, None where it has no masks.
    crop
        Cuts out of a picture of a photograph's size what lies in a box of the network's input.
    input_size
        Height and width of the network's input.
    patches
        The patches: row of the activations and box. Those without masks have no contents.

    Raises
    ------
    DataError
        A mask or its list of instances is broken.
    """

    def __init__(
        self,
        contents: ImageContents,
        photographs: Callable[[int], MaskedPhotograph | None],
        crop: Callable[[Image, Box], Image],
        input_size: tuple[int, int],
        patches: Sequence[tuple[int, Box]],
    ) -> None:
        self._contents = contents
        self._position = {patch: at for at, patch in enumerate(dict.fromkeys(patches))}
        boxes: defaultdict[int, list[tuple[int, Box]]] = defaultdict(list)
        for (row, box), at in self._position.items():
            boxes[row].append((at, box))
        whole = Box(0, 0, input_size[1], input_size[0])
        members: list[tuple[int, ...]] = []
        parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        self._masked = np.zeros(len(self._position), np.bool_)
        for row in sorted(boxes):
            photograph = photographs(row)
            if photograph is None:
                continue
            kinds, mixes = _mixes(contents, row, photograph, lambda picture: crop(picture, whole), input_size)
            for at, box in boxes[row]:
                inside = np.bincount(kinds[box.top : box.bottom, box.left : box.right].ravel(), minlength=len(mixes))
                found = np.flatnonzero(inside)
                parts.append((np.full(len(found), at), found + len(members), inside[found] / inside.sum()))
                self._masked[at] = True
            members.extend(mixes)
        rows, columns, shares = (
            (np.concatenate(one) for one in zip(*parts, strict=True)) if parts else (np.empty(0, np.int64),) * 3
        )
        self._shares = sparse.csr_matrix((shares, (rows, columns)), shape=(len(self._position), len(members)))
        self._members = np.full((len(members), max(map(len, members), default=1)), _NOBODY, np.int64)
        for at, mix in enumerate(members):
            self._members[at, : len(mix)] = mix

    def masked(self, patches: Sequence[tuple[int, Box]]) -> NDArray[np.bool_]:
        """Whether each patch lies in a photograph that has masks."""
        return self._masked[[self._position[patch] for patch in patches]]

    def covering(self, iri: str, patches: Sequence[tuple[int, Box]]) -> NDArray[np.float64]:
        """Share of each patch's pixels by where a class lies, seen from that of the object there.

        Parameters
        ----------
        iri
            The class.
        patches
            Some of the patches.

        Returns
        -------
        float64, shape (patches, 3)
            In the order of `COVERING`: pixels of objects that annotators called so; of other instances of the class, so
            that it lies above what they said; of objects whose class the annotators left wider, so that it lies under.
            A pixel of several objects counts once, by the nearest.
        """
        chosen = self._shares[[self._position[patch] for patch in patches]]
        nearest = np.zeros(len(self._members), np.bool_)
        shares = []
        for kind in self._contents.kinds(iri):
            shown = np.append(kind, False)[self._members].any(1) & ~nearest
            nearest |= shown
            shares.append(chosen @ shown.astype(np.float64))
        return np.stack(shares, axis=1)

    def classes(self, patches: Sequence[tuple[int, Box]]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Classes that annotators named, and the share of each patch's pixels that belong to an object so called.

        Returns
        -------
        tuple
            IRIs, sorted, and float64, shape (patches, classes).
        """
        iris, called = self._called
        return iris, np.asarray((self._shares[[self._position[patch] for patch in patches]] @ called).toarray())

    @cached_property
    def _called(self) -> tuple[tuple[str, ...], sparse.csr_matrix]:
        """Told classes of the objects, and which of them are shown by each set of objects."""
        iris, told = self._contents.told_of_objects
        empty = sparse.csr_matrix((1, told.shape[1]), dtype=told.dtype)
        everyone = sparse.vstack([told, empty]).tocsr()
        shown = sum((everyone[column] for column in self._members.T), start=everyone[self._members[:, 0]])
        found = (shown > 0).astype(np.float64).tocsr()
        used = np.flatnonzero(found.getnnz(0))
        return tuple(iris[one] for one in used), found[:, used]


def _mixes(
    contents: ImageContents,
    row: int,
    photograph: MaskedPhotograph,
    crop: Callable[[Image], Image],
    input_size: tuple[int, int],
) -> tuple[NDArray[np.int64], list[tuple[int, ...]]]:
    """Which set of objects each pixel of the input belongs to, and the sets, as rows of the interpretation."""
    objects = contents.objects(row, photograph.id)
    levels = []
    for level, instances in read_instances(photograph.path):
        lookup = np.full(int(instances.max()) + 1, _NOBODY, np.int32)
        for number in range(1, len(lookup)):
            lookup[number] = objects.get(f"{number:03}_{level}", objects.get(f"{number}_{level}", _NOBODY))
        view = crop(pillow().fromarray(lookup[instances])).resize(input_size[::-1], pillow().Resampling.NEAREST)
        levels.append(np.asarray(view, np.int64).ravel())
    # The same as np.unique of the rows, which sorts them as wholes; a column at a time there are few distinct numbers.
    numbers = np.zeros(len(levels[0]), np.int64)
    for column in levels:
        values, codes = np.unique(column, return_inverse=True)
        numbers = np.unique(numbers * len(values) + codes, return_inverse=True)[1]
    firsts = np.unique(numbers, return_index=True)[1]
    return numbers.reshape(input_size), [tuple(one) for one in np.stack(levels, axis=1)[firsts].tolist()]


def masked_photograph(path: Path, identifier: str) -> MaskedPhotograph | None:
    """Name a photograph that has masks beside it; None if it has none."""
    return MaskedPhotograph(path, identifier) if has_masks(path) else None
