"""Solving a learning problem over a knowledge base."""

from __future__ import annotations

import numpy as np

from ..ontology.kb import KB
from .atoms import enumerate_atoms
from .individuals import resolve_individuals
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
        Positive and negative individuals, by IRI or unique local name.
    options
        How to search.

    Raises
    ------
    UsageError
        An individual is unknown or ambiguous, or a side has no examples.
    """
    interpretation = Interpretation(kb.index)
    positives = interpretation.positions(resolve_individuals(problem.positives, kb.index))
    negatives = interpretation.positions(resolve_individuals(problem.negatives, kb.index))
    rows = np.unique(np.concatenate([positives, negatives]))
    atoms = enumerate_atoms(interpretation, rows)
    return induce(atoms, np.searchsorted(rows, positives), np.searchsorted(rows, negatives), options)
