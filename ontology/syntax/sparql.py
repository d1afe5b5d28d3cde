"""A class expression as a SPARQL query for the individuals it covers.

The semantics is closed-world over what is told: a class covers the individuals typed with it or with a
class below it by ``rdfs:subClassOf``; what is not told is false, so ¬ and ∀ are ``FILTER NOT EXISTS`` and ≥
counts in a sub-select. Equivalences, sub-properties, told inverses and other axioms are not used.

Every IRI and literal is validated and written by its RDF term, never pasted, so no name can add to the query.
"""

from __future__ import annotations

from itertools import count

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
)
from ..names import OWL

_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_PREFIXES = f"PREFIX owl: <{OWL}>\nPREFIX rdfs: <{_RDFS}>\n"


def render(
    expression: ClassExpression, variable: str = "individual", individual_type: str | None = None
) -> str:
    """Write a SELECT query.

    Parameters
    ----------
    expression
        What the individuals have to be an instance of.
    variable
        Name of the only result variable.
    individual_type
        IRI of a type that every individual carries. Without it an individual is whatever has
        ``owl:NamedIndividual``, ``owl:Thing`` or a declared ``owl:Class`` among its types. It matters for
        ⊤, ¬, ∀ and ≤ alone, which select among all individuals.

    Raises
    ------
    DataError
        If a name is not a valid absolute IRI.
    UsageError
        If `variable` is not a name of letters, digits and underscores, or is of the form ``v1``, ``v2``, ….

    Examples
    --------
    >>> contains, road = Role("http://a.org/#contains"), Named("http://a.org/#Road")
    >>> print(render(And((Some(contains, road), Not(Some(contains, Named("http://a.org/#Car")))))))
    PREFIX owl: <http://www.w3.org/2002/07/owl#>
    PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
    SELECT DISTINCT ?individual WHERE {
      ?v1 a/rdfs:subClassOf* <http://a.org/#Road> .
      ?individual <http://a.org/#contains> ?v1 .
      FILTER NOT EXISTS {
        ?individual <http://a.org/#contains> ?v2 .
        FILTER EXISTS { ?v2 a/rdfs:subClassOf* <http://a.org/#Car> }
      }
    }
    """
    reserved = variable[:1] == "v" and variable[1:].isdecimal()
    if not (variable.isascii() and variable.isidentifier()) or reserved:
        raise UsageError(
            f"{variable!r} cannot name the result", expected="letters, digits and underscores, not v1"
        )
    writer = _Writer(individual_type)
    lines = writer.bind(normal_form(expression), f"?{variable}")
    body = "\n".join("  " + line for line in lines)
    return f"{_PREFIXES}SELECT DISTINCT ?{variable} WHERE {{\n{body}\n}}"


def _iri(text: str) -> str:
    try:
        return str(ox.NamedNode(text))
    except ValueError as error:
        raise DataError(f"not a valid IRI ({error})", where=repr(text), expected="an absolute IRI") from None


def _literal(value: str, datatype: str) -> str:
    _iri(datatype)
    return str(ox.Literal(value, datatype=ox.NamedNode(datatype)))


def _binds(expression: ClassExpression) -> bool:
    """Whether what an expression covers can be found without going through all individuals."""
    match expression:
        case Named() | Bottom() | Some() | HasValue() | DataBound():
            return True
        case AtLeast(number, _, _):
            return number > 0
        case And(operands):
            return any(map(_binds, operands))
        case Or(operands):
            return all(map(_binds, operands))
        case _:
            return False


class _Writer:
    def __init__(self, individual_type: str | None) -> None:
        self._individual_type = individual_type
        self._numbers = count(1)

    def _fresh(self) -> str:
        return f"?v{next(self._numbers)}"

    def bind(self, expression: ClassExpression, x: str) -> list[str]:
        """Graph pattern that binds `x` to what the expression covers."""
        if not _binds(expression):
            return [*self._any_individual(x), *self.test(expression, x)]
        match expression:
            case Named(iri):
                return [f"{x} a/rdfs:subClassOf* {_iri(iri)} ."]
            case Bottom():
                return ["FILTER (false)"]
            case Some(role, filler):
                y = self._fresh()
                link = _link(role, x, y)
                return [*self.bind(filler, y), link] if _binds(filler) else [link, *self.test(filler, y)]
            case AtLeast(number, role, filler):
                y = self._fresh()
                link = _link(role, x, y)
                inner = [*self.bind(filler, y), link] if _binds(filler) else [link, *self.test(filler, y)]
                return [
                    f"{{ SELECT {x} WHERE {{",
                    *_indented(inner),
                    f"}} GROUP BY {x} HAVING (COUNT(DISTINCT {y}) >= {number}) }}",
                ]
            case HasValue() | DataBound():
                return self._data(expression, x)
            case And(operands):
                finding = [line for operand in operands if _binds(operand) for line in self.bind(operand, x)]
                return finding + [
                    line for operand in operands if not _binds(operand) for line in self.test(operand, x)
                ]
            case Or(operands):
                lines: list[str] = []
                for at, operand in enumerate(operands):
                    lines += ["UNION {" if at else "{", *_indented(self.bind(operand, x)), "}"]
                return lines
        raise AssertionError(expression)  # _binds has ruled out every other case

    def test(self, expression: ClassExpression, x: str) -> list[str]:
        """Filters that keep the bound `x` where the expression covers it."""
        match expression:
            case Top():
                return []
            case And(operands):
                return [line for operand in operands for line in self.test(operand, x)]
            case _:
                condition = self._condition(expression, x)
                return _in_filter(condition)

    def _condition(self, expression: ClassExpression, x: str) -> list[str]:
        """Boolean expression over the bound `x`."""
        match expression:
            case Top():
                return ["true"]
            case Bottom():
                return ["false"]
            case Not(operand):
                return self._exists(operand, x, negate=True)
            case Only(role, filler):
                y = self._fresh()
                inner = [_link(role, x, y), *self.test(normal_form(Not(filler)), y)]
                return ["NOT EXISTS {", *_indented(inner), "}"]
            case AtMost(number, role, filler):
                return self._exists(AtLeast(number + 1, role, filler), x, negate=True)
            case AtLeast(0, _, _):
                return ["true"]
            case And(operands) | Or(operands):
                sign = " && " if isinstance(expression, And) else " || "
                parts = [
                    " ".join(line.strip() for line in self._condition(operand, x)) for operand in operands
                ]
                return ["(" + sign.join(parts) + ")"]
            case _:
                return self._exists(expression, x, negate=False)

    def _exists(self, expression: ClassExpression, x: str, negate: bool) -> list[str]:
        word = "NOT EXISTS" if negate else "EXISTS"
        match expression:
            case Some(role, filler):
                y = self._fresh()
                inner = [_link(role, x, y), *self.test(filler, y)]
            case _:
                inner = self.bind(expression, x)
        if len(inner) == 1:
            return [f"{word} {{ {inner[0].removesuffix(' .')} }}"]
        return [f"{word} {{", *_indented(inner), "}"]

    def _data(self, expression: HasValue | DataBound, x: str) -> list[str]:
        value = self._fresh()
        sign = "=" if isinstance(expression, HasValue) else expression.facet
        literal = _literal(expression.value, expression.datatype)
        return [f"{x} {_iri(expression.property)} {value} .", f"FILTER ({value} {sign} {literal})"]

    def _any_individual(self, x: str) -> list[str]:
        if self._individual_type is not None:
            return [f"{x} a {_iri(self._individual_type)} ."]
        kind = self._fresh()
        return [
            f"{x} a {kind} .",
            f"FILTER ({kind} IN (owl:NamedIndividual, owl:Thing) || EXISTS {{ {kind} a owl:Class }})",
        ]


def _link(role: Role, x: str, y: str) -> str:
    return f"{y} {_iri(role.iri)} {x} ." if role.inverse else f"{x} {_iri(role.iri)} {y} ."


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]


def _in_filter(condition: list[str]) -> list[str]:
    """Put a condition into a filter; EXISTS needs no brackets."""
    if condition[0].startswith(("EXISTS", "NOT EXISTS")):
        return [f"FILTER {condition[0]}", *condition[1:]]
    return ["FILTER (" + " ".join(line.strip() for line in condition) + ")"]
