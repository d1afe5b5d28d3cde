"""Ablation of a network made by hand, whose two units each carry one class: measures, groups, triples, the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from neurontology.analysis.ablation import (
    AblationOptions,
    ConceptUnits,
    ablate,
    concept_units,
    measure,
    wilson,
)
from neurontology.analysis.ablation_recording import ablation_graph, unit_classes
from neurontology.analysis.bootstrap import bootstrap_mean
from neurontology.bridge.activations import Activations, extract
from neurontology.bridge.models import load_model
from neurontology.bridge.run import open_run
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from PIL import Image

torch.set_num_threads(1)

CORE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Rose rdfs:subClassOf :Red . :Brick rdfs:subClassOf :Red . :Sky rdfs:subClassOf :Blue .
"""
EX = "http://example.org/"

# Units 0 and 1 look for red, unit 2 for blue, 3 to 9 for nothing; outputs: rose, sky, other.
NETWORK = """
import torch
from torch import nn
from neurontology.bridge.loaded_model import LoadedModel


def build():
    net = nn.Sequential(nn.Conv2d(3, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 3))
    with torch.no_grad():
        for one in net.parameters():
            one.zero_()
        net[0].weight[0, :, 0, 0] = net[0].weight[1, :, 0, 0] = torch.tensor([1.0, 0.0, -1.0])
        net[0].weight[2, :, 0, 0] = torch.tensor([-1.0, 0.0, 1.0])
        net[4].weight[0, 0] = net[4].weight[0, 1] = 1.0
        net[4].weight[1, 2] = 2.0
        net[4].bias[2] = 0.5
    return LoadedModel.wrap(net, name=__file__ + ":build", class_names=("rose", "sky", "other"))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("ablation")
    (path / "net.py").write_text(NETWORK)
    rng = np.random.default_rng(0)
    for name, colour in (("rose", (230, 40, 30)), ("sky", (30, 60, 220))):
        (path / "photos" / name).mkdir(parents=True)
        for number in range(16):
            pixels = np.clip(np.array(colour) + rng.integers(-20, 21, (40, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(path / "photos" / name / f"{name}{number}.png")
    extract(f"{path / 'net.py'}:build", "1", path / "photos", out=path / "acts", workers=1)
    (path / "core.ttl").write_text(CORE)
    run(path, "kb", "build", "owl", "core.ttl", "--out", "kb")
    run(path, "kb", "annotate", "kb", "imagefolder", "photos")
    run(path, "label", "--kb", "kb", "--activations", "acts", "--max-atoms", 1, "--operators", "and,or", "--out", "run")
    return path


def run(path: Path, *arguments: object, code: int = 0) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "neurontology", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=path,
        env={**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == code, result.stderr
    return result.stderr if code else result.stdout


def test_a_concept_has_the_units_of_all_classes_under_it(made):
    kb = KB.open(made / "kb")
    classes = {0: [EX + "Rose"], 1: [EX + "Brick"], 2: [EX + "Sky"], 3: []}
    red, named = concept_units(classes, kb, ["Red", EX + "Sky"])
    assert (red.iri, red.units, named.units) == (EX + "Red", (0, 1), (2,))
    chosen = concept_units({**classes, 4: [EX + "Rose"]}, kb, options=AblationOptions(min_units=2))
    assert [(one.iri, one.units) for one in chosen] == [(EX + "Rose", (0, 4))]
    for concept, said in (("Green", "no class"), ("Blue", "no unit")):
        with pytest.raises(UsageError, match=said):
            concept_units({0: [EX + "Rose"]}, kb, [concept])
    with pytest.raises(UsageError, match="no concept has 3 units"):
        concept_units(classes, kb, options=AblationOptions(min_units=3))


def test_measures_by_hand():
    outputs = torch.tensor([[[3.0, 0, 0, 0, 0, 0]] * 2, [[0.0, 1, 1, 1, 1, 1], [2.0, 0, 0, 0, 0, 0]]])
    found = measure(outputs, np.array([0, -1]))
    e = np.exp
    first = e(3) / (e(3) + 5)
    np.testing.assert_allclose(found.drop, [[first - 1 / (1 + 5 * e(1)), first - e(2) / (e(2) + 5)]])
    assert found.kept.tolist() == [[False, True]]
    assert found.among_five.tolist() == [[False, True]]
    assert found.hit[:, 0].tolist() == [True, False]
    assert found.matched.tolist() == [True, False]


def test_intervals():
    # Wilson 1927 by his formula.
    k, n, z = 7, 9, 1.959963984540054
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    np.testing.assert_allclose(wilson(k, n), (centre - half, centre + half))
    values = np.random.default_rng(1).normal(2, 1, 400)
    low, high = bootstrap_mean(values)
    error = values.std() / 20
    np.testing.assert_allclose((low, high), (values.mean() - 1.96 * error, values.mean() + 1.96 * error), atol=0.02)


def test_silent_red_units_take_away_roses_alone(made):
    kb = KB.open(made / "kb")
    groups = concept_units({0: [EX + "Rose"], 1: [EX + "Brick"], 2: [EX + "Sky"]}, kb, ["Red", "Blue"])
    options = AblationOptions(random_groups=19)
    found = ablate(Activations.open(made / "acts"), groups, options=options)
    red, blue = found.record["concepts"]
    effect = {one["class"]: one for one in red["classes"]}
    assert red["classes"][0]["class"] == "rose"
    assert (effect["rose"]["accuracy_before"], effect["rose"]["accuracy"], effect["rose"]["agreement"]) == (1, 0, 0)
    assert (effect["sky"]["accuracy"], effect["sky"]["agreement"], effect["sky"]["drop"]) == (1, 1, 0)
    assert effect["rose"]["excess_low"] > 0.2
    assert effect["rose"]["p"] <= 0.15
    assert effect["rose"]["agreement_random"] > 0.5
    assert {one["class"]: one["agreement"] for one in blue["classes"]} == {"rose": 1, "sky": 0}
    assert ablate(Activations.open(made / "acts"), groups, options=options).record == found.record


def test_units_held_at_their_means_say_nothing_of_the_image(made):
    activations = Activations.open(made / "acts")
    groups = [ConceptUnits(EX + "Red", (0, 1)), ConceptUnits(EX + "Blue", (2,))]
    found = ablate(activations, groups, options=AblationOptions(random_groups=9, by="mean"))
    assert found.record["by"] == "mean"
    red = found.record["concepts"][0]
    # By hand: the network's maps are 1 × 1 convolutions of the photograph, scaled to 0 … 1 and normalised.
    network = load_model(str(made / "net.py") + ":build")
    held_out = [activations.images[row] for row in activations.rows("holdout")]
    induction = [activations.images[row] for row in activations.rows("induction")]

    def maps(images):
        photographs = [Image.open(made / "photos" / one.path).convert("RGB") for one in images]
        with torch.inference_mode():
            return network.module[1](network.module[0](torch.stack([network.transform(one) for one in photographs])))

    mean = maps(induction).mean((0, 2, 3))
    with torch.inference_mode():
        before, after = maps(held_out), maps(held_out)
        after[:, :2] = mean[:2, None, None]
        outputs = [network.module[4](one.mean((2, 3))).softmax(1) for one in (before, after)]
    first = outputs[0].argmax(1)
    drop = [float(a[i] - b[i]) for a, b, i in zip(*outputs, first, strict=True)]
    assert red["drop"] == pytest.approx(sum(drop) / len(drop), abs=1e-5)
    # The mean of two kinds of images leaves roses half of their red, where zero leaves nothing.
    zero = ablate(activations, groups, options=AblationOptions(random_groups=9)).record["concepts"][0]
    rose, nothing = (next(one for one in c["classes"] if one["class"] == "rose") for c in (red, zero))
    assert 0 < rose["drop"] < nothing["drop"]
    assert ablation_graph(found) != ablation_graph(ablate(activations, groups, options=AblationOptions()))
    with pytest.raises(UsageError, match="zero or mean"):
        AblationOptions(by="median")


def test_the_command_prints_records_and_refuses(made):
    record = json.loads(run(made, "ablate", "run", "--min-units", 1, "--random-groups", 9, "--json"))
    assert record["held_out"]
    assert record["classes_from"] == "images"
    units = {tuple(one["units"]): one for one in record["concepts"]}
    assert set(units) == {(0, 1), (2,)}
    query = (
        "SELECT DISTINCT ?class ?kept ?unit WHERE { ?a a nl:Ablation ; nl:silences/nl:unitNumber ?unit . "
        "?e nl:partOfAblation ?a ; nl:imageClass ?class ; nl:keptShare ?kept } ORDER BY ?unit ?class"
    )
    rows = json.loads(run(made, "sparql", "kb", query, "--format", "json"))["results"]["bindings"]
    assert [(r["class"]["value"], float(r["kept"]["value"]), int(r["unit"]["value"])) for r in rows] == [
        ("rose", 0, 0),
        ("sky", 1, 0),
        ("rose", 0, 1),
        ("sky", 1, 1),
        ("rose", 1, 2),
        ("sky", 0, 2),
    ]
    found = json.loads(run(made, "sparql", "kb", "ablations", "--format", "json"))["results"]["bindings"]
    assert [(r["concept"]["value"], r["heldAt"]["value"], r["units"]["value"]) for r in found] == [
        (one["concept"], "zero", str(one["number"])) for one in sorted(record["concepts"], key=lambda one: -one["drop"])
    ]
    call = ("sparql", "kb", "ablated-classes", "--bind", "concept=Red", "--format", "json")
    lost = json.loads(run(made, *call))["results"]["bindings"]
    assert [(r["imageClass"]["value"], float(r["kept"]["value"])) for r in lost] == [("rose", 0), ("sky", 1)]
    assert json.loads(run(made, "ablate", "run", "--by", "mean", "--min-units", 1, "--json"))["by"] == "mean"
    held = json.loads(run(made, "sparql", "kb", "ablations", "--format", "json"))["results"]["bindings"]
    assert {r["heldAt"]["value"] for r in held} == {"zero", "mean"}
    assert "zero or mean" in run(made, "ablate", "run", "--by", "median", code=2)
    out = run(made, "ablate", "run", "--min-units", 1, "--random-groups", 3)
    assert "held-out images" in out
    assert "no class is called" in run(made, "ablate", "run", "--concept", "Nothing", code=2)
    with pytest.raises(UsageError, match="both"):
        unit_classes(open_run(made / "run"), facets=made / "a", descriptions=made / "b")
