"""Restrictions of a role to many fillers at once, as packed extensions.

An individual with d links, of which c lead to members of C, is an instance of ∃R.C if c > 0, of ∀R.C if c = d, of
≥n R.C if c ≥ n, and of ≤n R.C if c ≤ n. The work grows with the links, for each filler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .bitset import Words, pack
from .compiled import Scalar, inner, kernel

Form: TypeAlias = tuple[str, int]
"""Kind of a restriction (some, only, min, max) and its number, 0 where it has none."""

_KINDS = ("some", "only", "min", "max")
_SOME, _ONLY, _MIN = 0, 1, 2


@inner
def _holds(kind: Scalar, number: Scalar, count: Scalar, degree: Scalar) -> Scalar:
    """Whether a restriction holds for an individual with so many fillers in the class, of so many in all."""
    if kind == _SOME:
        return count > 0
    if kind == _ONLY:
        return count == degree
    if kind == _MIN:
        return count >= number
    return count <= number


@inner
def _put(out: Words, filler: Scalar, row: Scalar, count: Scalar, degree: Scalar, forms: NDArray[np.int64]) -> None:
    """Set or clear an individual's bit in the restrictions to one filler."""
    word, bit = row >> 6, np.uint64(1) << np.uint64(row & 63)
    for x in range(forms.shape[0]):
        if _holds(forms[x, 0], forms[x, 1], count, degree):
            out[x, filler, word] |= bit
        else:
            out[x, filler, word] &= ~bit


@kernel
def _by_members(
    starts: NDArray[np.integer],
    linked: NDArray[np.integer],
    rows: NDArray[np.int64],
    extents: Words,
    forms: NDArray[np.int64],
    out: Words,
) -> Scalar:
    """Restrict to packed fillers, where ``out`` holds what is so without any; returns the highest count.

    ``rows`` are those that have links.
    """
    largest = np.int64(0)
    for filler in range(extents.shape[0]):
        for i in range(rows.shape[0]):
            row = rows[i]
            first, last = np.int64(starts[row]), np.int64(starts[row + 1])
            count = np.int64(0)
            for k in range(first, last):
                other = np.int64(linked[k])
                count += np.int64((extents[filler, other >> 6] >> np.uint64(other & 63)) & np.uint64(1))
            if count:
                largest = max(largest, count)
                _put(out, filler, row, count, last - first, forms)
    return largest


@kernel
def _by_counts(
    starts: NDArray[np.integer],
    rows: NDArray[np.integer],
    counts: NDArray[np.int32],
    degrees: NDArray[np.int64],
    complement: bool,
    forms: NDArray[np.int64],
    out: Words,
) -> Scalar:
    """As :func:`_by_members`, of known counts by filler; of all links but these if ``complement``."""
    largest = np.int64(0)
    for filler in range(starts.shape[0] - 1):
        k, last = np.int64(starts[filler]), np.int64(starts[filler + 1])
        if complement:
            for row in range(degrees.shape[0]):
                count = degrees[row]
                if k < last and rows[k] == row:
                    count -= counts[k]
                    _put(out, filler, row, count, degrees[row], forms)
                    k += 1
                largest = max(largest, count)
        else:
            for j in range(k, last):
                largest = max(largest, np.int64(counts[j]))
                _put(out, filler, np.int64(rows[j]), np.int64(counts[j]), degrees[rows[j]], forms)
    return largest


def _without(forms: Sequence[Form], counts: NDArray[np.int64], degrees: NDArray[np.int64], fillers: int) -> Words:
    """What holds for fillers with the same counts."""
    without_number = {"some": counts > 0, "only": counts == degrees}
    bits = pack(
        np.stack(
            [
                without_number.get(kind, counts >= number if kind == "min" else counts <= number)
                for kind, number in forms
            ]
        )
    )
    return np.repeat(bits[:, None], fillers, axis=1)


def _coded(forms: Sequence[Form]) -> NDArray[np.int64]:
    return np.array([(_KINDS.index(kind), number) for kind, number in forms], np.int64)


def restrict_to_members(links: sparse.csr_matrix, extents: Words, forms: Sequence[Form]) -> tuple[Words, int]:
    """Restrictions to fillers that are given by their packed extensions.

    Parameters
    ----------
    links
        CSR, shape (k, individuals): each of k individuals with those that the role leads to.
    extents
        Packed, shape (fillers, words of the individuals).
    forms
        At least one.

    Returns
    -------
    Packed extensions over the k individuals, shape (forms, fillers, words), and the highest number of an
    individual's links to members of a filler.

    Examples
    --------
    >>> links = sparse.csr_matrix(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool))
    >>> forms = [("some", 0), ("only", 0), ("max", 0)]
    >>> bits, largest = restrict_to_members(links, np.array([[0b010]], np.uint64), forms)
    >>> [f"{row[0, 0]:03b}" for row in bits], largest
    (['001', '100', '110'], 1)
    """
    degrees = np.diff(links.indptr).astype(np.int64)
    out = _without(forms, np.zeros_like(degrees), degrees, len(extents))
    rows = np.flatnonzero(degrees)
    return out, int(_by_members(links.indptr, links.indices, rows, extents, _coded(forms), out))


def restrict_to_counted(
    counts: sparse.csc_matrix, degrees: NDArray[np.int64], forms: Sequence[Form], *, complement: bool
) -> tuple[Words, int]:
    """Restrictions to fillers, or their complements, that are given by what they count.

    Parameters
    ----------
    counts
        CSC with sorted indices, int32, shape (k, fillers): how many of an individual's links lead to members.
    degrees
        int64, shape (k,): how many links it has.
    forms
        At least one.
    complement
        Whether to restrict to what the fillers do not hold.

    Returns
    -------
    As :func:`restrict_to_members`.

    Examples
    --------
    >>> counts = sparse.csc_matrix(np.array([[1], [0], [0]], dtype=np.int32))
    >>> bits, largest = restrict_to_counted(counts, np.array([2, 1, 0]), [("some", 0), ("only", 0)], complement=True)
    >>> [f"{row[0, 0]:03b}" for row in bits], largest
    (['011', '110'], 1)
    """
    nothing = degrees if complement else np.zeros_like(degrees)
    out = _without(forms, nothing, degrees, counts.shape[1])
    return out, int(_by_counts(counts.indptr, counts.indices, counts.data, degrees, complement, _coded(forms), out))
