"""The closed-world model of a knowledge base: which individuals belong to a class expression.

What is not asserted, or does not follow from the axioms, is false (closed-world assumption): an individual's
classes are the told ones, everything above them, and what definitions, domains and ranges add; its links are
the told ones and what sub-properties, inverses, symmetry, transitivity and chains add. See
:mod:`.materialisation`. Distinct names are distinct individuals.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.errors import UsageError, near_matches
from ..ontology.expression import ClassExpression, Role
from ..ontology.index import KBIndex
from .data_values import PropertyValues
from .materialisation import Saturation, close_links, rules_of
from .retrieval import Extension, evaluate


class Interpretation:
    """Individuals with their classes, role fillers and values, as sparse matrices.

    Parameters
    ----------
    index
        Index of the knowledge base; its axioms hold.
    graphs
        Ids of the graphs whose assertions hold; all of them when omitted.

    Attributes
    ----------
    individuals
        int32, shape (n,): ids in the index; positions in it number the rows of every matrix here.
    classes
        int32, shape (m,): ids in the index of the classes with at least one instance.
    membership
        Boolean CSR, shape (n, m): individual is an instance of class.
    """

    def __init__(self, index: KBIndex, graphs: Iterable[int] | None = None) -> None:
        self.index = index
        chosen = range(len(index.graphs)) if graphs is None else sorted(graphs)
        self.individuals = index.individuals_of(chosen)
        self._links = close_links(self._told_links(chosen), index.axioms)
        self._transposed: dict[str, sparse.csr_matrix] = {}
        self._values = self._told_values(chosen)
        types = index.types[np.isin(index.types[:, 2], chosen)]
        types = types[types[:, 1] >= 0]
        rows, classes = np.searchsorted(self.individuals, types[:, 0]), types[:, 1]
        self.classes, self.membership = self._close_types(rows, classes)
        rules = rules_of(index.axioms, linked=set(self._links), valued=set(self._values))
        if rules:
            added = Saturation(index, self.size, self.role, self.values, self.instances, self._single).run(rules)
            if added:
                identifiers = [index.classes.id(iri) for iri, _ in added]
                rows = np.concatenate([rows, *(members for _, members in added)])
                classes = np.concatenate(
                    [classes, *(np.full(len(m), i, np.int32) for i, (_, m) in zip(identifiers, added, strict=True))]
                )
                self.classes, self.membership = self._close_types(rows, classes)

    def _told_links(self, graphs: Iterable[int]) -> dict[str, sparse.csr_matrix]:
        """Told links by property."""
        links = self.index.roles[np.isin(self.index.roles[:, 3], np.asarray(graphs))]
        links = links[np.argsort(links[:, 1], kind="stable")]
        starts = np.flatnonzero(np.diff(links[:, 1], prepend=-1))
        found = {}
        for group in np.split(links, starts[1:]) if len(links) else []:
            rows = np.searchsorted(self.individuals, group[:, 0])
            columns = np.searchsorted(self.individuals, group[:, 2])
            # Coordinates that occur twice, from two graphs, are one link.
            found[self.index.properties[int(group[0, 1])]] = sparse.csr_matrix(
                (np.ones(len(group), np.bool_), (rows, columns)), shape=(self.size, self.size)
            )
        return found

    def _told_values(self, graphs: Iterable[int]) -> dict[str, PropertyValues]:
        """Values by data property, those of its sub-properties included."""
        index = self.index
        told = index.values[np.isin(index.values[:, 3], np.asarray(graphs))]
        above: dict[str, set[str]] = {}
        for sub, sup in index.axioms.sub_properties:
            above.setdefault(sub.iri, set()).add(sup.iri)
        pairs: dict[str, set[tuple[int, int]]] = {}
        for prop in np.unique(told[:, 1]):
            own = told[told[:, 1] == prop]
            rows = np.searchsorted(self.individuals, own[:, 0])
            reached, waiting = set[str](), [index.data_properties[int(prop)]]
            while waiting:
                iri = waiting.pop()
                if iri not in reached:
                    reached.add(iri)
                    waiting.extend(above.get(iri, ()))
            for iri in reached:
                pairs.setdefault(iri, set()).update(zip(rows.tolist(), own[:, 2].tolist(), strict=True))
        found = {}
        for iri in sorted(pairs):
            ordered = sorted(pairs[iri])
            texts = {literal: index.literals[literal] for _, literal in ordered}
            found[iri] = PropertyValues(
                rows=np.asarray([row for row, _ in ordered], np.int64),
                literals=tuple(_pair(texts[literal]) for _, literal in ordered),
            )
        return found

    def _close_types(
        self, rows: NDArray[np.integer], classes: NDArray[np.integer]
    ) -> tuple[NDArray[np.int32], sparse.csr_matrix]:
        """Classes with instances, and the membership in them, of told types (row, class)."""
        told = np.unique(classes).astype(np.int32)
        above, reached = self.index.hierarchy.ancestor_matrix(told)
        asserted = sparse.csr_matrix(
            (np.ones(len(rows), np.bool_), (rows, np.searchsorted(told, classes))), shape=(self.size, len(told))
        )
        membership = (asserted @ above).astype(np.bool_)
        membership.sort_indices()
        return reached, membership

    def _single(self, iri: str) -> Extension:
        """The individual with an IRI alone, or nobody."""
        found = np.zeros(self.size, np.bool_)
        identifier = self.index.individuals.id(iri)
        if identifier is not None:
            found[self.individuals == identifier] = True
        return found

    @property
    def size(self) -> int:
        """Number of individuals."""
        return len(self.individuals)

    @cached_property
    def properties(self) -> list[str]:
        """IRIs of the object properties with at least one link, told or entailed."""
        return sorted(self._links)

    @cached_property
    def told_properties(self) -> frozenset[str]:
        """IRIs of the object properties with at least one told link, in any graph."""
        return frozenset(self.index.properties[int(p)] for p in np.unique(self.index.roles[:, 1]))

    @property
    def data_properties(self) -> list[str]:
        """IRIs of the data properties with at least one value."""
        return list(self._values)

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
        links = self._links.get(role.iri)
        if links is None:
            if self.index.properties.id(role.iri) is None:
                raise UsageError(
                    "the knowledge base has no such object property",
                    where=role.iri,
                    hint=near_matches(role.iri, self.index.properties),
                )
            return sparse.csr_matrix((self.size, self.size), dtype=np.bool_)
        if not role.inverse:
            return links
        if role.iri not in self._transposed:
            self._transposed[role.iri] = links.T.tocsr()
        return self._transposed[role.iri]

    def values(self, iri: str) -> PropertyValues:
        """Values of a data property.

        Raises
        ------
        UsageError
            The knowledge base does not know the property.
        """
        if iri not in self._values and self.index.data_properties.id(iri) is None:
            raise UsageError(
                "the knowledge base has no such data property",
                where=iri,
                hint=near_matches(iri, self.index.data_properties),
            )
        return self._values.get(iri) or PropertyValues(np.empty(0, np.int64), ())

    def retrieve(self, expression: ClassExpression) -> Extension:
        """Instances of a class expression.

        Returns
        -------
        numpy.ndarray
            bool, shape (n,).

        Raises
        ------
        UsageError
            The expression names a class or property that the knowledge base does not know.
        """
        return evaluate(expression, self)

    def instances(self, iri: str) -> Extension:
        """Instances of a named class: bool, shape (n,).

        Raises
        ------
        UsageError
            The knowledge base does not know the class.
        """
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


def _pair(literal: str) -> tuple[str, str]:
    """Datatype and lexical form of a value as the index writes it."""
    datatype, _, lexical = literal.partition(" ")
    return datatype, lexical
