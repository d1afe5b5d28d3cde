"""Plain lists of individuals: one IRI or name in a line."""

from __future__ import annotations

import re
from pathlib import Path

from ...ontology.errors import DataError
from ..problem import LearningProblem, make_problem
from .text import read_text

_LINE = re.compile(r"(<[^<>\n]*>|[^\s<>\"]+)\s*(?:#.*)?")


def read(positives: Path, negatives: Path) -> LearningProblem:
    """Read a problem from two lists; it is named after the first file.

    Raises
    ------
    UsageError
        A file does not exist.
    DataError
        A line holds more than one name, a list is empty, or an individual is in both.
    """
    return make_problem(positives.stem, read_list(positives), read_list(negatives), origin=positives)


def read_list(path: Path) -> list[str]:
    """IRIs or names of a file; ``#`` at the start of a line or after a space begins a comment.

    Raises
    ------
    UsageError
        There is no such file.
    DataError
        A line holds more than one name.
    """
    names = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        if not found:
            raise DataError(
                f"{text[:60]!r} is not one name",
                where=f"{path}:{number}",
                expected="one IRI or name in a line; an IRI with spaces or quotes in <…>",
            )
        names.append(found[1])
    return names
