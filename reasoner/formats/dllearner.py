"""DL-Learner's ``.conf`` files, in the present syntax and in the one before 2011.

The present syntax sets properties of named beans, whose role is given by their type and never by their name
(SmartDataAnalytics/DL-Learner, ``confparser/conf.jj``)::

    prefixes = [ ("ex","http://example.com/father#") ]
    ks.type = "OWL File"
    ks.fileName = "father.owl"
    reasoner.type = "closed world reasoner"
    reasoner.sources = { ks }
    lp.type = "posNegStandard"
    lp.positiveExamples = { "ex:stefan", "ex:markus" }
    lp.negativeExamples = { "ex:heinz" }
    alg.type = "celoe"
    alg.noisePercentage = 5

The older one ends statements with a semicolon, chooses components by their own names and lists the examples::

    import("father.owl");
    algorithm = celoe;
    celoe.noisePercentage = 5;
    +"http://example.com/father#stefan"
    -"http://example.com/father#heinz"
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType

from ...ontology.errors import DataError
from ..problem import LANGUAGE, LearningProblem, ProblemKind, ProblemSettings, expand, expand_class, make_problem
from .dllearner_syntax import NUMBER, Bean, Document, Reference, Value, parse

_MARK = re.compile(
    r"^[ \t]*(?:(?!lp\.)\w+\.type[ \t]*=|\w+\.classToDescribe[ \t]*=|import[ \t]*\("
    r'|(?:algorithm|problem)[ \t]*=|[+-][ \t]*")',
    re.MULTILINE,
)

_PROBLEMS: dict[str, ProblemKind] = {
    "posnegstandard": "standard",
    "posneglpstandard": "standard",
    "posneglp": "standard",
    "posnegdefinition": "standard",
    "posonlylp": "positive-only",
    "posonly": "positive-only",
    "posonlydefinition": "positive-only",
    "clp": "class",
    "classlearning": "class",
    "classlearningproblem": "class",
}
_KNOWLEDGE = frozenset(
    [
        "owlfile",
        "kbfile",
        "owlapiontology",
        "sparqlendpoint",
        "sparqlendpointfragment",
        "sparqlfragment",
        "sparqlfrag",
        "sparql",
    ]
)
_ALGORITHMS = frozenset(
    [
        "celoe",
        "pceloe",
        "isle",
        "ocel",
        "rootofocel",
        "eltl",
        "eltldisjunctive",
        "naivealllearner",
        "randomguesser",
        "fuzzyocel",
        "gp",
        "refinement",
        "spacel",
        "parcel",
    ]
)
_ACCURACY_TYPE = re.compile(r"fmeasure|genfmeasure|predacc|jaccard|amcadjacc|standard")
_WITHOUT_EFFECT = frozenset(
    [
        "type",
        "reasoner",
        "sources",
        "operator",
        "heuristic",
        "reasonerComponent",
        "reasonerType",
        "learningProblem",
        "writeSearchTree",
        "replaceSearchTree",
        "searchTreeFile",
        "stopOnFirstDefinition",
        "terminateOnNoiseReached",
    ]
)
"""Properties that wire components together, choose a reasoner, write logs or say when to stop before the best
answer is found, and hence do not change what the best answer is."""

_PROBLEM_PROPERTIES = frozenset({"positiveExamples", "negativeExamples", "classToDescribe", "accuracyMethod"})
_ALGORITHM_PROPERTIES = frozenset(
    [
        "ignoredConcepts",
        "ignoredObjectProperties",
        "startClass",
        "noisePercentage",
        "maxExecutionTimeInSeconds",
        "maxNrOfResults",
    ]
)
_PLAIN = frozenset(["prefixes", "problem", "algorithm", "reasoner", "rendering", "baseURI"])
"""Settings without a bean that are used, or that do not change what is learned."""


def matches(text: str) -> bool:
    """Whether a text has a statement that only DL-Learner's files have."""
    return bool(_MARK.search(text))


def read(text: str, path: Path) -> LearningProblem:
    """Read the problem of a file.

    Raises
    ------
    DataError
        It breaks the syntax, the kind of problem is not known, or the examples are not usable.
    """
    document = parse(text, path)
    problem, kind = _problem(document)
    algorithm = _algorithm(document)
    prefixes = _prefixes(document)
    described = problem.value("classToDescribe")
    if described is not None and not isinstance(described, str):
        raise _wrong(document, problem, "classToDescribe", 'a class in "…"')
    settings = _settings(document, problem, algorithm, prefixes)
    knowledge = _knowledge(document)
    _warn_of_the_rest(document, problem, algorithm)
    return make_problem(
        path.stem,
        [*_texts(document, problem, "positiveExamples"), *document.positives],
        [*_texts(document, problem, "negativeExamples"), *document.negatives],
        origin=path,
        kind=kind,
        described_class=described,
        knowledge=knowledge,
        prefixes=prefixes,
        settings=settings,
        warnings=document.warnings,
    )


def _problem(document: Document) -> tuple[Bean, ProblemKind]:
    """Bean of the learning problem, and its kind."""
    chosen = document.plain.get("problem", (None, 0))[0]
    found = [b for b in document.beans.values() if b.type in _PROBLEMS and ("type" in b.properties or not chosen)]
    if isinstance(chosen, Reference):
        found = [document.beans.setdefault(chosen.bean, Bean(chosen.bean))]
    if not found:
        found = [
            b
            for b in document.beans.values()
            if not {"positiveExamples", "negativeExamples", "classToDescribe"}.isdisjoint(b.properties)
        ]
    if len(found) > 1:
        raise DataError(
            f"has {len(found)} learning problems: {', '.join(b.name for b in found)}",
            where=document.path,
            expected="one in a file",
        )
    if not found:
        return Bean("lp"), "standard"
    bean = found[0]
    if bean.type in _PROBLEMS:
        return bean, _PROBLEMS[bean.type]
    if "type" in bean.properties:
        raise _wrong(document, bean, "type", "posNegStandard, posOnlyLP or classLearning")
    return bean, "class" if "classToDescribe" in bean.properties else "standard"


def _algorithm(document: Document) -> Bean:
    """Bean of the learning algorithm; the first of several."""
    chosen = document.plain.get("algorithm", (None, 0))[0]
    if isinstance(chosen, Reference):
        found = [document.beans.setdefault(chosen.bean, Bean(chosen.bean))]
    else:
        found = [b for b in document.beans.values() if "type" in b.properties and b.type in _ALGORITHMS]
    for bean in found[1:]:
        document.warn(bean.properties["type"][1], f"{bean.name} is a second algorithm and is ignored")
    return found[0] if found else Bean("")


def _prefixes(document: Document) -> dict[str, str]:
    value, line = document.plain.get("prefixes", ((), 0))
    prefixes = {}
    for pair in value if isinstance(value, tuple) else (value,):
        match pair:
            case (str(prefix), str(namespace)):
                prefixes[prefix] = namespace
            case _:
                raise DataError(
                    "prefixes has a value of another kind",
                    where=f"{document.path}:{line}",
                    expected='[ ("prefix","iri"), … ]',
                )
    return prefixes


def _knowledge(document: Document) -> list[str]:
    """Files and endpoints: those that a reasoner has as sources, all of them if none says so, and imports."""
    sources = {
        name: bean
        for name, bean in document.beans.items()
        if bean.type in _KNOWLEDGE or not {"fileName", "url"}.isdisjoint(bean.properties)
    }
    used = [
        reference.bean
        for bean in document.beans.values()
        for reference in _tuple(bean.value("sources"))
        if isinstance(reference, Reference) and reference.bean in sources
    ]
    found = list(document.imports)
    for name in dict.fromkeys(used or sources):
        bean = sources[name]
        if "fileName" in bean.properties:
            folder = bean.value("baseDir")
            file = _text(document, bean, "fileName")
            found.append(f"{folder}/{file}" if isinstance(folder, str) else file)
        elif "url" in bean.properties:
            found.append(_text(document, bean, "url"))
    return found


def _settings(document: Document, problem: Bean, algorithm: Bean, prefixes: dict[str, str]) -> ProblemSettings:
    def iris(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(expand(text, prefixes) for text in _texts(document, algorithm, name)))

    start = algorithm.value("startClass")
    if start is not None and not isinstance(start, str):
        raise _wrong(document, algorithm, "startClass", 'a class in "…"')
    top = _number(document, algorithm, "maxNrOfResults")
    if top is not None and (top < 1 or top % 1):
        raise _wrong(document, algorithm, "maxNrOfResults", "a whole number of at least 1")
    time_limit = _number(document, algorithm, "maxExecutionTimeInSeconds")
    if time_limit is not None and time_limit < 0:
        raise _wrong(document, algorithm, "maxExecutionTimeInSeconds", "seconds, or 0 for no limit")
    language: dict[str, bool | float] = {}
    for bean in (algorithm, *_operators(document, algorithm)):
        for name in LANGUAGE & bean.properties.keys():
            value = bean.value(name)
            if value in ("true", "false"):
                value = value == "true"
            if not isinstance(value, (bool, float)):
                raise _wrong(document, bean, name, "true, false or a number")
            language[name] = value
    return ProblemSettings(
        ignored_classes=iris("ignoredConcepts"),
        ignored_properties=iris("ignoredObjectProperties"),
        start_class=None if start is None else expand_class(start, prefixes),
        noise_percentage=_number(document, algorithm, "noisePercentage"),
        time_limit=time_limit,
        top=None if top is None else int(top),
        score=_score(document, problem),
        algorithm=algorithm.type or None,
        language=MappingProxyType(dict(sorted(language.items()))),
    )


def _operators(document: Document, algorithm: Bean) -> list[Bean]:
    """Refinement operators: the one the algorithm names, else all that set what only operators have."""
    named = algorithm.value("operator")
    if isinstance(named, Reference) and named.bean in document.beans:
        return [document.beans[named.bean]]
    return [
        b
        for b in document.beans.values()
        if "type" in b.properties and b.type not in _ALGORITHMS and not LANGUAGE.isdisjoint(b.properties)
    ]


def _score(document: Document, problem: Bean) -> str | None:
    """Accuracy method: the one the problem names, else the only one there is."""
    named = problem.value("accuracyMethod")
    if isinstance(named, str):
        return named
    if isinstance(named, Reference):
        bean = document.beans.get(named.bean)
        written = None if bean is None else bean.value("type")
        return written if isinstance(written, str) else named.bean
    found = [
        written
        for b in document.beans.values()
        if isinstance(written := b.value("type"), str) and _ACCURACY_TYPE.match(b.type)
    ]
    return found[0] if found else None


def _warn_of_the_rest(document: Document, problem: Bean, algorithm: Bean) -> None:
    """Warn once of each setting that nothing was made of, in one message for each component."""
    operators = _operators(document, algorithm)
    for bean in document.beans.values():
        if "type" not in bean.properties and bean.type in _ALGORITHMS and bean is not algorithm:
            line = min(line for _, line in bean.properties.values())
            document.warn(line, f"the settings of {bean.name} are ignored, because it is not the algorithm")
            continue
        used = set(_WITHOUT_EFFECT)
        if bean is problem:
            used |= _PROBLEM_PROPERTIES
        if bean is algorithm:
            used |= _ALGORITHM_PROPERTIES
        if bean is algorithm or bean in operators:
            used |= LANGUAGE
        if bean.type in _KNOWLEDGE or not {"fileName", "url"}.isdisjoint(bean.properties):
            used |= {"fileName", "url", "baseDir"}
        rest = {name: line for name, (_, line) in bean.properties.items() if name not in used}
        if rest:
            names = ", ".join(f"{bean.name}.{name}" for name in rest)
            document.warn(min(rest.values()), f"{names} {_ignored(rest)}")
    rest = {name: line for name, (_, line) in document.plain.items() if name not in _PLAIN}
    if rest:
        document.warn(min(rest.values()), f"{', '.join(rest)} {_ignored(rest)}")


def _ignored(names: Collection[str]) -> str:
    return "is not supported and is ignored" if len(names) == 1 else "are not supported and are ignored"


def _tuple(value: Value | None) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _texts(document: Document, bean: Bean, name: str) -> list[str]:
    """Texts of a set; names without quotes are texts too."""
    texts = []
    for value in _tuple(bean.value(name)):
        match value:
            case str(text) | Reference(text):
                texts.append(text)
            case _:
                raise _wrong(document, bean, name, '{ "name", … }')
    return texts


def _text(document: Document, bean: Bean, name: str) -> str:
    value = bean.value(name)
    if not isinstance(value, str):
        raise _wrong(document, bean, name, 'a text in "…"')
    return value


def _number(document: Document, bean: Bean, name: str) -> float | None:
    """Value of a number, which may stand in quotes."""
    value = bean.value(name)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    if value is None or (isinstance(value, float) and not isinstance(value, bool)):
        return value
    raise _wrong(document, bean, name, "a number")


def _wrong(document: Document, bean: Bean, name: str, expected: str) -> DataError:
    value, line = bean.properties[name]
    match value:
        case str():
            shown = repr(value)
        case bool():
            shown = str(value).lower()
        case float():
            shown = f"{value:g}"
        case _:
            shown = "of another kind"
    return DataError(f"{bean.name}.{name} is {shown}", where=f"{document.path}:{line}", expected=expected)
