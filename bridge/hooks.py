"""Forward hooks: watch layers while a model runs, and leave no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from weakref import ref

import torch
from torch import Tensor, nn

from ..ontology.errors import DataError, UsageError

if TYPE_CHECKING:
    from .loaded_model import LoadedModel

Reduction = Literal["max", "mean", "cls"]
"""How a unit's values within one image become one number: over space or tokens, or the class token alone."""

Receiver = Callable[[str, Tensor | None, int], None]
"""Called with a layer's name, its output, and the axis of the output that counts units."""

_LAST_AXIS = (nn.Linear, nn.Embedding, nn.MultiheadAttention)
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

    def receive(name: str, tensor: Tensor | None, axis: int) -> None:
        if tensor is None:
            raise DataError(
                "the layer's output is no tensor of floating-point numbers",
                where=name,
                hint="choose another layer",
            )
        outputs[name] = reduce_units(tensor, axis, reduce, name)

    with watch(model, layers, receive):
        yield outputs


@contextmanager
def watch(model: LoadedModel, layers: Sequence[str], receive: Receiver) -> Iterator[None]:
    """Call `receive` with layer name, output and axis of its units whenever one of the layers has run, inside.

    The output is given as `first_tensor` finds it, unreduced.
    """
    taps = [model.tap(name) for name in layers]
    with ExitStack() as handles:
        axis_of = handles.enter_context(unit_axes(model, [module for module, _ in taps]))
        for name, (module, then) in zip(layers, taps, strict=True):
            hook = _hook(name, then, receive, axis_of)
            handles.callback(module.register_forward_hook(hook).remove)
        yield


AxisOf = Callable[[nn.Module, Tensor], int]
"""Says which axis counts the units in the output that a module has just given."""


@contextmanager
def unit_axes(model: LoadedModel, modules: Sequence[nn.Module]) -> Iterator[AxisOf]:
    """Follow the axis of the units through a network while it runs, where the kinds of the modules leave it open.

    What an activation function puts out has its units where the layer before it has put them: last after a linear
    layer, also on maps, first after a convolution, also of sequences.

    Parameters
    ----------
    model
        The network.
    modules
        Those that will be asked about; hooks put on them in the context run after those that follow the axis.
    """
    made: dict[int, tuple[ref[Tensor], int]] = {}

    def known(tensor: Tensor) -> int | None:
        maker, axis = made.get(id(tensor), (None, 0))
        return axis if maker is not None and maker() is tensor else None

    def begin(*_: Any) -> None:
        made.clear()

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            return
        axis = _axis_of_kind(module, tensor)
        if axis is None:
            # A container gives what its last part has given.
            axis = known(tensor)
        if axis is None and inputs and isinstance(inputs[0], Tensor):
            axis = _inherited(known(inputs[0]), inputs[0], tensor)
        if axis is not None:
            made[id(tensor)] = ref(tensor), axis

    with ExitStack() as handles:
        if not all(isinstance(module, (*_LAST_AXIS, *_CHANNELS_FIRST)) for module in modules):
            handles.callback(model.module.register_forward_pre_hook(begin).remove)
            for module in model.module.modules():
                if not isinstance(module, torch.jit.ScriptModule):
                    handles.callback(module.register_forward_hook(note).remove)
        yield lambda module, tensor: unit_axis(module, tensor, known(tensor))


def _inherited(axis: int | None, before: Tensor, after: Tensor) -> int | None:
    """Where the units are in what a module makes of a tensor, if it has left their number and place."""
    if axis is None or axis >= after.ndim or after.shape[axis] != before.shape[axis]:
        return None
    if after.ndim == before.ndim:
        return axis
    # Positions of maps brought together, as by Flatten(2).
    return axis if axis == 1 and 2 < after.ndim < before.ndim else None


def _hook(
    name: str,
    then: Callable[[Tensor], Tensor] | None,
    receive: Receiver,
    axis_of: AxisOf,
) -> Callable[[nn.Module, Any, Any], None]:
    def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is None:
            receive(name, None, 0)
            return
        # What the model computes next must not see changes, should `then` work in place.
        # A module is called past its own hooks, because it may be watched as a layer itself.
        follow = then.forward if isinstance(then, nn.Module) else then
        receive(name, tensor if follow is None else follow(tensor.clone()), axis_of(module, tensor))

    return hook


def first_tensor(output: object) -> Tensor | None:
    """Take the dense floating-point tensor out of a module's output, the first one of a tuple, list or mapping."""
    if isinstance(output, Mapping):
        output = next(iter(output.values()), None)
    elif isinstance(output, tuple | list):
        output = output[0] if output else None
    usable = isinstance(output, Tensor) and output.is_floating_point() and output.layout == torch.strided
    return cast(Tensor, output) if usable else None


def unit_axis(module: nn.Module, output: Tensor, inherited: int | None = None) -> int:
    """Say which axis of a layer's output counts its units.

    The last axis where a linear or layer-norm module works on it, axis 1 where the module is known to have its units
    first; of other modules the axis that is inherited from those before, see `unit_axes`. Where nothing is known,
    axis 1 for images × units and for maps (images × units × height × width); the last axis for tokens (images
    × tokens × units). Maps with the units last, as in Swin transformers, are then known by their square: the two axes
    after the images are equal and the last one differs.

    Examples
    --------
    >>> import torch
    >>> unit_axis(nn.Conv2d(3, 8, 1), torch.zeros(2, 8, 5, 5))
    1
    >>> unit_axis(nn.Linear(4, 8), torch.zeros(2, 7, 8))
    2
    """
    axis = _axis_of_kind(module, output)
    if axis is None:
        axis = inherited
    if axis is not None:
        return axis
    if output.ndim == 3:
        return 2
    if output.ndim == 4 and output.shape[1] == output.shape[2] != output.shape[3]:
        return 3
    return 1


def _axis_of_kind(module: nn.Module, output: Tensor) -> int | None:
    """Which axis counts the units, if the kind of the module says it."""
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        # A class of ConvNeXt that is derived from this one normalises the units of maps, which have them first.
        return output.ndim - 1 if tuple(output.shape[-1:]) == tuple(module.normalized_shape) else None
    if isinstance(module, _LAST_AXIS):
        return output.ndim - 1
    return 1 if isinstance(module, _CHANNELS_FIRST) else None


def reduce_units(output: Tensor, axis: int, reduce: Reduction, name: str) -> Tensor:
    """Reduce a layer's output to float32, images × units."""
    if output.ndim < 2:
        raise DataError(
            f"the layer's output has shape {tuple(output.shape)}",
            where=name,
            expected="a row per image and a column per unit",
        )
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
