"""Forward hooks: watch layers while a model runs, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, get_args

from torch import Tensor, nn

from ..ontology.errors import DataError, UsageError

if TYPE_CHECKING:
    from .loaded_model import LoadedModel

Reduction = Literal["max", "mean", "cls"]
"""How a unit's values within one image become one number: over space or tokens, or the class token alone."""

Receiver = Callable[[str, nn.Module, Tensor | None], None]

_LAST_AXIS = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention)
_CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
)


@contextmanager
def capture(model: LoadedModel, layers: Sequence[str], reduce: Reduction = "max") -> Iterator[Mapping[str, Tensor]]:
    """Watch layers: after each forward pass the mapping holds their outputs, one number per image and unit.

    Values are reduced inside the hook, before a later in-place operation can change them. Where a module runs
    several times in one pass (a shared activation function), its last output counts. All hooks are gone when
    the context ends, however it ends.

    Parameters
    ----------
    model
        The model; run ``model.module(batch)`` inside the context.
    layers
        Dotted names as in ``named_modules()``, or virtual layers of the model.
    reduce
        ``max`` or ``mean`` over space (images × units × height × width) or over tokens (images × tokens ×
        units); ``cls`` takes the first token.

    Yields
    ------
    mapping from layer name to a float32 tensor, images × units, on the model's device

    Raises
    ------
    UsageError
        If a layer or reduction does not exist, or a layer has no class token to take.
    DataError
        If a layer yields something else than a tensor of floating-point numbers with a row per image.
    """
    if reduce not in get_args(Reduction):
        raise UsageError(f"unknown reduction {reduce!r}", where="reduce", expected=" or ".join(get_args(Reduction)))
    outputs: dict[str, Tensor] = {}

    def receive(name: str, module: nn.Module, tensor: Tensor | None) -> None:
        if tensor is None:
            raise DataError(
                "the layer's output is no tensor of floating-point numbers",
                where=name,
                hint="choose another layer",
            )
        outputs[name] = reduce_units(tensor, module, reduce, name)

    with watch(model, layers, receive):
        yield outputs


@contextmanager
def watch(model: LoadedModel, layers: Sequence[str], receive: Receiver) -> Iterator[None]:
    """Call `receive` with layer name, module and output whenever one of the layers has run, inside.

    The output is given as `first_tensor` finds it, unreduced.
    """
    with ExitStack() as handles:
        for name in layers:
            module, then = model.tap(name)
            hook = _hook(name, then, receive)
            handles.callback(module.register_forward_hook(hook).remove)
        yield


def _hook(
    name: str,
    then: Callable[[Tensor], Tensor] | None,
    receive: Receiver,
) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        # What the model computes next must not see changes, should `then` work in place.
        # A module is called past its own hooks, because it may be watched as a layer itself.
        follow = then.forward if isinstance(then, nn.Module) else then
        receive(name, module, tensor if follow is None or tensor is None else follow(tensor.clone()))

    return hook


def first_tensor(output: object) -> Tensor | None:
    """Take the floating-point tensor out of a module's output, the first one of a tuple, list or mapping."""
    if isinstance(output, Mapping):
        output = next(iter(output.values()), None)
    elif isinstance(output, tuple | list):
        output = output[0] if output else None
    return output if isinstance(output, Tensor) and output.is_floating_point() else None


def unit_axis(module: nn.Module, output: Tensor) -> int:
    """Say which axis of a layer's output counts its units.

    Axis 1 for images × units and for maps (images × units × height × width); the last axis for tokens (images
    × tokens × units) and wherever a linear or layer-norm module works on the last axis. Maps with the units
    last, as in Swin transformers, are known by their square: the two axes after the images are equal and the
    last one differs. A module that is known to have its units first is never read so.

    Examples
    --------
    >>> import torch
    >>> unit_axis(nn.Conv2d(3, 8, 1), torch.zeros(2, 8, 5, 5))
    1
    >>> unit_axis(nn.Linear(4, 8), torch.zeros(2, 7, 8))
    2
    """
    if isinstance(module, _LAST_AXIS):
        return output.ndim - 1
    if isinstance(module, _CHANNELS_FIRST):
        return 1
    if output.ndim == 3:
        return 2
    if output.ndim == 4 and output.shape[1] == output.shape[2] != output.shape[3]:
        return 3
    return 1


def reduce_units(output: Tensor, module: nn.Module, reduce: Reduction, name: str) -> Tensor:
    """Reduce a layer's output to float32, images × units."""
    if output.ndim < 2:
        raise DataError(
            f"the layer's output has shape {tuple(output.shape)}",
            where=name,
            expected="a row per image and a column per unit",
        )
    axis = unit_axis(module, output)
    if reduce == "cls":
        if output.ndim != 3 or axis != 2:
            raise UsageError(
                f"the layer has no class token, its outputs have shape {tuple(output.shape)}",
                where=name,
                expected="images × tokens × units",
                hint="use the reduction max or mean",
            )
        return output[:, 0].float()
    units_last = output.float().movedim(axis, -1).flatten(1, -2) if output.ndim > 2 else output.float()
    if output.ndim == 2:
        return units_last.clone()
    return units_last.amax(1) if reduce == "max" else units_last.mean(1)
