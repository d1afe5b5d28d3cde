"""Atoms: the expressions from which the search builds its hypotheses, one for each distinct extension."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import DataError
from ..ontology.expression import ClassExpression
from .bitset import pack
from .enumeration import MAX_EQUIVALENTS, Enumeration
from .interpretation import Interpretation
from .language import Language

__all__ = ["AtomTable", "enumerate_atoms", "pack"]


@dataclass(frozen=True)
class AtomTable:
    """Expressions that differ in extension on the example individuals.

    Attributes
    ----------
    rows
        int64, shape (n,): the example individuals, as rows of the interpretation; bit i is ``rows[i]``.
    expressions
        Representative of each distinct extension: the shortest, then the most specific (fewest classes below
        those it names), then one of asserted properties rather than inverses, then alphabetical.
    equivalents
        Other expressions with the same extension, in the same order of preference.
    extents
        uint64, shape (atoms, words): extensions packed 64 to a word, lowest bit first.
    lengths
        int32, shape (atoms,).
    priorities
        int64, shape (atoms,): rank of the representative in the order of preference.
    depth
        Most restrictions nested in one another in the language.
    truncated
        What was left out because of a limit of the language, or None.
    """

    rows: NDArray[np.int64]
    expressions: tuple[ClassExpression, ...]
    equivalents: tuple[tuple[ClassExpression, ...], ...]
    extents: NDArray[np.uint64]
    lengths: NDArray[np.int32]
    priorities: NDArray[np.int64]
    depth: int = 1
    truncated: str | None = None

    def __len__(self) -> int:
        return len(self.expressions)


def enumerate_atoms(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    *,
    ignored: Collection[str] = (),
    properties: Collection[str] | None = None,
    language: Language | None = None,
) -> AtomTable:
    """⊤, and the named classes and restrictions of a language that tell the examples apart.

    An expression that holds for no example is left out; so is a restriction that holds for all.

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
    language
        What restrictions are formed; ∃R.A and ∃R.⊤ by default.

    Raises
    ------
    DataError
        No expression distinguishes any two examples.
    """
    atoms = atoms_of(interpretation, rows, language or Language(), ignored=ignored, properties=properties)
    check_distinguished(atoms)
    return atoms


def check_distinguished(atoms: AtomTable) -> None:
    """Refuse atoms among which only ⊤ is left.

    Raises
    ------
    DataError
        No expression distinguishes any two examples.
    """
    if len(atoms) == 1:
        raise DataError(
            "no class or role filler distinguishes any two of the examples",
            expected="individuals with different types or different role fillers",
            hint="check that the examples belong to this knowledge base and that it has classes",
        )


def atoms_of(
    interpretation: Interpretation,
    rows: NDArray[np.int64],
    language: Language,
    *,
    ignored: Collection[str] = (),
    properties: Collection[str] | None = None,
) -> AtomTable:
    """Make the table of :func:`enumerate_atoms`, even if it holds ⊤ only."""
    enumeration = Enumeration(interpretation, rows, language, ignored=ignored, properties=properties)
    enumeration.run()
    ordered = sorted(enumeration.atoms.items(), key=lambda item: item[1].rank)
    return AtomTable(
        rows=rows,
        expressions=tuple(enumeration.expression(found.rank.recipe) for _, found in ordered),
        equivalents=tuple(
            tuple(enumeration.expression(r.recipe) for r in sorted(found.others)[:MAX_EQUIVALENTS])
            for _, found in ordered
        ),
        extents=np.frombuffer(b"".join(key for key, _ in ordered), np.uint64).reshape(len(ordered), -1).copy(),
        lengths=np.asarray([found.rank.length for _, found in ordered], np.int32),
        priorities=np.arange(len(ordered), dtype=np.int64),
        depth=enumeration.language.depth,
        truncated=enumeration.truncated,
    )
