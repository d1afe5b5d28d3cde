"""The comparison: every method labels the same units from the same images, and is judged on the same held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...bridge.activations import Activations
from ...bridge.example_rules import Thresholds
from ...bridge.images import ImageSet
from ...bridge.labelling import join_images
from ...ontology.errors import UsageError
from ...ontology.kb import KB
from .measures import LEAST, Worth, judge, mean_over_units
from .methods import Kind, Label, Method, find_kind, timed
from .segmentation import has_masks
from .task import Progress, Task, restrict

#: AUC of a label that says nothing.
CHANCE = 0.5

#: Methods that need nothing but a knowledge base and activations.
PLAIN = ("invert", "ecii", "engine")


@dataclass(frozen=True, eq=False)
class MethodResult:
    """What one method made of the task.

    Attributes
    ----------
    name
        As it was asked for.
    labels
        Labels by unit.
    worth
        What they are worth on the held-out images; None where it cannot be judged.
    seconds
        How long it took.
    """

    name: str
    labels: dict[int, Label]
    worth: dict[int, Worth | None]
    seconds: float

    @property
    def judged(self) -> dict[int, Worth]:
        """Worth of the labels that could be judged."""
        return {unit: worth for unit, worth in self.worth.items() if worth is not None}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods on one task.

    Attributes
    ----------
    task
        The task.
    results
        One for each method.
    left_out
        Annotated images that a method could not use, so that none did.
    """

    task: Task
    results: tuple[MethodResult, ...]
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """Return the record that ``baselines --json`` prints."""
        task = self.task
        return {
            "layer": task.activations.meta.layer,
            "reduce": task.activations.meta.reduce,
            "dataset": task.joined.dataset,
            "images": int(task.given.sum()),
            "held_out": int((~task.given).sum()),
            "left_out": self.left_out,
            "length": task.length,
            "least_images": LEAST,
            "methods": [self._method(result) for result in self.results],
            "units": [_unit(result, unit) for unit in task.units for result in self.results if unit in result.labels],
        }

    def _method(self, result: MethodResult) -> dict[str, Any]:
        """Measures of a method over its judged labels, and ``auc_all`` over all units, others counting as chance."""
        judged = result.judged
        auc = mean_over_units([worth.auc for worth in judged.values()])
        mad = mean_over_units([worth.mad for worth in judged.values() if worth.mad is not None])
        every = mean_over_units([judged[unit].auc if unit in judged else CHANCE for unit in self.task.units])
        return {
            "method": result.name,
            "units": len(result.labels),
            "judged": len(judged),
            "auc": auc.mean,
            "auc_low": auc.low,
            "auc_high": auc.high,
            "mad": mad.mean,
            "mad_low": mad.low,
            "mad_high": mad.high,
            "auc_all": every.mean,
            "auc_all_low": every.low,
            "auc_all_high": every.high,
            "distinct_labels": len({label.text for label in result.labels.values()}),
            "seconds": result.seconds,
            "against": [self._difference(result, other) for other in self.results if other is not result],
        }

    def _difference(self, result: MethodResult, other: MethodResult) -> dict[str, Any]:
        """AUC of a method less that of another one, over the units judged for both."""
        own, theirs = result.judged, other.judged
        both = sorted(own.keys() & theirs.keys())
        mean = mean_over_units([own[unit].auc - theirs[unit].auc for unit in both])
        return {"method": other.name, "units": len(both), "auc": mean.mean, "low": mean.low, "high": mean.high}


def _unit(result: MethodResult, unit: int) -> dict[str, Any]:
    label, worth = result.labels[unit], result.worth[unit]
    return {
        "unit": unit,
        "method": result.name,
        "label": label.text,
        "score": label.score,
        "auc": None if worth is None else worth.auc,
        "mad": None if worth is None else worth.mad,
        "reason": "" if worth is not None else _reason(label),
    }


def _reason(label: Label) -> str:
    """Why a label was not judged."""
    if label.shown is None:
        return "the annotations have no class of this name"
    return f"fewer than {LEAST} held-out images show it, or do not"


def compare(
    kb: KB,
    activations: Activations,
    methods: Sequence[str],
    *,
    units: Sequence[int] | None = None,
    dataset: str | None = None,
    images: Path | None = None,
    scores: Path | None = None,
    length: int = 3,
    thresholds: Thresholds | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Let methods label units and judge the labels on held-out images.

    All methods get the same images: if one looks at masks, only photographs with masks count for any.

    Parameters
    ----------
    kb, activations, dataset
        As for :func:`~neurontology.bridge.labelling.join_images`.
    methods
        Names, see :data:`.methods.KINDS`.
    units
        Which units; all by default.
    images
        Where the photographs are; by default where they were for the activations.
    scores
        CSV file of images × texts, for CLIP-Dissect.
    length
        Most literals, or atoms, in a formula.
    thresholds
        When an image is an example, for concept induction.
    progress
        Called while the network runs.

    Raises
    ------
    UsageError
        A method, unit or data set does not exist, a method lacks what it needs, or no image is held out.
    DataError
        Photographs, masks, scores or weights are not what they should be.
    """
    named = dict.fromkeys(methods)
    found: dict[str, tuple[Kind, Method]] = {name: find_kind(name) for name in named}
    if not found:
        raise UsageError("no method is given", expected="--methods " + ",".join(PLAIN))
    if length < 1:
        raise UsageError(f"formulas of {length} literals", expected="a number of at least 1")
    if scores is None and any(kind.scores for kind, _ in found.values()):
        raise UsageError("CLIP-Dissect needs scores of images and texts", expected="--scores FILE.csv")
    joined = join_images(kb, activations, dataset)
    whole, photographs = len(joined.images), None
    if any(kind.masks for kind, _ in found.values()):
        photographs = ImageSet.find(_folder(activations, images), skip_bad=bool(activations.meta.skipped))
        paths = {record.id: record.path for record in photographs}
        usable = [
            (path := paths.get(activations.images[int(row)].id)) is not None and has_masks(path)
            for row in joined.images
        ]
        if not any(usable):
            raise UsageError(
                "no photograph has masks", where=photographs.root, expected="X_seg.png and X_atr.txt beside X.jpg"
            )
        joined = restrict(joined, usable)
    task = Task(
        kb=kb,
        activations=activations,
        joined=joined,
        units=tuple(range(activations.units) if units is None else units),
        images=photographs,
        scores=scores,
        length=length,
        thresholds=thresholds or Thresholds(),
        progress=progress,
    )
    held_out = ~task.given
    results = []
    for name, (kind, method) in found.items():
        labels, seconds = timed(method, kind, task)
        worth = {
            one.unit: None if one.shown is None else judge(task.values(one.unit)[held_out], one.shown[held_out])
            for one in labels
        }
        results.append(MethodResult(name, {one.unit: one for one in labels}, worth, seconds))
    return Comparison(task, tuple(results), whole - len(joined.images))


def _folder(activations: Activations, images: Path | None) -> Path:
    if images is not None:
        return images
    if activations.meta.image_root is None:
        raise UsageError("where the photographs are is not known", where=activations.path, expected="--images FOLDER")
    return Path(activations.meta.image_root)
