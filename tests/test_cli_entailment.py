"""`induce --entailment` and `kb check` on OWL files, as a user runs them."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import run

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
KENNEL = """
:barksAt a owl:ObjectProperty . :Dog owl:disjointWith :Cat .
:Watchdog rdfs:subClassOf :Dog , [ a owl:Restriction ; owl:onProperty :barksAt ; owl:someValuesFrom :Cat ] .
:rex a :Watchdog . :fido a :Dog ; :barksAt :tom . :tom a :Cat . :kim a :Cat . :lea a :Bird .
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "kennel.ttl").write_text(HEAD + KENNEL)
    (tmp_path / "positives.txt").write_text("rex\nfido\n")
    (tmp_path / "negatives.txt").write_text("tom\nkim\nlea\n")
    return tmp_path


INDUCE = ("induce", "--kb", "kennel.ttl", "--positives", "positives.txt", "--negatives", "negatives.txt")


def test_solutions_say_what_follows(place: Path) -> None:
    options = (*INDUCE, "--entailment", "hermit", "--constructors", "some,not", "--depth", "1", "--top", "20")
    result = run(*options, "--json", cwd=place)
    assert result.returncode == 0, result.stderr
    found = {s["dl"]: s["entailment"] for s in json.loads(result.stdout)["solutions"]}
    rex, lea = "http://example.org/rex", "http://example.org/lea"
    assert found["Dog"]["differs"] is False
    assert found["∃ barksAt.Cat"]["only_open_world"] == [rex]
    assert (found["∃ barksAt.Cat"]["tp"], found["∃ barksAt.Cat"]["fn"]) == (2, 0)
    # That a bird is neither cat nor dog is not said.
    assert found["¬Cat"]["only_closed_world"] == [lea]

    shown = run(*options, cwd=place)
    assert shown.returncode == 0, shown.stderr
    assert "differs: -0 +1" in shown.stdout
    assert "agrees" in shown.stdout
    plain = run(*INDUCE, "--json", cwd=place)
    assert all("entailment" not in s for s in json.loads(plain.stdout)["solutions"])


def test_an_inconsistent_ontology(place: Path) -> None:
    with (place / "kennel.ttl").open("a") as file:
        file.write(":rex a :Cat .")
    asked = run(*INDUCE, "--entailment", "hermit", cwd=place)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("error: the ontology is inconsistent")
    assert "kb check" in asked.stderr
    checked = run("kb", "check", "kennel.ttl", "--json", cwd=place)
    assert checked.returncode == 1
    verdict = json.loads(checked.stdout)
    assert (verdict["consistent"], verdict["whole"], verdict["extensions"]) == (False, True, [])
    assert set(verdict["explanation"]) == {
        "rex Type Watchdog",
        "Watchdog SubClassOf Dog",
        "Dog DisjointWith Cat",
        "rex Type Cat",
    }


@pytest.mark.parametrize(
    ("reasoner", "environment", "code", "message"),
    [
        ("hermitt", {}, 2, "there is no reasoner 'hermitt'. Did you mean hermit?"),
        ("hermit", {"PATH": ""}, 1, "the reasoner HermiT needs Java, which is not installed"),
        ("elk", {"NEURONTOLOGY_ELK": "nowhere"}, 2, "nowhere: NEURONTOLOGY_ELK names a folder without ELK"),
    ],
)
def test_a_reasoner_that_is_not_there_is_said_before_the_search(
    place: Path, reasoner: str, environment: dict[str, str], code: int, message: str
) -> None:
    if reasoner == "elk":
        pytest.importorskip("jpype", reason="JPype is not installed")
    result = run(*INDUCE, "--entailment", reasoner, cwd=place, **environment)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr


def test_a_consistent_file(place: Path) -> None:
    result = run("kb", "check", "kennel.ttl", cwd=place)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("consistent (everything; ")
    (place / "plain.ttl").write_text(HEAD + ":Watchdog rdfs:subClassOf :Dog . :rex a :Watchdog .")
    assert "no axiom denies anything" in run("kb", "check", "plain.ttl", cwd=place).stdout
