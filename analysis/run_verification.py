"""Verification of a run: each unit's best label on the images that were held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..bridge.example_sets import cuts
from ..bridge.labelling import JoinedImages, join_images
from ..bridge.run import Run, activations_digest
from ..ontology.errors import DataError, UsageError
from ..ontology.kb import KB
from .band_verification import band_settings, verify_band
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, verify_unit

LabelTest: TypeAlias = Callable[[dict[str, Any], NDArray[np.floating], NDArray[np.bool_]], VerificationRow]
"""Gives the verdict on a unit's best label: see :func:`label_test`."""


@dataclass(frozen=True)
class HeldOutUnit:
    """A labelled unit on the held-out images.

    Attributes
    ----------
    record
        The unit's record in the run.
    images
        int64: rows of the activation matrix.
    activations
        Shape (images,): the unit's activation on them.
    target
        bool, shape (images,): whether the image is an instance of the unit's best label.
    """

    record: dict[str, Any]
    images: NDArray[np.int64]
    activations: NDArray[np.floating]
    target: NDArray[np.bool_]


def held_out_units(
    run: Run, kb: KB, activations: Activations, joined: JoinedImages | None = None
) -> Iterator[HeldOutUnit]:
    """Give each labelled unit with the held-out images that are and are not instances of its label.

    Parameters
    ----------
    run, kb, activations
        The run and what it was made from.
    joined
        The images that are annotated, where the caller has joined them already.

    Raises
    ------
    DataError
        The activations or the knowledge are not those of the run.
    UsageError
        No image was held out.
    """
    check_activations(run, activations)
    if kb.digest != run.config.kb_digest:
        raise DataError(
            "the knowledge base has changed since the run",
            where=kb.path,
            expected=f"knowledge with the digest {run.config.kb_digest[:16]}",
            hint="label again, then verify",
        )
    if joined is None:
        joined = join_images(kb, activations, run.config.dataset)
    judging = held_out(joined, activations)
    images, individuals = joined.images[judging], joined.individuals[judging]
    extensions: dict[str, NDArray[np.bool_]] = {}
    for record in run.units:
        expression = run.best_expression(record)
        if expression is None:
            continue
        text = record["solutions"][0]["expression"]
        if text not in extensions:
            extensions[text] = joined.interpretation.retrieve(expression)[individuals]
        yield HeldOutUnit(record, images, np.asarray(activations.values[images, record["unit"]]), extensions[text])


def held_out(joined: JoinedImages, activations: Activations) -> NDArray[np.bool_]:
    """Whether each annotated image was held out, shape (images,); `UsageError` if none was."""
    found = np.asarray([activations.images[i].split == "holdout" for i in joined.images], np.bool_)
    if not found.any():
        raise UsageError(
            "no image was held out, so no label could be verified",
            where=activations.path,
            hint="extract or import the activations with a --holdout above 0",
        )
    return found


def check_activations(run: Run, activations: Activations) -> None:
    """Raise `DataError` unless a run's labels were induced from these activations."""
    if activations_digest(activations) != run.config.activations_digest:
        raise DataError(
            "these are not the activations that the labels were induced from",
            where=activations.path,
            expected=f"{run.config.activations}, digest {run.config.activations_digest[:16]}",
        )


def verify_run(
    run: Run,
    kb: KB,
    activations: Activations,
    criteria: Criteria = PUBLISHED_CRITERIA,
    *,
    joined: JoinedImages | None = None,
) -> list[VerificationRow]:
    """Test the best label of every labelled unit, p-values adjusted over all of them.

    The labels of a run whose examples are a band of activations are tested by lying in that band, see
    `band_verification`; where it begins and ends is known from the images used for induction.

    Parameters
    ----------
    run, kb, activations
        The run and what it was made from.
    criteria
        How to judge. The maximum of a unit is that on the images used for induction.
    joined
        The images that are annotated, where the caller has joined them already.

    Raises
    ------
    DataError
        The activations or the knowledge are not those of the run.
    UsageError
        No image was held out.
    """
    check_activations(run, activations)
    test = label_test(run, kb, activations, criteria, joined=joined)
    return adjust(
        test(unit.record, unit.activations, unit.target) for unit in held_out_units(run, kb, activations, joined)
    )


def label_test(
    run: Run, kb: KB, activations: Activations, criteria: Criteria, *, joined: JoinedImages | None = None
) -> LabelTest:
    """What judges a unit's label: from its record in the run, its activations on images, and which are instances."""
    limits = run.config.thresholds
    if not limits.is_band:

        def by_rank(record: dict[str, Any], values: NDArray[np.floating], target: NDArray[np.bool_]) -> VerificationRow:
            return verify_unit(
                values,
                target,
                unit=record["unit"],
                label=record["solutions"][0]["english"],
                criteria=criteria,
                maximum=record["maximum"],
            )

        return by_rank
    images = (joined or join_images(kb, activations, run.config.dataset)).images
    used = images[[activations.images[i].split == "induction" for i in images]]

    def by_band(record: dict[str, Any], values: NDArray[np.floating], target: NDArray[np.bool_]) -> VerificationRow:
        known = np.asarray(activations.values[used, record["unit"]])
        low, high = cuts(known, positive=limits.positive, negative=limits.negative, rule=limits.rule)
        return verify_band(
            values,
            target,
            unit=record["unit"],
            label=record["solutions"][0]["english"],
            low=low,
            high=high,
            criteria=criteria,
            maximum=record["maximum"],
        )

    return by_band


def verification_settings(run: Run, criteria: Criteria) -> dict[str, Any]:
    """How the labels of a run are judged, by name, fit for JSON and for triples."""
    return band_settings(criteria) if run.config.thresholds.is_band else dict(criteria.settings())
