"""The same question asked of several networks, or with several knowledge bases: a run for each pair of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..bridge.activations import Activations
from ..bridge.example_rules import Thresholds
from ..bridge.labelling import check_options, join_images
from ..bridge.recording import record_verdicts
from ..bridge.run import activations_digest
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..ontology.staging import refuse_existing
from ..reasoner.learning import InductionOptions
from .lineup import line_up
from .lineup_recording import record_lineup
from .run_verification import held_out, verification_settings, verify_run
from .sweep import labelled_run
from .verdict_record import verdict_records
from .verification import PUBLISHED_CRITERIA, Criteria


def label_across(
    kbs: Sequence[KB],
    activations: Sequence[Activations],
    out: str | Path,
    *,
    dataset: str | None = None,
    units: Sequence[int] | None = None,
    thresholds: Thresholds | None = None,
    options: InductionOptions | None = None,
    criteria: Criteria = PUBLISHED_CRITERIA,
    jobs: int | None = None,
    progress: Callable[[int, int, int | None], None] | None = None,
) -> dict[str, Any]:
    """Label and verify each layer with each knowledge base, and set the runs side by side.

    Parameters
    ----------
    kbs
        Knowledge bases opened for writing; each gets the runs made with it, their verdicts and the comparison.
    activations
        Activations of layers, of one network or several.
    out
        New directory: a run in a folder for each pair, called by the directories that differ, and ``comparison.json``.
    dataset, units, options, jobs
        As for :func:`.label_units`, the same for all.
    thresholds
        When an image is an example.
    criteria
        How to judge.
    progress
        Called with units done in all runs, in all, and None.

    Returns
    -------
    dict
        What ``across --json`` prints, see :func:`.lineup.line_up`.

    Raises
    ------
    UsageError
        There are less than two pairs, two directories have the same name or content, no image was held out, or `out`
        is not empty.
    """
    options, thresholds = options or InductionOptions(top=5), thresholds or Thresholds()
    check_options(options, thresholds)
    pairs = [(kb, acts) for kb in kbs for acts in activations]
    if len(pairs) < 2:
        raise UsageError("there is nothing to compare", expected="several knowledge bases or several activations")
    _check_different([(kb.digest, str(kb.path)) for kb in kbs])
    _check_different([(activations_digest(acts), str(acts.path)) for acts in activations])
    names = _names([Path(str(kb.path)) for kb in kbs], [Path(acts.path) for acts in activations])
    out = Path(out)
    refuse_existing(out)
    joined = [join_images(kb, acts, dataset) for kb, acts in pairs]
    for (_, acts), images in zip(pairs, joined, strict=True):
        held_out(images, acts)
    runs = []
    for position, ((kb, acts), images) in enumerate(zip(pairs, joined, strict=True)):

        def report(done: int, total: int, _: int, position: int = position) -> None:
            if progress is not None:
                progress(position * total + done, len(pairs) * total, None)

        folder = out / names[position]
        run = labelled_run(
            kb, acts, images, thresholds, folder, units=units, options=options, jobs=jobs, progress=report
        )
        rows = verify_run(run, kb, acts, criteria, joined=images)
        settings = {**verification_settings(run, criteria), "images": "held out"}
        record_verdicts(kb, run, verdict_records(rows, run), settings)
        runs.append(run)
    stores = [kb for kb, _ in pairs]
    record = line_up(runs, stores, names)
    record_lineup(kbs, runs, record, origin=out)
    (out / "comparison.json").write_text(
        json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8"
    )
    return record


def _check_different(contents: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for digest, path in contents:
        if digest in seen:
            raise UsageError(f"{seen[digest]} and {path} have the same content", expected="each once")
        seen[digest] = path


def _names(kbs: Sequence[Path], activations: Sequence[Path]) -> list[str]:
    """Names of the pairs, from the directories of which there are several."""
    for paths in (kbs, activations):
        called = [path.resolve().name for path in paths]
        if len(set(called)) < len(called):
            raise UsageError(
                f"several directories are called {next(n for n in called if called.count(n) > 1)!r}",
                expected="names by which the runs can be told apart",
            )
    return [
        "-".join(path.resolve().name for path, several in ((kb, len(kbs) > 1), (acts, len(activations) > 1)) if several)
        for kb in kbs
        for acts in activations
    ]
