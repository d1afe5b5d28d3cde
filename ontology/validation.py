"""Validation of an extension: SHACL Core on it and the slice of the hierarchy it refers to, cycles, vocabulary.

Only the extension is validated, with the terms it mentions marked as known, so that the effort does not grow with
the knowledge base. Reachability is checked here, on arrays, where SHACL would need SPARQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Literal

from pyoxigraph import NamedNode, RdfFormat, Triple, serialize

from .errors import near_matches
from .index import KBIndex
from .kb import KB
from .names import local_name
from .restatement import restated
from .statements import Statements, text_of
from .vocabulary import BUILT_IN, EQUIVALENT, NEURONTOLOGY, OWL, RDF, RDFS, SUBCLASS, TYPE

if TYPE_CHECKING:
    import networkx as nx
    import rdflib

SHAPES = NEURONTOLOGY + "shapes#"
_ROLES = {name: NamedNode(SHAPES + name) for name in ("KnownClass", "KnownProperty", "CoreClass", "CoreProperty")}
_CLASS_TYPES = {OWL + "Class", RDFS + "Class", RDFS + "Datatype"}
_PROPERTY_TYPES = {
    *(OWL + kind + "Property" for kind in ("Object", "Datatype", "Annotation", "Transitive", "Symmetric")),
    *(
        OWL + kind + "Property"
        for kind in ("Functional", "InverseFunctional", "Asymmetric", "Reflexive", "Irreflexive")
    ),
    RDF + "Property",
}
_CLASS_PREDICATES = {SUBCLASS.value, EQUIVALENT.value} | {
    OWL + name for name in ("disjointWith", "complementOf", "intersectionOf", "unionOf", "disjointUnionOf", "oneOf")
}
"""What has one of these is a class."""
_MAX_NAMES = 60_000
"""Names looked at for a hint: beyond what is compared, so that a large knowledge base gets the general hint."""
_SUBPROPERTY = RDFS + "subPropertyOf"

Severity = Literal["violation", "warning"]

ACYCLIC, VOCABULARY = SHAPES + "AcyclicConstraintComponent", SHAPES + "VocabularyConstraintComponent"
"""Constraints that are checked here and not by SHACL: no cycle of sub-classes, only terms that exist."""


@dataclass(frozen=True, order=True)
class Finding:
    """Something that is wrong with an extension.

    Attributes
    ----------
    line
        Line of the file, counted from 1, or None where it is not known.
    focus
        IRI of the entity concerned.
    message
        What is wrong, and what to do.
    severity
        A violation keeps the extension out, a warning does not.
    path, value
        IRIs of the predicate and the object of the statement that is wrong, as far as there is one; else empty.
    component, shape
        IRIs of the kind of constraint, and of the shape in ``shapes.ttl`` that it belongs to; empty if to none.
        Findings that differ in these four alone are equal.
    """

    line: int | None
    focus: str
    message: str
    severity: Severity = "violation"
    path: str = field(default="", compare=False)
    value: str = field(default="", compare=False)
    component: str = field(default="", compare=False)
    shape: str = field(default="", compare=False)


def validate(statements: Statements, known: KB) -> list[Finding]:
    """Check an extension against what is known without it.

    Parameters
    ----------
    statements
        The extension.
    known
        The knowledge base without the extension (and without an earlier version of it).

    Returns
    -------
    list of Finding
        By line; none if all is well.
    """
    graphs = {e.iri for e in known.entries if e.kind != "run"}
    repeated = restated(statements.triples, known.store, graphs)
    new = [t for t in statements.triples if t not in repeated]
    findings = [
        *_vocabulary_findings(statements, new),
        *_cycle_findings(statements, new, known.index),
        *_shape_findings(statements, new, known),
    ]
    # The validator gives its results in no certain order, and some more than once.
    findings.sort(key=lambda f: (f.component, f.shape, f.path, f.value))
    return sorted(dict.fromkeys(findings), key=lambda f: (f.line is None, f.line or 0, f.focus, f.message))


def named_links(triples: Iterable[Triple]) -> set[tuple[str, str]]:
    """Sub-class links between named classes."""
    return {
        (t.subject.value, t.object.value)
        for t in triples
        if t.predicate == SUBCLASS and isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)
    }


# -- the language's own terms ---------------------------------------------------------------------------


def _vocabulary_findings(statements: Statements, triples: Iterable[Triple]) -> Iterator[Finding]:
    terms = _language_terms()
    for triple in triples:
        subject, predicate, value = (text_of(t) for t in (triple.subject, triple.predicate, triple.object))
        line = statements.line(subject, predicate, value)
        if subject.startswith(BUILT_IN):
            message = "redefines a term of RDF, RDFS, OWL or XML Schema, which nobody may"
            yield Finding(line, subject, message, path=predicate, value=value, component=VOCABULARY)
        for term in (predicate, value if isinstance(triple.object, NamedNode) else ""):
            namespace = next((n for n in terms if term.startswith(n)), None)
            if namespace and term.removeprefix(namespace) not in terms[namespace]:
                name = term.removeprefix(namespace)
                # rdf:_1, rdf:_2 … are members of containers.
                if namespace == RDF and name.startswith("_"):
                    continue
                hint = near_matches(name, terms[namespace])
                message = f"{_prefixed(term)} is no term of the language; {hint}"
                yield Finding(line, subject or term, message, path=predicate, value=value, component=VOCABULARY)


def _language_terms() -> dict[str, list[str]]:
    from rdflib import namespace

    return {
        base: [term for term in defined.__annotations__ if not term.startswith("_")]
        for base, defined in ((OWL, namespace.OWL), (RDFS, namespace.RDFS), (RDF, namespace.RDF))
    }


def _prefixed(iri: str) -> str:
    for prefix, base in (("owl", OWL), ("rdfs", RDFS), ("rdf", RDF)):
        if iri.startswith(base):
            return f"{prefix}:{iri.removeprefix(base)}"
    return f"<{iri}>"


# -- cycles ---------------------------------------------------------------------------------------------


def _cycle_findings(statements: Statements, triples: Sequence[Triple], index: KBIndex) -> Iterator[Finding]:
    """Sub-class cycles that the new links close; equivalences are links in both directions.

    A link between two classes that are told to be equivalent is redundant, not a cycle.
    """
    import networkx as nx

    links = sorted((c, p) for c, p in named_links(triples) if c != p)
    same = sorted(
        (t.subject.value, t.object.value)
        for t in triples
        if t.predicate == EQUIVALENT and isinstance(t.subject, NamedNode) and isinstance(t.object, NamedNode)
    )
    for subject in sorted({c for c, p in named_links(triples) if c == p}):
        line = statements.line(subject, SUBCLASS.value, subject)
        message = "is told to be a sub-class of itself"
        yield Finding(line, subject, message, path=SUBCLASS.value, value=subject, component=ACYCLIC)
    graph = _upward(index, {iri for pair in (*links, *same) for iri in pair})
    before = {c: i for i, found in enumerate(nx.strongly_connected_components(graph)) for c in found}
    told = set(graph.edges)
    equivalent = {frozenset(pair) for pair in same} | {frozenset(e) for e in told if e[::-1] in told}
    graph.add_edges_from(links)
    graph.add_edges_from(pair for a, b in same for pair in ((a, b), (b, a)))
    component = {c: i for i, found in enumerate(nx.strongly_connected_components(graph)) for c in found}
    strict = {
        component[c] for c, p in (*told, *links) if component[c] == component[p] and frozenset((c, p)) not in equivalent
    }
    reported: set[frozenset[str]] = set()
    for predicate, pairs in ((SUBCLASS, links), (EQUIVALENT, same)):
        both = predicate == EQUIVALENT
        # The last statement of a cycle closes it.
        at = {pair: statements.line(pair[0], predicate.value, pair[1]) for pair in pairs}
        for pair in sorted(pairs, key=lambda pair: -(at[pair] or 0)):
            joined = component[pair[0]] == component[pair[1]] and component[pair[0]] in strict
            redundant = not both and frozenset(pair) in equivalent
            if not joined or redundant or before.get(pair[0], pair[0]) == before.get(pair[1], pair[1]):
                continue
            for child, parent in (pair, pair[::-1]) if both else (pair,):
                path = _shortest(graph, parent, child, avoid=both)
                if path is None or frozenset(path) in reported:
                    continue
                reported.add(frozenset(path))
                shown = " ⊑ ".join(local_name(c) for c in (child, *path))
                message = f"closes a cycle of sub-classes: {shown}; leave out one of these links"
                yield Finding(at[pair], pair[0], message, path=predicate.value, value=pair[1], component=ACYCLIC)


def _shortest(graph: nx.DiGraph[str], start: str, stop: str, *, avoid: bool) -> list[str] | None:
    """Shortest way up; past the direct link where that is the other direction of an equivalence."""
    import networkx as nx

    try:
        return list(nx.shortest_path(nx.restricted_view(graph, [], [(start, stop)] if avoid else []), start, stop))
    except nx.NetworkXNoPath:
        return None


def _upward(index: KBIndex, classes: Iterable[str]) -> nx.DiGraph[str]:
    """Told links among the given classes and everything above them."""
    import networkx as nx
    import numpy as np

    ids = [i for i in (index.classes.id(c) for c in classes) if i is not None]
    graph: nx.DiGraph[str] = nx.DiGraph()
    if ids:
        above = index.hierarchy.ancestors(np.asarray(ids, np.int32))
        name = {int(i): index.classes[int(i)] for i in above}
        links = index.hierarchy.parents[above].tocoo()
        graph.add_nodes_from(name.values())
        graph.add_edges_from(
            (name[int(above[row])], name[int(parent)]) for row, parent in zip(links.row, links.col, strict=True)
        )
    return graph


# -- shapes ---------------------------------------------------------------------------------------------


def _shape_findings(statements: Statements, triples: Sequence[Triple], known: KB) -> Iterator[Finding]:
    import pyshacl
    import rdflib
    from rdflib.namespace import SH

    data = _graph([*triples, *_slice(triples, known.index)])
    shapes = rdflib.Graph().parse(data=shapes_turtle(), format="turtle")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, inference="none", allow_warnings=True)
    if not isinstance(report, rdflib.Graph):
        raise RuntimeError(f"the validator gave no report but {report!r}")
    candidates: list[str] = []
    roles = {rdflib.URIRef(node.value) for node in _ROLES.values()}
    results = [(result, report.value(result, SH.value)) for result in report.objects(None, SH.result)]
    # That something is used as what it is not follows from a type that may be told, and be found fault with, itself.
    shown = {(report.value(r, SH.focusNode), report.value(r, SH.sourceShape)) for r, v in results if v not in roles}
    for result, found in results:
        focus, value = report.value(result, SH.focusNode), None if found in roles else found
        if found in roles and (focus, report.value(result, SH.sourceShape)) in shown:
            continue
        message = min(map(str, report.objects(result, SH.resultMessage)))
        owner, predicate = _owner(data, focus)
        predicate = predicate or _predicate(data, shapes, report, result)
        if isinstance(value, rdflib.URIRef) and value != focus:
            message += f": <{value}>"
            if "neither in" in message:
                candidates = candidates or _candidates(known.index, triples)
                message += f"; {_hint(str(value), known, candidates)}"
        line = statements.line(owner, predicate, str(value) if isinstance(value, rdflib.URIRef) else "")
        severity = report.value(result, SH.resultSeverity)
        yield Finding(
            line,
            owner,
            message,
            "warning" if severity == SH.Warning else "violation",
            path=predicate,
            value=str(value) if isinstance(value, rdflib.URIRef) else "",
            component=str(report.value(result, SH.sourceConstraintComponent)),
            shape=_shape(shapes, report.value(result, SH.sourceShape)),
        )


def _shape(shapes: rdflib.Graph, node: rdflib.term.Node | None) -> str:
    """Named shape that a result comes from, or that has the property shape it comes from."""
    import rdflib
    from rdflib.namespace import SH

    named = (s for s in (node, *shapes.subjects(SH.property, node)) if isinstance(s, rdflib.URIRef))
    return min(map(str, named), default="")


def shapes_turtle() -> str:
    """Text of the shapes file, Turtle."""
    return resources.files(__package__).joinpath("shapes.ttl").read_text(encoding="utf-8")


def _graph(triples: Iterable[Triple]) -> rdflib.Graph:
    import rdflib

    written = serialize(triples, format=RdfFormat.N_TRIPLES) or b""
    return rdflib.Graph().parse(data=written.decode(), format="nt")


def _slice(triples: Sequence[Triple], index: KBIndex) -> Iterator[Triple]:
    """Types that say of each term mentioned whether it is known, and whether from the knowledge base."""
    mentioned = {term.value for t in triples for term in (t.subject, t.object) if isinstance(term, NamedNode)}
    own_classes: set[str] = set()
    own_properties: set[str] = set()
    for t in triples:
        if not isinstance(t.subject, NamedNode):
            continue
        kind = text_of(t.object)
        if t.predicate.value in _CLASS_PREDICATES or (t.predicate == TYPE and kind in _CLASS_TYPES):
            own_classes.add(t.subject.value)
        elif t.predicate.value == _SUBPROPERTY or (t.predicate == TYPE and kind in _PROPERTY_TYPES):
            own_properties.add(t.subject.value)
    for iri in sorted(mentioned):
        node = NamedNode(iri)
        if iri in index.classes:
            yield Triple(node, TYPE, _ROLES["CoreClass"])
        if iri in index.properties or iri in index.data_properties:
            yield Triple(node, TYPE, _ROLES["CoreProperty"])
            yield Triple(node, TYPE, _ROLES["KnownProperty"])
        elif iri in own_properties or iri.startswith(BUILT_IN):
            yield Triple(node, TYPE, _ROLES["KnownProperty"])
        if iri in index.classes or iri in own_classes or iri.startswith(BUILT_IN):
            yield Triple(node, TYPE, _ROLES["KnownClass"])
    for role in _ROLES.values():
        yield Triple(role, TYPE, _ROLES["KnownClass"])


def _owner(data: rdflib.Graph, node: rdflib.term.Node | None) -> tuple[str, str]:
    """Named entity in whose description a node stands, and the predicate by which it leads there.

    Of an axiom that is a node of its own: the first class of the knowledge base that it is about.
    """
    import rdflib

    start = node

    seen: set[object] = set()
    predicate = ""
    while isinstance(node, rdflib.BNode) and node not in seen:
        seen.add(node)
        above = next(iter(sorted(data.subject_predicates(node), key=str)), None)
        if above is None:
            core = rdflib.URIRef(_ROLES["CoreClass"].value)
            about = (str(n) for n in data.transitive_objects(start, None) if (n, rdflib.RDF.type, core) in data)
            return min(about, default=""), ""
        node, predicate = above[0], str(above[1])
    return str(node), predicate


def _predicate(data: rdflib.Graph, shapes: rdflib.Graph, report: rdflib.Graph, result: rdflib.term.Node) -> str:
    """Predicate of the statement that a result is about: of its path, else of what its shape aims at."""
    import rdflib
    from rdflib.collection import Collection
    from rdflib.namespace import SH

    focus, path = report.value(result, SH.focusNode), report.value(result, SH.resultPath)
    if isinstance(path, rdflib.URIRef):
        return str(path)
    alternatives = report.value(path, SH.alternativePath) if path is not None else None
    if alternatives is not None:
        candidates = list(Collection(report, alternatives))
    else:
        source = report.value(result, SH.sourceShape)
        parents = [source, *shapes.subjects(SH.property, source)]
        candidates = [p for parent in parents for p in shapes.objects(parent, SH.targetSubjectsOf)]
    used = (str(p) for p in candidates if focus is not None and (focus, p, None) in data)
    return min(used, default="")


def _hint(iri: str, known: KB, candidates: Iterable[str]) -> str:
    """What may have been meant: a class of this name in another namespace, else a name that is spelt alike."""
    called = known.classes_called(local_name(iri))
    return f"did you mean <{called[0]}>?" if called else near_matches(local_name(iri), candidates)


def _candidates(index: KBIndex, triples: Iterable[Triple]) -> list[str]:
    """Local names that a mistyped one is compared with: of the extension's terms and of the knowledge base."""
    own = {t.subject.value for t in triples if isinstance(t.subject, NamedNode)}
    terms = sorted(iri for iri in own if not iri.startswith(BUILT_IN))
    names = (local_name(iri) for table in (terms, index.classes, index.properties) for iri in table)
    return list(dict.fromkeys(islice(names, _MAX_NAMES)))
