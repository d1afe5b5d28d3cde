"""Class expressions as RDF triples, by the OWL 2 mapping [1]_, and back.

Every node comes from the content digest of the expression's normal form and the node's place in it, so
writing an expression again writes the same triples, and a store gains nothing. What is written is the
normal form.

Two kinds of nodes serve two purposes. :func:`skolem_nodes` makes IRIs under ``/.well-known/genid/`` [2]_,
for stores: they can be queried, and survive dumps and federation. OWL tools, however, read anonymous
classes from blank nodes only (owlready2 takes a skolem IRI for a name), so files for them carry
:func:`blank_nodes`; :func:`for_owl_tools` turns the first into the second on export. Neither shares nodes
between expressions, as OWL 2 DL demands.

A store that keeps numbers by value (Oxigraph) gives ``"05"^^xsd:int`` back as ``"5"^^xsd:integer``:
thresholds and values that are read from it are equal in value, not always in spelling.

.. [1] OWL 2 Web Ontology Language Mapping to RDF Graphs (Second Edition), W3C Recommendation, 2012, tables
   1, 13, 15.
.. [2] RDF 1.1 Concepts and Abstract Syntax, W3C Recommendation, 2014, section 3.5.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeGuard
from urllib.parse import urlsplit

import pyoxigraph as ox

from ..errors import DataError, UsageError
from ..expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
    normal_form,
    subexpressions,
)
from ..names import NOTHING, OWL, THING
from . import dl
from .scanner import MAX_DEPTH, XSD

Node: TypeAlias = ox.NamedNode | ox.BlankNode
Nodes: TypeAlias = Callable[[str], Node]
Description: TypeAlias = Iterable[tuple[ox.NamedNode, object]]
Describe: TypeAlias = Callable[[Node], Description]

GENID = "/.well-known/genid/"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_TYPE = ox.NamedNode(_RDF + "type")
_FIRST, _REST, _NIL = (ox.NamedNode(_RDF + name) for name in ("first", "rest", "nil"))
_DATATYPE = ox.NamedNode(_RDFS + "Datatype")


def _owl(name: str) -> ox.NamedNode:
    return ox.NamedNode(OWL + name)


_CLASS, _RESTRICTION = _owl("Class"), _owl("Restriction")
_AND, _OR, _NOT = _owl("intersectionOf"), _owl("unionOf"), _owl("complementOf")
_ON_PROPERTY, _INVERSE_OF, _ON_CLASS = _owl("onProperty"), _owl("inverseOf"), _owl("onClass")
_SOME, _ONLY, _VALUE = _owl("someValuesFrom"), _owl("allValuesFrom"), _owl("hasValue")
_MIN, _MAX = _owl("minQualifiedCardinality"), _owl("maxQualifiedCardinality")
_EXACT = _owl("qualifiedCardinality")
_PLAIN_MIN, _PLAIN_MAX, _PLAIN_EXACT = _owl("minCardinality"), _owl("maxCardinality"), _owl("cardinality")
_ON_DATATYPE, _WITH = _owl("onDatatype"), _owl("withRestrictions")
_FACETS = {">=": ox.NamedNode(XSD + "minInclusive"), "<=": ox.NamedNode(XSD + "maxInclusive")}
_CARDINALITIES = frozenset({_MIN, _MAX, _EXACT, _PLAIN_MIN, _PLAIN_MAX, _PLAIN_EXACT})
_NUMBER = ox.NamedNode(XSD + "nonNegativeInteger")


def digest(expression: ClassExpression) -> str:
    """Content digest of an expression: 32 hexadecimal digits of SHA-256 over its normal form in DL notation.

    Expressions that differ only in nesting, order or duplicates of operands, or in where negations stand,
    have one digest.

    Examples
    --------
    >>> a, b = Named("http://a.org/#A"), Named("http://a.org/#B")
    >>> digest(And((a, b))) == digest(Not(Or((Not(b), Not(a))))), len(digest(a))
    (True, 32)
    """
    return _sha(dl.render(normal_form(expression)))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def skolem_nodes(base: str) -> Nodes:
    """Make IRIs ``<scheme>://<host>/.well-known/genid/nl-<digest>`` on the host of `base`.

    Raises
    ------
    UsageError
        If `base` is not an http or https IRI.

    Examples
    --------
    >>> skolem_nodes("https://w3id.org/neurontology/")("0a1b")
    <NamedNode value=https://w3id.org/.well-known/genid/nl-0a1b>
    """
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError("the base has no host to make node IRIs on", where=base, expected="an http(s) IRI")
    prefix = f"{parts.scheme}://{parts.netloc}{GENID}nl-"
    return lambda key: ox.NamedNode(prefix + key)


def blank_nodes(key: str) -> Node:
    """Make a blank node with a label from the digest."""
    return ox.BlankNode(f"nl-{key}")


def node_of(expression: ClassExpression, nodes: Nodes) -> Node:
    """Node that stands for an expression: the class itself if it is a name, else made from its digest.

    Raises
    ------
    DataError
        If the expression is a name that is not a valid absolute IRI.
    """
    return _Writer(nodes).node(normal_form(expression))


def to_triples(expression: ClassExpression, nodes: Nodes) -> list[ox.Triple]:
    """Write the normal form of an expression; a name alone needs no triple.

    Parameters
    ----------
    expression
        What to write.
    nodes
        Makes a node from a digest: ``skolem_nodes(base)`` for a store, :func:`blank_nodes` for a file for
        OWL tools.

    Returns
    -------
    list of pyoxigraph.Triple
        The same for every expression with the same normal form. :func:`node_of` is the node they describe.

    Raises
    ------
    DataError
        If a name is not a valid absolute IRI.

    Examples
    --------
    >>> road = Named("http://a.org/#Road")
    >>> len(to_triples(Not(road), blank_nodes)), to_triples(road, blank_nodes)
    (2, [])
    """
    writer = _Writer(nodes)
    writer.write(normal_form(expression))
    return writer.triples


def declarations(expression: ClassExpression) -> list[ox.Triple]:
    """Types of the names in an expression, which an OWL file must state."""
    found: dict[ox.Triple, None] = {}
    for part in subexpressions(expression):
        match part:
            case Named(iri):
                found[ox.Triple(_iri(iri), _TYPE, _CLASS)] = None
            case Some(role, _) | Only(role, _) | AtLeast(_, role, _) | AtMost(_, role, _):
                found[ox.Triple(_iri(role.iri), _TYPE, _owl("ObjectProperty"))] = None
            case HasValue(prop, _, _) | DataBound(prop, _, _, _):
                found[ox.Triple(_iri(prop), _TYPE, _owl("DatatypeProperty"))] = None
    return list(found)


def for_owl_tools(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """Turn skolem IRIs into blank nodes, and cardinalities back into xsd:nonNegativeInteger.

    Examples
    --------
    >>> stored = to_triples(Not(Named("http://a.org/#Road")), skolem_nodes("https://w3id.org/neurontology/"))
    >>> list(for_owl_tools(stored)) == to_triples(Not(Named("http://a.org/#Road")), blank_nodes)
    True
    """
    for triple in triples:
        subject, value = triple.subject, triple.object
        if triple.predicate in _CARDINALITIES and isinstance(value, ox.Literal):
            value = ox.Literal(value.value, datatype=_NUMBER)
        yield ox.Triple(
            _blank(subject) if is_skolem(subject) else subject,
            triple.predicate,
            _blank(value) if is_skolem(value) else value,
        )


def is_skolem(node: object) -> TypeGuard[ox.NamedNode]:
    """Whether a node is an IRI that stands for a blank node."""
    if not isinstance(node, ox.NamedNode):
        return False
    iri = node.value
    return GENID in iri and urlsplit(iri).path.startswith(GENID)  # few get as far as the second, slow test


def _blank(node: ox.NamedNode) -> ox.BlankNode:
    return ox.BlankNode(node.value.rpartition(GENID)[2])


def _iri(text: str) -> ox.NamedNode:
    try:
        return ox.NamedNode(text)
    except ValueError as error:
        raise DataError(
            f"not a valid IRI ({error})",
            where=repr(text),
            expected="an absolute IRI, other characters percent-encoded",
        ) from None


def _literal(value: str, datatype: str) -> ox.Literal:
    return ox.Literal(value, datatype=_iri(datatype))


class _Writer:
    """Writes one expression; `path` is the place of a node in it."""

    def __init__(self, nodes: Nodes) -> None:
        self.triples: list[ox.Triple] = []
        self._nodes = nodes
        self._root = ""

    def node(self, expression: ClassExpression, path: str = "") -> Node:
        match expression:
            case Top():
                return ox.NamedNode(THING)
            case Bottom():
                return ox.NamedNode(NOTHING)
            case Named(iri):
                return _iri(iri)
        if not path:
            self._root = _sha(dl.render(expression))
        return self._made(path)

    def write(self, expression: ClassExpression, path: str = "") -> Node:
        node = self.node(expression, path)
        match expression:
            case Not(operand):
                self._add(node, _TYPE, _CLASS)
                self._add(node, _NOT, self.write(operand, path + "/n"))
            case And(operands) | Or(operands):
                self._add(node, _TYPE, _CLASS)
                predicate = _AND if isinstance(expression, And) else _OR
                members = [self.write(operand, f"{path}/{at}") for at, operand in enumerate(operands)]
                self._add(node, predicate, self._sequence(members, path))
            case Some(role, filler) | Only(role, filler):
                self._restriction(node, self._role(role, path))
                predicate = _SOME if isinstance(expression, Some) else _ONLY
                self._add(node, predicate, self.write(filler, path + "/f"))
            case AtLeast(number, role, filler) | AtMost(number, role, filler):
                self._restriction(node, self._role(role, path))
                predicate = _MIN if isinstance(expression, AtLeast) else _MAX
                self._add(node, predicate, ox.Literal(str(number), datatype=_NUMBER))
                self._add(node, _ON_CLASS, self.write(filler, path + "/f"))
            case HasValue(prop, value, datatype):
                self._restriction(node, _iri(prop))
                self._add(node, _VALUE, _literal(value, datatype))
            case DataBound(prop, facet, value, datatype):
                self._restriction(node, _iri(prop))
                data_range, bound = self._made(path + "/d"), self._made(path + "/b")
                self._add(node, _SOME, data_range)
                self._add(data_range, _TYPE, _DATATYPE)
                self._add(data_range, _ON_DATATYPE, _iri(datatype))
                self._add(data_range, _WITH, self._sequence([bound], path + "/d"))
                self._add(bound, _FACETS[facet], _literal(value, datatype))
        return node

    def _add(self, subject: Node, predicate: ox.NamedNode, value: Node | ox.Literal) -> None:
        self.triples.append(ox.Triple(subject, predicate, value))

    def _made(self, path: str) -> Node:
        return self._nodes(self._root if not path else _sha(f"{self._root}{path}"))

    def _restriction(self, node: Node, prop: Node) -> None:
        self._add(node, _TYPE, _RESTRICTION)
        self._add(node, _ON_PROPERTY, prop)

    def _role(self, role: Role, path: str) -> Node:
        if not role.inverse:
            return _iri(role.iri)
        node = self._made(path + "/r")
        self._add(node, _INVERSE_OF, _iri(role.iri))
        return node

    def _sequence(self, members: list[Node], path: str) -> Node:
        links: list[Node] = [*(self._made(f"{path}/l{at}") for at in range(len(members))), _NIL]
        for at, member in enumerate(members):
            self._add(links[at], _FIRST, member)
            self._add(links[at], _REST, links[at + 1])
        return links[0]


def describe_triples(triples: Iterable[ox.Triple]) -> Describe:
    """Look nodes up in triples at hand."""
    by_subject: dict[object, list[tuple[ox.NamedNode, object]]] = defaultdict(list)
    for triple in triples:
        by_subject[triple.subject].append((triple.predicate, triple.object))
    return lambda node: by_subject.get(node, ())


def describe_store(store: ox.Store, graph: ox.NamedNode | ox.BlankNode | ox.DefaultGraph | None = None) -> Describe:
    """Look nodes up in a store, in one graph or (None) in all."""
    return lambda node: ((quad.predicate, quad.object) for quad in store.quads_for_pattern(node, None, None, graph))


def from_triples(describe: Describe, node: Node) -> ClassExpression:
    """Read the class expression that a node stands for.

    Parameters
    ----------
    describe
        Predicates and objects of a subject: :func:`describe_triples` or :func:`describe_store`.
    node
        A blank node or skolem IRI with an expression, or the IRI of a class. Other IRIs are names, even
        where the graph defines them by an expression.

    Raises
    ------
    DataError
        If the triples do not form a class expression of this language: something is missing, contradicts
        itself, runs in a circle or nests deeper than can be read.
    """
    return _Reader(describe).expression(node, ())


class _Reader:
    def __init__(self, describe: Describe) -> None:
        self._describe = describe

    def expression(self, node: object, above: tuple[object, ...]) -> ClassExpression:
        if isinstance(node, ox.NamedNode) and not is_skolem(node):
            built_in: dict[str, ClassExpression] = {THING: Top(), NOTHING: Bottom()}
            return built_in.get(node.value) or Named(node.value)
        if not isinstance(node, ox.NamedNode | ox.BlankNode):
            raise DataError("a literal stands where a class should be", where=node)
        if node in above or len(above) > MAX_DEPTH:
            raise DataError("the class expression contains itself or is nested too deeply", where=node)
        inside = (*above, node)
        facts = self._facts(node)
        for predicate, kind in ((_AND, And), (_OR, Or)):
            if predicate in facts:
                operands = tuple(self.expression(member, inside) for member in self._members(node, facts[predicate]))
                if not operands:
                    return Top() if kind is And else Bottom()
                return operands[0] if len(operands) == 1 else kind(operands)
        if _NOT in facts:
            return Not(self.expression(facts[_NOT], inside))
        if _ON_PROPERTY in facts:
            return self._restriction(node, facts, inside)
        raise DataError(
            "the node is not a class expression of this language",
            where=node,
            expected="owl:intersectionOf, owl:unionOf, owl:complementOf or owl:onProperty",
        )

    def _facts(self, node: Node) -> dict[ox.NamedNode, object]:
        facts: dict[ox.NamedNode, object] = {}
        for predicate, value in self._describe(node):
            if predicate != _TYPE and facts.setdefault(predicate, value) != value:
                raise DataError(f"{predicate} has two values where one is allowed", where=node)
        return facts

    def _members(self, node: Node, link: object) -> list[object]:
        members: list[object] = []
        seen: set[object] = set()
        while link != _NIL:
            if link in seen or not isinstance(link, ox.NamedNode | ox.BlankNode):
                raise DataError("the list of operands does not end", where=node)
            seen.add(link)
            facts = self._facts(link)
            if _FIRST not in facts or _REST not in facts:
                raise DataError("the list of operands is broken", where=node, expected="rdf:first and rdf:rest")
            members.append(facts[_FIRST])
            link = facts[_REST]
        return members

    def _restriction(
        self, node: Node, facts: dict[ox.NamedNode, object], inside: tuple[object, ...]
    ) -> ClassExpression:
        role = self._role(node, facts[_ON_PROPERTY])
        if _VALUE in facts:
            value = facts[_VALUE]
            if not isinstance(value, ox.Literal) or value.language:
                raise DataError("owl:hasValue has no plain or typed literal", where=node)
            return HasValue(role.iri, value.value, value.datatype.value)
        if _SOME in facts:
            bound = self._bound(role, facts[_SOME])
            return bound if bound is not None else Some(role, self.expression(facts[_SOME], inside))
        if _ONLY in facts:
            return Only(role, self.expression(facts[_ONLY], inside))
        filler = self.expression(facts[_ON_CLASS], inside) if _ON_CLASS in facts else Top()
        for predicates, least, most in (
            ((_MIN, _PLAIN_MIN), True, False),
            ((_MAX, _PLAIN_MAX), False, True),
            ((_EXACT, _PLAIN_EXACT), True, True),
        ):
            for predicate in predicates:
                if predicate in facts:
                    number = self._number(node, facts[predicate])
                    bounds: list[ClassExpression] = [AtLeast(number, role, filler)] if least else []
                    bounds += [AtMost(number, role, filler)] if most else []
                    return bounds[0] if len(bounds) == 1 else And(tuple(bounds))
        raise DataError("the restriction does not say what it restricts", where=node)

    def _number(self, node: Node, value: object) -> int:
        if not isinstance(value, ox.Literal) or not (value.value.isascii() and value.value.isdigit()):
            raise DataError("the cardinality is not a number", where=node)
        return int(value.value)

    def _role(self, node: Node, value: object) -> Role:
        if isinstance(value, ox.NamedNode) and not is_skolem(value):
            return Role(value.value)
        if isinstance(value, ox.NamedNode | ox.BlankNode):
            inverse = self._facts(value).get(_INVERSE_OF)
            if isinstance(inverse, ox.NamedNode):
                return Role(inverse.value, inverse=True)
        raise DataError("the property of a restriction is neither an IRI nor owl:inverseOf one", where=node)

    def _bound(self, role: Role, node: object) -> DataBound | None:
        """Read a data range with one facet, or None if the node is none."""
        if not isinstance(node, ox.BlankNode) and not is_skolem(node):
            return None
        assert isinstance(node, ox.NamedNode | ox.BlankNode)
        facts = self._facts(node)
        datatype = facts.get(_ON_DATATYPE)
        if datatype is None:
            return None
        bounds = self._members(node, facts.get(_WITH, _NIL))
        if len(bounds) == 1 and isinstance(bounds[0], ox.NamedNode | ox.BlankNode):
            for facet, predicate in _FACETS.items():
                value = self._facts(bounds[0]).get(predicate)
                if isinstance(value, ox.Literal) and isinstance(datatype, ox.NamedNode):
                    return DataBound(role.iri, facet, value.value, datatype.value)
        raise DataError(
            "the data range is not one of this language",
            where=node,
            expected="one xsd:minInclusive or maxInclusive",
        )
