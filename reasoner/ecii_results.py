"""Result files of ECII, as published: its own text output, and tables of its solutions.

The text has a header with the settings and the examples, then the solutions::

    K1/conceptLimitInNegExpr: 1
    posIndivs from conf:
        ADE_train_00011669
    Algorithm duration: 2.388 sec
    solution 1: ∃ :imageContains.(:Sky)
        coverage_score: 0.875
        precision: 0.8378378378378378
        recall: 0.8378378378378378
        f_measure: 0.8378378378378378

A table is CSV with the columns rank, expression, coverage and some of precision, recall, f_measure and
coverage_by_reasoner.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..ontology.errors import DataError, UsageError

_SOLUTION = re.compile(r"solution (\d+): (.+)")
_MEASURE = re.compile(
    r"\s+(coverage|precision|recall|f_measure)(?:_score)?(_by_reasoner)?\s*: (-?[\d.]+(?:[eE][-+]?\d+)?)"
)
_LISTS = {
    "posIndivs from conf:": "positive",
    "negIndivs from conf:": "negative",
    "objProps from conf:": "property",
}
_SECONDS = re.compile(r"Algorithm duration: ([\d.]+) sec")
_TYPES = re.compile(r"Total (positive|negative) types .*found using all objectProperty: (\d+)")
_SETTING = re.compile(r"([A-Za-z][\w/]*): (\S.*)")


@dataclass(frozen=True)
class PublishedSolution:
    """One solution of a result file.

    Attributes
    ----------
    rank
        1 for the first.
    expression
        As written there.
    measures
        Values by name: coverage, precision, recall, f_measure, each perhaps with ``_by_reasoner``.
    """

    rank: int
    expression: str
    measures: Mapping[str, float]


@dataclass(frozen=True)
class EciiResults:
    """One result file.

    Attributes
    ----------
    path
        The file.
    settings
        Settings by their names in the header, such as ``K1/conceptLimitInNegExpr``; a table has none.
    positives, negatives
        Local names of the examples in the header.
    types
        Numbers of positive and of negative types before any are removed, or None.
    seconds
        Duration of the algorithm, or None.
    solutions
        In the order of the file.
    """

    path: Path
    settings: Mapping[str, str]
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    types: tuple[int, int] | None
    seconds: float | None
    solutions: tuple[PublishedSolution, ...]


def read_results(path: Path) -> EciiResults:
    """Read a result file: ``.csv``, or text, packed (``.gz``) or not.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        It is not UTF-8, or holds what neither kind of file does.
    """
    if not path.is_file():
        raise UsageError("the file does not exist", where=path, expected="a result file of ECII")
    try:
        packed = path.read_bytes()
        text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8")
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", where=path, expected="UTF-8 text, gzip or plain") from error
    if path.suffix == ".csv":
        return EciiResults(path, {}, (), (), None, None, tuple(_rows(text, path)))
    return _read_text(text, path)


def _rows(text: str, path: Path) -> Iterator[PublishedSolution]:
    reader = csv.DictReader(text.splitlines())
    if not {"rank", "expression", "coverage"} <= set(reader.fieldnames or ()):
        raise DataError(
            "has not the columns of a table of solutions", where=path, expected="rank, expression, coverage …"
        )
    for row in reader:
        try:
            measures = {k: float(v) for k, v in row.items() if k not in ("rank", "expression") and v}
            yield PublishedSolution(int(row["rank"]), row["expression"], measures)
        except (TypeError, ValueError) as error:
            raise DataError(f"a value is not a number ({error})", where=f"{path}:{reader.line_num}") from error


def _read_text(text: str, path: Path) -> EciiResults:
    settings: dict[str, str] = {}
    listed: dict[str, list[str]] = {"positive": [], "negative": [], "property": []}
    types: dict[str, int] = {}
    seconds: float | None = None
    solutions: list[PublishedSolution] = []
    names: list[str] | None = None
    measures: dict[str, float] = {}
    for line in text.splitlines():
        if found := _SOLUTION.match(line):
            names, measures = None, {}
            solutions.append(PublishedSolution(int(found[1]), found[2].strip(), measures))
        elif solutions and (found := _MEASURE.match(line)):
            measures[found[1] + (found[2] or "")] = float(found[3])
        elif line.strip() in _LISTS:
            names = listed[_LISTS[line.strip()]]
        elif names is not None and line[:1] in ("\t", " ") and line.strip():
            names.append(line.strip())
        elif found := _SECONDS.match(line.strip()):
            names, seconds = None, float(found[1])
        elif found := _TYPES.match(line):
            names = None
            types[found[1]] = int(found[2])
        elif not solutions and (found := _SETTING.fullmatch(line.strip())):
            names = None
            settings[found[1]] = found[2]
    if not solutions and seconds is None and not settings:
        raise DataError("is not the output of ECII", where=path, expected="settings, then 'solution 1: …'")
    return EciiResults(
        path=path,
        settings=settings,
        positives=tuple(listed["positive"]),
        negatives=tuple(listed["negative"]),
        types=(types["positive"], types["negative"]) if len(types) == 2 else None,
        seconds=seconds,
        solutions=tuple(solutions),
    )
