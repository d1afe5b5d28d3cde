"""Concepts with more general concepts above them, on their way to becoming classes without cycles."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyoxigraph import NamedNode, Triple

from ..ontology.vocabulary import OWL, SUBCLASS, TYPE
from .cycles import CycleBreak, break_cycles

REMOVED = "removed.tsv"
"""File in the knowledge base that lists the links that were left out, each with its reason."""

_CLASS = NamedNode(OWL + "Class")


class ConceptGraph:
    """Concepts, numbered in the order in which they were first named, and links from each to a broader one.

    Examples
    --------
    >>> graph = ConceptGraph()
    >>> for narrower, broader in ["ba", "cb", "bc"]:
    ...     graph.link(f"http://example.org/{narrower}", f"http://example.org/{broader}")
    >>> cut = graph.break_cycles()
    >>> [(t.subject.value[-1], t.object.value[-1]) for t in graph.axioms(cut) if t.predicate == SUBCLASS]
    [('b', 'a'), ('c', 'b')]
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._narrower = array("q")
        self._broader = array("q")

    def __len__(self) -> int:
        return len(self._number)

    def add(self, iri: str) -> int:
        """Number of a concept, which is taken in if it is new."""
        return self._number.setdefault(iri, len(self._number))

    def link(self, narrower: str, broader: str) -> None:
        """Say that one concept is more general than another."""
        self._narrower.append(self.add(narrower))
        self._broader.append(self.add(broader))

    def break_cycles(self) -> CycleBreak:
        """Choose links so that no cycle is left; repeated links and links of a concept to itself go too."""
        narrower, broader = (np.frombuffer(ends, np.int64) for ends in (self._narrower, self._broader))
        return break_cycles(len(self), narrower, broader)

    def axioms(self, cut: CycleBreak) -> Iterator[Triple]:
        """Declare the concepts classes, and sub-classes by the links that stay."""
        nodes = [NamedNode(iri) for iri in self._number]
        for node in nodes:
            yield Triple(node, TYPE, _CLASS)
        for edge in np.flatnonzero(cut.kept).tolist():
            yield Triple(nodes[self._narrower[edge]], SUBCLASS, nodes[self._broader[edge]])

    def write_removed(self, cut: CycleBreak, path: Path) -> None:
        """Write the links left out as tab-separated text: kind, child, parent/family, reason."""
        iris = list(self._number)
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write("kind\tchild\tparent/family\treason\n")
            for edge, reason in zip(cut.removed.tolist(), cut.reasons, strict=True):
                child, parent = iris[self._narrower[edge]], iris[self._broader[edge]]
                file.write(f"edge\t{child}\t{parent}\t{reason}\n")
