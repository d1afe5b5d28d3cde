"""Facets of units: their number, their labels, their triples; against scikit-learn and rules known by construction."""

import numpy as np
import pytest
from neurontology.analysis.facet_files import write_facets
from neurontology.analysis.facet_labels import label_facets
from neurontology.analysis.facet_recording import affirmed_classes, facets_graph
from neurontology.analysis.facet_run import FacetSettings, analyse_layer
from neurontology.analysis.facets import divide, mean_silhouette
from neurontology.analysis.layer_facets import Facet, UnitFacets, find_facets, measure_layer
from neurontology.bridge.activation_files import ActivationWriter
from neurontology.bridge.activations import Activations
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.ontology.syntax import parse
from neurontology.ontology.vocabulary import vocabulary_turtle
from neurontology.reasoner.learning import InductionOptions
from pyoxigraph import NamedNode
from scipy.spatial.distance import pdist, squareform

TBOX = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Tree rdfs:subClassOf :Plant . :Flower rdfs:subClassOf :Plant . :Car a owl:Class . :Dog a owl:Class . :Cup a owl:Class .
"""
KINDS = ("tree", "car", "dog", "cup")


def test_silhouette_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    points, labels = rng.random((40, 3)), np.concatenate([rng.integers(0, 4, 38), [7, 9]])
    expected = metrics.silhouette_score(points, labels)
    assert mean_silhouette(squareform(pdist(points)), labels) == pytest.approx(expected)


@pytest.mark.parametrize("clusters", [2, 3, 4])
def test_clusters_that_are_there_are_found(clusters):
    rng = np.random.default_rng(clusters)
    truth = np.repeat(np.arange(clusters), [20, 15, 12, 10][:clusters])
    centres = rng.normal(size=(clusters, 12)) * 6
    order = rng.permutation(len(truth))
    found = divide((centres[truth] + rng.normal(size=(len(truth), 12)))[order])
    assert found.clusters.tolist() == truth[order].tolist()  # numbered by size, as the truth is
    assert found.silhouette > 0.5


def test_one_cloud_is_one_facet():
    """The test has level 1 in 20: of 40 clouds at most a few are divided."""
    divided = [divide(np.random.default_rng(seed).normal(size=(40, 6)), seed=(seed,)).count > 1 for seed in range(40)]
    assert sum(divided) <= 6


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_patches_are_one_facet(count):
    assert divide(np.random.default_rng(0).random((count, 4))).clusters.tolist() == [0] * count
    assert divide(np.ones((30, 4))).count == 1


def write_kb(folder):
    (folder / "toy.ttl").write_text(TBOX)
    build_owl([folder / "toy.ttl"], folder / "kb")
    images = [
        AnnotatedImage(f"i{n}", None, (AnnotatedObject("0", (KINDS[n % 4],)), AnnotatedObject("1", ("flower",))))
        if n % 8 == 1
        else AnnotatedImage(f"i{n}", None, (AnnotatedObject("0", (KINDS[n % 4],)),))
        for n in range(160)
    ]
    annotate(KB.open(folder / "kb", writable=True), images, dataset="toy", origin="test")
    return KB.open(folder / "kb", writable=True)


def write_activations(folder, scale=1.0):
    rng = np.random.default_rng(5)
    kind = np.arange(160) % 4
    values = np.zeros((160, 30))
    values[:, 0] = np.where(kind < 3, 5, 0) + rng.random(160)
    values[:, 1] = np.where(kind == 0, 5, 0) + rng.random(160)
    values[:, 2:] = 3 * (np.arange(28) % 4 == kind[:, None]) + rng.random((160, 28)) + 0.01
    with ActivationWriter(folder) as writer:
        rows_ = [(f"i{n}", f"i{n}.png", "", f"scene {k}") for n, k in enumerate(kind)]
        writer.append((scale * values).astype(np.float32), rows_, "toy")
        writer.publish(model="m", layer="l", reduce="max", request_sha256="", seed=0, holdout=0.5, software={})
    return Activations.open(folder)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Unit 0 fires for trees, cars and dogs, 1 for trees alone; the others tell the four kinds apart."""
    folder = tmp_path_factory.mktemp("toy")
    return folder, write_kb(folder), write_activations(folder / "acts")


def test_facets_and_labels_of_a_known_rule(toy):
    _, kb, acts = toy
    measures = measure_layer(acts, top=40)
    units = find_facets(acts, measure_layer(acts, top=100).best, units=[0, 1])
    kinds = [[{row % 4 for row in facet.rows.tolist()} for facet in unit.facets] for unit in units]
    # Of unit 0's 100 top images all are trees, cars and dogs; unit 1's are 40 trees and any others.
    assert sorted(map(sorted, kinds[0])) == [[0], [1], [2]]
    assert all(acts.images[row].split == "induction" for unit in units for facet in unit.facets for row in facet.rows)
    labels = label_facets(kb, acts, units[:1], options=InductionOptions(max_atoms=1))
    assert sorted(label.solution["english"] for label in labels) == [
        "an image that contains a car", "an image that contains a dog", "an image that contains a tree",
    ]  # fmt: skip
    assert all(label.status == "labelled" and label.solution["f1"] == 1 for label in labels)
    for label in labels:
        held = [n for n, image in enumerate(acts.images) if image.split == "holdout"]
        targets = [n for n in held if n % 4 == label.facet.rows[0] % 4]
        assert (label.verdict.target_images, label.verdict.non_target_images) == (
            len(targets),
            len(held) - len(targets),
        )
        assert label.verdict.verdict == "confirmed"
    assert measures.selectivity.units[0].flatness > measures.selectivity.units[1].flatness


def test_facets_of_two_activations_of_a_layer_are_not_added_up(tmp_path):
    kb = write_kb(tmp_path)
    settings = FacetSettings(top=100, units=(0,), options=InductionOptions(max_atoms=1))
    for scale in (1.0, 2.0):
        analyse_layer(write_activations(tmp_path / f"acts-{scale}", scale), settings, kb=kb)
    names, answers = rows(run_query(kb, "facets-under", {"concept": "Plant"}))
    assert [row[names.index("facets")].value for row in answers] == ["3"]


def test_triples_and_the_question(toy, tmp_path):
    _, kb, acts = toy
    settings = FacetSettings(top=100, units=(0, 1), options=InductionOptions(max_atoms=1))
    found = analyse_layer(acts, settings, kb=kb)
    unit = found.record["units"][0]
    assert [facet["status"] for facet in unit["facets"]] == ["labelled"] * 3
    assert sum(facet["images"] for facet in unit["facets"]) == len({m for f in unit["facets"] for m in f["members"]})
    names, answers = rows(run_query(kb, "facets-under", {"concept": "Plant"}))
    table = [dict(zip(names, (term.value for term in row), strict=True)) for row in answers]
    assert [(row["unit"], row["facets"], row["label"], row["verdict"]) for row in table] == [
        # Cars and dogs excite unit 0, too, so that trees alone are no confirmed label of it.
        ("0", "3", "an image that contains a tree", "gate only"),
        ("1", "4", "an image that contains a tree", "confirmed"),
    ]
    measured = "SELECT ?g WHERE { ?s a nl:Selectivity ; nl:ofUnit/nl:unitNumber 1 ; nl:gini ?g }"
    _, ((gini,),) = rows(run_query(kb, measured))
    assert float(gini.value) == found.record["units"][1]["gini"]
    before = len(list(kb.store)), kb.digest
    assert analyse_layer(acts, settings, kb=kb).record == found.record
    assert (len(list(kb.store)), kb.digest) == before
    assert sum(entry.name == facets_graph(acts) for entry in kb.entries) == 1

    own = "https://w3id.org/neurontology/"
    written = {node.value for quad in kb.store for node in (quad.predicate, quad.object) if isinstance(node, NamedNode)}
    terms = {term.removeprefix(own) for term in written if term.startswith(own) and "/" not in term.removeprefix(own)}
    text = vocabulary_turtle()
    assert terms >= {"Facet", "Selectivity", "facet", "facetNumber", "facetImages", "topImages", "gini", "concept"}
    assert terms >= {"spectralFlatness", "multifacetedness", "multifacetedP", "faceted", "status", "verdict"}
    assert [term for term in sorted(terms) if f"\nnl:{term} a " not in text] == []

    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        write_facets(tmp_path / name, [found, found])
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert {"facets.json", "units.csv", "density.png", "counts.png", "similarity.png"} <= {str(f) for f in files}
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    pearson = np.load(tmp_path / "one" / "l-1" / "pearson.npy")
    np.testing.assert_allclose(pearson, np.corrcoef(found.measures.cooccurrence.counts), atol=1e-12)
    with pytest.raises(UsageError, match="exists"):
        write_facets(tmp_path / "one", [found])


def test_facets_without_examples_say_why(toy):
    _, kb, acts = toy
    # Every image activates units 2… above 0 of the maximum, so there is no negative one.
    units = find_facets(acts, measure_layer(acts, top=100).best, units=[2])
    assert {label.status for label in label_facets(kb, acts, units, negative=0)} == {
        "no negatives: every image activates the unit above the negative threshold"
    }
    two = acts.rows("induction")[:2].astype(np.int64)
    (label,) = label_facets(kb, acts, [UnitFacets(0, (Facet(0, 1, two),), None)])
    assert (label.status, label.solution, label.verdict) == ("too few positives: 2 of the 3 needed", None, None)
    with pytest.raises(UsageError, match="share of the maximum"):
        label_facets(kb, acts, units, negative=1.5)


def test_what_is_negated_is_no_concept_of_a_facet():
    expression = parse("contains some (Tree and not Car) or not (contains some Dog)", "manchester", lambda n: f"x:{n}")
    assert affirmed_classes(expression) == ["x:Tree"]
