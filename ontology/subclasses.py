"""What ``rdfs:subClassOf`` links of a store lead to, over any number of links, from the array index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from .hierarchy import Hierarchy
from .index import KBIndex
from .kb import KB
from .vocabulary import OWL, SUBCLASS

Term = NamedNode | BlankNode | Literal | Triple

_THING, _NOTHING = NamedNode(OWL + "Thing"), NamedNode(OWL + "Nothing")
_KEPT = 8
"""Classes whose descendants are remembered: a mask of two million classes takes 2 MB."""
_KNOWN: WeakKeyDictionary[KB, tuple[KBIndex, SubclassClosure]] = WeakKeyDictionary()


class SubclassClosure:
    """The transitive closure of the sub-class links that a store holds in any of its graphs.

    It is exactly what the property path ``rdfs:subClassOf*`` gives over the union of all graphs. The index knows
    the links between named classes of knowledge graphs; the few others (from blank nodes, from ``owl:Nothing``,
    in other graphs) are looked up in the store and added.

    Parameters
    ----------
    kb
        The knowledge base. What is written to its store later is not seen.
    """

    def __init__(self, kb: KB) -> None:
        self._kb = kb
        self._classes = kb.index.classes
        size = len(self._classes)
        links = list(dict.fromkeys(_irregular_links(kb)))
        self._extra: dict[Term, int] = {}
        for term in (end for link in links for end in link):
            if self._class_id(term) is None:
                self._extra.setdefault(term, size + len(self._extra))
        self._extra_terms = list(self._extra)
        hierarchy = kb.index.told
        if links:
            present = hierarchy.parents.tocoo()
            ends = np.asarray([[self._id(end) for end in link] for link in links], np.int32)
            hierarchy = Hierarchy(
                size + len(self._extra),
                np.concatenate([present.row, ends[:, 0]]),
                np.concatenate([present.col, ends[:, 1]]),
            )
        self._hierarchy = hierarchy
        self._mask = lru_cache(maxsize=_KEPT)(self._computed_mask)
        self._ancestors = lru_cache(maxsize=4096)(self._computed_ancestors)
        self._cached_id = lru_cache(maxsize=100_000)(self._id)
        self._masked: dict[tuple[Term, bool], None] = {}

    @classmethod
    def of(cls, kb: KB) -> SubclassClosure:
        """Closure of a knowledge base, remembered as long as its index is the same."""
        index = kb.index
        known = _KNOWN.get(kb)
        if known is None or known[0] is not index:
            known = index, cls(kb)
            _KNOWN[kb] = known
        return known[1]

    def _class_id(self, term: Term) -> int | None:
        return self._classes.id(term.value) if isinstance(term, NamedNode) else None

    def _id(self, term: Term) -> int | None:
        found = self._class_id(term)
        return self._extra.get(term) if found is None else found

    def _term(self, node: int) -> Term:
        size = len(self._classes)
        return NamedNode(self._classes[node]) if node < size else self._extra_terms[node - size]

    def knows(self, term: Term) -> bool:
        """Whether a term is a class, or the end of a sub-class link."""
        return self._id(term) is not None

    def count_below(self, top: NamedNode, *, proper: bool = False) -> int:
        """Number of :meth:`below`, without making the terms."""
        return int(np.count_nonzero(self._mask(top, proper))) + self._is_apart(top, proper)

    def below(self, top: NamedNode, *, proper: bool = False) -> list[Term]:
        """Solutions of ``?c rdfs:subClassOf* top``, or of ``rdfs:subClassOf+`` if `proper`."""
        ids = np.flatnonzero(self._mask(top, proper)).tolist()
        return [*map(self._term, ids), *([top] if self._is_apart(top, proper) else [])]

    def _is_apart(self, top: NamedNode, proper: bool) -> bool:
        """Whether a class is a solution for itself without being marked."""
        own = self._id(top)
        marked = own is not None and bool(self._mask(top, proper)[own])
        return not marked and (not proper or self._loops(top))

    def _loops(self, top: Term) -> bool:
        """Whether the store says that a class is a sub-class of itself, which the arrays leave out."""
        return isinstance(top, NamedNode | BlankNode) and any(
            True for _ in self._kb.store.quads_for_pattern(top, SUBCLASS, top, None)
        )

    def _computed_mask(self, top: Term, proper: bool) -> NDArray[np.bool_]:
        own = self._id(top)
        start: list[int] = [] if own is None else [own]
        if proper and own is not None:
            children = self._hierarchy.children
            start = children.indices[children.indptr[own] : children.indptr[own + 1]].tolist()
        if top == _THING:
            # The index has no links to owl:Thing; they are looked up only when somebody asks for them.
            told = self._kb.store.quads_for_pattern(None, SUBCLASS, _THING, None)
            start += [i for q in told if (i := self._id(q.subject)) is not None]
        mask = np.zeros(self._hierarchy.size, np.bool_)
        if start:
            mask[self._hierarchy.descendants(start)] = True
        return mask

    def _computed_ancestors(self, node: int, proper: bool) -> frozenset[int]:
        indptr, indices = self._hierarchy.parents.indptr, self._hierarchy.parents.indices
        seen: set[int] = set() if proper else {node}
        waiting = [node]
        while waiting:
            current = waiting.pop()
            new = set(indices[indptr[current] : indptr[current + 1]].tolist()) - seen
            seen |= new
            waiting += new
        return frozenset(seen)

    def above(self, bottom: NamedNode, *, proper: bool = False) -> list[Term]:
        """Solutions of ``bottom rdfs:subClassOf* ?c``, asked of the store: they are few, whatever its size."""
        modifier = "+" if proper else "*"
        found = self._kb.query(f"SELECT ?c {{ {bottom} {SUBCLASS}{modifier} ?c }}")
        return [solution["c"] for solution in found]  # type: ignore[union-attr]

    def holds(self, term: Term, top: Term, *, proper: bool = False) -> bool:
        """Whether `top` is reached from `term` by sub-class links: by any number, or at least one if `proper`.

        The descendants of the first tops that are asked for are all marked, so that very many terms can be tested;
        with more tops than are remembered, each term is followed upwards.
        """
        if term == top and (not proper or self._loops(top)):
            return True
        node = self._cached_id(term)
        if node is None:
            return False
        key = (top, proper)
        if key in self._masked or len(self._masked) < _KEPT or top == _THING:
            self._masked[key] = None
            return bool(self._mask(top, proper)[node])
        return self._cached_id(top) in self._ancestors(node, proper)


def _irregular_links(kb: KB) -> Iterator[tuple[Term, Term]]:
    """Sub-class links of the store that the index does not have as links between classes."""
    store = kb.store
    for triple in kb.index.schema:
        if triple.predicate == SUBCLASS:
            yield triple.subject, triple.object
    quads: list[Sequence[Quad]] = [
        list(store.quads_for_pattern(_NOTHING, SUBCLASS, None, None)),
        list(store.quads_for_pattern(None, SUBCLASS, _NOTHING, None)),
    ]
    over_thing = [q for q in store.quads_for_pattern(_THING, SUBCLASS, None, None) if q.object != _THING]
    if over_thing:
        quads += [over_thing, list(store.quads_for_pattern(None, SUBCLASS, _THING, None))]
    results = [NamedNode(entry.iri) for entry in kb.entries if entry.kind == "run"]
    quads += [list(store.quads_for_pattern(None, SUBCLASS, None, graph)) for graph in results]
    for found in quads:
        for quad in found:
            yield quad.subject, quad.object
