"""`neurontology baselines` as a user meets it: the contract, every method, errors in one paragraph."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import refuse, succeed

MODEL = """
import torch
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform


def build():
    # Units: red, blue, brightness.
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 8, 2, bias=False), torch.nn.ReLU())
    with torch.no_grad():
        weight = torch.tensor([[1.0, -0.4, -0.4], [-0.4, -0.4, 1], [1, 1, 1]])[:, :, None, None] / 64
        network[0].weight.copy_(weight.expand(3, 3, 8, 8))
    transform = SquareTransform(32, (0.0,) * 3, (255.0,) * 3, scale=1.0)
    return LoadedModel.wrap(network, name="MODEL", transform=transform)
"""

CLASSES = """
@prefix : <http://x.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Thing a owl:Class .
:Car a owl:Class ; rdfs:subClassOf :Vehicle .
:Bus a owl:Class ; rdfs:subClassOf :Vehicle .
:Vehicle a owl:Class ; rdfs:subClassOf :Thing .
:Sea a owl:Class ; rdfs:subClassOf :Thing .
"""

KINDS = {"car": ((230, 20, 20), 300), "bus": ((120, 10, 10), 301), "sea": ((20, 20, 230), 1100)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 photographs of a car, a bus or the sea, each a square on grey; a knowledge base, activations, scores."""
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("torch").set_num_threads(1)
    from neurontology.bridge.activations import extract
    from neurontology.bridge.models import load_model

    path, rng = tmp_path_factory.mktemp("baselines"), np.random.default_rng(0)
    photos = path / "photos" / "street"
    photos.mkdir(parents=True)
    rows = []
    for n in range(48):
        kind = list(KINDS)[n % 3]
        colour, code = KINDS[kind]
        pixels = rng.integers(80, 120, (64, 64, 3))
        mask = np.zeros((64, 64, 3), np.uint8)
        top, left = rng.integers(0, 3, 2) * 16
        inside = (slice(top, top + 24), slice(left, left + 24))
        pixels[inside] = np.array(colour) + rng.integers(0, 20, (24, 24, 3))
        mask[inside] = (code // 256 * 10, code % 256, 40)
        image.fromarray(pixels.astype(np.uint8)).save(photos / f"p{n}.png")
        if n < 46:
            image.fromarray(mask).save(photos / f"p{n}_seg.png")
        (photos / f"p{n}_atr.txt").write_text(f'001 # 0 # 0 # {kind} # {kind} # ""\n')
        rows.append((f"p{n}", *(float(kind == other) for other in KINDS), 0.3))
    with (path / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", *KINDS, "unicorn"), *rows])
    (path / "model.py").write_text(MODEL.replace("MODEL", f"{path / 'model.py'}:build"))
    (path / "classes.ttl").write_text(CLASSES)
    extract(load_model(f"{path / 'model.py'}:build"), "1", path / "photos", out=path / "acts", workers=1)
    succeed("kb", "build", "owl", path / "classes.ttl", "--out", path / "kb")
    succeed("kb", "annotate", path / "kb", "ade20k", path / "photos")
    return path


def test_every_method_on_units_whose_concept_is_known(folder: Path) -> None:
    methods = "netdissect,compex,invert,clip-dissect,clip-dissect:cosine,ecii,engine,engine:auroc"
    asked = ("--kb", folder / "kb", "--activations", folder / "acts", "--scores", folder / "scores.csv")
    record = json.loads(succeed("baselines", *asked, "--methods", methods, "--units", "0,1", "--json"))
    assert (record["layer"], record["left_out"]) == ("1", 2)
    assert record["images"] + record["held_out"] == 46
    assert [one["method"] for one in record["methods"]] == methods.split(",")
    for one in record["methods"]:
        assert set(one) >= {"method", "units", "auc", "auc_low", "auc_high", "mad", "seconds"}
        assert one["units"] == 2, one
        assert one["seconds"] >= 0
        assert [other["method"] for other in one["against"]] == [m for m in methods.split(",") if m != one["method"]]
    units = {(one["unit"], one["method"]): one for one in record["units"]}
    assert set(units[0, "engine"]) >= {"unit", "method", "label", "score", "auc", "mad"}
    # The second unit answers to blue, which only the sea is.
    for method in methods.split(","):
        found = units[1, method]
        # Of equal answers ECII gives the longest, in which the sea is what is neither a bus nor a car.
        assert method == "ecii" or "sea" in found["label"].lower(), found
        assert found["auc"] == 1.0, found
        assert found["mad"] > 1
    assert (units[0, "netdissect"]["label"], units[1, "netdissect"]["label"]) == ("car", "sea")
    assert units[0, "clip-dissect"]["label"] == "car"
    assert record["methods"][0]["auc"] == 1.0


def test_units_without_a_judged_label_count_as_chance(folder: Path) -> None:
    asked = ("--kb", folder / "kb", "--activations", folder / "acts", "--scores", folder / "unseen.csv")
    with (folder / "scores.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    # Two units, two texts: one has no class.
    table = [("id", "sea", "unicorn"), *((row[0], row[3], row[1]) for row in rows[1:])]
    with (folder / "unseen.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
    record = json.loads(succeed("baselines", *asked, "--methods", "clip-dissect", "--units", "0,1", "--json"))
    (method,) = record["methods"]
    assert [(one["label"], one["auc"]) for one in record["units"]] == [("unicorn", None), ("sea", 1.0)]
    assert record["units"][0]["reason"] == "the annotations have no class of this name"
    assert (method["units"], method["judged"], method["auc"], method["auc_all"]) == (2, 1, 1.0, 0.75)


def test_the_table_and_the_methods_without_masks(folder: Path) -> None:
    shown = succeed("baselines", "--kb", folder / "kb", "--activations", folder / "acts")
    assert "invert" in shown and "ecii" in shown and "engine" in shown and "netdissect" not in shown
    assert "labelled from 24 images, judged on 24 held out; AUC all" in shown


def test_wrong_calls(folder: Path, tmp_path: Path) -> None:
    asked = ("baselines", "--kb", folder / "kb", "--activations", folder / "acts")
    assert "did you mean invert" in refuse(2, *asked, "--methods", "inverted").lower()
    assert "--scores" in refuse(2, *asked, "--methods", "clip-dissect")
    assert "there is no unit 9" in refuse(2, *asked, "--units", "9")
    assert "--scores is for clip-dissect" in refuse(2, *asked, "--scores", tmp_path / "scores.csv")
    assert "nothing is named" in refuse(2, *asked, "--methods", ",")
    (tmp_path / "scores.csv").write_text("id,car\np0,1\n")
    few = refuse(1, *asked, "--methods", "clip-dissect", "--scores", tmp_path / "scores.csv")
    assert "images have no scores" in few


def test_photographs_that_were_left_out_of_the_activations_are_left_out(folder: Path, tmp_path: Path) -> None:
    from neurontology.bridge.activations import extract
    from neurontology.bridge.models import load_model

    photos, acts = shutil.copytree(folder / "photos", tmp_path / "photos"), tmp_path / "acts"
    (photos / "street" / "p99.png").write_bytes(b"no picture")
    asked = ("baselines", "--methods", "netdissect", "--units", "1", "--images", photos, "--json")
    said = refuse(1, *asked, "--kb", folder / "kb", "--activations", folder / "acts")
    assert "1 unusable image: street/p99.png" in said
    extract(load_model(f"{folder / 'model.py'}:build"), "1", photos, out=acts, workers=1, skip_bad=True)
    (unit,) = json.loads(succeed(*asked, "--kb", folder / "kb", "--activations", acts))["units"]
    assert (unit["label"], unit["auc"]) == ("sea", 1.0)
