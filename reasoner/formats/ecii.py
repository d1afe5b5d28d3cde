"""ECII's ``.config`` files.

A file is read by ECII once as Java properties, for the single values, and once as text, for the lists
(md-k-sarker/ecii, ``ConfigParams`` and ``Utility``)::

    // default namespace
    namespace=http://www.daselab.com/residue/analysis#
    prefixes = [ ("ex","http://www.daselab.com/residue/analysis#") ]
    ks.fileName = "knowledge.owl"
    objectProperties={":imageContains"}
    lp.positiveExamples = {"ex:image1", "http://www.daselab.com/residue/analysis#image2"}
    lp.negativeExamples = {"ex:image3"}

Comments are ``//``, ``#``, ``!`` and ``/* */`` where a statement could begin. The last of several settings of
one key counts.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, TypeAlias

from ...ontology.errors import DataError
from ..problem import EciiSettings, LearningProblem, ProblemSettings, expand, make_problem
from .text import Reader

Value: TypeAlias = str | list[str] | dict[str, str]

_BLANK = re.compile(r"\s+|//[^\n]*|#[^\n]*|!(?!=)[^\n]*|/\*.*?\*/", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_][\w.\-]*")
_ASSIGN = re.compile(r"[=:]")
_STRING = re.compile(r'"([^"\n]*)"')
_BARE = re.compile(r"[^\n]*")
_TRAILING_COMMENT = re.compile(r"\s(?://|#|/\*).*")
_MARK = re.compile(
    r"^[ \t]*(?:namespace|scoreType|removeCommonTypes|(?:concept|hornClause|objProps|candidateClasses)\w*)"
    r"[ \t]*[=:]",
    re.MULTILINE,
)

_FIELDS = {
    re.sub("_([a-z])", lambda found: found[1].upper(), field.name): field
    for field in dataclasses.fields(EciiSettings)
    if field.name != "version"
}
_WITHOUT_EFFECT = frozenset(
    [
        "lp.type",
        "reasoner.reasonerImplementation",
        "resultFileExtension",
        "path.confFilePath",
        "ks.type",
        "runPairwiseSimilarity",
        "printLabelInsteadOfName",
    ]
)
"""Settings that do not change what is learned: the reasoner, the output."""

_STRUCTURED: dict[str, type[list[str]] | type[dict[str, str]]] = {
    "prefixes": dict,
    "lp.positiveExamples": list,
    "lp.negativeExamples": list,
    "objectProperties": list,
}
_SHOWN = {"dict": '[ ("prefix","iri"), … ]', "list": '{ "name", … }', "str": "a single value"}
_TEXTS = frozenset({"namespace", "delimiter", "ks.fileName", "scoreType", "ECIIAlgorithmVersion"})


def matches(text: str) -> bool:
    """Whether a text has a setting that only ECII's files have."""
    return bool(_MARK.search(text))


def read(text: str, path: Path) -> LearningProblem:
    """Read the problem of a file.

    Raises
    ------
    DataError
        It breaks the syntax, or the examples are not usable.
    """
    statements, warnings = _statements(text, path)
    delimiter = _text(statements, "delimiter") or "#"
    prefixes = {p: _namespace(n, delimiter) for p, n in _pairs(statements).items()}
    if namespace := _text(statements, "namespace"):
        prefixes[""] = _namespace(namespace, delimiter)
    knowledge = _text(statements, "ks.fileName")
    return make_problem(
        path.stem,
        _names(statements, "lp.positiveExamples"),
        _names(statements, "lp.negativeExamples"),
        origin=path,
        knowledge=[knowledge] if knowledge else [],
        prefixes=prefixes,
        settings=ProblemSettings(
            object_properties=tuple(dict.fromkeys(expand(p, prefixes) for p in _names(statements, "objectProperties"))),
            score=_text(statements, "scoreType"),
            algorithm="ecii",
            ecii=_ecii(statements, path),
        ),
        warnings=warnings,
    )


Statements: TypeAlias = dict[str, tuple[Value, int]]


def _statements(text: str, path: Path) -> tuple[Statements, list[str]]:
    """Value and line of each key, and warnings about repeated and unknown keys."""
    reader = Reader(text, path, _BLANK)
    statements: Statements = {}
    warnings: list[str] = []
    while reader.peek():
        line = reader.line
        key = reader.take(_KEY)
        if key is None or reader.take(_ASSIGN) is None:
            reader.unexpected("a setting, key = value" if key is None else f"'=' after {key}")
        value = _value(reader)
        wanted = _STRUCTURED.get(key, str)
        known = key in _FIELDS or key in _STRUCTURED or key in _TEXTS
        if known and not isinstance(value, wanted):
            shown = _SHOWN[wanted.__name__]
            raise DataError(f"{key} has a value of another kind", where=f"{path}:{line}", expected=shown)
        if not known and key not in _WITHOUT_EFFECT:
            if key not in statements:
                warnings.append(f"{path.name}:{line}: {key} is not a known setting of ECII and is ignored")
        elif key in statements and statements[key][0] != value:
            warnings.append(f"{path.name}:{line}: {key} is set again after line {statements[key][1]}, the last counts")
        statements[key] = (value, line)
    return statements, warnings


def _value(reader: Reader) -> Value:
    # A list may begin on the next line, a single value must stand on this one.
    ahead = reader.text[reader.position :].lstrip()[:1]
    if ahead == "{":
        return _list(reader)
    if ahead == "[":
        return _mapping(reader)
    rest = _BARE.match(reader.text, reader.position)
    bare = rest[0].strip() if rest else ""
    if bare.startswith('"'):
        quoted = reader.take(_STRING)
        return reader.unexpected('a text in "…"') if quoted is None else quoted
    reader.position += len(rest[0]) if rest else 0
    return _TRAILING_COMMENT.sub("", bare).rstrip()


def _list(reader: Reader) -> list[str]:
    reader.require("{")
    names = []
    while not reader.take_symbol("}"):
        name = reader.take(_STRING)
        if name is None:
            reader.unexpected('a name in "…" or "}"')
        names.append(name.strip())
        reader.take_symbol(",")
    return names


def _mapping(reader: Reader) -> dict[str, str]:
    reader.require("[")
    pairs = {}
    while not reader.take_symbol("]"):
        reader.require("(")
        prefix = reader.take(_STRING)
        reader.require(",")
        namespace = reader.take(_STRING)
        if prefix is None or namespace is None:
            reader.unexpected('("prefix","iri")')
        pairs[prefix] = namespace
        reader.require(")")
        reader.take_symbol(",")
    return pairs


def _text(statements: Statements, key: str) -> str | None:
    value = statements.get(key, ("", 0))[0]
    return value if isinstance(value, str) and value else None


def _names(statements: Statements, key: str) -> list[str]:
    value = statements.get(key, ([], 0))[0]
    return value if isinstance(value, list) else []


def _pairs(statements: Statements) -> dict[str, str]:
    value = statements.get("prefixes", ({}, 0))[0]
    return value if isinstance(value, dict) else {}


def _namespace(iri: str, delimiter: str) -> str:
    """Namespace that ends in a delimiter: ECII puts one between prefix and name where there is none."""
    return iri if iri.endswith(("#", "/", ":", delimiter)) else iri + delimiter


def _ecii(statements: Statements, path: Path) -> EciiSettings:
    given: dict[str, Any] = {}
    for key, field in _FIELDS.items():
        if key not in statements:
            continue
        value, line = statements[key]
        written = str(value)
        if isinstance(field.default, bool):
            if written.lower() not in ("true", "false"):
                raise DataError(f"{key} is {written!r}", where=f"{path}:{line}", expected="true or false")
            given[field.name] = written.lower() == "true"
        elif not written.isascii() or not written.isdigit():
            raise DataError(f"{key} is {written!r}", where=f"{path}:{line}", expected="a whole number")
        else:
            given[field.name] = int(written)
    if version := _text(statements, "ECIIAlgorithmVersion"):
        given["version"] = version.lower()
    return EciiSettings(**given)
