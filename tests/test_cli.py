"""The command line as a user meets it: output, JSON, exit codes, errors in one paragraph, nothing half-written."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run, succeed

TURTLE = """@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . :has a owl:ObjectProperty .
:Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree a owl:Class .
"""
OBJECTS = {"a": "Car", "b": "Bus", "c": "Tree", "d": "Tree", "e": "Car"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    facts = "".join(f":{i} :has :o{i} . :o{i} a :{c} .\n" for i, c in OBJECTS.items())
    (path / "o.ttl").write_text(TURTLE + facts)
    (path / "positives.txt").write_text("http://example.org/a\n# a comment\nb\n<http://example.org/e>\n")
    (path / "negatives.txt").write_text("c\nd\n")
    succeed("kb", "build", "owl", path / "o.ttl", "--out", path / "kb")
    return path


def test_info_has_the_keys_of_the_contract(folder: Path) -> None:
    info = json.loads(succeed("kb", "info", folder / "kb", "--json"))
    assert set(info) == {
        "classes", "subclass_axioms", "removed_edges", "roots", "depth", "individuals", "triples", "sources",
        "datasets", "extensions", "category_namespaces", "source_details",
    }  # fmt: skip
    assert (info["classes"], info["subclass_axioms"], info["individuals"]) == (4, 2, 10)


@pytest.mark.parametrize("source", ["kb", "o.ttl"])
def test_induce_prints_the_contract(folder: Path, source: str) -> None:
    lists = ("--positives", folder / "positives.txt", "--negatives", folder / "negatives.txt")
    found = json.loads(succeed("induce", "--kb", folder / source, *lists, "--json"))
    assert set(found) >= {
        "problem", "kb", "score", "strategy", "max_atoms", "individuals", "atoms", "elapsed_seconds",
        "proved_optimal", "upper_bound", "solutions",
    }  # fmt: skip
    best = found["solutions"][0]
    assert set(best) >= {
        "rank", "dl", "manchester", "english", "length", "f1", "accuracy", "balanced_accuracy", "precision",
        "recall", "iou", "tp", "fp", "tn", "fn", "equivalent",
    }  # fmt: skip
    assert (best["dl"], best["manchester"], best["length"]) == ("∃ has.Vehicle", "has some Vehicle", 3)
    assert (best["tp"], best["fp"], best["tn"], best["fn"], best["f1"]) == (3, 0, 2, 0, 1.0)
    assert found["proved_optimal"] is True
    assert found["individuals"] == 5
    table = succeed("induce", "--kb", folder / source, *lists)
    assert "∃ has.Vehicle" in table
    assert "proved" in table


def test_sparql_formats(folder: Path) -> None:
    query = "SELECT ?c WHERE { ?c rdfs:subClassOf <http://example.org/Vehicle> } ORDER BY ?c"
    results = json.loads(succeed("sparql", folder / "kb", query, "--format", "json"))
    assert [b["c"]["value"] for b in results["results"]["bindings"]] == [
        "http://example.org/Bus",
        "http://example.org/Car",
    ]
    assert succeed("sparql", folder / "kb", query, "--format", "csv").split() == [
        "c",
        "http://example.org/Bus",
        "http://example.org/Car",
    ]
    assert "Bus" in succeed("sparql", folder / "kb", query)
    (folder / "q.rq").write_text(query)
    assert "2 rows" in succeed("sparql", folder / "kb", folder / "q.rq")
    construct = "CONSTRUCT { ?c a owl:Class } WHERE { ?c rdfs:subClassOf ?p }"
    assert "a owl:Class" in succeed("sparql", folder / "kb", construct, "--format", "turtle")
    assert succeed("sparql", folder / "kb", "ASK { ?c rdfs:subClassOf ?p }").strip() == "true"
    assert "units-under" in succeed("sparql", folder / "kb")


def test_a_bound_value_is_a_term_and_never_query_text(folder: Path) -> None:
    query = "SELECT ?c ?v WHERE { ?c rdfs:subClassOf ?p . FILTER (STR(?c) = ?v) }"
    hostile = '" } ; DROP ALL #'
    assert "0 rows" in succeed("sparql", folder / "kb", query, "--bind", f"v={hostile}")
    assert json.loads(succeed("kb", "info", folder / "kb", "--json"))["classes"] == 4


def test_link_and_export(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("car\ntrees\nzebra\n")
    out = tmp_path / "m.tsv"
    found = json.loads(succeed("kb", "link", folder / "kb", tmp_path / "names.txt", "--out", out, "--json"))
    assert (found["linked"], found["unresolved"]) == (2, ["zebra"])
    assert "http://example.org/Tree\t" in out.read_text()
    exported = json.loads(succeed("kb", "export", folder / "kb", tmp_path / "all.nt", "--json"))
    assert exported == {"file": str(tmp_path / "all.nt")}
    assert "<http://example.org/Car>" in (tmp_path / "all.nt").read_text()


def test_help_and_version_do_not_import_the_heavy_parts() -> None:
    code = (
        "import sys\nfrom neurontology.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'torch', 'numba', 'scipy', 'pandas', 'numpy', 'rdflib', 'owlready2', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for argument in ("--help", "--version"):
        subprocess.run([sys.executable, "-c", code, argument], check=True, capture_output=True)


def broken_files(folder: Path) -> dict[str, Path]:
    content = {
        "truncated.owl.gz": gzip.compress((TURTLE * 500).encode())[:300],
        "broken.owl": b"<rdf:RDF",
        "words.owl": b"nothing of the kind",
    }
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in content}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kb", "build", "owl", "nowhere.owl", "--out", "new"], 2, "nowhere.owl: the file does not exist"),
        (["kb", "build", "owl", "broken.owl", "--out", "new"], 1, "broken.owl: not valid RDF/XML"),
        (["kb", "build", "owl", "truncated.owl.gz", "--out", "new"], 1, "not a complete gzip file"),
        (["kb", "build", "owl", "words.owl", "--out", "new"], 1, "the syntax is not recognised"),
        (["kb", "build", "owl", "o.ttl", "--out", "kb"], 2, "kb: exists already"),
        (["kb", "info", "."], 2, "is not a knowledge base"),
        (["kb", "info", "new"], 2, "new: does not exist"),
        (["kb", "annotate", "kb", "ade21k", "."], 2, "no annotation format 'ade21k'. Did you mean ade20k?"),
        (["kb", "annotate", "kb", "ade20k", "."], 2, "holds no ADE20K annotation"),
        (["kb", "link", "kb", "nowhere.txt", "--out", "m.tsv"], 2, "nowhere.txt: the file does not exist"),
        (["induce", "--kb", "kb"], 2, "the examples are not given"),
        (["induce", "--kb", "kb", "--positives", "positives.txt", "--negatives", "no.txt"], 2, "no.txt"),
        (["induce", "--kb", "kb", "--positives", "odd.txt", "--negatives", "negatives.txt"], 2, "zzz"),
        (["induce", "--kb", "kb", "--positives", "positives.txt", "--negatives", "positives.txt"], 1, "both"),
        (["induce", "--kb", "kb", "--positives", "empty.txt", "--negatives", "negatives.txt"], 1, "no positive"),
        (
            ["induce", "--kb", "kb", "--positives", "positives.txt", "--negatives", "negatives.txt", "--score", "f2"],
            2,
            "f2",
        ),
        (["sparql", "kb", "SELECT * WHERE {\n ?s ?p }"], 2, "syntax error at line 2, column"),
        (["sparql", "kb", "INSERT DATA { <a:a> <a:b> <a:c> }"], 2, "this is an update"),
        (["sparql", "kb", "PREFIX a: <a:>\n# x\nDELETE WHERE { ?s ?p ?o }"], 2, "this is an update"),
        (["sparql", "kb", "lables"], 2, "Did you mean labels"),
        (["sparql", "kb", "units-under"], 2, "the query needs a value for concept"),
        (["sparql", "kb", "units-under", "--bind", "concept=Vehicel"], 2, "Did you mean Vehicle"),
        (["sparql", "kb", "labels", "--format", "xml"], 2, "no format 'xml'"),
        (["sparql", "kb", "ASK { }", "--format", "turtle"], 2, "which turtle cannot hold"),
        (["label", "--kb", "kb", "--activations", ".", "--out", "new"], 2, "activation"),
        (["verify", "kb", "--activations", "."], 2, "is not a labelling run"),
        (["report", "nowhere", "--out", "new"], 2, "nowhere: does not exist"),
        (["layers", "efficientnet-lite9"], 2, "efficientnet-lite"),
        (["activations", "import", "nowhere.csv", "--out", "new"], 2, "nowhere.csv"),
        (["no-such-command"], 2, "No such command"),
        (["demo", "--out", "kb"], 2, "kb: exists already"),
    ],
)  # fmt: skip
def test_bad_input_is_answered_in_words_and_nothing_is_written(
    folder: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    place = tmp_path / "place"
    shutil.copytree(folder, place)
    broken_files(place)
    (place / "odd.txt").write_text("a\nzzz\n")
    (place / "empty.txt").write_text("# nobody\n")
    before = sorted(p.name for p in place.iterdir())
    result = run(*arguments, cwd=place)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in place.iterdir()) == before


def test_of_an_option_given_twice_the_last_one_counts_and_that_is_told(folder: Path) -> None:
    query = "SELECT ?a ?b WHERE { }"
    found = run(
        "sparql", folder / "kb", query, "--bind", "a=Vehicle", "--bind", "b=Car", "--format", "csv", "--format=json"
    )
    assert json.loads(found.stdout)["head"]["vars"] == ["a", "b"]
    assert found.stderr == "warning: --format is given 2 times: the last one counts\n"
    assert run("kb", "info", folder / "kb", "--json", "--json").stderr == ""


def test_the_traceback_comes_with_debug(folder: Path) -> None:
    result = run("kb", "info", folder / "new", "--debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


def test_the_loop_on_files(folder: Path, tmp_path: Path) -> None:
    """Build, annotate, import, label, verify, ask: the commands one after the other."""
    scenes = tmp_path / "scenes" / "street"
    scenes.mkdir(parents=True)
    rows = [",".join([*map(str, range(2)), "Class_names", "Filenames"])]
    for i in range(40):
        has_car = i % 2 == 0
        name = "car" if has_car else "tree"
        (scenes / f"im{i}_atr.txt").write_text(f'001 # 0 # 0 # {name} # {name} # ""\n')
        rows.append(f"{8.0 + i % 3 if has_car else i % 3 / 2},0.0,street,im{i}.jpg")
    (tmp_path / "acts.csv").write_text("\n".join(rows) + "\n")
    kb = tmp_path / "kb"
    succeed("kb", "build", "owl", folder / "o.ttl", "--out", kb)
    annotated = json.loads(succeed("kb", "annotate", kb, "ade20k", tmp_path / "scenes", "--json"))
    assert (annotated["images"], annotated["objects"]) == (40, 40)
    succeed("activations", "import", tmp_path / "acts.csv", "--out", tmp_path / "acts", "--layer", "dense")
    labelled = json.loads(
        succeed(
            "label",
            "--kb",
            kb,
            "--activations",
            tmp_path / "acts",
            "--units",
            "0-1",
            "--out",
            tmp_path / "run",
            "--json",
        )
    )
    assert set(labelled) == {"run", "kb", "units"}
    first, second = labelled["units"]
    assert (first["status"], first["solutions"][0]["f1"]) == ("labelled", 1.0)
    assert second["status"].startswith("never fires")
    verified = json.loads(succeed("verify", tmp_path / "run", "--activations", tmp_path / "acts", "--json"))
    (row,) = verified["rows"]
    assert set(row) >= {
        "unit", "label", "target_images", "non_target_images", "target_percent", "non_target_percent",
        "target_mean", "non_target_mean", "target_median", "non_target_median", "u", "z", "p", "auc", "auc_low",
        "auc_high", "p_holm", "p_bh", "gate", "verdict",
    }  # fmt: skip
    assert (row["auc"], row["verdict"]) == (1.0, "confirmed")
    again = run("label", "--kb", kb, "--activations", tmp_path / "nowhere", "--out", tmp_path / "run")
    assert again.returncode == 2
    assert "run: exists already" in again.stderr
    asked = json.loads(succeed("sparql", kb, "units-under", "--bind", "concept=Vehicle", "--format", "json"))
    assert len(asked["results"]["bindings"]) == 1


def test_what_nobody_foresaw_is_one_paragraph(folder: Path) -> None:
    code = (
        "import sys\nimport neurontology.ontology.kb as kb\n"
        "kb.KB.info = lambda self: 1 / 0\n"
        "from neurontology.cli import main\nmain(sys.argv[1:])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "kb", "info", str(folder / "kb")], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ZeroDivisionError: division by zero. This is a defect")
    assert "Traceback" not in result.stderr


NETWORK = """
import torch
from torch import nn


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = pytest.importorskip("PIL.Image", reason="needs the extra `torch`")
    path = tmp_path_factory.mktemp("photos")
    (path / "net.py").write_text(NETWORK)
    (path / "images").mkdir()
    for i in range(4):
        image.new("RGB", (40, 30), (60 * i, 20, 200 - 40 * i)).save(path / "images" / f"im{i}.jpg")
    return path


def test_layers_and_activations_of_a_file_of_ones_own(photos: Path) -> None:
    layers = json.loads(succeed("layers", f"{photos / 'net.py'}:build", "--json"))["layers"]
    assert {layer["name"]: (layer["kind"], layer["units"], layer["signed"]) for layer in layers}["1"] == (
        "ReLU",
        4,
        False,
    )
    network, images = f"{photos / 'net.py'}:build", photos / "images"
    made = json.loads(
        succeed("activations", network, "--layer", "1", "--images", images, "--out", photos / "acts", "--json")
    )
    assert (made["images"], made["units"], made["held_out"]) == (4, 4, 2)
    # Several layers, and all of a kind.
    for layers, names in ((("--layer", "1", "--layer", "0"), ["1", "0"]), (("--layer", "Conv2d"), ["0"])):
        arguments = ("activations", network, *layers, "--images", images, "--out", photos / "-".join(names))
        records = json.loads(succeed(*arguments, "--json"))["layers"]
        assert [record["layer"] for record in records] == names
        folders = [photos / "-".join(names) / f"{at:03d}-{name}" for at, name in enumerate(names)]
        assert [record["activations"] for record in records] == [str(folder) for folder in folders]
        assert "Conv2d" not in succeed(*arguments)


def test_layers_with_names_too_long_for_a_folder(photos: Path, tmp_path: Path) -> None:
    text = "from torch import nn\ndef build():\n    net = nn.Sequential()\n    for last in '12':\n"
    (tmp_path / "net.py").write_text(text + "        net.add_module('層' * 90 + last, nn.ReLU())\n    return net\n")
    out = tmp_path / "acts"
    asked = ("activations", f"{tmp_path / 'net.py'}:build", "--layer", "ReLU", "--images", photos / "images")
    records = json.loads(succeed(*asked, "--out", out, "--json"))["layers"]
    assert [record["layer"] for record in records] == ["層" * 90 + "1", "層" * 90 + "2"]
    assert sorted(str(folder) for folder in out.iterdir()) == [record["activations"] for record in records]


def test_an_unknown_layer_and_an_unreadable_image(photos: Path, tmp_path: Path) -> None:
    network, images, out = f"{photos / 'net.py'}:build", tmp_path / "images", tmp_path / "out"
    shutil.copytree(photos / "images", images)
    unknown = run("activations", network, "--layer", "01", "--images", images, "--out", out)
    assert unknown.returncode == 2
    assert "'01'" in unknown.stderr
    assert "did you mean" in unknown.stderr.lower()
    good = (images / "im1.jpg").read_bytes()
    (images / "im1.jpg").write_bytes(good[: len(good) // 2])
    (images / "im2.jpg").write_bytes(b"no picture")
    bad = run("activations", network, "--layer", "1", "--images", images, "--out", out)
    assert bad.returncode == 1
    assert "im1.jpg" in bad.stderr
    assert "im2.jpg" in bad.stderr
    assert "Traceback" not in unknown.stderr + bad.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images"]
    skipping = run("activations", network, "--layer", "1", "--images", images, "--out", out, "--skip-bad", "--json")
    assert skipping.returncode == 0, skipping.stderr
    assert (json.loads(skipping.stdout)["images"], len(json.loads(skipping.stdout)["skipped"])) == (2, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0,1,Class_names,Filenames\n1,2,a,x.jpg\n1,a,x.jpg\n", "acts.csv:3"),
        ("0,1,Class_names,Filenames\n1,two,a,x.jpg\n", "acts.csv:2"),
        ("0,1,Class_names,Filenames\n1,nan,a,x.jpg\n", "nan"),
        ("", "acts.csv"),
    ],
)
def test_broken_activation_files_are_named_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "acts.csv").write_text(content)
    result = run("activations", "import", tmp_path / "acts.csv", "--out", tmp_path / "out")
    assert result.returncode == 1, result.stdout
    assert message in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["acts.csv"]


@pytest.mark.skipif(os.name != "posix", reason="pipes close otherwise there")
def test_a_reader_that_stops_early_ends_the_command_quietly(folder: Path) -> None:
    query = "SELECT * WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    command = [sys.executable, "-m", "neurontology", "sparql", str(folder / "kb"), query, "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().strip() == b"a,b,c,d,e,f,g,h,i"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == -signal.SIGPIPE
