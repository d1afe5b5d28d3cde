"""`layers` and `activations`: what a network has and does."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from .options import ClusterAddress, Json, Model, Out
from .terminal import print_json, print_table, progress_bar

if TYPE_CHECKING:
    from ..bridge.activations import Activations
    from ..bridge.hooks import Reduction


def show_layers(model: Model, as_json: Json = False) -> None:
    """List a model's layers: name, kind, units, output shape, whether outputs are signed."""
    from dataclasses import asdict

    from ..bridge.layers import list_layers
    from ..bridge.models import load_model

    layers = list_layers(load_model(model))
    if as_json:
        return print_json({"model": model, "layers": [asdict(layer) for layer in layers]})
    print_table(
        ("layer", "kind", "units", "output", "signed"),
        [(la.name, la.kind, la.units, "×".join(map(str, la.shape)), "yes" if la.signed else "no") for la in layers],
    )


def extract_activations(
    model: Model,
    layer: Annotated[
        list[str],
        typer.Option(help="Layer, as `layers` lists it, or a kind such as Conv2d for all of them; may be repeated."),
    ],
    images: Annotated[Path, typer.Option(help="Folder of images, searched recursively.")],
    out: Annotated[
        Path, typer.Option(help="New directory to write; of several layers one each in it, numbered in their order.")
    ],
    reduce: Annotated[str, typer.Option(help="Reduction over space or tokens: max, mean or cls.")] = "max",
    holdout: Annotated[float, typer.Option(help="Share of images held out for verification.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Seed of the choice of held-out images.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a forward pass.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave unreadable images out and list them.")] = False,
    cluster: ClusterAddress = None,
    as_json: Json = False,
) -> None:
    """Extract activations of one or several layers on images (the word `extract` may be left out)."""
    from ..bridge.activations import extract_layers
    from ..bridge.layers import layers_called
    from ..bridge.models import load_model
    from ..ontology.iris import encode_segment

    loaded = load_model(model)
    names = layers_called(loaded, layer)
    alone = names == layer and len(names) == 1
    # A file system takes names of some 255 bytes; a character has four at most, and the number tells names apart.
    targets = {name: out if alone else out / f"{at:03d}-{encode_segment(name)[:60]}" for at, name in enumerate(names)}
    with ExitStack() as stack:
        executor = None
        if cluster is not None:
            from ..bridge.cluster import connect
            from ..bridge.cluster_tasks import ClusterForward

            executor = ClusterForward(stack.enter_context(connect(cluster)))
        progress = stack.enter_context(progress_bar("images"))
        made = extract_layers(
            loaded if executor is None else model,
            targets,
            images,
            reduce=cast("Reduction", reduce),
            batch_size=batch_size,
            holdout=holdout,
            seed=seed,
            device=device,
            skip_bad=skip_bad,
            progress=progress,
            executor=executor,
        )
    if alone:
        return _print_activations(made[0], as_json)
    records = [_record(activations) for activations in made]
    if as_json:
        return print_json({"layers": records})
    shown = ("activations", "layer", "units", "images", "held_out", "signed")
    print_table([key.replace("_", " ") for key in shown], [tuple(record[key] for key in shown) for record in records])


def import_activations(
    file: Annotated[Path, typer.Argument(help="CSV as published by Dalal et al., NPY, NPZ or Parquet.")],
    out: Out,
    holdout: Annotated[float, typer.Option(help="Share of images held out for verification.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Seed of the choice of held-out images.")] = 0,
    layer: Annotated[str, typer.Option(help="Name of the layer.")] = "imported",
    model: Annotated[str, typer.Option(help="Name of the model.")] = "imported",
    as_json: Json = False,
) -> None:
    """Import activations that another program computed."""
    from ..bridge.importers import import_activations

    activations = import_activations(file, out, holdout=holdout, seed=seed, model=model, layer=layer)
    _print_activations(activations, as_json)


def _record(activations: Activations) -> dict[str, object]:
    meta = activations.meta
    return {
        "activations": str(activations.path),
        "model": meta.model,
        "layer": meta.layer,
        "reduce": meta.reduce,
        "images": meta.images,
        "units": meta.units,
        "held_out": len(activations.rows("holdout")),
        "signed": meta.signed,
        "skipped": list(meta.skipped),
    }


def _print_activations(activations: Activations, as_json: bool) -> None:
    record = _record(activations)
    if as_json:
        return print_json(record)
    print_table(("what", "value"), [(k.replace("_", " "), v) for k, v in record.items() if v != []])
