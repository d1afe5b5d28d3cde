"""Permutation p-values on the command line: induce and label, records, triples, tables, the report, an update."""

import csv
import json
import random
import re
from pathlib import Path

import pytest
from command_line import run, succeed

TURTLE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . :has a owl:ObjectProperty .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree a owl:Class . :Dog a owl:Class .
"""
CHANCE = {"permutation_p", "permutations", "permutation_hits", "permutations_undecided", "permutation_seed"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Individuals whose examples are the cars (problem) or are drawn by lot (noise)."""
    path, rng = tmp_path_factory.mktemp("permutations"), random.Random(3)
    kinds = {f"i{i}": rng.choice(["Car", "Bus", "Tree", "Dog"]) for i in range(60)}
    facts = "".join(f":{i} :has :o{i} . :o{i} a :{c} .\n" for i, c in kinds.items())
    (path / "o.ttl").write_text(TURTLE + facts)
    cars = {i for i, c in kinds.items() if c == "Car"}
    lot = set(rng.sample(sorted(kinds), 20))
    for name, positives in (("cars", cars), ("lot", lot)):
        (path / f"{name}.txt").write_text("\n".join(sorted(positives)))
        (path / f"not-{name}.txt").write_text("\n".join(sorted(set(kinds) - positives)))
    return path


def induce(folder: Path, name: str, *options: object) -> str:
    lists = ("--positives", folder / f"{name}.txt", "--negatives", folder / f"not-{name}.txt")
    return succeed("induce", "--kb", folder / "o.ttl", *lists, *options)


@pytest.mark.parametrize("strategy", ["exact", "beam"])
def test_induce_tells_a_rule_from_chance(folder: Path, strategy: str) -> None:
    options = ("--permutations", 99, "--seed", 7, "--strategy", strategy, "--json")
    rule, lot = (json.loads(induce(folder, name, *options)) for name in ("cars", "lot"))
    assert set(rule) >= CHANCE
    assert (rule["permutation_p"], rule["permutations"], rule["permutation_hits"]) == (0.01, 99, 0)
    assert (rule["permutations_undecided"], rule["permutation_seed"]) == (0, 7)
    assert lot["permutation_p"] > 0.1
    assert lot["permutation_hits"] == 10 and lot["permutations"] < 99  # drawing stopped early
    assert lot["permutation_p"] == 10 / lot["permutations"]


def test_induce_prints_the_test_where_it_was_asked_for(folder: Path) -> None:
    told = induce(folder, "cars", "--permutations", 19)
    assert "Permutation test: p = 0.05; 0 of 19 permutations of the examples score as well." in told
    assert "Permutation test" not in induce(folder, "cars")
    plain = json.loads(induce(folder, "cars", "--json"))
    assert (plain["permutation_p"], plain["permutations"]) == (None, 0)


def test_ecii_mode_has_no_permutation_test(folder: Path) -> None:
    lists = ("--positives", folder / "cars.txt", "--negatives", folder / "not-cars.txt")
    refused = run("induce", "--kb", folder / "o.ttl", *lists, "--strategy", "ecii", "--permutations", 9)
    assert refused.returncode == 2
    assert "the strategy ecii has no permutation test" in refused.stderr


@pytest.fixture(scope="module")
def loop(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base with annotated images; unit 0 fires for cars, unit 1 for pictures drawn by lot."""
    path, rng = tmp_path_factory.mktemp("loop"), random.Random(4)
    scenes = path / "scenes" / "street"
    scenes.mkdir(parents=True)
    rows = ["0,1,Class_names,Filenames"]
    for i in range(120):
        kinds = [k for k in ("car", "bus", "tree", "dog") if rng.random() < 0.4] or ["tree"]
        (scenes / f"im{i}_atr.txt").write_text(
            "".join(f'{j:03} # 0 # 0 # {k} # {k} # ""\n' for j, k in enumerate(kinds))
        )
        rows.append(f"{9.0 if 'car' in kinds else 0.5},{9.0 if rng.random() < 0.25 else 0.5},street,im{i}.jpg")
    (path / "acts.csv").write_text("\n".join(rows) + "\n")
    succeed("kb", "build", "owl", folder / "o.ttl", "--out", path / "kb")
    succeed("kb", "annotate", path / "kb", "ade20k", path / "scenes")
    succeed("activations", "import", path / "acts.csv", "--out", path / "acts", "--layer", "dense")
    return path


def label(loop: Path, out: str, *options: object) -> str:
    return succeed(
        "label",
        "--kb",
        loop / "kb",
        "--activations",
        loop / "acts",
        "--permutations",
        99,
        "--out",
        loop / out,
        *options,
    )


def test_label_records_the_test_everywhere(loop: Path) -> None:
    printed = label(loop, "run", "--jobs", 1)
    assert "1 of 2 score better than chance: permutation p <= 0.05, not corrected for the number of units" in printed
    units = json.loads((loop / "run" / "labels.json").read_text())["units"]
    assert all(set(unit) >= CHANCE for unit in units)
    rule, lot = units
    assert (rule["permutation_p"], rule["permutations"]) == (0.01, 99)
    assert lot["permutation_p"] > 0.05
    config = json.loads((loop / "run" / "run.json").read_text())["config"]["options"]
    assert (config["permutations"], config["seed"]) == (99, 0)

    table = list(csv.DictReader((loop / "run" / "labels.csv").read_text().splitlines()))
    assert [float(row["permutation_p"]) for row in table] == [rule["permutation_p"], lot["permutation_p"]]

    found = json.loads(succeed("sparql", loop / "kb", "beyond-chance", "--format", "json"))["results"]["bindings"]
    assert [(b["unit"]["value"], float(b["permutationP"]["value"])) for b in found] == [("0", 0.01)]
    settings = json.loads(
        succeed(
            "sparql", loop / "kb",
            "SELECT ?value WHERE { ?s mls:specifiedBy/rdfs:label 'permutations' ; mls:hasValue ?value }",
            "--format", "json",
        )
    )["results"]["bindings"]  # fmt: skip
    assert [b["value"]["value"] for b in settings] == ["99"]

    succeed("report", loop / "run", "--out", loop / "report")
    page = re.sub(r"\s+", " ", (loop / "report" / "index.html").read_text().replace("\xa0", " "))
    assert "Better than chance: p = 0.010, none of 99 permutations of the examples scores as well." in page
    assert page.count("No better than chance: p = ") == 1
    cards = list(csv.DictReader((loop / "report" / "units.csv").read_text().splitlines()))
    assert float(cards[0]["permutation_p"]) == 0.01


def test_threads_an_update_and_the_choice_of_units_leave_p_as_it_is(loop: Path, tmp_path: Path) -> None:
    first = json.loads(label(loop, "one", "--jobs", 1, "--json"))["units"]
    both = json.loads(label(loop, "two", "--jobs", 2, "--json"))["units"]
    alone = json.loads(label(loop, "alone", "--units", 1, "--json"))["units"]
    p_values = [{key: unit[key] for key in CHANCE} for unit in first]
    assert [{key: unit[key] for key in CHANCE} for unit in both] == p_values
    assert [{key: unit[key] for key in CHANCE} for unit in alone] == p_values[1:]
    (tmp_path / "more.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: "
        "<http://www.w3.org/2000/01/rdf-schema#> . :Tree rdfs:subClassOf :Plant .\n"
        ":Plant a <http://www.w3.org/2002/07/owl#Class> .\n"
    )
    succeed("kb", "extend", loop / "kb", tmp_path / "more.ttl")
    updated = json.loads(succeed("label", "--update", loop / "one", "--out", tmp_path / "updated", "--json"))["units"]
    anew = json.loads(
        succeed("label", "--kb", loop / "kb", "--activations", loop / "acts", "--permutations", 99,
                "--out", tmp_path / "anew", "--json")
    )["units"]  # fmt: skip
    assert [{key: unit[key] for key in CHANCE} for unit in updated] == [
        {key: unit[key] for key in CHANCE} for unit in anew
    ]
