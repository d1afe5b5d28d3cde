"""Several runs side by side: other networks, other knowledge, other settings, a row each."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..bridge.run import Run, read_expression
from ..ontology.errors import UsageError
from ..ontology.expression import named_classes
from ..ontology.kb import KB
from .comparison import (
    RecordedVerdict,
    auc_scores,
    compare_scores,
    distribution,
    f1_scores,
    recorded_verdicts,
    same_layer,
)

RESAMPLES = 2000
"""Samples that a bootstrap draws."""


def line_up(runs: Sequence[Run], kbs: Sequence[KB], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Set several runs side by side, with the verdicts that `verify` recorded about them.

    Parameters
    ----------
    runs
        At least two.
    kbs
        The knowledge base of each, in which its verdicts are.
    names
        What to call the runs; their directories by default.

    Returns
    -------
    dict
        ``runs``: a row each, first its numbers of units: asked for, labelled, tested on held-out images, passing the
        gate, the rank test after Holm's adjustment within the run, both and the base rate (``confirmed``, as a share of
        the units, with Wilson's 95 % interval). Then the medians of F1 and held-out AUC, this with its quartiles and a
        95 % percentile bootstrap interval over the units, and over the units tested in all runs (``auc_median_common``)
        where all runs are about one layer. ``change``: the AUC against the first run: over the same units the
        differences and Wilcoxon's signed-rank p where the layer is the same, else the two-sided Mann-Whitney p between
        the units of the two layers. Units of one layer share the images that they were judged on: what holds for units
        drawn at random is all that intervals and p-values speak of.

    Raises
    ------
    UsageError
        There are less than two runs, or one of them twice.
    """
    if len(runs) < 2:
        raise UsageError("there is nothing to compare", expected="two runs or more")
    twice = [digest for digest, number in Counter(run.digest for run in runs).items() if number > 1]
    if twice:
        which = [str(run.path) for run in runs if run.digest == twice[0]]
        raise UsageError(f"{' and '.join(which)} are the same run", expected="different runs")
    verdicts = [recorded_verdicts(kb, run) for kb, run in zip(kbs, runs, strict=True)]
    aucs = [auc_scores(found) for found in verdicts]
    matched = all(same_layer(runs[0], run) for run in runs)
    common = sorted(set.intersection(*(set(found) for found in aucs))) if matched else []
    content = [
        [run.digest, sorted((u, v.verdict, v.auc) for u, v in found.items())]
        for run, found in zip(runs, verdicts, strict=True)
    ]
    return {
        "comparison": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        "same_layer": matched,
        "common_units": len(common) if matched else None,
        "runs": [
            {
                "name": names[k] if names else str(run.path),
                **_facts(run, kbs[k]),
                **_counts(run, verdicts[k]),
                "f1_median": _median(list(f1_scores(run).values())),
                **_auc(aucs[k]),
                "auc_median_common": _median([aucs[k][unit] for unit in common]) if matched else None,
                "change": _change(aucs[0], aucs[k], paired=same_layer(runs[0], run)) if k else None,
            }
            for k, run in enumerate(runs)
        ],
    }


def _facts(run: Run, kb: KB) -> dict[str, Any]:
    return {
        "run": str(run.path),
        "digest": run.digest,
        "model": run.config.model,
        "layer": run.config.layer,
        "kb": str(kb.path),
        "dataset": run.config.dataset,
        "rule": run.config.thresholds.name,
    }


def _counts(run: Run, verdicts: Mapping[int, RecordedVerdict]) -> dict[str, Any]:
    labelled = [unit for unit in run.units if unit["solutions"]]
    kinds = Counter(found.verdict.partition(":")[0] for found in verdicts.values())
    expressions = [read_expression(unit["solutions"][0]["expression"]) for unit in labelled]
    confirmed = kinds["confirmed"] if verdicts else None
    low, high = None, None
    if confirmed is not None and run.units:
        share = stats.binomtest(confirmed, len(run.units)).proportion_ci(0.95, "wilson")
        low, high = float(share.low), float(share.high)
    # By what was recorded of each, not by the verdict: a label whose base rate could not be tested has passed both.
    tested = [found for found in verdicts.values() if found.auc is not None]
    # The labels of bands are tested without a gate.
    gate = None if run.config.thresholds.is_band or not verdicts else sum(bool(found.gate) for found in tested)
    return {
        "units": len(run.units),
        "labelled": len(labelled),
        "proved": sum(bool(unit["proved_optimal"]) for unit in labelled),
        "distinct_labels": len({unit["solutions"][0]["expression"] for unit in labelled}),
        "distinct_concepts": len({iri for expression in expressions for iri in named_classes(expression)}),
        "verified": len(verdicts),
        "tested": len(tested) if verdicts else None,
        "gate": gate,
        "holm": sum(found.passes_test for found in tested) if verdicts else None,
        "confirmed": confirmed,
        "confirmed_share": None if confirmed is None or not run.units else confirmed / len(run.units),
        "confirmed_low": low,
        "confirmed_high": high,
    }


def _auc(aucs: Mapping[int, float]) -> dict[str, Any]:
    values = np.asarray(list(aucs.values()), np.float64)
    low, high = bootstrap_median(values) if len(values) else (None, None)
    return {
        "auc": distribution(values.tolist()),
        "auc_median": _median(values.tolist()),
        "auc_low": low,
        "auc_high": high,
    }


def _change(first: Mapping[int, float], other: Mapping[int, float], *, paired: bool) -> dict[str, Any]:
    """How the held-out AUC differs from that of the first run."""
    if paired:
        found = compare_scores(first, other, paired=True)
        keys = ("paired", "change_median", "higher", "equal", "lower", "p")
        both = sorted(first.keys() & other.keys())
        low, high = bootstrap_median(np.asarray([other[unit] - first[unit] for unit in both])) if both else (None, None)
        return {**{key: found[key] for key in keys}, "low": low, "high": high, "test": "Wilcoxon signed-rank"}
    values = [np.asarray(list(aucs.values()), np.float64) for aucs in (first, other)]
    nothing: dict[str, Any] = dict.fromkeys(("change_median", "higher", "equal", "lower", "low", "high", "p"))
    unpaired = {**nothing, "paired": 0, "test": "Mann-Whitney"}
    if not all(len(v) for v in values):
        return unpaired
    drawn = [_resampled_medians(v, seed) for seed, v in enumerate(values)]
    low, high = np.quantile(drawn[1] - drawn[0], (0.025, 0.975)).tolist()
    return {
        **unpaired,
        "change_median": float(np.median(values[1]) - np.median(values[0])),
        "low": low,
        "high": high,
        "p": float(stats.mannwhitneyu(values[1], values[0]).pvalue),
    }


def bootstrap_median(values: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile bootstrap interval, 95 %, of a median (Efron and Tibshirani 1993, chapter 13); the seed is fixed.

    Parameters
    ----------
    values
        float64, shape (n,), n at least 1.

    Examples
    --------
    >>> bootstrap_median(np.full(5, 0.7))
    (0.7, 0.7)
    """
    low, high = np.quantile(_resampled_medians(values, 0), (0.025, 0.975))
    return float(low), float(high)


def _resampled_medians(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    return np.asarray(np.median(values[drawn], axis=1))


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None
