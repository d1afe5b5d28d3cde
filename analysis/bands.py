"""A layer labelled band by band of its units' activations: what a unit answers to weakly, moderately, strongly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bridge.activations import Activations
from ..bridge.example_rules import Thresholds
from ..bridge.example_sets import cuts
from ..bridge.labelling import join_images
from ..ontology.errors import UsageError
from ..ontology.kb import KB
from ..reasoner.learning import InductionOptions
from .band_recording import record_bands
from .sweep import Outcome, Sweep, sweep, sweep_record
from .verification import PUBLISHED_CRITERIA, Criteria, VerificationRow

#: Bands in percent of the maximum.
DEFAULT_BANDS: Final = "0-20,20-40,40-60,60-80,80-100"


def label_bands(
    kb: KB,
    activations: Activations,
    bands: Sequence[Thresholds],
    out: str | Path,
    *,
    dataset: str | None = None,
    units: Sequence[int] | None = None,
    options: InductionOptions | None = None,
    criteria: Criteria = PUBLISHED_CRITERIA,
    jobs: int | None = None,
    progress: Callable[[int, int, int | None], None] | None = None,
) -> dict[str, Any]:
    """Label each band of each unit's activations, verify the labels on held-out images, and record all as triples.

    Each band is a run, and all of them are a sweep: positive are the images whose activation lies in the band, negative
    all others (see :func:`.example_sets.example_set`); a label is confirmed when held-out images of it lie in the band
    more often than others (see `band_verification`), by Holm's adjustment over all bands of all units.

    Parameters
    ----------
    kb, activations, out, dataset, units, options, criteria, jobs, progress
        As for :func:`.sweep.sweep`; `out` gets ``bands.json`` as well.
    bands
        The bands, see :func:`.example_rules.parse_bands`.

    Returns
    -------
    dict
        What ``bands --json`` prints, see :func:`bands_record`.

    Raises
    ------
    UsageError
        There is no band, no image was held out, or `out` is not empty.
    """
    wrong = [band.name for band in bands if not band.is_band]
    if wrong or not bands:
        raise UsageError(f"{', '.join(wrong) or 'nothing'} is no band of activations", expected="20-40 or 2of4")
    found = sweep(
        kb,
        activations,
        bands,
        out,
        dataset=dataset,
        units=units,
        options=options,
        criteria=criteria,
        together=True,
        jobs=jobs,
        progress=progress,
    )
    joined = join_images(kb, activations, dataset)
    used = joined.images[[activations.images[i].split == "induction" for i in joined.images]]
    record = bands_record(found, np.asarray(activations.values[used]))
    record_bands(kb, [outcome.run for outcome in found.outcomes], record, origin=Path(out))
    (Path(out) / "bands.json").write_text(
        json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8"
    )
    return record


def bands_record(sweep: Sweep, activations: NDArray[np.floating]) -> dict[str, Any]:
    """Give the document that ``bands --json`` prints.

    Parameters
    ----------
    sweep
        The sweep over the bands.
    activations
        Shape (images, units): those that the labels were induced from.

    Returns
    -------
    dict
        ``bands``: the numbers of each band, as of a setting of a sweep, with the median percentages of target and of
        other images in the band. ``units``: each unit with its bands, where they begin and end, their labels and
        verdicts, and ``confirmed``: its different labels that are confirmed. ``confirmed_labels``: how many units have
        no, one, two … different confirmed labels.
    """
    whole = sweep_record(sweep)
    bands = [
        {
            "band": row.pop("setting"),
            **{key: value for key, value in row.items() if key not in ("gate", "responses")},
            **_shares(outcome.rows),
        }
        for row, outcome in zip(whole["settings"], sweep.outcomes, strict=True)
    ]
    verdicts = [{row.unit: row for row in outcome.rows} for outcome in sweep.outcomes]
    units: list[dict[str, Any]] = []
    for position, record in enumerate(sweep.outcomes[0].run.units):
        unit = int(record["unit"])
        rows = [
            _unit_band(outcome, position, judged.get(unit), activations[:, unit])
            for outcome, judged in zip(sweep.outcomes, verdicts, strict=True)
        ]
        confirmed = dict.fromkeys(row["label"] for row in rows if row["verdict"] == "confirmed")
        units.append({"unit": unit, "confirmed": list(confirmed), "bands": rows})
    most = max((len(unit["confirmed"]) for unit in units), default=0)
    return {
        "sweep": sweep.digest,
        **{key: whole[key] for key in ("model", "layer", "dataset", "common_units", "verification")},
        "bands": bands,
        "confirmed_labels": [sum(len(unit["confirmed"]) == n for unit in units) for n in range(most + 1)],
        "units": units,
    }


def _shares(rows: Sequence[VerificationRow]) -> dict[str, float | None]:
    tested = [row for row in rows if row.p is not None]
    return {
        "target_percent_median": _median([row.target_percent for row in tested if row.target_percent is not None]),
        "non_target_percent_median": _median(
            [row.non_target_percent for row in tested if row.non_target_percent is not None]
        ),
    }


def _unit_band(
    outcome: Outcome, position: int, row: VerificationRow | None, activations: NDArray[np.floating]
) -> dict[str, Any]:
    record, limits = outcome.run.units[position], outcome.setting
    low, high = cuts(activations, positive=limits.positive, negative=limits.negative, rule=limits.rule)
    best = record["solutions"][0] if record["solutions"] else None
    judged = ("target_images", "target_percent", "non_target_percent", "auc", "auc_low", "auc_high", "p", "p_holm")
    return {
        "band": limits.name,
        "low": low if np.isfinite(low) else None,
        "high": high if np.isfinite(high) else None,
        "positives": record["positives"],
        "negatives": record["negatives"],
        "status": record["status"],
        "label": best["english"] if best else None,
        "dl": best["dl"] if best else None,
        "f1": best["f1"] if best else None,
        "proved_optimal": bool(record["proved_optimal"]) if best else None,
        **{key: getattr(row, key) if row else None for key in judged},
        "verdict": row.verdict if row else None,
    }


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None
