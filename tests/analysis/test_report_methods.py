"""Facets and descriptions in a report: what is read, what is refused; images and thresholds of the user's."""

import base64
import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from neurontology.analysis.report import write_report
from neurontology.analysis.report_methods import EXAMPLES, read_methods
from neurontology.analysis.report_patches import BUDGET, FEWEST, patch_strips
from neurontology.analysis.report_thumbnails import make_thumbnails
from neurontology.analysis.run_verification import verify_run
from neurontology.analysis.verification import Criteria
from neurontology.bridge.example_rules import Thresholds
from neurontology.bridge.importers import import_activations
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.reasoner.learning import InductionOptions
from PIL import Image
from saved_run import saved_run

N = "http://example.org/"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A layer of three units: cats, dogs, never."""
    folder = tmp_path_factory.mktemp("case")
    rng = np.random.default_rng(2)
    with (folder / "acts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([0, 1, 2, "path", "class"])
        for number in range(40):
            kind = ("cat", "dog")[number % 2]
            values = [4 * (kind == "cat") + rng.random(), 4 * (kind == "dog") + rng.random(), 0]
            table.writerow([*values, f"{kind}s/im{number:02d}.png", kind])
            (folder / "photos" / f"{kind}s").mkdir(parents=True, exist_ok=True)
            picture = Image.new("RGB", (400, 300), (10 * number % 255, 90, 200))
            picture.save(folder / "photos" / f"{kind}s" / f"im{number:02d}.png")
    activations = import_activations(folder / "acts.csv", folder / "acts", holdout=0.5, seed=1, model="m", layer="l")
    lines = ["@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += [f"<{N}{low}> a owl:Class ; rdfs:subClassOf <{N}Animal> ." for low in ("Cat", "Dog")]
    lines += [f"<{N}Animal> rdfs:subClassOf <{N}Organism> ."]
    lines += [f"<{N}im{number:02d}> a <{N}{('Cat', 'Dog')[number % 2]}> ." for number in range(40)]
    (folder / "kb.ttl").write_text("\n".join(lines))
    kb = build_owl([folder / "kb.ttl"], folder / "kb")
    thresholds, options = Thresholds(positive=0.6, negative=0.4), InductionOptions(max_atoms=1)
    run = saved_run(folder / "run", kb, activations, thresholds, options)
    return run, kb, activations, folder


def facet(number: int, images: int, **more) -> dict:
    members = [f"im{place:02d}" for place in range(images)]
    return {"facet": number, "images": images, "members": members, "classes": {"cat": images}, **more}


def facets_file(path: Path, facets: list[dict], layer: str = "l", model: str = "m") -> Path:
    measures = {"images": 9, "gini": 0.5, "flatness": 0.4, "ratio": 0.8, "multifacetedness": 1, "p": 0.01}
    unit = {"unit": 0, **measures, "faceted": "multi", "silhouette": None, "facets": facets}
    silent = {**unit, "unit": 2, "gini": None, "p": None, "faceted": "neither"}
    del silent["facets"]
    path.write_text(json.dumps({"layer": layer, "model": model, "facets_of": "images", "units": [unit, silent]}))
    return path


def test_facets_with_and_without_labels(case, tmp_path):
    run, kb, activations, _ = case
    solution = {"english": "a dog", "manchester": "Dog", "expression": f"<{N}Dog>"}
    verdict = {"verdict": "untestable: 1 target image, at least 3 needed"}
    facets = [
        facet(1, 9, status="labelled", label=solution, verdict=verdict),
        facet(2, 3, status="too few positives: 2 of the 3 needed", label=None, verdict=None),
        facet(3, 2),
    ]
    found = read_methods(run, kb, activations, facets=facets_file(tmp_path / "f.json", facets)).facets
    first, second, third = found[0].facets
    assert (first.label, first.verdict, first.relation) == ("a dog", "untestable", "sibling")
    assert first.reason == "1 target image, at least 3 needed"
    ids = [activations.images[row].id for row in first.rows]
    assert ids == [f"im{place:02d}" for place in range(EXAMPLES)]
    assert (second.label, second.verdict) == ("", "unlabelled") and second.reason.startswith("too few positives")
    assert (third.verdict, third.images) == ("", 2)
    assert "more classes than" in found[0].measures and "p\u00a0=\u00a00.010" in found[0].measures
    assert found[2].facets == () and found[2].measures == "No image excites this unit."


def test_what_is_refused(case, tmp_path):
    run, kb, activations, folder = case

    def read(**paths):
        return read_methods(run, kb, activations, **paths)

    with pytest.raises(UsageError, match="does not exist"):
        read(facets=tmp_path / "none.json")
    with pytest.raises(UsageError, match="has no layer 'l'"):
        read(facets=facets_file(tmp_path / "a.json", [], layer="other"))
    with pytest.raises(UsageError, match="of the model 'x'"):
        read(facets=facets_file(tmp_path / "b.json", [], model="x"))
    with pytest.raises(DataError, match="no image 'im99'"):
        read(facets=facets_file(tmp_path / "c.json", [{**facet(1, 3), "members": ["im99"]}]))
    with pytest.raises(DataError, match="no output of `facets --json`"):
        read(facets=facets_file(tmp_path / "d.json", [{"facet": 1}]))
    (tmp_path / "e.json").write_text('{"model": "m"}')
    with pytest.raises(DataError, match="no output of `describe --json`"):
        read(descriptions=tmp_path / "e.json")
    (tmp_path / "f.json").write_text('{"model": "m", "layers": [{"layer": "k"}]}')
    with pytest.raises(UsageError, match="describes no layer 'l'"):
        read(descriptions=tmp_path / "f.json")
    with pytest.raises(UsageError, match="no such folder"):
        write_report(run, kb, activations, tmp_path / "out", images=folder / "nowhere")
    assert not (tmp_path / "out").exists()


def sheet(facets: list[dict]) -> Image.Image:
    """As `facet_pictures` draws it: the red of a patch is its place, the green its facet."""
    bands = []
    for one in facets:
        drawn = min(one["images"], 20)
        band = np.full((-(-drawn // 10) * 50, 500, 3), 255, np.uint8)
        for place in range(drawn):
            top, left = divmod(place, 10)
            band[50 * top : 50 * top + 48, 50 * left : 50 * left + 48] = (10 * place, 50 * one["facet"], 0)
        bands += [band, np.full((6, 500, 3), 255, np.uint8)]
    return Image.fromarray(np.concatenate(bands[:-1]))


def test_patches_are_cut_out_of_the_pictures(case, tmp_path):
    run, kb, activations, _ = case
    facets = [facet(1, 23), facet(2, 12), facet(3, 4)]
    (tmp_path / "out" / "l" / "units").mkdir(parents=True)
    facets_file(tmp_path / "out" / "facets.json", facets)
    sheet(facets).save(tmp_path / "out" / "l" / "units" / "unit-0-patches.png")
    methods = read_methods(run, kb, activations, facets=tmp_path / "out")
    strips = patch_strips(methods)
    assert list(strips) == [(0, 1), (0, 2), (0, 3)]
    for (_, number), strip in strips.items():
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip.data)))).astype(int)
        count = min(facets[number - 1]["images"], 10)
        assert picture.shape == (48, 50 * count - 2, 3) and (strip.width, strip.height) == (50 * count - 2, 48)
        for place in range(count):
            centre = picture[24, 50 * place + 24]
            assert np.abs(centre - (10 * place, 50 * number, 0)).max() < 8
    sheet(facets[:1]).save(tmp_path / "out" / "l" / "units" / "unit-0-patches.png")
    with pytest.raises(DataError, match="not of these facets"):
        patch_strips(methods)
    (tmp_path / "out" / "l" / "units" / "unit-0-patches.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be decoded"):
        patch_strips(methods)


def test_many_facets_have_fewer_patches_each(case, tmp_path, monkeypatch):
    run, kb, activations, _ = case
    facets = [facet(1, 9), facet(2, 9)]
    (tmp_path / "out" / "l" / "units").mkdir(parents=True)
    facets_file(tmp_path / "out" / "facets.json", facets)
    sheet(facets).save(tmp_path / "out" / "l" / "units" / "unit-0-patches.png")
    methods = read_methods(run, kb, activations, facets=tmp_path / "out")
    assert BUDGET > 2 * 10
    for budget, number in ((12, 6), (1, FEWEST)):
        monkeypatch.setattr("neurontology.analysis.report_patches.BUDGET", budget)
        assert {strip.width for strip in patch_strips(methods).values()} == {50 * number - 2}


def test_images_of_a_folder(case, tmp_path):
    _, _, activations, folder = case
    assert set(make_thumbnails(activations, [0, 1]).missing.values()) == {"the activations do not say where it is"}
    sheet = make_thumbnails(activations, range(40), folder / "photos")
    assert len(sheet.thumbnails) == 40 and not sheet.missing
    # Moved: found by name, unless two have it.
    shutil.copytree(folder / "photos" / "cats", tmp_path / "moved" / "felines")
    (tmp_path / "moved" / "more").mkdir()
    shutil.copy(folder / "photos" / "cats" / "im02.png", tmp_path / "moved" / "more")
    sheet = make_thumbnails(activations, [0, 1, 2], tmp_path / "moved")
    named = {activations.images[row].id: reason for row, reason in sheet.missing.items()}
    assert named == {
        "im01": "no file in the folder has its name",
        "im02": "several files in the folder have its name",
    }


def test_many_images_are_smaller(case, monkeypatch):
    _, _, activations, folder = case
    assert {t.width for t in make_thumbnails(activations, range(5), folder / "photos").thumbnails.values()} == {128}
    monkeypatch.setattr("neurontology.analysis.report_thumbnails.SIZES", ((2, (128, 96)), (4, (60, 60))))
    for number, width in ((2, 128), (4, 60), (5, 60)):
        sheet = make_thumbnails(activations, range(number), folder / "photos")
        assert {thumbnail.width for thumbnail in sheet.thumbnails.values()} == {width}


def test_the_threshold_is_that_of_the_verdicts(case, tmp_path):
    run, kb, activations, _ = case
    page = write_report(run, kb, activations, tmp_path / "out", threshold=4.5)
    with (tmp_path / "out" / "units.csv").open() as file:
        table = {int(line["unit"]): line for line in csv.DictReader(file)}
    rows = {row.unit: row for row in verify_run(run, kb, activations, Criteria(threshold=4.5))}
    plain = {row.unit: row for row in verify_run(run, kb, activations)}
    assert any(rows[unit].target_percent != plain[unit].target_percent for unit in rows)
    for unit, row in rows.items():
        assert table[unit]["target_percent"] == str(row.target_percent) and table[unit]["verdict"] == row.verdict
    assert "activate the unit above 4.5" in page.read_text(encoding="utf-8")
