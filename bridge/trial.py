"""A trial of a network on made-up photographs, before it runs on real ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor

from ..ontology.errors import DataError, UsageError
from .hooks import Reduction, capture
from .layers import dry_batch
from .loaded_model import LoadedModel

log = logging.getLogger(__name__)

TOLERANCE = 0.02
"""How far outputs for one photograph may lie apart, as a share of the largest one, without a warning: networks of half
precision and of small integers round differently in batches of different sizes."""


def try_out(model: LoadedModel, layers: Sequence[str], reduce: Reduction, place: torch.device) -> None:
    """Run a network on made-up photographs, and see that its layers run and give a row per photograph.

    A warning in the log says where a photograph's outputs are not the same from pass to pass (numbers drawn at random,
    as by ``torch.nn.functional.dropout``), or depend on what else is in the batch (a batch normalisation that stays
    in training mode, or that has no running statistics).

    Raises
    ------
    UsageError
        A layer does not run, or has no class token to take.
    DataError
        The network fails, or a layer does not give a row of numbers per photograph.
    """
    inputs = dry_batch(model).to(place)
    passes = []
    with capture(model, layers, reduce) as outputs, running_on(model, place), torch.inference_mode():
        for batch in (inputs, inputs[:1], inputs[:1]):
            model.run(batch)
            passes.append([rows_of(outputs, layer, len(batch))[0] for layer in layers])
    for layer, among, alone, again in zip(layers, *passes, strict=True):
        if _differ(alone, again):
            why = "are not the same from pass to pass: it draws numbers at random, or remembers what it has seen"
        elif _differ(among, alone):
            why = "depend on what else is in the batch: it normalises by the batch's own statistics, for instance"
        else:
            continue
        log.warning("%s: the outputs of layer %s for a photograph %s", model.name, layer, why)


def _differ(first: Tensor, second: Tensor) -> bool:
    largest = float(torch.maximum(first.abs().max(), second.abs().max()))
    # What is not finite is for the check of the values themselves.
    return float((first - second).abs().max()) > TOLERANCE * largest


def rows_of(outputs: Mapping[str, Tensor], layer: str, images: int) -> Tensor:
    """Take a batch's reduced outputs, which must be there and have a row per image.

    Raises
    ------
    UsageError
        The layer did not run.
    DataError
        The numbers of rows and images differ.
    """
    tensor = cast("dict[str, Tensor]", outputs).pop(layer, None)
    if tensor is None:
        raise UsageError(
            f"the layer {layer!r} did not run",
            where=layer,
            expected="a layer that takes part in the forward pass",
            hint="`neurontology layers` lists those that do; inside TorchScript models none can be watched",
        )
    if len(tensor) != images:
        raise DataError(
            f"{len(tensor)} rows for {images} images",
            where=layer,
            expected="outputs of shape images × … with a row per image",
            hint="choose another layer, see `neurontology layers`",
        )
    return tensor


@contextmanager
def running_on(model: LoadedModel, place: torch.device) -> Iterator[None]:
    """Move a network to a device, and back in the end."""
    home = next((one.device for one in model.module.parameters()), torch.device("cpu"))
    model.module.to(place)
    try:
        yield
    finally:
        model.module.to(home)
