"""Arrays over a knowledge base: hierarchy, individuals, what is asserted of them, and by which graph."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, parse, serialize

from .axioms import OBJECT_PROPERTY_TYPES, SCHEMA_PREDICATES, SCHEMA_TYPES, Axioms, is_extreme, read_axioms
from .hierarchy import Hierarchy
from .iris import IriTable
from .names import local_name
from .syntax.rdf import GENID
from .vocabulary import BUILT_IN, DCAT, DCT, EQUIVALENT, LABEL, OA, OWL, PROV, RDF, RDFS, SKOS, SUBCLASS, SWRL, TYPE

LAYOUT = 3
"""Version of what :meth:`KBIndex.save` writes; part of the folder's name, so that older ones are built anew."""

log = logging.getLogger(__name__)

_TEXTS = {LABEL, NamedNode(RDFS + "comment")}
"""Predicates of most statements in large sources; no statement with one of them is ever indexed."""
_CLASS_TYPES = {OWL + "Class", RDFS + "Class"}
_INDIVIDUAL_TYPES = {OWL + "NamedIndividual", OWL + "Thing"}
_DATA_PROPERTY = OWL + "DatatypeProperty"
_DATATYPE, _RULE = RDFS + "Datatype", SWRL + "Imp"
_SAME_AS, _DIFFERENT_FROM = NamedNode(OWL + "sameAs"), NamedNode(OWL + "differentFrom")
_FIRST, _HAS_VALUE = NamedNode(RDF + "first"), NamedNode(OWL + "hasValue")
_ANNOTATION_TYPES = {OWL + "AnnotationProperty", OWL + "OntologyProperty"}
_ANNOTATION_VOCABULARIES = (SKOS, DCT, DCAT, PROV, OA, "http://purl.org/dc/elements/1.1/")
"""Namespaces whose properties describe records, not the things in the world; they count only if declared."""

IntTable = NDArray[np.int32]


@dataclass(frozen=True)
class KBIndex:
    """Compact index of a knowledge base.

    Attributes
    ----------
    graphs
        IRIs of the indexed named graphs; a graph's position is its id.
    classes, individuals, properties, data_properties
        IRIs of the named classes, the individuals, the object and the data properties; the position is the id.
    literals
        Values of data properties, each as its datatype's IRI, a space, and its lexical form.
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
    values
        int32, shape (assertions, 4): subject, data property, literal, graph.
    schema
        Triples of the axioms, as they were found.
    axioms
        What they say.
    """

    graphs: tuple[str, ...]
    classes: IriTable
    individuals: IriTable
    properties: IriTable
    data_properties: IriTable
    literals: IriTable
    told: Hierarchy
    equivalences: IntTable
    subclass_axioms: int
    namespaces: tuple[str, ...]
    types: IntTable
    roles: IntTable
    values: IntTable
    schema: tuple[Triple, ...]
    axioms: Axioms

    @cached_property
    def stated(self) -> Hierarchy:
        """Told links, and both directions of every equivalence between named classes."""
        return self._joined(self.told, self.equivalences)

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """Told links, equivalences, and the links that definitions imply by their form."""
        implied = [(self.classes.id(sub), self.classes.id(sup)) for sub, sup in sorted(self.axioms.class_links())]
        return self._joined(self.stated, np.asarray(implied, np.int32).reshape(-1, 2), both=False)

    def _joined(self, base: Hierarchy, links: IntTable, *, both: bool = True) -> Hierarchy:
        if not len(links):
            return base
        present = base.parents.tocoo()
        low, high = (links[:, 0], links[:, 1])
        child = [present.row, low, high] if both else [present.row, low]
        parent = [present.col, high, low] if both else [present.col, high]
        return Hierarchy(len(self.classes), np.concatenate(child), np.concatenate(parent))

    def individuals_of(self, graphs: Iterable[int]) -> IntTable:
        """Ids of the individuals that the given graphs mention, ascending."""
        wanted = np.asarray(sorted(graphs), np.int32)
        typed = self.types[np.isin(self.types[:, 2], wanted), 0]
        linked = self.roles[np.isin(self.roles[:, 3], wanted)][:, [0, 2]].ravel()
        valued = self.values[np.isin(self.values[:, 3], wanted), 0]
        return np.unique(np.concatenate([typed, linked, valued]))

    @classmethod
    def of_classes(cls, iris: Iterable[bytes], child: NDArray[np.integer], parent: NDArray[np.integer]) -> KBIndex:
        """Index a plain hierarchy, without quads: named classes and told sub-class links.

        Parameters
        ----------
        iris
            UTF-8. An IRI that is given twice is one class.
        child, parent
            Integers, shape (links,): positions in `iris`.

        Examples
        --------
        >>> index = KBIndex.of_classes([b"http://a.org/Van", b"http://a.org/Car"], np.array([0]), np.array([1]))
        >>> list(index.classes), index.told.ancestors(1).tolist()
        (['http://a.org/Car', 'http://a.org/Van'], [0, 1])
        """
        classes, ids = IriTable.ranked(iris)
        loops = ids[child[ids[child] == ids[parent]]]
        told = Hierarchy(len(classes), ids[child], ids[parent])
        nothing = IriTable.from_iris(())
        return cls(
            graphs=(),
            classes=classes,
            individuals=nothing,
            properties=nothing,
            data_properties=nothing,
            literals=nothing,
            told=told,
            equivalences=_table((), 2),
            subclass_axioms=told.links + len(np.unique(loops)),
            namespaces=tuple(sorted({namespace(iri) for iri in classes})),
            types=_table((), 3),
            roles=_table((), 4),
            values=_table((), 4),
            schema=(),
            axioms=read_axioms(()),
        )

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but named classes and told links between them."""
        others = (self.individuals, self.properties, self.data_properties, self.schema, self.equivalences)
        return not any(len(each) for each in others)

    @classmethod
    def build(cls, quads: Iterable[Quad], parts: Sequence[KBIndex] = ()) -> KBIndex:
        """Index quads, and graphs besides that are plain hierarchies and have been indexed before.

        A class is what is declared one, stands in an axiom, or is the type of an individual. An individual is
        what is declared one, has a type that is not a language term, is linked to another individual, or has
        a value of a declared data property. A property between individuals is a role unless it is declared an
        annotation or data property; a property with plain or typed values of individuals is a data property
        unless it is declared an annotation property or comes from a vocabulary for them. Text with a language
        tag is annotation. A datatype is no class, whatever defines it, and the parts of a SWRL rule are nothing of the
        kind; rules are not used. What an axiom enumerates or restricts to is an individual, and so is what is said
        to be the same as one or different from it.

        Parameters
        ----------
        quads
            Content of the other graphs.
        parts
            Indices of graphs for which :attr:`is_plain` holds. The result is that of indexing their quads too.

        Raises
        ------
        ValueError
            A part is no plain hierarchy.
        """
        if not all(part.is_plain for part in parts):
            raise ValueError("only plain hierarchies can be joined")
        classes: set[str] = set()
        links: set[tuple[str, str]] = set()
        equivalences: set[tuple[str, str]] = set()
        types: list[tuple[str, str | None, str]] = []
        roles: list[tuple[str, str, str, str]] = []
        values: list[tuple[str, str, str, str]] = []
        schema: list[Triple] = []
        compared: list[Quad] = []
        mentioned: dict[str, str] = {}
        declared_roles: set[str] = set()
        declared_data: set[str] = set()
        annotations: set[str] = set()
        datatypes: set[str] = set()
        rules = 0
        texts: dict[str, str] = {}

        def name_of(term: object) -> str:
            """The text of a term, one object for all places where it stands."""
            text = _name(term)
            return texts.setdefault(text, text)

        for quad in quads:
            predicate = quad.predicate
            if predicate in _TEXTS:
                continue
            subject, obj = quad.subject, quad.object
            if isinstance(obj, Literal):
                if predicate.value in SCHEMA_PREDICATES:
                    schema.append(quad.triple)
                elif not predicate.value.startswith(BUILT_IN) and obj.language is None:
                    literal = f"{obj.datatype.value} {obj.value}"
                    prop, graph = name_of(predicate), name_of(quad.graph_name)
                    values.append((name_of(subject), prop, texts.setdefault(literal, literal), graph))
                continue
            graph = name_of(quad.graph_name)
            if predicate == TYPE and isinstance(obj, NamedNode):
                if obj.value in SCHEMA_TYPES:
                    schema.append(quad.triple)
                if obj.value in _CLASS_TYPES:
                    if isinstance(subject, NamedNode):
                        classes.add(subject.value)
                elif obj.value in OBJECT_PROPERTY_TYPES:
                    declared_roles.add(_name(subject))
                elif obj.value == _DATA_PROPERTY:
                    declared_data.add(_name(subject))
                elif obj.value in _ANNOTATION_TYPES:
                    annotations.add(_name(subject))
                elif obj.value in _INDIVIDUAL_TYPES:
                    types.append((name_of(subject), None, graph))
                elif obj.value == _DATATYPE:
                    datatypes.add(_name(subject))
                elif obj.value == _RULE:
                    rules += 1
                elif not obj.value.startswith(BUILT_IN):
                    classes.add(obj.value)
                    types.append((name_of(subject), name_of(obj), graph))
            elif predicate in (SUBCLASS, EQUIVALENT):
                if _is_name(subject) and _is_name(obj):
                    pair = (_name(subject), _name(obj))
                    classes.update(pair)
                    (links if predicate == SUBCLASS else equivalences).add(pair)
                    if is_extreme(quad.triple):
                        schema.append(quad.triple)
                else:
                    classes.update(_name(term) for term in (subject, obj) if _is_name(term))
                    schema.append(quad.triple)
            elif predicate in (_SAME_AS, _DIFFERENT_FROM):
                compared.append(quad)
            elif predicate.value in SCHEMA_PREDICATES:
                schema.append(quad.triple)
                if predicate in (_FIRST, _HAS_VALUE):
                    mentioned.setdefault(_name(obj), graph)
            elif not predicate.value.startswith(BUILT_IN):
                roles.append((name_of(subject), name_of(predicate), name_of(obj), graph))
        texts.clear()
        if rules:
            log.warning("%d SWRL rule%s not used", rules, " is" if rules == 1 else "s are")
        if datatypes:
            schema = [t for t in schema if t.predicate != EQUIVALENT or _name(t.subject) not in datatypes]
            classes -= datatypes.union(*(pair for pair in equivalences if pair[0] in datatypes))
        axioms = read_axioms(schema)
        if axioms.unread:
            log.warning(
                "%d axioms lie outside the expression language and are not used, such as %s",
                len(axioms.unread),
                axioms.unread[0],
            )
        classes |= axioms.class_names()
        classes -= {OWL + "Thing", OWL + "Nothing"}

        types += [(name, None, mentioned[name]) for name in sorted(axioms.individual_names() & mentioned.keys())]
        known = {individual for individual, _, _ in types}
        not_roles = annotations | declared_data
        is_role = declared_roles - not_roles
        linked, valued = {r[1] for r in roles}, {v[1] for v in values}
        mixed = ((declared_roles & (declared_data | valued)) | (declared_data & linked)) - annotations
        uses = _uses(mixed, roles, values)
        roles = [r for r in roles if r[1] in is_role or (r[1] not in not_roles and r[0] in known and r[2] in known)]
        known.update(name for r in roles for name in (r[0], r[2]))
        annotations |= {v[1] for v in values if v[1].startswith(_ANNOTATION_VOCABULARIES)}
        annotations -= declared_data
        values = [v for v in values if v[1] in declared_data or (v[1] not in annotations and v[0] in known)]
        values = [v for v in values if v[0] not in classes and not any(v[0] in part.classes for part in parts)]
        known.update(v[0] for v in values)
        for prop, use in sorted((uses | _uses({r[1] for r in roles} & {v[1] for v in values}, roles, values)).items()):
            effect = "its links are not used" if prop in declared_data else "both are used"
            log.warning("<%s> is an object property and a data property (%s): %s", prop, use, effect)
        compared = _about_known(compared, known)
        if compared:
            types += [(_name(term), None, _name(q.graph_name)) for q in compared for term in (q.subject, q.object)]
            known.update(individual for individual, _, _ in types)
            schema += [q.triple for q in compared if q.predicate == _SAME_AS]
            axioms = read_axioms(schema)

        class_table, class_id, told, subclass_axioms = _join(classes, links, parts)
        individual_table = IriTable.from_iris(known)
        data = declared_data | axioms.data_names() | {v[1] for v in values}
        property_table = IriTable.from_iris(
            is_role | {r[1] for r in roles} | (axioms.role_names() - data - annotations)
        )
        data_table = IriTable.from_iris(data)
        literal_table = IriTable.from_iris(v[2] for v in values)
        graphs = tuple(sorted({t[2] for t in types} | {r[3] for r in roles} | {v[3] for v in values}))
        individual_id = {iri: i for i, iri in enumerate(individual_table)}
        property_id = {iri: i for i, iri in enumerate(property_table)}
        data_id = {iri: i for i, iri in enumerate(data_table)}
        literal_id = {text: i for i, text in enumerate(literal_table)}
        graph_id = {iri: i for i, iri in enumerate(graphs)}
        type_rows = ((individual_id[i], -1 if c is None else class_id.get(c, -1), graph_id[g]) for i, c, g in types)
        role_rows = ((individual_id[s], property_id[p], individual_id[o], graph_id[g]) for s, p, o, g in roles)
        value_rows = ((individual_id[s], data_id[p], literal_id[v], graph_id[g]) for s, p, v, g in values)
        return cls(
            graphs=graphs,
            classes=class_table,
            individuals=individual_table,
            properties=property_table,
            data_properties=data_table,
            literals=literal_table,
            told=told,
            equivalences=_table(
                ((class_id[a], class_id[b]) for a, b in equivalences if a in class_id and b in class_id), 2
            ),
            subclass_axioms=subclass_axioms,
            namespaces=tuple(
                sorted(
                    {namespace(i) for t in (classes, property_table, data_table) for i in t}.union(
                        *(part.namespaces for part in parts)
                    )
                )
            ),
            types=_table(type_rows, 3),
            roles=_table(role_rows, 4),
            values=_table(value_rows, 4),
            schema=tuple(schema),
            axioms=axioms,
        )

    def save(self, folder: Path) -> None:
        """Write the arrays into an existing folder."""
        self.classes.save(folder, "classes")
        self.individuals.save(folder, "individuals")
        self.properties.save(folder, "properties")
        self.told.save(folder, "told")
        np.save(folder / "equivalences.npy", self.equivalences)
        np.save(folder / "types.npy", self.types)
        np.save(folder / "roles.npy", self.roles)
        np.save(folder / "values.npy", self.values)
        self.data_properties.save(folder, "data_properties")
        self.literals.save(folder, "literals")
        serialize(self.schema, folder / "schema.nt", format=RdfFormat.N_TRIPLES)
        meta = {"graphs": self.graphs, "subclass_axioms": self.subclass_axioms, "namespaces": self.namespaces}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> KBIndex:
        """Read what :meth:`save` wrote, memory-mapped."""
        classes = IriTable.load(folder, "classes")
        schema = tuple(q.triple for q in parse((folder / "schema.nt").read_bytes(), format=RdfFormat.N_TRIPLES))
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        return cls(
            graphs=tuple(meta["graphs"]),
            classes=classes,
            individuals=IriTable.load(folder, "individuals"),
            properties=IriTable.load(folder, "properties"),
            data_properties=IriTable.load(folder, "data_properties"),
            literals=IriTable.load(folder, "literals"),
            told=Hierarchy.load(folder, "told"),
            equivalences=np.load(folder / "equivalences.npy"),
            subclass_axioms=meta["subclass_axioms"],
            namespaces=tuple(meta["namespaces"]),
            types=np.load(folder / "types.npy", mmap_mode="r"),
            roles=np.load(folder / "roles.npy", mmap_mode="r"),
            values=np.load(folder / "values.npy", mmap_mode="r"),
            schema=schema,
            axioms=read_axioms(schema),
        )


def _join(
    classes: set[str], links: set[tuple[str, str]], parts: Sequence[KBIndex]
) -> tuple[IriTable, dict[str, int], Hierarchy, int]:
    """Table of all classes, ids of the given ones, told links, and the number of distinct told axioms."""
    child: list[NDArray[np.integer]] = []
    parent: list[NDArray[np.integer]] = []
    largest_first = sorted(parts, key=lambda part: -len(part.classes))
    first, others = (largest_first[0], largest_first[1:]) if parts else (None, [])
    if first is None:
        table = IriTable.from_iris(classes)
        ids = {iri: i for i, iri in enumerate(table)}
    else:
        if not others and not classes:
            return first.classes, {}, first.told, first.subclass_axioms
        table, place = first.classes.inserted(chain(classes, *(part.classes for part in others)))
        _add_links(first, place, child, parent)
        ids = table.ids(classes)
    for part in others:
        known = table.ids(part.classes)
        _add_links(part, np.array([known[iri] for iri in part.classes], np.int32), child, parent)
    between = [(ids.get(low), ids.get(high)) for low, high in sorted(links)]
    proper = [pair for pair in between if None not in pair and pair[0] != pair[1]]
    added = np.array(proper, np.int32).reshape(-1, 2)
    told = Hierarchy(len(table), np.concatenate([*child, added[:, 0]]), np.concatenate([*parent, added[:, 1]]))
    # Loops and links with owl:Thing are axioms, too.
    unusual = len(between) - len(proper) + sum(part.subclass_axioms - part.told.links for part in parts)
    return table, ids, told, told.links + unusual


def _add_links(
    part: KBIndex, place: IntTable, child: list[NDArray[np.integer]], parent: list[NDArray[np.integer]]
) -> None:
    links = part.told.parents.tocoo()
    child.append(place[links.row])
    parent.append(place[links.col])


def namespace(iri: str) -> str:
    """What precedes an IRI's local name.

    Examples
    --------
    >>> namespace("https://en.wikipedia.org/wiki/Category:Roads")
    'https://en.wikipedia.org/wiki/Category:'
    """
    return iri.removesuffix(local_name(iri))


def _about_known(compared: list[Quad], known: set[str]) -> list[Quad]:
    """Statements that things are the same or different, as far as these are individuals by way of any of them."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for quad in compared:
        low, high = _name(quad.subject), _name(quad.object)
        neighbours[low].append(high)
        neighbours[high].append(low)
    reached = neighbours.keys() & known
    waiting = list(reached)
    while waiting:
        found = set(neighbours[waiting.pop()]) - reached
        reached |= found
        waiting.extend(found)
    return [quad for quad in compared if _name(quad.subject) in reached]


def _uses(
    props: set[str], roles: list[tuple[str, str, str, str]], values: list[tuple[str, str, str, str]]
) -> dict[str, str]:
    """An example of a link and one of a value of each property, in words, with the graph that states it."""
    found: dict[str, list[str]] = {prop: [] for prop in props}
    for table, has in ((roles, "links"), (values, "gives")) if props else ():
        seen: set[str] = set()
        for subject, prop, value, graph in table:
            if prop in props and prop not in seen:
                seen.add(prop)
                shown = f"the value {value.partition(' ')[2]!r}" if table is values else f"to <{value}>"
                found[prop].append(f"it {has} <{subject}> {shown} in <{graph}>")
    return {prop: ", ".join(uses) or "declared as both" for prop, uses in found.items()}


def _is_name(term: object) -> bool:
    """Whether a term is an IRI that does not stand for a blank node."""
    return isinstance(term, NamedNode) and GENID not in term.value


def _name(term: NamedNode | BlankNode | Literal | object) -> str:
    """Text of a subject or object; blank nodes keep their label with the usual prefix."""
    return f"_:{term.value}" if isinstance(term, BlankNode) else str(getattr(term, "value", term))


def _table(rows: Iterable[tuple[int, ...]], width: int) -> IntTable:
    """Distinct rows, sorted."""
    table = np.fromiter(chain.from_iterable(rows), np.int32).reshape(-1, width)
    table = table[np.lexsort(table.T[::-1])]
    kept = np.ones(len(table), np.bool_)
    kept[1:] = (table[1:] != table[:-1]).any(axis=1)
    return table[kept]
