"""Named graphs that are being loaded: nobody sees them before the catalogue has their entry.

A transaction of the store is held in memory, about a kilobyte for each triple. What is large is therefore loaded
beforehand, without one, and becomes part of the knowledge base by its entry in the catalogue, which is a transaction
as any other. Meanwhile a graph of its own says which graph it is. A process that is killed leaves both; the next one
that writes removes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from .catalog import catalog_iri, read_entries
from .vocabulary import nl

AT_ONCE = 1 << 18
"""Triples that are written, or removed, in one transaction at most, where there is another way."""
_UNFINISHED = nl("unfinished")


def _marks(base: str) -> NamedNode:
    return NamedNode(base + "unfinished")


def unfinished_graphs(store: Store, base: str) -> list[NamedNode]:
    """Named graphs that do not belong to a knowledge base: those being loaded, last the one that says which."""
    marked = [quad.subject for quad in store.quads_for_pattern(None, _UNFINISHED, None, _marks(base))]
    if not marked:
        return []
    known = {entry.iri for entry in read_entries(store, catalog_iri(base))}
    return [*(g for g in marked if isinstance(g, NamedNode) and g.value not in known), _marks(base)]


def load_unfinished(store: Store, base: str, graph: NamedNode, quads: Iterable[Quad]) -> None:
    """Load quads of a graph that the catalogue does not have yet; nothing is left where that fails."""
    store.add(Quad(graph, _UNFINISHED, Literal(True), _marks(base)))
    store.flush()
    try:
        store.bulk_extend(quads)
    except BaseException:
        remove_unfinished(store, base)
        raise


def remove_unfinished(store: Store, base: str) -> None:
    """Remove what was loaded and is not in the catalogue, a part at a time, and then the marks."""
    for graph in unfinished_graphs(store, base):
        some = f"SELECT ?s ?p ?o {{ GRAPH {graph} {{ ?s ?p ?o }} }} LIMIT {AT_ONCE}"
        while any(store.quads_for_pattern(None, None, None, graph)):
            store.update(f"DELETE {{ GRAPH {graph} {{ ?s ?p ?o }} }} WHERE {{ {{ {some} }} }}")
        store.remove_graph(graph)


class FinishedStore:
    """A store as its readers see it while graphs are being loaded: without these.

    It has the methods of the store that read.
    """

    def __init__(self, store: Store, hidden: Collection[NamedNode]) -> None:
        self._store = store
        self._hidden = frozenset(hidden)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def named_graphs(self) -> Iterator[NamedNode | BlankNode]:
        """As the store's method."""
        return (graph for graph in self._store.named_graphs() if graph not in self._hidden)

    def quads_for_pattern(
        self, subject: Any, predicate: Any, object: Any, graph_name: NamedNode | BlankNode | DefaultGraph | None = None
    ) -> Iterator[Quad]:
        """As the store's method."""
        found = self._store.quads_for_pattern(subject, predicate, object, graph_name)
        return (quad for quad in found if quad.graph_name not in self._hidden)

    def query(
        self,
        query: str,
        *,
        default_graph: list[NamedNode | BlankNode | DefaultGraph] | None = None,
        named_graphs: list[NamedNode | BlankNode] | None = None,
        **options: Any,
    ) -> Any:
        """As the store's method."""
        named = self._store.named_graphs() if named_graphs is None else named_graphs
        return self._store.query(
            query,
            default_graph=default_graph and [graph for graph in default_graph if graph not in self._hidden],
            named_graphs=[graph for graph in named if graph not in self._hidden],
            **options,
        )
