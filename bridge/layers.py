"""Layers: what a model's layers are called, how many units they have, and whether they can be negative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from .foreign_code import foreign_code
from .hooks import watch
from .images import pillow
from .loaded_model import LoadedModel

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class LayerInfo:
    """One layer, as seen in a dry pass.

    Attributes
    ----------
    name
        Dotted name as in ``named_modules()``, or the name of a virtual layer.
    kind
        Class of the module; for a virtual layer that of the function applied last.
    shape
        Shape of the output for one image.
    units
        Number of units: channels, neurons or features.
    signed
        Whether a negative output was seen.
    spatial
        Whether a unit has several values per image, over positions or tokens.
    calls
        How often the layer runs in one pass; the last output counts.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    units: int
    signed: bool
    spatial: bool
    calls: int


def list_layers(model: LoadedModel) -> list[LayerInfo]:
    """List the layers that yield floating-point tensors, after one dry pass.

    The pass runs three made-up photographs (`dry_images`): seeded noise, a landscape of gradients with
    shapes, and a grey field. `signed` is an observation on these: True is certain, False means that none of
    them made any unit negative, as is so after every rectifier.

    Layers whose hooks do not run are missing: unused modules, containers, and the inside of TorchScript
    models; so are those whose output has no row per image, such as sequences first.

    Returns
    -------
    list of LayerInfo
        In the order of ``named_modules()``, virtual layers last.
    """
    seen: dict[str, LayerInfo] = {}

    def look(name: str, tensor: Tensor | None, axis: int) -> None:
        if tensor is None or tensor.ndim < 2 or len(tensor) != images:
            return
        before = seen.get(name)
        seen[name] = LayerInfo(
            name=name,
            kind=_kind(model, name),
            shape=tuple(tensor.shape[1:]),
            units=tensor.shape[axis],
            signed=bool((tensor < 0).any()),
            spatial=tensor.ndim > 2,
            calls=1 if before is None else before.calls + 1,
        )

    device = next(iter(model.module.parameters()), torch.empty(0)).device
    batch = dry_batch(model).to(device)
    images = len(batch)
    with watch(model, model.layer_names(), look), torch.inference_mode():
        model.run(batch)
    return [seen[name] for name in model.layer_names() if name in seen]


def layers_called(model: LoadedModel, names: Sequence[str]) -> list[str]:
    """Layers by name, or all of a kind such as ``Conv2d`` (also of one derived from it); each once, in this order.

    Raises
    ------
    UsageError
        A name is neither a layer nor the kind of one.
    """
    known = set(model.layer_names())
    seen = [] if known.issuperset(names) else list_layers(model)
    found: list[str] = []
    for name in names:
        of_kind = [] if name in known else [layer.name for layer in seen if name in _kinds(model, layer.name)]
        if not of_kind:
            model.tap(name)
        found += of_kind or [name]
    return list(dict.fromkeys(found))


def _kinds(model: LoadedModel, name: str) -> set[str]:
    """Names of the class of a layer and of what it is derived from, short of what all modules are."""
    module, then = model.tap(name)
    if then is not None:
        return {_kind(model, name)}
    lineage = type(module).__mro__
    return {one.__name__ for one in lineage[: lineage.index(nn.Module)]}


def _kind(model: LoadedModel, name: str) -> str:
    module, then = model.tap(name)
    return type(module).__name__ if then is None else getattr(then, "__name__", type(then).__name__)


def dry_batch(model: LoadedModel) -> Tensor:
    """Made-up photographs as a model takes them, see `dry_images`.

    Raises
    ------
    DataError
        If the transform fails.
    """
    with foreign_code("the transform failed on made-up photographs of 320 × 240 pixels", model.name):
        return torch.stack([model.transform(image) for image in dry_images()])


def dry_images() -> list[Image]:
    """Make up three photographs, 320 × 240: seeded noise, gradients with shapes, a grey field."""
    module = pillow()
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    down, across = np.mgrid[0:240, 0:320]
    scene = np.stack([across * 255 // 319, down * 255 // 239, 255 - down * 255 // 239], axis=-1).astype(np.uint8)
    scene[150:] = scene[150:] // 2 + np.array([40, 60, 10], dtype=np.uint8)
    scene[(down - 60) ** 2 + (across - 240) ** 2 < 900] = (250, 240, 180)
    scene[90:200, 60:130] = (130, 40, 30)
    scene[110:140:2, 75:115] = (230, 230, 230)
    grey = np.full((240, 320, 3), 127, dtype=np.uint8)
    return [module.fromarray(array) for array in (noise, scene, grey)]
