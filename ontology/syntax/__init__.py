"""Written forms of class expressions, by name: ``dl``, ``manchester``, ``english``, ``sparql``.

The RDF mapping, which is triples and not text, is in :mod:`neurontology.ontology.syntax.rdf`.
"""

from __future__ import annotations

from ..errors import UsageError, near_matches
from ..expression import ClassExpression, named_classes, properties
from ..names import NameTable, Resolve
from .scanner import ExpressionSyntaxError, unresolved

__all__ = ["PARSED", "RENDERED", "ExpressionSyntaxError", "parse", "render"]

RENDERED = ("dl", "manchester", "english", "sparql")
"""Syntaxes that :func:`render` knows."""

PARSED = ("dl", "manchester")
"""Syntaxes that :func:`parse` knows."""


def render(expression: ClassExpression, syntax: str = "dl", names: NameTable | None = None) -> str:
    """Write an expression in a syntax given by name.

    Parameters
    ----------
    expression
        What to write.
    syntax
        One of :data:`RENDERED`.
    names
        Short names and labels; without it names are short where they are unique within the expression. SPARQL
        always has full IRIs.

    Raises
    ------
    UsageError
        If there is no such syntax.

    Examples
    --------
    >>> render(parse("∃ <http://a.org/#hasCar>.<http://a.org/#LongCar>"), "english")
    'something that has a long car'
    """
    table = names or NameTable([*named_classes(expression), *properties(expression)])
    match syntax:
        case "dl":
            from . import dl

            return dl.render(expression, table.short)
        case "manchester":
            from . import manchester

            return manchester.render(expression, table.short)
        case "english":
            from . import english

            return english.render(expression, table.label)
        case "sparql":
            from . import sparql

            return sparql.render(expression)
    raise UsageError(f"there is no syntax {syntax!r} to write", hint=near_matches(syntax, RENDERED))


def parse(
    text: str, syntax: str = "dl", resolve: Resolve = unresolved, resolve_label: Resolve | None = None
) -> ClassExpression:
    """Read an expression in a syntax given by name.

    Parameters
    ----------
    text
        What to read.
    syntax
        One of :data:`PARSED`.
    resolve, resolve_label
        IRI for a name and for a quoted label, e.g. ``table.to_iri`` and ``table.from_label`` of a
        :class:`~neurontology.ontology.names.NameTable`.

    Raises
    ------
    UsageError
        If there is no such syntax, or a name is unknown.
    ExpressionSyntaxError
        If the text is not an expression.
    """
    match syntax:
        case "dl":
            from . import dl

            return dl.parse(text, resolve, resolve_label)
        case "manchester":
            from . import manchester

            return manchester.parse(text, resolve, resolve_label)
    raise UsageError(f"there is no syntax {syntax!r} to read", hint=near_matches(syntax, PARSED))
