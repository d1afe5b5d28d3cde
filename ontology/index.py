"""Arrays over a knowledge base: hierarchy, individuals, what is asserted of them, and by which graph."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from .hierarchy import Hierarchy
from .iris import IriTable
from .names import local_name
from .vocabulary import BUILT_IN, EQUIVALENT, OWL, RDFS, SUBCLASS, TYPE

_CLASS_TYPES = {OWL + "Class", RDFS + "Class"}
_INDIVIDUAL_TYPES = {OWL + "NamedIndividual", OWL + "Thing"}
_OTHER_PROPERTY_TYPES = {
    OWL + "AnnotationProperty",
    OWL + "DatatypeProperty",
    OWL + "OntologyProperty",
}

IntTable = NDArray[np.int32]


@dataclass(frozen=True)
class KBIndex:
    """Compact index of a knowledge base.

    Attributes
    ----------
    graphs
        IRIs of the indexed named graphs; a graph's position is its id.
    classes, individuals, properties
        IRIs of the named classes, the individuals and the object properties; the position is the id.
    told
        Told sub-class links between the classes.
    equivalences
        int32, shape (axioms, 2): named classes told to be equivalent.
    subclass_axioms
        Number of distinct told sub-class axioms between named classes, ``owl:Thing`` and self-loops counted.
    namespaces
        What precedes the local names of classes and properties, each once, sorted.
    types
        int32, shape (assertions, 3): individual, class, graph.
    roles
        int32, shape (assertions, 4): subject, property, object, graph.
    """

    graphs: tuple[str, ...]
    classes: IriTable
    individuals: IriTable
    properties: IriTable
    told: Hierarchy
    equivalences: IntTable
    subclass_axioms: int
    namespaces: tuple[str, ...]
    types: IntTable
    roles: IntTable

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Told links, and both directions of every equivalence."""
        if not len(self.equivalences):
            return self.told
        links = self.told.parents.tocoo()
        left, right = self.equivalences.T
        return Hierarchy(
            len(self.classes),
            np.concatenate([links.row, left, right]),
            np.concatenate([links.col, right, left]),
        )

    def individuals_of(self, graphs: Iterable[int]) -> IntTable:
        """Ids of the individuals that the given graphs mention, ascending."""
        wanted = np.asarray(sorted(graphs), np.int32)
        typed = self.types[np.isin(self.types[:, 2], wanted), 0]
        linked = self.roles[np.isin(self.roles[:, 3], wanted)][:, [0, 2]].ravel()
        return np.unique(np.concatenate([typed, linked]))

    @classmethod
    def build(cls, quads: Iterable[Quad]) -> KBIndex:
        """Index quads.

        A class is what is declared one, stands in a sub-class or equivalence axiom, or is the type of an
        individual. An individual is what is declared one, has a type that is not a language term, or is
        linked to another individual, declared or not. A property between individuals is a role unless it is
        declared an annotation or data property.
        """
        classes: set[str] = set()
        links: set[tuple[str, str]] = set()
        equivalences: set[tuple[str, str]] = set()
        types: list[tuple[str, str | None, str]] = []
        roles: list[tuple[str, str, str, str]] = []
        declared_roles: set[str] = set()
        not_roles: set[str] = set()
        for quad in quads:
            subject, predicate, obj = quad.subject, quad.predicate, quad.object
            if isinstance(obj, Literal):
                continue
            graph = _name(quad.graph_name)
            if predicate == TYPE and isinstance(obj, NamedNode):
                if obj.value in _CLASS_TYPES:
                    if isinstance(subject, NamedNode):
                        classes.add(subject.value)
                elif obj.value == OWL + "ObjectProperty":
                    declared_roles.add(_name(subject))
                elif obj.value in _OTHER_PROPERTY_TYPES:
                    not_roles.add(_name(subject))
                elif obj.value in _INDIVIDUAL_TYPES:
                    types.append((_name(subject), None, graph))
                elif not obj.value.startswith(BUILT_IN):
                    classes.add(obj.value)
                    types.append((_name(subject), obj.value, graph))
            elif predicate in (SUBCLASS, EQUIVALENT):
                if isinstance(subject, NamedNode) and isinstance(obj, NamedNode):
                    classes.update((subject.value, obj.value))
                    pair = (subject.value, obj.value)
                    (links if predicate == SUBCLASS else equivalences).add(pair)
            elif not predicate.value.startswith(BUILT_IN):
                roles.append((_name(subject), predicate.value, _name(obj), graph))
        classes -= {OWL + "Thing", OWL + "Nothing"}

        known = {individual for individual, _, _ in types}
        is_role = declared_roles - not_roles
        roles = [
            r for r in roles if r[1] in is_role or (r[1] not in not_roles and r[0] in known and r[2] in known)
        ]
        known.update(name for r in roles for name in (r[0], r[2]))

        class_table = IriTable.from_iris(classes)
        individual_table = IriTable.from_iris(known)
        property_table = IriTable.from_iris(is_role | {r[1] for r in roles})
        graphs = tuple(sorted({t[2] for t in types} | {r[3] for r in roles}))
        class_id = {iri: i for i, iri in enumerate(class_table)}
        individual_id = {iri: i for i, iri in enumerate(individual_table)}
        property_id = {iri: i for i, iri in enumerate(property_table)}
        graph_id = {iri: i for i, iri in enumerate(graphs)}
        type_rows = {
            (individual_id[i], -1 if c is None else class_id.get(c, -1), graph_id[g]) for i, c, g in types
        }
        role_rows = {
            (individual_id[s], property_id[p], individual_id[o], graph_id[g]) for s, p, o, g in roles
        }
        between = [(class_id[c], class_id[p]) for c, p in sorted(links) if c in class_id and p in class_id]
        return cls(
            graphs=graphs,
            classes=class_table,
            individuals=individual_table,
            properties=property_table,
            told=Hierarchy(len(class_table), [c for c, _ in between], [p for _, p in between]),
            equivalences=_table(
                {(class_id[a], class_id[b]) for a, b in equivalences if a in class_id and b in class_id}, 2
            ),
            subclass_axioms=len(links),
            namespaces=tuple(sorted({namespace(i) for t in (class_table, property_table) for i in t})),
            types=_table(type_rows, 3),
            roles=_table(role_rows, 4),
        )

    def save(self, folder: Path) -> None:
        """Write the arrays into an existing folder."""
        self.classes.save(folder, "classes")
        self.individuals.save(folder, "individuals")
        self.properties.save(folder, "properties")
        np.save(folder / "parents.indptr.npy", self.told.parents.indptr)
        np.save(folder / "parents.indices.npy", self.told.parents.indices)
        np.save(folder / "equivalences.npy", self.equivalences)
        np.save(folder / "types.npy", self.types)
        np.save(folder / "roles.npy", self.roles)
        meta = {"graphs": self.graphs, "subclass_axioms": self.subclass_axioms, "namespaces": self.namespaces}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> KBIndex:
        """Read what :meth:`save` wrote, memory-mapped."""
        classes = IriTable.load(folder, "classes")
        indptr = np.load(folder / "parents.indptr.npy")
        parent = np.load(folder / "parents.indices.npy")
        child = np.repeat(np.arange(len(classes), dtype=np.int32), np.diff(indptr))
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        return cls(
            graphs=tuple(meta["graphs"]),
            classes=classes,
            individuals=IriTable.load(folder, "individuals"),
            properties=IriTable.load(folder, "properties"),
            told=Hierarchy(len(classes), child, parent),
            equivalences=np.load(folder / "equivalences.npy"),
            subclass_axioms=meta["subclass_axioms"],
            namespaces=tuple(meta["namespaces"]),
            types=np.load(folder / "types.npy", mmap_mode="r"),
            roles=np.load(folder / "roles.npy", mmap_mode="r"),
        )


def namespace(iri: str) -> str:
    """What precedes an IRI's local name.

    Examples
    --------
    >>> namespace("https://en.wikipedia.org/wiki/Category:Roads")
    'https://en.wikipedia.org/wiki/Category:'
    """
    return iri.removesuffix(local_name(iri))


def _name(term: NamedNode | BlankNode | Literal | object) -> str:
    """Text of a subject or object; blank nodes keep their label with the usual prefix."""
    return f"_:{term.value}" if isinstance(term, BlankNode) else str(getattr(term, "value", term))


def _table(rows: Iterable[tuple[int, ...]], width: int) -> IntTable:
    return np.asarray(sorted(rows), np.int32).reshape(-1, width)
