"""Files with domain knowledge: lines of statements in every syntax, tables, broken files."""

import gzip
from pathlib import Path

import pytest
from neurontology.kb_build.extension_file import read_extension
from neurontology.kb_build.owl import build_owl
from neurontology.ontology.errors import DataError, UsageError
from neurontology.ontology.extension import extend
from neurontology.ontology.kb import KB
from neurontology.ontology.vocabulary import LABEL, OWL, RDF, RDFS, SUBCLASS
from pyoxigraph import Literal, NamedNode
from rdflib import Graph, URIRef

EX = "http://example.org/"


@pytest.fixture
def kb(tmp_path: Path) -> KB:
    (tmp_path / "core.ttl").write_text(
        "@prefix : <http://example.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        ":Car rdfs:subClassOf :Road_vehicle . <http://other.org/Car> rdfs:subClassOf :Thing_ ."
    )
    return build_owl([tmp_path / "core.ttl"], tmp_path / "kb")


TURTLE = '''@prefix : <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .

# A comment. :A rdfs:subClassOf :B .
:A rdfs:subClassOf :B ,
      :C
   ; rdfs:label "x"@en ;
   a owl:Class .
:D rdfs:comment """several
lines : A rdfs:subClassOf :Z .
""" ;
   rdfs:subClassOf [ a owl:Restriction ;
       owl:onProperty :p ;
       owl:someValuesFrom :Q ] ,  # behind
       :R .
'''
LINES = {
    (EX + "A", SUBCLASS.value, EX + "B"): 6,
    (EX + "A", SUBCLASS.value, EX + "C"): 7,
    (EX + "A", LABEL.value, "x"): 8,
    (EX + "A", RDF + "type", OWL + "Class"): 9,
    (EX + "D", RDFS + "comment", ""): 10,
    (EX + "D", SUBCLASS.value, EX + "R"): 16,
    (EX + "D", "", ""): 10,
}


@pytest.mark.parametrize("packed", [False, True])
def test_lines_of_turtle(kb: KB, tmp_path: Path, packed: bool) -> None:
    file = tmp_path / ("x.ttl.gz" if packed else "x.ttl")
    file.write_bytes(gzip.compress(TURTLE.encode()) if packed else TURTLE.encode())
    statements = read_extension(file, kb)
    assert {key: statements.line(*key) for key in LINES} == LINES
    assert statements.line(EX + "Nobody") is None


def test_lines_of_rdf_xml_and_of_what_has_none(kb: KB, tmp_path: Path) -> None:
    graph = Graph().parse(data=TURTLE, format="turtle")
    (tmp_path / "x.owl").write_text(graph.serialize(format="pretty-xml"))
    statements = read_extension(tmp_path / "x.owl", kb)
    rows = (tmp_path / "x.owl").read_text().splitlines()
    assert len(statements.triples) == len(graph)
    for key in (
        (EX + "A", LABEL.value, "x"),
        (EX + "A", SUBCLASS.value, EX + "C"),
        (EX + "D", SUBCLASS.value, EX + "R"),
    ):
        line = statements.line(*key)
        assert line is not None
        assert (key[2] if key[2] != "x" else ">x<") in rows[line - 1]
    (tmp_path / "x.jsonld").write_text(graph.serialize(format="json-ld", indent=1))
    statements = read_extension(tmp_path / "x.jsonld", kb)
    line = statements.line(EX + "A", SUBCLASS.value, EX + "C")
    assert line is not None
    assert EX + "A" in (tmp_path / "x.jsonld").read_text().splitlines()[line - 1]


def test_the_triples_are_those_that_rdflib_reads(kb: KB, tmp_path: Path) -> None:
    (tmp_path / "x.ttl").write_text(TURTLE)
    ours = read_extension(tmp_path / "x.ttl", kb).triples
    theirs = Graph().parse(data=TURTLE, format="turtle")
    named = {(t.subject.value, t.predicate.value) for t in ours if isinstance(t.subject, NamedNode)}
    assert named == {(str(s), str(p)) for s, p in theirs.subject_predicates() if isinstance(s, URIRef)}
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    "text",
    [
        "Fire engine,Road vehicle\nLadder truck,Fire engine\n",
        "child,parent\n\n# a comment, with a comma\nFire engine , Road vehicle\nLadder truck,Fire engine\n",
        "Child;Parent\r\nFire engine;Road vehicle\r\nLadder truck;Fire engine\r\n",
        '\ufeffsubclass\tsuperclass\n"Fire engine"\t<http://example.org/Road_vehicle>\nLadder truck\tFire engine',
    ],
)
def test_tables_in_the_shapes_that_people_save_them(kb: KB, tmp_path: Path, text: str) -> None:
    (tmp_path / "engines.csv").write_bytes(text.encode())
    statements = read_extension(tmp_path / "engines.csv", kb)
    space = f"{kb.base}extension/engines#"
    links = {(t.subject.value, t.object.value) for t in statements.triples if t.predicate == SUBCLASS}  # type: ignore[union-attr]
    assert links == {(space + "Fire_engine", EX + "Road_vehicle"), (space + "Ladder_truck", space + "Fire_engine")}
    labels = {t.object for t in statements.triples if t.predicate == LABEL}
    assert labels == {Literal("Fire engine"), Literal("Ladder truck")}
    rows = text.splitlines()
    line = statements.line(space + "Ladder_truck")
    assert line is not None
    assert rows[line - 1].startswith("Ladder truck")


def test_a_table_read_again_after_it_was_added_is_the_same(kb: KB, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Fire engine,Road vehicle\nhttp://a.org/X,Fire engine\n")
    first = read_extension(tmp_path / "t.csv", kb)
    writable = KB.open(tmp_path / "kb", writable=True)
    report = extend(writable, first)
    assert (report.conforms, report.added) == (True, 4)
    assert read_extension(tmp_path / "t.csv", writable).triples == first.triples
    assert extend(writable, first).added == 0


def test_an_unknown_parent_in_a_table_is_a_violation_with_its_line(kb: KB, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("child,parent\nFire engine,Road vehicel\n")
    report = extend(kb, read_extension(tmp_path / "t.csv", kb), dry_run=True)
    (violation,) = report.violations
    assert violation.line == 2
    assert "did you mean Road_vehicle" in violation.message


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("t.csv", b"a,b,c\n", DataError, r"t.csv:1: has 3 filled cells; expected two"),
        ("t.csv", b"Car,Road vehicle\n", UsageError, r"t.csv:1: 2 classes are called 'Car'"),
        ("t.csv", b"x,Road vehicle\ny\n", DataError, r"t.csv:2: has 1 filled cells"),
        ("t.csv", b'"x,Road vehicle\n', DataError, r"t.csv:1: is not a table"),
        ("t.csv", "Müll,Road vehicle\n".encode("latin-1"), DataError, r"t.csv: is not UTF-8"),
        ("t.csv", b"<http://a b/>,Road vehicle\n", DataError, r"t.csv:1: <http://a b/> is not a valid IRI"),
        ("t.ttl", b"@prefix : <http://a/> .\n\n:a :b .", DataError, r"t.ttl:3: not valid Turtle"),
        ("t.owl", b"<rdf:RDF", DataError, r"t.owl.*not valid RDF/XML"),
        ("t.ttl.gz", gzip.compress(TURTLE.encode(), mtime=0)[:80], DataError, r"not a complete gzip file"),
    ],
)
def test_broken_files_are_named(
    kb: KB, tmp_path: Path, name: str, content: bytes, error: type[Exception], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        read_extension(tmp_path / name, kb)


def test_a_missing_file_is_a_wrong_call(kb: KB, tmp_path: Path) -> None:
    for name in ("no.csv", "no.ttl"):
        with pytest.raises(UsageError, match=f"{name}: the file does not exist"):
            read_extension(tmp_path / name, kb)


@pytest.mark.parametrize("header", ["parent,child", "Broader;Narrower", "superclass\tsubclass"])
def test_the_header_of_a_table_says_which_column_is_which(kb: KB, tmp_path: Path, header: str) -> None:
    separator = next(c for c in ",;\t" if c in header)
    (tmp_path / "x.csv").write_text(f"{header}\nRoad vehicle{separator}Van\n", encoding="utf-8")
    report = extend(kb, read_extension(tmp_path / "x.csv", kb), dry_run=True)
    assert report.links_added == ((f"{kb.base}extension/x#Van", EX + "Road_vehicle"),)


def test_terms_of_the_language_in_a_table_are_no_new_classes(kb: KB, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("child,parent\nVan,owl:Thing\nowl:Thing,Van\nVan,rdfs:Klass\n", encoding="utf-8")
    report = extend(kb, read_extension(tmp_path / "x.csv", kb), dry_run=True)
    found = [(f.line, f.focus, f.message.partition(" ")[0]) for f in report.violations]
    assert (3, OWL + "Thing", "redefines") in found
    assert any(f.line == 4 and "rdfs:Klass is no term" in f.message for f in report.violations)
