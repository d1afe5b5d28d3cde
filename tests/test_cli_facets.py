"""`neurontology facets` as a user meets it: the contract, several layers, pictures, errors in one paragraph."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import refuse, succeed

MODEL = """
import torch
from torch import nn
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform


def build():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 5, 2), nn.ReLU(), nn.Conv2d(6, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
    )
    return LoadedModel.wrap(network, name="MODEL", transform=SquareTransform(32, (127.0,) * 3, (128.0,) * 3, scale=1.0))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of two kinds, a small network, two of its layers; and activations without classes."""
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("torch").set_num_threads(1)
    from neurontology.bridge.activations import extract
    from neurontology.bridge.importers import import_activations
    from neurontology.bridge.models import load_model

    path, rng = tmp_path_factory.mktemp("facets"), np.random.default_rng(0)
    for n in range(30):
        pixels = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) // (1 + n % 2)
        kind = path / "photos" / ("dark" if n % 2 else "bright")
        kind.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(kind / f"p{n}.png")
    spec = f"{path / 'model.py'}:build"
    (path / "model.py").write_text(MODEL.replace("MODEL", spec))
    for layer in ("1", "3", "5"):
        extract(load_model(spec), layer, path / "photos", out=path / f"acts{layer}", workers=1)
    np.save(path / "plain.npy", rng.random((12, 3)).astype(np.float32))
    import_activations(path / "plain.npy", path / "plain")
    return path


def test_the_record_has_the_keys_of_the_contract(folder: Path) -> None:
    record = json.loads(succeed("facets", folder / "acts3", "--top", 10, "--json"))
    assert (record["layer"], record["top"], record["classes"]) == ("3", 10, ["bright", "dark"])
    assert set(record["units"][0]) >= {"unit", "gini", "flatness", "multifacetedness", "p", "faceted"}
    assert [unit["unit"] for unit in record["units"]] == list(range(8))
    assert "facets" not in record["units"][0]
    several = json.loads(succeed("facets", folder / "acts1", folder / "acts3", "--top", 10, "--json"))
    assert several["top"] == 10
    assert several["layers"][1] == record


def test_pictures_and_plots(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    out = tmp_path / "out"
    options = ("--top", 12, "--images", folder / "photos", "--units", "0,2", "--out", out)
    assert "top 12 images, 2 classes" in succeed("facets", folder / "acts3", *options)
    printed = json.loads((out / "facets.json").read_text())
    assert printed["facets_of"] == "patches"
    assert ["facets" in unit for unit in printed["units"]] == [True, False, True, *[False] * 5]
    assert {p.name for p in (out / "3" / "units").iterdir()} >= {"unit-0-patches.png", "unit-2-patches.png"}
    assert "exists" in refuse(2, "facets", folder / "acts3", "--top", 12, "--out", out)


def test_wrong_calls_and_broken_data(folder: Path, tmp_path: Path) -> None:
    acts = folder / "acts3"
    assert "30 images are fewer than the 100 top images" in refuse(2, "facets", acts)
    assert "12 of 12 images have no class" in refuse(1, "facets", folder / "plain", "--top", 5)
    flat = refuse(2, "facets", folder / "acts5", "--top", 9, "--images", folder / "photos")
    assert "the layer has no spatial maps" in flat
    broken = tmp_path / "photos"
    for file in (folder / "photos").rglob("*.png"):
        (broken / file.parent.name).mkdir(parents=True, exist_ok=True)
        (broken / file.parent.name / file.name).write_bytes(file.read_bytes())
    (broken / "dark" / "p1.png").write_bytes(b"\x89PNG nothing")
    assert "dark/p1.png" in refuse(1, "facets", acts, "--top", 9, "--images", broken)


def test_images_that_were_left_out_of_the_activations_are_left_out(folder: Path, tmp_path: Path) -> None:
    from neurontology.bridge.activations import extract
    from neurontology.bridge.models import load_model

    shutil.copytree(folder / "photos", tmp_path / "photos")
    (tmp_path / "photos" / "dark" / "p99.png").write_bytes(b"no image")
    acts, photos = tmp_path / "acts", tmp_path / "photos"
    extract(load_model(f"{folder / 'model.py'}:build"), "3", photos, out=acts, workers=1, skip_bad=True)
    record = json.loads(succeed("facets", acts, "--top", 10, "--images", photos, "--units", "0", "--json"))
    assert record["facets_of"] == "patches"
    # An image that was there then and is broken now is another matter.
    said = refuse(1, "facets", folder / "acts3", "--top", 10, "--images", photos)
    assert "1 unusable image: dark/p99.png" in said
    assert "`activations` and `verify --images` leave them out with --skip-bad" in said
