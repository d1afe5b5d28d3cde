"""A network arranged for many passes on a processor: the same outputs but for rounding, in a fraction of the time."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..ontology.errors import DataError
from .foreign_code import foreign_errors
from .hooks import capture
from .layers import dry_batch
from .loaded_model import LoadedModel, ScriptNetwork
from .trial import rows_of

log = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""How far outputs may differ, as a share of the largest one, for the arranged network to be used."""

_ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.LeakyReLU)

_M = TypeVar("_M", bound=nn.Module)


def for_inference(model: LoadedModel, layers: Sequence[str]) -> LoadedModel:
    """Copy a model for running it many times to get the outputs of some layers.

    In the copy each batch normalisation is folded into the convolution before it (Jacob et al. 2018, eq. 14, in
    floating point), activation functions after it work in place, equal zero padding on all sides is left to the
    convolution, and maps are stored with the channels last. Which modules follow one another is seen in a dry pass over
    made-up photographs; then the layers' outputs on these are compared with those of the model. Where they differ by
    more than `TOLERANCE`, because the network uses a tensor elsewhere as well, or where the copy does not run, the
    model itself is returned; so it is for TorchScript, on devices other than processors, and without a normalisation to
    fold.

    Parameters
    ----------
    model
        The model; it is not changed.
    layers
        Those that will be captured.
    """
    device = next((one.device for one in model.module.parameters()), torch.device("cpu"))
    if isinstance(model.module, ScriptNetwork) or device.type != "cpu" or not _modules(model.module, nn.BatchNorm2d):
        return model
    inputs = dry_batch(model)
    with torch.no_grad():
        expected = _outputs(model, layers, inputs)
        try:
            with foreign_errors("the network cannot be arranged for inference", model.name):
                arranged = replace(model, module=copy.deepcopy(model.module), arranged=True)
                _fold(arranged, layers, inputs)
                arranged.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch lacks it
            found = _outputs(arranged, layers, inputs)
        except DataError as problem:
            # It holds a lock or an open file, for instance, or takes a view that needs the channels first.
            log.info("%s runs as it is: %s", model.name, problem)
            return model
    if not all(_alike(found[layer], expected[layer]) for layer in layers):
        log.info("%s runs as it is: arranged for inference its outputs would differ", model.name)
        return model
    return arranged


def _outputs(model: LoadedModel, layers: Sequence[str], inputs: Tensor) -> dict[str, Tensor]:
    with capture(model, layers, "mean") as outputs:
        model.run(inputs)
        return {layer: rows_of(outputs, layer, len(inputs)).clone() for layer in layers}


def _alike(found: Tensor, expected: Tensor) -> bool:
    largest = max(float(expected.abs().max()), torch.finfo(expected.dtype).tiny)
    return found.shape == expected.shape and float((found - expected).abs().max()) <= TOLERANCE * largest


def _fold(model: LoadedModel, layers: Sequence[str], inputs: Tensor) -> None:
    """Fold batch normalisations and paddings into convolutions, and let activation functions work in place."""
    network, watched = model.module, {model.tap(layer)[0] for layer in layers}
    with _followers(network) as pairs:
        model.run(inputs[:1])
    calls: dict[nn.Module, int] = {}
    for _, after in pairs:
        calls[after] = calls.get(after, 0) + 1
    folded = set()
    for before, after in pairs:
        plain = type(after) is nn.BatchNorm2d and after.running_mean is not None and after.running_var is not None
        if not plain or not isinstance(before, nn.Conv2d) or before in watched or calls[after] > 1:
            continue
        norm = cast(nn.BatchNorm2d, after)
        before.weight, before.bias = fuse_conv_bn_weights(
            before.weight,
            before.bias,
            cast(Tensor, norm.running_mean),
            cast(Tensor, norm.running_var),
            norm.eps,
            norm.weight,
            norm.bias,
        )
        folded.add(after)
    for before, after in pairs:
        if before in folded and isinstance(after, _ACTIVATIONS):
            after.inplace = True
    _replace(network, folded)
    for convolution in _modules(network, nn.Conv2d):
        _pad(convolution)


@contextmanager
def _followers(network: nn.Module) -> Iterator[list[tuple[nn.Module, nn.Module]]]:
    """List which modules get the very output of which other one, while the network runs."""
    pairs: list[tuple[nn.Module, nn.Module]] = []
    # Tensors are kept, so that none gets the address of an earlier one.
    made: dict[int, tuple[nn.Module, Tensor]] = {}

    def enter(module: nn.Module, inputs: tuple[object, ...]) -> None:
        source = made.get(id(inputs[0])) if inputs else None
        if source is not None:
            pairs.append((source[0], module))

    def leave(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor):
            made[id(output)] = (module, output)

    with ExitStack() as handles:
        for module in network.modules():
            if not list(module.children()) or isinstance(module, nn.Conv2d):
                handles.callback(module.register_forward_pre_hook(enter).remove)
                handles.callback(module.register_forward_hook(leave).remove)
        yield pairs


def _replace(network: nn.Module, folded: set[nn.Module]) -> None:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if child in folded:
                setattr(parent, name, nn.Identity())


def _pad(convolution: nn.Conv2d) -> None:
    """Let a convolution do the padding of a module inside it, as TensorFlow's SAME is written in PyTorch."""
    for name, child in list(convolution.named_children()):
        if isinstance(child, nn.ZeroPad2d) and len(set(child.padding)) == 1 and convolution.padding == (0, 0):
            convolution.padding = (child.padding[0],) * 2
            setattr(convolution, name, nn.Identity())


def _modules(network: nn.Module, kind: type[_M]) -> list[_M]:
    return [module for module in network.modules() if isinstance(module, kind)]
