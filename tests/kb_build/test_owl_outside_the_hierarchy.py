"""What OWL files hold besides classes and individuals: rules, datatypes, named graphs."""

import logging
from pathlib import Path

import pytest
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.errors import DataError

EX = "http://example.org/"
PREFIXES = f"""
@prefix : <{EX}> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix swrl: <http://www.w3.org/2003/11/swrl#> .
"""


def test_parts_of_a_rule_are_no_individuals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rule = """
    :A a owl:Class . :p a owl:ObjectProperty . :x a :A ; :p :y . :v a swrl:Variable .
    [] a swrl:Imp ; swrl:body ( [ a swrl:ClassAtom ; swrl:classPredicate :A ; swrl:argument1 :v ] ) ;
       swrl:head ( [ a swrl:ClassAtom ; swrl:classPredicate :A ; swrl:argument1 :v ] ) .
    """
    (tmp_path / "rules.ttl").write_text(PREFIXES + rule)
    with caplog.at_level(logging.WARNING):
        index = read_owl([tmp_path / "rules.ttl"]).index
    assert list(index.classes) == [EX + "A"]
    assert list(index.individuals) == [EX + "x", EX + "y"]
    assert list(index.properties) == [EX + "p"]
    assert caplog.messages == ["1 SWRL rule is not used"]


def test_a_defined_datatype_is_no_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    datatypes = """
    :adult a rdfs:Datatype ; owl:equivalentClass [ a rdfs:Datatype ; owl:onDatatype xsd:integer ;
        owl:withRestrictions ( [ xsd:minInclusive 18 ] ) ] .
    :years a rdfs:Datatype ; owl:equivalentClass xsd:integer .
    :age a owl:DatatypeProperty ; rdfs:range :adult . :x a :Person ; :age 20 .
    :Person a owl:Class ; owl:equivalentClass :Human .
    """
    (tmp_path / "ages.ttl").write_text(PREFIXES + datatypes)
    index = read_owl([tmp_path / "ages.ttl"]).index
    assert list(index.classes) == [EX + "Human", EX + "Person"]
    assert index.equivalences.tolist() in ([[0, 1]], [[1, 0]])
    assert list(index.data_properties) == [EX + "age"]
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.trig", PREFIXES + ":g { :A rdfs:subClassOf :B . } :h { :A rdfs:subClassOf :B . :x a :A }"),
        (
            "a.nq",
            f"<{EX}A> <http://www.w3.org/2000/01/rdf-schema#subClassOf> <{EX}B> <{EX}g> .\n"
            f"<{EX}x> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{EX}A> <{EX}h> .\n",
        ),
    ],
)
def test_graphs_of_a_file_become_one(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text("\ufeff" + text, encoding="utf-8")
    kb = read_owl([tmp_path / name])
    assert [entry.name for entry in kb.entries] == ["a"]
    assert (list(kb.index.classes), list(kb.index.individuals)) == ([EX + "A", EX + "B"], [EX + "x"])
    assert kb.index.subclass_axioms == 1


def test_a_broken_file_of_graphs_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.trig").write_text(PREFIXES + ":g { :A rdfs:subClassOf }\n")
    with pytest.raises(DataError, match=r"a\.trig:4: not valid TriG"):
        read_owl([tmp_path / "a.trig"])
