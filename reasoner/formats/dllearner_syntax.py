"""The syntax of DL-Learner's ``.conf`` files, present and old: components, their properties, examples."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from .text import Reader


@dataclass(frozen=True)
class Reference:
    """Name of a bean, as a value."""

    bean: str


Value: TypeAlias = bool | float | str | Reference | tuple["Value", ...]

_BLANK = re.compile(r"\s+|//[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_STRING = re.compile(r'"([^"\n]*)"')
_CLOSING = {"{": "}", "[": "]", "(": ")"}
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
"""A number, as it may also stand in quotes."""

MAX_DEPTH = 2
"""Deepest nesting of values: a list of pairs."""


@dataclass
class Bean:
    """A component and its properties, each with its line."""

    name: str
    properties: dict[str, tuple[Value, int]] = field(default_factory=dict)

    def value(self, name: str) -> Value | None:
        """Value of a property, None if it is not set."""
        return self.properties.get(name, (None, 0))[0]

    @property
    def type(self) -> str:
        """Type in one spelling; without one, the name, as components of the older syntax have it."""
        written = self.value("type")
        text = written if isinstance(written, str) else self.name
        if text.startswith("org."):
            text = text.rpartition(".")[2]
        return re.sub(r"[^a-z0-9]", "", text.lower())


@dataclass
class Document:
    """What a file says, before anything is made of it."""

    path: Path
    beans: dict[str, Bean] = field(default_factory=dict)
    plain: dict[str, tuple[Value, int]] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    positives: list[str] = field(default_factory=list)
    negatives: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, line: int, what: str) -> None:
        """Keep a warning with its line."""
        self.warnings.append(f"{self.path.name}:{line}: {what}")


def parse(text: str, path: Path) -> Document:
    """Read the statements of a file.

    Raises
    ------
    DataError
        It breaks the syntax.
    """
    reader = Reader(text, path, _BLANK)
    document = Document(path)
    while symbol := reader.peek():
        if symbol in "+-":
            reader.position += 1
            example = reader.take(_STRING) or reader.take(_WORD)
            if example is None:
                reader.unexpected(f'an individual in "…" after {symbol}')
            (document.positives if symbol == "+" else document.negatives).append(example)
        else:
            _statement(reader, document)
        reader.take_symbol(";")
    return document


def _statement(reader: Reader, document: Document) -> None:
    line = reader.line
    word = reader.take(_WORD)
    if word is None:
        reader.unexpected("a setting, bean.property = value")
    if reader.take_symbol("("):
        _call(reader, document, word, line)
        return
    where, key = document.plain, word
    if reader.take_symbol("."):
        part = reader.take(_WORD)
        if part is None:
            reader.unexpected(f"a property after {word}.")
        where, key = document.beans.setdefault(word, Bean(word)).properties, part
        word = f"{word}.{part}"
    if not reader.take_symbol("="):
        reader.unexpected(f"'=' after {word}")
    value = _value(reader)
    if key in where and where[key][0] != value:
        document.warn(line, f"{word} is set again after line {where[key][1]}, the last value counts")
    where[key] = (value, line)


def _call(reader: Reader, document: Document, function: str, line: int) -> None:
    arguments = []
    while not reader.take_symbol(")"):
        argument = reader.take(_STRING)
        if argument is None:
            reader.unexpected('a text in "…" or ")"')
        arguments.append(argument)
        reader.take_symbol(",")
    if function == "import" and arguments:
        document.imports.append(arguments[0])
    else:
        document.warn(line, f"{function}(…) is not supported and is ignored")


def _value(reader: Reader, depth: int = 0) -> Value:
    symbol = reader.peek()
    if symbol in _CLOSING and symbol:
        if depth == MAX_DEPTH:
            reader.unexpected("a name, text or number: lists hold pairs, and nothing is nested deeper")
        return _sequence(reader, symbol, depth + 1)
    if (text := reader.take(_STRING)) is not None:
        return text
    if (number := reader.take(NUMBER)) is not None:
        return float(number)
    if word := reader.take(_WORD):
        return word == "true" if word in ("true", "false") else Reference(word)
    if reader.take_symbol("-"):
        return ()
    reader.unexpected("a value: a name, text, number, { … } or [ … ]")


def _sequence(reader: Reader, opening: str, depth: int) -> tuple[Value, ...]:
    line = reader.line
    reader.require(opening)
    closing = _CLOSING[opening]
    values: list[Value] = []
    while not reader.take_symbol(closing):
        if not reader.peek():
            reader.fail(f"the {opening!r} of line {line} is not closed", repr(closing))
        values.append(_value(reader, depth))
        if not reader.take_symbol(",") and reader.peek() not in (closing, ""):
            reader.unexpected(f"',' or {closing!r}")
    return tuple(values)
