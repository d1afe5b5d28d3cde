"""Models whose own code prints, fails, ends the process, or brings helpers of its own."""

import json
import os
import subprocess
import sys

import pytest
from command_line import refuse, run

pytest.importorskip("torch")
pytest.importorskip("PIL")
import torch
from neurontology.bridge.foreign_code import foreign_errors
from neurontology.bridge.layers import list_layers
from neurontology.bridge.loaded_model import LoadedModel, state_digest
from neurontology.bridge.models import load_model
from neurontology.ontology.errors import DataError, UsageError
from torch import nn

HEAD = "import torch\nfrom torch import nn\n"
NET = "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())\n"


@pytest.fixture
def file(tmp_path):
    def write(text, name="model.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(:\n", r"model.py: running the file failed: SyntaxError: .*line 1"),
        ("import no_such_package\n", r"running the file failed: ModuleNotFoundError.*model.py:1"),
        ("import sys\nsys.exit()\n", r"running the file failed: SystemExit \(.*model.py:2\)"),
        ("def build(size):\n    pass\n", r"build\(\) failed: TypeError: .*'size'.*without arguments"),
        ("def build():\n    raise KeyError('weights')\n", r"build\(\) failed: KeyError: 'weights' \(.*model.py:2\)"),
        ("def build():\n    open('no-such-weights')\n", r"build\(\) failed: FileNotFoundError: .*model.py:2"),
        (
            HEAD + "def fail(image):\n    raise ValueError('too dark')\ndef build():\n    return nn.ReLU(), fail\n",
            r"the transform failed on a grey photograph.*ValueError: too dark \(.*model.py:4\)",
        ),
    ],
)
def test_what_fails_in_a_file_is_said_with_its_line(file, text, said):
    with pytest.raises(DataError, match=said):
        load_model(f"{file(text)}:build")


def test_a_script_that_ends_itself_does_not_end_well(file):
    message = refuse(1, "layers", f"{file('import sys; sys.exit()')}:build")
    assert "SystemExit" in message
    assert "defect" not in message


def test_what_a_model_prints_is_not_in_the_document(file):
    spec = f"{file(HEAD + 'print(1)' + chr(10) + 'def build():' + chr(10) + '    print(2)' + chr(10) + NET)}:build"
    result = run("layers", spec, "--json")
    assert [layer["name"] for layer in json.loads(result.stdout)["layers"]] == ["0", "1", "output"]
    assert result.stderr.split() == ["1", "2"]


def test_files_import_their_neighbours_and_hold_dataclasses(file):
    file("WIDTH = 5\n", "neighbour_of_the_model.py")
    text = "from __future__ import annotations\nimport dataclasses, pickle\nfrom torch import nn\n"
    text += "import neighbour_of_the_model\n@dataclasses.dataclass\nclass Sizes:\n    width: int\n"
    text += "def build():\n    sizes = pickle.loads(pickle.dumps(Sizes(neighbour_of_the_model.WIDTH)))\n"
    text += "    return nn.Conv2d(3, sizes.width, 3)\n"
    assert load_model(f"{file(text)}:build").module.out_channels == 5


def test_a_network_that_fails_says_on_what(file):
    text = HEAD + "class Net(nn.Module):\n    def forward(self, images, mask):\n        return images * mask\n"
    message = refuse(1, "layers", f"{file(text + 'build = Net' + chr(10))}:build")
    assert "the network failed on a batch of 3 × 3 × 224 × 224 float32: TypeError" in message
    assert "'mask'" in message


def test_texts_of_exceptions_are_cut_and_those_of_ours_pass():
    with pytest.raises(DataError) as raised, foreign_errors("it failed", "x"):
        raise AssertionError("a" * 9_000)
    assert len(str(raised.value)) < 600
    with pytest.raises(UsageError, match="mine"), foreign_errors("it failed", "x"):
        raise UsageError("mine")
    with pytest.raises(KeyboardInterrupt), foreign_errors("it failed", "x"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt2", "net.onnx", "net.ckpt", "net.pkl"])
def test_other_kinds_of_files_are_told_from_unknown_names(file, name):
    with pytest.raises(UsageError, match=r"cannot be run.*FILE.py:FACTORY.*\.torchscript"):
        load_model(file("?", name))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("empty.pt", "an empty one"), ("text.pth", "a pickle, a truncated"), ("state.PT", "an archive of tensors")],
)
def test_what_is_no_torchscript_is_named(tmp_path, name, kind):
    path = tmp_path / name
    path.write_bytes(b"" if name == "empty.pt" else b"hello")
    if name == "state.PT":
        torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(DataError, match=f"not a TorchScript file, but {kind}.*read_state_dict") as raised:
        load_model(path)
    assert "miniz" not in str(raised.value)


def test_parameters_without_values_are_refused():
    for module in (nn.LazyConv2d(4, 3), nn.Conv2d(3, 4, 3, device="meta")):
        with pytest.raises(UsageError, match="'bias' has no values yet"):
            LoadedModel.wrap(module)


def test_compiled_and_parallel_networks_are_run_as_they_were():
    """In a process of its own, since the compiler warns when it is imported."""
    code = """
import torch
from torch import nn
from neurontology.bridge.layers import list_layers
from neurontology.bridge.loaded_model import LoadedModel
torch.set_num_threads(1)
def net(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
part = net(); part[0] = torch.compile(part[0], backend="eager")
own = net(); own.compile(backend="eager")
for module in (torch.compile(net(), backend="eager"), part, own, nn.DataParallel(net())):
    print([(one.name, one.units) for one in list_layers(LoadedModel.wrap(module)) if "_orig" not in one.name])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    layers = [("0", 4), ("1", 4), ("output", 4)]
    assert result.stdout.splitlines() == [str(layers[-1:]), str(layers), str(layers), str(layers)], result.stderr
    assert "Error" not in result.stderr


class Extra(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.state = state

    def get_extra_state(self):
        return self.state


def test_digest_sees_what_other_states_hold():
    long = torch.zeros(5_000)
    other = long.clone()
    other[2_500] = 1  # where a printed tensor has its dots
    digests = {state_digest(Extra(state)) for state in ((long, 1), (other, 1), {"a": long}, {"a": other})}
    assert len(digests) == 4
    assert state_digest(Extra(object())) == state_digest(Extra(object()))


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor, :UserWarning")  # a later torch has none of them
def test_digest_sees_the_numbers_that_quantised_ones_stand_for():
    """The same small integers with another scale are other weights."""
    whole = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    points = torch.zeros(2, dtype=torch.int64)
    states = [
        torch.quantize_per_channel(whole * scale[:, None], scale, points, 0, torch.qint8)
        for scale in (torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.5]))
    ]
    assert (states[0].int_repr() == states[1].int_repr()).all()
    assert state_digest(Extra(states[0])) == state_digest(Extra(states[0].clone())) != state_digest(Extra(states[1]))


def test_outputs_that_are_not_dense_are_no_layers():
    class Sparse(nn.Module):
        def forward(self, images):
            return images.mean((2, 3)).to_sparse()

    assert list_layers(LoadedModel.wrap(nn.Sequential(nn.AvgPool2d(2), Sparse())))[-1].name == "0"
