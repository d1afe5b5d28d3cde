"""What repeats the knowledge base is no redefinition of it, blank nodes included."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.extension_file import read_extension
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.extension import ExtensionReport, extend
from neurontology.ontology.kb import KB
from neurontology.ontology.restatement import restated
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple
from rdflib import Graph
from rdflib.compare import isomorphic

HEAD = """@prefix : <http://example.org/> . @prefix n: <http://new.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
CORE = """
:Car rdfs:subClassOf :Vehicle , [ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Wheel ] .
:Convertible owl:equivalentClass [ owl:intersectionOf ( :Car [ owl:complementOf :Roofed ] ) ] .
:Bus rdfs:subClassOf :Vehicle . :Wheel a owl:Class . :Roofed a owl:Class . :hasPart a owl:ObjectProperty .
[] a owl:AllDisjointClasses ; owl:members ( :Vehicle :Wheel :Roofed ) .
"""


def added(folder: Path, turtle: str) -> ExtensionReport:
    if not (folder / "kb").exists():
        (folder / "core.ttl").write_text(HEAD + CORE)
        build_owl([folder / "core.ttl"], folder / "kb")
    (folder / "x.ttl").write_text(HEAD + turtle)
    kb = KB.open(folder / "kb")
    return extend(kb, read_extension(folder / "x.ttl", kb), dry_run=True)


def test_a_file_that_holds_the_core_and_more(tmp_path: Path) -> None:
    report = added(tmp_path, CORE + 'n:Van a owl:Class ; rdfs:label "van" ; rdfs:subClassOf :Car .')
    assert (report.violations, report.warnings) == ((), ())
    assert report.links_added == (("http://new.org/Van", "http://example.org/Car"),)


@pytest.mark.parametrize(
    ("was", "instead", "focus", "message"),
    [
        ("someValuesFrom :Wheel", "someValuesFrom :Roofed", "Car", "an expression above it"),
        ("someValuesFrom", "allValuesFrom", "Car", "an expression above it"),
        ("complementOf :Roofed", "complementOf :Wheel", "Convertible", "equivalent to an expression"),
        ("( :Car [", "( :Car :Bus [", "Convertible", "equivalent to an expression"),
        ("( :Vehicle :Wheel :Roofed )", "( :Car :Wheel :Roofed )", "Car", "several of them disjoint"),
        ("( :Vehicle :Wheel :Roofed )", "( :Wheel :Roofed )", "Roofed", "several of them disjoint"),
    ],
)
def test_what_differs_is_a_redefinition(tmp_path: Path, was: str, instead: str, focus: str, message: str) -> None:
    assert was in CORE
    (finding,) = added(tmp_path, CORE.replace(was, instead)).violations
    assert finding.focus == "http://example.org/" + focus and message in finding.message


@pytest.mark.parametrize(
    ("turtle", "messages"),
    [
        (
            'n:A a owl:Class ; rdfs:label "a" . [] a owl:AllDisjointClasses ; owl:members ( n:A :Car ) .',
            [],
        ),
        (
            "[] a owl:AllDisjointClasses ; owl:members ( n:A :Car ) .",
            ["a class that is told to be disjoint with others exists neither"],
        ),
        (
            'n:A rdfs:label "a" ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasPart ] .',
            ["a restriction needs one condition"],
        ),
        (
            'n:A rdfs:label "a" ; rdfs:subClassOf [ a owl:Restriction ; owl:someValuesFrom :Car ] .',
            ["a restriction needs one property"],
        ),
        *(
            (
                f'n:A rdfs:label "a" ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasPart ; '
                f"owl:onClass :Car ; owl:minQualifiedCardinality {value} ] .",
                messages,
            )
            for value, messages in (
                ("2", []),
                ("-1", ["a cardinality is no number"]),
                ('"x"', ["a cardinality is no number"]),
            )
        ),
        (":hasPart rdfs:subClassOf :Car .", ["redefines a property of the knowledge base: another type"]),
        (":Car a owl:ObjectProperty .", ["another type: <http://www.w3.org/2002/07/owl#ObjectProperty>"]),
    ],
)
def test_forms_of_axioms(tmp_path: Path, turtle: str, messages: list[str]) -> None:
    violations = added(tmp_path, turtle).violations
    assert len(violations) == len(messages), violations
    for finding, message in zip(violations, messages, strict=True):
        assert message in finding.message and "shapes#" not in finding.message


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_trees_are_compared_as_graphs(seed: int) -> None:
    """Against rdflib's isomorphism of the two trees."""
    rng = random.Random(seed)
    top, has = NamedNode("http://a.org/top"), NamedNode("http://a.org/has")

    def tree(prefix: str) -> list[Triple]:
        nodes = [BlankNode(f"{prefix}{i}") for i in range(rng.randint(1, 4))]
        pairs = ((rng.choice(nodes[:i]), nodes[i]) for i in range(1, len(nodes)))
        edges = [Triple(above, NamedNode(f"http://a.org/p{rng.randint(0, 1)}"), below) for above, below in pairs]
        values = [Literal(1), Literal("1"), top]
        leaves = [Triple(rng.choice(nodes), has, rng.choice(values)) for _ in range(rng.randint(0, 3))]
        return [Triple(top, has, nodes[0]), *edges, *leaves]

    here, there = tree("x"), tree("y")
    if rng.random() < 0.5:
        labels = {f"x{i}": BlankNode(f"z{(5 * i) % 7}") for i in range(4)}

        def renamed(term: Any) -> Any:
            return labels[term.value] if isinstance(term, BlankNode) else term

        there = [Triple(renamed(t.subject), t.predicate, renamed(t.object)) for t in here]
        rng.shuffle(there)
    store = Store()
    store.extend(Quad(t.subject, t.predicate, t.object, NamedNode("http://a.org/g")) for t in there)
    same = isomorphic(*(Graph().parse(data="".join(f"{t} .\n" for t in ts), format="nt") for ts in (here, there)))
    assert restated(here, store, {"http://a.org/g"}) == (set(here) if same else set())
    assert not restated(here, store, {"http://a.org/other"})
