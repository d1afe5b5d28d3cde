"""What annotated images show: the classes of their objects, of themselves, and everything above."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..bridge.labelling import JoinedImages
from ..ontology.expression import Role
from ..ontology.iris import encode_segment
from ..ontology.names import local_name


class ImageContents:
    """Classes shown by the images that have both activations and annotations.

    Parameters
    ----------
    joined
        The images.
    """

    def __init__(self, joined: JoinedImages) -> None:
        interpretation = joined.interpretation
        self._interpretation = interpretation
        self._individuals = joined.individuals
        links = sparse.csr_matrix((interpretation.size, interpretation.size), dtype=np.bool_)
        for iri in interpretation.properties:
            links = links + interpretation.role(Role(iri))
        self._contains = links[joined.individuals].astype(np.bool_)
        self.rows = joined.images
        """int64: the images as rows of the activation matrix."""

    def shows(self, iri: str) -> NDArray[np.bool_]:
        """Whether each image, or something linked from it, is an instance of a class: shape (images,)."""
        instances = self._interpretation.instances(iri)
        found = np.asarray(self._contains @ instances.astype(np.int32)).ravel() > 0
        return np.asarray(found | instances[self._individuals], np.bool_)

    def objects(self, row: int, image: str) -> dict[str, int]:
        """Objects linked from an image, by the ids that its annotators gave them, as rows of the interpretation.

        Parameters
        ----------
        row
            Row of the image in the activations; without annotations it has no objects.
        image
            Its id.
        """
        at = np.flatnonzero(self.rows == row)
        linked = self._contains[at[0]].indices.tolist() if len(at) else []
        start, end = "obj_", f"_{encode_segment(image)}"
        named = ((local_name(self._interpretation.iri(one)), one) for one in linked)
        return {
            name.removeprefix(start).removesuffix(end): one
            for name, one in named
            if name.startswith(start) and name.endswith(end)
        }

    def kinds(self, iri: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Where a class lies, seen from those that annotators gave to individuals.

        Returns
        -------
        tuple of bool, shape (individuals,)
            Called so; other instances of the class, which lies above what they are called; called something above the
            class, which lies under it.
        """
        index = self._interpretation.index
        number = index.classes.id(iri)
        instances = self._interpretation.instances(iri)
        iris, told = self.told_of_objects
        position = {one: at for at, one in enumerate(iris)}
        above = () if number is None else index.hierarchy.ancestors(number).tolist()
        wider = [position[name] for one in above if (name := index.classes[int(one)]) in position and name != iri]
        called = np.zeros(len(instances), np.bool_)
        if iri in position:
            called = np.asarray(told[:, [position[iri]]].toarray()).ravel() > 0
        under = np.asarray(told[:, wider].sum(1)).ravel() > 0
        return called, instances & ~called, under & ~instances

    @cached_property
    def told_of_objects(self) -> tuple[tuple[str, ...], sparse.csr_matrix]:
        """Classes that annotators gave to individuals: IRIs, and int32, shape (individuals, classes)."""
        index, interpretation = self._interpretation.index, self._interpretation
        types = index.types[np.isin(index.types[:, 0], interpretation.individuals) & (index.types[:, 1] >= 0)]
        classes = np.unique(types[:, 1])
        rows = np.searchsorted(interpretation.individuals, types[:, 0])
        columns = np.searchsorted(classes, types[:, 1])
        member = sparse.csr_matrix(
            (np.ones(len(rows), np.int32), (rows, columns)), shape=(interpretation.size, len(classes))
        )
        return tuple(index.classes[int(one)] for one in classes), member

    def told(self) -> tuple[tuple[str, ...], NDArray[np.bool_]]:
        """Classes that annotators named themselves: their IRIs, sorted, and bool, shape (images, classes)."""
        iris, member = self.told_of_objects
        shown = (self._contains.astype(np.int32) @ member).toarray() > 0
        named = np.flatnonzero(shown.any(0)).tolist()
        order = sorted(named, key=lambda one: iris[one])
        return tuple(iris[one] for one in order), np.asarray(shown[:, order], np.bool_)
