"""Labels in the open world: which example images follow to be in the solutions of a layer's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..ontology.kb import KB
from ..reasoner.entailment import ask_open_world, require_reasoner
from .activations import Activations
from .example_rules import Thresholds
from .example_sets import example_set
from .labelling import JoinedImages, UnitLabel


@dataclass(frozen=True)
class OpenWorldLabels:
    """Labels with what a reasoner says of their solutions.

    Attributes
    ----------
    labels
        The labels, with an entailment for each solution.
    notes
        What the reasoner left out of account.
    """

    labels: tuple[UnitLabel, ...]
    notes: tuple[str, ...] = ()


def check_labels(
    kb: KB,
    joined: JoinedImages,
    activations: Activations,
    labels: Sequence[UnitLabel],
    thresholds: Thresholds,
    *,
    reasoner: str = "hermit",
    time_limit: float = 300,
) -> OpenWorldLabels:
    """Ask a reasoner, once for all units, which examples follow to be instances of the units' solutions.

    An expression that several units have is asked about once, for the examples of all of them.

    Parameters
    ----------
    kb
        The knowledge base; all its assertions count, what its runs recorded is left out.
    joined, activations, thresholds
        What the labels were found with.
    labels
        The labels; those without solutions stay as they are.
    reasoner
        ``hermit`` or ``elk``.
    time_limit
        Seconds for the reasoner, for all units together.

    Raises
    ------
    UsageError
        There is no such reasoner.
    DataError
        The ontology is inconsistent.
    MissingDependencyError
        Java or the reasoner is not installed.
    NeurontologyError
        The reasoner fails or takes too long.
    """
    require_reasoner(reasoner)
    used = np.asarray([activations.images[int(row)].split == "induction" for row in joined.images], np.bool_)
    rows, individuals = joined.images[used], joined.individuals[used]
    sides: dict[int, tuple[list[str], list[str]]] = {}
    for label in labels:
        if label.induction is not None:
            found = example_set(
                np.asarray(activations.values[rows, label.unit]),
                positive=thresholds.positive,
                negative=thresholds.negative,
                min_positives=thresholds.min_positives,
                rule=thresholds.rule,
            )
            positives, negatives = (
                [joined.interpretation.iri(int(i)) for i in individuals[side]]
                for side in (found.positives, found.negatives)
            )
            sides[label.unit] = positives, negatives
    if not sides:
        return OpenWorldLabels(tuple(labels))
    answers = ask_open_world(
        kb,
        [s.expression for label in labels if label.induction for s in label.induction.solutions],
        list(dict.fromkeys(iri for both in sides.values() for side in both for iri in side)),
        reasoner=reasoner,
        time_limit=time_limit,
        model=joined.interpretation,
    )
    checked = tuple(
        label
        if label.induction is None
        else replace(
            label,
            entailment=tuple(answers.compare(s.expression, *sides[label.unit]) for s in label.induction.solutions),
        )
        for label in labels
    )
    return OpenWorldLabels(checked, answers.notes)
