"""The methods, each from a task to a label for each unit that it can label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ...bridge.labelling import label_units
from ...ontology.errors import UsageError, near_matches
from ...ontology.expression import And, ClassExpression, Not, Or
from ...reasoner.bitset import unpack
from ...reasoner.ecii import induce_ecii
from ...reasoner.learning import Induction, InductionOptions
from ...reasoner.score import resolve
from ..dissect import SIMILARITIES
from ..image_contents import ImageContents
from ..scorers.matrix import MatrixScorer
from ..scorers.scorer import Picture
from ..vocabularies import own_vocabulary
from . import compex, invert
from .chains import Bools, Chain, members, text
from .clip_dissect import similarities
from .netdissect import concept_ious
from .task import Task

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, eq=False)
class Label:
    """What a method says of one unit.

    Attributes
    ----------
    unit
        Index in the layer.
    text
        The label in words.
    score
        What the method maximised.
    shown
        Whether each image of the task shows the label; None if the annotations do not tell.
    """

    unit: int
    text: str
    score: float
    shown: Bools | None


Method: TypeAlias = Callable[[Task], list[Label]]


@dataclass(frozen=True)
class Kind:
    """A family of methods.

    Attributes
    ----------
    make
        From a variant's name (empty for the default) to the method.
    masks
        Whether it looks at masks.
    scores
        Whether it needs the scores of images and texts.
    """

    make: Callable[[str], Method]
    masks: bool = False
    scores: bool = False


def _plain(method: Method, name: str) -> Callable[[str], Method]:
    """Method without variants."""

    def make(variant: str) -> Method:
        if variant:
            raise UsageError(f"{name} has no variant {variant!r}", expected=name)
        return method

    return make


def netdissect(task: Task) -> list[Label]:
    """Label units with the concept of the highest IoU."""
    found = task.dissection[0]
    ious = concept_ious(found)
    best = ious.argmax(1)
    return [
        Label(unit, found.names[concept], float(ious[at, concept]), found.shown(found.kinds[concept]))
        for at, (unit, concept) in enumerate(zip(task.units, best.tolist(), strict=True))
        if ious[at, concept] > 0
    ]


def compositional(task: Task) -> list[Label]:
    """Label units with the formula over masks of the highest IoU."""
    found = task.dissection[0]
    labels = []
    for at, unit in enumerate(task.units):
        answer = compex.explain(found, at, task.length)
        if answer is not None:
            chain, score = answer
            labels.append(Label(unit, text(chain, found.names), score, found.shown(members(chain, found.kinds))))
    return labels


def inverted(task: Task) -> list[Label]:
    """Label units with the formula over the knowledge base's classes of the highest AUROC."""
    atoms = task.problems.atoms
    count = int(task.given.sum())
    concepts = np.stack([unpack(extent, count) for extent in atoms.extents])
    labels = []
    for unit in task.units:
        answer = invert.explain(concepts, task.values(unit)[task.given], task.length)
        if answer is not None:
            expression = _expression(answer[0], atoms.expressions.__getitem__)
            labels.append(Label(unit, task.writer.english(expression), answer[1], task.instances(expression)))
    return labels


def _expression(chain: Chain, concept: Callable[[int], ClassExpression]) -> ClassExpression:
    literals = [Not(concept(step.concept)) if step.negated else concept(step.concept) for step in chain]
    joined = literals[0]
    for step, literal in zip(chain[1:], literals[1:], strict=True):
        joined = And((joined, literal)) if step.join == "and" else Or((joined, literal))
    return joined


def _clip_dissect(variant: str) -> Method:
    similarity = variant or "soft-wpmi"
    if similarity not in SIMILARITIES:
        raise UsageError(
            f"there is no similarity {similarity!r}",
            expected=", ".join(SIMILARITIES),
            hint=near_matches(similarity, SIMILARITIES),
        )
    return partial(clip_dissected, similarity=similarity)


def clip_dissected(task: Task, similarity: str = "soft-wpmi") -> list[Label]:
    """Label units with the text whose scores fit them best; p(d) of WPMI is taken over the whole layer."""
    if task.scores is None:
        raise UsageError("CLIP-Dissect needs scores of images and texts", expected="--scores FILE.csv")
    scorer = MatrixScorer(task.scores)
    rows = task.joined.images[task.given]
    scores = scorer.pictures(Picture(task.activations.images[int(row)].id, _unseen) for row in rows)
    layer = np.asarray(task.activations.values[rows])
    fits = similarities(scores, layer, similarity)[list(task.units)]
    classes = {one.text: one.iri for one in own_vocabulary(str(task.scores), scorer.vocabulary, task.kb).concepts}
    contents = ImageContents(task.joined)
    labels = []
    for unit, best, score in zip(task.units, fits.argmax(1).tolist(), fits.max(1).tolist(), strict=True):
        words = scorer.vocabulary[best]
        iri = classes.get(words)
        labels.append(Label(unit, words, score, None if iri is None else contents.shows(iri)))
    return labels


def _unseen() -> Image:
    raise AssertionError("a table of scores looks at no picture")


def _engine(variant: str) -> Method:
    resolve(variant or "f1")
    return partial(induced, options=InductionOptions(score=variant or "f1", top=1))


def induced(task: Task, options: InductionOptions) -> list[Label]:
    """Label units as `neurontology label` does."""
    found = label_units(
        task.joined,
        task.activations,
        units=task.units,
        thresholds=task.thresholds,
        options=replace(options, max_atoms=task.length),
    )
    return [_of(task, one.unit, one.induction) for one in found if one.induction is not None]


def ecii(task: Task) -> list[Label]:
    """Label units in ECII mode: its language, its heuristic and its scores."""
    individuals = task.joined.individuals[task.given]
    properties = task.joined.interpretation.properties
    labels = []
    for unit in task.units:
        examples = task.problems.examples(unit)
        if examples.usable:
            found = induce_ecii(
                task.joined.interpretation,
                individuals[examples.positives],
                individuals[examples.negatives],
                options=InductionOptions(strategy="ecii", top=1),
                properties=properties,
            )
            if found.solutions:
                labels.append(_of(task, unit, found))
    return labels


def _of(task: Task, unit: int, found: Induction) -> Label:
    best = found.solutions[0]
    return Label(unit, task.writer.english(best.expression), best.score, task.instances(best.expression))


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "netdissect": Kind(_plain(netdissect, "netdissect"), masks=True),
        "compex": Kind(_plain(compositional, "compex"), masks=True),
        "invert": Kind(_plain(inverted, "invert")),
        "clip-dissect": Kind(_clip_dissect, scores=True),
        "ecii": Kind(_plain(ecii, "ecii")),
        "engine": Kind(_engine),
    }
)
"""Methods by name. ``clip-dissect:SIMILARITY`` and ``engine:SCORE`` are variants."""


def find_kind(name: str) -> tuple[Kind, Method]:
    """Find a method by its name, such as ``netdissect`` or ``engine:auroc``.

    Raises
    ------
    UsageError
        There is none.
    """
    kind, _, variant = name.partition(":")
    if kind not in KINDS:
        raise UsageError(f"there is no method {kind!r}", expected=", ".join(KINDS), hint=near_matches(kind, KINDS))
    return KINDS[kind], KINDS[kind].make(variant)


def timed(method: Method, kind: Kind, task: Task) -> tuple[list[Label], float]:
    """Labels of a method and its seconds: what methods share (the dissection) counts for each that needs it."""
    shared = task.dissection[1] if kind.masks else 0.0
    clock = perf_counter()
    labels = method(task)
    return labels, perf_counter() - clock + shared
