"""OWL files made to break something: names, encodings, sizes, nesting. Bombs and external entities: test_owl.py."""

from pathlib import Path

import pytest
from neurontology.kb_build.extension_file import read_extension
from neurontology.kb_build.owl import build_owl, open_kb, read_owl
from neurontology.kb_build.skos import build_skos
from neurontology.ontology.errors import DataError
from neurontology.ontology.sparql import run_query

CORPUS = Path(__file__).with_name("corpus")
SUBCLASS = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
XML = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"><rdf:Description rdf:about="{iri}">
<rdfs:subClassOf rdf:resource="http://a.org/b"/>{more}</rdf:Description></rdf:RDF>"""


def refused(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        build_owl([folder / name], folder / "kb")
    assert name in str(caught.value)
    assert [p.name for p in folder.iterdir()] == [name]


@pytest.mark.parametrize("iri", ["http://a.org/a b", 'http://a.org/a"b', "http://a.org/{a}", "http://a.org/%zz", "a b"])
def test_iris_that_are_none_are_refused(tmp_path: Path, iri: str) -> None:
    refused(tmp_path, "a.ttl", f"<{iri}> {SUBCLASS} <http://a.org/b> .".encode(), r"a\.ttl:1: not valid Turtle")
    (tmp_path / "a.ttl").unlink()
    text = XML.format(iri=iri.replace('"', "&quot;"), more="")
    refused(tmp_path, "a.owl", text.encode(), "not valid RDF/XML .*Invalid IRI")


@pytest.mark.parametrize("name", ["🚗🌳", "شمس", "\u202eabc", "O'Neill", "a;DROP_ALL", "İ", "x" * 50_000])
def test_odd_names_come_through(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.ttl").write_text(
        f'<http://a.org/{name}> {SUBCLASS} <http://a.org/b> ; {LABEL} "{name} \\" }} #" .', encoding="utf-8"
    )
    build_owl([tmp_path / "a.ttl"], tmp_path / "kb")
    kb = open_kb([tmp_path / "kb"])
    assert f"http://a.org/{name}" in kb.index.classes
    assert kb.label(f"http://a.org/{name}") == f'{name} " }} #'
    short = kb.names.short(f"http://a.org/{name}")
    assert kb.names.to_iri(short) == f"http://a.org/{name}"
    answer = run_query(kb, f"SELECT ?c WHERE {{ ?c {SUBCLASS} <http://a.org/b> }}")
    assert [solution["c"].value for solution in answer] == [f"http://a.org/{name}"]


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [
        ("a.ttl", "utf-16", r"a\.ttl: is not UTF-8 text .it looks like UTF-16"),
        ("a.ttl", "latin-1", r"a\.ttl:1: not valid Turtle .*UTF-8"),
        ("a.owl", "utf-16", "is not UTF-8 text .it looks like UTF-16"),
    ],
)
def test_wrong_encodings_are_refused(tmp_path: Path, name: str, encoding: str, message: str) -> None:
    refused(tmp_path, name, f"<http://a.org/ä> {SUBCLASS} <http://a.org/b> .".encode(encoding), message)


def test_a_literal_of_fifty_megabytes(tmp_path: Path) -> None:
    long = "x" * 50_000_000
    text = f'<http://a.org/a> {SUBCLASS} <http://a.org/b> ; {LABEL} "{long}" .'
    refused(tmp_path, "a.ttl", text.encode(), "too long .*; expected at most 16 MB")
    (tmp_path / "a.ttl").rename(tmp_path / "b.ttl")
    with pytest.raises(DataError, match=r"b\.ttl: holds a name or a literal that is too long"):
        build_skos([tmp_path / "b.ttl"], tmp_path / "kb")
    with pytest.raises(DataError, match=r"b\.ttl: holds a name or a literal that is too long"):
        read_extension(tmp_path / "b.ttl", read_owl([CORPUS / "owl" / "a.ttl"]))
    (tmp_path / "a.owl").write_text(XML.format(iri="http://a.org/a", more=f"<rdfs:label>{long}</rdfs:label>"))
    assert len(read_owl([tmp_path / "a.owl"]).label("http://a.org/a") or "") == 50_000_000


@pytest.mark.parametrize("levels", [20, 10_000])
def test_expressions_nested_in_each_other(tmp_path: Path, levels: int) -> None:
    inner = "[ <http://www.w3.org/2002/07/owl#complementOf> " * levels + "<http://a.org/b>" + "]" * levels
    (tmp_path / "a.ttl").write_text(f"<http://a.org/a> {SUBCLASS} {inner} .")
    assert read_owl([tmp_path / "a.ttl"]).info()["triples"] > levels
    (tmp_path / "a.jsonld").write_text("[" * 200 * levels)
    with pytest.raises(DataError, match=r"a\.jsonld:1: not valid JSON-LD"):
        read_owl([tmp_path / "a.jsonld"])


def test_nothing_outside_is_read_or_written_for_a_name(tmp_path: Path) -> None:
    """Names of sources come from file names and IRIs; none of them becomes a path."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "..%2F..%2Fx.ttl").write_text(f"<http://a.org/../../x> {SUBCLASS} <file:///etc/passwd> .")
    kb = build_owl([inside / "..%2F..%2Fx.ttl"], inside / "kb")
    assert kb.info()["classes"] == 2
    assert [p.name for p in tmp_path.iterdir()] == ["inside"]
    assert sorted(p.name for p in inside.iterdir()) == ["..%2F..%2Fx.ttl", "kb"]
