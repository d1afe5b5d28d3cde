"""Verification of a run on images of one's own: a folder for each concept, run through the network again."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations, Progress, extract
from ..bridge.run import Run
from ..ontology.errors import DataError, UsageError
from ..ontology.expression import named_classes
from ..ontology.kb import KB
from .concept_folders import find_concept_folders
from .run_verification import check_activations, label_test
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust

if TYPE_CHECKING:
    from ..bridge.hooks import Reduction
    from ..bridge.loaded_model import LoadedModel


def verify_on_folders(
    run: Run,
    kb: KB,
    activations: Activations,
    folder: Path,
    criteria: Criteria = PUBLISHED_CRITERIA,
    *,
    out: Path | None = None,
    batch_size: int = 8,
    device: str = "auto",
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> list[VerificationRow]:
    """Test the best label of every labelled unit on images of concepts that a folder holds.

    The network that the activations are of runs on the images; layer and reduction are theirs, too. The
    target images of a unit are those of the sub-folders whose concept its label holds for, sub-classes
    included; its non-target images are all others. Images that the labels were induced from are left out.

    Parameters
    ----------
    run, kb, activations
        The run and what it was made from.
    folder
        A folder with a sub-folder for each concept, see `concept_folders`.
    criteria
        How to judge. The maximum of a unit is that on the images used for induction.
    out
        Where to keep the activations of the images; the same images find them there again. By default they
        are forgotten.
    batch_size, device, skip_bad, progress
        As for `extract`.

    Raises
    ------
    UsageError
        The activations were imported, a sub-folder is named after no class, or there are no images.
    DataError
        The activations are not those of the run, the network has changed since, or an image is broken.
    """
    check_activations(run, activations)
    meta = activations.meta
    if meta.weights_sha256 is None:
        raise UsageError(
            "these activations were imported, so that no network is known to run on other images",
            where=activations.path,
            expected="activations that `neurontology activations MODEL` made",
            hint="import activations of the images as well, and compare them with `neurontology verify-table`",
        )
    labelled = [(record, expression) for record in run.units if (expression := run.best_expression(record))]
    used = [image.sha256 for image in activations.images if image.split == "induction"]
    wanted = dict.fromkeys(iri for _, expression in labelled for iri in named_classes(expression))
    found = find_concept_folders(folder, kb, used=used, wanted=tuple(wanted), skip_bad=skip_bad)
    model = _model_of(activations)
    with _place(out) as place:
        extracted = extract(
            model,
            meta.layer,
            found.images,
            out=place,
            reduce=cast("Reduction", meta.reduce),
            batch_size=batch_size,
            holdout=0.0,
            device=device,
            skip_bad=skip_bad,
            progress=progress,
        )
        values = np.array(extracted.values)
    # An image that only decoding finds broken is missing from what was extracted.
    place_of = {record.id: at for at, record in enumerate(found.images)}
    kept = [place_of[image.id] for image in extracted.images]
    test = label_test(run, kb, activations, criteria)
    targets: dict[str, NDArray[np.bool_]] = {}
    rows = []
    for record, expression in labelled:
        text = record["solutions"][0]["expression"]
        if text not in targets:
            targets[text] = np.asarray(found.targets(expression), np.bool_)[kept]
        rows.append(test(record, values[:, record["unit"]], targets[text]))
    return adjust(rows)


def _model_of(activations: Activations) -> LoadedModel:
    """Load the network that activations are of, and check that it still is the same."""
    from ..bridge.models import load_model

    meta = activations.meta
    model = load_model(meta.model)
    if model.weights_sha256 != meta.weights_sha256:
        raise DataError(
            f"the weights of {meta.model} are not those that the activations were made with",
            where=activations.path,
            expected=f"weights with the digest {(meta.weights_sha256 or '')[:16]}, not {model.weights_sha256[:16]}",
            hint="extract the activations and label again",
        )
    # Through JSON, which knows no tuples, as the description in the directory went.
    if json.loads(json.dumps(dict(model.transform_info))) != dict(meta.transform):
        raise DataError(
            f"{meta.model} turns photographs into input differently than when the activations were made",
            where=activations.path,
            expected=f"{dict(meta.transform)}",
            hint="extract the activations and label again",
        )
    return model


@contextmanager
def _place(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="neurontology-") as folder:
        yield Path(folder) / "activations"
