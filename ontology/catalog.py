"""The catalogue: which named graphs a knowledge base holds, where each came from, and its digest.

It is itself a named graph, written in the same transaction as the graph it describes, so that the two never
disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from pyoxigraph import Literal as RdfLiteral
from pyoxigraph import NamedNode, Quad, Store, Triple

from .iris import encode_segment
from .spool import spooled
from .vocabulary import DCAT, DCT, TYPE, XSD, nl

GraphKind = Literal["tbox", "abox", "extension", "run"]

_KIND, _DIGEST, _REMOVED = nl("graphKind"), nl("digest"), nl("removedEdges")
_CATEGORIES, _REPEATS = nl("categoryNamespace"), nl("repeatsStatements")
_TITLE, _ORIGIN, _DATASET = NamedNode(DCT + "title"), NamedNode(DCT + "source"), NamedNode(DCAT + "Dataset")
_CREATED = NamedNode(DCT + "created")
_TRIPLES = NamedNode("http://rdfs.org/ns/void#triples")


@dataclass(frozen=True, order=True)
class GraphEntry:
    """One named graph of a knowledge base.

    Attributes
    ----------
    kind
        ``tbox`` (a source), ``abox`` (an annotated data set), ``extension`` or ``run``.
    name
        Name by which people call it.
    iri
        Name of the graph in the store.
    digest
        SHA-256 of its content, hexadecimal.
    origin
        File or folder that it was read from.
    removed_edges
        Number of hierarchy links left out to break cycles.
    created
        When it was written, ISO 8601; empty where that is not recorded.
    triples
        How many it holds; None where that is not recorded.
    category_namespace
        What precedes the titles of a wiki's categories in their IRIs; empty where there is no wiki.
    repeats
        Whether it is a source or a data set that states what another graph stated before it, see :mod:`.merge`.
    """

    kind: GraphKind
    name: str
    iri: str
    digest: str
    origin: str
    removed_edges: int = 0
    created: str = ""
    triples: int | None = None
    category_namespace: str = ""
    repeats: bool = False

    def quads(self, catalog: NamedNode) -> list[Quad]:
        """Describe the entry as quads of the catalogue graph."""
        subject = NamedNode(self.iri)
        integer = NamedNode(XSD + "integer")
        size = RdfLiteral(str(self.triples), datatype=integer)
        date = RdfLiteral(self.created, datatype=NamedNode(XSD + "dateTime"))
        wiki = RdfLiteral(self.category_namespace)
        return [
            Quad(subject, TYPE, _DATASET, catalog),
            Quad(subject, _TITLE, RdfLiteral(self.name), catalog),
            Quad(subject, _KIND, RdfLiteral(self.kind), catalog),
            Quad(subject, _DIGEST, RdfLiteral(self.digest), catalog),
            Quad(subject, _ORIGIN, RdfLiteral(self.origin), catalog),
            Quad(subject, _REMOVED, RdfLiteral(str(self.removed_edges), datatype=integer), catalog),
            *([Quad(subject, _CREATED, date, catalog)] if self.created else []),
            *([Quad(subject, _TRIPLES, size, catalog)] if self.triples is not None else []),
            *([Quad(subject, _CATEGORIES, wiki, catalog)] if self.category_namespace else []),
            *([Quad(subject, _REPEATS, RdfLiteral(True), catalog)] if self.repeats else []),
        ]


def graph_iri(base: str, kind: GraphKind, name: str) -> str:
    """IRI of a named graph.

    Examples
    --------
    >>> graph_iri("https://w3id.org/neurontology/data/", "abox", "my photos")
    'https://w3id.org/neurontology/data/abox/my%20photos'
    """
    return f"{base}{kind}/{encode_segment(name)}"


def catalog_iri(base: str) -> NamedNode:
    """Name of the catalogue graph itself."""
    return NamedNode(base + "catalog")


def read_entries(store: Store, catalog: NamedNode) -> tuple[GraphEntry, ...]:
    """Entries of the catalogue, by kind and name."""
    entries = []
    for quad in store.quads_for_pattern(None, _KIND, None, catalog):
        if not isinstance(quad.subject, NamedNode):
            raise ValueError(f"the catalogue describes {quad.subject}, which is no graph name")
        values = {
            q.predicate: q.object.value
            for q in store.quads_for_pattern(quad.subject, None, None, catalog)
            if isinstance(q.object, RdfLiteral)
        }
        kind = values[_KIND]
        if kind not in get_args(GraphKind):
            raise ValueError(f"the catalogue describes {quad.subject} as a {kind!r}")
        entries.append(
            GraphEntry(
                kind=cast(GraphKind, kind),
                name=values[_TITLE],
                iri=quad.subject.value,
                digest=values[_DIGEST],
                origin=values[_ORIGIN],
                removed_edges=int(values[_REMOVED]),
                created=values.get(_CREATED, ""),
                triples=int(values[_TRIPLES]) if _TRIPLES in values else None,
                category_namespace=values.get(_CATEGORIES, ""),
                repeats=_REPEATS in values,
            )
        )
    return tuple(sorted(entries))


def content_digest(triples: Iterable[Triple]) -> str:
    """SHA-256 over the triples in sorted order, so that their order does not matter; they need not fit in memory."""
    with spooled(triples) as content:
        return content.digest
