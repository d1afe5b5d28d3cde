"""Atoms: the expressions from which the search builds its hypotheses, one for each distinct extension."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.errors import DataError
from ..ontology.expression import ClassExpression, Named, Role, Some, Top, length, named_classes
from .interpretation import Interpretation


@dataclass(frozen=True)
class AtomTable:
    """Expressions that differ in extension on the example individuals.

    Attributes
    ----------
    rows
        int64, shape (n,): the example individuals, as rows of the interpretation; bit i is ``rows[i]``.
    expressions
        Representative of each distinct extension: the shortest, then the most specific (fewest classes
        below), then the alphabetically first.
    equivalents
        The other expressions with the same extension, in the same order of preference.
    extents
        uint64, shape (atoms, words): extensions packed 64 to a word, lowest bit first.
    lengths
        int32, shape (atoms,).
    priorities
        int64, shape (atoms,): rank of the representative in the order of preference.
    """

    rows: NDArray[np.int64]
    expressions: tuple[ClassExpression, ...]
    equivalents: tuple[tuple[ClassExpression, ...], ...]
    extents: NDArray[np.uint64]
    lengths: NDArray[np.int32]
    priorities: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.expressions)


def enumerate_atoms(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    *,
    ignored: Collection[str] = (),
    properties: Collection[str] | None = None,
) -> AtomTable:
    """⊤, and the named classes and existential restrictions ∃R.A, ∃R.⊤ that tell the examples apart.

    An expression that holds for no example is left out; those that hold for all are represented by ⊤.

    Parameters
    ----------
    interpretation
        The closed-world model.
    rows
        The example individuals.
    ignored
        IRIs of classes and properties that no expression may use.
    properties
        The only object properties that expressions may use; all by default.

    Raises
    ------
    DataError
        No expression distinguishes any two examples.
    """
    groups: dict[bytes, list[ClassExpression]] = {}
    roles = [p for p in interpretation.properties if p not in ignored and (not properties or p in properties)]
    classes = np.asarray(
        [interpretation.index.classes[int(c)] not in ignored for c in interpretation.classes], np.bool_
    )
    for expressions, matrix in _candidates(interpretation, rows, np.flatnonzero(classes), roles):
        packed = pack(matrix.toarray().T)
        for expression, extent in zip(expressions, packed, strict=True):
            groups.setdefault(extent.tobytes(), []).append(expression)
    full = pack(np.ones((1, len(rows)), np.bool_))[0].tobytes()
    groups.pop(bytes(len(full)), None)
    groups.setdefault(full, []).append(Top())
    if len(groups) == 1:
        raise DataError(
            "no class or role filler distinguishes any two of the examples",
            expected="individuals with different types or different role fillers",
            hint="check that the examples belong to this knowledge base and that it has classes",
        )
    preference = _Preference(interpretation)
    ordered = [(sorted(members, key=preference), key) for key, members in groups.items()]
    ordered.sort(key=lambda item: preference(item[0][0]))
    return AtomTable(
        rows=rows,
        expressions=tuple(members[0] for members, _ in ordered),
        equivalents=tuple(tuple(members[1:]) for members, _ in ordered),
        extents=np.frombuffer(b"".join(key for _, key in ordered), np.uint64)
        .reshape(len(ordered), -1)
        .copy(),
        lengths=np.asarray([length(members[0]) for members, _ in ordered], np.int32),
        priorities=np.arange(len(ordered), dtype=np.int64),
    )


def pack(extents: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack booleans, shape (rows, n), into uint64 words, shape (rows, ceil(n / 64)), lowest bit first."""
    rows, n = extents.shape
    padded = np.zeros((rows, -(-n // 64) * 64), np.bool_)
    padded[:, :n] = extents
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def _candidates(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    roles: Sequence[str],
) -> Iterator[tuple[list[ClassExpression], sparse.csr_matrix]]:
    """Expressions with their extensions, Boolean CSR of shape (examples, expressions)."""
    names = [Named(interpretation.index.classes[int(c)]) for c in interpretation.classes[columns]]
    membership = interpretation.membership[:, columns]
    yield list(names), membership[rows]
    everything = sparse.csr_matrix(np.ones((interpretation.size, 1), np.bool_))
    for prop in roles:
        links = interpretation.role(Role(prop))[rows]
        yield [Some(Role(prop), name) for name in names], (links @ membership).astype(np.bool_)
        yield [Some(Role(prop), Top())], (links @ everything).astype(np.bool_)


class _Preference:
    """Sort key of expressions: short, then specific, then alphabetical."""

    def __init__(self, interpretation: Interpretation) -> None:
        self._index = interpretation.index
        self._below: dict[str, int] = {}

    def __call__(self, expression: ClassExpression) -> tuple[int, int, str]:
        # owl:Thing is above every class, hence the least specific of all.
        names = named_classes(expression)
        below = sum(map(self._descendants, names)) if names else len(self._index.classes)
        return length(expression), below, repr(expression)

    def _descendants(self, iri: str) -> int:
        if iri not in self._below:
            identifier = self._index.classes.id(iri)
            self._below[iri] = (
                len(self._index.hierarchy.descendants(identifier)) if identifier is not None else 0
            )
        return self._below[iri]
