"""Solving a learning problem over a knowledge base."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..ontology.kb import KB
from .atoms import AtomTable, enumerate_atoms
from .deepening import AUTOMATIC, deepen, tables_by_depth
from .individuals import complete_problem, resolve_problem
from .interpretation import Interpretation
from .language import CONSTRUCTORS, Language
from .learning import Induction, InductionOptions, check_examples, induce
from .problem import LearningProblem
from .request import known_entities, refused_datatypes, requested_language, requested_options, unhonoured
from .solution import SearchProgress
from .start_class import put_under, restrict_atoms, start_class_of, without_negation

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PosedProblem:
    """A learning problem over the closed-world model of a knowledge base.

    Attributes
    ----------
    kb
        The knowledge base.
    interpretation
        Its closed-world model.
    problem
        The problem with both sides given, by IRI.
    positives, negatives
        int64: the examples as rows of the interpretation.
    """

    kb: KB
    interpretation: Interpretation
    problem: LearningProblem
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def pose(
    kb: KB,
    problem: LearningProblem,
    interpretation: Interpretation | None = None,
    *,
    skip_unknown: bool = False,
) -> PosedProblem:
    """Find a problem's individuals in a knowledge base; all its assertions count.

    Parameters
    ----------
    kb
        The knowledge base.
    problem
        The problem.
    interpretation
        Its closed-world model, for several problems over one knowledge base; made here by default.
    skip_unknown
        Whether examples that the knowledge base lacks are left out, with a warning, instead of being an error.

    Raises
    ------
    UsageError
        An individual is unknown or ambiguous, or a side has no examples.
    DataError
        An individual is on both sides.
    """
    interpretation = interpretation or Interpretation(kb.index)
    complete = complete_problem(resolve_problem(problem, kb.index, skip_unknown=skip_unknown), interpretation)
    positives = interpretation.positions(complete.positives)
    negatives = interpretation.positions(complete.negatives)
    check_examples(positives, negatives)
    return PosedProblem(kb, interpretation, complete, positives, negatives)


def is_annotation(interpretation: Interpretation) -> bool:
    """Whether the knowledge is a flat annotation, such as images and the objects they contain.

    That is so if there are links, none of the things linked to has links of its own, and there are no data
    values. How many things an annotator listed, and that nothing else is there, says more about the annotator
    than about the image, so ∀, ≥ and ≤ are left out unless they are asked for.
    """
    return interpretation.is_annotation


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
        Positive and negative individuals, by IRI or unique local name. What its file says of the language is
        honoured: classes and properties to use or to ignore, the start class, switches of constructors.
    options
        How to search, exactly as given; without them, what the problem's file asks for and the defaults, see
        :func:`.request.requested_options`.
    constructors
        What restrictions are made of, see :data:`.language.CONSTRUCTORS`. By default all of them, but ∃ alone
        over annotated collections (see :func:`is_annotation`), as far as the problem's file leaves them.
    depth
        Most restrictions nested in one another; found by :func:`.deepening.deepen` if None.

    Raises
    ------
    UsageError
        An individual is unknown or ambiguous, a side has no examples, or the start class cannot be read.
    DataError
        An individual is on both sides, or nothing distinguishes any two examples.
    """
    return solve_posed(pose(kb, problem), options, constructors=constructors, depth=depth)


def solve_posed(
    posed: PosedProblem,
    options: InductionOptions | None = None,
    *,
    constructors: tuple[str, ...] | None = None,
    depth: int | None = None,
    progress: SearchProgress | None = None,
) -> Induction:
    """Find the best class expressions for a problem that is posed already; the rest as for :func:`solve`.

    ``progress`` is told of the exact search, as for :func:`~neurontology.reasoner.search.search`.
    """
    settings, model = posed.problem.settings, posed.interpretation
    options = options or requested_options(posed.problem)
    if missed := unhonoured(posed.problem, options):
        _log.warning("%s: settings without effect: %s", posed.problem.origin.name, "; ".join(missed))
    ignored = known_entities([*settings.ignored_classes, *settings.ignored_properties], posed.kb, posed.problem)
    ignored |= {iri for iri in model.data_properties if refused_datatypes(settings, model.values(iri))}
    if options.strategy == "ecii":
        from .ecii import induce_ecii  # which most problems have no use for

        return induce_ecii(
            model,
            posed.positives,
            posed.negatives,
            settings.ecii,
            options,
            properties=settings.object_properties if settings.ecii or settings.object_properties else model.properties,
            ignored=ignored,
        )
    rows = np.unique(np.concatenate([posed.positives, posed.negatives]))
    inside, outside = np.searchsorted(rows, posed.positives), np.searchsorted(rows, posed.negatives)
    start = start_class_of(posed.problem, posed.kb)
    within = None if start is None else model.retrieve(start)[rows]
    if within is not None and not within[inside].all():
        _log.warning(
            "%s: %d of %d positive examples lie outside the start class, so that no answer covers them",
            posed.problem.origin.name,
            len(inside) - int(within[inside].sum()),
            len(inside),
        )
    named = settings.object_properties
    # Properties that do not exist must not turn into no restriction at all.
    properties = (known_entities(named, posed.kb, posed.problem) or named) if named else None
    flat = constructors is None and is_annotation(model)
    language = requested_language(
        settings, Language() if flat else AUTOMATIC if depth is None else Language(CONSTRUCTORS)
    )
    if constructors is not None:
        language = replace(language, constructors=constructors)
    alternatives: list[AtomTable] = []
    if depth is None and not flat:
        atoms = deepen(
            model,
            rows,
            inside,
            outside,
            options,
            ignored=ignored,
            properties=properties,
            language=language,
            within=within,
        )
        if options.permutations:  # with other positives another depth might have been chosen
            tables = tables_by_depth(model, rows, ignored=ignored, properties=properties, language=language)
            alternatives = [table for table in tables if table.depth != atoms.depth]
    else:
        language = replace(language, depth=1 if depth is None else depth)
        atoms = enumerate_atoms(model, rows, ignored=ignored, properties=properties, language=language)
    if start is None or within is None:
        return induce(atoms, inside, outside, options, alternatives=alternatives, progress=progress)
    restricted, *others = (
        restrict_atoms(table, within, negation="not" in options.operators) for table in (atoms, *alternatives)
    )
    induction = induce(restricted, inside, outside, without_negation(options), alternatives=others, progress=progress)
    return replace(
        induction,
        options=options,
        atoms=len(atoms),
        solutions=tuple(put_under(s, start, posed.kb.index) for s in induction.solutions),
    )
