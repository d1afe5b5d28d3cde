"""Descriptions of a small network's layer on drawn photographs: patches, triples, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from neurontology.analysis.agreement import read_descriptions
from neurontology.analysis.description_recording import record_descriptions
from neurontology.analysis.descriptions import DescribeOptions
from neurontology.analysis.layer_descriptions import describe_layers
from neurontology.analysis.scorers.conse import ConseScorer
from neurontology.analysis.scorers.eszsl import AnnotatedPictures, EszslScorer
from neurontology.analysis.scorers.scorer import Picture
from neurontology.analysis.unit_descriptions import describe_record
from neurontology.bridge.activations import Activations, extract
from neurontology.bridge.loaded_model import LoadedModel
from neurontology.bridge.models import load_model
from neurontology.bridge.recording import model_node
from neurontology.kb_build.annotate import annotate, read_annotations
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import named_queries, rows, run_query
from neurontology.ontology.vocabulary import NEURONTOLOGY, vocabulary_turtle
from PIL import Image
from pyoxigraph import NamedNode

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
CORE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Red rdfs:subClassOf :Colour . :Green rdfs:subClassOf :Colour . :Blue rdfs:subClassOf :Colour .
:Colour rdfs:subClassOf :Quality . :Tree rdfs:subClassOf :Plant .
"""
FACTORY = '''
import torch
from torch import nn
from neurontology.bridge.loaded_model import LoadedModel, SquareTransform


class Channels(nn.Module):
    """Maps 0 to 2: how much of one colour there is and of no other; map 3 is always 0."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        weight = torch.zeros(4, 3, 3, 3)
        weight[:3] = (2 * torch.eye(3) - 1)[:, :, None, None] / 9
        self.maps.weight.data = weight
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images):
        return self.pool(self.relu(self.maps(images))).flatten(1)[:, :3] * 20


def build():
    torch.manual_seed(0)
    transform = SquareTransform(32, (0.0,) * 3, (1.0,) * 3)
    return LoadedModel.wrap(Channels(), name="channels", transform=transform, class_names=("red", "green", "blue"))
'''


def embed(texts) -> np.ndarray:
    known = {name.title(): np.eye(4, dtype=np.float32)[at] for at, name in enumerate(COLOURS)}
    known |= {name: known[name.title()] for name in COLOURS}
    return np.stack([known.get(text, np.eye(4, dtype=np.float32)[3]) for text in texts])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Activations, LoadedModel]:
    """Sixty photographs, each with a square of one colour somewhere on black; their annotations; activations."""
    path = tmp_path_factory.mktemp("channels")
    photos = path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(60):
        name = list(COLOURS)[i % 3]
        pixels = np.zeros((32, 32, 3), np.uint8)
        x, y = rng.integers(0, 22, 2)
        pixels[y : y + 10, x : x + 10] = np.asarray(COLOURS[name]) * rng.uniform(0.7, 1)
        # Masks as ADE20K has them: one class, whose only instance is the square.
        mask = np.zeros((32, 32, 3), np.uint8)
        mask[y : y + 10, x : x + 10] = (10, i % 3 + 1, 200)
        Image.fromarray(mask).save(photos / f"im{i}_seg.png")
        Image.fromarray(pixels).save(photos / f"im{i}.png")
        (photos / f"im{i}_atr.txt").write_text(f'001 # 0 # 0 # {name} # {name} # ""\n')
    (path / "core.ttl").write_text(CORE)
    (path / "net.py").write_text(FACTORY)
    kb = build_owl([path / "core.ttl"], path / "kb")
    del kb
    writable = KB.open(path / "kb", writable=True)
    images, _ = read_annotations("ade20k", photos)
    annotate(writable, images, dataset="ade20k", origin=photos)
    del writable
    torch.set_num_threads(1)
    model = load_model(f"{path / 'net.py'}:build")
    model = replace(model, name=f"{path / 'net.py'}:build")
    return path, extract(model, "relu", photos, out=path / "acts", seed=1), model


OPTIONS = DescribeOptions(top=6, pool=80, draws=199)


def test_each_map_is_described_by_its_colour(made) -> None:
    path, activations, model = made
    scorer = ConseScorer(model, ("red", "green", "blue"), embed)
    kb = KB.open(path / "kb")
    (layer,) = describe_layers([activations], scorer=scorer, kb=kb, options=OPTIONS)
    record = describe_record([layer])
    assert [unit["unit"] for unit in record["units"]] == [0, 1, 2, 3]
    for unit, name in zip(record["units"], ("Red", "Green", "Blue"), strict=False):
        best = unit["descriptions"][0]
        assert (best["text"], best["class"]) == (name, f"http://example.org/{name}")
        assert best["p"] <= 0.05
        assert 5 <= unit["patches"] <= 6
        assert best["explained"] >= unit["patches"] - 1
        # All top images show the colour, and a third of all images do; held out, these excite the unit more.
        assert best["shown"] == 1
        assert 0.1 < best["chance"] < 0.7
        assert best["annotated_auc"] == 1
        assert best["annotated_p"] < 0.01
        assert best["auc"] > 0.8
        assert len(best["images"]) == best["explained"]
        # The patches lie on the squares, random ones rarely: a tenth of a photograph, and a third has the colour.
        under = best["under_patches"]
        assert under["patches"] == unit["patches"]
        assert under["share"] == under["relations"]["equal"] > 0.5 > 0.2 > under["chance"] > 0
        assert under["low"] <= under["share"] <= under["high"]
        assert under["p"] < 0.01
        (most,) = unit["under_patches"]
        assert (most["class"], most["share"], most["chance"]) == (
            best["class"],
            under["share"],
            pytest.approx(under["chance"]),
        )
    assert record["units"][3]["status"] == "0 images excite the unit, fewer than 3"
    summary = record["layers"][0]
    assert (summary["described"], summary["texts"], summary["groups"]) == (3, 3, {"Colour": 3})
    assert summary["depth"] == 3
    assert (summary["patch_measured"], summary["patch_better"]) == (3, 3)
    assert (
        summary["patch_excess_low"] <= summary["patch_share"] - summary["patch_chance"] <= summary["patch_excess_high"]
    )
    held_out = {activations.images[row].id for row in activations.rows("holdout")}
    assert not held_out & {image for unit in record["units"] for d in unit["descriptions"] for image in d["images"]}
    again = describe_record(describe_layers([activations], scorer=scorer, kb=kb, options=OPTIONS))
    assert again == record


def test_descriptions_are_triples_over_the_same_classes(made) -> None:
    path, activations, model = made
    scorer = ConseScorer(model, ("red", "green", "blue"), embed)
    kb = KB.open(path / "kb", writable=True)
    knowledge = kb.digest
    (layer,) = describe_layers([activations], scorer=scorer, kb=kb, options=OPTIONS)
    record_descriptions(kb, layer)
    assert not record_descriptions(kb, layer)
    assert kb.digest == knowledge
    _, found = rows(run_query(kb, "described-under", {"concept": "Colour"}))
    assert [(row[2].value, row[3].value) for row in found] == [("0", "Red"), ("1", "Green"), ("2", "Blue")]
    _, none = rows(run_query(kb, "described-under", {"concept": "Plant"}))
    assert not none
    assert "described-under" in named_queries()
    node = model_node(kb, activations.meta.model, activations.meta.weights_sha256 or "").value
    query = f"ASK {{ GRAPH ?g {{ <{node}/layer/relu/unit/0> nl:describedAs <http://example.org/Red> }} }}"
    assert bool(run_query(kb, query))
    # Every term that only descriptions use is written, and is in the vocabulary.
    graph = next(entry.iri for entry in kb.entries if entry.name.endswith("-descriptions"))
    quads = list(kb.store.quads_for_pattern(None, None, None, NamedNode(graph)))
    terms = {term.value for quad in quads for term in (quad.predicate, quad.object) if isinstance(term, NamedNode)}
    own = {term.removeprefix(NEURONTOLOGY) for term in terms if term.startswith(NEURONTOLOGY)}
    assert {"Description", "description", "describedAs", "scorer", "wordsFrom", "similarityFunction"} <= own
    assert {"similarity", "descriptionP", "explainedPatches", "descriptionAuc", "annotatedAuc"} <= own
    assert {"patchShare", "patchShareLow", "patchShareHigh", "randomPatchShare", "patchP"} <= own
    assert all(f"nl:{name} a " in vocabulary_turtle() for name in own if "/" not in name)


def test_a_map_fitted_on_the_annotations_says_the_same(made) -> None:
    path, activations, model = made
    photographs = [Image.open(path / "photos" / image.path).convert("RGB") for image in activations.images]
    pictures = [Picture(i.id, lambda p=p: p) for i, p in zip(activations.images, photographs, strict=True)]
    shows = np.asarray([[int(i.id[2:]) % 3 == at for at in range(3)] for i in activations.images])
    scorer = EszslScorer.fit(model, "relu", embed, pictures, AnnotatedPictures(tuple(COLOURS), shows))
    (layer,) = describe_layers(
        [activations], scorer=scorer, kb=KB.open(path / "kb"), options=replace(OPTIONS, similarity="cosine"), units=[1]
    )
    assert layer.units[0].descriptions[0].concept.text == "Green"


def test_layers_are_compared_in_the_order_given(made) -> None:
    path, activations, model = made
    other = extract(model, "maps", path / "photos", out=path / "maps", seed=1)
    scorer = ConseScorer(model, ("red", "green", "blue"), embed)
    found = describe_layers([other, activations], scorer=scorer, kb=KB.open(path / "kb"), options=OPTIONS, units=[0])
    record = describe_record(found)
    assert [layer["layer"] for layer in record["layers"]] == ["maps", "relu"]
    assert [(unit["layer"], unit["unit"]) for unit in record["units"]] == [("maps", 0), ("relu", 0)]
    third = extract(model, "maps", path / "photos", out=path / "otherwise", seed=2)
    with pytest.raises(UsageError, match="same held-out half"):
        describe_layers([third, activations], scorer=scorer, kb=KB.open(path / "kb"), options=OPTIONS)


def test_what_cannot_be_described(made, tmp_path: Path) -> None:
    path, activations, model = made
    kb = KB.open(path / "kb")
    scorer = ConseScorer(model, ("red", "green", "blue"), embed)

    def describe(acts: Activations, **given) -> None:
        describe_layers([acts], **{"scorer": scorer, "kb": kb, "options": OPTIONS} | given)

    with pytest.raises(UsageError, match="30 images that are not held out are fewer than the 31"):
        describe(activations, options=DescribeOptions(top=31, pool=200))
    with pytest.raises(UsageError, match="no unit 9"):
        describe(activations, units=[9])
    with pytest.raises(UsageError, match="--vocabulary FILE"):
        describe(activations, kb=None)
    flat = extract(model, "pool", path / "photos", out=tmp_path / "flat", seed=1)
    # Pooled to one cell the layer still has maps; the network's output has none.
    describe(flat, units=[0])
    output = extract(model, "output", path / "photos", out=tmp_path / "output", seed=1)
    with pytest.raises(UsageError, match="no spatial maps"):
        describe(output)
    broken = tmp_path / "photos"
    broken.mkdir()
    for file in (path / "photos").glob("*.png"):
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "im3.png").write_bytes(b"\x89PNG\r\n\x1a\n no picture")
    with pytest.raises(DataError, match=r"im3.png"):
        describe(activations, images=broken)


def test_descriptions_are_read_back_for_their_layer(made, tmp_path: Path) -> None:
    path, activations, model = made
    scorer = ConseScorer(model, ("red", "green", "blue"), embed)
    found = describe_layers([activations], scorer=scorer, kb=KB.open(path / "kb"), options=OPTIONS)
    file = tmp_path / "described.json"
    file.write_text(json.dumps(describe_record(found)))
    assert read_descriptions(file, "relu")[2] == [("Blue", "http://example.org/Blue")]
    with pytest.raises(UsageError, match="describes no layer 'head'"):
        read_descriptions(file, "head")
    file.write_text("{}")
    with pytest.raises(DataError, match="no output of `describe --json`"):
        read_descriptions(file, "relu")
    file.write_text('{"units"')
    with pytest.raises(DataError, match="json:1"):
        read_descriptions(file, "relu")
