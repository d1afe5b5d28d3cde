"""Solving a learning problem over a knowledge base."""

from __future__ import annotations

import numpy as np

from ..ontology.kb import KB
from .atoms import enumerate_atoms
from .ecii import ecii_options, induce_ecii
from .individuals import complete_problem, resolve_problem
from .interpretation import Interpretation
from .learning import Induction, InductionOptions, induce
from .problem import LearningProblem


def solve(kb: KB, problem: LearningProblem, options: InductionOptions | None = None) -> Induction:
    """Find the best class expressions for a problem's examples.

    Parameters
    ----------
    kb
        The knowledge base; all its assertions count.
    problem
        Positive and negative individuals, by IRI or unique local name; what its file says of classes and
        properties to use or to ignore is honoured.
    options
        How to search.

    Raises
    ------
    UsageError
        An individual is unknown or ambiguous, or a side has no examples.
    DataError
        An individual is on both sides.
    """
    interpretation = Interpretation(kb.index)
    complete = complete_problem(resolve_problem(problem, kb.index), interpretation)
    positives = interpretation.positions(complete.positives)
    negatives = interpretation.positions(complete.negatives)
    settings = complete.settings
    if options is not None and options.strategy == "ecii":
        return induce_ecii(
            interpretation,
            positives,
            negatives,
            settings.ecii,
            ecii_options(complete, options),
            properties=settings.object_properties
            if settings.ecii or settings.object_properties
            else interpretation.properties,
            ignored=frozenset(settings.ignored_classes) | frozenset(settings.ignored_properties),
        )
    rows = np.unique(np.concatenate([positives, negatives]))
    atoms = enumerate_atoms(
        interpretation,
        rows,
        ignored=frozenset(settings.ignored_classes) | frozenset(settings.ignored_properties),
        properties=settings.object_properties or None,
    )
    return induce(atoms, np.searchsorted(rows, positives), np.searchsorted(rows, negatives), options)
