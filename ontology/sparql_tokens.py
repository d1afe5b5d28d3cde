"""The words of a SPARQL query and where they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["iri", "name", "blank", "variable", "string", "language", "number", "word", "mark"]

_NAME_END = r"(?:[\w:\-]|%[0-9A-Fa-f]{2}|\\.)"
_TOKEN = re.compile(
    rf"""
      (?P<space> (?: \s | \#[^\n]* )+ )
    | (?P<iri> <[^<>"{{}}|^`\\\x00-\x20]*> )
    | (?P<string> \"\"\"(?:[^"\\]|\\.|\"(?!\"\"))*\"\"\" | '''(?:[^'\\]|\\.|'(?!''))*'''
                | "(?:[^"\\\n\r]|\\.)*" | '(?:[^'\\\n\r]|\\.)*' )
    | (?P<blank> _: \w (?: [\w.\-]* [\w\-] )? )
    | (?P<name> (?: [^\W\d_] (?: [\w.\-]* [\w\-] )? )? : (?: (?:[\w:]|%[0-9A-Fa-f]{{2}}|\\.)
                (?: (?: \.* {_NAME_END} )* ) )? )
    | (?P<variable> [?$] \w+ )
    | (?P<language> @ [A-Za-z]+ (?: -[A-Za-z0-9]+ )* )
    | (?P<number> (?: \d*\.\d+ | \d+ ) (?: [eE][+-]?\d+ )? )
    | (?P<word> [A-Za-z_] \w* )
    | (?P<mark> \^\^ | && | \|\| | != | <= | >= | << | >> | \{{\| | \|\}} | . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One word of a query.

    Attributes
    ----------
    kind
        What it is; ``name`` is a prefixed name, ``word`` a keyword, ``mark`` an operator or bracket.
    text
        As it is written.
    start, end
        Positions in the query.
    """

    kind: Kind
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of the given keywords or marks, in whatever case."""
        return self.kind in ("word", "mark") and self.text.upper() in words


def tokens(query: str) -> list[Token]:
    """Split a query; white space and comments are left out.

    Examples
    --------
    >>> [t.text for t in tokens("SELECT ?c { ?c rdfs:subClassOf* <http://example.org/#A> } # all")]
    ['SELECT', '?c', '{', '?c', 'rdfs:subClassOf', '*', '<http://example.org/#A>', '}']
    """
    return [
        Token(cast(Kind, match.lastgroup), match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(query)
        if match.lastgroup != "space"
    ]


def after_bracket(words: Sequence[Token], at: int) -> int:
    """Position after the bracket that closes the one before a position."""
    depth = 1
    while depth and at < len(words):
        depth += words[at].says("(", "{") - words[at].says(")", "}")
        at += 1
    return at
