"""`facets`, `describe`, `agree` and `ablate`: the methods beside the labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from .options import (
    Dataset,
    Json,
    MaxAtoms,
    Negative,
    Operators,
    Score,
    TimeLimit,
    Units,
    induction_options,
    unit_numbers,
)
from .terminal import print_json, print_table, progress_bar, say


def show_facets(
    activations: Annotated[list[Path], typer.Argument(metavar="ACT...", help="Activation directories, one a layer.")],
    top: Annotated[int, typer.Option(min=1, help="Number of most exciting images of a unit.")] = 100,
    alpha: Annotated[float, typer.Option(help="Level of the p-values within a layer.")] = 0.05,
    kb: Annotated[
        Path | None, typer.Option("--kb", help="Knowledge base: label the facets, and record all as triples.")
    ] = None,
    dataset: Dataset = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images: facets are of patches, and --out gets their pictures.")
    ] = None,
    units: Annotated[
        str | None, typer.Option(help="Units with facets and pictures, such as 0,3,5-9; all by default.")
    ] = None,
    negative: Negative = 0.2,
    score: Score = None,
    max_atoms: MaxAtoms = None,
    operators: Operators = None,
    time_limit: TimeLimit = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the samples that decide how many facets there are.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="New directory for tables, matrices, plots and pictures.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how selective units are for the classes of images, and find the facets of what excites them."""
    from ..analysis.facet_files import write_facets
    from ..analysis.facet_run import FacetSettings, analyse_layer, facets_record
    from ..bridge.activations import Activations
    from ..ontology.kb import KB
    from ..ontology.staging import refuse_existing
    from ..reasoner.learning import InductionOptions

    if out is not None:
        refuse_existing(out)
    chosen = unit_numbers(units)
    settings = FacetSettings(
        top=top,
        alpha=alpha,
        units=None if chosen is None else tuple(chosen),
        dataset=dataset,
        negative=negative,
        options=InductionOptions(**induction_options(score, max_atoms, operators, None, None, time_limit)),
        seed=seed,
    )
    store = None if kb is None else KB.open(kb, writable=True)
    with progress_bar("facets") as progress:
        opened = [Activations.open(path) for path in activations]
        layers = [analyse_layer(one, settings, kb=store, images=images, progress=progress) for one in opened]
        if out is not None:
            write_facets(out, layers, progress=progress)
    if as_json:
        return print_json(facets_record(layers))
    _print_facets([layer.record for layer in layers])
    if out is not None:
        say(f"written to {out}")


def describe_units(
    activations: Annotated[
        list[Path], typer.Argument(metavar="ACT...", help="Activation directories, one a layer, the first one first.")
    ],
    vocabulary: Annotated[
        str | None,
        typer.Option(help="FILE (a text a line), kb, kb:CATEGORY, wordnet:FOLDER or command:COMMAND; kb by default."),
    ] = None,
    kb: Annotated[
        Path | None, typer.Option("--kb", help="Knowledge base: classes of the words; descriptions are recorded in it.")
    ] = None,
    dataset: Dataset = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images; by default where they were for the activations.")
    ] = None,
    scorer: Annotated[
        str,
        typer.Option(help="conse, conse:MODEL, eszsl, open_clip:ARCHITECTURE@FILE, hf:FOLDER or matrix:FILE."),
    ] = "conse",
    similarity: Annotated[
        str, typer.Option(help="soft-wpmi, wpmi, rank-reorder, cosine or cosine-cubed.")
    ] = "soft-wpmi",
    top: Annotated[int, typer.Option(help="Patches of a unit: one from each of so many images.")] = 20,
    units: Units = None,
    alpha: Annotated[float, typer.Option(help="Largest p of a description that is better than chance.")] = 0.05,
    descriptions: Annotated[int, typer.Option(help="Most descriptions of a unit.")] = 5,
    random_patches: Annotated[int, typer.Option(help="Random patches to compare with.")] = 300,
    draws: Annotated[int, typer.Option(help="Draws of random patches, for the p-values.")] = 999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random patches and draws.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="File for the JSON document, for `agree`.")] = None,
    as_json: Json = False,
) -> None:
    """Describe units in words, by a vision-language scorer on the patches that excite them."""
    from ..analysis.description_recording import record_descriptions
    from ..analysis.descriptions import DescribeOptions
    from ..analysis.layer_descriptions import describe_layers
    from ..analysis.unit_descriptions import describe_record
    from ..bridge.activations import Activations
    from ..ontology.kb import KB

    options = DescribeOptions(
        similarity=similarity,
        top=top,
        alpha=alpha,
        most=descriptions,
        pool=random_patches,
        draws=draws,
        seed=seed,
    )
    chosen = unit_numbers(units)
    opened = [Activations.open(path) for path in activations]
    store = None if kb is None else KB.open(kb, writable=True)
    with progress_bar("images") as progress:
        layers = describe_layers(
            opened,
            scorer=scorer,
            vocabulary=vocabulary,
            kb=store,
            dataset=dataset,
            images=images,
            units=chosen,
            options=options,
            progress=progress,
        )
    if store is not None:
        for layer in layers:
            record_descriptions(store, layer)
    record = describe_record(layers)
    if out is not None:
        out.write_text(json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    if as_json:
        return print_json(record)
    _print_descriptions(record)


def compare_methods(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    descriptions: Annotated[Path, typer.Argument(metavar="DESCRIPTIONS", help="Output of `describe --json`.")],
    facets: Annotated[Path | None, typer.Option(help="Output of `facets --json`, compared as well.")] = None,
    kb: Annotated[Path | None, typer.Option("--kb", help="Knowledge base; the run's by default.")] = None,
    shuffles: Annotated[int, typer.Option(min=1, help="Shuffles of the descriptions, for chance.")] = 999,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shuffles.")] = 0,
    as_json: Json = False,
) -> None:
    """Say whether units are described by words under or above the classes induced for them."""
    from ..analysis.agreement import agree, induced_by_facets, induced_by_run, read_descriptions
    from ..bridge.run import open_run
    from ..ontology.kb import KB

    labelled = open_run(run)
    layer = labelled.config.layer
    store = KB.open(kb or Path(labelled.config.kb))
    described = read_descriptions(descriptions, layer)
    found = {"labels": agree(induced_by_run(labelled), described, store, shuffles=shuffles, seed=seed)}
    if facets is not None:
        found["facets"] = agree(induced_by_facets(facets, layer), described, store, shuffles=shuffles, seed=seed)
    records = {name: one.to_json() for name, one in found.items()}
    record = {"layer": layer, "run": str(run), "descriptions": str(descriptions), **records.pop("labels"), **records}
    if as_json:
        return print_json(record)
    _print_agreement(record)


def ablate_concepts(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of the labelling run.")],
    concept: Annotated[
        list[str] | None, typer.Option(help="Concept by name or IRI, repeatable; by default the classes of the labels.")
    ] = None,
    facets: Annotated[Path | None, typer.Option(help="Group by the output of `facets --json` instead.")] = None,
    descriptions: Annotated[Path | None, typer.Option(help="Group by the output of `describe --json` instead.")] = None,
    kb: Annotated[
        Path | None, typer.Option("--kb", help="Knowledge base, where results are recorded; the run's by default.")
    ] = None,
    activations: Annotated[Path | None, typer.Option(help="Activation directory; the run's by default.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images; by default where they were for the activations.")
    ] = None,
    min_units: Annotated[int, typer.Option(help="Fewest units of a concept that is not named.")] = 5,
    most: Annotated[int, typer.Option(help="Most concepts where none is named, those with most units.")] = 20,
    random_groups: Annotated[int, typer.Option(help="Random groups of as many units, for chance.")] = 19,
    by: Annotated[str, typer.Option(help="What the units are held at: zero, or mean, each its own.")] = "zero",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random groups and the intervals.")] = 0,
    as_json: Json = False,
) -> None:
    """Silence the units of each concept and measure which classes the network loses."""
    from ..analysis.ablation import AblationOptions, Holding, ablate, concept_units
    from ..analysis.ablation_recording import record_ablation, unit_classes
    from ..analysis.run_verification import check_activations
    from ..bridge.activations import Activations
    from ..bridge.run import open_run
    from ..ontology.kb import KB

    options = AblationOptions(
        min_units=min_units, most=most, random_groups=random_groups, seed=seed, by=cast(Holding, by)
    )
    labelled = open_run(run)
    opened = Activations.open(activations or Path(labelled.config.activations))
    check_activations(labelled, opened)
    classes = unit_classes(labelled, facets=facets, descriptions=descriptions)
    path = kb or Path(labelled.config.kb)
    groups = concept_units(classes, KB.open(path), concept or (), options)
    with progress_bar("images") as progress:
        found = ablate(opened, groups, images=images, options=options, progress=progress)
    record_ablation(KB.open(path, writable=True), found)
    record = {"run": str(run), "kb": str(path), **found.record}
    if as_json:
        return print_json(record)
    _print_ablation(record)


def _print_descriptions(record: dict[str, Any]) -> None:
    shown = [(u, d) for u in record["units"] for d in u["descriptions"] if d["p"] <= record["alpha"]]
    several = len(record["layers"]) > 1
    print_table(
        (
            *(["layer"] if several else []),
            "unit",
            "description",
            "score",
            "p",
            "patches",
            "AUC",
            "AUC annotated",
            "pixels",
        ),
        [
            (
                *([u["layer"]] if several else []),
                u["unit"],
                d["text"],
                d["score"],
                d["p"],
                f"{d['explained']} of {u['patches']}",
                d["auc"],
                d["annotated_auc"],
                d["under_patches"] and f"{d['under_patches']['share']:.3f} (chance {d['under_patches']['chance']:.3f})",
            )
            for u, d in shown[:40]
        ],
    )
    if len(shown) > 40:
        say(f"… and {len(shown) - 40} more: see --json")
    print_table(
        (
            "layer",
            "units",
            "better than chance",
            "words",
            "AUC",
            "AUC annotated",
            "pixels",
            "by chance",
            "depth",
            "kinds",
        ),
        [
            (
                la["layer"],
                la["units"],
                la["described"],
                la["texts"],
                la["auc"],
                la["annotated_auc"],
                la["patch_share"],
                la["patch_chance"],
                la["depth"],
                ", ".join(f"{kind} {count}" for kind, count in list(la["groups"].items())[:4]),
            )
            for la in record["layers"]
        ],
    )
    say(f"{record['scorer']}; {record['words']} words; p against {record['random_patches']} random patches")


def _print_agreement(record: dict[str, Any]) -> None:
    from ..ontology.names import human_label

    print_table(
        ("unit", "label", "described as", "induced", "relation"),
        [
            (u["unit"], u["label"], p["text"], human_label(p["induced"]), p["relation"])
            for u in record["units"][:40]
            for p in u["pairs"]
            if p["relation"] == u["relation"]
        ],
    )
    for name, one in (("labels", record), *([("facets", record["facets"])] if "facets" in record else [])):
        counts = ", ".join(f"{count} {relation}" for relation, count in one["counts"].items())
        say(f"{name}: {len(one['units'])} units compared: {counts}")
        if one["agreeing"] is not None:
            say(
                f"equal, under or above: {one['agreeing']:.3f}; with the descriptions of another unit "
                f"{one['chance']:.3f} (p = {one['p']:.3g})"
            )


def _print_ablation(record: dict[str, Any]) -> None:
    from ..ontology.names import human_label

    columns = ("units", "images", "agreement", "low", "high", "drop", "low", "high", "random", "p")
    keys = ("agreement", "agreement_low", "agreement_high", "drop", "drop_low", "drop_high", "drop_random", "p")
    print_table(
        ("concept", *columns, "p (BH)", "accuracy"),
        [
            (human_label(c["concept"]), c["number"], c["images"], *(c[key] for key in keys), c["p_bh"], c["accuracy"])
            for c in record["concepts"]
        ],
    )
    print_table(
        ("concept", "class", *columns[1:], "accuracy"),
        [
            (human_label(c["concept"]), one["class"], one["images"], *(one[key] for key in keys), one["accuracy"])
            for c in record["concepts"]
            for one in c["classes"][:3]
        ],
    )
    say(
        f"{record['model']}, {record['layer']}, units held at {record['by']}: "
        f"agreement is the share of images whose first class stays, drop that of "
        f"its posterior; random: {record['random_groups']} groups of as many units; 95 % intervals over "
        f"{record['images']} {'held-out ' if record['held_out'] else ''}images; "
        f"three classes each, by {record['classes_from']}"
    )


def _print_facets(layers: Sequence[dict[str, Any]]) -> None:
    if len(layers) == 1:
        (layer,) = layers
        shown = sorted(layer["units"], key=lambda u: -1.0 if u["multifacetedness"] is None else u["multifacetedness"])
        shown = shown[:20] + shown[20:][-20:]
        print_table(
            ("unit", "images", "gini", "flatness", "multi-facetedness", "p", "faceted"),
            [
                [u[key] for key in ("unit", "images", "gini", "flatness", "multifacetedness", "p", "faceted")]
                for u in shown
            ],
        )
        if len(layer["units"]) > len(shown):
            say(f"the 20 least and the 20 most multi-faceted of {len(layer['units'])} units; all with --json")
        labelled = [(u, f) for u in layer["units"] for f in u.get("facets", ()) if f.get("label") is not None]
        for u, facet in labelled[:40]:
            verdict = "" if facet["verdict"] is None else f" ({facet['verdict']['verdict']})"
            about = f"unit {u['unit']} facet {facet['facet']}, {facet['images']} images"
            say(f"{about}: {facet['label']['english']}{verdict}")
        if len(labelled) > 40:
            say(f"… and {len(labelled) - 40} more labels of facets: see --json")
    print_table(
        (
            *("layer", "units", "gini", "by chance", "flatness", "by chance"),
            *("ratio", "multi", "single", "pearson", "euclidean"),
        ),
        [
            (
                layer["layer"],
                len(layer["units"]),
                layer["summary"]["mean_gini"],
                layer["chance"]["gini"],
                layer["summary"]["mean_flatness"],
                layer["chance"]["flatness"],
                layer["summary"]["mean_ratio"],
                layer["summary"]["multi"],
                layer["summary"]["single"],
                layer["summary"]["mean_pearson"],
                layer["summary"]["mean_euclidean"],
            )
            for layer in layers
        ],
    )
    say(f"top {layers[0]['top']} images, {len(layers[0]['classes'])} classes; averages over units and pairs of units")
