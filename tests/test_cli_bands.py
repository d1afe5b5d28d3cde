"""`label --rule`, `bands`, `across` and `compare` of many runs, run for real."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import answer, run
from neurontology.bridge.importers import import_activations
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """Two knowledge bases and the activations of two layers."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Bus rdfs:subClassOf :Vehicle . :Sky rdfs:subClassOf :Nature . :Dog rdfs:subClassOf :Animal .\n"
    )
    (folder / "p.ttl").write_text("@prefix : <http://example.org/> . :Sky a <http://www.w3.org/2002/07/owl#Class> .\n")
    rng = np.random.default_rng(2)
    rows, images = [], []
    for i in range(80):
        names = [name for name in ("bus", "sky", "dog") if rng.random() < 0.5]
        images.append(AnnotatedImage(f"im{i}", None, tuple(AnnotatedObject(name, (name,)) for name in names)))
        level = 8 if "bus" in names else 4 if "dog" in names else 1
        rows.append([round(level + rng.random(), 3), round(5 * ("sky" in names) + 5 * rng.random(), 3), f"im{i}.jpg"])
    for layer, swap in (("one", False), ("two", True)):
        with (folder / f"{layer}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([0, 1, "Class_names", "Filenames"])
            writer.writerows([*((b, a) if swap else (a, b)), "scene", name] for a, b, name in rows)
        import_activations(folder / f"{layer}.csv", folder / layer, holdout=0.5, seed=1, layer=layer)
    for source, kb in (("o", "kb"), ("p", "other")):
        build_owl([folder / f"{source}.ttl"], folder / kb)
        annotate(KB.open(folder / kb, writable=True), images, dataset="scenes", origin="test")
    return folder


def test_a_rule_is_kept_by_the_run_and_honoured_by_verify_and_update(inputs: Path, tmp_path: Path) -> None:
    common = ("--kb", inputs / "kb", "--activations", inputs / "one", "--out")
    by_numbers = answer("label", *common, tmp_path / "numbers", "--rule", "top8/15")
    assert by_numbers["units"][0]["positives"] == 8
    config = json.loads((tmp_path / "numbers" / "run.json").read_text())["config"]["thresholds"]
    assert config == {"positive": 8.0, "negative": 15.0, "min_positives": 3, "rule": "top"}

    by_band = answer("label", *common, tmp_path / "band", "--rule", "40-70", "--units", 0)
    (unit,) = by_band["units"]
    assert "dog" in unit["solutions"][0]["english"]
    verified = answer("verify", tmp_path / "band")
    assert verified["settings"]["test"].startswith("one-sided Fisher")
    (row,) = verified["rows"]
    assert (row["gate"], row["verdict"]) == (None, "confirmed")
    again = answer("label", "--update", tmp_path / "band", "--out", tmp_path / "again")
    assert again["induced"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rule", "20/80"], "'20/80' defines no example sets"),
        (["--rule", "80/20", "--positive", "0.9"], "--rule says what --positive and --negative say"),
        (["--rule", "20-40", "--score", "auroc"], "not about the band 20-40"),
    ],
)
def test_wrong_rules_are_refused(inputs: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = run("label", "--kb", inputs / "kb", "--activations", inputs / "one", "--out", tmp_path / "x", *options)
    assert (result.returncode, message in " ".join(result.stderr.split())) == (2, True), result.stderr
    assert not (tmp_path / "x").exists()


def test_bands_have_labels_of_their_own(inputs: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "bands", tmp_path / "bands.svg"
    found = answer(
        "bands", inputs / "kb", inputs / "one", "--out", out, "--bands", "3", "--plot", plot, "--units", "0-1"
    )
    labels = [band["label"] for band in found["units"][0]["bands"]]
    assert "bus" in labels[2]
    assert len(set(labels)) == 3
    assert {path.name for path in out.iterdir()} == {"1of3", "2of3", "3of3", "bands.json", "sweep.json"}
    assert plot.read_text().lstrip().startswith("<?xml")
    shown = run("bands", inputs / "kb", inputs / "one", "--out", tmp_path / "again", "--bands", "10-60,60-100")
    assert shown.returncode == 0, shown.stderr
    assert "Holm over all bands and units" in " ".join(shown.stdout.split())
    result = run("bands", inputs / "kb", inputs / "one", "--out", tmp_path / "x", "--bands", "80/20")
    assert (result.returncode, "is no band" in result.stderr) == (2, True)


def test_networks_and_knowledge_side_by_side(inputs: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "across", tmp_path / "across.svg"
    kbs = ("--kb", inputs / "kb", "--kb", inputs / "other")
    layers = ("--activations", inputs / "one", "--activations", inputs / "two")
    found = answer("across", *kbs, *layers, "--out", out, "--max-atoms", 1, "--plot", plot)
    assert [row["name"] for row in found["runs"]] == ["kb-one", "kb-two", "other-one", "other-two"]
    assert plot.is_file()
    compared = answer("compare", out / "kb-one", out / "kb-two", out / "other-two", "--plot", tmp_path / "c.png")
    assert [row["confirmed"] for row in compared["runs"]] == [found["runs"][k]["confirmed"] for k in (0, 1, 3)]
    assert (tmp_path / "c.png").is_file()
    pair = answer("compare", out / "kb-one", out / "kb-two", "--record")
    assert pair["first"]["run"].endswith("kb-one")
    assert [row["name"].rpartition("/")[2] for row in pair["runs"]] == ["kb-one", "kb-two"]
    query = "SELECT ?c WHERE { ?c a nl:Comparison ; nl:digest ?d }"
    told = run("sparql", inputs / "kb", query, "--format", "csv").stdout.split()
    assert len(told) == 3  # the header, and the comparisons of four and of two runs
    shown = run("compare", out / "kb-one", out / "kb-two", out / "other-one")
    assert (shown.returncode, "95 % bootstrap intervals" in " ".join(shown.stdout.split())) == (0, True), shown.stderr


def test_wrong_comparisons_are_refused(inputs: Path, tmp_path: Path) -> None:
    one = ("across", "--kb", inputs / "kb", "--activations", inputs / "one", "--out", tmp_path / "x")
    for arguments, message in (
        (one, "nothing to compare"),
        ((*one, "--plot", "x.doc"), "no name of a plot"),
        (("compare", inputs / "kb"), "one run alone"),
    ):
        result = run(*arguments)
        assert (result.returncode, message in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "x").exists()
