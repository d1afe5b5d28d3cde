"""`verify` and `verify-table`: labels against images that were not used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    CsvOut,
    Gate,
    Interval,
    Json,
    Margins,
    Method,
    Threshold,
    TieCorrection,
    Variant,
    criteria_of,
    unit_numbers,
)
from .terminal import print_json, print_table, progress_bar, say

if TYPE_CHECKING:
    from ..analysis.verification import Criteria


def verify_labels(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    activations: Annotated[
        Path | None, typer.Option(help="Activation directory of the run; the one it was made from by default.")
    ] = None,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder with a sub-folder of images for each concept, instead of the held-out images."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --images: keep their activations here, where they are found again.")
    ] = None,
    threshold: Threshold = "0",
    gate: Gate = 80.0,
    variant: Variant = "one-sided",
    method: Method = "asymptotic",
    tie_correction: TieCorrection = False,
    interval: Interval = "delong",
    margins: Margins = False,
    table: CsvOut = None,
    device: Annotated[str, typer.Option(help="With --images: auto, cpu or cuda.")] = "auto",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="With --images: leave unreadable images out.")] = False,
    as_json: Json = False,
) -> None:
    """Test each unit's best label on the held-out images, or on others, and record the verdicts as triples."""
    from ..analysis.folder_verification import verify_on_folders
    from ..analysis.run_verification import verification_settings, verify_run
    from ..analysis.verdict_record import verdict_records, write_rows
    from ..bridge.activations import Activations
    from ..bridge.recording import record_verdicts
    from ..bridge.run import open_run
    from ..ontology.errors import UsageError
    from ..ontology.kb import KB

    criteria = criteria_of(threshold, gate, variant, method, tie_correction, interval)
    if images is None and (out is not None or skip_bad):
        raise UsageError("--out and --skip-bad are about the images of --images", expected="--images FOLDER")
    labelled = open_run(run)
    store = KB.open(kb or Path(labelled.config.kb), writable=True)
    acts = Activations.open(activations or Path(labelled.config.activations))
    shown = "held out" if images is None else images.resolve().name
    settings = {**verification_settings(labelled, criteria), "images": shown}
    if images is None:
        rows = verify_run(labelled, store, acts, criteria)
    else:
        with progress_bar("images") as progress:
            rows = verify_on_folders(
                labelled, store, acts, images, criteria, out=out, device=device, skip_bad=skip_bad, progress=progress
            )
    records = verdict_records(rows, labelled)
    record_verdicts(store, labelled, records, settings)
    if table is not None:
        write_rows(table, [row.to_columns() for row in rows])
    if as_json:
        return print_json({"rows": records, "settings": settings})
    _print_verification(records, criteria, margins)


def verify_published(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files or folders of published CSV (activations, or groups), or one activation directory.",
        ),
    ],
    threshold: Threshold = "0",
    gate: Gate = 80.0,
    variant: Variant = "one-sided",
    method: Method = "asymptotic",
    tie_correction: TieCorrection = False,
    interval: Interval = "delong",
    matrix: Annotated[bool, typer.Option("--matrix", help="All units against all concepts.")] = False,
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV of unit and label, each a class of the images; by default the files' names say it."),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(metavar="SUMMARY", help="Published summary (CSV), to be set beside the figures computed here."),
    ] = None,
    units: Annotated[str | None, typer.Option(help="With --matrix: units, such as 0,3,5-9; all by default.")] = None,
    margins: Margins = False,
    table: CsvOut = None,
    as_json: Json = False,
) -> None:
    """Verify labels on activations of images that show one concept each, such as those of Dalal et al."""
    from ..analysis.concept_matrix import concept_images, concept_matrix, label_rows
    from ..analysis.published import table_files, verify_table
    from ..analysis.published_groups import beside_published, is_group_sheet, read_summary, verify_groups
    from ..analysis.verdict_record import verdict_records, write_rows
    from ..ontology.errors import UsageError

    criteria = criteria_of(threshold, gate, variant, method, tie_correction, interval)
    if units is not None and not matrix:
        raise UsageError("--units chooses rows of the matrix", expected="--matrix")
    if matrix and published is not None:
        raise UsageError("--published is about the units' own labels", expected="no --matrix")
    if len(files) == 1 and (files[0] / "run.json").is_file():
        raise UsageError("this is a labelling run", where=files[0], hint="verify it with `neurontology verify`")
    summary = None if published is None else read_summary(published)
    if matrix:
        cells = concept_matrix(concept_images(files, labels), criteria, units=unit_numbers(units or None))
        rows = [cell.row for cell in cells]
        extra = [{"own_label": cell.own, "auc_rank": cell.rank} for cell in cells]
    else:
        if labels is not None or (len(files) == 1 and (files[0] / "meta.json").is_file()):
            rows = label_rows(concept_images(files, labels), criteria)
        elif any(map(is_group_sheet, table_files(files))):
            rows = verify_groups(files, criteria)
        else:
            rows = verify_table(files, criteria)
        extra = [{} for _ in rows]
    records = [{**record, **more} for record, more in zip(verdict_records(rows), extra, strict=True)]
    if table is not None:
        write_rows(table, [{**row.to_columns(), **more} for row, more in zip(rows, extra, strict=True)])
    beside = None if summary is None else beside_published(rows, summary)
    if as_json:
        compared = {} if beside is None else {"published": beside}
        return print_json({"rows": records, "settings": criteria.settings(), **compared})
    if beside is not None:
        _print_beside(beside)
    if matrix:
        return _print_matrix(records, criteria)
    _print_verification(records, criteria, margins)


def _print_verification(rows: Sequence[dict[str, Any]], criteria: Criteria, margins: bool = False) -> None:
    shown = sorted(rows, key=lambda r: -(r["auc"] or 0))[:40]
    columns = ("unit", "label", "images", "target %", "others %", "z", "p (Holm)", "AUC", "verdict")
    keys = ("unit", "label", "target_images", "target_percent", "non_target_percent", "z", "p_holm", "auc", "verdict")
    if margins:
        groups = (("target %", "target_percent"), ("others %", "non_target_percent"))
        none = [{"target_percent": None, "non_target_percent": None}] * 4
        print_table(
            ("unit", "label", *(f"{name} > {level}" for name, _ in groups for level in ("0", "20%", "40%", "60%"))),
            [
                (r["unit"], r["label"], *(m[key] for _, key in groups for m in r["error_margins"] or none))
                for r in shown
            ],
        )
    else:
        print_table(columns, [tuple(r[key] for key in keys) for r in shown])
    if len(rows) > len(shown):
        say(f"… and {len(rows) - len(shown)} more: see --json")
    counts: dict[str, int] = {}
    for r in rows:
        verdict = r["verdict"].partition(":")[0]
        counts[verdict] = counts.get(verdict, 0) + 1
    say(criteria.test.sentence)
    say(f"{len(rows)} labels: " + ", ".join(f"{n} {v}" for v, n in sorted(counts.items())))


def _print_beside(records: Sequence[dict[str, Any]]) -> None:
    """Print published figures and those computed here, and where a published p contradicts its z."""
    shown = (("target %", "target_percent", 3), ("others %", "non_target_percent", 3), ("z", "z", 4))

    def figure(record: dict[str, Any], key: str, which: str, decimals: int) -> object:
        value = record["figures"].get(key, {}).get(which)
        return f"{value:.{decimals}f}" if isinstance(value, float) else value

    print_table(
        (
            *("unit", "label"),
            *(f"{head} {which}" for head, *_ in shown for which in ("published", "here")),
            *("p published", "p here", "p of z"),
        ),
        [
            (
                *(r["unit"], r["label"]),
                *(figure(r, key, which, n) for _, key, n in shown for which in ("published", "computed")),
                *(r["figures"].get("p", {}).get(which) for which in ("published", "computed")),
                r["p_of_z"],
            )
            for r in records
        ],
    )
    agree = [f["agrees"] for r in records for f in r["figures"].values() if f["agrees"] is not None]
    say(f"{sum(agree)} of {len(agree)} published figures of {len(records)} units agree with those computed here")
    for r in records:
        if r["p_follows"] is False:
            p, unit = r["figures"]["p"]["published"], r["unit"]
            say(f"unit {unit}: the published p {p} does not follow from its own z, which gives {r['p_of_z']:.2g}")


def _print_matrix(cells: Sequence[dict[str, Any]], criteria: Criteria) -> None:
    """For each unit the concept that it answers to most, and how its own label does beside it."""
    by_unit: dict[int, list[dict[str, Any]]] = {}
    for cell in cells:
        by_unit.setdefault(cell["unit"], []).append(cell)
    lines = []
    for unit, row in by_unit.items():
        best = max(row, key=lambda cell: cell["auc"] or 0)
        if best["auc"] is None:
            best = dict.fromkeys(best)
        own = next((cell for cell in row if cell["own_label"]), None)
        kept = [own[key] for key in ("label", "auc", "auc_rank", "verdict")] if own else [None] * 4
        lines.append((unit, best["label"], best["auc"], best["target_percent"], best["non_target_percent"], *kept))
    shown = lines[:64]
    print_table(
        ("unit", "best concept", "AUC", "target %", "others %", "own label", "own AUC", "rank", "verdict"), shown
    )
    if len(lines) > len(shown):
        say(f"… and {len(lines) - len(shown)} more units: see --json or --csv")
    concepts = len(cells) // max(len(by_unit), 1)
    first = sum(cell["own_label"] and cell["auc_rank"] == 1 for cell in cells)
    own_labels = sum(cell["own_label"] for cell in cells)
    say(criteria.test.sentence)
    say(
        f"{len(by_unit)} units × {concepts} concepts; p adjusted over all of them; "
        f"{first} of {own_labels} labels are their unit's best concept"
    )
