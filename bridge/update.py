"""A run brought up to date with the knowledge: only the units whose problems changed are induced again."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..reasoner.learning import InductionOptions
from ..reasoner.score import resolve
from .activations import Activations
from .fingerprint import Fingerprint
from .labelling import Executor, JoinedImages, LayerProblems, Threads, UnitLabel, UnitProgress, join_images
from .run import KeptLabel, Run, activations_digest, save_run


@dataclass(frozen=True)
class Update:
    """Labels of a run under other knowledge.

    Attributes
    ----------
    joined
        The images.
    labels
        The units' labels in the order of the run, those that still hold as they were.
    induced
        The units that were induced again.
    """

    joined: JoinedImages
    labels: tuple[UnitLabel | KeptLabel, ...]
    induced: tuple[int, ...]


def updated_labels(
    run: Run,
    kb: KB,
    activations: Activations,
    *,
    jobs: int | None = None,
    progress: UnitProgress | None = None,
    executor: Executor | None = None,
) -> Update:
    """Labels as a full run over this knowledge base would find them.

    Parameters
    ----------
    run
        The run, whose settings and units are kept.
    kb
        The knowledge as it is now.
    activations
        The activations of the run.
    jobs
        Number of threads; the number of cores by default.
    progress
        Called with the numbers of units done, in all, and proved optimal.
    executor
        Who induces the units whose labels no longer hold; threads of this process by default.

    Raises
    ------
    UsageError
        The activations are not those of the run, or its data set is gone.
    """
    if activations_digest(activations) != run.config.activations_digest:
        raise UsageError(
            "these are not the activations of the run", where=activations.path, expected=run.config.activations
        )
    joined = join_images(kb, activations, run.config.dataset)
    problems = LayerProblems(joined, activations, run.config.thresholds, run.config.options)

    def kept(record: dict[str, Any]) -> KeptLabel | None:
        examples = problems.examples(int(record["unit"]))
        if not examples.usable:
            return None
        fingerprint = problems.fingerprint(examples)
        if not _still_holds(record, run.fingerprints.get(record["unit"]), fingerprint, run.config.options):
            return None
        # No reasoner is asked again, and what it once said holds of the knowledge as it was.
        solutions = [{key: s[key] for key in s if key != "entailment"} for s in record["solutions"]]
        return KeptLabel({**record, "atoms": len(problems.atoms), "solutions": solutions}, fingerprint)

    threads = jobs or os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        former = list(pool.map(kept, run.units))
    anew = [int(record["unit"]) for record, label in zip(run.units, former, strict=True) if label is None]
    found = iter((executor or Threads(threads)).labels(problems, anew) if anew else ())
    labels: list[UnitLabel | KeptLabel] = []
    proved = 0
    for done, label in enumerate(former, 1):
        labels.append(label if label is not None else next(found))
        proved += labels[-1].proved
        if progress is not None:
            progress(done, len(former), proved)
    induced = tuple(x.unit for x in labels if isinstance(x, UnitLabel) and x.induction is not None)
    return Update(joined, tuple(labels), induced)


def update_run(
    run: Run,
    kb: KB,
    activations: Activations,
    out: str | Path,
    *,
    started: datetime,
    clock: Callable[[], float],
    jobs: int | None = None,
    progress: UnitProgress | None = None,
    executor: Executor | None = None,
    record: Callable[[Run], object] | None = None,
) -> tuple[Run, tuple[int, ...]]:
    """Write the run that labelling anew would write, and say which units were induced again.

    Parameters
    ----------
    run, kb, activations, jobs, progress, executor
        As for :func:`updated_labels`.
    out
        New directory.
    started, clock
        When the work began, and what tells the seconds since.
    record
        As for :func:`.save_run`.

    Raises
    ------
    UsageError
        The activations are not those of the run, its data set is gone, or `out` is not empty.
    """
    update = updated_labels(run, kb, activations, jobs=jobs, progress=progress, executor=executor)
    written = save_run(
        out,
        kb,
        activations,
        update.joined,
        update.labels,
        units=run.config.units,
        thresholds=run.config.thresholds,
        options=run.config.options,
        started=started,
        elapsed_seconds=clock(),
        record=record,
    )
    return written, update.induced


def _still_holds(
    record: dict[str, Any], before: Fingerprint | None, now: Fingerprint, options: InductionOptions
) -> bool:
    """Whether a search would find the recorded solutions again.

    Where only atoms that hold for no example have changed, it would if it proved its solutions, found as many
    as asked for, and each of them scores better than an expression that holds for no example.
    """
    if before is None or before.atoms != now.atoms:
        return False
    if before.absent == now.absent:
        return True
    solutions = record["solutions"]
    if options.strategy != "exact" or not record["proved_optimal"] or len(solutions) < options.top:
        return False
    if record.get("permutations_undecided"):  # how far a search gets depends on all its atoms
        return False
    score = resolve(options.score)
    if score.by_rank:  # what holds for no image, or for all, has no AUROC
        return True
    p, n = record["positives"], record["negatives"]
    lowest = min(float(score.value(s["tp"], s["fp"], p, n)) for s in solutions)
    return lowest > float(score.value(0, 0, p, n))
