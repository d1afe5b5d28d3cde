"""What reports read from the store is what the commands printed: facets, descriptions, ablations."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.description_recording import record_descriptions
from neurontology.analysis.descriptions import DescribeOptions
from neurontology.analysis.facet_run import FacetSettings, analyse_layer
from neurontology.analysis.layer_descriptions import describe_layers
from neurontology.analysis.recorded_methods import recorded_methods
from neurontology.analysis.report import write_report
from neurontology.analysis.report_methods import read_methods
from neurontology.analysis.under_patches import UnderPatches
from neurontology.analysis.unit_descriptions import describe_record
from neurontology.bridge.activations import Activations
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.bridge.run import open_run
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError
from neurontology.ontology.kb import KB
from neurontology.reasoner.learning import InductionOptions
from PIL import Image
from pyoxigraph import NamedNode
from saved_run import saved_run

pytest.importorskip("torch")
from neurontology.analysis.ablation import AblationOptions, LayerAblation
from neurontology.analysis.ablation_recording import record_ablation

N = "http://example.org/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A layer of three units: cats, dogs, either one; scores of words for the images; a run."""
    path = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(2)
    scores = [["id", "cat", "dog", "thing"]]
    with (path / "acts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([0, 1, 2, "path", "class"])
        for number in range(60):
            kind = ("cat", "dog")[number % 2]
            cat, dog = kind == "cat", kind == "dog"
            values = [4 * cat + rng.random(), 4 * dog + rng.random(), 3 + rng.random()]
            table.writerow([*values, f"{kind}s/im{number:02d}.png", kind])
            scores.append([f"im{number:02d}", *(one + 0.1 * rng.random() for one in (cat, dog, 0.5))])
            (path / "photos" / f"{kind}s").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (4 * number, 90, 200)).save(path / "photos" / f"{kind}s" / f"im{number:02d}.png")
    with (path / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows(scores)
    activations = import_activations(path / "acts.csv", path / "acts", holdout=0.5, seed=1, model="m", layer="l")
    lines = ["@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += [f"<{N}{low}> a owl:Class ; rdfs:subClassOf <{N}Animal> ." for low in ("Cat", "Dog")]
    lines += [f"<{N}Animal> rdfs:subClassOf <{N}Thing> ."]
    lines += [f"<{N}im{number:02d}> a <{N}{('Cat', 'Dog')[number % 2]}> ." for number in range(60)]
    (path / "kb.ttl").write_text("\n".join(lines))
    kb = build_owl([path / "kb.ttl"], path / "kb")
    thresholds, options = Thresholds(positive=0.6, negative=0.4), InductionOptions(max_atoms=1)
    saved_run(path / "run", kb, activations, thresholds, options)
    return path


@pytest.fixture
def opened(folder, tmp_path):
    """The run, a copy of the knowledge base to write to, and the activations."""
    shutil.copytree(folder / "kb", tmp_path / "kb")
    return open_run(folder / "run"), KB.open(tmp_path / "kb", writable=True), Activations.open(folder / "acts")


def ablation(activations, concept: str, units: list[int], drop: float, by: str = "zero") -> LayerAblation:
    effect = {"images": 30, "agreement": 0.5, "drop": drop, "drop_low": 0.1, "drop_high": 0.9, "drop_random": 0.05}
    one = {"concept": N + concept, "number": len(units), "units": units, **effect, "p": 0.02}
    record = {"concepts": [{**one, "classes": [{"class": "cat", **effect, "p": 0.5}]}]}
    return LayerAblation(activations, AblationOptions(by=by), record)


def test_nothing_recorded(opened) -> None:
    run, kb, activations = opened
    found = recorded_methods(kb, activations)
    assert (found.facets, found.descriptions, found.ablations) == (None, None, ())
    assert not read_methods(run, kb, activations).facets


def test_facets_of_the_store_are_those_of_the_file(opened, tmp_path) -> None:
    run, kb, activations = opened
    settings = FacetSettings(top=20, options=InductionOptions(max_atoms=1))
    layer = analyse_layer(activations, settings, kb=kb)
    (tmp_path / "facets.json").write_text(json.dumps(layer.record))
    stored, file = (read_methods(run, kb, activations, facets=f) for f in (None, tmp_path / "facets.json"))
    assert stored.facets_of == file.facets_of == "images"
    assert stored.facets == file.facets
    first = stored.facets[0].facets[0]
    assert (first.label, first.relation, first.verdict) == ("an image that shows a cat", "equal", "confirmed")
    assert first.rows
    assert stored.facets[2].facets[0].verdict == "unlabelled"


def test_descriptions_of_the_store_are_those_of_the_file(opened, folder, tmp_path) -> None:
    run, kb, activations = opened
    options = DescribeOptions(top=5, pool=30, draws=199)
    scorer = f"matrix:{folder / 'scores.csv'}"
    (layer,) = describe_layers([activations], scorer=scorer, kb=kb, options=options)
    unit = layer.units[0]
    under = UnderPatches(5, 0.5, 0.25, 0.75, 0.125, 0.005, {"equal": 0.5, "above": 0.0, "under": 0.0})
    seen = replace(unit, descriptions=(replace(unit.descriptions[0], under=under), *unit.descriptions[1:]))
    layer = replace(layer, units=(seen, *layer.units[1:]))
    (tmp_path / "described.json").write_text(json.dumps(describe_record([layer])))
    record_descriptions(kb, layer)
    stored, file = (read_methods(run, kb, activations, descriptions=f) for f in (None, tmp_path / "described.json"))
    assert stored.descriptions == file.descriptions
    assert (stored.scorer, stored.vocabulary, stored.alpha) == (file.scorer, file.vocabulary, file.alpha)
    first = stored.descriptions[0].descriptions[0]
    assert (first.text, first.relation, first.better, first.share, first.random_share) == (
        "cat",
        "equal",
        True,
        0.5,
        0.125,
    )
    assert stored.relation(0) == "equal"
    # Found in another way: the later one counts.
    (again,) = describe_layers([activations], scorer=scorer, kb=kb, options=replace(options, seed=3, alpha=0.03))
    record_descriptions(kb, again)
    newest = max((e for e in kb.entries if e.name.endswith("-descriptions")), key=lambda e: (e.created, e.name))
    alpha = recorded_methods(kb, activations).descriptions["alpha"]
    (expected,) = (
        float(quad.object.value)
        for quad in kb.store.quads_for_pattern(
            None, NamedNode("https://w3id.org/neurontology/alpha"), None, NamedNode(newest.iri)
        )
    )
    assert alpha == expected


def test_ablations_of_the_store(opened, tmp_path) -> None:
    run, kb, activations = opened
    for one in (("Cat", [0], 0.4), ("Animal", [0, 1], 0.2, "mean"), ("Thing", [0, 1, 2], 0.6)):
        record_ablation(kb, ablation(activations, *one))
    other = import_activations(
        Path(activations.path).parent / "acts.csv", tmp_path / "other", seed=4, model="m", layer="l"
    )
    record_ablation(kb, ablation(other, "Dog", [0], 0.9))
    methods = read_methods(run, kb, activations)
    assert [(one.concept, one.at, one.found.units, one.found.drop) for one in methods.ablations] == [
        ("Thing", "zero", (0, 1, 2), 0.6),
        ("Cat", "zero", (0,), 0.4),
        ("Animal", "their means", (0, 1), 0.2),
    ]
    assert [one.concept for one in methods.ablations_of(0)] == ["Cat", "Animal", "Thing"]
    assert [one.concept for one in methods.ablations_of(2)] == ["Thing"]


def test_a_page_from_the_store(opened, folder, tmp_path) -> None:
    run, kb, activations = opened
    analyse_layer(activations, FacetSettings(top=20, options=InductionOptions(max_atoms=1)), kb=kb)
    scorer = f"matrix:{folder / 'scores.csv'}"
    for layer in describe_layers(
        [activations], scorer=scorer, kb=kb, options=DescribeOptions(top=5, pool=30, draws=199)
    ):
        record_descriptions(kb, layer)
    record_ablation(kb, ablation(activations, "Cat", [0], 0.4))
    page = write_report(run, kb, activations, tmp_path / "out", images=folder / "photos").read_text(encoding="utf-8")
    assert page.count("Agreeing with the label: 1 of 1\u00a0facet, its words") == 2
    assert "1\u00a0unit of <b><bdi>Cat</bdi></b> at zero: the posterior drops by 0.400" in page
    assert "What the network loses without a concept’s units" in page
    assert page.count("<h4>Described as</h4>") == page.count("<h4>Facets</h4>") == len(run.units)


def test_a_graph_that_lacks_a_part_is_named(opened) -> None:
    _, kb, activations = opened
    record_ablation(kb, ablation(activations, "Cat", [0], 0.4))
    entry = next(e for e in kb.entries if e.name.endswith("-ablation"))
    kept = NamedNode("https://w3id.org/neurontology/keptShare")
    quads = kb.store.quads_for_pattern(None, kept, None, NamedNode(entry.iri))
    (quad,) = (one for one in quads if "/class/" not in one.subject.value)
    kb.store.remove(quad)
    with pytest.raises(DataError, match="no nl:keptShare"):
        recorded_methods(kb, activations)
