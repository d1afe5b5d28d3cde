"""DL-Learner's ``.kb`` files: description logic in plain text, as a source of a knowledge base.

The language is that of SmartDataAnalytics/DL-Learner, ``parser/kb.jj``::

    // a class, a role, an individual
    father = (male AND EXISTS hasChild.TOP).
    male SUB person.
    (male AND female) = BOTTOM.
    Symmetric(married).
    OPDOMAIN(hasChild) = person.
    male(stefan).
    NOT EXISTS hasChild.TOP(heinz).
    hasChild(stefan,markus).

Names in quotes may be full IRIs; every other name lies under :data:`BASE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Never

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Triple, serialize

from ..ontology.errors import DataError
from ..ontology.expression import (
    And,
    AtLeast,
    AtMost,
    Bottom,
    ClassExpression,
    HasValue,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from ..ontology.syntax.rdf import Node, declarations, node_of, to_triples
from ..ontology.vocabulary import EQUIVALENT, OWL, RDFS, SUBCLASS, TYPE, XSD

BASE = "http://localhost/foo#"
"""Namespace that DL-Learner gives to names (``KBParser.internalNamespace``)."""

MAX_DEPTH = 100
"""Deepest nesting that is read; it keeps hostile input from exhausting the interpreter's stack."""

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?\*/)|"(?P<text>[^"\n]*)"|(?P<word>[A-Za-z_]\w*)|(?P<number>\d+)"""
    r"""|(?P<symbol>>=|<=|[().,=])""",
    re.DOTALL,
)
_CHARACTERISTICS = {
    "Transitive": "TransitiveProperty",
    "Functional": "FunctionalProperty",
    "Symmetric": "SymmetricProperty",
}
_BINARY = {"Subrole": NamedNode(RDFS + "subPropertyOf"), "Inverse": NamedNode(OWL + "inverseOf")}
_DOMAIN, _RANGE = NamedNode(RDFS + "domain"), NamedNode(RDFS + "range")
_DOMAINS = frozenset({"DOMAIN", "OPDOMAIN", "OBJECTPROPERTYDOMAIN"})
_RANGES = frozenset({"RANGE", "OPRANGE", "OBJECTPROPERTYRANGE"})
_DATA_DOMAINS = frozenset({"DPDOMAIN", "DATATYPEPROPERTYDOMAIN"})
_DATA_RANGES = frozenset({"DPRANGE", "DATATYPEPROPERTYRANGE"})
_DATATYPES = {"DOUBLE": "double", "BOOLEAN": "boolean", "INTEGER": "int"}
_SUB = frozenset({"SUB", "SUBCLASSOF", "SUBCONCEPTOF"})
_SOME, _ALL, _NOT = frozenset({"EXISTS", "SOME"}), frozenset({"ALL", "FORALL"}), frozenset({"NOT", "NEG"})
_RESERVED = (
    frozenset({"TOP", "BOTTOM", "AND", "OR", "IS", "TRUE", "FALSE", "STRINGVALUE", "HASVALUE"})
    | _SUB
    | _SOME
    | _ALL
    | _NOT
)
_CLASS, _INDIVIDUAL = NamedNode(OWL + "Class"), NamedNode(OWL + "NamedIndividual")
_OBJECT_PROPERTY, _DATA_PROPERTY = NamedNode(OWL + "ObjectProperty"), NamedNode(OWL + "DatatypeProperty")
_DISJOINT = NamedNode(OWL + "disjointWith")


def read_kb(text: str, path: Path) -> list[Triple]:
    """Triples of a ``.kb`` document, each once; every class, role and individual is declared.

    Anonymous classes are blank nodes that depend on the text only.

    Parameters
    ----------
    text
        The document.
    path
        Its file, for errors.

    Raises
    ------
    DataError
        It breaks the syntax.

    Examples
    --------
    >>> for triple in read_kb("male SUB person. male(stefan).", Path("family.kb"))[-2:]:
    ...     print(triple)
    <http://localhost/foo#stefan> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> \
<http://www.w3.org/2002/07/owl#NamedIndividual>
    <http://localhost/foo#stefan> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://localhost/foo#male>
    """
    return list(dict.fromkeys(_Parser(text, path).document()))


def convert_kb(source: Path, target: Path, *, origin: Path) -> None:
    """Write a ``.kb`` file as N-Triples.

    Parameters
    ----------
    source
        The file to read.
    target
        The file to write.
    origin
        File to name in errors, where `source` is an unpacked copy.

    Raises
    ------
    DataError
        It is not UTF-8 text or breaks the syntax.
    """
    content = source.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(10, 0, error.start) + 1
        raise DataError(f"is not UTF-8 text ({error.reason})", where=f"{origin}:{line}") from error
    with target.open("wb") as file:
        serialize(read_kb(text, origin), file, RdfFormat.N_TRIPLES)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def _tokens(text: str, path: Path) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            rest = text[position : position + 2]
            what = {"/*": "the comment is not closed", '"': "the string is not closed"}
            raise DataError(
                what.get(rest, what.get(rest[:1], f"found {rest[:1]!r}")),
                where=f"{path}:{line}",
                expected="a name, a number, or one of ( ) . , = >= <=",
            )
        kind = str(found.lastgroup)
        if kind != "blank":
            yield _Token(kind, found[kind], line)
        line += found[0].count("\n")
        position = found.end()
    yield _Token("end", "", line)


class _Parser:
    """Recursive descent over the tokens of one document."""

    def __init__(self, text: str, path: Path) -> None:
        self._path = path
        self._tokens = list(_tokens(text, path))
        self._position = 0
        self._depth = 0
        self._statement = 0

    # -- tokens -----------------------------------------------------------------------------------------

    @property
    def _next(self) -> _Token:
        return self._tokens[self._position]

    def _fail(self, expected: str) -> Never:
        token = self._next
        raise DataError(
            "the text ends here" if token.kind == "end" else f"found {token.text!r}",
            where=f"{self._path}:{token.line}",
            expected=expected,
        )

    def _take(self, *texts: str) -> str | None:
        """Move over a word or symbol if it is one of these."""
        token = self._next
        if token.kind not in ("word", "symbol") or token.text not in texts:
            return None
        self._position += 1
        return token.text

    def _require(self, symbol: str) -> None:
        if self._take(symbol) is None:
            self._fail(repr(symbol))

    def _name(self, what: str) -> str:
        """IRI of a name."""
        token = self._next
        if token.kind not in ("word", "text") or (token.kind == "word" and token.text in _RESERVED):
            self._fail(f"the name of {what}")
        iri = token.text if "://" in token.text else BASE + token.text
        try:
            NamedNode(iri)
        except ValueError as error:
            raise DataError(f"{iri!r} is not a valid IRI", where=f"{self._path}:{token.line}") from error
        self._position += 1
        return iri

    # -- statements -------------------------------------------------------------------------------------

    def document(self) -> Iterator[Triple]:
        """Triples of all statements."""
        while self._next.kind != "end":
            self._statement += 1
            word = self._next.text if self._next.kind == "word" else ""
            if word in _CHARACTERISTICS or word in _BINARY:
                yield from self._role_axiom(word)
            elif word in _DOMAINS | _RANGES:
                yield from self._domain_or_range(_DOMAIN if word in _DOMAINS else _RANGE, _OBJECT_PROPERTY)
            elif word in _DATA_DOMAINS:
                yield from self._domain_or_range(_DOMAIN, _DATA_PROPERTY)
            elif word in _DATA_RANGES:
                yield from self._data_range()
            else:
                yield from self._concept_axiom()
            self._require(".")

    def _role_axiom(self, word: str) -> Iterator[Triple]:
        self._position += 1
        self._require("(")
        role = NamedNode(self._name("a role"))
        yield Triple(role, TYPE, _OBJECT_PROPERTY)
        if word in _BINARY:
            self._require(",")
            other = NamedNode(self._name("a role"))
            yield Triple(other, TYPE, _OBJECT_PROPERTY)
            yield Triple(role, _BINARY[word], other)
        else:
            yield Triple(role, TYPE, NamedNode(OWL + _CHARACTERISTICS[word]))
        self._require(")")

    def _property_in_brackets(self) -> NamedNode:
        self._position += 1
        self._require("(")
        role = NamedNode(self._name("a role"))
        self._require(")")
        self._require("=")
        return role

    def _domain_or_range(self, predicate: NamedNode, kind: NamedNode) -> Iterator[Triple]:
        role = self._property_in_brackets()
        yield Triple(role, TYPE, kind)
        filler = self._concept()
        yield from self._described(filler)
        yield Triple(role, predicate, self._node(filler))

    def _data_range(self) -> Iterator[Triple]:
        role = self._property_in_brackets()
        datatype = self._take(*_DATATYPES)
        if datatype is None:
            self._fail("DOUBLE, BOOLEAN or INTEGER")
        yield Triple(role, TYPE, _DATA_PROPERTY)
        yield Triple(role, _RANGE, NamedNode(XSD + _DATATYPES[datatype]))

    def _concept_axiom(self) -> Iterator[Triple]:
        left = self._concept()
        if self._take("("):
            yield from self._assertion(left)
            return
        equal = self._take("=") is not None
        if not equal and self._take(*_SUB) is None:
            self._fail("'(', '=' or SUB after a class")
        right = self._concept()
        if equal and isinstance(left, Bottom):
            left, right = right, left
        if isinstance(right, Bottom) and (pair := _named_pair(left)):
            yield from (Triple(NamedNode(iri), TYPE, _CLASS) for iri in pair)
            yield Triple(NamedNode(pair[0]), _DISJOINT, NamedNode(pair[1]))
            return
        if equal and not isinstance(left, Named):
            left, right = right, left
        yield from self._described(left)
        yield from self._described(right)
        yield Triple(self._node(left), EQUIVALENT if equal else SUBCLASS, self._node(right))

    def _assertion(self, concept: ClassExpression) -> Iterator[Triple]:
        """Rest of ``class(individual`` or ``role(individual, individual``."""
        subject = NamedNode(self._name("an individual"))
        if not self._take(","):
            self._require(")")
            yield from self._described(concept)
            yield Triple(subject, TYPE, _INDIVIDUAL)
            yield Triple(subject, TYPE, self._node(concept))
            return
        if not isinstance(concept, Named):
            self._position -= 1
            self._fail("')': only a role by its name relates two individuals")
        role, other = NamedNode(concept.iri), NamedNode(self._name("an individual"))
        self._require(")")
        yield Triple(role, TYPE, _OBJECT_PROPERTY)
        yield Triple(subject, TYPE, _INDIVIDUAL)
        yield Triple(other, TYPE, _INDIVIDUAL)
        yield Triple(subject, role, other)

    def _blank(self, key: str) -> Node:
        # Each statement has its own nodes: OWL 2 lets no two axioms share an anonymous class.
        return BlankNode(f"s{self._statement}-{key}")

    def _node(self, concept: ClassExpression) -> Node:
        return node_of(concept, self._blank)

    def _described(self, concept: ClassExpression) -> list[Triple]:
        return [*declarations(concept), *to_triples(concept, self._blank)]

    # -- concepts ---------------------------------------------------------------------------------------

    def _concept(self) -> ClassExpression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"at most {MAX_DEPTH} levels of nesting")
        concept = self._unnested_concept()
        self._depth -= 1
        return concept

    def _unnested_concept(self) -> ClassExpression:
        if self._take("TOP"):
            return Top()
        if self._take("BOTTOM"):
            return Bottom()
        if self._take(*_NOT):
            return Not(self._concept())
        if self._take(*_SOME):
            return Some(self._role(), self._filler())
        if self._take(*_ALL):
            return Only(self._role(), self._filler())
        if symbol := self._take(">=", "<="):
            number = self._number()
            kind: Callable[[int, Role, ClassExpression], ClassExpression] = AtLeast if symbol == ">=" else AtMost
            return kind(number, self._role(), self._filler())
        if self._take("("):
            return self._in_brackets()
        return Named(self._name("a class"))

    def _role(self) -> Role:
        return Role(self._name("a role"))

    def _filler(self) -> ClassExpression:
        self._require(".")
        return self._concept()

    def _number(self) -> int:
        token = self._next
        if token.kind != "number" or len(token.text) > 9:
            self._fail("a number from 0 to 999999999")
        self._position += 1
        return int(token.text)

    def _in_brackets(self) -> ClassExpression:
        following = self._tokens[min(self._position + 1, len(self._tokens) - 1)]
        if following.kind == "word" and following.text in ("IS", "STRINGVALUE"):
            return self._data_restriction()
        operands = [self._concept()]
        operator = self._take("AND", "OR")
        while operator:
            operands.append(self._concept())
            if not self._take(operator):
                break
        if not self._take(")"):
            self._fail(f"{operator} or ')'" if operator else "AND, OR or ')'")
        if operator is None:
            return operands[0]
        return And(tuple(operands)) if operator == "AND" else Or(tuple(operands))

    def _data_restriction(self) -> ClassExpression:
        """Rest of ``(property IS TRUE)`` or ``(property STRINGVALUE "text")``."""
        role = self._name("a data property")
        if self._take("IS"):
            value = self._take("TRUE", "FALSE")
            if value is None:
                self._fail("TRUE or FALSE")
            restriction = HasValue(role, value.lower(), XSD + "boolean")
        else:
            self._position += 1
            token = self._next
            if token.kind != "text":
                self._fail('a text in "…"')
            self._position += 1
            restriction = HasValue(role, token.text, XSD + "string")
        self._require(")")
        return restriction


def _named_pair(concept: ClassExpression) -> tuple[str, str] | None:
    """IRIs of an intersection of two named classes."""
    match concept:
        case And((Named(left), Named(right))):
            return left, right
    return None
