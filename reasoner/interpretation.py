"""The closed-world model of a knowledge base: which individuals belong to a class expression.

What is not asserted, or does not follow from the class hierarchy, is false (closed-world assumption). An
individual's classes are the told ones and everything above them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.errors import UsageError, near_matches
from ..ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from ..ontology.index import KBIndex

Extension = NDArray[np.bool_]


class Interpretation:
    """Individuals with their classes and role fillers, as sparse matrices.

    Parameters
    ----------
    index
        Index of the knowledge base.
    graphs
        Ids of the graphs whose assertions hold; all of them when omitted.

    Attributes
    ----------
    individuals
        int32, shape (n,): ids in the index; positions in it number the rows of every matrix here.
    classes
        int32, shape (m,): ids in the index of the classes with at least one told or inherited instance.
    membership
        Boolean CSR, shape (n, m): individual is an instance of class.
    """

    def __init__(self, index: KBIndex, graphs: Iterable[int] | None = None) -> None:
        self.index = index
        chosen = range(len(index.graphs)) if graphs is None else sorted(graphs)
        self.individuals = index.individuals_of(chosen)
        types = index.types[np.isin(index.types[:, 2], chosen)]
        self._roles = index.roles[np.isin(index.roles[:, 3], chosen)]
        types = types[types[:, 1] >= 0]
        told = np.unique(types[:, 1])
        above, self.classes = index.hierarchy.ancestor_matrix(told)
        rows = np.searchsorted(self.individuals, types[:, 0])
        columns = np.searchsorted(told, types[:, 1])
        asserted = sparse.csr_matrix(
            (np.ones(len(types), np.bool_), (rows, columns)), shape=(self.size, len(told))
        )
        self.membership: sparse.csr_matrix = (asserted @ above).astype(np.bool_)
        self.membership.sort_indices()

    @property
    def size(self) -> int:
        """Number of individuals."""
        return len(self.individuals)

    @cached_property
    def properties(self) -> list[str]:
        """IRIs of the object properties with at least one assertion."""
        return [self.index.properties[int(p)] for p in np.unique(self._roles[:, 1])]

    def positions(self, iris: Iterable[str]) -> NDArray[np.int64]:
        """Row numbers of individuals.

        Raises
        ------
        UsageError
            The knowledge base does not know one of them.
        """
        found = []
        for iri in iris:
            identifier = self.index.individuals.id(iri)
            row = -1 if identifier is None else int(np.searchsorted(self.individuals, identifier))
            if row < 0 or row >= self.size or self.individuals[row] != identifier:
                raise UsageError(
                    "the knowledge base has no such individual",
                    where=iri,
                    hint=near_matches(iri, (self.iri(i) for i in range(self.size))),
                )
            found.append(row)
        return np.asarray(found, np.int64)

    def iri(self, row: int) -> str:
        """IRI of the individual in a row."""
        return self.index.individuals[int(self.individuals[row])]

    def role(self, role: Role) -> sparse.csr_matrix:
        """Boolean CSR, shape (n, n): the row's individual is linked to the column's one by the role."""
        identifier = self.index.properties.id(role.iri)
        if identifier is None:
            raise UsageError(
                "the knowledge base has no such object property",
                where=role.iri,
                hint=near_matches(role.iri, self.index.properties),
            )
        links = self._roles[self._roles[:, 1] == identifier]
        rows = np.searchsorted(self.individuals, links[:, 0])
        columns = np.searchsorted(self.individuals, links[:, 2])
        if role.inverse:
            rows, columns = columns, rows
        matrix = sparse.csr_matrix(
            (np.ones(len(links), np.bool_), (rows, columns)), shape=(self.size, self.size)
        )
        matrix.sum_duplicates()
        return matrix

    def retrieve(self, expression: ClassExpression) -> Extension:
        """Instances of a class expression.

        Returns
        -------
        numpy.ndarray
            bool, shape (n,).

        Raises
        ------
        UsageError
            The expression names a class or property that the knowledge base does not know, or restricts a
            data property.
        """
        match expression:
            case Top():
                return np.ones(self.size, np.bool_)
            case Bottom():
                return np.zeros(self.size, np.bool_)
            case Named(iri):
                return self._instances(iri)
            case Not(operand):
                return ~self.retrieve(operand)
            case And(operands):
                return np.logical_and.reduce([self.retrieve(o) for o in operands])
            case Or(operands):
                return np.logical_or.reduce([self.retrieve(o) for o in operands])
            case Some(role, filler):
                return self._fillers(role, filler) > 0
            case Only(role, filler):
                return self._fillers(role, Not(filler)) == 0
            case AtLeast(number, role, filler):
                return self._fillers(role, filler) >= number
            case AtMost(number, role, filler):
                return self._fillers(role, filler) <= number
            case HasValue(prop, _, _) | DataBound(prop, _, _, _):
                raise UsageError("restrictions of data properties are not retrieved", where=prop)

    def _instances(self, iri: str) -> Extension:
        identifier = self.index.classes.id(iri)
        if identifier is None:
            raise UsageError(
                "the knowledge base has no such class", where=iri, hint=near_matches(iri, self.index.classes)
            )
        column = int(np.searchsorted(self.classes, identifier))
        if column == len(self.classes) or self.classes[column] != identifier:
            return np.zeros(self.size, np.bool_)
        found: Extension = self.membership[:, [column]].toarray().ravel()
        return found

    def _fillers(self, role: Role, filler: ClassExpression) -> NDArray[np.int64]:
        """Number of distinct fillers of the role that are instances of `filler`, for each individual."""
        counts: NDArray[np.int64] = self.role(role).astype(np.int64) @ self.retrieve(filler).astype(np.int64)
        return counts
