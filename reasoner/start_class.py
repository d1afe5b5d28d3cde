"""The start class of a problem: every answer is it, or an intersection with it.

The search itself sees the atoms and their complements within the start class only. Every and/or formula over
them holds for no individual outside it, and has the score of its intersection with the start class, so that
nothing of the proof changes. The start class does not count in the ranking of equally good answers.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..ontology.errors import UsageError
from ..ontology.expression import And, ClassExpression, Named, Not, Or, Top, length
from ..ontology.index import KBIndex
from ..ontology.kb import KB
from ..ontology.syntax.manchester import parse
from .atoms import AtomTable, Lazy
from .bitset import pack
from .learning import InductionOptions, RankedExpression
from .problem import LearningProblem, expand, expand_class, is_iri, is_name


def start_class_of(problem: LearningProblem, kb: KB) -> ClassExpression | None:
    """Start class of a problem, None if its file names none or owl:Thing.

    Raises
    ------
    UsageError
        It is neither a class of the knowledge base nor an expression over its names in Manchester syntax.
    """
    written = problem.settings.start_class
    if written is None:
        return None
    iri = expand_class(written, problem.prefixes)
    if kb.index.classes.id(iri) is not None:
        return Named(iri)

    def resolve(name: str) -> str:
        expanded = expand(name, problem.prefixes)
        return kb.names.to_iri(name) if expanded == name else expanded

    try:
        expression = parse(f"<{iri}>" if is_iri(iri) and is_name(iri) else written, resolve)
    except ValueError as error:
        raise UsageError(
            f"the start class {written!r} cannot be read: {str(error).rstrip('.')}",
            where=problem.origin,
            expected="a class of the knowledge base, or an expression in Manchester syntax",
        ) from error
    if isinstance(expression, Named) and kb.index.classes.id(expression.iri) is None:
        raise UsageError(
            f"the knowledge base has no class {written!r} to start from",
            where=problem.origin,
            hint="is it the right knowledge base?",
        )
    return None if expression == Top() else expression


def restrict_atoms(atoms: AtomTable, within: NDArray[np.bool_], *, negation: bool) -> AtomTable:
    """Atoms as they hold within a set of the examples, with their complements within it if wanted.

    Parameters
    ----------
    atoms
        Any atoms.
    within
        Boolean, shape (examples,): whether the individual of a bit lies in the set.
    negation
        Whether complements follow the atoms, as atoms of their own.
    """
    mask = pack(within[None, :])[0]
    extents = [atoms.extents & mask]
    if negation:
        extents.append(~atoms.extents & mask)
    n = len(atoms)

    def expression(i: int) -> ClassExpression:
        return atoms.expressions[i] if i < n else Not(atoms.expressions[i - n])

    def equivalents(i: int) -> tuple[ClassExpression, ...]:
        return atoms.equivalents[i] if i < n else tuple(map(Not, atoms.equivalents[i - n]))

    return dataclasses.replace(
        atoms,
        expressions=Lazy(n * len(extents), expression),
        equivalents=Lazy(n * len(extents), equivalents),
        extents=np.concatenate(extents),
        lengths=np.concatenate([atoms.lengths, atoms.lengths + np.int32(1)][: len(extents)]),
        priorities=np.concatenate([atoms.priorities, atoms.priorities + atoms.priorities.max() + 1][: len(extents)]),
    )


def without_negation(options: InductionOptions) -> InductionOptions:
    """Options for a search over atoms that have their complements beside them."""
    return dataclasses.replace(options, operators=tuple(o for o in options.operators if o != "not"))


def put_under(solution: RankedExpression, start: ClassExpression, index: KBIndex) -> RankedExpression:
    """A solution of a search within the start class, written as its intersection with it."""
    expression = _under(solution.expression, start, index)
    others = dict.fromkeys(_under(e, start, index) for e in solution.equivalent)
    others.pop(expression, None)
    return dataclasses.replace(solution, expression=expression, length=length(expression), equivalent=tuple(others))


def _under(expression: ClassExpression, start: ClassExpression, index: KBIndex) -> ClassExpression:
    """Intersection with the start class, unless the expression lies under it by its form."""
    if expression == Top():
        return start
    if _lies_under(expression, start, index):
        return expression
    return And((start, *(expression.operands if isinstance(expression, And) else (expression,))))


def _lies_under(expression: ClassExpression, start: ClassExpression, index: KBIndex) -> bool:
    match expression:
        case Named(iri) if isinstance(start, Named):
            child, parent = index.classes.id(iri), index.classes.id(start.iri)
            return child is not None and parent in index.hierarchy.ancestors(child)
        case And(operands):
            return any(_lies_under(o, start, index) for o in operands)
        case Or(operands):
            return all(_lies_under(o, start, index) for o in operands)
    return expression == start
