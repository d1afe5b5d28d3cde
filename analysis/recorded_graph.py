"""A named graph of the store, read node by node."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode

from ..ontology.errors import DataError
from ..ontology.kb import KB
from ..ontology.vocabulary import nl


class RecordedGraph:
    """One named graph, read node by node."""

    def __init__(self, kb: KB, iri: str) -> None:
        self.iri = iri
        self._store = kb.store
        self._name = NamedNode(iri)

    def subjects(self, predicate: NamedNode, value: NamedNode) -> Iterator[NamedNode]:
        """Nodes that a predicate leads from to a node."""
        for quad in self._store.quads_for_pattern(None, predicate, value, self._name):
            if isinstance(quad.subject, NamedNode):
                yield quad.subject

    def nodes(self, subject: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """Nodes that a predicate leads to."""
        found = self._store.quads_for_pattern(subject, predicate, None, self._name)
        return [quad.object for quad in found if isinstance(quad.object, NamedNode)]

    def texts(self, subject: NamedNode, predicate: NamedNode) -> list[str]:
        """Literals that a predicate leads to."""
        found = self._store.quads_for_pattern(subject, predicate, None, self._name)
        return [quad.object.value for quad in found if isinstance(quad.object, Literal)]

    def text(self, subject: NamedNode, predicate: NamedNode) -> str:
        """The first of the texts; empty without one."""
        return next(iter(sorted(self.texts(subject, predicate))), "")

    def number(self, subject: NamedNode, term: str) -> float:
        """The number that a term of the vocabulary leads to.

        Raises
        ------
        DataError
            There is none.
        """
        found = self.perhaps(subject, term)
        if found is None:
            raise DataError(
                f"a node has no nl:{term}",
                where=subject.value,
                expected="what this version of neurontology records",
                hint="run the command that recorded it again",
            )
        return found

    def perhaps(self, subject: NamedNode, term: str) -> float | None:
        """The number that a term of the vocabulary leads to; None without one."""
        text = self.text(subject, nl(term))
        return float(text) if text else None
