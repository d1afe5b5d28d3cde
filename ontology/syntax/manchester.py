"""OWL 2 Manchester syntax for class expressions: ``imageContains some (Road and (not Car))``.

As Protégé reads and writes it: ``not``, ``and``, ``or``, ``some``, ``only``, ``min``, ``max``, ``exactly``,
``value``, ``inverse R``, ``owl:Thing``, ``<full IRI>``, ``'quoted label'``, ``p some xsd:integer[>= 5]``,
``p value "red"``. Strongest first: restrictions, ``not``, ``and``, ``or``. Renderings put every part of a
restriction, intersection or complement that is not a single name into brackets, as Protégé does; readers
accept what the grammar [1]_ allows. ``exactly`` is read as ``min`` and ``max`` together and ``that`` as
``and``.

.. [1] OWL 2 Web Ontology Language Manchester Syntax (Second Edition), W3C Working Group Note, 2012, section
   2.4.
"""

from __future__ import annotations

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
)
from ..names import KEYWORDS, Resolve, Shorten, bracketed
from .scanner import XSD, Scanner, unresolved, write_literal

_CLASS = "a class, a role with a restriction, '(' or 'not'"
_RESTRICTIONS = "'some', 'only', 'min', 'max', 'exactly' or 'value'"


def render(expression: ClassExpression, short: Shorten = bracketed) -> str:
    """Write an expression.

    Parameters
    ----------
    expression
        What to write, as it is: neither normalised nor reordered.
    short
        Name to write for an IRI: simple, or in angle brackets.

    Examples
    --------
    >>> contains = Role("http://a.org/#imageContains")
    >>> road, car = Named("http://a.org/#Road"), Named("http://a.org/#Car")
    >>> from neurontology.ontology.names import local_name
    >>> render(Some(contains, And((road, Not(car)))), local_name)
    'imageContains some (Road and (not Car))'
    """
    match expression:
        case Top():
            return "owl:Thing"
        case Bottom():
            return "owl:Nothing"
        case Named(iri):
            return short(iri)
        case Not(operand):
            return "not " + _atomic(operand, short)
        case And(operands):
            return " and ".join(_atomic(operand, short) for operand in operands)
        case Or(operands):
            return " or ".join(_atomic(operand, short) for operand in operands)
        case Some(role, filler):
            return f"{_role(role, short)} some {_atomic(filler, short)}"
        case Only(role, filler):
            return f"{_role(role, short)} only {_atomic(filler, short)}"
        case AtLeast(number, role, filler):
            return f"{_role(role, short)} min {number} {_atomic(filler, short)}"
        case AtMost(number, role, filler):
            return f"{_role(role, short)} max {number} {_atomic(filler, short)}"
        case HasValue(prop, value, datatype):
            return f"{short(prop)} value {write_literal(value, datatype)}"
        case DataBound(prop, facet, value, datatype):
            kind = datatype.removeprefix(XSD)
            known = datatype.startswith(XSD) and kind.isascii() and kind.isalnum()
            written = f"xsd:{kind}" if known else bracketed(datatype)
            return f"{short(prop)} some {written}[{facet} {write_literal(value, datatype)}]"


def _atomic(expression: ClassExpression, short: Shorten) -> str:
    text = render(expression, short)
    return text if isinstance(expression, Top | Bottom | Named) else f"({text})"


def _role(role: Role, short: Shorten) -> str:
    return ("inverse " if role.inverse else "") + short(role.iri)


def parse(text: str, resolve: Resolve = unresolved, resolve_label: Resolve | None = None) -> ClassExpression:
    """Read an expression, as Protégé, DL-Learner or this module writes it.

    Parameters
    ----------
    text
        What to read. A facet may stand with its datatype or without, ``age some [>= 5]``.
    resolve
        IRI for a short name or a prefixed name.
    resolve_label
        IRI for a label in single quotes.

    Raises
    ------
    ExpressionSyntaxError
        If the text is not an expression; it carries the column and what was expected.
    UsageError
        If a name is unknown or ambiguous, with the column.

    Examples
    --------
    >>> parse("male and hasChild some owl:Thing", str)
    And(operands=(Named(iri='male'), Some(role=Role(iri='hasChild', inverse=False), filler=Top())))
    """
    reader = _Reader(text, resolve, resolve_label)
    expression = reader.union()
    reader.end("'and', 'or' or the end")
    return expression


class _Reader(Scanner):
    def union(self) -> ClassExpression:
        operands = [self.intersection()]
        while self.take_keyword("or"):
            operands.append(self.intersection())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def intersection(self) -> ClassExpression:
        operands = [self.primary()]
        while self.take_keyword("and") or self.take_keyword("that"):
            operands.append(self.primary())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def primary(self) -> ClassExpression:
        if self.take_keyword("not"):
            return Not(self.nested(self.primary))
        if self.peek() == "(":
            start = self.position
            role = self.bracketed_role()
            if role is not None:
                return self.restriction(role)
            self.position = start
            self.require("(")
            inner = self.nested(self.union)
            self.require(")")
            return inner
        if self.keyword() == "inverse":
            return self.restriction(self.role())
        word = self.keyword()
        if word in KEYWORDS - {"Thing", "Nothing", "null"}:
            self.fail(_CLASS)
        start = self.position
        entity = self.named(_CLASS)
        if self.keyword() in ("some", "only", "min", "max", "exactly", "value", "Self"):
            if not isinstance(entity, Named):
                self.position = start
                self.fail("a role before the restriction")
            return self.restriction(Role(entity.iri))
        return entity

    def bracketed_role(self) -> Role | None:
        """Read ``(inverse R)``; nothing else in brackets is a role."""
        self.require("(")
        if self.keyword() != "inverse":
            return None
        role = self.role()
        return role if self.take(")") else None

    def role(self) -> Role:
        if not self.take_keyword("inverse"):
            return Role(self.iri("a role"))
        if self.take("("):
            role = Role(self.iri("a role"), inverse=True)
            self.require(")")
            return role
        return Role(self.iri("a role"), inverse=True)

    def restriction(self, role: Role) -> ClassExpression:
        if self.take_keyword("some"):
            bound = self.facet(role)
            return bound if bound is not None else Some(role, self.nested(self.primary))
        if self.take_keyword("only"):
            return Only(role, self.nested(self.primary))
        if self.take_keyword("value"):
            self.check_data(role)
            value, datatype = self.literal()
            return HasValue(role.iri, value, datatype)
        if self.take_keyword("min"):
            return AtLeast(self.number(), role, self.optional_filler())
        if self.take_keyword("max"):
            return AtMost(self.number(), role, self.optional_filler())
        if self.take_keyword("exactly"):
            number, filler = self.number(), self.optional_filler()
            return And((AtLeast(number, role, filler), AtMost(number, role, filler)))
        self.skip_space()
        return self.fail(_RESTRICTIONS)

    def optional_filler(self) -> ClassExpression:
        """Read the class after a number; without one it is ``owl:Thing``."""
        if self.peek() in ("", ")") or self.keyword() in ("and", "or", "that"):
            return Top()
        return self.nested(self.primary)

    def facet(self, role: Role) -> ClassExpression | None:
        """Read ``xsd:integer[>= 5]`` or ``[>= 5]``, or nothing if neither comes next."""
        start, declared = self.position, None
        word = self.keyword()
        if word.startswith("xsd:") or self.peek() == "<":
            declared = self.datatype()
        if self.peek() != "[":
            if word.startswith("xsd:"):
                self.fail("'[' with a facet after the datatype")
            self.position = start
            return None
        self.check_data(role)
        self.require("[")
        facet = next((facet for facet in (">=", "<=") if self.take(facet)), None)
        if facet is None:
            self.fail("'>=' or '<='")
        self.skip_space()
        at, quoted = self.position, self.peek() == '"'
        value, datatype = self.literal()
        if declared is not None and declared != datatype:
            if quoted:
                self.fail(f"a value of the datatype {bracketed(declared)}", at=at)
            datatype = declared
        self.require("]", "after one facet")
        return DataBound(role.iri, facet, value, datatype)

    def check_data(self, role: Role) -> None:
        if role.inverse:
            self.skip_space()
            self.fail("a class, because an inverse role has no literal values")
