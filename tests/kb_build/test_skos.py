"""SKOS concept schemes, in the form of DBpedia's files of categories."""

import bz2
import gzip
from pathlib import Path

import pyoxigraph
import pytest
import rdflib
from neurontology.kb_build.skos import build_skos
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.kb import KB
from rdflib.namespace import OWL, RDF, RDFS, SKOS

# As in DBpedia's skos_categories_en.ttl: N-Triples, with comments at both ends. The two last links close a cycle.
CATEGORY = "http://dbpedia.org/resource/Category:"
DBPEDIA = """# started 2017-10-27T08:44:51Z
<http://dbpedia.org/resource/Category:Vehicles> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/2004/02/skos/core#Concept> .
<http://dbpedia.org/resource/Category:Vehicles> <http://www.w3.org/2004/02/skos/core#prefLabel> "Vehicles"@en .
<http://dbpedia.org/resource/Category:Vehicles> <http://www.w3.org/2004/02/skos/core#broader> <http://dbpedia.org/resource/Category:Transport> .
<http://dbpedia.org/resource/Category:Cars> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/2004/02/skos/core#Concept> .
<http://dbpedia.org/resource/Category:Cars> <http://www.w3.org/2004/02/skos/core#prefLabel> "Cars"@en .
<http://dbpedia.org/resource/Category:Cars> <http://www.w3.org/2004/02/skos/core#broader> <http://dbpedia.org/resource/Category:Vehicles> .
<http://dbpedia.org/resource/Category:Cars> <http://www.w3.org/2004/02/skos/core#related> <http://dbpedia.org/resource/Category:Roads> .
<http://dbpedia.org/resource/Category:Café_racers> <http://www.w3.org/2004/02/skos/core#broader> <http://dbpedia.org/resource/Category:Cars> .
<http://dbpedia.org/resource/Category:Vehicles> <http://www.w3.org/2004/02/skos/core#broader> <http://dbpedia.org/resource/Category:Cars> .
<http://dbpedia.org/resource/Category:Cars> <http://www.w3.org/2004/02/skos/core#broader> <http://dbpedia.org/resource/Category:Cars> .
# completed 2017-10-27T09:00:23Z
"""  # noqa: E501
TURTLE = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix : <http://example.org/> .
:animals a skos:Concept ; skos:prefLabel "animals"@en, "Tiere"@de ; skos:altLabel "creatures"@en ; skos:inScheme :s ;
  skos:narrower :mammals . :s a skos:ConceptScheme ; skos:hasTopConcept :animals . :mammals skos:definition "…" .
"""


def links(kb: KB) -> set[tuple[str, str]]:
    told = kb.index.told.parents.tocoo()
    names = [c.rpartition("/")[2].removeprefix("Category:") for c in kb.index.classes]
    return {(names[c], names[p]) for c, p in zip(told.row, told.col, strict=True)}


def test_concepts_become_classes_without_cycles(tmp_path: Path) -> None:
    (tmp_path / "skos_categories_en.ttl").write_text(DBPEDIA, encoding="utf-8")
    kb = build_skos([tmp_path / "skos_categories_en.ttl"], tmp_path / "kb")
    assert links(kb) == {("Vehicles", "Transport"), ("Cars", "Vehicles"), ("Café_racers", "Cars")}
    assert kb.label(CATEGORY + "Cars") == "Cars"
    info = kb.info()
    assert (info["classes"], info["removed_edges"], info["individuals"]) == (4, 2, 0)
    assert info["sources"] == ["skos_categories_en", "skos_categories_en-skos"]
    rows = (tmp_path / "kb" / "removed.tsv").read_text().splitlines()
    assert rows[0] == "kind\tchild\tparent/family\treason"
    assert {tuple(r.split("\t")[:3]) for r in rows[1:]} == {
        ("edge", CATEGORY + "Vehicles", CATEGORY + "Cars"),
        ("edge", CATEGORY + "Cars", CATEGORY + "Cars"),
    }


def test_a_byte_order_mark_and_lines_of_windows_are_read(tmp_path: Path) -> None:
    plain, marked = tmp_path / "plain.ttl", tmp_path / "marked.ttl.bz2"
    plain.write_text(DBPEDIA, encoding="utf-8")
    marked.write_bytes(bz2.compress(b"\xef\xbb\xbf" + DBPEDIA.replace("\n", "\r\n").encode()))
    expected, found = (build_skos([file], tmp_path / f"kb-{file.stem}").index for file in (plain, marked))
    assert list(found.classes) == list(expected.classes)
    assert (found.told.parents != expected.told.parents).nnz == 0


def test_both_views_are_kept_in_graphs_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "c.ttl").write_text(DBPEDIA, encoding="utf-8")
    build_skos([tmp_path / "c.ttl"], tmp_path / "kb").export(tmp_path / "kb.nq")
    views: dict[str, rdflib.Graph] = {"c": rdflib.Graph(), "c-skos": rdflib.Graph()}
    for quad in pyoxigraph.parse(path=str(tmp_path / "kb.nq"), format=pyoxigraph.RdfFormat.N_QUADS):
        name = quad.graph_name.value.rpartition("/")[2]
        if name in views:
            views[name].parse(data=f"{quad.triple} .", format="nt")
    given = rdflib.Graph().parse(data=DBPEDIA, format="nt")
    owl, skos = views["c"], views["c-skos"]
    assert set(skos.triples((None, SKOS.broader, None))) == set(given.triples((None, SKOS.broader, None)))
    assert not list(owl.triples((None, SKOS.broader, None)))
    assert not list(skos.triples((None, RDFS.subClassOf, None)))
    assert set(owl.subject_objects(RDFS.label)) == set(given.subject_objects(SKOS.prefLabel))
    assert (SKOS.broader, RDF.type, OWL.AnnotationProperty) in skos


@pytest.mark.parametrize(("name", "pack"), [("c.ttl", bytes), ("c.ttl.bz2", bz2.compress), ("c.nt.gz", gzip.compress)])
def test_packed_files_are_read(tmp_path: Path, name: str, pack: object) -> None:
    (tmp_path / name).write_bytes(pack(DBPEDIA.encode()))
    assert len(build_skos([tmp_path / name], tmp_path / "kb").index.classes) == 4


def test_turtle_narrower_and_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text(TURTLE, encoding="utf-8")
    (tmp_path / "b.nt").write_text(DBPEDIA, encoding="utf-8")
    kb = build_skos([tmp_path / "a.ttl", tmp_path / "b.nt"], tmp_path / "kb")
    assert ("mammals", "animals") in links(kb)
    assert ("Cars", "Vehicles") in links(kb)
    assert kb.label("http://example.org/animals") == "animals"
    assert len(kb.index.classes) == 6
    assert not len(kb.index.individuals)
    assert not len(kb.index.properties)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("c.nt", DBPEDIA.replace('"Cars"@en .', '"Cars"@en'), DataError, r"c\.nt:7: is not valid N-Triples"),
        ("c.nt.bz2", bz2.compress(DBPEDIA.encode())[:-9], DataError, r"c\.nt\.bz2: cannot be unpacked"),
        ("c.nt.gz", gzip.compress(DBPEDIA.encode())[:-9], DataError, r"c\.nt\.gz: cannot be unpacked"),
        ("c.nt.bz2", DBPEDIA, DataError, "cannot be unpacked"),
        ("c.nt", "", DataError, "no skos:Concept and no skos:broader"),
        ("c.ttl", TURTLE.replace(":animals a", "[] a"), DataError, "has a blank node for a concept"),
        ("c.ttl", TURTLE.replace("skos:narrower :mammals", 'skos:broader "x"'), DataError, "has a literal for a"),
        ("c.txt", DBPEDIA, UsageError, r"the ending '\.txt' names no syntax"),
    ],
)
def test_broken_files_are_refused_and_nothing_is_written(
    tmp_path: Path, name: str, content: str | bytes, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(error, match=message):
        build_skos([tmp_path / name], tmp_path / "kb")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_place_that_is_taken_is_refused_before_the_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.nt").write_text("broken")
    (tmp_path / "kb").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        build_skos([tmp_path / "c.nt"], tmp_path / "kb")


def test_a_missing_file_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the file does not exist"):
        build_skos([tmp_path / "c.nt"], tmp_path / "kb")
