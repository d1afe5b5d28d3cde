"""The named classes of a model, and what the choice among them asks, whatever the learning problem."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..ontology.hierarchy import Hierarchy
from ..ontology.names import local_name
from .compiled import kernel

ALIAS = "WN_"
"""Prefix of the local name of a WordNet class that stands beside another class of the same name."""


BITS = 64
"""Classes that are counted at a time, one for each bit of a word; also the planes of a count."""


@kernel
def _count_below(
    starts: NDArray[np.int64],
    parents: NDArray[np.int64],
    members: NDArray[np.int64],
    groups: NDArray[np.int64],
    masks: NDArray[np.uint64],
    planes: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    for first in range(0, groups.shape[0], BITS):
        last = min(first + BITS, groups.shape[0])
        masks[:] = 0
        planes[:] = 0
        for i in range(first, last):
            masks[groups[i]] |= np.uint64(1) << np.uint64(i - first)
        for group in range(masks.shape[0]):
            mask = masks[group]
            for k in range(starts[group], starts[group + 1]):
                mask |= masks[parents[k]]
            masks[group] = mask
            if mask == 0:
                continue
            for _ in range(members[group]):
                # One more for each of the bits: plane p holds bit p of all the counts.
                carry, plane = mask, 0
                while carry != 0:
                    over = planes[plane] & carry
                    planes[plane] ^= carry
                    carry = over
                    plane += 1
        for i in range(first, last):
            out[i] = 0
            for plane in range(BITS):
                if (planes[plane] >> np.uint64(i - first)) & np.uint64(1):
                    out[i] += 1 << plane


def count_below(hierarchy: Hierarchy, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Classes below each of some classes, these themselves included.

    The hierarchy is gone through once for 64 classes: what is below how many of them is or-ed down from the roots, and
    added up in bit planes. Going down from each class instead takes as long as there are pairs of a class and one
    below it.

    Examples
    --------
    >>> count_below(Hierarchy(3, [0, 1], [1, 2]), np.arange(3)).tolist()
    [1, 2, 3]
    """
    size, component = hierarchy.components
    level = np.empty(size, np.int64)
    level[component] = hierarchy.levels
    # Groups of classes that are below each other, those above before those below.
    place = np.empty(size, np.int64)
    place[np.argsort(level, kind="stable")] = np.arange(size)
    group = place[component]
    links = hierarchy.parents.tocoo()
    lower, upper = group[links.row], group[links.col]
    order = np.flatnonzero(lower != upper)
    order = order[np.argsort(lower[order], kind="stable")]
    starts = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(lower[order], minlength=size), out=starts[1:])
    members = np.bincount(group, minlength=size)
    out, masks, planes = np.empty(len(classes), np.int64), np.empty(size, np.uint64), np.empty(BITS, np.uint64)
    _count_below(starts, upper[order].astype(np.int64), members.astype(np.int64), group[classes], masks, planes, out)
    return out


@dataclass(frozen=True)
class NamedClasses:
    """The named classes with instances, by column of the model's `kinds`.

    Attributes
    ----------
    iris
        Their IRIs.
    below
        int64, shape (m,): the number of classes below each, itself included.
    """

    iris: tuple[str, ...]
    below: NDArray[np.int64]

    @cached_property
    def _column(self) -> dict[str, int]:
        return {iri: column for column, iri in enumerate(self.iris)}

    @cached_property
    def _allowed(self) -> NDArray[np.bool_]:
        """All but those called ``null``, which annotations use for what nobody named."""
        return np.asarray([local_name(iri) != "null" for iri in self.iris], np.bool_)

    @cached_property
    def _aliases(self) -> NDArray[np.int64]:
        """Columns of classes ``WN_X`` and of their namesakes ``X``: shape (pairs, 2)."""
        called: dict[str, list[int]] = {}
        for column, iri in enumerate(self.iris):
            called.setdefault(local_name(iri), []).append(column)
        pairs = [
            (alias, column)
            for name, aliases in called.items()
            if name.startswith(ALIAS)
            for alias in aliases
            for column in called.get(name.removeprefix(ALIAS), ())
        ]
        return np.asarray(pairs, np.int64).reshape(-1, 2)

    def usable(self, ignored: Collection[str] = ()) -> NDArray[np.int64]:
        """Columns of the classes that expressions may name.

        A class called ``null`` is never among them, and neither is a class ``WN_X`` beside a class ``X``: the
        two are one concept under two names.
        """
        allowed = self._allowed.copy()
        allowed[[self._column[iri] for iri in ignored if iri in self._column]] = False
        alias, column = self._aliases.T
        # Looked up before any is taken away: X may itself stand beside another class.
        doubled = alias[allowed[column]]
        allowed[doubled] = False
        return np.flatnonzero(allowed)
