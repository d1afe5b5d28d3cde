"""AUROC on the command line: as the score of `induce` and `label`, and as the order of solutions."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run, succeed
from sklearn.metrics import roc_auc_score

CORE = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree a owl:Class . :Dog a owl:Class .
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[set[str], float]]]:
    """A knowledge base and activations; for each image what it shows and how strongly it activates the unit."""
    path = tmp_path_factory.mktemp("auroc")
    scenes = path / "scenes" / "street"
    scenes.mkdir(parents=True)
    rng = np.random.default_rng(1)
    rows, images = ["0,Class_names,Filenames"], {}
    for i in range(80):
        shown = {o for o in ("car", "bus", "tree", "dog") if rng.random() < 0.4} or {"tree"}
        value = round(float(("car" in shown) * 2 + ("bus" in shown) + rng.normal(0, 1)), 4)
        lines = [f'{k:03} # 0 # 0 # {o} # {o} # ""' for k, o in enumerate(sorted(shown), 1)]
        (scenes / f"im{i}_atr.txt").write_text("\n".join(lines) + "\n")
        rows.append(f"{max(value, 0)},street,im{i}.jpg")
        images[f"im{i}"] = shown, max(value, 0)
    (path / "acts.csv").write_text("\n".join(rows) + "\n")
    (path / "core.ttl").write_text(CORE)
    succeed("kb", "build", "owl", path / "core.ttl", "--out", path / "kb")
    succeed("kb", "annotate", path / "kb", "ade20k", path / "scenes")
    succeed("activations", "import", path / "acts.csv", "--out", path / "acts", "--layer", "dense", "--holdout", "0")
    return path, images


def label(made: tuple[Path, dict], name: str, *options: object) -> dict:
    path, _ = made
    common = ("label", "--kb", path / "kb", "--activations", path / "acts", "--out", path / name, "--json")
    return json.loads(succeed(*common, *options))["units"][0]


def test_label_by_auroc_finds_and_records_it(made) -> None:
    path, images = made
    unit = label(made, "by-auroc", "--score", "auroc@0.1", "--max-atoms", 1, "--top", 3)
    assert (unit["score"], unit["proved_optimal"]) == ("auroc@0.1", True)
    values = [value for _, value in images.values()]
    expected = max(
        roc_auc_score([bool(kind & shown) != negated for shown, _ in images.values()], values)
        for kind in ({"car"}, {"bus"}, {"tree"}, {"dog"}, {"car", "bus"})
        for negated in (False, True)
    )
    best = unit["solutions"][0]
    assert best["auroc"] == best["score"] == unit["upper_bound"] == pytest.approx(expected, abs=1e-12)
    assert json.loads((path / "by-auroc" / "run.json").read_text())["config"]["options"]["score"] == "auroc@0.1"
    kept = json.loads((path / "by-auroc" / "labels.json").read_text())["units"][0]
    assert kept["solutions"] == unit["solutions"]
    query = "SELECT ?a { GRAPH ?g { ?l nl:rank 1 ; nl:auroc ?a } } ORDER BY DESC(?a) LIMIT 1"
    prefix = "PREFIX nl: <https://w3id.org/neurontology/> "
    found = json.loads(succeed("sparql", path / "kb", prefix + query, "--format", "json"))
    assert float(found["results"]["bindings"][0]["a"]["value"]) == best["auroc"]


def test_label_puts_solutions_in_the_order_of_auroc(made) -> None:
    path, _ = made
    plain = label(made, "plain", "--top", 6)["solutions"]
    again = label(made, "again", "--top", 6, "--rerank", "auroc")["solutions"]
    assert {s["dl"] for s in again} == {s["dl"] for s in plain}
    assert [s["rank"] for s in again] == [1, 2, 3, 4, 5, 6]
    assert [s["auroc"] for s in again] == sorted((s["auroc"] for s in plain), reverse=True)
    assert [s["dl"] for s in again] != [s["dl"] for s in plain]
    assert json.loads((path / "again" / "run.json").read_text())["config"]["options"]["rerank"] == "auroc"


def test_label_shows_auroc_in_its_table(made) -> None:
    path, _ = made
    out = succeed(
        "label", "--kb", path / "kb", "--activations", path / "acts", "--out", path / "table", "--score", "auroc"
    )
    assert "auroc" in out.splitlines()[0]


def test_induce_by_auroc_takes_the_examples_for_activations(made, tmp_path: Path) -> None:
    path, images = made
    cars = [i for i, (shown, _) in images.items() if "car" in shown]
    (tmp_path / "p.txt").write_text("\n".join(cars[:20]) + "\n")
    (tmp_path / "n.txt").write_text("\n".join([i for i in images if i not in cars][:20]) + "\n")
    arguments = ("induce", "--kb", path / "kb", "--positives", tmp_path / "p.txt", "--negatives", tmp_path / "n.txt")
    found = json.loads(succeed(*arguments, "--score", "auroc", "--json"))
    best = found["solutions"][0]
    assert (found["proved_optimal"], best["auroc"], best["fp"], best["fn"]) == (True, 1.0, 0, 0)
    assert "Car" in best["dl"]
    assert "proved: no expression" in succeed(*arguments, "--score", "auroc").lower()
    nothing = succeed(*arguments, "--score", "auroc@0.5", "--max-atoms", 1, "--operators", "and,or", "--top", 1)
    assert nothing


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--rerank", "f1"), "f1"),
        (("--score", "auroc@0.7"), "0.7"),
        (("--score", "aurok"), "auroc"),
    ],
)
def test_what_cannot_be_is_a_wrong_call(made, tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    path, _ = made
    result = run("label", "--kb", path / "kb", "--activations", path / "acts", "--out", tmp_path / "r", *options)
    assert result.returncode == 2
    assert words in result.stderr
    assert not (tmp_path / "r").exists()
