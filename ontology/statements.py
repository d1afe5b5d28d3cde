"""Triples of a file that a user wrote, and the lines on which they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Triple

LineKey = tuple[str, str, str]
"""Subject, predicate and object as text; the later ones are empty for the first line of a shorter pattern."""


@dataclass(frozen=True)
class Statements:
    """What a file states.

    Attributes
    ----------
    triples
        The triples, in the order of the file.
    origin
        The file.
    lines
        Line, counted from 1, of each triple between IRIs, and of the first one with a subject, or a subject and
        a predicate. May lack some.

    Examples
    --------
    >>> a, p, b = (NamedNode(f"http://example.org/{name}") for name in "apb")
    >>> statements = Statements((Triple(a, p, b),), "x.ttl", {(a.value, "", ""): 7})
    >>> statements.line(a.value, p.value, b.value), statements.line(b.value)
    (7, None)
    """

    triples: tuple[Triple, ...]
    origin: str
    lines: Mapping[LineKey, int] = field(default_factory=dict)

    def line(self, subject: str, predicate: str = "", value: str = "") -> int | None:
        """Line of a triple; where that is not known, of the nearest pattern that is."""
        for key in ((subject, predicate, value), (subject, predicate, ""), (subject, "", "")):
            if key in self.lines:
                return self.lines[key]
        return None


def text_of(term: object) -> str:
    """Value of an IRI or literal, as it stands in a :data:`LineKey`; empty for a blank node."""
    return term.value if isinstance(term, NamedNode | Literal) else ""
