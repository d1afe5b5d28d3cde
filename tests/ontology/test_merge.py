"""Queries see every triple of the named graphs once, whichever graphs state it."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neurontology.ontology import kb as kb_module
from neurontology.ontology.catalog import GraphKind
from neurontology.ontology.dataset import Dataset, named_dataset
from neurontology.ontology.errors import UsageError
from neurontology.ontology.kb import KB, Source
from neurontology.ontology.sparql import run_query, serialize
from pyoxigraph import BlankNode, Literal, NamedNode, QuerySolutions, QueryTriples, RdfFormat, Store, Triple

EX = "http://example.org/"
KINDS: tuple[GraphKind, ...] = ("tbox", "abox", "extension", "run")


def random_triples(rng: random.Random, *, blank: bool = True) -> list[Triple]:
    nodes: list[NamedNode | BlankNode] = [NamedNode(f"{EX}n{i}") for i in range(3 if blank else 12)]
    nodes += [BlankNode("b")] * blank
    values = [*nodes, Literal("x"), Literal("x", language="en")]
    one = [Triple(rng.choice(nodes), NamedNode(f"{EX}p{rng.randint(0, 1)}"), rng.choice(values)) for _ in range(9)]
    return one[: rng.randint(0, 9)]


def named_content(kb: KB) -> Counter[str]:
    """Triples of all named graphs, each once: the merge by its definition."""
    graphs = [*(e.iri for e in kb.entries), kb.base + "catalog"]
    found = chain.from_iterable(kb.store.quads_for_pattern(None, None, None, NamedNode(g)) for g in graphs)
    return Counter(dict.fromkeys((str(q.triple) for q in found), 1))


def selected(found: object) -> list[list[str]]:
    assert isinstance(found, QuerySolutions)
    return [[term.value for term in row] for row in found]


def constructed(found: object) -> list[Triple]:
    assert isinstance(found, QueryTriples)
    return list(found)


def queried(kb: KB) -> Counter[str]:
    found = kb.query("SELECT ?s ?p ?o { ?s ?p ?o }")
    assert isinstance(found, QuerySolutions)
    return Counter(" ".join(str(term) for term in row) for row in found)


@pytest.mark.parametrize("at_once", [1 << 18, 3])
@pytest.mark.parametrize("blank", [True, False])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_after_any_changes_a_query_meets_every_triple_once(
    monkeypatch: pytest.MonkeyPatch, blank: bool, at_once: int, seed: int
) -> None:
    """Also where graphs of more than three triples are loaded before the transaction."""
    monkeypatch.setattr(kb_module, "AT_ONCE", at_once)
    rng = random.Random(seed)
    kb = KB(Store())
    for _ in range(rng.randint(1, 12)):
        kind, name = rng.choice(KINDS), rng.choice("xy")
        there = [e for e in kb.entries if (e.kind, e.name) == (kind, name)]
        if there and rng.random() < 0.4:
            kb.drop_graph(kind, name)
        else:
            given = random_triples(rng, blank=blank)
            entry, _ = kb.put_graph(kind, name, given, origin="test")
            if not blank:
                assert {q.triple for q in kb.content(entry)} == set(given)
        assert queried(kb) == named_content(kb)
        # The unnamed graph holds nothing that is read in place, too, and nothing that nobody states any more.
        assert Counter(str(t) for t in kb.statements()) == named_content(kb)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_sources_that_repeat_each_other(seed: int) -> None:
    rng = random.Random(seed)
    graphs = [[t for t in random_triples(rng) if "_:" not in str(t)] for _ in range(3)]
    merged = rdflib.Graph()
    sources = []
    with tempfile.TemporaryDirectory() as folder:
        for number, triples in enumerate(graphs):
            path = Path(folder, f"{number}.nt")
            path.write_text("".join(f"{t} .\n" for t in triples), encoding="utf-8")
            merged.parse(path, format="nt")
            sources.append(Source(str(number), path, RdfFormat.N_TRIPLES))
        kb = KB.in_memory(sources)
    assert queried(kb) == named_content(kb)
    query = f"SELECT (COUNT(*) AS ?n) {{ ?s ?p ?o FILTER (STRSTARTS(STR(?s), '{EX}')) }}"
    assert selected(kb.query(query)) == [[str(len(merged))]]


@pytest.fixture
def kb() -> KB:
    """Two runs that both state one fact, and a data set that is read in place."""
    kb = KB(Store())
    shared, own = (Triple(NamedNode(EX + "s"), NamedNode(EX + "p"), Literal(i)) for i in (1, 2))
    kb.put_graph("run", "one", [shared], origin="x")
    kb.put_graph("run", "two", [shared, own], origin="x")
    kb.put_graph("abox", "data", [Triple(NamedNode(EX + "s"), NamedNode(EX + "p"), Literal(3))], origin="x")
    return kb


def answers(kb: KB, query: str) -> list[str]:
    return sorted("|".join(row) for row in selected(run_query(kb, query)))


def test_a_fact_of_two_runs_counts_once(kb: KB) -> None:
    assert answers(kb, f"SELECT (COUNT(*) AS ?n) (SUM(?o) AS ?t) {{ ?s <{EX}p> ?o }}") == ["3|6"]
    assert answers(kb, f"SELECT ?o {{ ?s <{EX}p> ?o }}") == ["1", "2", "3"]
    graphs = answers(kb, f"SELECT ?g ?o {{ GRAPH ?g {{ ?s <{EX}p> ?o }} }}")
    assert [row.removeprefix(kb.base) for row in graphs] == ["abox/data|3", "run/one|1", "run/two|1", "run/two|2"]


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("FROM <run/one>", ["1"]),
        ("FROM <run/one> FROM <run/two>", ["1", "2"]),
        ("FROM <run/two> FROM <abox/data>", ["1", "2", "3"]),
        ("FROM <run/none>", []),
        ("FROM NAMED <run/one>", []),
        ("", ["1", "2", "3"]),
    ],
)
def test_a_query_may_name_its_graphs(kb: KB, clauses: str, expected: list[str]) -> None:
    base = f"BASE <{kb.base}> # FROM <run/one>\n"
    assert answers(kb, f"{base} SELECT ?o {clauses} WHERE {{ ?s <{EX}p> ?o }}") == expected
    assert answers(kb, f"{base} SELECT ?o {clauses} {{ ?s <{EX}p> ?o }} ORDER BY ?o") == expected
    found = run_query(kb, f"{base} CONSTRUCT {{ ?s <{EX}q> ?o }} {clauses} WHERE {{ ?s <{EX}p> ?o }}")
    assert len(constructed(found)) == len(expected)


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("FROM NAMED <run/one>", ["1"]),
        ("FROM NAMED <run/one> FROM NAMED <run/two>", ["1", "1", "2"]),
        ("FROM <run/one> FROM <run/two> FROM NAMED <run/two>", ["1", "2"]),
        ("FROM <run/one>", []),
    ],
)
def test_named_graphs_of_a_query(kb: KB, clauses: str, expected: list[str]) -> None:
    query = f"BASE <{kb.base}> SELECT ?o {clauses} WHERE {{ GRAPH ?g {{ ?s <{EX}p> ?o }} }}"
    assert answers(kb, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("PREFIX r: <http://a.org/> ASK FROM r:one { ?s ?p ?o }", Dataset(("http://a.org/one",), ())),
        ("PREFIX r: <http://a.org/> ASK FROM r:one {}", Dataset(("http://a.org/one",), ())),
        ("DESCRIBE <x:y> FROM <x:g>", Dataset(("x:g",), ())),
        ("CONSTRUCT FROM <x:g> FROM NAMED <x:h> WHERE { ?s ?p ?o }", Dataset(("x:g",), ("x:h",))),
        ("SELECT (EXISTS { ?a ?b 'FROM <x:g>' } AS ?from) from <x:g> { ?from ?p ?o }", Dataset(("x:g",), ())),
        ("BASE <http://a.org/b/> BASE <c/> SELECT * FROM <d> {}", Dataset(("http://a.org/b/c/d",), ())),
        (
            "BASE <http://b.org/> PREFIX r: <http://a.org/#> SELECT * FROM r:one FROM <http://c.org/#> {}",
            Dataset(("http://a.org/#one", "http://c.org/#"), ()),
        ),
        ("SELECT * { ?s ?p ?from }", None),
        ("SELECT * FROM r:one {}", None),
        ("SELECT * FROM", None),
        ("PREFIX", None),
    ],
)
def test_datasets_are_read(query: str, expected: Dataset | None) -> None:
    assert named_dataset(query, {}) == expected


def test_a_constructed_graph_is_a_set(kb: KB) -> None:
    found = run_query(kb, f"CONSTRUCT {{ ?s a <{EX}Thing> }} WHERE {{ ?s <{EX}p> ?o }}")
    assert serialize(found, "turtle").count("Thing") == 1


def test_exports_hold_every_triple_once(kb: KB, tmp_path: Path) -> None:
    kb.export(tmp_path / "all.nq")
    quads = (tmp_path / "all.nq").read_text(encoding="utf-8").splitlines()
    assert len(quads) == len(set(quads)) and all(line.count("<" + kb.base) for line in quads)
    read = Store()
    read.load(path=tmp_path / "all.nq", format=RdfFormat.N_QUADS)
    assert sum(isinstance(quad.graph_name, NamedNode) for quad in read) == len(quads) == kb.info()["triples"]
    kb.export(tmp_path / "all.nt")
    triples = (tmp_path / "all.nt").read_text(encoding="utf-8").splitlines()
    assert len(triples) == len(set(triples)) == len(quads) - 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT ?g ?p { GRAPH ?g { ?s ?p 2 } }", ["run/two|" + EX + "p"]),
        ("SELECT ?g { GRAPH ?g { ?s ?p 1 } }", ["run/one", "run/two"]),
        ("SELECT (COUNT(*) AS ?n) (EXISTS { ?x ?p 3 } AS ?e) { ?s ?p ?o }", ["3|true"]),
        ("SELECT (SUM(?o) AS ?n) FROM <run/one> FROM <run/two> { ?s ?p ?o }", ["3"]),
        ("SELECT ?o { ?s ?x ?o FILTER NOT EXISTS { ?s ?p 4 } FILTER (?x = ?p && ?o > 1) }", ["2", "3"]),
    ],
)
def test_variables_that_are_not_selected_may_be_bound(kb: KB, query: str, expected: list[str]) -> None:
    found = run_query(kb, f"BASE <{kb.base}> {query}", {"p": f"<{EX}p>"})
    assert sorted("|".join(term.removeprefix(kb.base) for term in row) for row in selected(found)) == expected


@pytest.mark.parametrize(
    ("query", "triples"),
    [
        ("CONSTRUCT WHERE { ?s ?p ?o }", 3),
        ("CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", 3),
        ("CONSTRUCT { ?s a ?o } WHERE { ?s ?p ?o }", 3),
    ],
)
def test_bound_variables_of_a_construction(kb: KB, query: str, triples: int) -> None:
    assert len(constructed(run_query(kb, query, {"p": f"<{EX}p>"}))) == triples
    assert not constructed(run_query(kb, query, {"p": f"<{EX}q>"}))


def test_a_variable_of_a_sub_query_only_is_not_bound(kb: KB) -> None:
    with pytest.raises(UsageError, match=r"\?o in its SELECT projection"):
        run_query(kb, "SELECT ?s { { SELECT ?s { ?s ?p ?o } } }", {"o": "x"})
