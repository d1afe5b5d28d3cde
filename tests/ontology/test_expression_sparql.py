"""Class expressions as SPARQL, run in Oxigraph against direct evaluation."""

import random

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.expression import And, HasValue, Named, Not, Or, Role, Some, Top
from neurontology.ontology.syntax.sparql import render

KB = "http://example.org/kb#"
XSD = "http://www.w3.org/2001/XMLSchema#"
OWL = "http://www.w3.org/2002/07/owl#"
RDF_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
SUB = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
CLASSES = [KB + n for n in "ABCDE"]
ROLES = [KB + n for n in "rs"]


def iri(name):
    return ox.NamedNode(KB + name)


def random_kb(make, seed):
    """Build a store, and the interpretation it tells of: D ⊑ B ⊑ A, E ⊑ C."""
    chance = random.Random(seed)
    store = ox.Store()

    def add(*terms):
        store.add(ox.Quad(*terms))

    above = {"A": "A", "B": "BA", "C": "C", "D": "DBA", "E": "EC"}
    for lower, upper in ("BA", "DB", "EC"):
        add(iri(lower), SUB, iri(upper))
    for name in above:
        add(iri(name), RDF_TYPE, ox.NamedNode(OWL + "Class"))
    domain = [f"{KB}i{at}" for at in range(5)]
    classes = {name: set() for name in CLASSES}
    for x in domain:
        add(ox.NamedNode(x), RDF_TYPE, ox.NamedNode(OWL + "NamedIndividual"))
        for told in chance.sample("ABCDE", chance.randint(0, 2)):
            add(ox.NamedNode(x), RDF_TYPE, iri(told))
            for name in above[told]:
                classes[KB + name].add(x)
    roles = {role: {(x, y) for x in domain for y in domain if chance.random() < 0.3} for role in ROLES}
    for role, pairs in roles.items():
        for x, y in pairs:
            add(ox.NamedNode(x), ox.NamedNode(role), ox.NamedNode(y))
    data = {KB + "p": {(x, float(chance.randint(0, 4))) for x in domain if chance.random() < 0.7}}
    for x, value in data[KB + "p"]:
        add(ox.NamedNode(x), iri("p"), ox.Literal(int(value)))
    return store, make(domain, classes, roles, data)


def answers(store, query):
    return {solution["individual"].value for solution in store.query(query)}


@settings(max_examples=120, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_the_query_finds_what_the_expression_covers(expressions, interpretation, data, seed):
    values = st.tuples(st.sampled_from("0123"), st.just(XSD + "integer"))
    e = data.draw(expressions(CLASSES, ROLES, [KB + "p"], values))
    store, world = random_kb(interpretation, seed)
    query = render(e)
    assert answers(store, query) == world.extension(e), query


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_individuals_can_be_told_by_a_type(interpretation, seed):
    store, world = random_kb(interpretation, seed)
    e = Not(Named(KB + "A"))
    expected = world.extension(And((e, Named(KB + "C"))))
    assert answers(store, render(e, individual_type=KB + "C")) <= world.extension(e)
    told = {q.subject.value for q in store.quads_for_pattern(None, RDF_TYPE, iri("C"))}
    assert answers(store, render(e, individual_type=KB + "C")) == expected & told


def test_each_answer_comes_once():
    store = ox.Store()
    for name in ("y", "z"):
        store.add(ox.Quad(iri("x"), iri("r"), iri(name)))
        store.add(ox.Quad(iri(name), RDF_TYPE, iri("A")))
    query = render(Some(Role(KB + "r"), Or((Named(KB + "A"), Named(KB + "A")))))
    assert [solution["individual"] for solution in store.query(query)] == [iri("x")]


def test_values_are_compared_by_value():
    store = ox.Store()
    store.add(ox.Quad(iri("x"), iri("p"), ox.Literal("5.0", datatype=ox.NamedNode(XSD + "decimal"))))
    assert answers(store, render(HasValue(KB + "p", "5", XSD + "integer"))) == {KB + "x"}


@pytest.mark.parametrize("name", ["a> . } #", "a b", 'a"', "a\nb", "a{b}"])
def test_a_hostile_name_cannot_add_to_the_query(name):
    with pytest.raises(DataError, match="not a valid IRI"):
        render(Named(KB + name))


def test_a_hostile_value_cannot_add_to_the_query():
    store = ox.Store()
    value = '" . ?individual ?a ?b } #\\\n'
    store.add(ox.Quad(iri("x"), iri("p"), ox.Literal(value)))
    store.add(ox.Quad(iri("y"), iri("p"), ox.Literal("other")))
    assert answers(store, render(HasValue(KB + "p", value, XSD + "string"))) == {KB + "x"}


@pytest.mark.parametrize("variable", ["", "a b", "?x", "x }", "v1", "é"])
def test_only_plain_variable_names_are_taken(variable):
    with pytest.raises(UsageError, match="cannot name the result"):
        render(Top(), variable)
