"""Scorers by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...bridge.inference import for_inference
from ...bridge.models import load_model
from ...ontology.errors import UsageError, near_matches
from .eszsl import AnnotatedPictures, EszslScorer
from .matrix import MatrixScorer
from .scorer import Picture, Scorer

CLASSIFIER = "efficientnet-lite0"
"""Network of ConSE and ESZSL where none is named."""

FEATURES = "head"
"""Layer whose maps are ESZSL's features."""

_KINDS = ("conse", "conse:MODEL", "eszsl", "open_clip:ARCHITECTURE@FILE", "hf:FOLDER", "matrix:FILE")


@dataclass(frozen=True)
class Training:
    """Annotated images that a scorer may be fitted on: never held-out ones.

    Attributes
    ----------
    pictures
        The images.
    annotated
        What they show, in the same order.
    """

    pictures: tuple[Picture, ...]
    annotated: AnnotatedPictures


def load_scorer(spec: str, training: Callable[[], Training]) -> Scorer:
    """Load a scorer.

    Parameters
    ----------
    spec
        ``conse`` or ``conse:MODEL`` (any classifier with known class names), ``eszsl``,
        ``open_clip:ARCHITECTURE@FILE``, ``hf:FOLDER``, ``matrix:FILE``.
    training
        Gives the annotated images for ``eszsl``.

    Raises
    ------
    UsageError
        If there is no such scorer, or its weights are not where it looks for them.
    DataError
        If weights or annotations cannot be used.
    MissingDependencyError
        If a package is not installed.
    """
    kind, colon, rest = spec.partition(":")
    if kind == "matrix" and rest:
        return MatrixScorer(Path(rest))
    if kind == "open_clip" and rest:
        from .clip import open_clip_scorer

        return open_clip_scorer(rest)
    if kind == "hf" and rest:
        from .clip import hugging_face_scorer

        return hugging_face_scorer(rest)
    if kind == "conse" and (rest or not colon):
        from .conse import ConseScorer, class_names
        from .sentences import sentence_embeddings

        model = load_model(rest or CLASSIFIER)
        return ConseScorer(for_inference(model, ["output"]), class_names(model), sentence_embeddings())
    if spec == "eszsl":
        from .sentences import sentence_embeddings

        embed = sentence_embeddings()
        given = training()
        model = for_inference(load_model(CLASSIFIER), [FEATURES])
        return EszslScorer.fit(model, FEATURES, embed, given.pictures, given.annotated)
    raise UsageError(f"there is no scorer {spec!r}", expected=", ".join(_KINDS), hint=near_matches(spec, _KINDS))
