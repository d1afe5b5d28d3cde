"""The types of examples and of their role fillers, as ECII V2 counts, removes and limits them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ontology.expression import Role
from .interpretation import Interpretation
from .problem import EciiSettings


@dataclass(frozen=True)
class Reached:
    """What the examples reach over one property, one row for each example and filler.

    Attributes
    ----------
    prop
        IRI of the object property; None for ECII's pseudo-property "none", over which each example reaches
        itself.
    owners
        int64, shape (rows,), ascending: position among the examples.
    individuals
        int64, shape (rows,): the filler, as a row of the interpretation.
    """

    prop: str | None
    owners: NDArray[np.int64]
    individuals: NDArray[np.int64]


@dataclass(frozen=True)
class TypeCounts:
    """Types over one property with the number of their occurrences.

    ECII counts occurrences, one for each example and filler: a type of three fillers of one example counts 3.

    Attributes
    ----------
    positive, negative
        Occurrences on either side by class, a column of the interpretation's membership; ascending keys.
    """

    positive: Mapping[int, int]
    negative: Mapping[int, int]


def reach(interpretation: Interpretation, rows: NDArray[np.int64], prop: str | None) -> Reached:
    """Follow a property from the examples.

    Parameters
    ----------
    interpretation
        The closed-world model.
    rows
        int64, shape (n,): the examples, as rows of the interpretation.
    prop
        IRI of an object property, or None.

    Raises
    ------
    UsageError
        The knowledge base has no such object property.
    """
    if prop is None:
        return Reached(None, np.arange(len(rows), dtype=np.int64), np.asarray(rows, np.int64))
    links = interpretation.role(Role(prop))[rows].tocsr()
    links.sort_indices()
    owners = np.repeat(np.arange(len(rows), dtype=np.int64), np.diff(links.indptr))
    return Reached(prop, owners, links.indices.astype(np.int64))


def count_types(
    interpretation: Interpretation,
    reached: Reached,
    positive: NDArray[np.bool_],
    ignored: Collection[str] = (),
) -> TypeCounts:
    """Count the told and inherited types of what the examples reach.

    Parameters
    ----------
    interpretation
        The closed-world model.
    reached
        Examples with what they reach.
    positive
        bool, shape (n,): which examples are positive.
    ignored
        IRIs of classes that are left out.
    """
    membership = interpretation.membership
    usable = np.asarray([interpretation.index.classes[int(c)] not in ignored for c in interpretation.classes], np.bool_)
    sides = []
    for side in (positive[reached.owners], ~positive[reached.owners]):
        found = membership[reached.individuals[side]].astype(np.int64).sum(axis=0)
        counts = np.where(usable, np.asarray(found).ravel(), 0)
        sides.append({int(c): int(counts[c]) for c in np.flatnonzero(counts)})
    return TypeCounts(*sides)


def remove_common(counts: TypeCounts, positives: int, negatives: int, *, one_side_only: bool = True) -> TypeCounts:
    """Remove types that occur on both sides (K7, ``removeCommonTypes``).

    A type stays where its occurrences for each example of the side are more, on the positive side if equal;
    it goes from both sides if not `one_side_only`. The ratio may exceed 1, for it counts occurrences.

    Parameters
    ----------
    counts
        Occurrences of the types.
    positives, negatives
        Numbers of examples.
    one_side_only
        ECII's ``removeCommonTypesFromOneSideOnly``.

    Examples
    --------
    >>> counts = TypeCounts({0: 3, 1: 1, 2: 1}, {0: 2, 1: 4, 3: 1})
    >>> kept = remove_common(counts, 2, 2)
    >>> kept.positive, kept.negative
    ({0: 3, 2: 1}, {1: 4, 3: 1})
    >>> kept = remove_common(counts, 2, 2, one_side_only=False)
    >>> kept.positive, kept.negative
    ({2: 1}, {3: 1})
    """
    common = counts.positive.keys() & counts.negative.keys()
    # Exact: a/p >= b/n without division.
    stronger = {t for t in common if counts.positive[t] * negatives >= counts.negative[t] * positives}
    from_positive, from_negative = (common - stronger, stronger) if one_side_only else (common, common)
    return TypeCounts(
        {t: c for t, c in counts.positive.items() if t not in from_positive},
        {t: c for t, c in counts.negative.items() if t not in from_negative},
    )


def limit_types(counts: TypeCounts, settings: EciiSettings) -> TypeCounts:
    """Keep the most frequent types of a side (K9, K10), where the settings say so.

    ECII leaves open which of equally frequent types stay; here it is the alphabetically first.
    """
    positive, negative = counts.positive, counts.negative
    if settings.limit_pos_types:
        positive = _most_frequent(positive, settings.pos_class_list_max_size)
    if settings.limit_neg_types:
        negative = _most_frequent(negative, settings.neg_class_list_max_size)
    return TypeCounts(positive, negative)


def _most_frequent(counts: Mapping[int, int], size: int) -> dict[int, int]:
    # Columns are in the order of the IRIs.
    kept = sorted(counts, key=lambda t: (-counts[t], t))[:size]
    return {t: counts[t] for t in sorted(kept)}
