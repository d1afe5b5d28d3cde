"""`neurontology images fetch` as a user meets it, against a wiki on this machine."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import refuse, run, succeed
from commons_server import Category, Commons, File, Trouble, picture, running
from neurontology.analysis.concept_folders import find_concept_folders
from neurontology.bridge.web import ATTEMPTS
from neurontology.ontology.kb import KB

TBOX = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Bus rdfs:subClassOf :Motor_vehicle . :Tree rdfs:subClassOf :Plant . :Motor_vehicle a owl:Class .
"""


@pytest.fixture
def commons() -> Iterator[Commons]:
    with running(Commons()) as server:
        for first, name in ((1, "Buses"), (20, "Trees"), (40, "Bus")):
            server.categories[name] = Category(
                [File(n, f"File:{name} {n}.jpg", picture((n, 9, 9))) for n in range(first, first + 4)]
            )
        yield server


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    (tmp_path / "toy.ttl").write_text(TBOX)
    succeed("kb", "build", "owl", tmp_path / "toy.ttl", "--out", tmp_path / "kb")
    return tmp_path / "kb"


def test_fetching_writes_folders_that_verify_reads(commons: Commons, kb: Path, tmp_path: Path) -> None:
    out = tmp_path / "images"
    options = ("--out", out, "--kb", kb, "--limit", 3, "--pause", 0, "--api", commons.api)
    record = json.loads(succeed("images", "fetch", "Motor vehicle=Buses", "bus=Bus", *options, "--json"))
    assert record["out"] == str(out) and record["attribution"] == str(out / "attribution.csv")
    assert record["concepts"] == [
        {
            "concept": concept,
            "folder": concept,
            "category": category,
            "near": [],
            "images": 3,
            "fetched": 3,
            "left_out": {},
        }
        for concept, category in (("Motor vehicle", "Category:Buses"), ("bus", "Category:Bus"))
    ]
    folders = find_concept_folders(out, KB.open(kb))
    assert {name: folder.classes for name, folder in folders.folders.items()} == {
        "Motor vehicle": (("http://example.org/Motor_vehicle",),),
        "bus": (("http://example.org/Bus",),),
    }
    assert len(folders.images) == 6


def test_the_concepts_of_a_run(commons: Commons, kb: Path, tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as objects, (tmp_path / "acts.csv").open("w", newline="") as acts:
        annotated, rows = csv.writer(objects), csv.writer(acts)
        annotated.writerow(("image", "object"))
        rows.writerow(("0", "Class_names", "Filenames"))
        for n in range(40):
            annotated.writerow((f"im{n}", "Bus" if n % 2 else "Tree"))
            rows.writerow((float(n % 2), "x", f"im{n}.jpg"))
    succeed("kb", "annotate", kb, "csv", tmp_path / "a.csv", "--name", "toy")
    succeed("activations", "import", tmp_path / "acts.csv", "--out", tmp_path / "acts")
    labels = ("label", "--kb", kb, "--activations", tmp_path / "acts", "--max-atoms", 1, "--out", tmp_path / "run")
    succeed(*labels)
    out = tmp_path / "images"
    options = ("--run", tmp_path / "run", "--out", out, "--limit", 2, "--pause", 0, "--api", commons.api)
    record = json.loads(succeed("images", "fetch", *options, "--json"))
    labelled = json.loads((tmp_path / "run" / "labels.json").read_text())["units"][0]["solutions"][0]["expression"]
    names = [one["concept"] for one in record["concepts"]]
    assert names and all(f"<http://example.org/{name}>" in labelled for name in names)
    assert sorted(p.name for p in out.iterdir() if p.is_dir() and p.name[0] != ".") == sorted(names)


def test_who_asks_is_said(commons: Commons, tmp_path: Path) -> None:
    options = ("--limit", 1, "--pause", 0, "--api", commons.api)
    result = run("images", "fetch", "Buses", "--out", tmp_path / "a", *options)
    assert result.returncode == 0 and "without --contact" in result.stderr
    assert "authors and licences are in" in result.stdout and "Category:Buses" in result.stdout
    commons.seen.clear()
    result = run(
        "images", "fetch", "Buses", "--out", tmp_path / "b", *options, NEURONTOLOGY_CONTACT="https://me.example.org/bot"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert all("; https://me.example.org/bot) Python-urllib/" in headers["User-Agent"] for _, headers in commons.seen)
    assert "is no contact" in refuse(2, "images", "fetch", "Buses", "--out", tmp_path / "c", *options, "--contact", "(")


def test_errors_are_one_paragraph(commons: Commons, kb: Path, tmp_path: Path) -> None:
    options = ("--out", tmp_path / "x", "--pause", 0, "--contact", "me@example.org", "--api", commons.api)
    error = refuse(2, "images", "fetch", "Bused", "Trees", *options)
    assert "1 of 2 categories do not exist: Category:Bused (near it: Buses)" in error and "NAME=CATEGORY" in error
    assert "there is no concept to fetch images of" in refuse(2, "images", "fetch", *options)
    error = refuse(2, "images", "fetch", "Buses", *options, "--kb", kb)
    assert "there is no class 'Buses'" in error and "NAME=CATEGORY" in error
    assert "is not the address of an API" in refuse(2, "images", "fetch", "Buses", *options[:-1], "commons")
    commons.troubles += [Trouble("api.php", 503, {"Retry-After": "0"})] * ATTEMPTS
    assert "503 Service Unavailable" in refuse(1, "images", "fetch", "Buses", *options)
    assert not (tmp_path / "x").exists()
    result = run("images", "fetch", "Buses", "Bused", *options, "--skip-missing", "--limit", 9, "--json")
    assert result.returncode == 0
    assert "Bused has no category; near it: Buses" in result.stderr
    assert "Buses has 4 images, not 9" in result.stderr
    assert [one["images"] for one in json.loads(result.stdout)["concepts"]] == [4, 0]
