"""The RDF dataset that a query names with ``FROM`` and ``FROM NAMED`` (SPARQL 1.1 Query Language, section 13.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, Store

from .kb import KB
from .merge import is_in_place
from .sparql_tokens import Token, after_bracket, tokens

Graph = NamedNode | BlankNode


@dataclass(frozen=True)
class Dataset:
    """The graphs that a query sees.

    Attributes
    ----------
    default
        IRIs of the graphs whose merge is the default graph.
    named
        IRIs of the graphs that ``GRAPH`` can name.
    """

    default: tuple[str, ...]
    named: tuple[str, ...]


def named_dataset(query: str, prefixes: Mapping[str, str]) -> Dataset | None:
    """Dataset that a query names; None where it names none, or cannot be read so far.

    Examples
    --------
    >>> named_dataset("SELECT * FROM <http://a.org/1> FROM NAMED a:2 { ?s ?p ?o }", {"a": "http://a.org/"})
    Dataset(default=('http://a.org/1',), named=('http://a.org/2',))
    >>> named_dataset("SELECT ?from { ?from ?p 'FROM <http://a.org/1>' }", {}) is None
    True
    """
    if "FROM" not in query.upper():
        return None
    words = tokens(query)
    known, base, at = dict(prefixes), "", 0
    try:
        while words[at].says("PREFIX", "BASE"):
            if words[at].says("BASE"):
                base = _resolved(words[at + 1].text[1:-1], base)
                at += 2
            else:
                known[words[at + 1].text[:-1]] = _resolved(words[at + 2].text[1:-1], base)
                at += 3
        at = after_bracket(words, at + 2) if words[at].says("CONSTRUCT") and words[at + 1].says("{") else at + 1
    except IndexError:
        return None
    graphs: dict[bool, list[str]] = {False: [], True: []}
    while at < len(words) and not words[at].says("{", "WHERE"):
        if words[at].says("("):
            at = after_bracket(words, at + 1)
        elif words[at].says("FROM"):
            is_named = at + 1 < len(words) and words[at + 1].says("NAMED")
            at += 1 + is_named
            iri = _iri(words[at], known, base) if at < len(words) else None
            if iri is None:
                return None
            graphs[is_named].append(iri)
            at += 1
        else:
            at += 1
    return Dataset(tuple(graphs[False]), tuple(graphs[True])) if graphs[False] or graphs[True] else None


def _iri(word: Token, prefixes: Mapping[str, str], base: str) -> str | None:
    if word.kind == "iri":
        return _resolved(word.text[1:-1], base)
    prefix, colon, local = word.text.partition(":")
    return prefixes[prefix] + local if word.kind == "name" and colon and prefix in prefixes else None


def _resolved(iri: str, base: str) -> str:
    """An IRI as it is if it is absolute, for joining would drop a `#` at its end; else relative to a base."""
    return iri if urlsplit(iri).scheme else urljoin(base, iri)


def store_with(kb: KB, dataset: Dataset) -> tuple[Store, list[Graph | DefaultGraph], list[Graph]]:
    """Store to run a query over a dataset on, with the graphs of its default graph and its named ones.

    Graphs that may repeat each other are merged in memory.
    """
    default: list[Graph] = [NamedNode(iri) for iri in dict.fromkeys(dataset.default)]
    named: list[Graph] = [NamedNode(iri) for iri in dict.fromkeys(dataset.named)]
    in_place = {entry.iri for entry in kb.entries if is_in_place(entry)}
    if len(default) < 2 or in_place.issuperset(dataset.default):
        return kb.store, [*default], named
    merged = Store()
    for graph in default:
        stated = kb.store.quads_for_pattern(None, None, None, graph)
        merged.extend(Quad(q.subject, q.predicate, q.object) for q in stated)
    for graph in named:
        merged.extend(kb.store.quads_for_pattern(None, None, None, graph))
    return merged, [DefaultGraph()], named
