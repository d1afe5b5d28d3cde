"""`label --entailment`: the solutions of all units in the open world, asked about at once, as if each was alone."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import run, succeed
from elk_installed import elk_or_skip
from neurontology.bridge.run import open_run, read_expression
from neurontology.ontology.expression import Named, Role, Some
from neurontology.ontology.kb import KB
from neurontology.reasoner.entailment import check_entailment

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
EX = "http://example.org/"
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :has a owl:ObjectProperty . :Car a owl:Class .
:Bus a owl:Class . :Tree a owl:Class . :Trip rdfs:subClassOf
[ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Car ] .
"""
IMAGES = 24


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unit 0 fires for cars, unit 1 for buses, unit 2 for nothing; a trip has some car that no annotation names."""
    path = tmp_path_factory.mktemp("open")
    facts, rows = [HEAD], ["0,1,2,Class_names,Filenames"]
    for i in range(IMAGES):
        kind = ("Car", "Bus", "Tree")[i % 3]
        facts.append(f":im{i} :has :o{i} . :o{i} a :{kind} .")
        if i % 6 == 2:
            facts.append(f":im{i} a :Trip .")
        rows.append(f"{9.0 if kind == 'Car' else 0.5},{9.0 if kind == 'Bus' else 0.5},0,street,im{i}.jpg")
    (path / "o.ttl").write_text("\n".join(facts))
    (path / "acts.csv").write_text("\n".join(rows) + "\n")
    succeed("kb", "build", "owl", path / "o.ttl", "--out", path / "kb")
    succeed("activations", "import", path / "acts.csv", "--out", path / "acts", "--layer", "dense", "--holdout", 0)
    return path


def check_run(place: Path, out: str, reasoner: str) -> None:
    """The entailments of a run are those of each unit's own problem, as the library finds them."""
    kb, saved = KB.open(place / "kb"), open_run(place / out)
    for unit, kind in zip(saved.units, ("Car", "Bus"), strict=False):
        sides = [[], []]
        for i in range(IMAGES):
            sides[("Car", "Bus", "Tree")[i % 3] != kind].append(f"{EX}im{i}")
        asked = [read_expression(s["expression"]) for s in unit["solutions"]]
        alone = check_entailment(kb, asked, *sides, reasoner=reasoner).expressions
        assert [s["entailment"] for s in unit["solutions"]] == [e.to_json() for e in alone]


@pytest.fixture(scope="module")
def printed(place: Path) -> str:
    options = ("--top", 4, "--out", place / "run", "--entailment", "hermit")
    return succeed("label", "--kb", place / "kb", "--activations", place / "acts", *options)


def test_the_record_says_what_follows(place: Path, printed: str) -> None:
    first = open_run(place / "run").units[0]["solutions"][0]
    assert read_expression(first["expression"]) == Some(Role(EX + "has"), Named(EX + "Car"))
    entailment = first["entailment"]
    trips = sorted(f"{EX}im{i}" for i in range(2, IMAGES, 6))
    assert entailment["only_open_world"] == trips
    assert (entailment["differs"], entailment["tp"], entailment["fp"]) == (True, first["tp"], len(trips))
    assert f"differs: -0 +{len(trips)}" in printed
    assert "agrees" in printed
    check_run(place, "run", "hermit")


def test_an_update_keeps_labels_but_not_what_a_reasoner_said(place: Path, printed: str) -> None:
    told = json.loads(succeed("label", "--update", place / "run", "--out", place / "updated", "--json"))
    assert told["induced"] == []
    plain = open_run(place / "updated").units
    with_answers = open_run(place / "run").units
    assert [s["dl"] for s in plain[0]["solutions"]] == [s["dl"] for s in with_answers[0]["solutions"]]
    assert not any("entailment" in s for unit in plain for s in unit["solutions"])


def test_elk_is_asked_what_el_can_say(place: Path) -> None:
    elk_or_skip()
    options = ("--top", 4, "--out", place / "elk", "--entailment", "elk", "--json")
    units = json.loads(succeed("label", "--kb", place / "kb", "--activations", place / "acts", *options))["units"]
    assert units[0]["solutions"][0]["entailment"]["differs"]
    assert any("not_asked" in s["entailment"] for unit in units for s in unit["solutions"])
    check_run(place, "elk", "elk")


def test_no_such_reasoner(place: Path) -> None:
    options = ("--out", place / "none", "--entailment", "hermitt")
    result = run("label", "--kb", place / "kb", "--activations", place / "acts", *options)
    assert result.returncode == 2
    assert "hermit" in result.stderr
    assert not (place / "none").exists()
