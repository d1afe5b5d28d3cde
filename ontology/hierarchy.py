"""The class hierarchy as arrays: ancestors, descendants, roots, depth."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse  # which imports csgraph when it is first used: for a tenth of a second

Ids = NDArray[np.int32]


class Hierarchy:
    """Told sub-class links between classes numbered 0 … size - 1.

    Cycles are allowed (the classes on one are equivalent); self-loops and duplicates are dropped.

    Parameters
    ----------
    size
        Number of classes.
    child, parent
        int, shape (links,): ``child[i]`` is a told sub-class of ``parent[i]``.

    Examples
    --------
    >>> h = Hierarchy(3, [0, 1], [1, 2])
    >>> h.ancestors(0).tolist(), h.descendants(2).tolist(), h.roots.tolist(), h.depth
    ([0, 1, 2], [0, 1, 2], [2], 2)
    """

    def __init__(self, size: int, child: ArrayLike, parent: ArrayLike) -> None:
        c, p = np.asarray(child, np.int32), np.asarray(parent, np.int32)
        proper = c != p
        links = sparse.coo_matrix((np.ones(int(proper.sum()), np.bool_), (c[proper], p[proper])), shape=(size, size))
        self.parents: sparse.csr_matrix = links.tocsr()
        self.parents.sum_duplicates()

    @classmethod
    def load(cls, folder: Path, name: str) -> Hierarchy:
        """Map the files that :meth:`save` wrote; nothing is read before it is needed."""
        hierarchy = cls.__new__(cls)
        for attribute in ("parents", "children"):
            pointers = np.load(folder / f"{name}.{attribute}.indptr.npy", mmap_mode="r")
            indices = np.load(folder / f"{name}.{attribute}.indices.npy", mmap_mode="r")
            size = len(pointers) - 1
            links = sparse.csr_matrix((size, size), dtype=np.bool_)
            # Assigned, since the constructor would read all the indices to check them.
            links.indptr, links.indices, links.data = pointers, indices, np.ones(len(indices), np.bool_)
            links.has_sorted_indices = links.has_canonical_format = True
            hierarchy.__dict__[attribute] = links
        hierarchy.__dict__["depth"] = int(np.load(folder / f"{name}.depth.npy"))
        return hierarchy

    def save(self, folder: Path, name: str) -> None:
        """Write both directions of the links and the depth into an existing folder."""
        for attribute in ("parents", "children"):
            links = getattr(self, attribute)
            links.sort_indices()
            np.save(folder / f"{name}.{attribute}.indptr.npy", links.indptr)
            np.save(folder / f"{name}.{attribute}.indices.npy", links.indices)
        np.save(folder / f"{name}.depth.npy", np.int64(self.depth))

    @property
    def size(self) -> int:
        """Number of classes."""
        return int(self.parents.shape[0])

    @property
    def links(self) -> int:
        """Number of distinct sub-class links."""
        return int(self.parents.nnz)

    @cached_property
    def children(self) -> sparse.csr_matrix:
        """Transpose of :attr:`parents`."""
        return self.parents.T.tocsr()

    @cached_property
    def roots(self) -> Ids:
        """Classes without a parent, ascending."""
        return np.flatnonzero(np.diff(self.parents.indptr) == 0).astype(np.int32)

    def ancestors(self, classes: int | ArrayLike) -> Ids:
        """Classes that are above any of the given ones, those themselves included, ascending."""
        return _reachable(self.parents, classes)

    def descendants(self, classes: int | ArrayLike) -> Ids:
        """Classes that are below any of the given ones, those themselves included, ascending."""
        return _reachable(self.children, classes)

    def ancestor_matrix(self, classes: Ids) -> tuple[sparse.csr_matrix, Ids]:
        """Ancestors of each of the given classes at once.

        Returns
        -------
        matrix
            Boolean, shape (len(classes), len(columns)): entry (i, j) says that ``columns[j]`` is
            ``classes[i]`` or above it.
        columns
            The classes that occur, ascending.
        """
        columns = self.ancestors(classes)
        local = self.parents[columns][:, columns]
        rows = np.searchsorted(columns, classes)
        reached = sparse.csr_matrix(
            (np.ones(len(rows), np.bool_), (np.arange(len(rows)), rows)), shape=(len(rows), len(columns))
        )
        frontier = reached
        while frontier.nnz:
            following = (frontier @ local).astype(np.bool_, copy=False)
            new = following > reached
            reached = (reached + new).astype(np.bool_, copy=False)
            frontier = new.tocsr()
        reached.sort_indices()
        return reached, columns

    @cached_property
    def components(self) -> tuple[int, Ids]:
        """Number of strongly connected components, and the component of each class."""
        if self._settled.all():
            return self.size, np.arange(self.size, dtype=np.int32)
        count, label = sparse.csgraph.connected_components(self.parents, directed=True, connection="strong")
        return int(count), label

    @cached_property
    def levels(self) -> Ids:
        """Longest chain of classes from a root down to each class, roots (and cycles at the top) being 1."""
        if self._settled.all():
            return self._settled
        count, label = self.components
        links = self.parents.tocoo()
        lower, upper = label[links.row], label[links.col]
        between = lower != upper
        condensed = sparse.csr_matrix(
            (np.ones(int(between.sum()), np.bool_), (upper[between], lower[between])), shape=(count, count)
        )
        condensed.sum_duplicates()
        return _levels(condensed)[label]

    @cached_property
    def _settled(self) -> Ids:
        """Levels of the classes that are neither on a cycle nor below one, 0 for the others."""
        return _levels(self.children)

    @cached_property
    def depth(self) -> int:
        """Number of links on the longest chain from a root."""
        return int(self.levels.max()) - 1 if self.size else 0


def _levels(children: sparse.csr_matrix) -> Ids:
    """Longest chain of rows from one without a parent down to each row, 0 for those that no such chain settles."""
    waiting = np.bincount(children.indices, minlength=children.shape[0])
    level = np.zeros(children.shape[0], np.int32)
    ready = np.flatnonzero(waiting == 0)
    current = 1
    while len(ready):
        level[ready] = current
        below = _neighbours(children, ready)
        np.subtract.at(waiting, below, 1)
        candidates = np.unique(below)
        ready = candidates[waiting[candidates] == 0]
        current += 1
    return level


def _neighbours(matrix: sparse.csr_matrix, rows: NDArray[np.integer]) -> Ids:
    """Column indices of the given rows, concatenated."""
    start, stop = matrix.indptr[rows], matrix.indptr[rows + 1]
    counts = stop - start
    if not counts.sum():
        return np.empty(0, np.int32)
    offsets = np.repeat(start - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
    found: Ids = matrix.indices[np.arange(counts.sum()) + offsets]
    return found


def _reachable(matrix: sparse.csr_matrix, start: int | ArrayLike) -> Ids:
    seen = np.zeros(matrix.shape[0], np.bool_)
    frontier = np.unique(np.atleast_1d(np.asarray(start, np.int32)))
    seen[frontier] = True
    while len(frontier):
        following = _neighbours(matrix, frontier)
        following = following[~seen[following]]
        if len(following) * 20 < len(seen):
            frontier = np.unique(following)
        else:  # sorting many takes longer than looking through all
            marked = np.zeros(len(seen), np.bool_)
            marked[following] = True
            frontier = np.flatnonzero(marked).astype(np.int32)
        seen[frontier] = True
    return np.flatnonzero(seen).astype(np.int32)
