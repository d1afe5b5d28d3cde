"""Running a network over pictures, a batch at a time: a layer's outputs averaged over space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch

from ...bridge.hooks import capture
from ...bridge.loaded_model import LoadedModel
from .scorer import Picture, Vectors

BATCH = 16
"""Pictures in one pass."""

FEW = 4
"""Pictures in one pass of a convolutional network on a processor: maps of more do not stay in its caches."""


def in_batches(pictures: Iterable[Picture], size: int = BATCH) -> Iterator[list[Picture]]:
    """Divide pictures into lists of `size`."""
    remaining = iter(pictures)
    while batch := list(islice(remaining, size)):
        yield batch


def run_layer(model: LoadedModel, layer: str, pictures: Iterable[Picture]) -> Vectors:
    """Outputs of a layer: float32, shape (pictures, units)."""
    device = next((one.device for one in model.module.parameters()), torch.device("cpu"))
    found = []
    for batch in in_batches(pictures, FEW if device.type == "cpu" else BATCH):
        inputs = torch.stack([model.transform(picture.pixels()) for picture in batch]).to(device)
        with capture(model, [layer], "mean") as outputs, torch.inference_mode():
            model.run(inputs)
            found.append(outputs[layer].cpu().numpy().copy())
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)
