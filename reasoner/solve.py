"""Solving a learning problem over a knowledge base."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..ontology.kb import KB
from .atoms import enumerate_atoms
from .deepening import AUTOMATIC, deepen
from .ecii import ecii_options, induce_ecii
from .individuals import complete_problem, resolve_problem
from .interpretation import Interpretation
from .language import CONSTRUCTORS, Language
from .learning import Induction, InductionOptions, check_examples, induce
from .problem import LearningProblem


def is_annotation(interpretation: Interpretation) -> bool:
    """Whether the knowledge is a flat annotation, such as images and the objects they contain.

    That is so if there are links, none of the things linked to has links of its own, and there are no data
    values. How many things an annotator listed, and that nothing else is there, says more about the annotator
    than about the image, so ∀, ≥ and ≤ are left out unless they are asked for.
    """
    links = interpretation.index.roles
    return bool(len(links) and not interpretation.data_properties and not np.intersect1d(links[:, 0], links[:, 2]).size)


def solve(
    kb: KB,
    problem: LearningProblem,
    options: InductionOptions | None = None,
    *,
    constructors: tuple[str, ...] | None = None,
    depth: int | None = None,
) -> Induction:
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
    constructors
        What restrictions are made of, see :data:`.language.CONSTRUCTORS`. By default all of them, but ∃ alone
        over annotated collections (see :func:`is_annotation`).
    depth
        Most restrictions nested in one another; found by :func:`.deepening.deepen` if None.

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
    ignored = frozenset(settings.ignored_classes) | frozenset(settings.ignored_properties)
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
            ignored=ignored,
        )
    rows = np.unique(np.concatenate([positives, negatives]))
    properties = settings.object_properties or None
    inside, outside = np.searchsorted(rows, positives), np.searchsorted(rows, negatives)
    options = options or InductionOptions()
    check_examples(inside, outside)
    if depth is None and constructors is None and is_annotation(interpretation):
        atoms = enumerate_atoms(interpretation, rows, ignored=ignored, properties=properties)
    elif depth is None:
        atoms = deepen(
            interpretation,
            rows,
            inside,
            outside,
            options,
            ignored=ignored,
            properties=properties,
            language=replace(AUTOMATIC, constructors=constructors or CONSTRUCTORS),
        )
    else:
        atoms = enumerate_atoms(
            interpretation,
            rows,
            ignored=ignored,
            properties=properties,
            language=Language(constructors or CONSTRUCTORS, depth=depth),
        )
    return induce(atoms, inside, outside, options)
