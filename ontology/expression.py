"""Class expressions: the syntax tree, its length, its negation normal form.

The tree is plain data. Rendering and parsing live in :mod:`neurontology.ontology.syntax`, retrieval in
``neurontology.reasoner``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """An object property or its inverse."""

    iri: str
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Top:
    """``owl:Thing``."""


@dataclass(frozen=True, slots=True)
class Bottom:
    """``owl:Nothing``."""


@dataclass(frozen=True, slots=True)
class Named:
    """A named class."""

    iri: str


@dataclass(frozen=True, slots=True)
class Not:
    """Complement."""

    operand: ClassExpression


@dataclass(frozen=True, slots=True)
class And:
    """Intersection of two or more operands."""

    operands: tuple[ClassExpression, ...]

    def __post_init__(self) -> None:
        _check_operands(self.operands)


@dataclass(frozen=True, slots=True)
class Or:
    """Union of two or more operands."""

    operands: tuple[ClassExpression, ...]

    def __post_init__(self) -> None:
        _check_operands(self.operands)


@dataclass(frozen=True, slots=True)
class Some:
    """Existential restriction ∃ role.filler."""

    role: Role
    filler: ClassExpression


@dataclass(frozen=True, slots=True)
class Only:
    """Universal restriction ∀ role.filler."""

    role: Role
    filler: ClassExpression


@dataclass(frozen=True, slots=True)
class AtLeast:
    """Qualified minimum cardinality ≥ number role.filler."""

    number: int
    role: Role
    filler: ClassExpression


@dataclass(frozen=True, slots=True)
class AtMost:
    """Qualified maximum cardinality ≤ number role.filler."""

    number: int
    role: Role
    filler: ClassExpression


@dataclass(frozen=True, slots=True)
class HasValue:
    """A data property with a given value; `datatype` is an XSD IRI, `value` its lexical form."""

    property: str
    value: str
    datatype: str


@dataclass(frozen=True, slots=True)
class DataBound:
    """A data property with some value at or beyond a threshold; `facet` is ``>=`` or ``<=``."""

    property: str
    facet: str
    value: str
    datatype: str

    def __post_init__(self) -> None:
        if self.facet not in (">=", "<="):
            raise ValueError(f"facet {self.facet!r} is not one of '>=' and '<='")


ClassExpression: TypeAlias = (
    Top | Bottom | Named | Not | And | Or | Some | Only | AtLeast | AtMost | HasValue | DataBound
)


def _check_operands(operands: tuple[ClassExpression, ...]) -> None:
    if len(operands) < 2:
        raise ValueError(f"an intersection or union has at least two operands, not {len(operands)}")


def length(expression: ClassExpression) -> int:
    """Length as OWL learners count it.

    A name counts 1, each ⊓, ⊔ and ¬ adds 1, ∃R. and ∀R. add 2, ≥n R. and ≤n R. add 3; a data restriction
    counts 3 (property, facet, value).

    Examples
    --------
    >>> length(And((Named("a"), Not(Named("b")))))
    4
    >>> length(Some(Role("r"), Named("a")))
    3
    """
    match expression:
        case Top() | Bottom() | Named():
            return 1
        case Not(operand):
            return 1 + length(operand)
        case And(operands) | Or(operands):
            return sum(map(length, operands)) + len(operands) - 1
        case Some(_, filler) | Only(_, filler):
            return 2 + length(filler)
        case AtLeast(_, _, filler) | AtMost(_, _, filler):
            return 3 + length(filler)
        case HasValue() | DataBound():
            return 3


def subexpressions(expression: ClassExpression) -> Iterator[ClassExpression]:
    """Walk the tree, the expression itself first."""
    yield expression
    match expression:
        case Not(operand):
            yield from subexpressions(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from subexpressions(operand)
        case Some(_, filler) | Only(_, filler) | AtLeast(_, _, filler) | AtMost(_, _, filler):
            yield from subexpressions(filler)


def named_classes(expression: ClassExpression) -> list[str]:
    """IRIs of the named classes that occur, each once, in order of first occurrence."""
    return list(dict.fromkeys(e.iri for e in subexpressions(expression) if isinstance(e, Named)))


def properties(expression: ClassExpression) -> list[str]:
    """IRIs of the object and data properties that occur, each once, in order of first occurrence."""
    found: dict[str, None] = {}
    for e in subexpressions(expression):
        match e:
            case Some(role, _) | Only(role, _) | AtLeast(_, role, _) | AtMost(_, role, _):
                found[role.iri] = None
            case HasValue(prop, _, _) | DataBound(prop, _, _, _):
                found[prop] = None
    return list(found)


def sort_key(expression: ClassExpression) -> tuple[int, str]:
    """Order of operands in normal form: shorter first, then by their written form."""
    return length(expression), repr(expression)


def normal_form(expression: ClassExpression) -> ClassExpression:
    """Negation normal form with flattened, sorted, duplicate-free operands.

    Two expressions that differ only in nesting, order or duplicates of operands have one normal form.

    Examples
    --------
    >>> a, b = Named("a"), Named("b")
    >>> normal_form(Not(And((b, Not(a)))))
    Or(operands=(Named(iri='a'), Not(operand=Named(iri='b'))))
    """
    return _normal(expression, negate=False)


def _normal(expression: ClassExpression, negate: bool) -> ClassExpression:
    match expression:
        case Top():
            return Bottom() if negate else expression
        case Bottom():
            return Top() if negate else expression
        case Not(operand):
            return _normal(operand, not negate)
        case And(operands) | Or(operands):
            kind = And if isinstance(expression, And) != negate else Or
            flat: list[ClassExpression] = []
            for operand in operands:
                part = _normal(operand, negate)
                flat.extend(part.operands if isinstance(part, kind) else (part,))
            unique = sorted(dict.fromkeys(flat), key=sort_key)
            return unique[0] if len(unique) == 1 else kind(tuple(unique))
        case Some(role, filler):
            inner = _normal(filler, negate)
            return Only(role, inner) if negate else Some(role, inner)
        case Only(role, filler):
            inner = _normal(filler, negate)
            return Some(role, inner) if negate else Only(role, inner)
        case AtLeast(number, role, filler):
            inner = _normal(filler, False)
            if not negate:
                return AtLeast(number, role, inner)
            return Bottom() if number == 0 else AtMost(number - 1, role, inner)
        case AtMost(number, role, filler):
            inner = _normal(filler, False)
            return AtLeast(number + 1, role, inner) if negate else AtMost(number, role, inner)
        case Named() | HasValue() | DataBound():
            return Not(expression) if negate else expression
