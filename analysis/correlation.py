"""Pairs, triples and clusters of units whose activations rise and fall together over the images.

The correlation is Pearson's. A label needs images that excite all members, and Pearson's r is carried by high
activations, where that of ranks (Spearman) would be carried by the order of the many images that hardly excite a unit.

All pairs are calculated: one pass over blocks of images for the means, one for the sums of products, so that memory
does not grow with the images (a square matrix over the units: 32 MiB for 2 048). What is left out, and why nothing is
lost by it:

- a unit with the same activation on all images has no correlation and is in no group;
- the correlation of a triple is the smallest of its pairs', so that no pair of it is uncorrelated. Pairs are
  taken from the largest correlation down, and a triple is complete when its weakest pair is taken: the triples come
  in the order of their own correlations, and the search ends as soon as enough are there;
- groups whose correlation is not above zero are no groups.

Clusters are those of average linkage with the distance 1 − r: the correlation of a cluster is the mean r between the
two parts that were joined last. The tree is cut by size and correlation: a cluster is a subtree of at most so many
units, of a correlation above zero, that is part of no larger such subtree. So clusters share no units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from .unit_groups import UnitGroup

#: Activations read at a time.
_BATCH: Final = 1 << 22

#: Decimals to which correlations are compared: sums in another order differ behind them.
_DECIMALS: Final = 12


@dataclass(frozen=True)
class CorrelatedGroup:
    """A group and how much its members go together.

    Attributes
    ----------
    group
        The units.
    correlation
        Pearson's r of a pair, the smallest of its pairs' of a triple, the mean r between the two parts joined last of
        a cluster.
    """

    group: UnitGroup
    correlation: float


@dataclass(frozen=True)
class CorrelationSearch:
    """The groups with the largest correlations, and how much was looked at for them.

    Attributes
    ----------
    groups
        By falling correlation, then rising unit numbers.
    possible
        Number of all groups of this size; of clusters, of all that the tree is cut into.
    counted
        Number of groups whose correlation was calculated.
    by
        Whether the groups are pairs or triples, or clusters.
    """

    groups: tuple[CorrelatedGroup, ...]
    possible: int
    counted: int
    by: Literal["correlation", "clusters"] = "correlation"


def correlations(
    activations: NDArray[np.floating], images: NDArray[np.integer], units: NDArray[np.integer], *, batch: int = _BATCH
) -> NDArray[np.float64]:
    """Give Pearson's r of all pairs of units, NaN for a unit that is the same on all images.

    Parameters
    ----------
    activations
        Shape (all images, all units); may be mapped from a file, of which blocks of images are read.
    images, units
        Rows and columns to look at.
    batch
        Activations read at a time; the result depends on it by rounding only, which is cut off.

    Returns
    -------
    NDArray[np.float64]
        Shape (units, units), symmetric, to twelve decimals.

    Examples
    --------
    >>> import numpy as np
    >>> of_images = np.array([[0.0, 1.0, 5.0], [1.0, 3.0, 5.0], [2.0, 5.0, 5.0]])
    >>> correlations(of_images, np.arange(3), np.arange(3)).tolist()
    [[1.0, 1.0, nan], [1.0, 1.0, nan], [nan, nan, nan]]
    """
    step = max(1, batch // max(1, activations.shape[1]))

    def blocks() -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(images), step):
            yield np.asarray(activations[images[start : start + step]], np.float64)[:, units]

    low, high = np.full(len(units), np.inf), np.full(len(units), -np.inf)
    total = np.zeros(len(units))
    for block in blocks():
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        total += block.sum(axis=0)
    # Twice through the images: the sums of products lose nothing to large means.
    mean = total / max(1, len(images))
    products = np.zeros((len(units), len(units)))
    for block in blocks():
        block -= mean
        products += block.T @ block
    spread = np.sqrt(np.diag(products))
    spread[~(low < high)] = np.nan
    found = np.round(np.clip(products / np.outer(spread, spread), -1.0, 1.0), _DECIMALS)
    return np.asarray(found, np.float64)


def correlated_pairs(r: NDArray[np.float64], *, count: int) -> CorrelationSearch:
    """Find the pairs with the largest correlations.

    Parameters
    ----------
    r
        Shape (units, units): the correlations, see :func:`correlations`.
    count
        Number of pairs wanted, at least 1.

    Raises
    ------
    UsageError
        The number is too small.

    Examples
    --------
    >>> import numpy as np
    >>> r = np.array([[1.0, 0.2, 0.9], [0.2, 1.0, -0.5], [0.9, -0.5, 1.0]])
    >>> [(pair.group.name, pair.correlation) for pair in correlated_pairs(r, count=5).groups]
    [('0+2', 0.9), ('0+1', 0.2)]
    """
    _check(count)
    first, second, values, known = _falling(r)
    groups = tuple(
        CorrelatedGroup(UnitGroup((int(a), int(b))), float(value))
        for a, b, value in zip(first[:count], second[:count], values[:count], strict=True)
    )
    return CorrelationSearch(groups, len(r) * (len(r) - 1) // 2, known)


def correlated_triples(r: NDArray[np.float64], *, count: int) -> CorrelationSearch:
    """Find the triples whose weakest pair has the largest correlation.

    Parameters
    ----------
    r, count
        As for :func:`correlated_pairs`.

    Raises
    ------
    UsageError
        The number is too small.
    """
    _check(count)
    units = len(r)
    first, second, values, _ = _falling(r)
    linked = np.zeros((units, units), np.bool_)
    found: list[tuple[float, tuple[int, ...]]] = []
    for a, b, value in zip(first, second, values, strict=True):
        # Triples of equal correlation are all looked at before the smallest numbers are preferred.
        if len(found) >= count and value < -found[-1][0]:
            break
        thirds = np.flatnonzero(linked[a] & linked[b])
        linked[a, b] = linked[b, a] = True
        found += [(-float(value), tuple(sorted((int(a), int(b), int(third))))) for third in thirds]
    groups = tuple(CorrelatedGroup(UnitGroup(members), -negated) for negated, members in sorted(found)[:count])
    return CorrelationSearch(groups, units * (units - 1) * (units - 2) // 6, len(found))


def correlated_clusters(r: NDArray[np.float64], *, count: int, largest: int) -> CorrelationSearch:
    """Cut the tree of average linkage into clusters, and give those with the largest correlations.

    Parameters
    ----------
    r, count
        As for :func:`correlated_pairs`.
    largest
        Most units of a cluster, at least 2.

    Raises
    ------
    UsageError
        A number is too small.

    Examples
    --------
    >>> import numpy as np
    >>> r = np.array([[1.0, 0.9, 0.8, 0.0], [0.9, 1.0, 0.6, 0.0], [0.8, 0.6, 1.0, 0.1], [0.0, 0.0, 0.1, 1.0]])
    >>> [(one.group.name, round(one.correlation, 3)) for one in correlated_clusters(r, count=9, largest=3).groups]
    [('0+1+2', 0.7)]
    """
    # The package takes a large part of a second to import.
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    _check(count)
    if largest < 2:
        raise UsageError(f"clusters of {largest} units are no groups", expected="2 units or more")
    varied = np.flatnonzero(~np.isnan(np.diag(r)))
    if len(varied) < 2:
        return CorrelationSearch((), 0, 0, "clusters")
    distances = 1.0 - r[np.ix_(varied, varied)]
    np.fill_diagonal(distances, 0.0)
    # Row i of the tree joins two earlier subtrees to the subtree `leaves + i`; leaves are subtrees, too.
    members: dict[int, tuple[int, ...]] = {leaf: (int(unit),) for leaf, unit in enumerate(varied)}
    correlation: dict[int, float] = {}
    for row, (one, other, height, size) in enumerate(linkage(squareform(distances, checks=False), "average")):
        joined, together = (int(one), int(other)), round(1.0 - float(height), _DECIMALS)
        # Neither smaller nor closer above: both parts of a cluster are clusters or leaves.
        if size <= largest and together > 0:
            members[len(varied) + row] = tuple(sorted(members.pop(joined[0]) + members.pop(joined[1])))
            correlation[len(varied) + row] = together
    clusters = sorted((-correlation[node], members[node]) for node in correlation if node in members)
    groups = tuple(CorrelatedGroup(UnitGroup(units), -negated) for negated, units in clusters[:count])
    return CorrelationSearch(groups, len(clusters), len(clusters), "clusters")


def _falling(r: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], int]:
    """Pairs of positive correlation, the largest first, equal ones by unit numbers; how many have a correlation."""
    first, second = np.triu_indices(len(r), 1)
    values = r[first, second]
    kept = np.flatnonzero(values > 0)
    kept = kept[np.argsort(-values[kept], kind="stable")]
    return first[kept], second[kept], values[kept], int(np.count_nonzero(~np.isnan(values)))


def _check(count: int) -> None:
    if count < 1:
        raise UsageError(f"cannot find {count} groups", expected="at least 1")
