"""The default graph of a store: what queries see of its named graphs, each statement once.

The default graph of a query over several graphs is their RDF merge (SPARQL 1.1 Query Language, section 13.1): a triple
that two of them state is in it once. Oxigraph's own union of graphs gives it twice, so that a COUNT over it counts
too much. Therefore the store's unnamed graph holds what the named graphs state, except for those that are read in
place: sources and data sets that repeat nothing, which are large. A query reads the unnamed graph and those in place,
and meets every triple in exactly one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Store, Triple

from .catalog import GraphEntry, GraphKind

READ_IN_PLACE: tuple[GraphKind, ...] = ("tbox", "abox")
"""Kinds of graphs that are not copied as long as they repeat nothing. The others are small and repeat each other."""
_UNNAMED = DefaultGraph()


def is_in_place(entry: GraphEntry) -> bool:
    """Whether queries read a graph itself, and not its copy in the unnamed graph."""
    return entry.kind in READ_IN_PLACE and not entry.repeats


def queried_graphs(entries: Iterable[GraphEntry]) -> list[NamedNode | BlankNode | DefaultGraph]:
    """Graphs of which a query's default graph consists; no two of them hold the same triple."""
    return [_UNNAMED, *(NamedNode(entry.iri) for entry in entries if is_in_place(entry))]


def stated_in(
    store: Store, graphs: Sequence[NamedNode], triples: Iterable[Triple], *, renamed_blanks: bool = False
) -> bytearray:
    """Tell of each triple whether one of the graphs states it: 1 or 0.

    Parameters
    ----------
    store
        The store.
    graphs
        Where to look.
    triples
        Those of one subject should follow each other: what is stated of a subject is looked up once.
    renamed_blanks
        Whether blank nodes will get new names, so that nobody else states anything of them.
    """
    told = bytearray()
    for subject, about in groupby(triples, key=attrgetter("subject")):
        known = {
            (quad.predicate, quad.object)
            for graph in graphs
            for quad in store.quads_for_pattern(subject, None, None, graph)
            if not (renamed_blanks and BlankNode in (type(subject), type(quad.object)))
        }
        told.extend((triple.predicate, triple.object) in known for triple in about)
    return told


def repeats_another(store: Store, graph: NamedNode) -> bool:
    """Whether a graph of the store states anything that another one states."""
    return bool(store.query(f"ASK {{ GRAPH {graph} {{ ?s ?p ?o }} FILTER EXISTS {{ {_elsewhere(graph)} }} }}"))


def copy_of(graph: NamedNode) -> str:
    """SPARQL Update that copies to the unnamed graph what only this graph states."""
    return f"INSERT {{ ?s ?p ?o }} WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} FILTER NOT EXISTS {{ {_elsewhere(graph)} }} }}"


def departure_of(entry: GraphEntry) -> str:
    """SPARQL Update that prepares the unnamed graph for a graph's removal.

    What no other graph states leaves it; of a graph that was read in place, what another one states comes in.
    """
    graph = NamedNode(entry.iri)
    verb, test = ("INSERT", "EXISTS") if is_in_place(entry) else ("DELETE", "NOT EXISTS")
    return f"{verb} {{ ?s ?p ?o }} WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} FILTER {test} {{ {_elsewhere(graph)} }} }}"


def departure_from_catalog(catalog: NamedNode, entry: GraphEntry) -> str:
    """SPARQL Update that removes a graph's entry from the catalogue, and from the unnamed graph."""
    described = f"GRAPH {catalog} {{ ?s ?p ?o }} FILTER (?s = {NamedNode(entry.iri)})"
    return (
        f"DELETE {{ ?s ?p ?o }} WHERE {{ {described} FILTER NOT EXISTS {{ {_elsewhere(catalog)} }} }} ; "
        f"DELETE {{ GRAPH {catalog} {{ ?s ?p ?o }} }} WHERE {{ {described} }}"
    )


def _elsewhere(graph: NamedNode) -> str:
    return f"GRAPH ?other {{ ?s ?p ?o }} FILTER (?other != {graph})"
