"""Rewritten sub-class paths against the engine's own evaluation of the same query, on random knowledge bases."""

import logging
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.kb import KB
from neurontology.ontology.sparql import run_query
from neurontology.ontology.subclasses import SubclassClosure
from neurontology.ontology.subtree import FEW, MANY, expand_subtrees, functions
from neurontology.ontology.vocabulary import PREFIXES
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryTriples,
    Store,
    Triple,
    Variable,
)

EX = "http://example.org/"
PROLOGUE = f"PREFIX : <{EX}>\n"
SUBCLASS = NamedNode(PREFIXES["rdfs"] + "subClassOf")
CLASS = NamedNode(PREFIXES["owl"] + "Class")
TYPE = NamedNode(PREFIXES["rdf"] + "type")
SIZES = [(FEW, MANY), (0, 0), (2, 4)]

REWRITTEN = [
    "SELECT ?c { ?c rdfs:subClassOf* :TOP }",
    "SELECT ?c { ?c rdfs:subClassOf+ :TOP . }",
    f"SELECT * {{ ?c <{SUBCLASS.value}>* <{EX}TOP> }}",
    "SELECT ?u ?c { ?u :concept ?c . ?c rdfs:subClassOf* :TOP }",
    "SELECT ?u ?c { ?u a :Unit ; :concept ?c . ?c rdfs:subClassOf+ :TOP . ?u :near ?v }",
    "SELECT ?u ?c { ?c rdfs:subClassOf* :TOP ; a owl:Class . ?u :concept ?c }",
    "SELECT ?u ?c { ?c a owl:Class ; rdfs:subClassOf* :TOP , :TWO ; ^:concept ?u ; . }",
    "SELECT ?u { ?u :concept/rdfs:subClassOf* :TOP }",
    "SELECT ?u { ?u :near/:concept/(rdfs:subClassOf+) :TOP . ?u a :Unit }",
    "SELECT ?u { ?u :near*/:concept/rdfs:subClassOf* :TOP }",
    "SELECT (COUNT(*) AS ?n) { ?u :concept/rdfs:subClassOf* :TOP }",
    "SELECT ?u (COUNT(?c) AS ?n) { ?u :concept ?c . ?c rdfs:subClassOf* :TOP } GROUP BY ?u HAVING (COUNT(?c) > 1)",
    "SELECT ?u { :TOP ^rdfs:subClassOf*/^:concept ?u }",
    "SELECT ?u { :TOP (^rdfs:subClassOf)*/^:concept ?u }",
    "SELECT ?c { :TOP (^rdfs:subClassOf)+ ?c }",
    "SELECT ?c { :TOP rdfs:subClassOf* ?c }",
    "SELECT ?u ?c { ?u :concept ?c . :TOP rdfs:subClassOf+ ?c }",
    "SELECT ?u ?c { ?u a :Unit OPTIONAL { ?u :concept ?c . ?c rdfs:subClassOf* :TOP } }",
    "SELECT ?u ?c { ?u a :Unit OPTIONAL { ?u :concept ?c } ?c rdfs:subClassOf* :TOP }",
    "SELECT ?u ?c { { ?u :concept ?c . ?c rdfs:subClassOf* :TOP } UNION { ?u :near/:concept ?c FILTER (?c != :TWO) } }",
    "SELECT ?u { ?u a :Unit FILTER EXISTS { ?u :concept ?c . ?c rdfs:subClassOf* :TOP } }",
    "SELECT ?u ?c { ?u :concept ?c FILTER NOT EXISTS { ?c rdfs:subClassOf+ :TOP } }",
    "SELECT ?u ?c { ?u :concept ?c FILTER (?u = :u0 || EXISTS { ?c rdfs:subClassOf* :TOP }) }",
    "SELECT ?u ?c { ?u :concept ?c MINUS { ?c rdfs:subClassOf* :TOP } }",
    "SELECT ?u ?c { ?u :concept ?c MINUS { ?v :concept ?c . ?c rdfs:subClassOf* :TOP } }",
    "SELECT ?u ?n { ?u a :Unit { SELECT ?u (COUNT(*) AS ?n) { ?u :concept/rdfs:subClassOf* :TOP } GROUP BY ?u } }",
    "SELECT ?u ?k { { SELECT DISTINCT ?k { ?k rdfs:subClassOf* :TOP } } ?u :concept ?k }",
    "SELECT ?u ?c ?x { VALUES ?x { :TOP :TWO } ?u :concept ?c . ?c rdfs:subClassOf* ?x }",
    "SELECT ?u ?x { VALUES ?x { :TOP :TWO :TOP } ?u :concept/rdfs:subClassOf+ ?x }",
    "SELECT ?c ?x { BIND (:TOP AS ?x) ?c rdfs:subClassOf* ?x }",
    "ASK { ?u :concept ?c . ?c rdfs:subClassOf+ :TOP }",
    "CONSTRUCT { ?u :about :TOP } WHERE { ?u :concept/rdfs:subClassOf* :TOP }",
    'SELECT ?u { ?u :concept ?c . # subClassOf* :TWO\n ?c rdfs:subClassOf* :TOP FILTER (?c != "} ?c subClassOf* :") }',
    "SELECT ?u { ?u :concept [ a owl:Class ] ; :concept/rdfs:subClassOf* :TOP }",
    'SELECT ?u ?c { ?u :concept ?c . ?c rdfs:subClassOf* :TOP . BIND (STR(?c) AS ?s) FILTER (?s > "") }',
    "SELECT ?p ?c { ?u ?p ?c . ?c rdfs:subClassOf* :TOP } ORDER BY ?p LIMIT 1000",
]
NOT_CLASSES = [
    "SELECT ?c { ?c rdfs:subClassOf* :Unknown }",
    "SELECT ?c ?u { ?u :concept ?c . ?c rdfs:subClassOf* :u0 }",
]
LEFT_ALONE = [
    "SELECT ?c ?d { ?c rdfs:subClassOf* ?d }",
    "SELECT ?c { ?c rdfs:subClassOf* ?c }",
    "SELECT ?c { ?c rdfs:subClassOf :TOP }",
    "SELECT ?c { ?c (rdfs:subClassOf|:concept)* :TOP }",
    "SELECT ?c { ?c rdfs:subClassOf*|:concept :TOP }",
    "SELECT ?c { ?c (rdfs:subClassOf/rdfs:subClassOf)* :TOP }",
    "SELECT ?c { ?c !rdfs:subClassOf :TOP }",
    "SELECT ?c { GRAPH ?g { ?c rdfs:subClassOf* :TOP } }",
    f"SELECT ?c FROM <{EX}g> {{ ?c rdfs:subClassOf* :TOP }}",
    "SELECT * { ?u :concept/rdfs:subClassOf* :TOP }",
    "SELECT ?c { _:b :concept ?c . ?c rdfs:subClassOf* :TOP . _:b a :Unit }",
    'SELECT ?c { ?c rdfs:subClassOf* "text" }',
    "ASK { :TWO rdfs:subClassOf* :TOP }",
    "SELECT ?c ?x { ?c rdfs:subClassOf* ?x { SELECT ?x { VALUES ?x { :TOP } } } }",
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Random links among blank nodes are no axioms, which the index says each time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def random_kb(seed: int) -> KB:
    """Sources, an extension, and a run; the links have cycles, loops, blank nodes, owl:Thing and owl:Nothing."""
    rng = random.Random(seed)
    kb = KB(Store())
    classes = [NamedNode(EX + n) for n in ("TOP", "TWO", *(f"c{i}" for i in range(rng.randint(1, 9))))]
    odd = [BlankNode(f"b{seed}"), NamedNode(PREFIXES["owl"] + "Thing"), NamedNode(PREFIXES["owl"] + "Nothing")]
    nodes = [*classes, *(rng.sample(odd, rng.randint(0, 3)))]

    def links(count: int) -> list[Triple]:
        return [Triple(rng.choice(nodes), SUBCLASS, rng.choice(nodes)) for _ in range(count)]

    declared = [Triple(c, TYPE, CLASS) for c in classes]
    kb.put_graph("tbox", "one", [*declared, *links(rng.randint(0, 12))], origin="x")
    kb.put_graph("tbox", "two", links(rng.randint(0, 4)), origin="x")
    kb.put_graph("extension", "more", links(rng.randint(0, 3)), origin="x")
    units = [NamedNode(f"{EX}u{i}") for i in range(5)]
    recorded = [Triple(u, TYPE, NamedNode(EX + "Unit")) for u in units[:4]]
    recorded += [Triple(rng.choice(units), NamedNode(EX + "concept"), rng.choice(nodes)) for _ in range(10)]
    recorded += [Triple(rng.choice(units), NamedNode(EX + "near"), rng.choice(units)) for _ in range(6)]
    recorded += [Triple(units[0], NamedNode(EX + "concept"), Literal("c0"))]
    kb.put_graph("run", "r", [*recorded, *links(rng.randint(0, 1))], origin="x")
    return kb


def solutions(results: object) -> object:
    if isinstance(results, QueryBoolean):
        return bool(results)
    if isinstance(results, QueryTriples):
        return set(results)
    names = [v.value for v in results.variables]  # type: ignore[attr-defined]
    # The order of the variables of `SELECT *` is not said to be any.
    return sorted(names), Counter(tuple(str(row[n]) for n in sorted(names)) for row in results)  # type: ignore[attr-defined]


def naive(kb: KB, query: str, fixed: dict[str, NamedNode] | None = None) -> object:
    given = {Variable(n): t for n, t in (fixed or {}).items()}
    return solutions(kb.query(query, prefixes=PREFIXES, substitutions=given))


def expanded(
    kb: KB, query: str, limits: tuple[int, int], fixed: dict[str, NamedNode] | None = None
) -> tuple[str, object]:
    text = expand_subtrees(query, lambda: SubclassClosure.of(kb), prefixes=PREFIXES, fixed=fixed, limits=limits)
    given = {Variable(n): t for n, t in (fixed or {}).items()}
    found = kb.query(text, prefixes=PREFIXES, substitutions=given, functions=functions(lambda: SubclassClosure.of(kb)))
    return text, solutions(found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_rewritten_queries_have_the_solutions_of_the_original(seed: int) -> None:
    kb = random_kb(seed)
    for body in REWRITTEN + NOT_CLASSES + LEFT_ALONE:
        query = PROLOGUE + body
        wanted = naive(kb, query)
        for limits in SIZES:
            text, found = expanded(kb, query, limits)
            assert found == wanted, text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_bound_parameters_are_rewritten_too(seed: int) -> None:
    kb = random_kb(seed)
    queries = [
        "SELECT ?u ?c ?x { ?u :concept ?c . ?c rdfs:subClassOf* ?x }",
        "SELECT ?u ?x { ?u :concept/rdfs:subClassOf+ ?x }",
        "SELECT ?u ?c ?x { ?u :concept ?c OPTIONAL { ?c rdfs:subClassOf* ?x } }",
        "SELECT ?u ?c ?x { ?u :concept ?c FILTER EXISTS { ?c rdfs:subClassOf* ?x } ?x a owl:Class }",
        "SELECT ?u ?k ?x { ?u :concept ?k { SELECT DISTINCT ?k ?x { ?k rdfs:subClassOf* ?x } } }",
        "SELECT ?u ?c ?x { ?u :concept ?c . ?x a owl:Class MINUS { ?c rdfs:subClassOf+ ?x } }",
        "SELECT ?c ?x { { ?c rdfs:subClassOf* ?x } UNION { ?x rdfs:subClassOf* ?c } }",
    ]
    for body in queries:
        for limits in SIZES:
            fixed = {"x": NamedNode(EX + "TOP")}
            text, found = expanded(kb, PROLOGUE + body, limits, fixed)
            assert found == naive(kb, PROLOGUE + body, fixed), text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_functions_say_what_the_paths_say(seed: int) -> None:
    kb = random_kb(seed)
    ends = "?c a owl:Class . { ?d a owl:Class } UNION { ?u :concept ?d FILTER (!isLiteral(?d)) }"
    for name, path in (("under", "*"), ("strictlyUnder", "+")):
        called = f"SELECT DISTINCT ?c ?d {{ {ends} FILTER (nl:{name}(?c, ?d)) }}"
        walked = f"SELECT DISTINCT ?c ?d {{ {ends} FILTER EXISTS {{ ?c rdfs:subClassOf{path} ?d }} }}"
        assert solutions(run_query(kb, PROLOGUE + called)) == naive(kb, PROLOGUE + walked)


@pytest.mark.parametrize("body", REWRITTEN)
def test_these_are_rewritten(body: str) -> None:
    query = PROLOGUE + body
    assert (
        expand_subtrees(query, lambda: SubclassClosure.of(random_kb(3)), prefixes=PREFIXES, limits=(5, 10**6)) != query
    )


@pytest.mark.parametrize("body", LEFT_ALONE)
def test_these_are_left_alone(body: str) -> None:
    def closure() -> SubclassClosure:
        raise AssertionError("the index is not needed")

    query = PROLOGUE + body
    assert expand_subtrees(query, closure, prefixes=PREFIXES) == query


PIECES = [
    "?c",
    "?u",
    " :concept ",
    " a ",
    "{",
    "}",
    "}",
    "(",
    ")",
    " . ",
    ";",
    ",",
    "/",
    "^",
    "|",
    "*",
    "+",
    "[",
    "]",
    "<",
    ">",
]
PIECES += [
    "rdfs:subClassOf*",
    ":TOP",
    "SELECT ?c ",
    "FILTER ",
    "OPTIONAL {",
    "UNION {",
    "VALUES ?c {",
    "BIND (",
    " AS ",
    "5.",
    '"',
    "#",
]
PIECES += [
    "?u :concept ?c . ",
    "?c rdfs:subClassOf+ :TWO . ",
    "MINUS { ",
    "EXISTS {",
    "NOT ",
    "'",
    "_:b",
    "\n",
    "GRAPH ?g {",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nonsense_comes_back_as_it_is_or_still_runs(text: str) -> None:
    kb = random_kb(1)
    query = (
        PROLOGUE
        + "SELECT ?c { ?c rdfs:subClassOf* :TOP . "
        + text
        + "}" * max(1, text.count("{") - text.count("}") + 1)
    )
    try:
        wanted = naive(kb, query)
    except SyntaxError:
        return
    assert expanded(kb, query, (0, 10**6))[1] == wanted


def test_an_extension_counts_at_once(tmp_path: Path) -> None:
    (tmp_path / "o.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Car rdfs:subClassOf :Vehicle ."
    )
    build_owl([tmp_path / "o.ttl"], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    query = PROLOGUE + "SELECT ?c { ?c rdfs:subClassOf+ :Vehicle } ORDER BY ?c"
    assert [row["c"].value for row in run_query(kb, query)] == [EX + "Car"]
    kb.put_graph("extension", "e", [Triple(NamedNode(EX + "Van"), SUBCLASS, NamedNode(EX + "Car"))], origin="here")
    assert [row["c"].value for row in run_query(kb, query)] == [EX + "Car", EX + "Van"]
    kb.drop_graph("extension", "e")
    assert [row["c"].value for row in run_query(kb, query)] == [EX + "Car"]


def test_a_syntax_error_is_shown_where_the_user_made_it() -> None:
    kb = random_kb(2)
    with pytest.raises(ValueError, match="line 2, column"):
        run_query(kb, PROLOGUE + "SELECT ?c { ?c rdfs:subClassOf* :TOP . ?c :p }")
