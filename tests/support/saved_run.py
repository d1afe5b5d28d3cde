"""A layer labelled and saved as `label` does it, with the same time in every test."""

from datetime import UTC, datetime
from pathlib import Path

from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.labelling import join_images, label_units
from neurontology.bridge.run import Run, save_run
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions


def saved_run(
    out: Path,
    kb: KB,
    activations: Activations,
    thresholds: Thresholds,
    options: InductionOptions,
    *,
    units: list[int] | None = None,
    jobs: int | None = None,
) -> Run:
    """Label all units, or those given, and write the run."""
    joined = join_images(kb, activations)
    labels = label_units(joined, activations, units=units, thresholds=thresholds, options=options, jobs=jobs)
    return save_run(
        out,
        kb,
        activations,
        joined,
        labels,
        units=units,
        thresholds=thresholds,
        options=options,
        started=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        elapsed_seconds=1.0,
    )
