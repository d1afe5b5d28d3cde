"""The individuals that a learning problem speaks of: names become IRIs, missing sides are filled in."""

from __future__ import annotations

import dataclasses
import difflib
import logging
from collections.abc import Iterable

import numpy as np

from ..ontology.errors import DataError, UsageError
from ..ontology.expression import Named
from ..ontology.index import KBIndex
from ..ontology.iris import IriTable
from ..ontology.names import local_name
from .interpretation import Interpretation
from .problem import LearningProblem, is_iri

_log = logging.getLogger(__name__)

MAX_LISTED = 10
"""Individuals that an error lists, at most."""

MAX_COMPARED = 5_000
"""Individuals among which spellings are compared; that takes too long among more."""


def resolve_individuals(names: Iterable[str], index: KBIndex, *, skip_unknown: bool = False) -> list[str]:
    """IRIs of individuals given by IRI or by local name.

    An IRI that the knowledge base knows stands for itself. Any other name, with or without an undeclared
    prefix, stands for the only individual with this local name; a full IRI is never taken for another one.
    All individuals are gone through once, and only if some name is not a known IRI.

    Parameters
    ----------
    names
        IRIs and names.
    index
        Index of the knowledge base.
    skip_unknown
        Whether names that no individual has are left out, with a warning, instead of being an error.

    Returns
    -------
    list of str
        One IRI for each name, in the order given.

    Raises
    ------
    UsageError
        No individual, or more than one, has a name; up to ten of the names are listed.

    Examples
    --------
    >>> from pyoxigraph import NamedNode, Quad
    >>> from neurontology.ontology.vocabulary import TYPE
    >>> image = NamedNode("http://a.org/#Image")
    >>> index = KBIndex.build(Quad(NamedNode(f"http://a.org/#i{n}"), TYPE, image) for n in (1, 2))
    >>> resolve_individuals(["i2", "http://a.org/#i1", "ex:i1"], index)
    ['http://a.org/#i2', 'http://a.org/#i1', 'http://a.org/#i1']
    """
    given = list(names)
    table = index.individuals
    resolved = {name: name for name in given if name in table}
    if others := [name for name in dict.fromkeys(given) if name not in resolved]:
        holders = _holders(others, table)
        if unknown := [name for name in others if not holders[name]]:
            error = _unknown(unknown, table)
            if not skip_unknown:
                raise error
            _log.warning("left out, because %s", error.what)
            given = [name for name in given if name not in set(unknown)]
        if ambiguous := [name for name in others if len(holders[name]) > 1]:
            raise UsageError(
                "several individuals are called "
                + _listed([f"{name} ({', '.join(holders[name][:3])})" for name in ambiguous]),
                expected="full IRIs for these",
            )
        resolved |= {name: holders[name][0] for name in others if holders[name]}
    return [resolved[name] for name in given]


def resolve_problem(problem: LearningProblem, index: KBIndex, *, skip_unknown: bool = False) -> LearningProblem:
    """Resolve the examples of a problem to IRIs; `skip_unknown` as for :func:`resolve_individuals`.

    Raises
    ------
    UsageError
        No individual, or more than one, has a name.
    DataError
        Two names on different sides stand for one individual.
    """
    try:
        positives = dict.fromkeys(resolve_individuals(problem.positives, index, skip_unknown=skip_unknown))
        negatives = dict.fromkeys(resolve_individuals(problem.negatives, index, skip_unknown=skip_unknown))
    except UsageError as error:
        raise UsageError(error.what, where=problem.origin, expected=error.expected, hint=error.hint) from error
    if both := [iri for iri in positives if iri in negatives]:
        raise DataError(
            f"both positive and negative, under different names: {_listed(both)}",
            where=problem.origin,
            expected="every individual on one side only",
        )
    return dataclasses.replace(problem, positives=tuple(positives), negatives=tuple(negatives))


def complete_problem(problem: LearningProblem, interpretation: Interpretation) -> LearningProblem:
    """Fill in the sides that a problem leaves open, so that it becomes a standard one.

    Without negative examples, every other individual is one, as in DL-Learner's ``PosOnlyLP``. For a class to
    describe, its instances are positive; negative are the individuals that belong to all its told
    super-classes and not to it, as in ``ClassLearningProblem``, and no expression may use the class itself.
    Anonymous individuals are never examples.

    Raises
    ------
    UsageError
        The knowledge base does not know the class.
    DataError
        A side is still empty.
    """
    settings = problem.settings
    if problem.kind == "standard":
        return problem
    candidates = np.ones(interpretation.size, np.bool_)
    if problem.kind == "class" and problem.described_class is not None:
        described = problem.described_class
        member = interpretation.retrieve(Named(described))
        for parent in _parents(described, interpretation.index):
            candidates &= interpretation.retrieve(Named(parent))
        ignored = dict.fromkeys([*settings.ignored_classes, described])
        settings = dataclasses.replace(settings, ignored_classes=tuple(ignored))
    else:
        member = np.zeros(interpretation.size, np.bool_)
        member[interpretation.positions(problem.positives)] = True
    sides = [
        tuple(iri for row in np.flatnonzero(side) if not (iri := interpretation.iri(int(row))).startswith("_:"))
        for side in (member, candidates & ~member)
    ]
    for side, name in zip(sides, ("positive", "negative"), strict=True):
        if not side:
            raise DataError(
                f"the knowledge base has no {name} examples for the problem {problem.name!r}",
                where=problem.origin,
                expected="told instances of the class, and other individuals"
                if problem.kind == "class"
                else "individuals other than the positive examples",
            )
    positives = sides[0] if problem.kind == "class" else problem.positives
    return dataclasses.replace(problem, kind="standard", positives=positives, negatives=sides[1], settings=settings)


def _holders(names: list[str], table: IriTable) -> dict[str, list[str]]:
    """Individuals by name: those with it as their local name, else with what follows its colon."""
    locals_of = {name: [name, name.partition(":")[2]] for name in names if not is_iri(name)}
    wanted: dict[str, list[str]] = {local: [] for both in locals_of.values() for local in both if local}
    if wanted:
        for iri in table:
            if (local := local_name(iri)) in wanted:
                wanted[local].append(iri)
    return {name: next((wanted[local] for local in locals_of.get(name, []) if wanted.get(local)), []) for name in names}


def _unknown(names: list[str], table: IriTable) -> UsageError:
    """Error about names that no individual has, each with the nearest ones."""
    listed = names[:MAX_LISTED]
    keys: dict[str, list[str]] = {_key(name): [] for name in listed}
    compared: list[str] | None = [] if len(table) <= MAX_COMPARED else None
    for iri in table:
        if (key := _key(iri)) in keys:
            keys[key].append(iri)
        if compared is not None:
            compared.append(local_name(iri))
    shown = []
    for name in listed:
        near = keys[_key(name)][:2] or difflib.get_close_matches(local_name(name), compared or [], n=2)
        shown.append(f"{name} (near: {', '.join(near)})" if near else name)
    what = f"individual {shown[0]}" if len(names) == 1 else f"{len(names)} of the individuals: {_listed(shown, names)}"
    return UsageError(
        f"the knowledge base has no {what}",
        hint="is it the right knowledge base? Names are case-sensitive",
    )


def _key(name: str) -> str:
    """Local name without what is often written differently: case, spaces, hyphens, a file's extension."""
    local = local_name(name).casefold()
    for extension in (".jpg", ".jpeg", ".png"):
        local = local.removesuffix(extension)
    return "".join(c for c in local if c.isalnum())


def _parents(iri: str, index: KBIndex) -> list[str]:
    """Told super-classes of a class."""
    identifier = index.classes.id(iri)
    if identifier is None:
        return []
    parents = index.told.parents
    return [index.classes[int(i)] for i in parents.indices[parents.indptr[identifier] : parents.indptr[identifier + 1]]]


def _listed(shown: list[str], names: list[str] | None = None) -> str:
    more = len(names or shown) - MAX_LISTED
    return ", ".join(shown[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
