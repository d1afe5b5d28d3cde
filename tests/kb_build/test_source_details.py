"""What each source holds, counted in its own graph."""

from dataclasses import asdict
from pathlib import Path

import networkx as nx
from neurontology.kb_build.annotate import annotate
from neurontology.kb_build.annotation import AnnotatedImage, AnnotatedObject
from neurontology.kb_build.owl import build_owl, read_owl
from neurontology.kb_build.source_details import source_details
from neurontology.ontology.kb import KB

PREFIXES = "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
A = PREFIXES + ":Car rdfs:subClassOf :Vehicle . :Van rdfs:subClassOf :Car, :Vehicle . :i a :Van ."
B = PREFIXES + ":Vehicle rdfs:subClassOf :Thing2 . :Tree a rdfs:Class ."


def test_sources_are_counted_apart(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text(A)
    (tmp_path / "b.ttl").write_text(B)
    build_owl([tmp_path / "a.ttl", tmp_path / "b.ttl"], tmp_path / "kb")
    kb = KB.open(tmp_path / "kb", writable=True)
    columns = (
        "name",
        "classes",
        "subclass_axioms",
        "removed_edges",
        "roots",
        "depth",
        "multiple_parents",
        "individuals",
    )
    rows = [("a", 3, 3, 0, 1, 2, 1, 1), ("b", 3, 1, 0, 2, 1, 0, 0)]
    expected = [dict(zip(columns, row, strict=True)) for row in rows]
    assert [asdict(d) for d in source_details(kb)] == expected
    # Data sets are no sources, and what was kept is read again.
    annotate(kb, [AnnotatedImage("x", None, (AnnotatedObject("1", ("car",)),))], dataset="d", origin="x")
    assert [asdict(d) for d in source_details(kb)] == expected
    assert len(list((tmp_path / "kb" / "index").glob("source-*.json"))) == 2


def test_a_real_source_against_networkx(shared_data: Path) -> None:
    kb = read_owl([shared_data / "ade20k-kb" / "kb" / "wiki_combined_with_small_owls_mapping_concepts_stripped.owl"])
    (details,) = source_details(kb)
    # The folder's README counts 431 classes, 755 sub-class axioms, a chain of 13 links and 971 individuals.
    assert (details.classes, details.subclass_axioms, details.depth, details.individuals) == (431, 755, 13, 971)
    links = kb.index.told.parents.tocoo()
    graph = nx.DiGraph(zip(links.row.tolist(), links.col.tolist(), strict=True))
    graph.add_nodes_from(range(431))
    assert details.roots == sum(d == 0 for _, d in graph.out_degree())
    assert details.multiple_parents == sum(d > 1 for _, d in graph.out_degree())
    assert details.depth == nx.dag_longest_path_length(graph)
