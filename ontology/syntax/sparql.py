"""A class expression as a SPARQL query for the individuals it covers.

The semantics is closed-world over what is told: a class covers the individuals typed with it or with a
class below it by ``rdfs:subClassOf``; what is not told is false, so ¬, ∀ and ≤ take away the individuals of
the complement, and ≥ counts in a sub-select. Equivalences, sub-properties, told inverses and other axioms
are not used.

Taking away is ``MINUS`` and not ``FILTER NOT EXISTS``. The two select the same here, but no part of the
query depends on another's bindings with ``MINUS``, so that an engine evaluates each part once instead of
once for every individual.

Every IRI and literal is validated and written by its RDF term, never pasted, so no name can add to the query.
"""

from __future__ import annotations

from itertools import count

import pyoxigraph as ox

from ..errors import DataError, UsageError
from ..expression import (
    And,
    AtLeast,
    Bottom,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Not,
    Or,
    Role,
    Some,
    Top,
    normal_form,
)
from ..names import OWL

_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_PREFIXES = f"PREFIX owl: <{OWL}>\nPREFIX rdfs: <{_RDFS}>\n"


def render(expression: ClassExpression, variable: str = "individual", individual_type: str | None = None) -> str:
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
      MINUS {
        ?v2 a/rdfs:subClassOf* <http://a.org/#Car> .
        ?individual <http://a.org/#contains> ?v2 .
      }
    }
    """
    reserved = variable[:1] == "v" and variable[1:].isdecimal()
    if not (variable.isascii() and variable.isidentifier()) or reserved:
        raise UsageError(f"{variable!r} cannot name the result", expected="letters, digits and underscores, not v1")
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
        """Graph pattern that binds `x` to what an expression in normal form covers."""
        if not _binds(expression):
            return [*self._any_individual(x), *self._remove(expression, x)]
        match expression:
            case Named(iri):
                return [f"{x} a/rdfs:subClassOf* {_iri(iri)} ."]
            case Some(role, filler):
                return self._linked(x, role, self._fresh(), filler)
            case AtLeast(number, role, filler):
                y = self._fresh()
                return [
                    f"{{ SELECT {x} WHERE {{",
                    *_indented(self._linked(x, role, y, filler)),
                    f"}} GROUP BY {x} HAVING (COUNT(DISTINCT {y}) >= {number}) }}",
                ]
            case HasValue() | DataBound():
                return self._data(expression, x)
            case And(operands):
                found = [line for operand in operands if _binds(operand) for line in self.bind(operand, x)]
                rest = [operand for operand in operands if not _binds(operand)]
                return found + [line for operand in rest for line in self._remove(operand, x)]
            case Or(operands):
                lines: list[str] = []
                for at, operand in enumerate(operands):
                    lines += ["UNION {" if at else "{", *_indented(self.bind(operand, x)), "}"]
                return lines
        return ["FILTER (false)"]

    def _remove(self, expression: ClassExpression, x: str) -> list[str]:
        """Take away what an expression that does not bind leaves out; its complement always binds."""
        if isinstance(expression, Top):
            return []
        complement = self.bind(normal_form(Not(expression)), x)
        if len(complement) == 1:
            return [f"MINUS {{ {complement[0].removesuffix(' .')} }}"]
        return ["MINUS {", *_indented(complement), "}"]

    def _linked(self, x: str, role: Role, y: str, filler: ClassExpression) -> list[str]:
        subject, value = (y, x) if role.inverse else (x, y)
        link = f"{subject} {_iri(role.iri)} {value} ."
        return [*self.bind(filler, y), link] if _binds(filler) else [link, *self._remove(filler, y)]

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


def _indented(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]
