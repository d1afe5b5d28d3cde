"""`label`: expressions for the units of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    ClusterAddress,
    Dataset,
    Entailment,
    EntailmentLimit,
    Jobs,
    Json,
    MaxAtoms,
    MinPositives,
    Negative,
    Operators,
    Out,
    Permutations,
    Positive,
    Score,
    Seed,
    Strategy,
    TimeLimit,
    Units,
    check_shares,
    induction_options,
    unit_numbers,
)
from .terminal import open_world_cell, print_json, print_table, progress_bar, say, warn

if TYPE_CHECKING:
    from ..bridge.labelling import Executor


def label_layer(
    context: typer.Context,
    out: Out,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base directory.")] = None,
    activations: Annotated[Path | None, typer.Option(help="Activation directory.")] = None,
    update: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Take everything from this run and induce only what changed since."),
    ] = None,
    dataset: Dataset = None,
    units: Units = None,
    positive: Positive = 0.8,
    negative: Negative = 0.2,
    rule: Annotated[
        str | None,
        typer.Option(
            help="Example images, instead of --positive and --negative: 80/20 (percent of the maximum), q95/50 "
            "(quantiles), top20/50 (numbers), or a band of activations, 20-40 (percent of the maximum) or 2of4 (one of "
            "so many ranges)."
        ),
    ] = None,
    min_positives: MinPositives = 3,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    top: Annotated[int, typer.Option(min=1, help="Number of solutions.")] = 5,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    permutations: Permutations = None,
    seed: Seed = None,
    rerank: Annotated[
        str | None, typer.Option(help="auroc: order the solutions by AUROC against the raw activations.")
    ] = None,
    jobs: Jobs = None,
    device: Annotated[
        str, typer.Option(help="What counts atoms: cpu, cuda (needs torch) or torch:cpu. The labels are the same.")
    ] = "cpu",
    cluster: ClusterAddress = None,
    entailment: Entailment = None,
    entailment_limit: EntailmentLimit = 300,
    as_json: Json = False,
) -> None:
    """Label the units of a layer and record the labels as triples."""
    from ..bridge.activations import Activations
    from ..bridge.example_rules import Thresholds, parse_rule
    from ..bridge.labelling import check_options, join_images, label_units
    from ..bridge.recording import record_run
    from ..bridge.run import save_run
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB
    from ..ontology.staging import refuse_existing
    from ..reasoner.counting import resolve_device
    from ..reasoner.learning import InductionOptions

    if update is not None:
        return _update_labels(context, update, kb, activations, out, jobs, cluster, as_json)
    if kb is None or activations is None:
        raise UsageError("what to label is not given", expected="--kb KB --activations ACT, or --update RUN")
    if cluster is not None and (jobs is not None or device != "cpu"):
        raise UsageError("--jobs and --device are not for --cluster", expected="them where the workers are started")
    # Before the work of minutes, not after it.
    refuse_existing(out)
    check_shares(positive, negative)
    started, clock = datetime.now(UTC), perf_counter()
    chosen = unit_numbers(units)
    if rule is None:
        thresholds = Thresholds(positive, negative, min_positives)
    elif "COMMANDLINE" in f"{context.get_parameter_source('positive')}{context.get_parameter_source('negative')}":
        raise UsageError("--rule says what --positive and --negative say", expected="--rule, or these two")
    else:
        thresholds = parse_rule(rule, min_positives=min_positives)
    asked = induction_options(score, max_atoms, operators, top, strategy, time_limit, permutations, seed)
    options = InductionOptions(**asked, rerank=rerank)
    check_options(options, thresholds)
    if entailment is not None:
        from ..bridge.open_world import check_labels
        from ..reasoner.entailment import require_reasoner

        require_reasoner(entailment)
    counter = resolve_device(device)
    with ExitStack() as stack:
        executor = _cluster_labels(stack, cluster, out)
        store, acts = KB.open(kb, writable=True), Activations.open(activations)
        joined = join_images(store, acts, dataset)
        progress = stack.enter_context(progress_bar("units"))
        labels = label_units(
            joined,
            acts,
            units=chosen,
            thresholds=thresholds,
            options=options,
            jobs=jobs,
            progress=progress,
            counter=counter,
            executor=executor,
        )
    if entailment is not None:
        checked = check_labels(
            store, joined, acts, labels, thresholds, reasoner=entailment, time_limit=entailment_limit
        )
        labels = list(checked.labels)
        for note in checked.notes:
            warn(note)
    run = save_run(
        out,
        store,
        acts,
        joined,
        labels,
        units=chosen,
        thresholds=thresholds,
        options=options,
        started=started,
        elapsed_seconds=perf_counter() - clock,
        record=lambda run: record_run(store, run),
    )
    if as_json:
        spent = {u.unit: u.induction.elapsed_seconds for u in labels if u.induction is not None}
        units_record = [{**u, "elapsed_seconds": spent.get(u["unit"])} for u in run.units]
        return print_json({"run": str(out), "kb": str(kb), "units": units_record})
    _print_labels(run.units)
    say(f"{joined.dataset}: {run.images} images; {run.elapsed_seconds:.1f} s; written to {out} and to {kb}")


def _cluster_labels(stack: ExitStack, address: str | None, out: Path) -> Executor | None:
    """Connect to a cluster until the stack ends; without an address nothing."""
    if address is None:
        return None
    from ..bridge.cluster import connect
    from ..bridge.cluster_tasks import ClusterLabels

    return ClusterLabels(stack.enter_context(connect(address)), out.parent)


def _update_labels(
    context: typer.Context,
    former: Path,
    kb: Path | None,
    activations: Path | None,
    out: Path,
    jobs: int | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    from ..bridge.activations import Activations
    from ..bridge.recording import record_run
    from ..bridge.run import open_run
    from ..bridge.update import update_run
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB
    from ..ontology.staging import refuse_existing

    own = ("kb", "activations", "out", "update", "jobs", "cluster", "as_json")
    given = [n for n in context.params if n not in own and str(context.get_parameter_source(n)).endswith("COMMANDLINE")]
    if given:
        raise UsageError(
            f"--{given[0].replace('_', '-')} cannot be given with --update, which keeps the settings of the run"
        )
    if cluster is not None and jobs is not None:
        raise UsageError("--jobs is not for --cluster", expected="it where the workers are started")
    started, clock = datetime.now(UTC), perf_counter()
    run = open_run(former)
    refuse_existing(out)
    store = KB.open(kb or Path(run.config.kb), writable=True)
    acts = Activations.open(activations or Path(run.config.activations))
    with ExitStack() as stack:
        executor = _cluster_labels(stack, cluster, out)
        progress = stack.enter_context(progress_bar("units"))
        updated, induced = update_run(
            run,
            store,
            acts,
            out,
            started=started,
            clock=lambda: perf_counter() - clock,
            jobs=jobs,
            progress=progress,
            executor=executor,
            record=lambda run: record_run(store, run),
        )
    if as_json:
        return print_json({"run": str(out), "kb": str(store.path), "units": updated.units, "induced": list(induced)})
    _print_labels(updated.units)
    say(f"{len(induced)} units induced again, {updated.elapsed_seconds:.1f} s; written to {out} and to {store.path}")


def _print_labels(units: Sequence[dict[str, Any]]) -> None:
    labelled = [u for u in units if u["solutions"]]
    checked = any("entailment" in u["solutions"][0] for u in labelled)
    ranked = any(u["solutions"][0].get("auroc") is not None for u in labelled)
    p_values = [u["permutation_p"] for u in labelled if u.get("permutation_p") is not None]
    print_table(
        (
            "unit",
            "positives",
            "label",
            "f1",
            *(["auroc"] if ranked else []),
            "proved",
            *(["p"] if p_values else []),
            *(["open world"] if checked else []),
        ),
        [
            (
                u["unit"],
                u["positives"],
                u["solutions"][0]["english"],
                u["solutions"][0]["f1"],
                *([u["solutions"][0].get("auroc")] if ranked else []),
                "yes" if u["proved_optimal"] else "no",
                *([u.get("permutation_p")] if p_values else []),
                *([open_world_cell(u["solutions"][0]["entailment"])] if checked else []),
            )
            for u in labelled[:40]
        ],
    )
    if len(labelled) > 40:
        say(f"… and {len(labelled) - 40} more: see labels.csv")
    reasons: dict[str, int] = {}
    for u in units:
        if not u["solutions"]:
            reason = u["status"].partition(":")[0]
            reasons[reason] = reasons.get(reason, 0) + 1
    proved = sum(u["proved_optimal"] for u in labelled)
    say(f"{len(labelled)} of {len(units)} units labelled, {proved} proved optimal")
    if p_values:
        say(
            f"{sum(p <= 0.05 for p in p_values)} of {len(p_values)} score better than chance: permutation p <= 0.05, "
            "not corrected for the number of units"
        )
    for reason, count in sorted(reasons.items()):
        say(f"{count} not labelled: {reason}")
