"""What statements repeat of a store: also expressions, whose blank nodes have other labels there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, Literal, NamedNode, Quad, Store, Triple

from .vocabulary import OWL, TYPE

_DISJOINT_CLASSES = NamedNode(OWL + "AllDisjointClasses")
_ROOT = NamedNode("urn:neurontology:root")

Term = NamedNode | BlankNode | Literal | Triple
Subject = NamedNode | BlankNode | Triple
Below = Callable[[BlankNode], Iterable[Triple]]


def restated(triples: Iterable[Triple], store: Store, graphs: Collection[str]) -> set[Triple]:
    """Triples that some of the graphs state already.

    Those with blank nodes are compared as trees: what hangs below a named subject and a predicate, or below an
    ``owl:AllDisjointClasses``, repeats what looks the same under other labels (isomorphic RDF graphs, RDF 1.1 Concepts,
    section 3.6).

    Parameters
    ----------
    triples
        What is stated.
    store, graphs
        The store, and the IRIs of those of its named graphs that count.
    """

    def known(subject: Subject | None, predicate: NamedNode, value: Term | None) -> Iterator[Quad]:
        quads = store.quads_for_pattern(subject, predicate, value, None)
        return (q for q in quads if isinstance(q.graph_name, NamedNode) and q.graph_name.value in graphs)

    def below_there(node: BlankNode) -> Iterator[Triple]:
        return (
            q.triple for q in store.quads_for_pattern(node, None, None, None) if isinstance(q.graph_name, NamedNode)
        )

    below: dict[BlankNode, list[Triple]] = defaultdict(list)
    expressions: list[tuple[Triple, BlankNode]] = []
    groups: list[BlankNode] = []
    found = set()
    for triple in triples:
        subject, value = triple.subject, triple.object
        if isinstance(subject, BlankNode):
            below[subject].append(triple)
            if triple.predicate == TYPE and value == _DISJOINT_CLASSES:
                groups.append(subject)
        elif isinstance(value, BlankNode):
            expressions.append((triple, value))
        elif any(known(subject, triple.predicate, value)):
            found.add(triple)
    for triple, node in expressions:
        tree = _tree(node, lambda n: below.get(n, ()))
        others = {q.object for q in known(triple.subject, triple.predicate, None)}
        if _is_among(node, tree, (o for o in others if isinstance(o, BlankNode)), below_there):
            found.update((triple, *tree))
    for node in groups:
        tree = _tree(node, lambda n: below.get(n, ()))
        subjects = {q.subject for q in known(None, TYPE, _DISJOINT_CLASSES)}
        if _is_among(node, tree, (s for s in subjects if isinstance(s, BlankNode)), below_there):
            found.update(tree)
    return found


def _tree(root: BlankNode, below: Below) -> list[Triple]:
    """What is stated of a blank node, and of the blank nodes that this leads to."""
    found: dict[Triple, None] = {}
    waiting, met = [root], {root}
    while waiting:
        for triple in below(waiting.pop()):
            found[triple] = None
            if isinstance(triple.object, BlankNode) and triple.object not in met:
                met.add(triple.object)
                waiting.append(triple.object)
    return list(found)


def _is_among(root: BlankNode, tree: list[Triple], others: Iterable[BlankNode], below: Below) -> bool:
    form = None
    for other in others:
        candidate = _tree(other, below)
        if len(candidate) != len(tree):
            continue
        form = form or _form(root, tree)
        if _form(other, candidate) == form:
            return True
    return False


def _form(root: BlankNode, tree: Iterable[Triple]) -> frozenset[Quad]:
    """Write a tree under labels that depend on its form only (RDF Dataset Canonicalization, W3C 2024)."""
    store = Store()
    store.extend(Quad(_ROOT if t.subject == root else t.subject, t.predicate, t.object) for t in tree)
    dataset = Dataset(store)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return frozenset(dataset)
