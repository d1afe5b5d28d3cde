"""Learning problems: which individuals are positive, which negative, over which knowledge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

from ..ontology.errors import DataError

ProblemKind: TypeAlias = Literal["standard", "positive-only", "class"]
"""``standard``: both sides are given; ``positive-only``: every other individual is unlabelled; ``class``:
describe the instances of a named class, with no examples given."""

LANGUAGE = frozenset(
    [
        "useAllConstructor",
        "useExistsConstructor",
        "useNegation",
        "useCardinalityRestrictions",
        "cardinalityLimit",
        "useHasValueConstructor",
        "useDataHasValueConstructor",
        "useDataProperties",
        "useInverse",
        "useBooleanDatatypes",
        "useNumericDatatypes",
        "useTimeDatatypes",
        "useStringDatatypes",
        "useSomeOnly",
    ]
)
"""Switches of the language: those of DL-Learner's refinement operators, and ``useDataProperties``."""

SHOWN = 5
"""Names that a message lists, at most."""


@dataclass(frozen=True)
class EciiSettings:
    """Settings of ECII (K1 to K10 in its read-me) with its own defaults (md-k-sarker/ecii, ``ConfigParams``).

    Attributes
    ----------
    concept_limit_in_neg_expr
        K1, most concepts in the negated part of a Horn clause.
    horn_clause_limit
        K2, most Horn clauses in a candidate class.
    obj_props_combination_limit
        K3, most object properties in a candidate solution.
    concept_limit_in_pos_expr
        K4, most concepts in the positive part of a Horn clause.
    horn_clauses_list_max_size, candidate_classes_list_max_size
        K5 and K6, how many of the best ones are combined.
    remove_common_types, remove_common_types_from_one_side_only
        K7, whether types that occur on both sides are dropped, and whether from the weaker side only.
    validate_by_reasoner_size
        K8, how many of the best solutions a reasoner checks.
    pos_class_list_max_size, neg_class_list_max_size
        K9 and K10, how many types of a side are combined, if `limit_pos_types` and `limit_neg_types` say so.
    pos_type_min_cover_indivs_size, neg_type_min_cover_indivs_size
        How often a type must occur on its side to be combined.
    ascending_of_string_length
        Whether ties are ordered shortest first; ECII puts the longest first.
    version
        Version of the algorithm, ``v0``, ``v1`` or ``v2``.
    """

    concept_limit_in_neg_expr: int = 2
    horn_clause_limit: int = 2
    obj_props_combination_limit: int = 1
    concept_limit_in_pos_expr: int = 2
    horn_clauses_list_max_size: int = 10
    candidate_classes_list_max_size: int = 10
    remove_common_types: bool = True
    remove_common_types_from_one_side_only: bool = True
    validate_by_reasoner_size: int = 0
    limit_pos_types: bool = False
    limit_neg_types: bool = False
    pos_class_list_max_size: int = 20
    neg_class_list_max_size: int = 20
    pos_type_min_cover_indivs_size: int = 1
    neg_type_min_cover_indivs_size: int = 1
    ascending_of_string_length: bool = False
    version: str = "v2"


@dataclass(frozen=True)
class ProblemSettings:
    """What a problem file asks of the search, beside the examples. None and empty mean that it says nothing.

    Attributes
    ----------
    ignored_classes, ignored_properties
        Entities that no expression may use.
    object_properties
        The only object properties that expressions may use.
    start_class
        Class, or class expression as written, that every answer lies under.
    noise_percentage
        Share of wrongly covered examples that is accepted, 0 to 100.
    time_limit
        Seconds; 0 stands for no limit.
    top
        Number of answers.
    score
        Score, in the spelling of the file (``f_measure``, ``coverage``, ``pred_acc`` …).
    algorithm
        Algorithm, in the spelling of the file without regard to case (``celoe``, ``ocel`` …).
    language
        Some of :data:`LANGUAGE` with their values, such as ``useAllConstructor`` or ``cardinalityLimit``.
    ecii
        Settings of ECII, for its files only.
    """

    ignored_classes: tuple[str, ...] = ()
    ignored_properties: tuple[str, ...] = ()
    object_properties: tuple[str, ...] = ()
    start_class: str | None = None
    noise_percentage: float | None = None
    time_limit: float | None = None
    top: int | None = None
    score: str | None = None
    algorithm: str | None = None
    language: Mapping[str, bool | float] = field(default_factory=lambda: MappingProxyType({}))
    ecii: EciiSettings | None = None


@dataclass(frozen=True)
class LearningProblem:
    """One learning problem as its file states it.

    Attributes
    ----------
    name
        Name within the file, or the file's stem.
    positives, negatives
        Examples, each once, in the order of the file: IRIs, or names where the file gives names. See
        :func:`neurontology.reasoner.individuals.resolve_individuals`.
    origin
        File that it was read from.
    kind
        What sort of problem it is; ``negatives`` is empty unless it is ``standard``.
    described_class
        Class to describe, for the kind ``class``.
    knowledge
        Paths or URLs of the knowledge base as written. See
        :func:`neurontology.reasoner.knowledge.find_knowledge`.
    prefixes
        Namespaces by prefix that the file declares.
    settings
        What else it asks for.
    warnings
        What was read but has no effect, or looks like a mistake, with the line where there is one.
    """

    name: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    origin: Path
    kind: ProblemKind = "standard"
    described_class: str | None = None
    knowledge: tuple[str, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    settings: ProblemSettings = field(default_factory=ProblemSettings)
    warnings: tuple[str, ...] = ()


def make_problem(
    name: str,
    positives: Iterable[str],
    negatives: Iterable[str],
    *,
    origin: Path,
    kind: ProblemKind = "standard",
    described_class: str | None = None,
    knowledge: Iterable[str] = (),
    prefixes: Mapping[str, str] = MappingProxyType({}),
    settings: ProblemSettings | None = None,
    warnings: Iterable[str] = (),
) -> LearningProblem:
    """Check the examples and put a problem together; names with a declared prefix become IRIs.

    Raises
    ------
    DataError
        A side that the kind of problem needs is empty, or an individual is on both sides.

    Examples
    --------
    >>> problem = make_problem(
    ...     "cars", ["ex:a", "<http://b.org/#b>"], ["c"], origin=Path("x"), prefixes={"ex": "http://a.org/#"}
    ... )
    >>> problem.positives, problem.negatives
    (('http://a.org/#a', 'http://b.org/#b'), ('c',))
    """
    notes = list(warnings)
    if kind == "class" and described_class is None:
        raise DataError(f"the problem {name!r} names no class to describe", where=origin)
    positive = _examples(positives, "positive", origin, prefixes, notes)
    negative = _examples(negatives, "negative", origin, prefixes, notes)
    if (kind != "standard" and negative) or (kind == "class" and positive):
        notes.append(f"{origin.name}: a {kind} problem does not use these examples, they are left out")
    if kind != "standard":
        negative = ()
    if kind == "class":
        positive = ()
    elif not positive or (kind == "standard" and not negative):
        raise DataError(
            f"the problem {name!r} has no {'negative' if positive else 'positive'} examples",
            where=origin,
            expected="at least one individual" + (" on either side" if kind == "standard" else ""),
            hint=f"note {'; '.join(notes[:3])}" if notes else None,
        )
    others = frozenset(negative)
    if both := [example for example in positive if example in others]:
        are = f" of {name!r} is" if len(both) == 1 else f"s of {name!r} are"
        raise DataError(
            f"{len(both)} individual{are} both positive and negative: {_listed(both)}",
            where=origin,
            expected="every individual on one side only",
            hint="take each out of one of the lists",
        )
    return LearningProblem(
        name=name,
        positives=positive,
        negatives=negative,
        origin=origin,
        kind=kind,
        described_class=None if described_class is None else expand(described_class, prefixes),
        knowledge=tuple(knowledge),
        prefixes=MappingProxyType(dict(prefixes)),
        settings=settings or ProblemSettings(),
        warnings=tuple(notes),
    )


def _examples(
    given: Iterable[str], side: str, origin: Path, prefixes: Mapping[str, str], notes: list[str]
) -> tuple[str, ...]:
    """IRIs or names of one side, each once."""
    count = Counter(expand(example, prefixes) for example in given)
    if repeated := [example for example, times in count.items() if times > 1]:
        notes.append(f"{origin.name}: {side} examples are listed more than once: {_listed(repeated)}")
    undeclared: dict[str, list[str]] = {}
    for example in count:
        prefix, colon, _ = example.partition(":")
        if colon and not is_iri(example):
            undeclared.setdefault(prefix, []).append(example)
    notes.extend(
        f"{origin.name}: the prefix {prefix!r} is not declared, the local name stands for: {_listed(names)}"
        for prefix, names in undeclared.items()
    )
    return tuple(count)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def expand(name: str, prefixes: Mapping[str, str]) -> str:
    """IRI of a name with a declared prefix or in angle brackets; any other name as it is.

    Examples
    --------
    >>> expand("ex:a", {"ex": "http://a.org/#"}), expand("<http://b.org/>", {}), expand("ex:a", {})
    ('http://a.org/#a', 'http://b.org/', 'ex:a')
    """
    if name.startswith("<") and name.find(">") == len(name) - 1:
        return name[1:-1]
    prefix, colon, local = name.partition(":")
    if colon and prefix in prefixes and not local.startswith("//"):
        return prefixes[prefix] + local
    return name


def expand_class(written: str, prefixes: Mapping[str, str]) -> str:
    """IRI of a class as by :func:`expand`; a class expression in Manchester syntax as it is.

    Examples
    --------
    >>> prefixes = {"ex": "http://a.org/#"}
    >>> expand_class("ex:Drug", prefixes), expand_class("ex:Drug and <http://a.org/#Cheap>", prefixes)
    ('http://a.org/#Drug', 'ex:Drug and <http://a.org/#Cheap>')
    """
    return expand(written, prefixes) if is_name(written) else written


def is_name(written: str) -> bool:
    """Whether a class is given by one name and not by an expression, which has blanks or brackets.

    Examples
    --------
    >>> is_name("ex:Drug"), is_name("http://a.org/Drug_(cheap)"), is_name("not Drug"), is_name("(Drug)")
    (True, True, False, False)
    """
    return not written.startswith("(") and not re.search(r"\s|>.", written)


def is_iri(name: str) -> bool:
    """Whether a name is a full IRI and not a short name or one with a prefix.

    Examples
    --------
    >>> is_iri("http://a.org/#a"), is_iri("urn:uuid:1"), is_iri("ex:a"), is_iri("ADE_train_00000001")
    (True, True, False, False)
    """
    return "://" in name or name.startswith(("urn:", "tag:", "_:"))
