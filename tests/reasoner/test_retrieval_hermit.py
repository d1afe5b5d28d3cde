"""Closed-world retrieval against HermiT and owlready2 on random ontologies where the two worlds agree.

They agree where everything is Horn and no axiom speaks of unknown individuals: what a definition defines is never
told of anybody, so that nobody needs a filler that is not there.
"""

import random
import shutil
from pathlib import Path

import numpy as np
import owlready2
import pytest
from neurontology.kb_build.owl import read_owl
from neurontology.ontology.expression import (
    And,
    AtLeast,
    ClassExpression,
    DataBound,
    HasValue,
    Named,
    Or,
    Role,
    Some,
    Top,
)
from neurontology.ontology.hermit import Hermit
from neurontology.ontology.locality import Axiom
from neurontology.ontology.syntax.rdf import blank_nodes, declarations, node_of, to_triples
from neurontology.ontology.vocabulary import EQUIVALENT, TYPE, XSD
from neurontology.reasoner.interpretation import Interpretation
from pyoxigraph import NamedNode, RdfFormat, Triple, parse, serialize

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java")
EX = "http://example.org/"
HEAD = """@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
BASES, DEFINED, ROLES = ["A", "B", "C", "D"], ["E", "F", "G"], ["r", "s", "t"]
PEOPLE = [f"i{k}" for k in range(8)]
QUESTIONS = 14


def _restriction(role: str, rest: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty :{role} ; {rest} ]"


def _inverse(role: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty [ owl:inverseOf :{role} ] ; owl:someValuesFrom owl:Thing ]"


def random_ontology(seed: int, *, names: bool) -> tuple[str, list[ClassExpression]]:
    """Turtle, and questions about it; with several names for one individual, or else all told to be different.

    Chains and sub-properties lead from r to s to t only, as OWL demands of composed properties.
    """
    rng = random.Random(seed)

    def base() -> str:
        return rng.choice(BASES)

    def one() -> str:
        return rng.choice(PEOPLE)

    makers = [
        lambda: f":{base()} rdfs:subClassOf :{base()} .",
        lambda: f":{base()} owl:equivalentClass :{base()} .",
        lambda: f"[] a owl:Class ; owl:intersectionOf ( :{base()} :{base()} ) ; rdfs:subClassOf :{base()} .",
        lambda: f"[] a owl:Class ; owl:unionOf ( :{base()} :{base()} ) ; rdfs:subClassOf :{base()} .",
        lambda: (
            f"{_restriction(rng.choice(ROLES), f'owl:someValuesFrom :{base()}')} a owl:Class ; "
            f"rdfs:subClassOf :{base()} ."
        ),
        lambda: f":{base()} rdfs:subClassOf {_restriction(rng.choice(ROLES), f'owl:allValuesFrom :{base()}')} .",
        lambda: f":{base()} rdfs:subClassOf {_restriction(rng.choice(ROLES), f'owl:hasValue :{one()}')} .",
        lambda: f"[] a owl:Class ; owl:oneOf ( :{one()} :{one()} ) ; rdfs:subClassOf :{base()} .",
        lambda: f":{rng.choice(ROLES)} rdfs:domain :{base()} .",
        lambda: f":{rng.choice(ROLES)} rdfs:range :{base()} .",
        lambda: f":{rng.choice('rs')} rdfs:subPropertyOf :t .",
        lambda: ":r rdfs:subPropertyOf :s .",
        lambda: ":r owl:equivalentProperty :u .",
        lambda: ":s owl:propertyChainAxiom ( :r :r ) .",
        lambda: ":t owl:propertyChainAxiom ( :r :s ) .",
        lambda: ":t a owl:TransitiveProperty .",
        lambda: ":t a owl:SymmetricProperty .",
        lambda: ":v owl:inverseOf :r .",
        lambda: ":u a owl:ReflexiveProperty .",
        lambda: ":years rdfs:subPropertyOf :age .",
        lambda: f":age rdfs:domain :{base()} .",
    ]
    text = [rng.choice(makers)() for _ in range(rng.randint(4, 9))]
    before = list(BASES)
    for name in DEFINED:
        parts = [f":{rng.choice(before)}", _restriction(rng.choice(ROLES), f"owl:someValuesFrom :{rng.choice(before)}")]
        parts.append(_inverse(rng.choice(ROLES)))
        kind, chosen = rng.choice(["intersectionOf", "unionOf"]), rng.sample(parts, 2)
        text.append(f":{name} owl:equivalentClass [ a owl:Class ; owl:{kind} ( {' '.join(chosen)} ) ] .")
        before.append(name)
    text += [f":{name} a owl:Class ." for name in BASES + DEFINED]
    text += [f":{name} a owl:ObjectProperty ." for name in [*ROLES, "u", "v"]]
    text += [f":{name} a owl:DatatypeProperty ." for name in ("age", "years")]
    text += [f":{name} a owl:NamedIndividual ." for name in PEOPLE]
    text += [f":{one()} a :{base()} ." for _ in range(5)]
    text += [f":{one()} :{rng.choice(['r', 's', 't', 'v', 'u'])} :{one()} ." for _ in range(9)]
    text += [f":{one()} :{rng.choice(['age', 'years'])} {rng.randint(0, 9)} ." for _ in range(4)]
    if names:
        text += [f":{one()} owl:sameAs :{one()} ." for _ in range(2)]
    else:
        text.append(f"[] a owl:AllDifferent ; owl:distinctMembers ( {' '.join(':' + p for p in PEOPLE)} ) .")

    def question(depth: int) -> ClassExpression:
        role = Role(EX + rng.choice([*ROLES, "u", "v"]), rng.random() < 0.3)
        match rng.randint(0, 6) if depth else 0:
            case 1:
                return And((question(depth - 1), question(depth - 1)))
            case 2:
                return Or((question(depth - 1), question(depth - 1)))
            case 3 | 4:
                return Some(role, question(depth - 1))
            case 5:
                return Some(role, Top())
            case 6 if rng.random() < 0.5:
                return DataBound(EX + "age", rng.choice([">=", "<="]), str(rng.randint(0, 9)), XSD + "integer")
            case 6:
                return HasValue(EX + "age", str(rng.randint(0, 9)), XSD + "integer")
        return Named(EX + rng.choice(BASES + DEFINED))

    questions = [question(2) for _ in range(QUESTIONS)] + [Named(EX + name) for name in BASES + DEFINED]
    composed = any(word in " ".join(text) for word in ("propertyChainAxiom ( :r", "TransitiveProperty"))
    if not names and not composed:
        questions += [AtLeast(2, Role(EX + name), Named(EX + base())) for name in ROLES]
    return "\n".join(text), questions


def as_classes(questions: list[ClassExpression]) -> list[Triple]:
    """Definitions of classes Q0, Q1 … by the questions."""
    triples: list[Triple] = []
    for number, question in enumerate(questions):
        name = NamedNode(f"{EX}Q{number}")
        triples += [Triple(name, TYPE, NamedNode("http://www.w3.org/2002/07/owl#Class"))]
        inside = And((Top(), question)) if isinstance(question, Named) else question
        triples += [Triple(name, EQUIVALENT, node_of(inside, blank_nodes)), *to_triples(inside, blank_nodes)]
        triples += declarations(question)
    return list(dict.fromkeys(triples))


def retrieved(model: Interpretation, question: ClassExpression) -> set[str]:
    return {model.iri(int(row)) for row in np.flatnonzero(model.retrieve(question))}


@pytest.mark.parametrize("seed", range(6))
def test_retrieval_agrees_with_hermit(tmp_path: Path, seed: int) -> None:
    text, questions = random_ontology(seed, names=seed % 2 == 0)
    (tmp_path / "o.ttl").write_text(HEAD + text)
    model = Interpretation(read_owl([tmp_path / "o.ttl"]).index)
    assert model.index.axioms.unread == ()
    given = [quad.triple for quad in parse((HEAD + text).encode(), format=RdfFormat.TURTLE)]
    kinds = [t for t in given if t.predicate == TYPE and str(t.object).endswith("Property>")]
    whole = Axiom((*given, *as_classes(questions)), frozenset())
    hermit = Hermit(kinds, 120)
    asked = [f"{EX}Q{n}" for n in range(len(questions))]
    answer = hermit.instances([whole], asked)
    assert answer is not None
    for number, question in enumerate(questions):
        assert retrieved(model, question) == answer[f"{EX}Q{number}"], question


def test_retrieval_agrees_with_owlready2(tmp_path: Path) -> None:
    """The same through owlready2's own parser, reasoner call and `instances()`."""
    text, questions = random_ontology(100, names=False)
    (tmp_path / "o.ttl").write_text(HEAD + text)
    model = Interpretation(read_owl([tmp_path / "o.ttl"]).index)
    given = [quad.triple for quad in parse((HEAD + text).encode(), format=RdfFormat.TURTLE)]
    triples = dict.fromkeys([*given, *as_classes(questions)])
    serialize(triples, tmp_path / "o.nt", format=RdfFormat.N_TRIPLES)
    world = owlready2.World(filename=str(tmp_path / "w.sqlite3"))
    ontology = world.get_ontology((tmp_path / "o.nt").as_uri()).load()
    with ontology:
        owlready2.sync_reasoner_hermit(world, debug=0)
    space = world.get_namespace(EX)
    filled = 0
    for number, question in enumerate(questions):
        expected = {individual.iri for individual in space[f"Q{number}"].instances()}
        assert retrieved(model, question) == expected, question
        filled += bool(expected)
    assert filled > len(questions) / 3
