"""Knowledge bases: what they say of real ontologies, transactions, bad directories."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rdflib
from neurontology.kb_build.owl import build_owl, read_owl
from neurontology.ontology.errors import NeurontologyError, UsageError
from neurontology.ontology.kb import KB
from neurontology.ontology.vocabulary import DATA
from pyoxigraph import DefaultGraph, Literal, NamedNode, Triple
from rdflib.namespace import OWL, RDF, RDFS

EX = "http://example.org/"

SMALL = """
@prefix : <http://example.org/> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Car rdfs:subClassOf :Vehicle . :Automobile owl:equivalentClass :Car . :Bus rdfs:subClassOf :Vehicle .
:contains a owl:ObjectProperty . :note a owl:AnnotationProperty .
:i1 :contains :o1 ; :note :o2 . :o1 a :Automobile ; rdfs:label "my car" .
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.ttl").write_text(SMALL)
    build_owl([tmp_path / "small.ttl"], tmp_path / "kb")
    return tmp_path / "kb"


@pytest.mark.parametrize(
    ("name", "classes", "axioms", "depth", "individuals"),
    [  # the table in the data set's README
        ("wiki_combined_with_small_owls_mapping_concepts_stripped", 431, 755, 13, 971),
        ("wiki_merged_combined_with_small_owls_mapping_pages_stripped", 428, 498, 11, 2673),
        ("sumo_combined_with_small_owls_mapping_concepts_stripped", 220, 246, 12, 1700),
        ("dbpedia_combined_with_small_owls_mapping_schema_stripped", 0, 0, 0, 909),
    ],
)
def test_info_of_the_published_ontologies(
    shared_data: Path, name: str, classes: int, axioms: int, depth: int, individuals: int
) -> None:
    file = shared_data / "ade20k-kb" / "kb" / f"{name}.owl"
    info = read_owl([file]).info()
    found = (info["classes"], info["subclass_axioms"], info["depth"], info["individuals"])
    assert found == (classes, axioms, depth, individuals)


def test_the_index_agrees_with_rdflib(shared_data: Path) -> None:
    file = shared_data / "ade20k-kb" / "kb" / "sumo_combined_with_small_owls_mapping_concepts_stripped.owl"
    graph = rdflib.Graph().parse(file)
    index = read_owl([file]).index
    declared = {str(c) for c in graph.subjects(RDF.type, OWL.Class) if isinstance(c, rdflib.URIRef)}
    assert set(index.classes) == declared
    links = {(str(s), str(o)) for s, o in graph.subject_objects(RDFS.subClassOf) if s != o}
    told = index.told.parents.tocoo()
    found = zip(told.row, told.col, strict=True)
    assert {(index.classes[c], index.classes[p]) for c, p in found} == links
    contains = rdflib.URIRef("http://www.daselab.org/ontologies/sumo#imageContains")
    roles = {(str(s), str(o)) for s, o in graph.subject_objects(contains)}
    assert {(index.individuals[s], index.individuals[o]) for s, _, o, _ in index.roles} == roles


def test_equivalence_joins_classes_and_annotations_are_no_roles(small: Path) -> None:
    index = KB.open(small).index
    car, automobile = index.classes.id(EX + "Car"), index.classes.id(EX + "Automobile")
    assert car is not None
    assert automobile in index.hierarchy.descendants(car)
    assert car in index.hierarchy.descendants(automobile)
    assert automobile not in index.told.descendants(car)
    assert list(index.properties) == [EX + "contains"]
    assert set(index.individuals) == {EX + "i1", EX + "o1"}


def test_names_and_labels(small: Path) -> None:
    kb = KB.open(small)
    assert kb.classes_called("Car") == [EX + "Car"]
    assert kb.names.short(EX + "Vehicle") == "Vehicle"
    assert (kb.label(EX + "o1"), kb.label(EX + "Car")) == ("my car", None)


def test_an_index_on_disk_is_the_index_of_the_store(small: Path) -> None:
    built, loaded = KB.open(small).index, KB.open(small).index
    assert list(loaded.classes) == list(built.classes)
    assert loaded.types.tolist() == built.types.tolist()
    assert (loaded.told.parents != built.told.parents).nnz == 0
    assert len(list((small / "index").iterdir())) == 1


def test_the_rows_of_the_index_are_distinct_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "twice.ttl").write_text(
        SMALL + ":i1 a owl:NamedIndividual, owl:Thing, :Bus ; owl:sameAs :i2 ; :contains :o2, :o1 . :i2 a :Bus, :Car ."
    )
    index = read_owl([tmp_path / "twice.ttl"]).index
    for table in (index.types, index.roles):
        rows = [tuple(row) for row in table.tolist()]
        assert len(rows) > 1
        assert rows == sorted(set(rows))


def graph_of(*names: str) -> list[Triple]:
    return [Triple(NamedNode(EX + n), NamedNode(EX + "contains"), NamedNode(EX + "o1")) for n in names]


def test_a_graph_is_replaced_and_dropped_as_a_whole_and_the_index_follows(small: Path) -> None:
    kb = KB.open(small, writable=True)
    before = kb.digest
    _, changed = kb.put_graph("abox", "photos", graph_of("p1", "p2"), origin="here")
    assert changed
    assert EX + "p2" in kb.index.individuals
    assert kb.put_graph("abox", "photos", graph_of("p2", "p1"), origin="here")[1] is False
    kb.put_graph("abox", "photos", graph_of("p3"), origin="there")
    assert EX + "p3" in kb.index.individuals
    assert EX + "p2" not in kb.index.individuals
    assert kb.entry("abox", "photos").origin == "there"
    kb.drop_graph("abox", "photos")
    assert kb.digest == before
    assert EX + "p3" not in kb.index.individuals
    with pytest.raises(UsageError, match="no abox graph is called 'photo'"):
        kb.entry("abox", "photo")


def test_replacing_a_graph_keeps_awkward_literals(small: Path) -> None:
    kb = KB.open(small, writable=True)
    text = Literal('say "hi"\\\n\t} . {', language="en")
    triple = Triple(NamedNode(EX + "i1"), NamedNode(EX + "note"), text)
    kb.put_graph("abox", "a", graph_of("p1"), origin="x")
    kb.put_graph("abox", "a", [triple], origin="x")
    graph = NamedNode(f"{DATA}abox/a")
    assert [q.triple for q in kb.store.quads_for_pattern(None, None, None, graph)] == [triple]


def test_runs_do_not_change_what_is_known(small: Path) -> None:
    kb = KB.open(small, writable=True)
    before = kb.digest
    kb.put_graph("run", "r", graph_of("p1"), origin="x")
    assert kb.digest == before
    assert EX + "p1" not in kb.index.individuals


def test_a_second_writer_is_refused_and_a_reader_is_not(small: Path) -> None:
    kb = KB.open(small, writable=True)
    with pytest.raises(NeurontologyError, match="another process is writing") as caught:
        KB.open(small, writable=True)
    assert caught.value.exit_code == 1
    assert KB.open(small).info()["classes"] == kb.info()["classes"]


def test_what_is_not_a_knowledge_base(tmp_path: Path, small: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        KB.open(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is not a knowledge base"):
        KB.open(tmp_path)
    (small / "kb.toml").write_text('format = 99\nbase = "x"\n')
    with pytest.raises(UsageError, match="format 99"):
        KB.open(small)


def test_an_existing_directory_is_not_overwritten(tmp_path: Path, small: Path) -> None:
    with pytest.raises(UsageError, match="exists already"):
        build_owl([tmp_path / "small.ttl"], small)


def test_export_is_read_by_rdflib(small: Path, tmp_path: Path) -> None:
    kb = KB.open(small)
    stated = sum(quad.graph_name != DefaultGraph() for quad in kb.store)
    for suffix in ("ttl", "nt", "rdf"):
        kb.export(tmp_path / f"out.{suffix}")
        assert len(rdflib.Graph().parse(tmp_path / f"out.{suffix}")) == stated
    kb.export(tmp_path / "out.nq")
    assert len((tmp_path / "out.nq").read_text().splitlines()) == stated
    with pytest.raises(UsageError, match="names no RDF syntax"):
        kb.export(tmp_path / "out.xls")


WRITER = """
import sys
from neurontology.ontology.kb import KB
from pyoxigraph import NamedNode, Triple
kb = KB.open(sys.argv[1], writable=True)
ex = "http://example.org/"
versions = [
    [Triple(NamedNode(f"{ex}p{v}-{i}"), NamedNode(ex + "contains"), NamedNode(f"{ex}v{v}")) for i in range(3000)]
    for v in range(2)
]
print("ready", flush=True)
for step in range(10**6):
    kb.put_graph("abox", "photos", versions[step % 2], origin=str(step))
"""


def test_a_killed_writer_leaves_one_whole_version(small: Path) -> None:
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(small)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(0.05 + 0.07 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
        kb = KB.open(small, writable=True)
        entries = [e for e in kb.entries if e.kind == "abox"]
        graph = NamedNode(f"{DATA}abox/photos")
        triples = [q.triple for q in kb.store.quads_for_pattern(None, None, None, graph)]
        assert len(entries) == (1 if triples else 0)
        if triples:
            assert len(triples) == 3000
            assert len({t.object for t in triples}) == 1
            assert len(kb.index.individuals) == 2 + 3001
        del kb
