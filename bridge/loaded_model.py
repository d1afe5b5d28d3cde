"""The model as the bridge uses it: network, preprocessing, and the digest of its weights."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..ontology.errors import UsageError, near_matches
from .foreign_code import foreign_code
from .images import pillow

if TYPE_CHECKING:
    from PIL.Image import Image

Transform = Callable[["Image"], Tensor]
"""From an RGB photograph to float32, channels × height × width."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class VirtualLayer:
    """A layer that the model computes without a module of its own.

    Attributes
    ----------
    after
        Dotted name of the module whose output it starts from; empty for the whole model.
    then
        What is applied to that output; None for nothing.
    """

    after: str
    then: Callable[[Tensor], Tensor] | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model in evaluation mode with all that is needed to run it and to say later what was run.

    Attributes
    ----------
    name
        How it was asked for.
    module
        The network.
    transform
        From an RGB photograph to the network's input (float32, channels × height × width).
    transform_info
        The same in words and numbers that JSON can hold, for the record.
    weights_sha256
        Digest of the state dict: names, types, shapes and bytes, see `state_digest`.
    input_size
        Height and width of the transform's output, in pixels.
    class_names
        Names of the outputs, where they are known.
    virtual_layers
        Layers by name that are no modules; ``output`` is the whole model's output.
    arranged
        Whether the network is a copy that computes the same in fewer steps, see :func:`.inference.for_inference`.
    """

    name: str
    module: nn.Module
    transform: Transform
    transform_info: Mapping[str, Any]
    weights_sha256: str
    input_size: tuple[int, int]
    class_names: tuple[str, ...] | None = None
    virtual_layers: Mapping[str, VirtualLayer] = field(default_factory=dict)
    arranged: bool = False

    @classmethod
    def wrap(
        cls,
        module: nn.Module,
        *,
        name: str | None = None,
        transform: Transform | None = None,
        transform_info: Mapping[str, Any] | None = None,
        class_names: tuple[str, ...] | None = None,
        virtual_layers: Mapping[str, VirtualLayer] | None = None,
    ) -> LoadedModel:
        """Take over a module, which is put into evaluation mode; of one run in parallel that inside.

        Without `transform` photographs are resized to 224 × 224 and normalised with ImageNet's mean and
        deviation.

        Raises
        ------
        UsageError
            If the transform does not turn a photograph into a floating-point tensor of three axes, if a
            virtual layer has the name of a module, or if parameters have no values.
        DataError
            If the transform fails.
        """
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            # The copies on several devices would each show a hook their part of the batch.
            module = module.module
        name = name or type(module).__name__
        if isinstance(module, torch.jit.ScriptModule):
            module = ScriptNetwork(module)
        if transform is None:
            transform = SquareTransform(224, IMAGENET_MEAN, IMAGENET_DEVIATION)
        if transform_info is None:
            transform_info = describe_transform(transform)
        with foreign_code("the transform failed on a grey photograph of 320 × 240 pixels", name):
            sample = transform(pillow().new("RGB", (320, 240), (120, 130, 140)))
        if not (isinstance(sample, Tensor) and sample.ndim == 3 and sample.is_floating_point()):
            shape = tuple(sample.shape) if isinstance(sample, Tensor) else type(sample).__name__
            raise UsageError(
                f"the transform yields {shape}",
                where=name,
                expected="a floating-point tensor, channels × height × width",
            )
        names = dict(module.named_modules())
        layers = {"output": VirtualLayer(""), **(virtual_layers or {})}
        if "output" in names:
            del layers["output"]
        for taken in layers.keys() & names.keys():
            raise UsageError(f"a module is called {taken!r} already", where=name, hint="rename the virtual layer")
        return cls(
            name=name,
            module=module.eval(),
            transform=transform,
            transform_info=dict(transform_info),
            weights_sha256=state_digest(module),
            input_size=(int(sample.shape[1]), int(sample.shape[2])),
            class_names=class_names,
            virtual_layers=layers,
        )

    def run(self, inputs: Tensor, photographs: Sequence[str] = ()) -> Any:
        """Run the network on a batch, images × channels × height × width, on its device.

        Parameters
        ----------
        inputs
            The batch.
        photographs
            What to call the images of the batch if the network fails.

        Raises
        ------
        DataError
            If it fails.
        """
        shape, kind = " × ".join(map(str, inputs.shape)), str(inputs.dtype).removeprefix("torch.")
        of = f" ({', '.join(photographs)})" if photographs else ""
        with foreign_code(
            f"the network failed on a batch of {shape} {kind}{of}",
            self.name,
            expected="a network that takes what the transform makes of photographs, and nothing else",
            hint="a FILE.py:FACTORY may return a pair of network and transform",
        ):
            if "torch._dynamo" in sys.modules:
                # Hooks are not for compiled code: they may stop the compiler.
                with torch.compiler.set_stance("force_eager"):
                    return self.module(inputs)
            return self.module(inputs)

    @property
    def decode_size(self) -> tuple[int, int] | None:
        """Width and height that photographs need at least for the transform; None for their full size."""
        return self.transform.decode_size if isinstance(self.transform, SquareTransform) else None

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers: modules in ``named_modules()`` order, then virtual layers."""
        modules = (
            name
            for name, module in self.module.named_modules()
            if name and not isinstance(module, torch.jit.ScriptModule)
        )
        return (*modules, *self.virtual_layers)

    def tap(self, layer: str) -> tuple[nn.Module, Callable[[Tensor], Tensor] | None]:
        """Find the module to hook for a layer, and what to apply to its output.

        Raises
        ------
        UsageError
            If there is no such layer; the message names similar ones.
        """
        virtual = self.virtual_layers.get(layer)
        if virtual is not None:
            return self.module.get_submodule(virtual.after), virtual.then
        known = self.layer_names()
        if layer in known:
            return self.module.get_submodule(layer), None
        if isinstance(self.module, ScriptNetwork):
            hint = "the inside of a TorchScript model cannot be watched: export one that returns this layer"
        else:
            hint = f"{near_matches(layer, known)} (neurontology layers lists them all)"
        raise UsageError(
            f"no layer {layer!r}",
            where=self.name,
            expected="a dotted name as in named_modules(), or a virtual layer",
            hint=hint,
        )


class ScriptNetwork(nn.Module):
    """A TorchScript model as an ordinary module, because TorchScript modules take no forward hooks."""

    def __init__(self, script: nn.Module) -> None:
        super().__init__()
        self.script = script

    def forward(self, images: Tensor) -> object:
        """Run the model."""
        return self.script(images)


@dataclass(frozen=True)
class SquareTransform:
    """Resize the whole photograph to a square, then (RGB/scale - mean) / deviation.

    The whole photograph and not a crop of its middle, because annotations say what is anywhere in the
    photograph.

    Attributes
    ----------
    size
        Height and width in pixels.
    mean, deviation
        Per channel, red, green, blue, in units of `scale`.
    scale
        What the values 0 to 255 are divided by first.
    """

    size: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    scale: float = 255.0

    @property
    def decode_size(self) -> tuple[int, int]:
        """Width and height that suffice: twice the size, which moves values by a fraction of a grey level."""
        return 2 * self.size, 2 * self.size

    @property
    def info(self) -> dict[str, Any]:
        """The transform as it is recorded."""
        return {
            "decode_at_least": list(self.decode_size),
            "resize": [self.size, self.size],
            "interpolation": "bicubic",
            "scale": self.scale,
            "mean": list(self.mean),
            "deviation": list(self.deviation),
        }

    def __call__(self, image: Image) -> Tensor:
        """Return float32, 3 × size × size."""
        resized = image.resize((self.size, self.size), pillow().Resampling.BICUBIC)
        levels = np.asarray(resized)
        planes = [table[levels[:, :, channel]] for channel, table in enumerate(self._tables())]
        return torch.from_numpy(np.stack(planes))

    def _tables(self) -> NDArray[np.float32]:
        """What each of the 256 levels of a channel becomes: shape (3, 256)."""
        values = np.arange(256, dtype=np.float32) / np.float32(self.scale)
        mean, deviation = (np.array(channels, dtype=np.float32)[:, None] for channels in (self.mean, self.deviation))
        tables: NDArray[np.float32] = (values - mean) / deviation
        return tables


def describe_transform(transform: Transform) -> dict[str, Any]:
    """Describe a transform: ours in full, another callable by its name or printed form, without addresses.

    Examples
    --------
    >>> describe_transform(len)
    {'description': 'builtins.len'}
    """
    if isinstance(transform, SquareTransform):
        return transform.info
    name = getattr(transform, "__qualname__", None)
    return {"description": _without_addresses(transform) if name is None else f"{transform.__module__}.{name}"}


def state_digest(module: nn.Module) -> str:
    """Digest (SHA-256, hexadecimal) of a module's parameters and buffers.

    Entries go in by name, sorted; each as name, type, shape and little-endian bytes, so that neither the
    device nor the order of registration matters.

    Raises
    ------
    UsageError
        If a parameter has no values yet.
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if nn.parameter.is_lazy(value) or (isinstance(value, Tensor) and value.is_meta):
            raise UsageError(
                f"the parameter {name!r} has no values yet",
                where=type(module).__name__,
                expected="a network with all its weights",
                hint="the function that builds the model has to run lazy modules once, and to fill those without data",
            )
        for part in _parts(name, value):
            digest.update(part)
    return digest.hexdigest()


def _parts(name: str, value: object) -> Iterator[bytes]:
    """What an entry of a state dict gives to the digest: every number in it, whatever it is wrapped in."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parts(f"{name}.{key}", item)
    elif isinstance(value, tuple | list):
        for at, item in enumerate(value):
            yield from _parts(f"{name}.{at}", item)
    elif isinstance(value, Tensor):
        plain = value.detach().cpu()
        if plain.is_quantized:
            # The numbers that it stands for, since the scales may be one for each channel.
            plain = plain.dequantize()
        plain = plain.contiguous()
        yield f"{name}\0{value.dtype}\0{tuple(plain.shape)}\n".encode()
        yield plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    else:
        yield f"{name}\0{_without_addresses(value)}\n".encode()


def _without_addresses(value: object) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
