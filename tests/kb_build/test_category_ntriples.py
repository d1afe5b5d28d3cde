"""Category graphs as N-Triples: read back by two parsers, and the record of what was left out."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import neurontology
import numpy as np
import pyoxigraph
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from neurontology.kb_build.cycles import break_cycles
from neurontology.kb_build.ntriples import encode_titles, iter_ntriples, write_removed
from neurontology.kb_build.strings import Strings
from neurontology.kb_build.wikipedia import (
    CategoryGraph,
    ReadCounts,
    RemovedCategories,
    WikipediaDumps,
    read_category_graph,
)
from neurontology.ontology.errors import UsageError

CATEGORY = "https://en.wikipedia.org/wiki/Category:"
ARTICLE = "https://en.wikipedia.org/wiki/"
SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
ALIAS = "http://www.w3.org/2004/02/skos/core#altLabel"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def graph_of(
    categories: list[str],
    links: list[tuple[int, int]],
    articles: list[str] | None = None,
    article_links: list[tuple[int, int]] | None = None,
    aliases: list[tuple[str, int]] | None = None,
    removed: list[tuple[str, int]] | None = None,
) -> CategoryGraph:
    child, parent = np.array(links, np.int32).reshape(-1, 2).T
    article, article_parent = np.array(article_links or [], np.int32).reshape(-1, 2).T
    gone = removed or []
    return CategoryGraph(
        category_ids=np.arange(len(categories)),
        category_titles=Strings.of([title.encode() for title in categories]),
        article_ids=np.arange(len(articles or [])),
        article_titles=Strings.of([title.encode() for title in articles or []]),
        child=child,
        parent=parent,
        article=article,
        article_parent=article_parent,
        alias_titles=Strings.of([title.encode() for title, _ in aliases or []]),
        alias_of=np.array([k for _, k in aliases or []], np.int32),
        cycles=break_cycles(len(categories), child, parent),
        removed=RemovedCategories(
            ids=np.arange(len(gone)),
            titles=Strings.of([title.encode() for title, _ in gone]),
            family=np.array([family for _, family in gone], np.int16),
            families=("stub", "hidden"),
            reasons=("short", "not shown"),
        ),
        counts=ReadCounts(),
    )


def triples(graph: CategoryGraph, **options: str | None) -> set[tuple[str, str, str]]:
    data = b"".join(iter_ntriples(graph, **options))  # type: ignore[arg-type]
    # Strict parsing: pyoxigraph validates every IRI.
    parsed = list(pyoxigraph.parse(data, pyoxigraph.RdfFormat.N_TRIPLES))
    assert len(parsed) == data.count(b"\n") == len(set(parsed))
    return {(q.subject.value, q.predicate.value, q.object.value) for q in parsed}


titles = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(deadline=None, max_examples=100)
@given(st.lists(titles, unique=True, min_size=1, max_size=8), st.data())
def test_any_title_survives_and_stays_distinct(names: list[str], data: st.DataObject) -> None:
    node = st.integers(0, len(names) - 1)
    links = data.draw(st.lists(st.tuples(node, node), max_size=8))
    graph = graph_of(names, links, articles=names, article_links=[(k, k) for k in range(len(names))])
    got = triples(graph)
    iri = {name: CATEGORY + encode_titles(Strings.of([name.encode()])).text(0) for name in names}
    assert len(set(iri.values())) == len(names)
    for name, value in iri.items():
        assert unquote(value.removeprefix(CATEGORY), errors="strict") == name
        assert (value, TYPE, "http://www.w3.org/2002/07/owl#Class") in got
        assert (value, LABEL, name.replace("_", " ")) in got
        article = ARTICLE + value.removeprefix(CATEGORY)
        assert (article, SUBCLASS, value) in got
    kept = {(iri[names[c]], iri[names[p]]) for (c, p), keep in zip(links, graph.kept, strict=True) if keep}
    prefix = CATEGORY
    assert {(s, o) for s, p, o in got if p == SUBCLASS and s.startswith(prefix) and (s, o) in kept} == kept
    assert sum(p == SUBCLASS for _, p, _ in got) == len(kept) + len(names)


@pytest.mark.parametrize(
    ("title", "encoded"),
    [
        ("Trees", "Trees"),
        ("Rosario,_Santa_Fe_(city)", "Rosario,_Santa_Fe_(city)"),
        ("O'Neill!*", "O'Neill!*"),
        ("AC/DC:_Live@home+;=&$~-.", "AC/DC:_Live@home+;=&$~-."),
        ("Größe", "Größe"),
        ("شمس", "شمس"),
        ("日本🚗", "日本🚗"),
        ("a b", "a%20b"),
        ('"q"', "%22q%22"),
        ("<a>", "%3Ca%3E"),
        ("\\^`{}|", "%5C%5E%60%7B%7D%7C"),
        ("100%_what?#[x]", "100%25_what%3F%23%5Bx%5D"),
        ("\t\x00\x7f", "%09%00%7F"),
        # Controls and private-use characters are no part of IRIs either.
        ("\x85\ue000\ufdd0\U000f0000", "%C2%85%EE%80%80%EF%B7%90%F3%B0%80%80"),
        ("\u00a0\ud7ff\uf900\U0002fffd\U000e1000", "\u00a0\ud7ff\uf900\U0002fffd\U000e1000"),
        ("\U0001fffe", "%F0%9F%BF%BE"),
    ],
)
def test_exactly_what_is_illegal_in_an_iri_path_is_encoded(title: str, encoded: str) -> None:
    assert encode_titles(Strings.of([title.encode()])).text(0) == encoded


def test_a_category_and_an_article_of_one_title_stay_apart(tmp_path: Path) -> None:
    graph = graph_of(
        ["Trees", "Plants"],
        [(0, 1), (1, 0)],
        articles=["Trees"],
        article_links=[(0, 0)],
        aliases=[('The "trees"\\n', 0)],
    )
    kept = SUBCLASS, CATEGORY + ("Plants" if graph.kept[0] else "Trees")
    got = triples(graph)
    assert (CATEGORY + ("Trees" if graph.kept[0] else "Plants"), *kept) in got
    assert (ARTICLE + "Trees", SUBCLASS, CATEGORY + "Trees") in got
    assert (CATEGORY + "Trees", ALIAS, 'The "trees"\\n') in got
    assert len(got) == 2 * 3 + 1 + 1 + 1


def test_language_bases_and_rdflib_agree() -> None:
    graph = graph_of(["Bäume", 'Ein_"Wort"\\'], [(0, 1)])
    base = "https://de.wikipedia.org/wiki/Kategorie:"
    data = b"".join(iter_ntriples(graph, category_base=base, language="de"))
    read = rdflib.Graph().parse(data=data, format="nt")
    subject = rdflib.URIRef(base + "Bäume")
    assert read.value(subject, rdflib.RDFS.label) == rdflib.Literal("Bäume", lang="de")
    assert read.value(subject, rdflib.RDFS.subClassOf) == rdflib.URIRef(base + "Ein_%22Wort%22%5C")
    plain = rdflib.Graph().parse(data=b"".join(iter_ntriples(graph, language=None)), format="nt")
    assert set(plain.objects(None, rdflib.RDFS.label)) == {
        rdflib.Literal("Bäume"),
        rdflib.Literal('Ein "Wort"\\'),
    }
    assert b"".join(iter_ntriples(graph)) == b"".join(iter_ntriples(graph))


def test_wrong_options_are_refused() -> None:
    graph = graph_of(["A"], [])
    with pytest.raises(UsageError, match="not a language tag"):
        list(iter_ntriples(graph, language="en us"))
    with pytest.raises(UsageError, match="not an IRI"):
        list(iter_ntriples(graph, category_base="Category:<x>"))
    with pytest.raises(UsageError, match="same base"):
        list(iter_ntriples(graph, category_base="https://a.b/", article_base="https://a.b/"))


def test_many_lines_come_in_blocks_of_whole_lines() -> None:
    n = 100_000
    graph = graph_of([f"Category_{k}" for k in range(n)], [(k, k // 2) for k in range(1, n)])
    blocks = list(iter_ntriples(graph))
    assert len(blocks) > 5 and max(map(len, blocks)) < 1 << 23
    assert all(block.endswith(b" .\n") for block in blocks)
    lines = b"".join(blocks).decode().splitlines()
    assert len(lines) == 3 * n - 1
    assert lines[-1] == f"<{CATEGORY}Category_99999> <{SUBCLASS}> <{CATEGORY}Category_49999> ."


def test_the_record_of_what_was_left_out(tmp_path: Path) -> None:
    graph = graph_of(
        ["A", "B\tC", "D"],
        [(0, 1), (1, 0), (2, 2), (2, 0), (2, 0)],
        aliases=[("E\\", 1)],
        removed=[("F_stubs", 0), ("G", 1)],
    )
    path = tmp_path / "removed.tsv"
    assert write_removed(graph, path) == 6
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:4] == [
        "kind\tchild\tparent/family\treason",
        "category\tF_stubs\tstub\tshort",
        "category\tG\thidden\tnot shown",
        "redirect\tE\\\\\tB\\tC\ta category redirect, merged into its target",
    ]
    assert lines[4].split("\t")[:3] in (["edge", "A", "B\\tC"], ["edge", "B\\tC", "A"])
    assert lines[4].split("\t")[3].startswith("cycle: component 1 of size 2")
    assert lines[5:] == ["edge\tD\tD\tself-loop", "edge\tD\tA\tduplicate"]


def test_the_demos_wiki_loads_into_a_store() -> None:
    folder = Path(str(neurontology.__file__)).parent / "examples" / "wiki"
    tables = ("page", "categorylinks", "linktarget", "page_props", "redirect")
    graph = read_category_graph(WikipediaDumps(*(folder / f"{table}.sql" for table in tables)), articles=True)
    store = pyoxigraph.Store()
    store.bulk_load(b"".join(iter_ntriples(graph)), pyoxigraph.RdfFormat.N_TRIPLES)
    above = {
        row["label"].value
        for row in store.query(
            f"SELECT ?label {{ <{ARTICLE}Double-decker_bus> <{SUBCLASS}>* ?class . ?class <{LABEL}> ?label }}"
        )
    }
    assert {"Buses", "Road vehicles", "Vehicles", "Transport", "Main topic classifications"} <= above
    assert not {"Roads", "Trees"} & above
    assert store.query(f'ASK {{ <{CATEGORY}Cars> <{ALIAS}> "Autos"@en }}')
