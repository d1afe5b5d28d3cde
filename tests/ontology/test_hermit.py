"""HermiT on data ranges, where it needs help, and what is left of axioms without their promises of values."""

import shutil

import pytest
from neurontology.ontology.hermit import Hermit, without_data_promises
from neurontology.ontology.locality import Axiom
from pyoxigraph import RdfFormat, Triple, parse

EX = "http://example.org/"
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:age a owl:DatatypeProperty . :r a owl:ObjectProperty . :A a owl:Class . :B a owl:Class .
"""


def read(text: str) -> list[Triple]:
    return [quad.triple for quad in parse((HEAD + text).encode(), format=RdfFormat.TURTLE)]


def bound(facet: str, value: int) -> str:
    data = f"[ a rdfs:Datatype ; owl:onDatatype xsd:integer ; owl:withRestrictions ( [ xsd:{facet} {value} ] ) ]"
    return f"[ a owl:Restriction ; owl:onProperty :age ; owl:someValuesFrom {data} ]"


SIGNS = {"subClassOf": "⊑", "equivalentClass": "≡"}


def structure(triples: list[Triple]) -> list[str]:
    """Axioms between classes, blank nodes as _."""
    found = []
    for t in triples:
        sign = SIGNS.get(t.predicate.value.rpartition("#")[2])
        if sign:
            left, right = ("_" if str(n).startswith("_:") else n.value.removeprefix(EX) for n in (t.subject, t.object))
            found.append(f"{left} {sign} {right}")
    return found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f":A rdfs:subClassOf {bound('minInclusive', 5)} .", []),
        (f":A owl:equivalentClass {bound('minInclusive', 5)} .", ["_ ⊑ A"]),
        (f"{bound('minInclusive', 5)} rdfs:subClassOf :A .", ["_ ⊑ A"]),
        (f"{bound('minInclusive', 5)} owl:equivalentClass :A .", ["_ ⊑ A"]),
        (f":A owl:equivalentClass [ a owl:Class ; owl:unionOf ( :B {bound('maxInclusive', 2)} ) ] .", ["_ ⊑ A"]),
        (":A rdfs:subClassOf :B .", ["A ⊑ B"]),
        (
            ":A owl:equivalentClass [ a owl:Restriction ; owl:onProperty :r ; owl:someValuesFrom :B ] .",
            ["A ≡ _"],
        ),
    ],
)
def test_only_promises_are_left_out(text: str, left: list[str]) -> None:
    given = read(text)
    weaker = without_data_promises(given)
    assert structure(weaker) == left
    kept = {str(t.subject) for t in weaker}
    assert all(str(t.object) in kept for t in weaker if str(t.object).startswith("_:"))
    if left == structure(given):
        assert weaker == given


@pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
def test_many_definitions_by_data_ranges() -> None:
    """Every threshold of every value, each class defined by ≡: what one look misses in most of the runs."""
    values = {"i": 6, "j": 4, "k": 1, "l": 9, "m": 0}
    text = [f":{name} a owl:NamedIndividual ; :age {value} ." for name, value in values.items()]
    expected: dict[str, frozenset[str]] = {}
    for n in range(0, 10, 2):
        for facet, holds in (("minInclusive", lambda v, n=n: v >= n), ("maxInclusive", lambda v, n=n: v <= n)):
            text.append(f":{facet}{n} a owl:Class ; owl:equivalentClass {bound(facet, n)} .")
            expected[f"{EX}{facet}{n}"] = frozenset(EX + name for name, value in values.items() if holds(value))
    # Nothing but the definition tells the value of p, which the second question leaves out.
    text.append(":p a owl:NamedIndividual , :minInclusive8 .")
    for n in range(0, 10, 2):
        expected[f"{EX}minInclusive{n}"] |= {EX + "p"}
    axiom = Axiom(tuple(read("\n".join(text))), frozenset())
    answers = [Hermit([], 60).instances([axiom], list(expected)) for _ in range(2)]
    assert answers == [expected, expected]
