"""The task that every method gets: units of a layer, images to label them from, images to judge the labels on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...bridge.activations import Activations
from ...bridge.example_rules import Thresholds
from ...bridge.labelling import JoinedImages, LayerProblems
from ...bridge.run import label_writer
from ...ontology.errors import DataError, UsageError
from ...ontology.expression import ClassExpression
from ...ontology.kb import KB
from ...reasoner.solution_record import SolutionWriter
from .chains import Bools

if TYPE_CHECKING:
    from ...bridge.images import ImageSet
    from .dissection import Dissection

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Task:
    """Units to be labelled.

    Attributes
    ----------
    kb, activations
        The knowledge base with the annotations, and the activations.
    joined
        The images that all methods can use, those held out included.
    units
        Which units.
    images
        The photographs; None if no method looks at them.
    scores
        CSV file with the scores of images and texts; None if no method needs it.
    length
        Most literals, or atoms, in a formula.
    thresholds
        When an image is an example, for concept induction.
    progress
        Called while the network runs.
    """

    kb: KB
    activations: Activations
    joined: JoinedImages
    units: tuple[int, ...]
    images: ImageSet | None = None
    scores: Path | None = None
    length: int = 3
    thresholds: Thresholds = Thresholds()  # noqa: RUF009 - frozen
    progress: Progress | None = None

    def __post_init__(self) -> None:
        for kind, count in (("to label from", int(self.given.sum())), ("held out", int((~self.given).sum()))):
            if not count:
                raise UsageError(
                    f"no image is {kind}",
                    where=self.activations.path,
                    expected="activations with a --holdout above 0 and below 1",
                )
        self.activations.check_units(self.units)

    @cached_property
    def given(self) -> Bools:
        """Whether labels are made from each of the joined images; the others judge."""
        return np.asarray([self.activations.images[i].split == "induction" for i in self.joined.images], np.bool_)

    def values(self, unit: int) -> NDArray[np.float32]:
        """Activation of a unit on each of the joined images."""
        return np.asarray(self.activations.values[self.joined.images, unit])

    @cached_property
    def writer(self) -> SolutionWriter:
        """Writes expressions in English."""
        return label_writer(self.kb)

    @cached_property
    def _instances(self) -> dict[ClassExpression, Bools]:
        return {}

    def instances(self, expression: ClassExpression) -> Bools:
        """Whether each of the joined images is an instance of an expression."""
        if expression not in self._instances:
            retrieved = self.joined.interpretation.retrieve(expression)
            self._instances[expression] = np.asarray(retrieved[self.joined.individuals], np.bool_)
        return self._instances[expression]

    @cached_property
    def problems(self) -> LayerProblems:
        """Atoms over the images to label from."""
        return LayerProblems(self.joined, self.activations, self.thresholds, None)

    @cached_property
    def dissection(self) -> tuple[Dissection, float]:
        """Pixels that the units answer to, and the seconds that counting them took."""
        from ...bridge.models import load_model
        from .dissection import dissect

        if self.images is None:
            raise UsageError("masks need the photographs", expected="--images FOLDER")
        if self.activations.meta.weights_sha256 is None:
            raise DataError(
                "the network of imported activations is not known",
                where=self.activations.path,
                expected="activations made by `neurontology activations`",
                hint="leave out the methods that look at masks",
            )
        clock = perf_counter()
        found = dissect(
            load_model(self.activations.meta.model),
            self.activations,
            self.images,
            self.joined.images,
            self.given,
            self.units,
            self.progress,
        )
        return found, perf_counter() - clock


def restrict(joined: JoinedImages, usable: Sequence[bool] | Bools) -> JoinedImages:
    """Leave out joined images, shape (images,)."""
    keep = np.asarray(usable, np.bool_)
    return replace(joined, images=joined.images[keep], individuals=joined.individuals[keep])
