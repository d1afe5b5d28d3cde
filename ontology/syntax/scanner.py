"""What the text syntaxes share: reading from left to right, names, literals, errors with a column."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Never

from ..errors import DataError, NeurontologyError, UsageError
from ..expression import Bottom, ClassExpression, Named, Top
from ..names import NOTHING, THING, Resolve, bracketed, is_name_character, unbracketed

XSD = "http://www.w3.org/2001/XMLSchema#"
MAX_DEPTH = 100
"""Deepest nesting that is read; it keeps hostile input from exhausting the interpreter's stack."""

_BUILT_IN: dict[str, ClassExpression] = {
    "owl:Thing": Top(),
    "owl:Nothing": Bottom(),
    THING: Top(),
    NOTHING: Bottom(),
}
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?[fF]", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[fF]?", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


class ExpressionSyntaxError(DataError):
    """The text is not a class expression; `column` counts from 1."""

    def __init__(self, text: str, column: int, what: str, expected: str | None = None) -> None:
        self.text = text
        self.column = column
        shown = text if len(text) <= 60 else "…" + text[max(0, column - 31) : column + 29] + "…"
        super().__init__(what, where=f"column {column} of {shown!r}", expected=expected)


def unresolved(name: str) -> str:
    """Stand in for a resolver where none was given: only IRIs in angle brackets can be read.

    Raises
    ------
    UsageError
        Always.
    """
    raise UsageError(f"the name {name!r} cannot be resolved", expected="a full IRI in angle brackets, <…>")


class Scanner:
    """A position in a text, and what can be read from there.

    Parameters
    ----------
    text
        What is read.
    resolve
        IRI for a short or prefixed name.
    resolve_label
        IRI for a quoted label, where the syntax knows quoted labels.
    """

    def __init__(self, text: str, resolve: Resolve, resolve_label: Resolve | None = None) -> None:
        self.text = text
        self.position = 0
        self._resolve = resolve
        self._resolve_label = resolve_label
        self._depth = 0

    def fail(self, expected: str, at: int | None = None) -> Never:
        """Raise an error that says what stands at the position and what was expected."""
        position = self.position if at is None else at
        rest = self.text[position:]
        if not rest:
            found = "the text ends here"
        elif (word := self._word(position)) and len(word) > 1:
            found = f"found {word!r}"
        elif rest[0].isprintable():
            found = f"found {rest[0]!r}"
        else:
            found = f"found the character U+{ord(rest[0]):04X}"
        raise ExpressionSyntaxError(self.text, position + 1, found, expected)

    def skip_space(self) -> None:
        """Move over white space."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1

    def peek(self) -> str:
        """Return the next character that is not white space, or the empty string."""
        self.skip_space()
        return self.text[self.position : self.position + 1]

    def take(self, symbol: str) -> bool:
        """Move over a symbol if it comes next."""
        self.skip_space()
        if self.text.startswith(symbol, self.position):
            self.position += len(symbol)
            return True
        return False

    def require(self, symbol: str, why: str = "") -> None:
        """Move over a symbol that must come next."""
        if not self.take(symbol):
            self.fail(f"{symbol!r}{' ' + why if why else ''}")

    def end(self, expected: str) -> None:
        """Check that nothing follows."""
        if self.peek():
            self.fail(expected)

    def nested(self, read: Callable[[], ClassExpression]) -> ClassExpression:
        """Read one level deeper, or refuse if that is too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.skip_space()
            self.fail(f"at most {MAX_DEPTH} levels of nesting")
        result = read()
        self._depth -= 1
        return result

    def keyword(self) -> str:
        """Return the next word without moving; the empty string if no bare word comes next."""
        self.skip_space()
        return self._word(self.position)

    def take_keyword(self, word: str) -> bool:
        """Move over a whole word if it comes next."""
        if self.keyword() != word:
            return False
        self.position += len(word)
        return True

    def number(self) -> int:
        """Read the number of a cardinality restriction."""
        self.skip_space()
        found = _INTEGER.match(self.text, self.position)
        if not found or not found[0].isdecimal() or len(found[0]) > 9:
            self.fail("a number from 0 to 999999999")
        self.position = found.end()
        return int(found[0])

    def iri(self, expected: str, stop: str = "") -> str:
        """Read an entity: a bare or prefixed name, an IRI in angle brackets, or a quoted label.

        Parameters
        ----------
        expected
            What to say if there is none.
        stop
            Characters that end a bare name here although they may occur in names.
        """
        start = self._entity_start(expected)
        if self.text[start] == "<":
            return self._bracketed_iri(start)
        if self.text[start] == "'":
            return self._checked(self._resolve_label or unresolved, self._quoted_label(start), start)
        name = self._word(start, stop)
        if not name:
            self.fail(expected)
        self.position = start + len(name)
        if name == "null":
            raise ExpressionSyntaxError(
                self.text,
                start + 1,
                "'null' stands where a class should be (ECII prints it for a class that it could not find)",
                expected,
            )
        return self._checked(self._resolve, name, start)

    def named(self, expected: str) -> ClassExpression:
        """Read a class name; ``owl:Thing`` and ``owl:Nothing`` are ⊤ and ⊥."""
        word = self.keyword()
        if word in ("owl:Thing", "owl:Nothing"):
            self.position += len(word)
            return _BUILT_IN[word]
        iri = self.iri(expected)
        return _BUILT_IN.get(iri) or Named(iri)

    def literal(self) -> tuple[str, str]:
        """Read a literal as lexical form and datatype IRI.

        ``5`` is an xsd:integer, ``0.5`` an xsd:decimal, ``0.5f`` an xsd:float, ``true`` an xsd:boolean,
        ``"text"`` an xsd:string; any other datatype follows a quoted form after ``^^``.
        """
        self.skip_space()
        if found := _STRING.match(self.text, self.position):
            start = self.position
            self.position = found.end()
            value = self._unescaped(found[1], start)
            return value, self.datatype() if self.take("^^") else XSD + "string"
        if (word := self.keyword()) in ("true", "false"):
            self.position += len(word)
            return word, XSD + "boolean"
        found = _NUMBER.match(self.text, self.position)
        if found:
            for pattern, name in ((_INTEGER, "integer"), (_DECIMAL, "decimal"), (_FLOAT, "float")):
                if pattern.fullmatch(found[0]):
                    self.position = found.end()
                    return found[0].removesuffix("f").removesuffix("F"), XSD + name
        return self.fail('a literal such as 5, 0.5, true, "text" or "5e-3"^^xsd:double')

    def datatype(self) -> str:
        """Read a datatype: ``xsd:…`` without any resolver, or any entity."""
        word = self.keyword()
        if word.startswith("xsd:"):
            self.position += len(word)
            return XSD + word[4:]
        return self.iri("a datatype")

    def _word(self, start: int, stop: str = "") -> str:
        end = start
        while end < len(self.text) and is_name_character(self.text[end]) and self.text[end] not in stop:
            end += 1
        return self.text[start:end]

    def _entity_start(self, expected: str) -> int:
        character = self.peek()
        if not character or not (character == "<" or is_name_character(character)):
            self.fail(expected)
        return self.position

    def _bracketed_iri(self, start: int) -> str:
        end = self.text.find(">", start)
        if end < 0:
            self.fail("'>' at the end of the IRI", at=len(self.text))
        self.position = end + 1
        iri = self._checked(unbracketed, self.text[start : end + 1], start)
        if not iri:
            self.fail("an IRI between the angle brackets", at=start + 1)
        return iri

    def _quoted_label(self, start: int) -> str:
        label, position = [], start + 1
        while position < len(self.text) and self.text[position] != "'":
            position += self.text[position] == "\\"
            label.append(self.text[position : position + 1])
            position += 1
        if position >= len(self.text):
            self.fail('"\'" at the end of the label', at=len(self.text))
        self.position = position + 1
        return "".join(label)

    def _checked(self, resolve: Resolve, name: str, start: int) -> str:
        try:
            return resolve(name)
        except (UsageError, DataError) as error:
            if isinstance(error, ExpressionSyntaxError):
                raise
            raise _with_column(error, start + 1) from error

    def _unescaped(self, text: str, start: int) -> str:
        def character(found: re.Match[str]) -> str:
            if found[1] not in _ESCAPES:
                self.fail('one of the escapes \\\\ \\" \\n \\r \\t', at=start + 1 + found.start())
            return _ESCAPES[found[1]]

        return re.sub(r"\\(.)", character, text, flags=re.DOTALL)


def _with_column(error: NeurontologyError, column: int) -> NeurontologyError:
    where = f"column {column}" if error.where is None else f"column {column}, {error.where}"
    return type(error)(error.what, where=where, expected=error.expected, hint=error.hint)


def write_literal(value: str, datatype: str) -> str:
    """Write a literal so that :meth:`Scanner.literal` reads the same lexical form and datatype.

    Examples
    --------
    >>> write_literal("5", XSD + "integer"), write_literal("5", XSD + "double")
    ('5', '"5"^^xsd:double')
    """
    bare = {"integer": _INTEGER, "decimal": _DECIMAL, "boolean": re.compile("true|false")}
    name = datatype.removeprefix(XSD)
    if datatype.startswith(XSD) and name in bare and bare[name].fullmatch(value):
        return value
    escaped = re.sub(r'[\\"]', r"\\\g<0>", value).replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    if datatype == XSD + "string":
        return f'"{escaped}"'
    known = datatype.startswith(XSD) and name.isascii() and name.isalnum()
    return f'"{escaped}"^^{"xsd:" + name if known else bracketed(datatype)}'
