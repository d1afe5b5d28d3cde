"""A sweep: the same layer labelled under several definitions of the example sets, each of them a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from ..bridge.activations import Activations
from ..bridge.example_rules import Thresholds
from ..bridge.labelling import JoinedImages, check_options, join_images, label_units
from ..bridge.recording import record_run, record_verdicts
from ..bridge.run import Run, save_run
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..ontology.staging import refuse_existing
from ..reasoner.learning import InductionOptions
from .responses import Response, responses
from .run_verification import held_out, verification_settings, verify_run
from .sweep_recording import record_sweep
from .verdict_record import verdict_records
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow, adjust, passes_test

#: The thresholds 70/30 to 95/5 in percent of the maximum, then quantiles, then numbers of images.
DEFAULT_SETTINGS: Final = (
    "70/30",
    "75/25",
    "80/20",
    "85/15",
    "90/10",
    "95/5",
    "q90/50",
    "q95/50",
    "top10/50",
    "top20/50",
)


@dataclass(frozen=True)
class Outcome:
    """What one setting of a sweep came to.

    Attributes
    ----------
    setting
        How the example images were chosen.
    run
        The labels, a run like any other.
    rows
        The verdicts on them, on the held-out images.
    responses
        How combinations of the solutions do there; empty unless asked for.
    """

    setting: Thresholds
    run: Run
    rows: tuple[VerificationRow, ...]
    responses: tuple[Response, ...]


@dataclass(frozen=True)
class Sweep:
    """Outcomes of several settings on the same units, images and knowledge.

    Attributes
    ----------
    digest
        SHA-256 over the digests of the runs and how they were verified.
    outcomes
        One a setting, in the order asked for.
    common
        Units that were labelled and tested under every setting.
    verification
        How the labels were judged, by name.
    """

    digest: str
    outcomes: tuple[Outcome, ...]
    common: tuple[int, ...]
    verification: dict[str, Any]


def sweep(
    kb: KB,
    activations: Activations,
    settings: Sequence[Thresholds],
    out: str | Path,
    *,
    dataset: str | None = None,
    units: Sequence[int] | None = None,
    options: InductionOptions | None = None,
    criteria: Criteria = PUBLISHED_CRITERIA,
    combined: int | None = None,
    together: bool = False,
    jobs: int | None = None,
    progress: Callable[[int, int, int | None], None] | None = None,
) -> Sweep:
    """Label and verify a layer under each setting, and record the runs, the verdicts and the sweep.

    Parameters
    ----------
    kb
        A knowledge base opened for writing.
    activations
        The activations, with held-out images.
    settings
        Definitions of the example sets, at least one.
    out
        New directory: a run in a folder for each setting, and ``sweep.json``.
    dataset, units, options, jobs
        As for :func:`.label_units`.
    criteria
        How to judge.
    combined
        Bring up to so many solutions of a unit together, see :mod:`.responses`; None not to.
    together
        Adjust the p-values over the labels of all settings, not within each setting.
    progress
        Called with units done in all settings, in all, and None.

    Raises
    ------
    UsageError
        Nothing to sweep over, bands of activations among other settings, no image was held out, or `out` is not empty.
    """
    options = options or InductionOptions(top=5)
    if not settings:
        raise UsageError("there is nothing to sweep over", expected="at least one setting")
    for setting in settings:
        check_options(options, setting)
    bands = [setting.name for setting in settings if setting.is_band]
    if bands and (len(bands) < len(settings) or combined is not None):
        raise UsageError(
            f"{', '.join(bands)}: the labels of bands are judged by lying in the band, not by rank",
            expected="bands alone, and no responses",
        )
    if combined is not None and options.top < combined:
        options = replace(options, top=combined)
    out = Path(out)
    refuse_existing(out)
    joined = join_images(kb, activations, dataset)
    held_out(joined, activations)
    outcomes = []
    for position, setting in enumerate(settings):

        def report(done: int, total: int, _: int, position: int = position) -> None:
            if progress is not None:
                progress(position * total + done, len(settings) * total, None)

        folder = out / setting.name.replace("/", "-")
        run = labelled_run(
            kb, activations, joined, setting, folder, units=units, options=options, jobs=jobs, progress=report
        )
        rows = verify_run(run, kb, activations, criteria, joined=joined)
        found = responses(run, kb, activations, joined, combined, criteria) if combined is not None else ()
        outcomes.append(Outcome(setting, run, tuple(rows), found))
    verification = {**verification_settings(outcomes[0].run, criteria)}
    if together:
        verification["adjustment"] = f"{verification['adjustment']} over {len(settings)} runs"
        outcomes = _adjusted_together(outcomes)
    hypotheses = sum(row.p is not None for outcome in outcomes for row in outcome.rows) if together else None
    for outcome in outcomes:
        judged = verdict_records(outcome.rows, outcome.run, tested=hypotheses)
        record_verdicts(kb, outcome.run, judged, {**verification, "images": "held out"})
    tested = [{row.unit for row in outcome.rows if row.auc is not None} for outcome in outcomes]
    content = [[o.run.digest for o in outcomes], verification, combined]
    result = Sweep(
        digest=hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        outcomes=tuple(outcomes),
        common=tuple(sorted(set.intersection(*tested))),
        verification=verification,
    )
    record = sweep_record(result)
    record_sweep(kb, [o.run for o in outcomes], record, origin=out)
    (out / "sweep.json").write_text(
        json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8"
    )
    return result


def sweep_record(sweep: Sweep) -> dict[str, Any]:
    """Give the document that ``sweep --json`` prints.

    Each setting has the numbers of units, of labels, of those proved to be optimal, of those tested on held-out
    images and of those that pass; ``holm`` is the test after Holm's adjustment within the setting. Settings
    label different units, so the medians are given over the labels of the setting and, with ``_common``, over the
    units tested under every setting.
    """
    first = sweep.outcomes[0].run.config
    return {
        "sweep": sweep.digest,
        "model": first.model,
        "layer": first.layer,
        "dataset": first.dataset,
        "common_units": len(sweep.common),
        "verification": sweep.verification,
        "settings": [_outcome_record(outcome, set(sweep.common)) for outcome in sweep.outcomes],
    }


def _outcome_record(outcome: Outcome, common: set[int]) -> dict[str, Any]:
    labelled = [unit for unit in outcome.run.units if unit["solutions"]]
    score = {unit["unit"]: unit["solutions"][0]["f1"] for unit in labelled}
    auc = {row.unit: row.auc for row in outcome.rows if row.auc is not None}
    limits = outcome.setting
    return {
        "setting": outcome.setting.name,
        "rule": limits.rule,
        "positive": limits.positive,
        "negative": limits.negative,
        "run": str(outcome.run.path),
        "units": len(outcome.run.units),
        "labelled": len(labelled),
        "proved": sum(bool(unit["proved_optimal"]) for unit in labelled),
        "positives_median": _median([unit["positives"] for unit in labelled]),
        "negatives_median": _median([unit["negatives"] for unit in labelled]),
        "f1_median": _median(list(score.values())),
        "f1_median_common": _median([value for unit, value in score.items() if unit in common]),
        "tested": len(auc),
        "gate": sum(bool(row.gate) for row in outcome.rows if row.auc is not None),
        "holm": sum(passes_test(row) for row in outcome.rows),
        "confirmed": sum(row.verdict == "confirmed" for row in outcome.rows),
        "auc_median": _median(list(auc.values())),
        "auc_median_common": _median([value for unit, value in auc.items() if unit in common]),
        "responses": [asdict(response) for response in outcome.responses],
    }


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def _adjusted_together(outcomes: Sequence[Outcome]) -> list[Outcome]:
    adjusted = iter(adjust(row for outcome in outcomes for row in outcome.rows))
    return [replace(outcome, rows=tuple(next(adjusted) for _ in outcome.rows)) for outcome in outcomes]


def labelled_run(
    kb: KB,
    activations: Activations,
    joined: JoinedImages,
    thresholds: Thresholds,
    out: Path,
    *,
    units: Sequence[int] | None,
    options: InductionOptions,
    jobs: int | None,
    progress: Callable[[int, int, int], None] | None,
) -> Run:
    """Label units, write the run and record it; as for :func:`.label_units` and :func:`.save_run`."""
    started, clock = datetime.now(UTC), perf_counter()
    labels = label_units(
        joined,
        activations,
        units=units,
        thresholds=thresholds,
        options=options,
        jobs=jobs,
        progress=progress,
    )
    return save_run(
        out,
        kb,
        activations,
        joined,
        labels,
        units=units,
        thresholds=thresholds,
        options=options,
        started=started,
        elapsed_seconds=perf_counter() - clock,
        record=lambda run: record_run(kb, run),
    )
