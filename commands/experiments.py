"""`baselines`, `sweep`, `bands`, `ensembles`, `across` and `compare`: several ways side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .options import (
    ActPath,
    Dataset,
    Gate,
    Jobs,
    Json,
    KbPath,
    MaxAtoms,
    MinPositives,
    Negative,
    Operators,
    Out,
    Positive,
    Score,
    Strategy,
    Threshold,
    TimeLimit,
    Units,
    check_shares,
    criteria_of,
    induction_options,
    names_in,
    unit_numbers,
)
from .terminal import cell_text, print_json, print_table, progress_bar, say


def compare_baselines(
    kb: Annotated[Path, typer.Option("--kb", help="Knowledge base directory.")],
    activations: Annotated[Path, typer.Option(help="Activation directory.")],
    images: Annotated[
        Path | None,
        typer.Option(help="Photographs with ADE20K masks beside them; by default where they were for the activations."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Some of netdissect,compex,invert,clip-dissect[:SIMILARITY],ecii,engine[:SCORE]; by default those "
            "that need neither masks nor scores."
        ),
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(metavar="MATRIX", help="CSV file of images × texts, for clip-dissect.")
    ] = None,
    dataset: Dataset = None,
    units: Units = None,
    length: Annotated[int, typer.Option(min=1, help="Largest number of concepts in a formula.")] = 3,
    as_json: Json = False,
) -> None:
    """Let published methods label units as well, and judge all labels on the same held-out images."""
    from ..analysis.baselines.comparison import PLAIN, compare
    from ..bridge.activations import Activations
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB

    chosen = PLAIN if methods is None else tuple(dict.fromkeys(names_in("--methods", methods)))
    if scores is not None and not any(name.partition(":")[0] == "clip-dissect" for name in chosen):
        raise UsageError("--scores is for clip-dissect", expected="--methods with clip-dissect")
    with progress_bar("photographs") as progress:
        found = compare(
            KB.open(kb),
            Activations.open(activations),
            chosen,
            units=unit_numbers(units),
            dataset=dataset,
            images=images,
            scores=scores,
            length=length,
            progress=progress,
        )
    record = found.to_json()
    if as_json:
        return print_json(record)
    _print_baselines(record)


def sweep_settings(
    kb: KbPath,
    activations: ActPath,
    out: Out,
    settings: Annotated[
        str | None,
        typer.Option(
            help="Example sets: 80/20 (percent of the maximum), q95/50 (quantiles), top20/50 (numbers of images), with "
            "commas between them; by default 70/30 to 95/5, two quantiles and two numbers."
        ),
    ] = None,
    responses: Annotated[
        int | None,
        typer.Option(min=2, max=3, help="Bring the first N solutions of a unit together: or, and, weighted by F1."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the sweep: .svg, .png or .pdf.")] = None,
    dataset: Dataset = None,
    units: Units = None,
    min_positives: MinPositives = 3,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    threshold: Threshold = "0",
    gate: Gate = 80.0,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Label and verify a layer under several definitions of its example images, a run each."""
    from ..analysis.plot_files import check_plot
    from ..analysis.sweep import DEFAULT_SETTINGS, sweep, sweep_record
    from ..analysis.sweep_plot import draw_sweep
    from ..bridge.activations import Activations
    from ..bridge.example_rules import parse_rules
    from ..ontology.kb import KB
    from ..reasoner.learning import InductionOptions

    chosen = parse_rules(
        DEFAULT_SETTINGS if settings is None else names_in("--settings", settings), min_positives=min_positives
    )
    if plot is not None:
        check_plot(plot)
    criteria = criteria_of(threshold, gate)
    options = InductionOptions(**induction_options(score, max_atoms, operators, 5, strategy, time_limit))
    with progress_bar("units") as progress:
        found = sweep(
            KB.open(kb, writable=True),
            Activations.open(activations),
            chosen,
            out,
            dataset=dataset,
            units=unit_numbers(units),
            options=options,
            criteria=criteria,
            combined=responses,
            jobs=jobs,
            progress=progress,
        )
    record = sweep_record(found)
    if plot is not None:
        draw_sweep(record, plot)
    if as_json:
        return print_json({**record, "out": str(out), "plot": None if plot is None else str(plot)})
    _print_sweep(record)
    say(f"a run for each setting in {out}, recorded in {kb}{'' if plot is None else f'; drawn in {plot}'}")


def label_by_bands(
    kb: KbPath,
    activations: ActPath,
    out: Out,
    bands: Annotated[
        str | None,
        typer.Option(
            help="Bands in percent of a unit's maximum with commas between them (0-20,20-40,40-60,60-80,80-100), or a "
            "number: so many ranges, those that k-means finds among the unit's activations."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the bands: .svg, .png or .pdf.")] = None,
    dataset: Dataset = None,
    units: Units = None,
    min_positives: Annotated[int, typer.Option(min=1, help="Fewest images in a band for a label.")] = 3,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Label and verify each band of the units' activations: what excites a unit weakly, moderately, strongly."""
    from ..analysis.band_plot import draw_bands
    from ..analysis.bands import DEFAULT_BANDS, label_bands
    from ..analysis.plot_files import check_plot
    from ..bridge.activations import Activations
    from ..bridge.example_rules import parse_bands
    from ..ontology.kb import KB
    from ..reasoner.learning import InductionOptions

    chosen = parse_bands(DEFAULT_BANDS if bands is None else bands, min_positives=min_positives)
    if plot is not None:
        check_plot(plot)
    options = InductionOptions(**induction_options(score, max_atoms, operators, 5, strategy, time_limit))
    with progress_bar("units") as progress:
        record = label_bands(
            KB.open(kb, writable=True),
            Activations.open(activations),
            chosen,
            out,
            dataset=dataset,
            units=unit_numbers(units),
            options=options,
            jobs=jobs,
            progress=progress,
        )
    if plot is not None:
        draw_bands(record, plot)
    if as_json:
        return print_json({**record, "out": str(out), "plot": None if plot is None else str(plot)})
    _print_bands(record)
    say(f"a run for each band in {out}, recorded in {kb}{'' if plot is None else f'; drawn in {plot}'}")


def compare_ensembles(
    kb: KbPath,
    activations: ActPath,
    groups: Annotated[
        str | None, typer.Option(help="Groups of units such as 3+7,9+12+15, or a file with one a line.")
    ] = None,
    find: Annotated[int, typer.Option(min=1, help="Without --groups: number of groups to find.")] = 20,
    find_by: Annotated[
        str,
        typer.Option(
            help="How: coactivation (the same images excite the members), correlation of the activations, or clusters."
        ),
    ] = "coactivation",
    size: Annotated[
        int | None,
        typer.Option(min=2, help="Units of a group to find, 2 or 3 (2 by default); most units of a cluster (8)."),
    ] = None,
    units: Annotated[
        str | None, typer.Option(help="Units to find groups among, such as 0,3,5-9; all by default.")
    ] = None,
    joint: Annotated[
        str, typer.Option(help="Activation of a group from its members' shares of their maxima: minimum or mean.")
    ] = "minimum",
    dataset: Dataset = None,
    positive: Positive = 0.8,
    negative: Negative = 0.2,
    min_positives: MinPositives = 3,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    threshold: Threshold = "0",
    gate: Gate = 80.0,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the gains: .svg, .png or .pdf.")] = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Label groups of units on their joint activation, and compare the labels with those of the members."""
    from ..analysis.ensemble_plot import draw_ensembles
    from ..analysis.ensemble_recording import record_ensembles
    from ..analysis.ensembles import check_find_by, compare_groups, ensembles_record, find_groups
    from ..analysis.plot_files import check_plot
    from ..analysis.unit_groups import check_joint, parse_groups
    from ..bridge.activations import Activations
    from ..bridge.example_rules import Thresholds
    from ..bridge.labelling import join_images
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB
    from ..reasoner.learning import InductionOptions

    if groups is not None and units is not None:
        raise UsageError("--units is where groups are looked for, and --groups names them", expected="one of the two")
    how, by = check_joint(joint), check_find_by(find_by)
    if plot is not None:
        check_plot(plot)
    check_shares(positive, negative)
    given = None if groups is None else parse_groups(Path(groups).read_text() if Path(groups).is_file() else groups)
    criteria = criteria_of(threshold, gate)
    options = InductionOptions(**induction_options(score, max_atoms, operators, 1, strategy, time_limit))
    thresholds = Thresholds(positive=positive, negative=negative, min_positives=min_positives)
    store, acts = KB.open(kb, writable=True), Activations.open(activations)
    joined = join_images(store, acts, dataset)
    search = None
    if given is None:
        among = unit_numbers(units)
        search = find_groups(joined, acts, by=by, size=size, count=find, units=among, thresholds=thresholds)
    with progress_bar("units and groups") as progress:
        found = compare_groups(
            joined,
            acts,
            [g.group for g in search.groups] if search is not None else given or [],
            how=how,
            thresholds=thresholds,
            options=options,
            criteria=criteria,
            jobs=jobs,
            progress=progress,
            kb=store,
        )
    record = ensembles_record(found, acts, store, dataset=joined.dataset, how=how, criteria=criteria, search=search)
    record_ensembles(store, acts, record)
    if plot is not None:
        draw_ensembles(record, plot)
    if as_json:
        return print_json({**record, "plot": None if plot is None else str(plot)})
    _print_ensembles(record)
    if plot is not None:
        say(f"drawn in {plot}")


def label_across(
    kb: Annotated[list[Path], typer.Option("--kb", help="Knowledge base directory; once or several times.")],
    activations: Annotated[
        list[Path], typer.Option(metavar="ACT", help="Activation directory; once, or one for each network.")
    ],
    out: Out,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the runs: .svg, .png or .pdf.")] = None,
    dataset: Dataset = None,
    units: Annotated[str | None, typer.Option(help="Units of each layer, such as 0,3,5-9; all by default.")] = None,
    rule: Annotated[str, typer.Option(help="Example images, as for label: 80/20, q95/50, top20/50 …")] = "80/20",
    min_positives: MinPositives = 3,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    strategy: Strategy = None,
    time_limit: TimeLimit = None,
    threshold: Threshold = "0",
    gate: Gate = 80.0,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Label and verify several layers or networks, with several knowledge bases, a run each, side by side."""
    from ..analysis import across
    from ..analysis.lineup_plot import draw_lineup
    from ..analysis.plot_files import check_plot
    from ..bridge.activations import Activations
    from ..bridge.example_rules import parse_rule
    from ..ontology.kb import KB
    from ..reasoner.learning import InductionOptions

    thresholds = parse_rule(rule, min_positives=min_positives)
    if plot is not None:
        check_plot(plot)
    criteria = criteria_of(threshold, gate)
    options = InductionOptions(**induction_options(score, max_atoms, operators, 5, strategy, time_limit))
    with progress_bar("units") as progress:
        record = across.label_across(
            [KB.open(path, writable=True) for path in dict.fromkeys(path.resolve() for path in kb)],
            [Activations.open(path) for path in activations],
            out,
            dataset=dataset,
            units=unit_numbers(units),
            thresholds=thresholds,
            options=options,
            criteria=criteria,
            jobs=jobs,
            progress=progress,
        )
    if plot is not None:
        draw_lineup(record, plot)
    if as_json:
        return print_json({**record, "out": str(out), "plot": None if plot is None else str(plot)})
    _print_lineup(record)
    say(f"a run for each in {out}, recorded in {', '.join(map(str, kb))}{'' if plot is None else f'; drawn in {plot}'}")


def compare_several_runs(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Directories of labelling runs.")],
    kb: Annotated[
        list[Path] | None,
        typer.Option("--kb", help="Knowledge base of all runs, or one for each; those of the runs by default."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the runs: .svg, .png or .pdf.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Of two runs: write an HTML page of them, unit by unit, into this folder."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the comparison as triples into the knowledge bases.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare runs, with the verdicts that `verify` recorded: two unit by unit, more of them in a table."""
    from ..analysis.comparison import compare_runs
    from ..analysis.comparison_page import write_comparison
    from ..analysis.lineup import line_up
    from ..analysis.lineup_plot import draw_lineup
    from ..analysis.lineup_recording import record_lineup
    from ..analysis.plot_files import check_plot
    from ..bridge.run import open_run
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB
    from ..ontology.staging import refuse_existing

    if plot is not None:
        check_plot(plot)
    if len(runs) < 2:
        raise UsageError("one run alone cannot be compared", expected="two runs or more")
    if out is not None:
        if len(runs) > 2:
            raise UsageError(f"--out shows two runs unit by unit, not {len(runs)}", expected="two runs, or --plot")
        refuse_existing(out)
    opened = [open_run(run) for run in runs]
    given = kb or [Path(run.config.kb) for run in opened]
    if len(given) not in (1, len(opened)):
        raise UsageError(
            f"{len(given)} knowledge bases for {len(opened)} runs", where="--kb", expected="one of all, or one of each"
        )
    stores = {path: KB.open(path, writable=record) for path in dict.fromkeys(path.resolve() for path in given)}
    kbs = [stores[path.resolve()] for path in given] * (len(opened) if len(given) == 1 else 1)
    found = line_up(opened, kbs)
    if record:
        record_lineup(list(stores.values()), opened, found, origin=runs[0])
    if plot is not None:
        draw_lineup(found, plot)
    document = {**found, "plot": None if plot is None else str(plot)}
    if len(opened) == 2:
        document = {**compare_runs(opened[0], opened[1], kbs[0], kbs[1]), **document}
    if out is not None:
        page = write_comparison(document, out)
        document = {**document, "page": str(page)}
    if as_json:
        return print_json(document)
    if len(opened) == 2:
        _print_comparison(document)
    else:
        _print_lineup(document)
    if out is not None:
        say(f"written to {document['page']}")


def _print_baselines(record: dict[str, Any]) -> None:
    print_table(
        ("unit", "method", "label", "score", "AUC", "MAD"),
        [(u["unit"], u["method"], u["label"], u["score"], u["auc"], u["mad"]) for u in record["units"][:40]],
    )
    if len(record["units"]) > 40:
        say(f"… and {len(record['units']) - 40} more: see --json")
    print_table(
        ("method", "labels", "judged", "AUC", "low", "high", "MAD", "low", "high", "AUC all", "seconds"),
        [
            (
                m["method"],
                m["units"],
                m["judged"],
                *(m[key] for key in ("auc", "auc_low", "auc_high", "mad", "mad_low", "mad_high", "auc_all")),
                m["seconds"],
            )
            for m in record["methods"]
        ],
    )
    left_out = f", {record['left_out']} without masks left out" if record["left_out"] else ""
    say(
        f"{record['dataset']}: labelled from {record['images']} images, judged on {record['held_out']} held out"
        f"{left_out}; AUC all over all units, those not judged counting as .5"
    )


def _print_sweep(record: dict[str, Any]) -> None:
    keys = ("setting", "positives_median", "labelled", "proved", "f1_median", "tested", "gate", "holm", "confirmed")
    passed = ("gate", "Holm", "confirmed")
    print_table(
        ("examples", "positive", "labelled", "proved", "F1", "tested", *passed, "AUC", "AUC common"),
        [tuple(row[key] for key in (*keys, "auc_median", "auc_median_common")) for row in record["settings"]],
    )
    together = [(row["setting"], response) for row in record["settings"] for response in row["responses"]]
    if together:
        judged = ("solutions", "combination", "tested", "gate", "holm", "confirmed", "auc_median", "change_median")
        shown = (*judged, "higher", "equal", "lower", "p")
        print_table(
            ("examples", "solutions", "as", "tested", *passed, "AUC", "change", "up", "same", "down", "p"),
            [(name, *(r[key] for key in shown)) for name, r in together],
        )
    say(
        f"{record['model']}, {record['layer']}: medians over units, AUC on held-out images, common: over units tested "
        f"under every setting ({record['common_units']}); Holm within a setting"
    )


def _print_bands(record: dict[str, Any]) -> None:
    keys = ("band", "positives_median", "labelled", "proved", "f1_median", "tested", "confirmed")
    shares = ("target_percent_median", "non_target_percent_median")
    rows = [
        (
            unit["unit"],
            band["band"],
            band["positives"],
            band["label"] or band["status"],
            band["f1"],
            *told,
            band["verdict"],
        )
        for unit in record["units"][:8]
        for band in unit["bands"]
        for told in [(band["target_percent"], band["non_target_percent"], band["p_holm"])]
    ]
    print_table(("unit", "band", "positive", "label", "F1", "target %", "others %", "p (Holm)", "verdict"), rows)
    if len(record["units"]) > 8:
        say(f"… and {len(record['units']) - 8} more units: see --json")
    print_table(
        ("band", "positive", "labelled", "proved", "F1", "tested", "confirmed", "target %", "others %", "AUC"),
        [tuple(row[key] for key in (*keys, *shares, "auc_median")) for row in record["bands"]],
    )
    say(
        f"{record['model']}, {record['layer']}: medians over units; %: of held-out images in the band; Holm over all "
        "bands and units"
    )
    for number, units in enumerate(record["confirmed_labels"]):
        say(f"{units} units with {number or 'no'} confirmed label{'' if number == 1 else 's'}")


def _print_ensembles(record: dict[str, Any]) -> None:
    def row(name: object, item: dict[str, Any], *gains: object) -> tuple[object, ...]:
        label, tested = item["label"], item["verification"] or {}
        judged = tuple(tested.get(key) for key in ("target_percent", "p_holm", "auc", "verdict"))
        english = item["status"] if label is None else label["english"]
        return (name, item["positives"], english, None if label is None else label["f1"], *judged, *gains)

    rows = []
    for group in record["groups"][:20]:
        rows.append(row(group["group"], group, group["gain"], group["gain_same_label"]))
        rows += [row(f"  {member['unit']}", member, None, None) for member in group["members"]]
    judged = ("target %", "p (Holm)", "AUC", "verdict", "gain", "same label")
    print_table(("units", "positive", "label", "F1", *judged), rows)
    if len(record["groups"]) > 20:
        say(f"… and {len(record['groups']) - 20} more groups: see --json")
    if record["possible"] is not None:
        by = f"found by {record['found_by']}"
        say(f"{by} among {record['possible']:,} possible groups, {record['counted']:,} of them counted")
    say(
        f"{record['better']} of {record['compared']} groups have an AUC above that of each member for its own label, "
        f"median gain {cell_text(record['gain_median'])}; {record['better_same_label']} of "
        f"{record['compared_same_label']} above that of each member for the group's label, median "
        f"{cell_text(record['gain_same_label_median'])}"
    )
    say(
        f"confirmed: {record['groups_confirmed']} of {len(record['groups'])} groups, {record['members_confirmed']} of "
        f"{record['distinct_members']} members; Holm over both"
    )


def _print_lineup(record: dict[str, Any]) -> None:
    keys = ("name", "units", "labelled", "proved", "distinct_labels", "f1_median", "tested", "gate", "holm")
    aucs = ("confirmed", "auc_median", "auc_low", "auc_high", "auc_median_common")
    columns = ("run", "units", "labelled", "proved", "labels", "F1", "tested", "gate", "Holm", "confirmed")
    print_table(
        (*columns, "AUC", "low", "high", "AUC common"),
        [tuple(row[key] for key in (*keys, *aucs)) for row in record["runs"]],
    )
    changes = ("paired", "change_median", "low", "high", "higher", "equal", "lower", "p", "test")
    print_table(
        ("AUC against the first", "same units", "change", "low", "high", "up", "same", "down", "p", "by"),
        [(row["name"], *(row["change"][key] for key in changes)) for row in record["runs"][1:]],
    )
    common = "" if record["common_units"] is None else f", common: over the {record['common_units']} tested in all runs"
    say(f"medians over units{common}; AUC on held-out images, 95 % bootstrap intervals over units; Holm within a run")


def _print_comparison(record: dict[str, Any]) -> None:
    from ..analysis.report_wording import setting

    runs = record["first"], record["second"]
    facts = ("run", "model", "layer", "units", "labelled", "proved", "distinct_labels", "f1_median", "auc_median")
    rows = [(fact.replace("_", " "), *(cell_text(run[fact]) for run in runs)) for fact in facts]
    verdicts = [", ".join(f"{n} {v}" for v, n in run["verdicts"].items()) or "not verified" for run in runs]
    settings = []
    for one in record["settings"]:
        unset = "all" if one["name"] == "units" else "–"
        values = (unset if one[run] is None else setting(one[run]) for run in ("first", "second"))
        settings.append((one["name"].replace("_", " "), *values))
    print_table(("", "first", "second"), [*rows, ("verdicts", *verdicts), *settings])
    if record["same_layer"]:
        different = [u for u in record["units"] if u["change"] in ("changed", "gained", "lost")]
        print_table(
            ("unit", "first label", "second label", "shared", "first verdict", "second verdict"),
            [
                (u["unit"], u["first"], u["second"], ", ".join(u["shared"]), u["first_verdict"], u["second_verdict"])
                for u in different[:40]
            ],
        )
        if len(different) > 40:
            say(f"… and {len(different) - 40} more: see --json")
        for change in record["verdict_changes"]:
            if change["first"] != change["second"]:
                say(f"{change['first']} → {change['second']}: {change['units']}")
        say("labels: " + ", ".join(f"{n} {change}" for change, n in record["changes"].items()))
    concepts = record["concepts"]
    shared = sum(bool(c["first"] and c["second"]) for c in concepts)
    print_table(("concept", "first", "second"), [(c["concept"], c["first"], c["second"]) for c in concepts[:15]])
    say(f"{shared} of {len(concepts)} concepts are in labels of both runs")
    if not record["same_layer"]:
        say("the runs are of different layers: their units are not compared with each other")
