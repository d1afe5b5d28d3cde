"""Silenced units: a network's outputs with some units of a layer held at zero, or at values of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn

from ..ontology.errors import DataError, UsageError
from .hooks import first_tensor, unit_axes
from .loaded_model import LoadedModel


@contextmanager
def silence(model: LoadedModel, layer: str, units: Sequence[int], values: Tensor | None = None) -> Iterator[None]:
    """Hold units of a layer at zero, or at given values, everywhere on their maps, while the context lasts.

    A virtual layer is silenced before the function that makes it out of a module's output, so this function must work
    on each value by itself and leave zero, or the given values, as they are: rectifiers do with what they put out.

    Parameters
    ----------
    model
        The model; run ``model.module(batch)`` inside the context.
    layer
        A layer of it, see ``list_layers``.
    units
        Numbers of the units, none or more.
    values
        What each unit of the layer is held at, shape (units of the layer,); zero by default.

    Raises
    ------
    UsageError
        If the layer does not exist, runs several times in one pass, has no such unit, or is a virtual one that
        cannot be silenced.
    DataError
        If the layer's output is no tensor of floating-point numbers.
    """
    module, then = model.tap(layer)
    runs = 0

    def count(*_: Any) -> None:
        nonlocal runs
        runs = 0

    def hook(_: nn.Module, _inputs: Any, output: Any) -> Tensor:
        nonlocal runs
        runs += 1
        if runs > 1:
            raise UsageError(
                "the layer runs several times in one pass",
                where=layer,
                expected="a layer that runs once to be silenced",
            )
        if not isinstance(output, Tensor) or first_tensor(output) is None:
            raise DataError("the layer's output is no tensor of floating-point numbers", where=layer)
        axis = axis_of(module, output)
        size = output.shape[axis]
        if (units and not 0 <= min(units) <= max(units) < size) or (values is not None and len(values) != size):
            raise UsageError(f"the layer has {size} units", where=layer, expected="units among these")
        chosen = torch.tensor(list(units), dtype=torch.int64, device=output.device)
        held = torch.zeros(size) if values is None else values
        levels = held.to(output)[chosen].reshape([-1 if at == axis else 1 for at in range(output.ndim)])
        if then is not None:
            follow = then.forward if isinstance(then, nn.Module) else then
            alone = _with(torch.zeros_like(output[:1]), axis, chosen, levels)
            if not torch.allclose(follow(alone.clone()), alone, rtol=1e-5, atol=0):
                raise UsageError(
                    "the layer cannot be silenced before the function that makes it",
                    where=layer,
                    expected="a function that leaves zero as it is"
                    if values is None
                    else "a function that leaves zero and the units' values as they are",
                )
        return _with(output, axis, chosen, levels)

    with ExitStack() as handles:
        axis_of = handles.enter_context(unit_axes(model, [module]))
        handles.callback(model.module.register_forward_pre_hook(count).remove)
        handles.callback(module.register_forward_hook(hook).remove)
        yield


def _with(output: Tensor, axis: int, units: Tensor, levels: Tensor) -> Tensor:
    """Copy an output with some units at given levels everywhere."""
    shape = [len(units) if at == axis else length for at, length in enumerate(output.shape)]
    return output.index_copy(axis, units, levels.expand(shape))


def silenced_outputs(
    model: LoadedModel,
    layer: str,
    groups: Sequence[Sequence[int]],
    inputs: Tensor,
    values: Tensor | None = None,
) -> Tensor:
    """Outputs of a network for one batch with each group of units silent in turn.

    What lies before the layer is computed once: modules whose every call ended before the layer ran give their recorded
    outputs in the later passes.

    Parameters
    ----------
    model, layer
        The model in evaluation mode and a layer of it.
    groups
        Units of each group; an empty one gives the network as it is.
    inputs
        The batch, images × channels × height × width, on the model's device.
    values
        What each unit of the layer is held at, see :func:`silence`; zero by default.

    Returns
    -------
    Tensor
        Shape (groups, images, outputs), float32.

    Raises
    ------
    UsageError
        As in :func:`silence`; or if the layer does not take part in the pass.
    DataError
        If the network's output is not one row per image.
    """
    results = []
    with torch.inference_mode(), _remembered(model, _modules_before(model, layer, inputs[:1]), inputs):
        for units in groups:
            with silence(model, layer, units, values):
                output = first_tensor(model.run(inputs))
            if output is None or output.ndim != 2 or len(output) != len(inputs):
                raise DataError(
                    "the network's output is no row of numbers for each image",
                    where=model.name,
                    expected="a classifier",
                )
            results.append(output.float().clone())
    return torch.stack(results)


def _modules_before(model: LoadedModel, layer: str, inputs: Tensor) -> set[nn.Module]:
    """Outermost modules whose every call has ended when the layer runs, found by one pass."""
    tapped, _ = model.tap(layer)
    called: set[nn.Module] = set()
    late: set[nn.Module] = set()
    running: list[nn.Module] = []
    reached = False

    def enter(module: nn.Module, _inputs: Any) -> None:
        called.add(module)
        running.append(module)
        if reached:
            late.add(module)

    def leave(module: nn.Module, _inputs: Any, output: Any) -> None:
        nonlocal reached
        running.pop()
        if module is tapped:
            reached = True
            late.update(running, [module])
        if not isinstance(output, Tensor):
            late.add(module)

    with ExitStack() as handles:
        for module in model.module.modules():
            handles.callback(module.register_forward_pre_hook(enter).remove)
            handles.callback(module.register_forward_hook(leave).remove)
        model.run(inputs)
    if not reached:
        raise UsageError("the layer did not run", where=layer, expected="a layer that takes part in the forward pass")
    # A forward method of the instance's own is left alone, since replacing it for a while would lose it.
    own = {module for module in called if "forward" in module.__dict__}
    through = called - late - own - set(tapped.modules())
    return through - {child for module in through for child in module.modules() if child is not module}


@contextmanager
def _remembered(model: LoadedModel, modules: set[nn.Module], inputs: Tensor) -> Iterator[None]:
    """Let modules give the outputs that they have for the inputs, call by call, instead of computing them."""
    outputs: dict[nn.Module, list[Tensor]] = {module: [] for module in modules}

    def record(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        outputs[module].append(output.clone())

    def replay(calls: list[Tensor], position: Iterator[int], *_: Any, **__: Any) -> Tensor:
        # A later operation may work in place.
        return calls[next(position)].clone()

    with ExitStack() as handles:
        for module in modules:
            handles.callback(module.register_forward_hook(record).remove)
        model.run(inputs)
    with ExitStack() as restored:
        for module, calls in outputs.items():
            module.__dict__["forward"] = partial(replay, calls, cycle(range(len(calls))))
            restored.callback(module.__dict__.pop, "forward")
        yield
