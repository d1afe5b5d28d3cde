"""How well a description holds on held-out images and by annotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .auc import auc_interval
from .description_scene import Scene, Spot
from .descriptions import Found
from .scorers.scorer import Vectors
from .statistics import RankTest, mann_whitney
from .under_patches import Beneath
from .unit_descriptions import Description
from .vocabularies import Concept, Vocabulary

TOP_SHARE = 0.1
"""Share of the held-out images that count as exciting a unit, for the AUC of a description."""

FEWEST_HELD_OUT = 3
"""Fewest held-out images on either side of an AUC."""


class Judge:
    """Says how well a description holds on held-out images and by annotations."""

    def __init__(
        self, scene: Scene, words: Vocabulary, texts: Vectors, held_out: Vectors, beneath: Beneath | None
    ) -> None:
        self._scene = scene
        self._words = words
        self._texts = texts
        self._held_out = held_out
        self._beneath = beneath
        self._shows: dict[str, NDArray[np.bool_]] = {}

    def description(self, unit: int, found: Found, spots: Sequence[Spot]) -> Description:
        """Put together what is known of a description found for a unit, from its patches."""
        images = self._scene.activations.images
        concept = self._words.concepts[found.text]
        shown, chance, auc, p = self._annotated(unit, concept, {spot.row for spot in spots})
        return Description(
            concept,
            found,
            tuple(images[spots[one].row].id for one in found.explained),
            self._auc(unit, found.text),
            shown,
            chance,
            auc,
            p,
            None if self._beneath is None or concept.iri is None else self._beneath.under(concept.iri, spots),
        )

    def _auc(self, unit: int, text: int) -> float | None:
        rows = self._scene.held_out
        values = np.asarray(self._scene.activations.values[rows, unit])
        wanted = max(FEWEST_HELD_OUT, int(np.ceil(TOP_SHARE * len(rows))))
        if len(rows) < wanted + FEWEST_HELD_OUT:
            return None
        exciting = values >= np.sort(values)[-wanted]
        if len(rows) - exciting.sum() < FEWEST_HELD_OUT:
            return None
        scores = self._held_out @ self._texts[text]
        return auc_interval(scores[exciting], scores[~exciting]).auc

    def _annotated(
        self, unit: int, concept: Concept, top: set[int]
    ) -> tuple[float | None, float | None, float | None, float | None]:
        contents = self._scene.contents
        if contents is None or concept.iri is None:
            return None, None, None, None
        if concept.iri not in self._shows:
            self._shows[concept.iri] = contents.shows(concept.iri)
        shows = self._shows[concept.iri]
        own = np.isin(contents.rows, list(top))
        half = np.isin(contents.rows, self._scene.induction)
        shown = float(shows[own].mean()) if own.any() else None
        chance = float(shows[half].mean()) if half.any() else None
        rows, target = contents.rows[~half], shows[~half]
        if min(target.sum(), (~target).sum()) < FEWEST_HELD_OUT:
            return shown, chance, None, None
        values = np.asarray(self._scene.activations.values[rows, unit])
        test = mann_whitney(values[target], values[~target], RankTest(tie_correction=True))
        return shown, chance, auc_interval(values[target], values[~target]).auc, test.p
