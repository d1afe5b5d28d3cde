"""Checks the scores that ECII published: recomputes them from the ontology, and says why they differ.

Four readings of a solution of ECII V2 are compared with its published score, in this order:

* **as printed**: the instances of the expression, ∃R.(h1 ⊓ h2) for two Horn clauses h1 and h2;
* **apart**: of ∃R.h1 ⊓ ∃R.h2, which is what ECII V2 intersects;
* **open world**: of the same, ¬B being only what is disjoint from B, as for ECII's reasoner;
* **shrunk**: of ∃R.h1 intersected with further clauses that stand beside h1 in the same file. ECII V2
  intersects into the stored instances of the first clause of each combination, so that every later
  combination that begins with the same clause starts from what the earlier ones left; and it takes the stored
  instances of a clause (A ⊓ B) for the combination (A) ⊓ (B).

Version 0 and its predecessors approximate; see :meth:`EciiCheck.approximate`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..ontology.errors import DataError, NeurontologyError
from ..ontology.expression import And, ClassExpression, Named, Not, Or
from ..ontology.names import Resolve
from ..ontology.syntax.dl import parse
from .confusion import Confusion
from .ecii_hypotheses import Clause
from .ecii_results import PublishedSolution
from .ecii_types import Reached, reach
from .interpretation import Interpretation

Cause: TypeAlias = Literal["agrees", "apart", "open world", "shrunk", "approximate", "unknown", "unreadable"]
"""Why a published score is what it is."""

TOLERANCE = 1e-9
"""Difference of a published and a recomputed value that rounding explains."""

Extent: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdict:
    """One published solution, recomputed.

    Attributes
    ----------
    solution
        What was published.
    cause
        The first reading that gives the published values.
    printed
        Counts of the expression as printed, or None if it is unreadable.
    difference
        Largest absolute difference between a published and a recomputed value, or None.
    reason
        Why it is unreadable, else empty.
    """

    solution: PublishedSolution
    cause: Cause
    printed: Confusion | None
    difference: float | None
    reason: str = ""


@dataclass(frozen=True)
class PublishedGroup:
    """What a published solution says over one property.

    Attributes
    ----------
    role
        Name of the property as written, or None.
    clauses
        The Horn clauses as written.
    """

    role: str | None
    clauses: tuple[str, ...]


def published_groups(text: str) -> tuple[PublishedGroup, ...]:
    """Take a published solution apart, along its brackets.

    The brackets tell ∃R.((A) ⊓ (B)), which has two Horn clauses, from ∃R.(A ⊓ B), which has one.

    Raises
    ------
    DataError
        The brackets are not those of ECII.

    Examples
    --------
    >>> [group.clauses for group in published_groups("(A) ⊓ ∃ :r.((B ⊓ ¬ C) ⊓ (D)) ⊓ ∃s.( ¬ (E ⊔ F))")]
    [('A',), ('B ⊓ ¬ C', 'D'), ('¬ (E ⊔ F)',)]
    """
    groups = []
    rest = text.strip()
    while rest:
        role = None
        if rest.startswith("∃"):
            head, dot, rest = rest[1:].partition(".(")
            if not dot:
                raise DataError(f"no '.(' follows ∃ in {text!r}")
            role, rest = head.strip(), "(" + rest
        block, rest = _bracketed(rest, text)
        inner = block.strip()
        clauses = []
        if inner.startswith("("):
            while inner:
                clause, inner = _bracketed(inner, text)
                clauses.append(clause.strip())
                inner = _after_operator(inner, "⊓⊔", text)
        else:
            clauses.append(inner)
        groups.append(PublishedGroup(role, tuple(clauses)))
        rest = _after_operator(rest, "⊓", text)
    return tuple(groups)


def _bracketed(text: str, whole: str) -> tuple[str, str]:
    """Content of the bracket at the beginning, and what follows it."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            if not position:
                break
            return text[1:position], text[position + 1 :].strip()
    raise DataError(f"a bracket is missing in {whole!r}")


def _after_operator(text: str, operators: str, whole: str) -> str:
    if not text:
        return text
    if text[0] not in operators:
        raise DataError(f"{text[:20]!r} follows a bracket in {whole!r}", expected=" or ".join(operators))
    return text[1:].strip()


class EciiCheck:
    """Recomputes published scores over one problem.

    Parameters
    ----------
    interpretation
        The closed-world model.
    positives, negatives
        Examples as rows of the interpretation.
    resolve
        IRI of a name in the file.
    disjoint
        Pairs of classes (IRIs) that are told to be disjoint.
    """

    def __init__(
        self,
        interpretation: Interpretation,
        positives: NDArray[np.integer],
        negatives: NDArray[np.integer],
        resolve: Resolve,
        disjoint: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._interpretation = interpretation
        self._rows = np.concatenate([positives, negatives]).astype(np.int64)
        self._positives = len(positives)
        self._negatives = len(negatives)
        self._resolve = resolve
        self._disjoint = tuple(disjoint)
        self._reached: dict[str | None, Reached] = {}
        self._columns: dict[tuple[str | None, int, str], NDArray[np.bool_]] = {}
        self._retrieved: dict[ClassExpression, Extent] = {}

    # -- version 2 --------------------------------------------------------------------------------------

    def check(self, solutions: Sequence[PublishedSolution]) -> list[Verdict]:
        """Recompute the solutions of one file of ECII V2."""
        read: dict[int, tuple[Extent, list[Clause]]] = {}
        verdicts: dict[int, Verdict] = {}
        for number, solution in enumerate(solutions):
            try:
                extent, clauses = self._read(solution.expression)
            except NeurontologyError as error:
                verdicts[number] = Verdict(solution, "unreadable", None, None, str(error))
                continue
            read[number] = extent, clauses
        shrunk = self._shrunk(solutions, {number: clauses for number, (_, clauses) in read.items()})
        for number, (extent, clauses) in read.items():
            solution = solutions[number]
            cause: Cause = "unknown"
            if self._agrees(solution, extent):
                cause = "agrees"
            elif self._agrees(solution, self._apart(clauses, "closed")):
                cause = "apart"
            elif self._agrees(solution, self._apart(clauses, "open")):
                cause = "open world"
            elif number in shrunk:
                cause = "shrunk"
            counts = self._counts(extent)
            verdicts[number] = Verdict(solution, cause, counts, _difference(solution, counts))
        return [verdicts[number] for number in range(len(solutions))]

    def hypothesis(self, text: str) -> frozenset[frozenset[Clause]]:
        """Candidate classes of a published solution, each with its clauses, without regard to order.

        Raises
        ------
        NeurontologyError
            The text is not a solution of ECII, or a name is unknown.
        """
        return frozenset(frozenset(group) for group in self._groups(text))

    def _read(self, text: str) -> tuple[Extent, list[Clause]]:
        expression = parse(text, self._resolve)
        if expression not in self._retrieved:
            self._retrieved[expression] = self._interpretation.retrieve(expression)[self._rows]
        clauses = [clause for group in self._groups(text) for clause in group]
        return self._retrieved[expression], clauses

    def _groups(self, text: str) -> list[list[Clause]]:
        return [[self._clause(group.role, clause) for clause in group.clauses] for group in published_groups(text)]

    def _clause(self, role: str | None, text: str) -> Clause:
        expression = parse(text, self._resolve)
        positive: list[int] = []
        negative: list[int] = []
        for part in expression.operands if isinstance(expression, And) else (expression,):
            target = positive
            if isinstance(part, Not):
                part, target = part.operand, negative
            for named in part.operands if isinstance(part, Or) and target is negative else (part,):
                if not isinstance(named, Named):
                    raise DataError(f"{text!r} is not a Horn clause of ECII")
                target.append(self._column(named.iri))
        prop = None if role is None else self._resolve(role)
        return Clause(prop, tuple(sorted(positive)), tuple(sorted(negative)))

    def _column(self, iri: str) -> int:
        identifier = self._interpretation.index.classes.id(iri)
        classes = self._interpretation.classes
        column = -1 if identifier is None else int(np.searchsorted(classes, identifier))
        # A class without instances has no column; -1 stands for all of these.
        return column if 0 <= column < len(classes) and classes[column] == identifier else -1

    def _apart(self, clauses: Iterable[Clause], world: str) -> Extent:
        extent: Extent = np.logical_and.reduce([self._instances(clause, world) for clause in clauses])
        return extent

    def _instances(self, clause: Clause, world: str) -> Extent:
        reached = self._reach(clause.prop)
        fits = np.ones(len(reached.owners), np.bool_)
        for column in clause.positive:
            fits &= self._fillers(clause.prop, column, "closed")
        for column in clause.negative:
            member = self._fillers(clause.prop, column, world)
            fits &= ~member if world == "closed" else member
        extent = np.zeros(len(self._rows), np.bool_)
        extent[reached.owners[fits]] = True
        return extent

    def _reach(self, prop: str | None) -> Reached:
        if prop not in self._reached:
            self._reached[prop] = reach(self._interpretation, self._rows, prop)
        return self._reached[prop]

    def _fillers(self, prop: str | None, column: int, world: str) -> NDArray[np.bool_]:
        """Which of the fillers are known to be instances, or, in the open world, known not to be."""
        key = prop, column, world
        if key not in self._columns:
            reached = self._reach(prop)
            matrix = self._interpretation.membership if world == "closed" else self._absence
            self._columns[key] = (
                matrix[:, [column]].toarray().ravel()[reached.individuals].astype(np.bool_)
                if column >= 0
                else np.zeros(len(reached.owners), np.bool_)
            )
        return self._columns[key]

    @cached_property
    def _absence(self) -> sparse.csr_matrix:
        return entailed_absence(self._interpretation, self._disjoint)

    def _shrunk(self, solutions: Sequence[PublishedSolution], read: Mapping[int, list[Clause]]) -> set[int]:
        """Solutions whose scores follow from clauses that were intersected into their first one before.

        Those that begin with one clause form a chain of shrinking sets: the next to come is the one whose
        published counts are those of the set so far intersected with its own further clauses; of several,
        the one with the highest counts.
        """
        chains: dict[Clause, list[int]] = {}
        for number, clauses in read.items():
            if len(clauses) > 1:
                chains.setdefault(clauses[0], []).append(number)
        explained: set[int] = set()
        states: dict[Clause, list[Extent]] = {}
        for (first, numbers), world in itertools.product(chains.items(), ("closed", "open")):
            remaining = sorted(numbers, key=lambda n: self._published(solutions[n]), reverse=True)
            left = self._instances(first, world)
            while remaining:
                following = {n: left & self._apart(read[n][1:], world) for n in remaining}
                fitting = [n for n in remaining if self._agrees(solutions[n], following[n])]
                if not fitting:
                    break
                left = following[fitting[0]]
                states.setdefault(first, []).append(left)
                explained.add(fitting[0])
                remaining.remove(fitting[0])
        for number, clauses in read.items():
            if len(clauses) > 1 and all(len(c.positive) == 1 and not c.negative for c in clauses):
                together = Clause(clauses[0].prop, tuple(sorted(c.positive[0] for c in clauses)), ())
                if any(self._agrees(solutions[number], state) for state in states.get(together, ())):
                    explained.add(number)
        return explained

    def _published(self, solution: PublishedSolution) -> tuple[int, int]:
        """True and false positives that the published values stand for."""
        measures = solution.measures
        tp = round(measures.get("recall", 0.0) * self._positives)
        tn = round(measures["coverage"] * (self._positives + self._negatives)) - tp
        return tp, self._negatives - tn

    def _counts(self, extent: Extent) -> Confusion:
        tp = int(extent[: self._positives].sum())
        fp = int(extent[self._positives :].sum())
        return Confusion(tp=tp, fp=fp, tn=self._negatives - fp, fn=self._positives - tp)

    def _agrees(self, solution: PublishedSolution, extent: Extent) -> bool:
        return _difference(solution, self._counts(extent)) <= TOLERANCE

    # -- version 0 --------------------------------------------------------------------------------------

    def check_approximate(self, solutions: Sequence[PublishedSolution]) -> list[Verdict]:
        """Recompute the solutions of one file of the version of 2018.

        Only the coverage is compared: what these files call F-measure is the mean of precision and recall.
        """
        verdicts = []
        for solution in solutions:
            published = PublishedSolution(
                solution.rank, solution.expression, {"coverage": solution.measures["coverage"]}
            )
            try:
                extent, _ = self._read(solution.expression)
                approximate = self.approximate(solution.expression)
            except NeurontologyError as error:
                verdicts.append(Verdict(solution, "unreadable", None, None, str(error)))
                continue
            counts = self._counts(extent)
            cause: Cause = "unknown"
            if self._agrees(published, extent):
                cause = "agrees"
            elif _difference(published, approximate) <= TOLERANCE:
                cause = "approximate"
            verdicts.append(Verdict(solution, cause, counts, _difference(published, counts)))
        return verdicts

    def approximate(self, text: str) -> Confusion:
        """Counts as the version of 2018 has them (``isContainedInHornClause``), without a reasoner.

        Over each property, all types of an example's fillers are pooled. A positive example counts as covered if
        for every property some clause has its class A in the pool and none of its B. A negative one counts as
        excluded if for every property some clause has its A not in the pool and some B there: a clause
        without negation excludes no negative example, and one without A covers no positive example.

        Raises
        ------
        NeurontologyError
            The text is not a solution of ECII, or a name is unknown.
        """
        positive = np.arange(len(self._rows)) < self._positives
        counted = np.ones(len(self._rows), np.bool_)
        for group in self._groups(text):
            some = np.zeros(len(self._rows), np.bool_)
            for clause in group:
                negated = np.zeros(len(self._rows), np.bool_)
                for column in clause.negative:
                    negated |= self._pooled(clause.prop, column)
                held = np.zeros(len(self._rows), np.bool_)
                if clause.positive:
                    held = np.logical_and.reduce([self._pooled(clause.prop, c) for c in clause.positive])
                some |= np.where(positive, held & ~negated, ~held & negated)
            counted &= some
        tp, tn = int(counted[positive].sum()), int(counted[~positive].sum())
        return Confusion(tp=tp, fp=self._negatives - tn, tn=tn, fn=self._positives - tp)

    def _pooled(self, prop: str | None, column: int) -> Extent:
        extent = np.zeros(len(self._rows), np.bool_)
        extent[self._reach(prop).owners[self._fillers(prop, column, "closed")]] = True
        return extent


def entailed_absence(interpretation: Interpretation, disjoint: Iterable[tuple[str, str]]) -> sparse.csr_matrix:
    """What disjoint classes entail that individuals do not belong to, which is all that an open world knows.

    Parameters
    ----------
    interpretation
        Individuals with their classes.
    disjoint
        Pairs of classes told to be disjoint, by IRI; those that the knowledge base lacks have no instances.

    Returns
    -------
    scipy.sparse.csr_matrix
        bool, shape (individuals, classes).
    """
    hierarchy, classes = interpretation.index.hierarchy, interpretation.classes
    size = len(classes)
    apart = sparse.lil_matrix((size, size), dtype=np.bool_)
    for pair in disjoint:
        identifiers = [i for iri in pair if (i := interpretation.index.classes.id(iri)) is not None]
        if len(identifiers) < 2:
            continue
        left, right = (np.flatnonzero(np.isin(classes, hierarchy.descendants(i))) for i in identifiers)
        apart[np.ix_(left, right)] = True
        apart[np.ix_(right, left)] = True
    return (interpretation.membership.astype(np.int32) @ apart.tocsr().astype(np.int32)).astype(np.bool_)


def _difference(solution: PublishedSolution, counts: Confusion) -> float:
    values = {
        "coverage": counts.accuracy,
        "precision": counts.precision,
        "recall": counts.recall,
        "f_measure": counts.f1,
    }
    return max(abs(values[k] - v) for k, v in solution.measures.items() if k in values)
