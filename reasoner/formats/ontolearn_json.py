"""Problems in JSON: Ontolearn's files, and plain ones of the same kind.

Ontolearn keeps several problems in a file (dice-group/Ontolearn, ``LPs/*.json``)::

    {"data_path": "family.owl",
     "problems": {"Aunt": {"positive_examples": ["http://…"], "negative_examples": ["http://…"]}}}

The same without ``problems``, one problem alone or under ``learning_problem``, and the shorter keys
``positive``, ``positives`` and ``pos`` are read, too. ``knowledge_sources`` lists files; settings have
DL-Learner's names or those that Ontolearn gives to the arguments of its learners (``max_runtime``,
``quality_metric``, ``use_inverse`` …). A setting beside ``problems`` holds for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...ontology.errors import DataError, UsageError, near_matches
from ..problem import LANGUAGE, LearningProblem, ProblemKind, ProblemSettings, expand, expand_class, make_problem

_POSITIVE = ("positive_examples", "positives", "positive", "positiveExamples", "pos")
_NEGATIVE = ("negative_examples", "negatives", "negative", "negativeExamples", "neg")
_KNOWLEDGE = ("data_path", "knowledge_sources")
_CLASS = ("class_to_describe", "classToDescribe")
_SETTINGS = {
    "algorithm": "algorithm",
    "model": "algorithm",
    "ignoredConcepts": "ignoredConcepts",
    "concepts_to_ignore": "ignoredConcepts",
    "ignore": "ignoredConcepts",
    "ignoredObjectProperties": "ignoredObjectProperties",
    "maxExecutionTimeInSeconds": "maxExecutionTimeInSeconds",
    "max_runtime": "maxExecutionTimeInSeconds",
    "maxNrOfResults": "maxNrOfResults",
    "max_results": "maxNrOfResults",
    "accuracyMethod": "accuracyMethod",
    "quality_metric": "accuracyMethod",
    "quality_func": "accuracyMethod",
    "noisePercentage": "noisePercentage",
    "startClass": "startClass",
}
"""Settings, with DL-Learner's name for each."""

_SWITCHES = {
    "use_all_constructor": "useAllConstructor",
    "use_boolean_datatype": "useBooleanDatatypes",
    "use_card_restrictions": "useCardinalityRestrictions",
    "card_limit": "cardinalityLimit",
    "use_data_properties": "useDataProperties",
    "use_inverse": "useInverse",
    "use_negation": "useNegation",
    "use_nominals": "useHasValueConstructor",
    "use_numeric_datatypes": "useNumericDatatypes",
    "use_time_datatypes": "useTimeDatatypes",
    **{name: name for name in sorted(LANGUAGE)},
}
"""Switches of the language, with DL-Learner's name for each."""

_WITHOUT_EFFECT = ("knowledge_present", "terminate_on_goal", "reasoner")
_KINDS: dict[str, ProblemKind] = {
    "posonlylp": "positive-only",
    "clp": "class",
    "classlearningproblem": "class",
}
_PROBLEM = frozenset({*_POSITIVE, *_NEGATIVE, *_CLASS})


def matches(text: str) -> bool:
    """Whether a text is a JSON object or list."""
    return text.lstrip().startswith(("{", "["))


def read(text: str, path: Path, select: str | None) -> LearningProblem:
    """Read the only problem of a file, or the one called `select`.

    Raises
    ------
    DataError
        It is not JSON of this kind, or the examples are not usable.
    UsageError
        There is no problem of this name, or there are several and none is selected.
    """
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise DataError(f"is not valid JSON ({error.msg})", where=f"{path}:{error.lineno}") from error
    except RecursionError as error:
        raise DataError("is nested too deeply", where=path, expected="an object of named problems") from error
    except _RepeatedKeyError as error:
        raise DataError(f"the key {error.args[0]!r} occurs twice in one object", where=path) from error
    problems, shared = _problems(content, path)
    if select is None and len(problems) == 1:
        select = next(iter(problems))
    if select is None:
        raise UsageError(
            f"holds {len(problems)} learning problems",
            where=path,
            expected="the name of one of them",
            hint=f"they are called {', '.join(problems)}",
        )
    if select not in problems:
        raise UsageError(f"holds no problem called {select!r}", where=path, hint=near_matches(select, problems))
    return _problem(select, problems[select], shared, path)


class _RepeatedKeyError(Exception):
    """A key that occurs twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKeyError(key)
            seen.add(key)
    return result


def _problems(content: Any, path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Problems by name, and what holds for all of them."""
    if not isinstance(content, dict):
        raise DataError("is a JSON list", where=path, expected="an object with the examples of a problem")
    if _is_problem(content):
        return {path.stem: content}, {}
    shared = dict(content)
    inner = shared.pop("problems", None)
    if inner is None:
        inner = shared.pop("learning_problem", None)
    if inner is None:
        outside = {*_KNOWLEDGE, *_SETTINGS, *_SWITCHES, "prefixes"}
        inner = {name: value for name, value in content.items() if name not in outside}
        shared = {name: value for name, value in content.items() if name in outside}
    if isinstance(inner, dict) and _is_problem(inner):
        inner = {path.stem: inner}
    if not isinstance(inner, dict) or not inner or not all(map(_is_problem, inner.values())):
        raise DataError(
            "is JSON without examples",
            where=path,
            expected='"positive_examples" and "negative_examples", or named problems that have them',
        )
    return inner, shared


def _is_problem(value: Any) -> bool:
    return isinstance(value, dict) and not _PROBLEM.isdisjoint(value)


def _problem(name: str, content: dict[str, Any], shared: dict[str, Any], path: Path) -> LearningProblem:
    where = f"{path}, problem {name!r}"
    described = _one(content, _CLASS)
    kind = _KINDS.get(str(content.get("problem_type", "")).lower(), "standard" if described is None else "class")
    known = {*_PROBLEM, *_KNOWLEDGE, *_SETTINGS, *_SWITCHES, *_WITHOUT_EFFECT, "problem_type", "prefixes"}
    prefixes = content.get("prefixes", shared.get("prefixes", {}))
    if not isinstance(prefixes, dict) or not all(isinstance(iri, str) for iri in prefixes.values()):
        raise DataError('"prefixes" is of another kind', where=where, expected='{"prefix": "iri", …}')
    if described is not None and not isinstance(described, str):
        raise DataError("the class to describe is no text", where=where, expected="an IRI")
    return make_problem(
        name,
        _strings(content, _POSITIVE, where),
        _strings(content, _NEGATIVE, where),
        origin=path,
        kind=kind,
        described_class=described,
        knowledge=_strings(content, _KNOWLEDGE, where) or _strings(shared, _KNOWLEDGE, where),
        prefixes=prefixes,
        settings=_settings(_in_one_spelling(shared) | _in_one_spelling(content), prefixes, where),
        warnings=[
            f"{path.name}: {key} is not supported and is ignored"
            for key in dict.fromkeys([*shared, *content])
            if key not in known
        ],
    )


def _in_one_spelling(content: Mapping[str, Any]) -> dict[str, Any]:
    """Settings and switches by DL-Learner's names."""
    return {ours: content[key] for key, ours in reversed((_SETTINGS | _SWITCHES).items()) if key in content}


def _settings(given: Mapping[str, Any], prefixes: Mapping[str, str], where: str) -> ProblemSettings:
    for key in ("startClass", "algorithm", "accuracyMethod"):
        if not isinstance(given.get(key, ""), str):
            raise DataError(f"{key!r} is no text", where=where)
    language = {}
    for switch in sorted(LANGUAGE & given.keys()):
        if not isinstance(given[switch], (bool, int, float)):
            raise DataError(
                f"{switch!r} is {json.dumps(given[switch])}", where=where, expected="true, false or a number"
            )
        language[switch] = given[switch]
    top = _number(given, "maxNrOfResults", where)
    if top is not None and (top < 1 or top % 1):
        raise DataError(f"'maxNrOfResults' is {top:g}", where=where, expected="a whole number of at least 1")
    time_limit = _number(given, "maxExecutionTimeInSeconds", where)
    if time_limit is not None and not time_limit >= 0:
        raise DataError(f"the time limit is {time_limit:g}", where=where, expected="seconds, or 0 for no limit")
    start = given.get("startClass")
    return ProblemSettings(
        ignored_classes=tuple(expand(c, prefixes) for c in _strings(given, ("ignoredConcepts",), where)),
        ignored_properties=tuple(expand(p, prefixes) for p in _strings(given, ("ignoredObjectProperties",), where)),
        start_class=None if start is None else expand_class(start, prefixes),
        noise_percentage=_number(given, "noisePercentage", where),
        time_limit=time_limit,
        top=None if top is None else int(top),
        score=given.get("accuracyMethod"),
        algorithm=given.get("algorithm"),
        language=MappingProxyType(language),
    )


def _one(content: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((content[key] for key in keys if key in content), None)


def _strings(content: Mapping[str, Any], keys: tuple[str, ...], where: str) -> list[str]:
    """Texts under the first of several keys; a single text counts as a list of one."""
    key = next((key for key in keys if key in content), None)
    if key is None:
        return []
    values = [content[key]] if isinstance(content[key], str) else content[key]
    if not isinstance(values, list):
        raise DataError(f"{key!r} is of another kind", where=where, expected="a list of texts")
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise DataError(f"entry {position + 1} of {key!r} is {json.dumps(value)}", where=where, expected="a text")
    return values


def _number(content: Mapping[str, Any], key: str, where: str) -> float | None:
    value = content.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise DataError(f"{key!r} is {json.dumps(value)}", where=where, expected="a number")
    return None if value is None else float(value)
