"""The closed-world model of a knowledge base: which individuals belong to a class expression.

What is not asserted, or does not follow from the axioms, is false (closed-world assumption): an individual's
classes are the told ones, everything above them, and what definitions, domains and ranges add; its links are
the told ones and what sub-properties, inverses, symmetry, transitivity and chains add. See
:mod:`.materialisation`. Distinct names are distinct individuals unless ``owl:sameAs`` joins them, so that
``owl:differentFrom`` has nothing to add.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # which imports csgraph when it is first used: it takes a twentieth of a second

from ..ontology.axioms import NOMINAL
from ..ontology.errors import UsageError, near_matches
from ..ontology.expression import And, ClassExpression, Not, Role, Some
from ..ontology.index import KBIndex
from .data_values import PropertyValues
from .kinds import distinct_sets
from .materialisation import LinkRule, Saturation, close_links, link_rules_of, rules_of
from .retrieval import Extension, evaluate

if TYPE_CHECKING:
    from .named_classes import NamedClasses


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
    kinds
        Boolean CSR, shape (k, m): the sets of classes that individuals have, of which annotated things have few.
    kind
        int64, shape (n,): row of each individual's set in `kinds`.
    """

    def __init__(self, index: KBIndex, graphs: Iterable[int] | None = None) -> None:
        self.index = index
        chosen = range(len(index.graphs)) if graphs is None else sorted(graphs)
        self.individuals = index.individuals_of(chosen)
        self._canonical = self._merge(index.axioms.same)
        self._digests: dict[Role, bytes] = {}
        self._values = self._told_values(chosen)
        types = index.types[np.isin(index.types[:, 2], chosen)]
        types = types[types[:, 1] >= 0]
        rows, classes = self._rows(types[:, 0]), types[:, 1]
        told = self._told_links(chosen)
        link_rules = link_rules_of(index.axioms)
        while True:
            self._links = close_links(told, index.axioms)
            self._by_role: dict[Role, sparse.csr_matrix] = {}
            self._saturate(rows, classes)
            if not self._add_links(told, link_rules):
                break

    def _merge(self, same: Sequence[tuple[str, str]]) -> NDArray[np.int64] | None:
        """Row that stands for each row: the first one of the same individual; None if all names are unique."""
        pairs = [(self._row(low), self._row(high)) for low, high in same]
        edges = [pair for pair in pairs if None not in pair]
        if not edges:
            return None
        low, high = np.asarray(edges, np.int64).T
        graph = self._matrix(low, high)
        _, label = sparse.csgraph.connected_components(graph, directed=False)
        _, first = np.unique(label, return_index=True)
        found: NDArray[np.int64] = first[label].astype(np.int64)
        return found

    def _rows(self, identifiers: NDArray[np.integer]) -> NDArray[np.int64]:
        """Rows that stand for individuals."""
        rows = np.searchsorted(self.individuals, identifiers)
        return rows if self._canonical is None else self._canonical[rows]

    def _add_links(self, told: dict[str, sparse.csr_matrix], rules: Sequence[LinkRule]) -> bool:
        """Add the links that rules give to the told ones; False if they were all there."""
        added = False
        for rule in rules:
            one = self._single(rule.target.iri.removeprefix(NOMINAL))
            new = evaluate(And((rule.body, Not(Some(rule.role, rule.target)))), self)
            if not one.any() or not new.any():
                continue
            rows = self._rows(self.individuals[new])
            columns = np.repeat(self._rows(self.individuals[one])[:1], len(rows))
            if rule.role.inverse:
                rows, columns = columns, rows
            links = self._matrix(rows, columns)
            before = told.get(rule.role.iri)
            told[rule.role.iri] = links if before is None else (before + links).astype(np.bool_)
            added = True
        return added

    def _matrix(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> sparse.csr_matrix:
        # Coordinates that occur twice are one link.
        return sparse.csr_matrix((np.ones(len(rows), np.bool_), (rows, columns)), shape=(self.size, self.size))

    def _saturate(self, rows: NDArray[np.int64], classes: NDArray[np.integer]) -> None:
        """Close told types (row, class) under the hierarchy and the rules."""
        index = self.index
        self._close_types(rows, classes)
        rules = rules_of(index.axioms, linked=set(self._links), valued=set(self._values))
        if rules:
            added = Saturation(index, self.size, self.role, self.values, self.instances, self._single).run(rules)
            if added:
                identifiers = [index.classes.id(iri) for iri, _ in added]
                rows = np.concatenate([rows, *(members for _, members in added)])
                classes = np.concatenate(
                    [classes, *(np.full(len(m), i, np.int32) for i, (_, m) in zip(identifiers, added, strict=True))]
                )
                self._close_types(rows, classes)

    def _told_links(self, graphs: Iterable[int]) -> dict[str, sparse.csr_matrix]:
        """Told links by property."""
        links = self.index.roles[np.isin(self.index.roles[:, 3], np.asarray(graphs))]
        links = links[np.argsort(links[:, 1], kind="stable")]
        starts = np.flatnonzero(np.diff(links[:, 1], prepend=-1))
        found = {}
        for group in np.split(links, starts[1:]) if len(links) else []:
            prop = self.index.properties[int(group[0, 1])]
            found[prop] = self._matrix(self._rows(group[:, 0]), self._rows(group[:, 2]))
        everybody = self._rows(self.individuals)
        for iri in self.index.axioms.reflexive:
            loops = self._matrix(everybody, everybody)
            found[iri] = (found[iri] + loops).astype(np.bool_) if iri in found else loops
        return found

    def _told_values(self, graphs: Iterable[int]) -> dict[str, PropertyValues]:
        """Values by data property, those of its sub-properties included."""
        index = self.index
        told = index.values[np.isin(index.values[:, 3], np.asarray(graphs))]
        names: dict[int, list[int]] = {}
        for row, first in enumerate(() if self._canonical is None else self._canonical.tolist()):
            names.setdefault(first, []).append(row)
        above: dict[str, set[str]] = {}
        for sub, sup in index.axioms.sub_properties:
            above.setdefault(sub.iri, set()).add(sup.iri)
        pairs: dict[str, set[tuple[int, int]]] = {}
        for prop in np.unique(told[:, 1]):
            own = told[told[:, 1] == prop]
            rows = self._rows(own[:, 0])
            given = zip(rows.tolist(), own[:, 2].tolist(), strict=True)
            held = [(name, value) for row, value in given for name in names.get(row, (row,))]
            reached, waiting = set[str](), [index.data_properties[int(prop)]]
            while waiting:
                iri = waiting.pop()
                if iri not in reached:
                    reached.add(iri)
                    waiting.extend(above.get(iri, ()))
            for iri in reached:
                pairs.setdefault(iri, set()).update(held)
        found = {}
        for iri in sorted(pairs):
            ordered = sorted(pairs[iri])
            texts = {literal: index.literals[literal] for _, literal in ordered}
            found[iri] = PropertyValues(
                rows=np.asarray([row for row, _ in ordered], np.int64),
                literals=tuple(_pair(texts[literal]) for _, literal in ordered),
            )
        return found

    def _close_types(self, rows: NDArray[np.integer], classes: NDArray[np.integer]) -> None:
        """Find the classes with instances, and who has which of them, from told types (row, class)."""
        told = np.unique(classes).astype(np.int32)
        above, self.classes = self.index.hierarchy.ancestor_matrix(told)
        asserted = sparse.csr_matrix(
            (np.ones(len(rows), np.bool_), (rows, np.searchsorted(told, classes))), shape=(self.size, len(told))
        )
        first, kind = distinct_sets(asserted)
        self.kind = kind if self._canonical is None else kind[self._canonical]
        self.kinds = (asserted[first] @ above).astype(np.bool_, copy=False)
        self.kinds.sort_indices()

    def _row(self, iri: str) -> int | None:
        """Row of an individual."""
        identifier = self.index.individuals.id(iri)
        row = -1 if identifier is None else int(np.searchsorted(self.individuals, identifier))
        return row if 0 <= row < self.size and self.individuals[row] == identifier else None

    def _single(self, iri: str) -> Extension:
        """The individual with an IRI alone, by all its names, or nobody."""
        found = np.zeros(self.size, np.bool_)
        row = self._row(iri)
        if row is not None and self._canonical is None:
            found[row] = True
        elif row is not None and self._canonical is not None:
            found = self._canonical == self._canonical[row]
        return found

    @property
    def size(self) -> int:
        """Number of individuals."""
        return len(self.individuals)

    @cached_property
    def membership(self) -> sparse.csr_matrix:
        """Boolean CSR, shape (n, m): individual is an instance of class. It may be many times as large as `kinds`."""
        return self.kinds[self.kind]

    def of_kinds(self, links: sparse.csr_matrix) -> sparse.csr_matrix:
        """Numbers of links to each kind, shape (rows, k), of links to individuals, shape (rows, n)."""
        return sparse.csr_matrix(
            (links.data, self.kind[links.indices], links.indptr), shape=(links.shape[0], self.kinds.shape[0])
        )

    @cached_property
    def properties(self) -> list[str]:
        """IRIs of the object properties with at least one link, told or entailed."""
        return sorted(self._links)

    @cached_property
    def told_properties(self) -> frozenset[str]:
        """IRIs of the object properties with at least one told link, in any graph."""
        return frozenset(self.index.properties[int(p)] for p in np.unique(self.index.roles[:, 1]))

    @cached_property
    def named(self) -> NamedClasses:
        """The classes with instances, by column of `kinds`, and how specific they are."""
        from .named_classes import NamedClasses, count_below  # compiles or loads a kernel

        iris = tuple(self.index.classes[c] for c in self.classes.tolist())
        return NamedClasses(iris, count_below(self.index.hierarchy, self.classes.astype(np.int64)))

    @cached_property
    def is_annotation(self) -> bool:
        """Whether the knowledge is a flat annotation, such as images and the objects they contain.

        That is so if there are links, none of the things linked to has links of its own, and there are no data
        values. How many things an annotator listed, and that nothing else is there, says more about the
        annotator than about the image.
        """
        links = self.index.roles
        return bool(len(links) and not self.data_properties and not np.intersect1d(links[:, 0], links[:, 2]).size)

    def digest(self, role: Role) -> bytes:
        """Digest of the links of a role: equal for roles with the same links."""
        if role not in self._digests:
            links = self.role(role)
            links.sort_indices()
            digest = hashlib.sha256(links.indptr.tobytes())
            digest.update(links.indices.tobytes())
            self._digests[role] = digest.digest()
        return self._digests[role]

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
        names = list(iris)
        known = [self.index.individuals.id(iri) for iri in names]
        identifiers = np.asarray([-1 if i is None else i for i in known], self.individuals.dtype)
        rows = np.searchsorted(self.individuals, identifiers)
        missing = rows == self.size
        missing |= self.individuals[np.where(missing, 0, rows)] != identifiers if self.size else True
        if missing.any():
            iri = names[int(np.argmax(missing))]
            raise UsageError(
                "the knowledge base has no such individual",
                where=iri,
                hint=near_matches(iri, (self.iri(i) for i in range(self.size))),
            )
        return rows.astype(np.int64)

    def iri(self, row: int) -> str:
        """IRI of the individual in a row."""
        return self.index.individuals[int(self.individuals[row])]

    def role(self, role: Role) -> sparse.csr_matrix:
        """Boolean CSR, shape (n, n): the row's individual is linked to the column's one by the role.

        Of several names of one individual, each has a row and the first has a column, so that it counts once.
        """
        links = self._links.get(role.iri)
        if links is None:
            if self.index.properties.id(role.iri) is None:
                raise UsageError(
                    "the knowledge base has no such object property",
                    where=role.iri,
                    hint=near_matches(role.iri, self.index.properties),
                )
            return sparse.csr_matrix((self.size, self.size), dtype=np.bool_)
        if role not in self._by_role:
            found = links.T.tocsr() if role.inverse else links
            self._by_role[role] = found if self._canonical is None else found[self._canonical]
        return self._by_role[role]

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
        if iri.startswith(NOMINAL):
            return self._single(iri.removeprefix(NOMINAL))
        identifier = self.index.classes.id(iri)
        if identifier is None:
            raise UsageError(
                "the knowledge base has no such class", where=iri, hint=near_matches(iri, self.index.classes)
            )
        column = int(np.searchsorted(self.classes, identifier))
        if column == len(self.classes) or self.classes[column] != identifier:
            return np.zeros(self.size, np.bool_)
        # One look at every entry: scipy takes a column by two of them, and several times as long.
        entries = np.flatnonzero(self.kinds.indices == column)
        found = np.zeros(self.kinds.shape[0], np.bool_)
        found[np.searchsorted(self.kinds.indptr, entries, side="right") - 1] = True
        instances: Extension = found[self.kind]
        return instances


def _pair(literal: str) -> tuple[str, str]:
    """Datatype and lexical form of a value as the index writes it."""
    datatype, _, lexical = literal.partition(" ")
    return datatype, lexical
