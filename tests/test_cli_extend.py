"""Extending on the command line: contract, exit codes, what changes, updates, checks."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import run, succeed

HEAD = """@prefix : <http://example.org/> . @prefix n: <http://new.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
CORE = HEAD + ":Car rdfs:subClassOf :Vehicle . :Bus rdfs:subClassOf :Vehicle . :Tree a owl:Class .\n"
KEYS = {"name", "added", "removed", "conforms", "violations", "units_changed"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base with images of cars, buses and trees, and a run over units that fire for them."""
    path = tmp_path_factory.mktemp("extend")
    scenes = path / "scenes" / "street"
    scenes.mkdir(parents=True)
    rows = ["0,1,Class_names,Filenames"]
    for i in range(60):
        shown = ("car", "bus", "tree")[i % 3]
        (scenes / f"im{i}_atr.txt").write_text(f'001 # 0 # 0 # {shown} # {shown} # ""\n')
        rows.append(f"{8 + i % 2 if shown != 'tree' else 0},{8 + i % 2 if shown == 'tree' else 0},street,im{i}.jpg")
    (path / "acts.csv").write_text("\n".join(rows) + "\n")
    (path / "core.ttl").write_text(CORE)
    succeed("kb", "build", "owl", path / "core.ttl", "--out", path / "kb")
    succeed("kb", "annotate", path / "kb", "ade20k", path / "scenes")
    succeed("activations", "import", path / "acts.csv", "--out", path / "acts", "--layer", "dense")
    succeed("label", "--kb", path / "kb", "--activations", path / "acts", "--out", path / "run")
    (path / "good.ttl").write_text(
        HEAD + ":Car rdfs:subClassOf n:Motorised . :Bus rdfs:subClassOf n:Motorised .\n"
        'n:Motorised a owl:Class ; rdfs:label "motorised thing" ; rdfs:subClassOf :Vehicle .\n'
    )
    (path / "bad.ttl").write_text(HEAD + 'n:A rdfs:label "a" ;\n  rdfs:subClassOf :Vehicel .\n')
    (path / "kinds.csv").write_text("child,parent\nFire engine,Car\n")
    return path


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "place")
    return tmp_path / "place"


def test_a_dry_run_says_what_would_change_and_extending_does_it(made: Path) -> None:
    kb = made / "kb"
    digest = json.loads(succeed("kb", "info", kb, "--json"))
    dry = json.loads(succeed("kb", "extend", kb, made / "good.ttl", "--dry-run", "--json"))
    assert set(dry) >= KEYS
    assert (dry["name"], dry["added"], dry["removed"], dry["conforms"], dry["violations"]) == ("good", 5, 0, True, [])
    assert [(c["unit"], c["layer"], c["before"], c["after"]) for c in dry["units_changed"]] == [
        (0, "dense", "an image that contains a vehicle", "an image that contains a motorised thing")
    ]
    assert json.loads(succeed("kb", "info", kb, "--json")) == digest
    shown = succeed("kb", "extend", kb, made / "good.ttl", "--dry-run")
    assert "+ Car ⊑ Motorised" in shown
    assert "1 unit label would change" in shown
    done = json.loads(succeed("kb", "extend", kb, made / "good.ttl", "--json"))
    assert done == dry
    assert json.loads(succeed("kb", "info", kb, "--json"))["extensions"] == ["good"]

    updated = json.loads(succeed("label", "--update", made / "run", "--out", made / "new", "--json"))
    assert updated["units"][0]["solutions"][0]["english"] == "an image that contains a motorised thing"
    succeed("label", "--kb", kb, "--activations", made / "acts", "--out", made / "full")
    assert (made / "new" / "labels.json").read_bytes() == (made / "full" / "labels.json").read_bytes()
    again = json.loads(succeed("label", "--update", made / "new", "--out", made / "newer", "--json"))
    assert again["induced"] == []

    gone = json.loads(succeed("kb", "retract", kb, "good", "--json"))
    assert set(gone) >= KEYS
    assert (gone["added"], gone["removed"]) == (0, 5)
    assert [(c["before"], c["after"]) for c in gone["units_changed"]] == [
        ("an image that contains a motorised thing", "an image that contains a vehicle")
    ]
    info = json.loads(succeed("kb", "info", kb, "--json"))
    assert (info["extensions"], info["classes"]) == ([], digest["classes"])


def test_violations_are_printed_with_their_lines_and_exit_1(place: Path) -> None:
    before = succeed("kb", "info", place / "kb", "--json")
    result = run("kb", "extend", place / "kb", place / "bad.ttl", "--json")
    assert result.returncode == 1
    found = json.loads(result.stdout)
    (violation,) = found["violations"]
    assert (violation["line"], violation["focus"]) == (4, "http://new.org/A")
    assert (found["conforms"], found["added"], found["units_changed"]) == (False, 0, [])
    words = run("kb", "extend", place / "kb", place / "bad.ttl")
    assert words.returncode == 1
    assert f"error: {place / 'bad.ttl'}:4: <http://new.org/A> the super-class exists neither" in words.stderr
    assert "Did you mean" in words.stderr or "did you mean" in words.stderr
    assert words.stdout == ""
    assert succeed("kb", "info", place / "kb", "--json") == before


def test_extensions_side_by_side_and_names(place: Path) -> None:
    succeed("kb", "extend", place / "kb", place / "good.ttl", "--name", "domain knowledge")
    succeed("kb", "extend", place / "kb", place / "kinds.csv")
    assert json.loads(succeed("kb", "info", place / "kb", "--json"))["extensions"] == ["domain knowledge", "kinds"]
    assert "holds exactly this already" in succeed("kb", "extend", place / "kb", place / "kinds.csv")
    asked = succeed(
        "sparql",
        place / "kb",
        "SELECT ?title ?when { ?g nl:graphKind 'extension' ; dct:title ?title ; dct:created ?when ; dct:source ?f } "
        "ORDER BY ?title",
        "--format",
        "csv",
    )
    assert [row.split(",")[0] for row in asked.split("\n")[1:3]] == ["domain knowledge", "kinds"]
    succeed("kb", "retract", place / "kb", "domain knowledge")
    assert json.loads(succeed("kb", "info", place / "kb", "--json"))["extensions"] == ["kinds"]


@pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
def test_check_names_the_axioms(place: Path) -> None:
    assert "consistent" in succeed("kb", "check", place / "kb")
    (place / "odd.ttl").write_text(
        HEAD + 'n:Plant rdfs:label "p" ; owl:disjointWith :Car . :Tree rdfs:subClassOf n:Plant .\n'
        'n:Moving_tree rdfs:label "m" ; rdfs:subClassOf :Tree , :Car .\n'
    )
    succeed("kb", "extend", place / "kb", place / "odd.ttl")
    result = run("kb", "check", place / "kb")
    assert result.returncode == 1
    assert "<http://new.org/Moving_tree>" in result.stdout
    assert "Plant DisjointWith Car" in result.stdout
    missing = run("kb", "check", place / "kb", PATH="")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: the reasoner HermiT needs Java, which is not installed.")
    assert len(missing.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["kb", "extend", "kb", "no.ttl"], 2, "no.ttl: the file does not exist"),
        (["kb", "extend", "kb", "empty.ttl"], 1, "empty.ttl: states nothing"),
        (["kb", "extend", "kb", "cut.ttl"], 1, "cut.ttl:1: not valid Turtle"),
        (["kb", "extend", "nowhere", "good.ttl"], 2, "nowhere: does not exist"),
        (["kb", "retract", "kb", "goood"], 2, "no extension graph is called 'goood'"),
        (["kb", "check", "kb", "--reasoner", "pellet"], 2, "there is no reasoner 'pellet'"),
        (["label", "--out", "new"], 2, "what to label is not given"),
        (["label", "--update", "run", "--score", "iou", "--out", "new"], 2, "--score cannot be given with --update"),
        (["label", "--update", "kb", "--out", "new"], 2, "is not a labelling run"),
        (["push", "run", "localhost:7878"], 2, "is not the address of a server"),
        (["push", "run", "http://localhost:9", "--preset", "oxigraf"], 2, "'oxigraf'. Did you mean oxigraph?"),
    ],
)  # fmt: skip
def test_wrong_calls_are_answered_in_words(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    (place / "empty.ttl").write_text(HEAD)
    (place / "cut.ttl").write_text("<http://a/> <http://b/>")
    before = sorted(p.name for p in place.iterdir())
    monkeypatch.chdir(place)
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in place.iterdir()) == before
